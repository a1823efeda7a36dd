"""The visitor answers No to the invitation: nobody is reminded, somebody is asked, or the call is canceled (CB-15)."""

from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from hermes.db.reads import meetings
from tests.flows.calendars import TEN, admin, event_of, follow, meeting
from tests.flows.companies import decisions, settle
from tests.flows.letters import Post, book, move, open_post
from tests.flows.merging import assert_replays
from tests.flows.visitors import live

DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
LEE = 'lee@customer.example'


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    async with open_post(database_url) as opened:
        await follow(opened.house)
        yield opened


async def booked(post: Post) -> int:
    number = await book(post.house)
    await post.carry(60)
    return number


async def answer(post: Post, said: str, guest: str = LEE) -> None:
    """A guest answers in the calendar, and it is seen."""
    priya = (await admin(post.house))['email']
    post.house.clock.advance(60)
    post.house.google.respond(priya, event_of(post.house, priya), said, guest)
    await post.house.settle(4)
    await follow(post.house, 61)
    await post.carry()


async def shown(post: Post, number: int) -> list[str]:
    """The flags of a booking, as people see them."""
    with psycopg.connect(post.house.settings.database_url) as connection:
        return list(meetings.read_meeting(connection, number)['flags'])


@pytest.mark.behaviour('CB-15')
@pytest.mark.lesson('M-24')
async def test_a_no_stops_reminders_shows_and_asks_once(post: Post, second_url: str) -> None:
    number = await booked(post)
    await answer(post, 'declined')
    await answer(post, 'declined')
    assert (await meeting(post.house, number))['status'] == 'planned'
    assert await shown(post, number) == ['the visitor answers No in the calendar']
    [asked] = await decisions(post.house)
    assert (asked['kind'], asked['record_id']) == ('declined', number)
    for ahead in (DAY, HOUR):
        await post.carry_at(TEN - ahead)
    assert len(post.inbox()) == 1
    assert [(kind, reason) for kind, _, _, reason in await post.rows()][1:] == [
        ('reminder', 'the visitor answers No in the calendar')
    ] * 2
    await assert_replays(post.house, second_url)


@pytest.mark.behaviour('CB-15')
@pytest.mark.lesson('M-24')
async def test_who_says_yes_after_all_is_reminded_again(post: Post) -> None:
    number = await booked(post)
    await answer(post, 'declined')
    await post.carry_at(TEN - DAY)
    await answer(post, 'accepted')
    assert await decisions(post.house) == []
    assert await shown(post, number) == []
    await post.carry_at(TEN - HOUR)
    assert [subject[:8] for subject in post.subjects()] == ['Your cal', 'Reminder']
    await answer(post, 'declined')
    assert len(await decisions(post.house)) == 1


@pytest.mark.behaviour('CB-15')
@pytest.mark.lesson('M-24')
async def test_the_question_is_answered_with_a_letter_or_with_nothing(post: Post) -> None:
    number = await booked(post)
    await answer(post, 'declined')
    await settle(post.house, 'keep')
    await answer(post, 'tentative')
    await answer(post, 'declined')
    assert (await meeting(post.house, number))['status'] == 'planned'
    await settle(post.house, 'cancel')
    await post.carry()
    gone = await meeting(post.house, number)
    assert (gone['status'], gone['canceled_by']) == ('canceled', 'visitor')
    assert live(post.house, (await admin(post.house))['email']) == []
    assert post.inbox()[-1]['method'] == 'CANCEL'
    assert 'as you asked' in post.inbox()[-1]['text']


@pytest.mark.lesson('M-24')
@pytest.mark.parametrize('told_by', ['environment', 'hermes config set'])
async def test_where_it_is_set_a_no_cancels_the_call(database_url: str, second_url: str, told_by: str) -> None:
    async with open_post(database_url, decline_cancels=told_by == 'environment') as post:
        await follow(post.house)
        number = await booked(post)
        if told_by != 'environment':
            await post.house.set('decline_cancels', True)
        await answer(post, 'declined')
        await post.carry(60)
        gone = await meeting(post.house, number)
        assert (gone['status'], gone['canceled_by'], gone['sequence']) == ('canceled', 'visitor', 1)
        assert await decisions(post.house) == []
        assert live(post.house, (await admin(post.house))['email']) == []
        assert [one['method'] for one in post.inbox()] == ['PUBLISH', 'CANCEL']
        if told_by != 'environment':
            await assert_replays(post.house, second_url)


@pytest.mark.lesson('M-24')
async def test_what_was_answered_before_a_move_by_the_visitor_counts_no_more(post: Post) -> None:
    number = await booked(post)
    await answer(post, 'declined')
    await move(post.house, number, timedelta(days=1))
    await post.carry(60)
    await follow(post.house, 61)
    assert await decisions(post.house) == []
    await post.carry_at(TEN)
    assert post.subjects()[-1].startswith('Reminder'), 'a day before the new time'


@pytest.mark.lesson('M-24')
async def test_a_colleague_who_says_no_changes_nothing(post: Post) -> None:
    await booked(post)
    priya = (await admin(post.house))['email']
    await answer(post, 'declined', priya)
    assert await decisions(post.house) == []
