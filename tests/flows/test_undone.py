"""What a person undoes in the calendar is told to whoever was told the opposite, and SEQUENCE never falls (CB-15)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import icalendar
import pytest

from tests.flows.calendars import TEN, admin, event_of, follow, meeting
from tests.flows.letters import Away, Post, book, cancel, open_post
from tests.flows.merging import assert_replays

HOUR = timedelta(hours=1)
SORRY, AFTER_ALL, NEW_TIME, BOOKED = (
    'We are sorry: your call on',
    'Your call takes place after all',
    'Your call has a new time',
    'Your call is booked',
)


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    async with open_post(database_url) as opened:
        await follow(opened.house)
        yield opened


async def does(post: Post, act: str, **more: Any) -> None:
    """Priya does something with the only event of ours; it is seen, and told."""
    post.house.clock.advance(60)
    priya = (await admin(post.house))['email']
    getattr(post.house.google, act)(priya, event_of(post.house, priya), **more)
    await see(post)


async def see(post: Post) -> None:
    """The calendar is read, and what follows is told."""
    await post.house.settle(4)
    await follow(post.house, 61)
    await post.carry()


def told(post: Post) -> list[str]:
    """The beginnings of all subjects, in order."""
    known = (SORRY, AFTER_ALL, NEW_TIME, BOOKED, 'Reminder')
    return [next(one for one in known if subject.startswith(one)) for subject in post.subjects()]


def sequences(post: Post) -> list[Any]:
    files = [one['calendar'] for one in post.inbox() if one['calendar']]
    return [icalendar.Calendar.from_ical(each).walk('VEVENT')[0]['SEQUENCE'] for each in files]


@pytest.mark.behaviour('CB-15')
@pytest.mark.lesson('M-21')
async def test_deleted_and_restored_again_and_again_each_is_told(post: Post, second_url: str) -> None:
    number = await book(post.house)
    await post.carry()
    for _ in range(2):
        await does(post, 'delete')
        assert (await meeting(post.house, number))['status'] == 'canceled'
        await does(post, 'undelete')
        assert (await meeting(post.house, number))['status'] == 'planned'
    assert told(post) == [BOOKED, SORRY, AFTER_ALL, SORRY, AFTER_ALL]
    assert sequences(post) == [0, 1, 2, 3, 4]
    assert [one['method'] for one in post.inbox()] == ['PUBLISH', 'CANCEL', 'PUBLISH', 'CANCEL', 'PUBLISH']
    for ahead in (24 * HOUR, HOUR):
        await post.carry_at(TEN - ahead)
    assert told(post)[5:] == ['Reminder', 'Reminder'], 'a day and an hour before, as if nothing had happened'
    await assert_replays(post.house, second_url)


@pytest.mark.behaviour('CB-15')
@pytest.mark.lesson('M-21')
async def test_who_was_told_nothing_of_it_is_not_told_of_its_end(post: Post) -> None:
    await book(post.house)
    await post.carry()
    sender, post.mailer = post.mailer, Away()
    await does(post, 'delete')
    await does(post, 'undelete')
    post.mailer = sender
    await post.carry(3600)
    assert told(post) == [BOOKED]
    assert [(kind, reason) for kind, _, _, reason in await post.rows() if kind in ('apology', 'restored')] == [
        ('apology', 'the meeting takes place after all'),
        ('restored', 'the visitor knows it already'),
    ]


@pytest.mark.lesson('M-21')
async def test_what_was_never_confirmed_is_confirmed_once(post: Post) -> None:
    """Everything happened while the mail server was away."""
    sender, post.mailer = post.mailer, Away()
    await book(post.house)
    await post.carry()
    await does(post, 'delete')
    await does(post, 'undelete')
    post.mailer = sender
    await post.carry(3600)
    assert told(post) == [BOOKED]


@pytest.mark.lesson('M-21')
async def test_a_restored_call_at_another_time_is_told_with_that_time(post: Post) -> None:
    await book(post.house)
    await post.carry()
    sender, post.mailer = post.mailer, Away()
    await does(post, 'move', start=TEN + HOUR)
    await does(post, 'delete')
    await does(post, 'undelete')
    post.mailer = sender
    await post.carry(3600)
    assert told(post) == [BOOKED, AFTER_ALL]
    assert '16:30 to 17:00' in post.inbox()[-1]['text']


@pytest.mark.behaviour('CB-15')
@pytest.mark.lesson('M-21')
async def test_dragged_away_and_back_is_told_twice_or_not_at_all(post: Post) -> None:
    number = await book(post.house)
    await post.carry()
    await does(post, 'move', start=TEN + HOUR)
    await does(post, 'move', start=TEN)
    assert told(post) == [BOOKED, NEW_TIME, NEW_TIME]
    assert sequences(post) == [0, 1, 2]
    sender, post.mailer = post.mailer, Away()
    await does(post, 'move', start=TEN + HOUR)
    await does(post, 'move', start=TEN)
    post.mailer = sender
    await post.carry(3600)
    assert told(post) == [BOOKED, NEW_TIME, NEW_TIME]
    assert (await meeting(post.house, number))['sequence'] == 4


@pytest.mark.lesson('M-21')
async def test_no_letter_says_that_a_canceled_call_takes_place(post: Post) -> None:
    """The news of the cancellation was refused; the confirmation was still to be sent."""
    sender, post.mailer = post.mailer, Away()
    number = await book(post.house)
    await post.carry()
    await cancel(post.house, number)
    await post.house.engine.database.execute("update letter set state = 'parked' where kind = 'cancelled'")
    post.mailer = sender
    await post.carry(3600)
    assert post.inbox() == []


@pytest.mark.behaviour('CB-4', 'CB-15')
@pytest.mark.lesson('M-21')
async def test_a_time_that_was_taken_twice_meanwhile_is_asked_about_twice(post: Post) -> None:
    await book(post.house)
    await post.carry()
    priya = (await admin(post.house))['email']
    key = event_of(post.house, priya)
    for name in ('one', 'two'):
        post.house.clock.advance(60)
        post.house.google.delete(priya, key)
        await see(post)
        other = await book(post.house, uid=name, email=f'{name}@customer.example')
        await post.carry()
        post.house.clock.advance(60)
        post.house.google.undelete(priya, key)
        await see(post)
        asked = await post.house.rows("select * from decision where kind = 'overlap' and state = 'open'")
        assert len(asked) == 1, name
        await cancel(post.house, other)
        await post.carry()
        assert not await post.house.rows("select * from decision where kind = 'overlap' and state = 'open'")
