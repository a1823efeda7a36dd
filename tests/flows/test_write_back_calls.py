"""The calls of the write-back: what TutorCruncher accepts, refuses and limits, and answers that never came."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.flows import companies, faults
from tests.flows.companies import later, sign_up
from tests.flows.house import House, open_house
from tests.flows.write_back import BACK, bind, edit, held, sent, signed_up, writes


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """A connected Hermes that writes back."""
    async with open_house(database_url, tc2_write_back=True) as opened:
        yield opened


@pytest.mark.lesson('E-17', 'E-19', 'E-20', 'E-23')
async def test_every_kind_of_value_passes_the_validators_of_tutorcruncher(house: House) -> None:
    house.tc2.define_attribute('renewal_date', 'Renewal date', 'Date')
    house.tc2.define_attribute('seats', 'Seats', 'Integer')
    house.tc2.define_attribute('vip', 'VIP', 'Checkbox')
    house.tc2.define_attribute('team', 'Team')
    await bind(house, 'renewal_date', 'date', field_type='date')
    await bind(house, 'seats', 'double', field_type='int')
    await bind(house, 'vip', field_type='bool')
    await bind(house, 'team')
    await bind(house, 'termination_category')
    await bind(house, 'blank', tc2_machine_name='')
    await bind(house, 'blank_too', tc2_machine_name='  ')
    client = await signed_up(house, extra_attrs={'team': 'Follow-up', 'termination_category': 'Closed down'})
    edit(house, {'renewal_date': '2026-09-01', 'seats': 12, 'vip': 'true', 'blank': 'x', 'blank_too': 'y',
                 'termination_category': ' Moved to a competitor', 'team': ' Sales - after-care '})  # fmt: skip
    await later(house)
    assert sent(house) == [
        {'renewal_date': '2026-09-01', 'seats': '12', 'vip': 'true',
         'termination_category': 'moved-to-a-competitor', 'team': 'Sales - after-care'}
    ]  # fmt: skip
    assert client.attributes['termination_category'] == 'Moved to a competitor'
    edit(house, {'team': '----', 'seats': None})
    await later(house)
    assert sent(house)[1:] == [{'seats': None, 'team': None}]
    assert [call.status for call in writes(house)] == [200, 200]
    house.mark()
    house.tc2.send_all_snapshots()
    await later(house)
    assert (writes(house), house.calls()) == ([], [])


@pytest.mark.behaviour('OUT-6')
async def test_a_refused_value_is_parked_with_its_field_and_the_rest_can_go_on(house: House) -> None:
    await bind(house, 'termination_category')
    client = await signed_up(house)
    edit(house, {'termination_category': 'Nobody knows this', 'currency': 'EUR'})
    await later(house)
    [push] = await house.rows("select * from push where state = 'parked'")
    assert (push['system'], push['detail']['fields']) == ('tutorcruncher', ['extra_attrs.termination_category'])
    ref = [push['record_type'], push['record_id']]
    await house.act('push.ignore', record=ref, system='tutorcruncher', fields=push['detail']['fields'])
    await later(house)
    assert client.attributes['currency'] == 'EUR'


@pytest.mark.lesson('F-10')
@pytest.mark.invariant('I8')
async def test_a_hundred_requests_a_minute_and_no_more(database_url: str) -> None:
    async with open_house(database_url, workers=3, tc2_write_back=True) as house:
        now = house.clock.now()
        house.tc2.request_times.extend([now] * 80)
        await house.rows(
            'insert into reservation (system, search, lane, tokens, granted_at, until) '
            "select 'tutorcruncher', false, 'webhook', 1, %s, %s from generate_series(1, 80) returning 1",
            now,
            now + timedelta(seconds=60),
        )
        clients = [sign_up(house, f'Tutors {number}', recipients=[], status='live') for number in range(24)]
        await house.settle(1200)
        assert all(set(held(client)) >= {'pipedrive_id', 'pipedrive_url'} for client in clients)
        assert {call.status for call in house.calls(system='tutorcruncher')} == {200}
        times = sorted(call.at for call in writes(house))
        assert len(times) == 24
        early = sum(1 for at in times if (at - now).total_seconds() < 60)
        assert 5 <= early <= 20


@pytest.mark.lesson('F-10')
@pytest.mark.behaviour('OUT-8')
async def test_a_429_is_waited_out_and_nothing_is_lost(house: House) -> None:
    way = faults.on(house)
    way.add('POST', '/tc2/api/clients/', faults.answer(429, {'detail': 'throttled'}, retry_after='30'), times=1)
    started = house.clock.now()
    client = sign_up(house)
    await house.settle()
    [call] = writes(house)
    assert (call.at - started).total_seconds() >= 30
    assert 'pipedrive_id' in held(client)


@pytest.mark.behaviour('OUT-4')
@pytest.mark.parametrize('fate', [faults.lose_answer, faults.lose_request, faults.carried_out(502)])
async def test_an_unknown_outcome_is_read_and_then_only_what_differs_is_sent(house: House, fate: faults.Act) -> None:
    way = faults.on(house)
    way.add('POST', '/tc2/api/clients/', fate)
    client = sign_up(house)
    await later(house)
    arrived = fate is not faults.lose_request
    assert len(writes(house)) == 1
    methods = [call.method for call in house.calls(system='tutorcruncher')]
    assert methods[:2] == (['POST', 'GET'] if arrived else ['GET', 'POST'])
    assert set(held(client)) == set(BACK)


@pytest.mark.behaviour('EDIT-3')
async def test_a_person_who_keeps_changing_the_id_in_tutorcruncher_is_corrected_twice_and_then_shown(
    house: House,
) -> None:
    client = await signed_up(house)
    for number in range(4):
        house.tc2.set_extra_attr(client.id, 'pipedrive_id', str(9000 + number))
        await later(house)
    assert sent(house) == [{'pipedrive_id': str(house.organizations()[0]['id'])}] * 2
    assert 'fought over' in [item['kind'] for item in await companies.decisions(house)]
