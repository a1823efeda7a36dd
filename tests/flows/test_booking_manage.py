"""The page behind a booking's link as its visitor reads it, and the same facts as JSON (CB-7, CB-13, CB-14, CB-21)."""

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import icalendar
import pytest

from tests.flows.acting import carry_out
from tests.flows.calendars import follow
from tests.flows.house import SIGNING_KEY, House, open_house
from tests.flows.visitors import HALF, TEN, admin, book

JSON = {'Accept': 'application/json'}
NO_REMINDERS = 'No reminders are sent'
LINK = re.compile(r'<a (?:data-testid="\w+" )?href="([^"]+)"( rel="noreferrer")?(?: target="_blank")?>')
MAIN = re.compile('<main.*</main>', re.DOTALL)


async def booked(house: House, **more: Any) -> str:
    """The path of a booking's page."""
    answer = await book(house, **more)
    assert answer.status_code == 200, answer.text
    return urlsplit(answer.json()['manage']).path


async def read(house: House, path: str) -> tuple[str, dict[str, Any]]:
    """The page as text, and the JSON."""
    page, told = await house.web.get(path), await house.web.get(path, headers=JSON)
    assert (page.status_code, told.status_code) == (200, 200)
    for answer in (page, told):
        assert answer.headers['referrer-policy'] == 'no-referrer'
        assert answer.headers['x-robots-tag'] == 'noindex'
    return unescape(page.text), told.json()


async def file_of(house: House, path: str) -> Any:
    answer = await house.web.get(path)
    assert answer.status_code == 200
    calendar = icalendar.Calendar.from_ical(answer.text)
    return calendar['METHOD'], calendar.walk('VEVENT')[0]


def main_of(page: str) -> str:
    """What is the page's own, without its head and foot."""
    [found] = MAIN.findall(page)
    return str(found)


@pytest.mark.behaviour('CB-14')
async def test_the_page_leads_into_every_calendar(house: House) -> None:
    path = await booked(house)
    text, told = await read(house, path)
    links = dict(LINK.findall(text))
    assert f'{path}/invite.ics' in links
    method, event = await file_of(house, urlsplit(told['ics']).path)
    assert (method, event['SEQUENCE'], event['DTSTART'].dt) == ('PUBLISH', 0, TEN)
    token = path.rpartition('/')[2]
    for name, host, told_start in (
        ('google', 'calendar.google.com', '20260304T100000Z/20260304T103000Z'),
        ('outlook', 'outlook.live.com', '2026-03-04T10:00:00Z'),
    ):
        assert links[told[name]] == ' rel="noreferrer"'
        assert urlsplit(told[name]).hostname == host
        assert [told_start] in parse_qs(urlsplit(told[name]).query).values()
        assert token not in told[name]
        assert 'booking/' not in told[name]


@pytest.mark.behaviour('CB-14')
async def test_a_canceled_booking_offers_nothing_and_its_file_takes_it_out(house: House) -> None:
    path = await booked(house)
    page = await house.web.post(path, data={'action': 'cancel'})
    text, told = await read(house, path)
    for shown in (unescape(page.text), text):
        assert 'This call is cancelled, as you asked.' in shown
        assert 'Wednesday' in shown
        assert not re.search('<form|<button|calendar.google|outlook', main_of(shown))
        assert NO_REMINDERS not in shown
    assert (told['state'], told['canceled_by']) == ('canceled', 'visitor')
    assert told['meet'] == told['google'] == told['outlook'] == ''
    method, event = await file_of(house, f'{path}/invite.ics')
    assert (method, event['STATUS'], event['SEQUENCE']) == ('CANCEL', 'CANCELLED', 1)


async def test_the_invitation_follows_then_is_sent_then_the_link_is_known(house: House) -> None:
    await follow(house)
    house.working = False
    path = await booked(house)
    text, told = await read(house, path)
    assert 'The invitation follows by mail' in text
    assert (told['invitation'], told['meet']) == ('follows', '')
    house.working = True
    await house.settle(5)
    await follow(house, 60)
    text, told = await read(house, path)
    assert told['invitation'] == 'sent'
    assert told['meet'].startswith('https://meet.google.com/')
    assert (told['meet'], ' rel="noreferrer"') in LINK.findall(text)
    house.working = False
    house.clock.advance(1)
    moved = await house.web.post(path, data={'action': 'move', 'start': (TEN + 2 * HALF).isoformat()})
    assert 'the new invitation follows' in moved.text
    assert (await read(house, path))[1]['invitation'] == 'follows', 'what the calendar shows is the old time'
    house.working = True
    await house.settle()
    assert (await read(house, path))[1]['invitation'] == 'sent'


async def test_what_the_calendar_refused_says_so(house: House) -> None:
    path = await booked(house)

    async def refuse() -> None:
        for row in await house.rows("select id from meeting where status = 'planned'"):
            await carry_out(house.engine, {'act': 'meeting.cancel', 'by': 'refused', 'meeting': row['id']})

    house.working, house.meanwhile = False, refuse
    house.clock.advance(1)
    page = await house.web.post(path, data={'action': 'move', 'start': (TEN + 2 * HALF).isoformat()})
    text, told = await read(house, path)
    for shown in (unescape(page.text), text):
        assert 'could not be entered into our calendar' in shown
        assert '<form' not in shown
        assert 'invitation' not in shown
    assert (told['state'], told['invitation'], told['canceled_by']) == ('canceled', 'refused', 'refused')


@pytest.mark.behaviour('CB-21')
@pytest.mark.parametrize(('smtp', 'reminders'), [('', False), ('smtp://127.0.0.1:1', True)])
async def test_the_page_says_when_no_reminders_are_sent(database_url: str, smtp: str, reminders: bool) -> None:
    async with open_house(database_url, signing_key=SIGNING_KEY, smtp_url=smtp) as house:
        text, told = await read(house, await booked(house))
        assert (NO_REMINDERS not in text, told['reminders']) == (reminders, reminders)


@pytest.mark.parametrize(
    ('zone', 'shown', 'beside'),
    [
        ('Asia/Kolkata', '15:30 to 16:00', '10:00 to 10:30'),
        (None, '10:00 to 10:30', None),
        ('Europe/Lisbon', '10:00 to 10:30', None),
    ],
)
async def test_both_clocks_are_shown_where_they_differ(
    house: House, zone: str | None, shown: str, beside: str | None
) -> None:
    text, told = await read(house, await booked(house, zone=zone))
    assert told['zone'] == (zone or 'Europe/London')
    assert told['admin_zone'] == 'Europe/London'
    assert told['zone'] in text
    assert shown in text
    assert ('For Priya Raman' in text) is (beside is not None)
    assert beside is None or beside in text
    assert '(UTC)' not in text


async def test_who_is_far_away_is_shown_their_own_zone_to_whom_none_is_known(house: House) -> None:
    async with house.engine.database.transaction() as connection:
        await connection.execute(
            "update admin set timezone = 'America/New_York' where id = %s", ((await admin(house))['id'],)
        )
    text, told = await read(house, await booked(house, at=TEN + timedelta(hours=5)))
    assert told['zone'] == told['admin_zone'] == 'America/New_York'
    assert '10:00 to 10:30' in text
    assert 'America/New York' in text


async def test_after_the_end_the_link_acts_no_more_and_says_so(house: House) -> None:
    path = await booked(house)
    house.clock.move_to(TEN + HALF)
    for page in (await house.web.get(path), await house.web.post(path, data={'action': 'cancel'})):
        assert page.status_code == 403
        assert 'no longer valid' in page.text
        assert not re.search('<form|<button', main_of(page.text))
        assert page.headers['x-robots-tag'] == 'noindex'
    assert (await house.web.get(f'{path}/invite.ics')).status_code == 403
    assert (await house.rows('select status from meeting'))[0]['status'] == 'planned'


async def test_nothing_inline_is_needed(house: House) -> None:
    page = await house.web.get(await booked(house))
    policy = page.headers['content-security-policy']
    assert "default-src 'none'" in policy
    assert 'unsafe' not in policy
    assert not re.search(r'<script(?! type="module" src="/)|<style|\sstyle=|\son\w+=', page.text)


async def test_a_form_is_answered_in_the_form_that_its_sender_reads(house: House) -> None:
    path = await booked(house)
    unread = await house.web.post(path, data={'action': 'move'}, headers=JSON)
    assert (unread.status_code, unread.json()['code']) == (422, 'invalid')
    told = await house.web.post(path, data={'action': 'cancel'}, headers=JSON)
    assert (told.status_code, told.json()['state']) == (200, 'canceled')
    page = await house.web.post(path, data={'action': 'cancel'}, headers={'Accept': 'text/html,*/*;q=0.8'})
    assert page.headers['content-type'].startswith('text/html')
