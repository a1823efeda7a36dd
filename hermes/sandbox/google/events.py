"""An event as the account keeps it, how a body is read into one, and how it is answered.

It is kept once, on its home calendar; on a guest's calendar of the same office the same event is seen from there.
Times are kept in UTC and answered in the calendar's zone; what only Google decides (link, stamps, e-tag) never comes
from a body.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hermes.sandbox.google import times
from hermes.sandbox.google.errors import Refused, invalid, time_range_empty

Json = dict[str, Any]
CLIENT_ID = re.compile(r'[0-9a-v]{5,1024}')
TEXTS = ('summary', 'description', 'location', 'colorId', 'transparency', 'visibility', 'status')
TRUTHS = ('guestsCanInviteOthers', 'guestsCanModify', 'guestsCanSeeOtherGuests', 'anyoneCanAddSelf')
WORDS = {
    'transparency': ('opaque', 'transparent'),
    'visibility': ('default', 'public', 'private', 'confidential'),
    'status': ('confirmed', 'tentative', 'cancelled'),
}
RESPONSES = ('needsAction', 'declined', 'tentative', 'accepted')
GUEST_TEXTS = ('displayName', 'comment', 'responseStatus')
DEFAULT_REMINDERS: Json = {'useDefault': True}


@dataclass
class Event:
    """`fields` is the writable part as kept; `changed` is the account's number of the last change."""

    id: str
    home: str
    organizer: str
    creator: str
    uid: str
    fields: Json
    created_at: datetime
    updated_at: datetime
    sequence: int = 0
    changed: int = 0
    meet_due_at: datetime | None = None
    kind: str = 'default'

    @property
    def status(self) -> str:
        return str(self.fields.get('status', 'confirmed'))

    @property
    def is_cancelled(self) -> bool:
        return self.status == 'cancelled'

    @property
    def guests(self) -> dict[str, Json]:
        """The attendees by address."""
        return {one['email']: one for one in self.fields.get('attendees', ())}

    @property
    def etag(self) -> str:
        return f'"{int(self.updated_at.timestamp() * 1000)}{self.changed % 1000:03d}"'

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Start and end, UTC."""
        return times.instant(self.fields['start'], zone), times.instant(self.fields['end'], zone)

    def blocks(self, calendar: str) -> bool:
        """Whether the owner of that calendar is busy during it."""
        guest = self.guests.get(calendar, {})
        free = self.is_cancelled or self.fields.get('transparency') == 'transparent'
        return not free and guest.get('responseStatus') != 'declined'


def read_fields(body: Json) -> Json:
    """The writable part of a whole event. Raises Refused (400)."""
    fields: Json = {}
    for name in TEXTS:
        if body.get(name) is not None:
            fields[name] = _text(body[name], name)
            if name in WORDS and fields[name] not in WORDS[name]:
                raise invalid(f'Invalid value for: {name}')
    fields = {name: value for name, value in fields.items() if name not in WORDS or value != WORDS[name][0]}
    for name in TRUTHS:
        if body.get(name) is not None:
            if not isinstance(body[name], bool):
                raise _unparsed(name)
            fields[name] = body[name]
    if body.get('recurrence'):
        raise invalid('Recurring events are not emulated.')
    fields['start'], fields['end'] = (
        times.read_edge(body.get('start'), 'start'),
        times.read_edge(body.get('end'), 'end'),
    )
    _check_span(fields)
    if body.get('attendees'):
        fields['attendees'] = read_guests(body['attendees'])
    fields['reminders'] = _object(body.get('reminders') or DEFAULT_REMINDERS, 'reminders')
    if body.get('extendedProperties'):
        fields['extendedProperties'] = _properties(body['extendedProperties'])
    if body.get('source'):
        fields['source'] = _object(body['source'], 'source')
    return fields


def _check_span(fields: Json) -> None:
    start, end = fields['start'], fields['end']
    if ('date' in start) != ('date' in end):
        raise invalid('Start and end times must either both be date or both be dateTime.')
    utc = ZoneInfo('UTC')
    if times.instant(end, utc) < times.instant(start, utc) or ('date' in start and start == end):
        raise time_range_empty()


def read_guests(raw: Any) -> list[Json]:
    """The attendees, one per address, sorted by it: Google does not keep the order. Raises Refused (400)."""
    if not isinstance(raw, list):
        raise _unparsed('attendees')
    guests: dict[str, Json] = {}
    for one in raw:
        email = str(_object(one, 'attendees').get('email') or '').strip().lower()
        if not re.fullmatch(r'[^@\s]+@[^@\s]+', email):
            raise invalid('Invalid attendee email.')
        guest: Json = {'email': email, 'responseStatus': 'needsAction'}
        guest |= {name: _text(one[name], name) for name in GUEST_TEXTS if one.get(name)}
        if guest['responseStatus'] not in RESPONSES:
            raise invalid('Invalid value for: responseStatus')
        guest |= {name: True for name in ('optional', 'resource') if one.get(name) is True}
        guests[email] = guest
    return [guests[email] for email in sorted(guests)]


def _properties(raw: Any) -> Json:
    found: Json = {}
    for name in ('private', 'shared'):
        told = _object(raw, 'extendedProperties').get(name)
        if told:
            found[name] = {str(key): _text(one, key) for key, one in _object(told, name).items() if one is not None}
    return found


def _text(raw: Any, name: str) -> str:
    if not isinstance(raw, str):
        raise _unparsed(name)
    return raw


def _object(raw: Any, name: str) -> Json:
    if not isinstance(raw, dict):
        raise _unparsed(name)
    return raw


def _unparsed(name: str) -> Refused:
    return Refused(400, 'parseError', f'Parse Error: {name}')


def merged(old: Any, new: Mapping[str, Any]) -> Json:
    """Patch semantics: objects merge, null removes, arrays are taken whole."""
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merged(result.get(key), value)
        else:
            result[key] = value
    return result


def shown(event: Event, calendar: str, zone: ZoneInfo, most_guests: int | None = None) -> Json:
    """The event as it is answered on that calendar, in that zone."""
    fields, at_home = event.fields, event.home == calendar
    body: Json = {
        'kind': 'calendar#event',
        'etag': event.etag,
        'id': event.id,
        'status': event.status,
        'htmlLink': link(event.id, calendar),
        'created': times.stamp(event.created_at.replace(microsecond=0)),
        'updated': times.stamp(event.updated_at),
        'creator': person(event.creator, calendar),
        'organizer': person(event.organizer, calendar),
        'start': times.edge_shown(fields['start'], zone),
        'end': times.edge_shown(fields['end'], zone),
        'iCalUID': event.uid,
        'sequence': event.sequence,
        'reminders': fields['reminders'] if at_home else DEFAULT_REMINDERS,
        'eventType': event.kind,
    }
    for name in ('summary', 'description', 'location', 'colorId', 'transparency', 'visibility', 'source', *TRUTHS):
        if fields.get(name) not in (None, ''):
            body[name] = fields[name]
    for name in ('conferenceData', 'hangoutLink'):
        if name in fields:
            body[name] = fields[name]
    if guests := _guests_shown(event, calendar):
        if most_guests is not None and len(guests) > most_guests:
            guests = [one for one in guests if one.get('self')][:most_guests]
            body['attendeesOmitted'] = True
        body['attendees'] = guests
    properties = dict(fields.get('extendedProperties', {}))
    if not at_home:
        properties.pop('private', None)
    return body | ({'extendedProperties': properties} if properties else {})


def _guests_shown(event: Event, calendar: str) -> list[Json]:
    return [
        one | ({'organizer': True} if email == event.organizer else {}) | ({'self': True} if email == calendar else {})
        for email, one in event.guests.items()
    ]


def person(email: str, calendar: str) -> Json:
    return {'email': email, 'self': True} if email == calendar else {'email': email}


def link(event_id: str, calendar: str) -> str:
    eid = base64.urlsafe_b64encode(f'{event_id} {calendar}'.encode()).decode().rstrip('=')
    return f'https://www.google.com/calendar/event?eid={eid}'
