"""OUT-7, for every system alike: credentials that are refused pause it, nothing of it is lost, and once they work it
goes on by itself, without anybody's word.
"""

from collections.abc import Awaitable, Callable

import pytest

from hermes.sync import connect
from tests.flows import faults
from tests.flows.calendars import admin, book, event_of, follow, meeting, open_office
from tests.flows.companies import sign_up
from tests.flows.house import PRIYA, House

pytestmark = [pytest.mark.behaviour('OUT-7'), pytest.mark.lesson('M-36')]
BROKEN = {
    'pipedrive': ('/pipedrive/', {'success': False, 'error': 'unauthorized access', 'errorCode': 401}),
    'tutorcruncher': ('/tc2/api/', {'detail': 'Invalid token.'}),
    'google': ('/google/', {'error': 'unauthorized_client'}),
}


async def write_to_the_crm(house: House) -> Callable[[], Awaitable[bool]]:
    sign_up(house)
    await house.settle(30)

    async def done() -> bool:
        return len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1

    return done


async def read_a_client(house: House) -> Callable[[], Awaitable[bool]]:
    client = house.tc2.add_client('Invoiced Tutors', email='owner@invoiced.example', sales_person=PRIYA)
    house.tc2.raise_invoice(client.id)
    await house.settle(30)

    async def done() -> bool:
        return bool(await house.rows("select 1 from company where name = 'Invoiced Tutors'"))

    return done


async def fill_a_calendar(house: House) -> Callable[[], Awaitable[bool]]:
    number, email = await book(house), str((await admin(house))['email'])

    async def done() -> bool:
        return (await meeting(house, number))['status'] == 'planned' and bool(event_of(house, email))

    return done


WORK = {'pipedrive': write_to_the_crm, 'tutorcruncher': read_a_client, 'google': fill_a_calendar}


async def half_a_minute(house: House) -> None:
    """What a worker does again and again: look at what is paused, read calendars, send what is due."""
    house.clock.advance(61)
    await connect.try_credentials(house.engine)
    await follow(house)
    await house.settle(30)


@pytest.mark.parametrize('follows', [True, False])
@pytest.mark.parametrize('system', BROKEN)
async def test_a_system_is_left_alone_while_its_credentials_are_refused_and_goes_on_by_itself(
    database_url: str, system: str, follows: bool
) -> None:
    async with open_office(database_url, channels=False) as house:
        assert house.engine.systems.keys() == BROKEN.keys()
        if follows:
            await follow(house)
        await connect.belong_by_settings(house.engine)
        path, refusal = BROKEN[system]
        broken = faults.on(house)
        for method in ('GET', 'POST', 'PATCH'):
            broken.add(method, path, faults.answer(401, refusal), 1000)
        is_done = await WORK[system](house)
        [state] = await house.rows('select system, paused, reason from system_state where paused')
        assert (state['system'], state['reason'][:5]) == (system, 'OUT-7')
        for _ in range(3):
            await half_a_minute(house)
            assert await house.rows('select 1 from system_state where paused and system = %s', system)
        broken.clear()
        await half_a_minute(house)
        assert await house.rows('select 1 from system_state where paused') == []
        assert await is_done()


@pytest.mark.parametrize('system', BROKEN)
async def test_a_person_s_pause_stays(database_url: str, system: str) -> None:
    async with open_office(database_url, channels=False) as house:
        await house.act('system.pause', system=system)
        await half_a_minute(house)
        assert await house.rows('select 1 from system_state where paused and system = %s', system)


async def test_where_no_calendar_is_followed_the_account_itself_is_asked(database_url: str) -> None:
    async with open_office(database_url, channels=False) as house:
        await house.rows('update admin set bookable = false returning id')
        await house.rows("insert into system_state values ('google', true, 'OUT-7: refused') returning system")
        broken = faults.on(house)
        broken.add('POST', '/google/token', faults.answer(401, {'error': 'invalid_client'}), 1000)
        await half_a_minute(house)
        assert await house.rows('select 1 from system_state where paused')
        broken.clear()
        await half_a_minute(house)
        assert await house.rows('select 1 from system_state where paused') == []
