"""A slot is kept while its form is open (CB-12)."""

import asyncio
from datetime import timedelta

import pytest

from tests.flows.house import MARCUS, House
from tests.flows.visitors import TEN, book, hold, starts

HOUR = timedelta(hours=1)


@pytest.mark.behaviour('CB-12')
async def test_a_held_slot_is_nobody_elses(house: House) -> None:
    answer = await hold(house)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told['expires_at'] == (house.clock.now() + timedelta(minutes=5)).isoformat().replace('+00:00', 'Z')
    assert TEN not in await starts(house)
    assert (await hold(house)).json()['code'] == 'slot_taken'
    assert (await book(house)).json()['code'] == 'slot_taken'
    assert not await house.rows("select 1 from hold where encode(token_hash, 'escape') like %s", f'%{told["hold"]}%')
    own = await book(house, hold=told['hold'])
    assert own.status_code == 200, own.text
    assert (await house.rows('select count(*) as n from hold'))[0]['n'] == 0


@pytest.mark.behaviour('CB-12')
async def test_a_refused_booking_keeps_its_hold(house: House) -> None:
    told = (await hold(house)).json()
    assert (await book(house, TEN + timedelta(days=3), hold=told['hold'])).status_code == 400
    assert (await book(house, email='other@customer.example')).status_code == 409
    assert (await book(house, hold=told['hold'])).status_code == 200


@pytest.mark.behaviour('CB-12')
async def test_a_hold_is_given_back_or_runs_out(house: House) -> None:
    first = (await hold(house)).json()['hold']
    for _ in range(2):
        assert (await house.web.delete(f'/callbooker/hold/{first}')).json() == {'status': 'ok'}
    assert TEN in await starts(house)
    assert (await hold(house)).status_code == 200
    house.clock.advance(300)
    assert TEN in await starts(house)
    assert (await hold(house)).status_code == 200, 'what ran out blocks nobody'
    house.clock.advance(301)
    assert (await hold(house, TEN + 3 * HOUR)).status_code == 200
    assert (await house.rows('select count(*) as n from hold'))[0]['n'] == 1, 'what ran out is forgotten'
    assert (await book(house)).status_code == 200


@pytest.mark.behaviour('CB-12')
async def test_three_holds_a_client(house: House) -> None:
    answers = await asyncio.gather(*(hold(house, TEN + n * HOUR) for n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 2
    kept = next(answer.json()['hold'] for answer in answers if answer.status_code == 200)
    swapped = await hold(house, TEN + 6 * HOUR, who=MARCUS, hold=kept)
    assert swapped.status_code == 200, 'another time instead of an earlier one'
    assert (await house.rows('select count(*) as n from hold'))[0]['n'] == 3


@pytest.mark.behaviour('CB-4')
async def test_of_many_holds_of_one_time_one_stands(house: House) -> None:
    wanted = [(TEN + timedelta(minutes=5 * n)) for n in range(6)]
    answers = await asyncio.gather(*(hold(house, at) for at in wanted))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
