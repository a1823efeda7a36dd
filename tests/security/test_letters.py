"""Letters and invitations to an address are limited however they are caused, and nobody learns of an address what its
owner alone may know: the owner is who has the link of a letter.
"""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from hermes.booking.limits import QUOTAS
from tests.flows.house import MARCUS, House
from tests.flows.letters import Post, open_post
from tests.flows.visitors import TEN, book, starts

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MOVES, BOOKINGS, TO_ONE = (QUOTAS[name].most for name in ('move', 'email', 'moves to an email'))
LEE = 'lee@customer.example'
WORKDAYS = [n * DAY for n in (0, 1, 2, 5, 6)]


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    async with open_post(
        database_url, rate_limits=True, trusted_proxies='127.0.0.1', secret_key='s' * 40
    ) as opened:  # fmt: skip
        visitor(opened.house, 1)
        yield opened


def visitor(house: House, place: int) -> None:
    house.web.headers['X-Forwarded-For'] = f'192.0.2.{place}'


def path_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()['manage']).partition('127.0.0.1:8000')[2]


def link_of(letter: dict[str, Any]) -> str:
    """The path of the link in a letter."""
    return re.findall(r'/booking/[^\s"]+', letter['text'])[0]


async def move(house: House, path: str, at: Any) -> httpx2.Response:
    return await house.web.post(path, json={'action': 'move', 'start': at.isoformat()})


def told(answer: httpx2.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S22')
@pytest.mark.lesson('M-4')
async def test_twenty_moves_are_a_few_letters_and_invitations(post: Post) -> None:
    house = post.house
    path = path_of(await book(house))
    await post.carry()
    sent = len(house.google.state()['mails'])
    answers = []
    for n in range(20):
        answers.append(await move(house, path, TEN + WORKDAYS[n % 5] + (3 + n // 5) * HOUR))
        await post.carry(4)
        house.clock.advance(1)
    assert [answer.status_code for answer in answers[:MOVES]] == [200] * MOVES
    for answer in answers[MOVES:]:
        assert answer.status_code == 429
        assert answer.json()['message'] == 'This call was moved 3 times today. Please try again tomorrow, or cancel it.'
        assert 0 < int(answer.headers['retry-after']) <= 86400
    await post.carry(61)
    assert post.subjects()[0].startswith('Your call is booked')
    assert len(post.inbox()) <= 3, 'what was told within a minute was replaced'
    last = post.inbox()[-1]
    assert last['subject'].startswith('Your call has a new time')
    to_lee = [mail for mail in house.google.state()['mails'][sent:] if LEE in str(mail)]
    assert len(to_lee) <= MOVES
    page = (await house.web.get(path)).text
    assert f'can be moved {MOVES} times a day' in page
    told_there = await house.web.post(path, data={'action': 'move', 'start': (TEN + 2 * DAY).isoformat()})
    assert (told_there.status_code, 'Please try again tomorrow, or cancel it' in told_there.text) == (429, True)
    assert (await house.web.post(path, json={'action': 'cancel'})).status_code == 200
    house.clock.advance(86400)


@pytest.mark.invariant('S22')
@pytest.mark.lesson('M-4')
async def test_a_move_within_a_minute_of_another_replaces_its_letter(database_url: str) -> None:
    """Also where nothing is limited."""
    async with open_post(database_url) as post:
        house = post.house
        path = path_of(await book(house))
        await post.carry()
        began = house.clock.now()
        for n in range(20):
            assert (await move(house, path, TEN + WORKDAYS[(n + 1) % 5] + (n % 2) * HOUR)).status_code == 200
            await post.carry(4.5)
        await post.carry(61)
        kinds = [subject.partition(':')[0] for subject in post.subjects()]
        assert kinds[0] == 'Your call is booked'
        minutes = (house.clock.now() - began).total_seconds() / 60
        assert 2 <= kinds.count('Your call has a new time') <= 1 + minutes <= 6
        states = [(kind, state) for kind, _, state, _ in await post.rows() if kind == 'moved']
        assert states[-1] == ('moved', 'sent')
        assert states.count(('moved', 'dropped')) >= 14
        house.clock.advance(120)
        assert (await move(house, path, TEN + 4 * HOUR)).status_code == 200
        await post.carry()
        assert post.subjects()[-1].startswith('Your call has a new time'), 'a single move is told at once'


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S22')
@pytest.mark.lesson('M-4')
async def test_an_address_has_few_letters_a_day_by_whatever_bookings(post: Post) -> None:
    """Several bookings, several clients, the same mailbox under several names: one limit."""
    house = post.house
    paths = []
    for n, email in enumerate((LEE, 'LEE+a@customer.example', 'lee+b@Customer.example')):
        visitor(house, 10 + n)
        paths.append(path_of(await book(house, TEN + n * DAY, email=email, company_name=f'C{n}')))
    assert len(paths) == BOOKINGS
    visitor(house, 20)
    full = await book(house, TEN + 5 * DAY, email='lee+c@customer.example', company_name='D')
    assert full.json()['code'] == 'slot_taken'
    moved = [
        await move(house, path, TEN + n * DAY + (2 + 2 * turn) * HOUR)
        for turn in range(MOVES) for n, path in enumerate(paths)
    ]  # fmt: skip
    assert [answer.status_code for answer in moved] == [200] * TO_ONE + [409] * (len(moved) - TO_ONE)
    house.clock.advance(86400)
    assert (await book(house, TEN + 6 * DAY, email=LEE)).status_code == 200, 'and the next day again'


@pytest.mark.behaviour('CB-3', 'CB-18')
@pytest.mark.invariant('S3')
@pytest.mark.lesson('M-11')
async def test_what_speaks_against_an_address_is_answered_like_a_time_that_is_taken(post: Post) -> None:
    house = post.house
    five = TEN + 5 * HOUR
    own = path_of(await book(house, TEN + DAY))
    path_of(await book(house, five))
    visitor(house, 2)
    taken = told(await book(house, five, email='somebody@else.example', company_name='E'))
    assert taken[0] == 409
    near = await book(house, five, who=MARCUS, email='Lee@Customer.example')
    assert told(near) == taken
    assert told(await move(house, own, five + HOUR)) == taken
    path_of(await book(house, TEN + 5 * DAY))
    visitor(house, 3)
    for at in (TEN + 6 * DAY, TEN + 7 * DAY):
        assert told(await book(house, at)) == taken
        assert set(near.headers) == set((await book(house, at)).headers)
    assert (await book(house, TEN + 6 * DAY, email='new@customer.example', company_name='N')).status_code == 200


@pytest.mark.behaviour('CB-3', 'CB-18')
@pytest.mark.lesson('M-11')
async def test_whoever_reads_the_letters_of_an_address_is_not_kept_from_it(post: Post) -> None:
    """Three bookings by a stranger close an address to strangers, and not to its owner, who has their letters."""
    house = post.house
    for n in range(BOOKINGS):
        path_of(await book(house, TEN + n * DAY))
    await post.carry()
    letters = post.inbox()
    assert len(letters) == BOOKINGS
    link = link_of(letters[0])
    mine = link.rpartition('/')[2]
    visitor(house, 2)
    assert (await book(house, TEN + 6 * DAY)).status_code == 409
    booked = await book(house, TEN + 6 * DAY, letter=mine, email='LEE@customer.example')
    assert booked.status_code == 200, booked.text
    near = await book(house, TEN + 6 * DAY + HOUR, letter=mine, email=LEE)
    assert (near.status_code, near.json()['code']) == (400, 'too_close'), 'and is told why'
    for n in range(MOVES + 2):
        assert (await move(house, link, TEN + (3 + n % 2) * HOUR)).status_code == 200, 'the owner may move it'
        house.clock.advance(61)
    known = booked.json()['manage'].rpartition('/')[2]
    for other in (known, f'{known}.{mine.rpartition(".")[2]}', mine[:-2], 'a.b.c', 'x' * 200):
        assert (await book(house, TEN + 7 * DAY, letter=other)).status_code == 409, other
    assert (
        await book(house, TEN + 7 * DAY, letter=mine, email='max@customer.example', company_name='M')
    ).status_code == 200
    assert (await house.web.get(link[:-2])).status_code == 403
    assert (await house.web.get(f'{link}/invite.ics')).status_code == 200


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S3')
@pytest.mark.lesson('M-11')
async def test_a_client_books_for_so_many_addresses_a_day_that_it_has_shown_nothing_of(post: Post) -> None:
    house = post.house
    most = QUOTAS['booking'].daily
    assert most is not None
    await house.rows(
        "insert into allowance (kind, client_hash, at) select 'booking', %s, hermes_now() - interval '5 hours' "
        'from generate_series(1, %s) returning id',
        house.office.terms.client_of('192.0.2.9') if house.office else b'', most,
    )  # fmt: skip
    visitor(house, 9)
    over = await book(house)
    assert (over.status_code, over.json()['code'], 'challenge' in over.json()) == (429, 'limit', True)
    visitor(house, 8)
    assert (await book(house)).status_code == 200
    assert TEN + DAY in await starts(house, TEN + DAY)


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S22')
async def test_to_book_and_cancel_in_a_loop_comes_to_an_end(post: Post) -> None:
    """Also for whoever reads the letters of the address, from ever new places; what is booked can be cancelled."""
    house = post.house
    path = path_of(await book(house))
    await post.carry()
    mine = link_of(post.inbox()[0]).rpartition('/')[2]
    assert (await house.web.post(path, json={'action': 'cancel'})).status_code == 200
    limits = house.office.limits if house.office else None
    assert limits is not None
    await house.rows(
        "insert into allowance (kind, client_hash, at) select 'owner', %s, hermes_now() - interval '5 hours' "
        'from generate_series(1, %s) returning id',
        limits.address(LEE), QUOTAS['owner'].most - 2,
    )  # fmt: skip
    answers, last = [], path
    for n in range(4):
        visitor(house, 30 + n)
        answers.append(await book(house, TEN + (1 + n) * HOUR, letter=mine))
        if answers[-1].status_code == 200:
            last = path_of(answers[-1])
            assert (await house.web.post(last, json={'action': 'cancel'})).status_code == 200
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert 'Please try again tomorrow' in answers[-1].json()['message']
    await house.settle()
    calls = len(house.world.calls)
    for _ in range(10):
        assert (await house.web.post(last, json={'action': 'cancel'})).json()['state'] == 'canceled'
    await house.settle()
    assert [call for call in list(house.world.calls)[calls:] if call.method != 'GET'] == []
    house.clock.advance(86400)
    assert (await book(house, TEN + DAY + HOUR, letter=mine)).status_code == 200
