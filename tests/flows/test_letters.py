"""Letters about bookings, from the row to the mailbox over real SMTP (CB-13, CB-14, CB-21)."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import icalendar
import pytest

from hermes.domain.errors import Rejected
from hermes.ports import Letter, Mailer
from tests.flows import faults
from tests.flows.calendars import TEN, admin, event_of, follow
from tests.flows.letters import Away, Post, book, cancel, move, open_post
from tests.flows.listings import statement
from tests.waiting import LOOK_S

DAY, HOUR = timedelta(hours=24), timedelta(hours=1)


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    async with open_post(database_url) as opened:
        yield opened


def event_in(letter: dict[str, Any]) -> Any:
    [event] = icalendar.Calendar.from_ical(letter['calendar']).walk('VEVENT')
    return event


@pytest.mark.behaviour('CB-13', 'CB-14')
async def test_a_booking_its_move_and_its_end_arrive_each_with_the_newer_file(post: Post) -> None:
    house = post.house
    number = await book(house)
    await post.carry()
    [first] = post.inbox()
    assert first['to'] == ['lee@customer.example']
    assert 'TutorCruncher demo with Priya Raman' in first['text']
    assert '15:30 to 16:00 (India Standard Time, Asia/Kolkata)' in first['text']
    assert '10:00 to 10:30 (Greenwich Mean Time, Europe/London)' in first['text']
    assert f'{post.settings.hermes_url}/booking/' in first['text']
    start = await move(house, number, timedelta(hours=2))
    await post.carry(60)
    await cancel(house, number)
    await post.carry(60)
    booked, moved, off = [event_in(letter) for letter in post.inbox()]
    assert [letter['method'] for letter in post.inbox()] == ['PUBLISH', 'PUBLISH', 'CANCEL']
    priya = (await admin(house))['email']
    assert booked['UID'] == moved['UID'] == off['UID'] == f'{event_of(house, priya)}@google.com'
    assert booked['SEQUENCE'] < moved['SEQUENCE'] < off['SEQUENCE']
    assert (booked['DTSTART'].dt, moved['DTSTART'].dt) == (TEN, start)
    assert (moved['STATUS'], off['STATUS']) == ('CONFIRMED', 'CANCELLED')
    assert booked['URL'] == moved['URL'], 'the link of the first letter leads to the booking as it is now'
    await post.carry_at(start)
    assert len(post.inbox()) == 3, 'nobody is reminded of what is off'


@pytest.mark.lesson('K-10')
async def test_no_letter_holds_anything_internal(post: Post) -> None:
    number = await book(post.house, company_name='Adams Tuition Secret', estimated_income='50-150k')
    await post.carry()
    await move(post.house, number, timedelta(hours=2))
    await post.carry_at(TEN + HOUR)
    await cancel(post.house, number)
    await post.carry()
    assert len(post.inbox()) == 4
    for letter in post.inbox():
        whole = letter['subject'] + letter['text'] + letter['html'] + letter['calendar']
        for word in ('50-150k', 'Adams Tuition', 'pipedrive', 'payg', 'revenue'):
            assert word not in whole


async def test_reminders_a_day_and_an_hour_before(post: Post) -> None:
    await follow(post.house)
    await book(post.house)
    await post.carry()
    await follow(post.house, 60)
    await post.carry_at(TEN - DAY - timedelta(seconds=1))
    assert len(post.inbox()) == 1
    await post.carry_at(TEN - DAY)
    assert [subject[:8] for subject in post.subjects()] == ['Your cal', 'Reminder']
    await post.carry_at(TEN - HOUR - timedelta(seconds=1))
    assert len(post.inbox()) == 2
    await post.carry_at(TEN - HOUR)
    assert len(post.inbox()) == 3
    await post.carry_at(TEN + DAY)
    assert len(post.inbox()) == 3
    assert 'meet.google.com' in post.inbox()[2]['text'], 'by now the link to join is known'


async def test_what_is_near_has_no_reminder_for_the_distance_that_is_over(post: Post) -> None:
    start = post.house.clock.now() + timedelta(hours=3)
    await book(post.house, start)
    await post.carry_at(start - timedelta(seconds=1))
    assert [row[:3] for row in await post.rows()] == [('confirmation', 0, 'sent'), ('reminder', 2, 'sent')]


async def test_a_move_drops_the_reminders_and_makes_others(post: Post) -> None:
    number = await book(post.house)
    await post.carry()
    start = await move(post.house, number, timedelta(days=1))
    await post.carry_at(TEN)
    assert [one['subject'][:13] for one in post.inbox()] == ['Your call is ', 'Your call has', 'Reminder of y'], (
        'a day before the new time, none before the old one'
    )
    await post.carry_at(start - HOUR)
    assert [state for _, _, state, _ in await post.rows()] == ['sent', 'dropped', 'dropped', 'sent', 'sent', 'sent']


@pytest.mark.behaviour('CB-7')
async def test_the_apology_when_the_calendar_refuses_for_good(post: Post) -> None:
    way = faults.on(post.house)
    way.add('POST', '/events', refuse, times=99)
    await book(post.house)
    assert await post.step()
    await post.carry(30)
    assert way.met > 0
    first, sorry = post.inbox()
    assert first['subject'].startswith('Your call is booked')
    assert sorry['subject'] == 'We are sorry: your call on Wed 4 Mar cannot take place'
    assert (sorry['method'], event_in(sorry)['SEQUENCE']) == ('CANCEL', 1)
    assert 'could not be entered into our calendar' in sorry['text']
    await post.carry_at(TEN)
    assert len(post.inbox()) == 2


async def refuse(send: faults.Send, request: httpx2.Request) -> httpx2.Response:
    told = {'error': {'code': 400, 'message': 'Invalid attendee email.', 'errors': [{'reason': 'invalid'}]}}
    return httpx2.Response(400, json=told, request=request)


@pytest.mark.behaviour('CB-15')
async def test_the_apology_when_the_admin_takes_the_event_away(post: Post) -> None:
    house = post.house
    await follow(house)
    await book(house)
    await post.carry()
    priya = (await admin(house))['email']
    house.google.delete(priya, event_of(house, priya))
    await follow(house, 60)
    await post.carry()
    assert post.subjects()[1:] == ['We are sorry: your call on Wed 4 Mar cannot take place']
    assert 'Priya Raman cannot make this call' in post.inbox()[1]['text']


@pytest.mark.behaviour('CB-21')
async def test_without_a_mail_server_bookings_work_and_google_invites(database_url: str) -> None:
    async with open_post(database_url, smtp=False) as post:
        assert post.mailer is None
        await book(post.house)
        await post.carry(20)
        [told] = post.house.google.post.sent
        assert (told['to'], told['kind']) == ('lee@customer.example', 'invitation')
        await post.carry_at(TEN)
        assert {row[2:] for row in await post.rows()} == {('dropped', 'no SMTP')}
        assert post.inbox() == []


async def test_in_plan_mode_letters_wait(database_url: str) -> None:
    async with open_post(database_url) as post:
        post.house.engine.push_mode = 'plan'
        await book(post.house)
        assert not await post.step()
        assert post.inbox() == []
        post.house.engine.push_mode = 'live'
        await post.carry()
        assert len(post.inbox()) == 1


class Died(BaseException):
    """The worker was killed."""


@dataclass
class Way:
    """A mail server with something on the way to it, and on the way back."""

    mailer: Mailer
    before: Callable[[Letter], Awaitable[None]]
    after: Callable[[Letter], Awaitable[None]]

    async def send(self, letter: Letter) -> None:
        await self.before(letter)
        await self.mailer.send(letter)
        await self.after(letter)

    async def check(self) -> None:
        await self.mailer.check()


async def nothing(letter: Letter) -> None:
    """Nothing is in the way."""


def sender_of(post: Post) -> Mailer:
    assert post.mailer is not None
    return post.mailer


async def test_a_worker_killed_between_sending_and_marking_sends_the_same_letter_again(post: Post) -> None:
    await book(post.house)
    sender = sender_of(post)

    async def die(letter: Letter) -> None:
        raise Died

    post.mailer = Way(sender, nothing, die)
    with pytest.raises(Died):
        await post.step()
    post.mailer = sender
    assert [one['count'] for one in post.inbox()] == [1]
    assert not await post.step(), 'the lease of the dead worker holds'
    await post.carry(121)
    [letter] = post.inbox()
    assert letter['count'] == 2, 'at least once, under one Message-ID: a reader sees it once'
    assert (await post.rows())[0][2] == 'sent'


async def test_two_workers_never_send_one_letter_at_the_same_time(database_url: str) -> None:
    async with open_post(database_url, workers=2) as post:
        for hours in range(3):
            await book(post.house, TEN + timedelta(hours=hours), email=f'lee{hours}@customer.example')
        under_way: set[str] = set()

        async def begin(letter: Letter) -> None:
            assert letter.message_id not in under_way
            under_way.add(letter.message_id)
            await asyncio.sleep(LOOK_S)

        async def end(letter: Letter) -> None:
            under_way.remove(letter.message_id)

        post.mailer = Way(sender_of(post), begin, end)

        async def work(number: int) -> None:
            while await post.step(post.house.engines[number]):
                pass

        await asyncio.gather(*(work(number % 2) for number in range(6)))
        assert [one['count'] for one in post.inbox()] == [1, 1, 1]


async def test_two_letters_about_one_meeting_are_never_under_way_together(post: Post) -> None:
    """Else the news of a cancellation could arrive before that of the booking."""
    number = await book(post.house)

    async def call_off(letter: Letter) -> None:
        await cancel(post.house, number)
        assert not await post.step()

    sender = sender_of(post)
    post.mailer = Way(sender, call_off, nothing)
    await post.step()
    post.mailer = sender
    await post.carry()
    assert [subject[:12] for subject in post.subjects()] == ['Your call is', 'Your call on']


async def test_who_comes_back_with_a_lost_lease_changes_nothing(database_url: str) -> None:
    async with open_post(database_url, workers=2) as post:
        await book(post.house)
        first, second = post.house.engines
        sender = sender_of(post)

        async def stay_away(letter: Letter) -> None:
            post.house.clock.advance(121)
            post.house.world.mailbox.act('break', fault='later')
            post.mailer = sender
            assert await post.step(second)
            raise Rejected('this was said long ago')

        post.mailer = Way(sender, stay_away, nothing)
        await post.step(first)
        _, _, state, reason = (await post.rows())[0]
        assert state == 'due'
        assert '451' in reason
        await post.carry(60)
        assert (await post.rows())[0][2:] == ('sent', '')


async def test_the_link_in_the_letter_leads_to_the_file_as_the_booking_is_now(post: Post) -> None:
    house = post.house
    number = await book(house)
    await post.carry()
    [link] = re.findall(r'/booking/[^\s"]+', post.inbox()[0]['text'])[:1]
    file = await house.web.get(f'{link}/invite.ics')
    assert file.status_code == 200
    assert file.headers['Content-Type'] == 'text/calendar; charset=utf-8; method=PUBLISH'
    assert file.headers['Referrer-Policy'] == 'no-referrer'
    start = await move(house, number, timedelta(hours=2))
    event = event_in({'calendar': (await house.web.get(f'{link}/invite.ics')).content})
    assert (event['DTSTART'].dt, event['SEQUENCE']) == (start, 1)
    await cancel(house, number)
    assert 'STATUS:CANCELLED' in (await house.web.get(f'{link}/invite.ics')).text
    assert (await house.web.get(f'{link[:-2]}/invite.ics')).status_code == 403
    house.clock.move_to(start + HOUR)
    assert (await house.web.get(f'{link}/invite.ics')).status_code == 403, 'valid until the end of the meeting'


@pytest.mark.parametrize(
    ('fault', 'times', 'state'),
    [('later', 1, 'sent'), ('lost_before', 1, 'sent'), ('lost', 2, 'sent'), ('never', 0, 'parked')],
)
async def test_what_a_mail_server_does(post: Post, fault: str, times: int, state: str) -> None:
    post.house.world.mailbox.act('break', fault=fault)
    await book(post.house)
    await post.carry()
    assert (await post.rows())[0][2] == ('parked' if fault == 'never' else 'due')
    await post.carry(60)
    kind, _, found, reason = (await post.rows())[0]
    assert (kind, found) == ('confirmation', state)
    assert [one['count'] for one in post.inbox()] == ([times] if times else [])
    assert 'lee@' not in reason
    assert ('550' in reason) == (fault == 'never')


async def test_what_needs_a_person_is_said_until_the_meeting_is_over(post: Post) -> None:
    number = await book(post.house)
    post.house.world.mailbox.act('break', fault='never')
    await post.carry()
    look = f'"hermes bookings show {number}"'
    [said] = [line for line in await statement(post.house) if look in line]
    assert said.startswith('1 letter refused for good; the last: the mail server says 550')
    await post.carry_at(TEN + HOUR)
    assert not [line for line in await statement(post.house) if look in line]


async def test_a_letter_that_could_not_go_out_gives_way_to_what_is_newer(post: Post) -> None:
    """A mail server that is away for long: nobody hears of a time that holds no more, nor of a call that is over."""
    number = await book(post.house)
    sender, post.mailer = post.mailer, Away()
    await post.carry()
    await move(post.house, number, timedelta(hours=2))
    post.mailer = sender
    await post.carry(3600)
    assert [subject[:13] for subject in post.subjects()] == ['Your call has']
    assert (await post.rows())[0][2:] == ('dropped', 'a newer letter says more')
    post.mailer = Away()
    await post.carry_at(TEN + timedelta(hours=1, minutes=50))
    post.mailer = sender
    await post.carry_at(TEN + timedelta(hours=3))
    assert len(post.inbox()) == 1
    assert {row[3] for row in (await post.rows())[4:]} == {'a newer letter says more', 'the meeting has begun'}
