"""A meeting as an iCalendar file (RFC 5545, 5546), and as links that add it to a calendar on the web (CB-14).

The UID is that of the invitation which the admin's calendar sends, so that a guest has one call and not two (CB-14,
CB-22); SEQUENCE is the meeting's number of changes, so that a calendar knows the newer of two files. Times are UTC.
Folding and escaping are the library's.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from urllib.parse import urlencode

from icalendar import Calendar, Event, vCalAddress, vText

from hermes.domain.notice import Person
from hermes.parts.roles import ADD_TO_PAGE

Method = Literal['REQUEST', 'CANCEL', 'PUBLISH']
PRODUCT: Final = '-//Hermes//Call booker//EN'
OUTLOOK: Final = 'https://outlook.live.com/calendar/0/deeplink/compose'


@dataclass(frozen=True, slots=True)
class Invitation:
    """A meeting as its guest's calendar shows it: aware times, half-open; texts that are fit for a stranger's eyes.
    `url` leads to what can be done with the booking, '' for nowhere; it opens the booking, so it is in the guest's own
    file and never in a link to somebody else's website (S19); `hint` says so in words.
    """

    uid: str
    sequence: int
    planned: bool
    title: str
    text: str
    place: str
    start_at: datetime
    end_at: datetime
    organizer: Person
    attendee: Person
    url: str = ''
    hint: str = ''


def encode(invitation: Invitation, method: Method, now: datetime) -> bytes:
    """The file. REQUEST: an invitation that can be answered; PUBLISH: for whoever wants to have it (no guests, as RFC
    5546 says); CANCEL: it is off. `now` is aware: the moment at which this is said (DTSTAMP).
    """
    calendar = Calendar()
    calendar.add('prodid', PRODUCT)
    calendar.add('version', '2.0')
    calendar.add('calscale', 'GREGORIAN')
    calendar.add('method', method)
    event = Event()
    event.add('uid', invitation.uid)
    event.add('sequence', invitation.sequence)
    event.add('dtstamp', _utc(now))
    event.add('dtstart', _utc(invitation.start_at))
    event.add('dtend', _utc(invitation.end_at))
    event.add('summary', invitation.title)
    event.add('description', '\n'.join(filter(None, (invitation.text, invitation.hint))))
    if invitation.place:
        event.add('location', invitation.place)
    if invitation.url:
        event.add('url', invitation.url)
    event.add('status', 'CONFIRMED' if invitation.planned and method != 'CANCEL' else 'CANCELLED')
    event.add('transp', 'OPAQUE')
    if invitation.organizer.email:
        event.add('organizer', _person(invitation.organizer))
    if invitation.attendee.email and method != 'PUBLISH':
        guest = _person(invitation.attendee)
        guest.params['ROLE'] = vText('REQ-PARTICIPANT')
        if method == 'REQUEST':
            guest.params['PARTSTAT'] = vText('ACCEPTED')
            guest.params['RSVP'] = vText('FALSE')
        event.add('attendee', guest)
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def event_link(invitation: Invitation) -> str:
    """A page of the calendar that many visitors have, with the meeting filled in."""
    span = '/'.join(f'{_utc(at):%Y%m%dT%H%M%SZ}' for at in (invitation.start_at, invitation.end_at))
    told = {
        'action': 'TEMPLATE',
        'text': invitation.title,
        'dates': span,
        'details': invitation.text,
        'location': invitation.place,
    }
    return f'{ADD_TO_PAGE}?{urlencode(_said(told))}'


def outlook_link(invitation: Invitation) -> str:
    """A page of Outlook on the web with the meeting filled in."""
    told = {
        'path': '/calendar/action/compose',
        'rru': 'addevent',
        'subject': invitation.title,
        'startdt': f'{_utc(invitation.start_at):%Y-%m-%dT%H:%M:%SZ}',
        'enddt': f'{_utc(invitation.end_at):%Y-%m-%dT%H:%M:%SZ}',
        'body': invitation.text,
        'location': invitation.place,
    }
    return f'{OUTLOOK}?{urlencode(_said(told))}'


def _said(told: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in told.items() if value}


def _person(person: Person) -> vCalAddress:
    address = vCalAddress(f'mailto:{person.email}')
    if person.name:
        address.params['CN'] = vText(person.name)
    return address


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
