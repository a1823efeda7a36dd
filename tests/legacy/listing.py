"""The first listing of the CRM after an older database was taken over."""

from hermes.parts import assembly as parts
from hermes.sync import connect, sweep
from hermes.systems.pipedrive.profile import PROFILE
from tests.flows.companies import later
from tests.flows.house import House


async def listed(house: House) -> None:
    """A person resumes; the CRM is listed for the first time."""
    await house.act('system.resume', system='pipedrive')
    await house.act('system.resume', system='tutorcruncher')
    await parts.set_limits(house.engine, house.settings)
    await connect.connect(house.engine, house.engine.systems['pipedrive'])
    async with house.engine.database.transaction() as connection:
        await sweep.ensure_first(connection, PROFILE)
    await later(house)
