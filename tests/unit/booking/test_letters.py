"""Letters and calendar files: right in every zone, fit for a stranger's eyes, and readable by other programs."""

import re
from dataclasses import replace
from datetime import timedelta
from email.headerregistry import Address
from email.parser import BytesParser
from email.policy import default
from typing import Any
from urllib.parse import parse_qs, urlsplit

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar.parser import Contentline

from hermes.booking import ics
from hermes.booking.letters import LetterWriter
from hermes.booking.letters.names import clean_name
from hermes.booking.links import read_manage_token
from hermes.domain.notice import Person
from hermes.systems.mail.message import encode
from tests.thorough import examples
from tests.unit.booking.letters import HALF, KEYS, LEE, NOTICE, NOW, PAPER, PRIYA, TEN

KINDS = ('confirmation', 'moved', 'restored', 'cancelled', 'reminder', 'apology')


def read(content: bytes) -> tuple[Any, Any]:
    """A calendar file, read back whole, and line by line as strictly as the library can; its calendar and its event."""
    assert content.endswith(b'\r\n')
    lines = content.split(b'\r\n')
    assert all(len(line) <= 75 for line in lines), 'folded'
    assert b'\n' not in b''.join(lines)
    calendar: Any = icalendar.Calendar.from_ical(content)
    [event] = calendar.walk('VEVENT')
    for component in (calendar, event):
        assert component.errors == []
    for name in ('UID', 'DTSTAMP', 'DTSTART', 'SEQUENCE', 'ORGANIZER', 'SUMMARY'):
        assert len([one for one in event.property_items(recursive=False) if one[0] == name]) == 1, name
    assert calendar.to_ical() == content, 'nothing is lost on the way through a reader'
    for line in content.replace(b'\r\n ', b'').decode().split('\r\n')[:-1]:
        Contentline.from_ical(line, strict=True).parts()
    return calendar, event


@pytest.mark.behaviour('CB-14')
@pytest.mark.parametrize('method', ['REQUEST', 'PUBLISH', 'CANCEL'])
def test_a_calendar_file_says_what_a_calendar_needs(method: ics.Method) -> None:
    calendar, event = read(ics.encode(PAPER.invitation(NOTICE), method, NOW))
    assert (calendar['METHOD'], calendar['VERSION']) == (method, '2.0')
    assert event['UID'] == 'abc@hermes-host'
    assert event['SEQUENCE'] == 3
    assert (event['DTSTART'].dt, event['DTEND'].dt, event['DTSTAMP'].dt) == (TEN, TEN + HALF, NOW)
    assert event['STATUS'] == ('CANCELLED' if method == 'CANCEL' else 'CONFIRMED')
    assert event['ORGANIZER'] == 'mailto:priya@office.example'
    assert ('ATTENDEE' in event) == (method != 'PUBLISH'), 'RFC 5546: nothing published has guests'
    assert read_manage_token(urlsplit(event['URL']).path.rpartition('/')[2], KEYS) == 'abc'


def test_without_a_calendar_that_invites_the_uid_is_the_meetings_own() -> None:
    moved = replace(NOTICE, admin=Person('Marcus Hale', 'marcus@office.example', 'America/New_York'), sequence=4)
    _, event = read(ics.encode(LetterWriter('B', 'https://new.example', KEYS).invitation(moved), 'REQUEST', NOW))
    assert (event['UID'], event['SEQUENCE']) == ('abc@hermes-host', 4)
    assert event['ORGANIZER'] == 'mailto:marcus@office.example'


@settings(max_examples=examples(60), deadline=None)
@given(st.text(max_size=90), st.text(max_size=300))
def test_no_text_breaks_a_calendar_file(name: str, text: str) -> None:
    told = PAPER.invitation(replace(NOTICE, visitor=replace(LEE, name=name)))
    shown = re.sub(r'[\x00-\x1f\x7f\ud800-\udfff]', '', text)
    _, event = read(ics.encode(replace(told, title=shown or 'x'), 'REQUEST', NOW))
    assert event['UID'] == 'abc@hermes-host'
    assert len(event.walk()) == 1


@pytest.mark.behaviour('CB-14')
def test_links_that_add_it_to_a_calendar() -> None:
    told = PAPER.invitation(NOTICE)
    google = parse_qs(urlsplit(ics.event_link(told)).query)
    assert google['dates'] == ['20260708T100000Z/20260708T103000Z']
    assert google['text'] == ['Brightwell demo with Priya Raman']
    outlook = parse_qs(urlsplit(ics.outlook_link(told)).query)
    assert (outlook['startdt'], outlook['enddt']) == (['2026-07-08T10:00:00Z'], ['2026-07-08T10:30:00Z'])
    for link in (ics.event_link(told), ics.outlook_link(told)):
        assert 'booking' not in link, 'what opens the booking is not told to another website (S19)'


@pytest.mark.parametrize(
    ('zone', 'told', 'ours'),
    [
        ('America/Toronto', 'Wednesday, 8 July 2026|06:00 to 06:30 (Eastern Daylight Time, America/Toronto)', True),
        ('Asia/Kolkata', 'Wednesday, 8 July 2026|15:30 to 16:00 (India Standard Time, Asia/Kolkata)', True),
        ('Pacific/Auckland', 'Wednesday, 8 July 2026|22:00 to 22:30 (New Zealand Standard Time', True),
        ('Pacific/Kiritimati', 'Thursday, 9 July 2026|00:00 to 00:30 (', True),
        ('Europe/Lisbon', 'Wednesday, 8 July 2026|11:00 to 11:30 (', False),
        ('', 'Wednesday, 8 July 2026|11:00 to 11:30 (British Summer Time, Europe/London)', False),
        ('Mars/Olympus', 'Wednesday, 8 July 2026|11:00 to 11:30 (British Summer Time, Europe/London)', False),
    ],
)
def test_times_are_the_visitors_and_ours_beside_them_where_they_differ(zone: str, told: str, ours: bool) -> None:
    letter = PAPER.write(replace(NOTICE, visitor=replace(LEE, zone=zone)), NOW)
    for part in told.split('|'):
        assert part in letter.text
        assert part in letter.html
    line = 'For us: Wednesday, 8 July 2026, 11:00 to 11:30 (British Summer Time, Europe/London)'
    assert (line in letter.text, line in letter.html) == (ours, ours)


def test_winter_and_summer_are_told_apart() -> None:
    winter = replace(NOTICE, start_at=TEN - timedelta(days=180), end_at=TEN - timedelta(days=180) + HALF)
    assert '10:00 to 10:30 (Greenwich Mean Time' in PAPER.write(winter, NOW).text


@pytest.mark.parametrize('kind', KINDS)
def test_every_letter_says_when_with_whom_and_what_to_do(kind: Any) -> None:
    letter = PAPER.write(replace(NOTICE, kind=kind, canceled_by='visitor'), NOW)
    off = kind in ('cancelled', 'apology')
    for text in (letter.text, letter.html):
        assert 'Priya Raman' in text
        assert '15:30 to 16:00' in text
        assert ('https://hermes.example/book-a-call/' in text) == off
        assert ('https://hermes.example/booking/' in text) == (not off)
    assert letter.reply_to == 'priya@office.example'
    assert letter.message_id == 'abc.confirmation.0@hermes.example'
    assert letter.method == ('CANCEL' if off else 'PUBLISH')
    assert bool(letter.calendar) == (kind != 'reminder')


@pytest.mark.behaviour('CB-13')
def test_the_invitation_is_ours_where_google_sends_none() -> None:
    alone = replace(PAPER, invites=False)
    letter = alone.write(NOTICE, NOW)
    assert letter.method == 'REQUEST'
    assert b'METHOD:REQUEST' in letter.calendar
    assert 'Google Calendar, which comes' not in letter.text
    joined = PAPER.write(replace(NOTICE, meet_url='https://meet.google.com/abc'), NOW)
    assert 'How to join: https://meet.google.com/abc' in joined.text
    for wrong in ('javascript:alert(1)', 'http://elsewhere.example'):
        assert wrong not in PAPER.write(replace(NOTICE, meet_url=wrong), NOW).html


def test_without_a_key_the_letter_asks_for_an_answer() -> None:
    letter = LetterWriter('Brightwell', 'https://hermes.example').write(NOTICE, NOW)
    assert '/booking/' not in letter.text + letter.html
    assert 'reply to this mail' in letter.text


def test_a_support_call_is_booked_again_by_asking() -> None:
    letter = PAPER.write(replace(NOTICE, kind='cancelled', meeting_kind='support', canceled_by='admin'), NOW)
    assert 'Brightwell support meeting with Priya Raman' in letter.text
    assert 'We had to cancel' in letter.text
    assert '/book-a-call/' not in letter.text + letter.html


@pytest.mark.invariant('S22')
@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('Lee Adams', 'Lee Adams'),
        ('  Lee\t\u00a0 Adams ', 'Lee Adams'),
        ('محمد علی', 'محمد علی'),
        ('राम शर्मा', 'राम शर्मा'),
        ('👩\u200d💻 Ada', '👩\u200d💻 Ada'),
        ("Seán O'Brien-Łuk", "Seán O'Brien-Łuk"),
        ('St.John Smith', 'St. John Smith'),
        ('J.R.R. Tolkien', 'J. R. R. Tolkien'),
        ('Win at evil.example now', 'Win at now'),
        ('EVIL.COM Lee', 'Lee'),
        ('https://evil.example/x Lee', 'Lee'),
        ('www.evil Lee', 'Lee'),
        ('bit.ly/abc Lee', 'Lee'),
        ('x@evil.example Lee', 'Lee'),
        ('evil\u3002com \uff25\uff36\uff29\uff2c\uff0e\uff23\uff2f\uff2d Lee', 'Lee'),
        ('пример.рф Lee', 'Lee'),
        ('\u202eeeL', 'eeL'),
        ('Lee\r\nBcc: x@y.example', 'Lee Bcc:'),
        ('Lee\x00\x07\u200b', 'Lee'),
        ('javascript:alert', ''),
    ],
)
def test_of_a_strangers_name_only_a_name_is_left(text: str, shown: str) -> None:
    assert clean_name(text) == shown
    letter = PAPER.write(replace(NOTICE, visitor=replace(LEE, name=text)), NOW)
    assert letter.name == shown
    assert letter.text.startswith(f'Hello {shown},\n' if shown else 'Hello,\n')
    assert not re.search('(?i)evil[.]', letter.text + letter.html + letter.calendar.decode())


@settings(max_examples=examples(100), deadline=None)
@given(st.text(max_size=120))
def test_no_name_does_more_than_name_somebody(name: str) -> None:
    shown = clean_name(name)
    assert not re.search(r'://|@|/|<|>|\w[.]\w|[\r\n]', shown)
    assert len(shown) <= 80
    letter = PAPER.write(replace(NOTICE, visitor=replace(LEE, name=name)), NOW)
    parsed = BytesParser(policy=default).parsebytes(encode(letter, Address('B', 'b', 'b.example')))
    assert [one.addr_spec for one in parsed['To'].addresses] == ['lee@customer.example']
    assert sorted(set(parsed.keys())) == sorted(
        ['From', 'To', 'Reply-To', 'Subject', 'Date', 'Message-ID', 'Auto-Submitted', 'MIME-Version', 'Content-Type']
    )


def test_html_of_a_name_is_text() -> None:
    letter = PAPER.write(replace(NOTICE, admin=replace(PRIYA, name='Priya <b>&')), NOW)
    assert 'Priya &lt;b&gt;&amp;' in letter.html
    assert 'Priya <b>&' in letter.text
