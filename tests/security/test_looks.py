"""What costs nothing is asked before what costs something, and what costs something is limited whatever comes of it."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import altcha
import httpx2
import pytest

from hermes.booking.limits import LOOKS_INTO_ONE, LOOKS_OF_ALL, WRONG_PROOFS
from tests.flows.house import PRIYA, House, open_house
from tests.flows.visitors import TEN, admin, book, hold, number, slots

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(
        database_url, rate_limits=True, trusted_proxies='127.0.0.1', secret_key='s' * 40
    ) as opened:  # fmt: skip
        opened.mark()
        yield opened


def visitor(house: House, place: int) -> None:
    """Whoever asks from here on."""
    house.web.headers['X-Forwarded-For'] = f'192.0.2.{place}'


def looks(house: House) -> int:
    """How often a calendar was asked since the last time."""
    many = len(house.calls('POST', 'freeBusy', system='google'))
    house.mark()
    return many


async def rows(house: House) -> int:
    return int((await house.rows("select count(*) as n from event where kind = 'act' and source = 'website'"))[0]['n'])


async def solved(answer: httpx2.Response) -> str:
    given = altcha.Challenge.from_dict(answer.json()['challenge'])
    solution = altcha.solve_challenge(given)
    assert solution is not None
    return altcha.Payload(given, solution).to_base64()


async def block(house: House, at: datetime, length: timedelta = HOUR) -> None:
    """Somebody else has this time in Priya's calendar."""
    house.google.block((await admin(house))['email'], at, at + length)


@pytest.mark.behaviour('CB-5', 'CB-6')
@pytest.mark.lesson('M-3')
async def test_what_the_rules_refuse_costs_no_look_and_no_row(house: House) -> None:
    """The date, the hours, the notice, the horizon, holds and meetings: all of them are known here."""
    taken = (await book(house)).json()['manage'].partition('127.0.0.1:8000')[2]
    held = TEN + 2 * HOUR
    visitor(house, 2)
    assert (await hold(house, held)).status_code == 200
    looks(house)
    before = await rows(house)
    visitor(house, 3)
    bad = {
        datetime(1980, 3, 5, 10, tzinfo=UTC): 'past', datetime(2099, 3, 4, 10, tzinfo=UTC): 'horizon',
        house.clock.now() + HOUR: 'notice', TEN.replace(hour=23): 'outside_hours', TEN + 3 * DAY: 'weekend',
        TEN: 'slot_taken', TEN + timedelta(minutes=20): 'slot_taken', held: 'slot_taken',
    }  # fmt: skip
    for at, code in bad.items():
        tried = [
            await hold(house, at),
            await book(house, at, email='new@customer.example'),
            await book(house, at, email='new@customer.example', headers={'X-Altcha': 'garbage'}),
            await book(house, at, email='new@customer.example', headers={'Idempotency-Key': f'{at}'}),
        ]
        if not TEN <= at < TEN + HOUR:
            tried.append(await house.web.post(taken, json={'action': 'move', 'start': at.isoformat()}))
        codes = {answer.json().get('code') for answer in tried}
        assert codes <= {code, 'invalid'}, (at, [answer.text for answer in tried])
    assert (looks(house), await rows(house)) == (0, before)


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S3')
@pytest.mark.lesson('M-3')
async def test_a_flood_of_refused_holds_closes_a_calendar_for_nobody_else(house: House) -> None:
    """Times that only the calendar speaks against, on many days: each would need a look of its own."""
    await block(house, TEN - 2 * DAY, 60 * DAY)
    days = [TEN + n * DAY for n in range(58) if (TEN + n * DAY).weekday() < 5]
    visitor(house, 2)
    answers = [await hold(house, at) for _ in range(16) for at in days]
    assert len(answers) > 640
    assert {answer.status_code for answer in answers} == {409, 429}
    assert looks(house) <= LOOKS_INTO_ONE
    windows = [await slots(house, TEN + n * DAY, 1 + n) for n in range(40)]
    assert {answer.status_code for answer in windows} == {429}
    assert looks(house) == 0
    visitor(house, 3)
    for at in days[:3]:
        assert (await hold(house, at)).status_code == 409, 'the calendar is still asked for somebody else'
    assert looks(house) <= 3
    house.clock.advance(61)
    visitor(house, 2)
    assert (await hold(house, days[5])).status_code == 409
    assert (await house.rows('select count(*) as n from hold'))[0]['n'] == 0


@pytest.mark.lesson('M-3')
async def test_looks_that_were_made_already_are_free(house: House) -> None:
    await slots(house, TEN, 30)
    assert looks(house) == 1
    for n in range(3):
        await hold(house, TEN + n * DAY)
        await slots(house, TEN + n * DAY, 3)
    assert looks(house) == 0
    answers = [await book(house, TEN + 3 * HOUR, email=f'p{n}@customer.example') for n in range(20)]
    assert [answer.status_code for answer in answers] == [200] + [409] * 19
    assert looks(house) == 1


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S3')
@pytest.mark.lesson('M-3')
async def test_refused_bookings_are_limited_and_leave_one_row_a_minute(house: House) -> None:
    """Only the calendar speaks against them, so that each is looked up; none counts towards what a visitor may book."""
    await block(house, TEN - 2 * DAY, 20 * DAY)
    await block(house, TEN + 30 * DAY)
    visitor(house, 2)
    for n in range(40):
        key = {'Idempotency-Key': f'{n}', 'X-Altcha': 'garbage'}
        answer = await book(house, TEN + (n % 14) * DAY, email=f'p{n}@customer.example', headers=key)
        assert answer.status_code in (400, 409, 429)
    assert looks(house) == LOOKS_INTO_ONE
    assert await rows(house) == 1
    house.clock.advance(61)
    for _ in range(3):
        assert (await book(house)).status_code == 409
    assert await rows(house) == 2
    house.clock.advance(61)
    kept = await house.rows("select count(*) as n from allowance where kind in ('booking', 'email')")
    assert kept[0]['n'] == 0, 'a refusal counts nothing'
    assert (await book(house, TEN + 33 * DAY)).status_code == 200


@pytest.mark.behaviour('CB-18')
@pytest.mark.lesson('M-3')
async def test_a_crowd_at_one_calendar_proves_work_to_book_there(house: House) -> None:
    """Many clients together can use up the looks of a calendar: who proves work books there all the same, and browsers
    and those who book do not take each other's.
    """
    await block(house, TEN - 2 * DAY, 40 * DAY)
    workdays = [TEN + n * DAY for n in range(28) if (TEN + n * DAY).weekday() < 5]
    for place in range(10, 10 + LOOKS_OF_ALL // LOOKS_INTO_ONE):
        visitor(house, place)
        for at in workdays[:LOOKS_INTO_ONE]:
            assert (await book(house, at, email=f'p{place}@customer.example')).status_code == 409
    assert looks(house) == LOOKS_OF_ALL
    visitor(house, 3)
    assert (await hold(house, workdays[0])).status_code == 409, 'browsing goes on'
    over = await book(house, TEN + 43 * DAY)
    assert (over.status_code, over.json()['code']) == (429, 'limit')
    assert 0 < int(over.headers['retry-after']) <= 60
    proof = await solved(over)
    booked = await book(house, TEN + 43 * DAY, headers={'X-Altcha': proof})
    assert booked.status_code == 200, booked.text
    again = await book(house, TEN + 44 * DAY, email='b@b.example', headers={'X-Altcha': proof})
    assert again.status_code == 429, 'a proof is good for one try'


@pytest.mark.behaviour('CB-18')
@pytest.mark.lesson('M-3')
async def test_a_wrong_proof_counts_as_none_and_is_limited_itself(house: House) -> None:
    visitor(house, 2)
    assert (await book(house)).status_code == 200
    await house.rows(
        "insert into allowance (kind, client_hash) select 'booking', client_hash from allowance, "
        "generate_series(1, 10) where kind = 'booking' returning id"
    )
    looks(house)
    over = await book(house, TEN + 5 * DAY, email='new@customer.example')
    good = await solved(over)
    wrong = tampered(good)
    for _ in range(WRONG_PROOFS):
        answer = await book(house, TEN + 5 * DAY, email='new@customer.example', headers={'X-Altcha': wrong})
        assert (answer.status_code, answer.json()['code']) == (429, 'limit')
    assert looks(house) == 0
    late = await book(house, TEN + 5 * DAY, email='new@customer.example', headers={'X-Altcha': good})
    assert late.status_code == 429, 'whoever hands in rubbish is not listened to for a minute'
    house.clock.advance(61)
    taken = await book(house, TEN + 5 * DAY, email='new@customer.example', headers={'X-Altcha': good})
    assert taken.status_code == 200, taken.text


def tampered(proof: str) -> str:
    told: dict[str, Any] = json.loads(base64.b64decode(proof))
    told['solution']['derivedKey'] = '00' * 32
    return base64.b64encode(json.dumps(told).encode()).decode()


@pytest.mark.lesson('M-3')
async def test_browsing_by_a_bookings_link_is_limited_by_the_booking(house: House) -> None:
    link = (await book(house)).json()['manage'].partition('127.0.0.1:8000')[2]
    looks(house)
    for n in range(30):
        house.clock.advance(0.1)
        page = await house.web.get(link, params={'after': (TEN + n * DAY).isoformat()})
        assert page.status_code == 200
    assert looks(house) <= LOOKS_INTO_ONE
    assert (await number(house, PRIYA)) > 0
