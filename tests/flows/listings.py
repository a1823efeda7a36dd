"""What the flows about listings share: the calendar's acts, what a person makes in the CRM, and what status says."""

from typing import Any

import psycopg

from hermes.db.reads.status import read_status
from hermes.sync.schedules import Schedules
from hermes.sync.subscription import Door
from tests.flows.house import HERMES, PRIYA_PD, SECRETS, House

DOOR = Door(f'{HERMES}/pipedrive/callback/', SECRETS.pd_webhook_user, SECRETS.pd_webhook_password)
HOUR_S = 3600


def calendar(house: House) -> Schedules:
    """What is done by the calendar in this house."""
    return Schedules(house.engine, 400, doors={'pipedrive': DOOR})


async def list_changes(house: House) -> None:
    await calendar(house).list_changes()
    await house.settle()


async def list_all(house: House) -> None:
    await calendar(house).list_all()
    await house.settle()


def listing_tokens(house: House, path: str) -> int:
    """What the listings of a type cost since the mark, as the CRM counts."""
    return sum(call.token_cost for call in house.calls('GET') if call.path.endswith(f'/{path}'))


async def proof_of(house: House, remote_type: str) -> dict[str, Any]:
    """The newest proof of a type."""
    [row] = await house.rows('select * from proof where type = %s order by id desc limit 1', remote_type)
    return row


async def company_of(house: House, organization: int) -> dict[str, Any]:
    [row] = await house.rows(
        "select c.* from company c join link l on l.record_type = 'company' and l.record_id = c.id "
        "where l.system = 'pipedrive' and l.type = 'organization' and l.remote_id = %s",
        str(organization),
    )
    return row


def organization(house: House, name: str, *people: str) -> int:
    """An organisation with people, made by a person."""
    made = house.pd.act_create('organization', {'name': name}, PRIYA_PD)
    for person in people:
        house.pd.act_create('person', {'name': person, 'org_id': made['id']}, PRIYA_PD)
    return int(made['id'])


async def statement(house: House) -> list[str]:
    """What `hermes status` says needs a person."""
    with psycopg.connect(house.engine.database.url) as connection:
        connection.execute("select set_config('hermes.now', %s, false)", (house.clock.now().isoformat(),))
        return read_status(connection).attention
