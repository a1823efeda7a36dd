"""Which fields of a meeting go to the calendar, when, what they read, and how they look on the wire.

The customer reads the invitation, so nothing of it is internal: title and text come from templates, our ids stand in
private properties (CB-11, K-10). Text, place and guests belong to people once the event is there: of the guests, only
the contact whom Hermes invited is ever exchanged.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from hermes.domain.fields import ABSENT
from hermes.domain.model import Record, Value
from hermes.kit import wire
from hermes.kit.languages import N_, find_language
from hermes.kit.texts import clean
from hermes.ports import Outgoing, View

TITLES: Final[Mapping[str, str]] = {
    'sales': N_('%(brand)s demo with %(admin)s'),
    'support': N_('%(brand)s support meeting with %(admin)s'),
}
TEXTS: Final[Mapping[str, str]] = {
    'sales': N_('Thank you for booking a call.\n\n%(admin)s will show you %(brand)s and answer your questions.'),
    'support': N_('Thank you for booking a call.\n\n%(admin)s will help you with %(brand)s.'),
}
JOINING: Final = N_(
    'How to join: open the Google Meet link of this invitation when the call begins.\n\n'
    'If the time does not suit you any more, the link in the e-mail that confirmed your booking lets you choose '
    'another one or cancel.'
)
HERMES_ID, HERMES_UID, HERMES_GUEST = 'hermes_id', 'hermes_uid', 'hermes_guest'
KEPT_OF_GUESTS: Final = ('displayName', 'optional', 'responseStatus', 'comment', 'additionalGuests', 'resource')
"""What a guest's entry holds beside the address: the list goes out whole, so it must go out again (OUT-1)."""


def event_id(uid: str, rounds: int) -> str:
    """The id that Hermes chooses for a meeting's event: 52 characters of base32hex, the same for every try (CB-7)."""
    digest = hashlib.sha256(f'{uid}:{rounds}'.encode()).digest()
    return base64.b32hexencode(digest).decode().rstrip('=').lower()


def invitation_uid(uid: str, rounds: int) -> str:
    """The UID of the invitation to a meeting's event: Google makes it of the id that Hermes chose."""
    return f'{event_id(uid, rounds)}@google.com'


def is_chosen(identity: str) -> bool:
    """True if an event's id has the form of those that Hermes chooses; Google's own are shorter."""
    return len(identity) == 52 and set(identity) <= set('0123456789abcdefghijklmnopqrstuv')


def chosen_id(record: Record, fields: Mapping[str, Value]) -> str:
    """The remote id, 'calendar/event', of a creation; '' where it has no calendar."""
    calendar, uid = fields.get('calendar'), record.fields.get('uid')
    if not isinstance(calendar, str) or not isinstance(uid, str) or not calendar or not uid:
        return ''
    return f'{calendar}/{event_id(uid, record.fields.get("round") or 0)}'


def split_id(remote_id: str) -> tuple[str, str]:
    """(calendar, event id) of a remote id. ValueError when it is none."""
    calendar, _, identity = remote_id.rpartition('/')
    if not calendar or not identity:
        raise ValueError('not the id of an event in a calendar')
    return calendar, identity


def outgoing(record_type: str, brand: str) -> list[Outgoing]:
    """The table of outgoing fields; only meetings have one."""
    if record_type != 'meeting':
        return []
    owner = ('Meeting.admin_id', 'Admin.email')
    titled = ('Meeting.kind', 'Meeting.lang', 'Meeting.admin_id', 'Admin.first_name', 'Admin.last_name')
    invited = ('Meeting.typed', 'Meeting.contact_id', 'Contact.email')
    return [
        Outgoing('summary', titled, lambda view: _titled(TITLES, brand, view), 'create', 1024),
        Outgoing('description', titled, lambda view: _described(brand, view), 'create', 8192),
        Outgoing('start_at', ('Meeting.start_at',), _said('start_at')),
        Outgoing('end_at', ('Meeting.end_at',), _said('end_at')),
        Outgoing('zone', ('Meeting.admin_id', 'Admin.timezone'), _zone, 'create'),
        Outgoing('attendees', (*owner, *invited), _attendees),
        Outgoing('guest', invited, lambda view: _guest(view) or ABSENT),
        Outgoing('meet', (), lambda view: True, 'create'),
        Outgoing('uid', ('Meeting.uid',), _said('uid'), 'create'),
        Outgoing('sequence', ('Meeting.sequence',), lambda view: view.get('sequence') or ABSENT, 'create'),
        Outgoing('hermes_id', (), lambda view: [view.id], 'create'),
        Outgoing('calendar', owner, lambda view: address(view.other('admin_id', 'email')) or ABSENT, 'create'),
    ]


def _said(name: str) -> Callable[[View], Value]:
    def compute(view: View) -> Value:
        value = view.get(name)
        return ABSENT if value is None else value

    return compute


def _titled(sentences: Mapping[str, str], brand: str, view: View) -> str:
    """The sentence for a kind of call, in the visitor's language."""
    say = find_language(view.get('lang') or '').gettext
    parts = (view.other('admin_id', 'first_name'), view.other('admin_id', 'last_name'))
    admin = ' '.join(part.strip() for part in parts if isinstance(part, str) and part.strip())
    told = {'brand': brand, 'admin': admin or say(N_('the %(brand)s team')) % {'brand': brand}}
    return say(sentences.get(view.get('kind'), sentences['sales'])) % told


def _described(brand: str, view: View) -> str:
    joining = find_language(view.get('lang') or '').gettext(JOINING)
    return f'{_titled(TEXTS, brand, view)}\n\n{joining}'


def _zone(view: View) -> Value:
    zone = view.other('admin_id', 'timezone')
    return zone if isinstance(zone, str) and zone else 'UTC'


def _attendees(view: View) -> Value:
    """The whole list: at first the owner and the contact; later what stands there, with another contact in the old
    one's place.
    """
    guest, held = _guest(view), view.shown('attendees')
    if not isinstance(held, list):
        found = {address(view.other('admin_id', 'email')), guest} - {None}
        return sorted(one for one in found if one) or ABSENT
    before = view.shown('guest')
    if guest is None or guest == before:
        return ABSENT
    return sorted({one for one in held if one != before} | {guest})


def _guest(view: View) -> str | None:
    """Whom to invite: the contact, at the address that was typed where the contact's own is another one."""
    contact, typed = address(view.other('contact_id', 'email')), view.get('typed') or {}
    return address(typed.get('email')) or contact


def address(value: Value) -> str | None:
    """An e-mail address as it is compared: clean, in small letters."""
    return (clean(value).lower() or None) if isinstance(value, str) else None


def encode(op: str, remote_id: str, fields: Mapping[str, Value], basis: Mapping[str, Value]) -> dict[str, Any]:
    """Body of a creation or of a change. Moments are UTC; `timeZone` is the zone that the owner thinks in."""
    _, identity = split_id(remote_id)
    zone = fields.get('zone') or basis.get('zone') or 'UTC'
    body: dict[str, Any] = {key: fields[key] for key in ('summary', 'description') if fields.get(key) is not None}
    for key, name in (('start_at', 'start'), ('end_at', 'end')):
        if fields.get(key):
            body[name] = {'dateTime': rfc3339(wire.moment(fields[key])), 'timeZone': zone}
            if basis.get('shape') == 'days':
                body[name] |= {'date': None}
    if fields.get('attendees') is not None:
        owner = fields.get('calendar') or basis.get('calendar')
        body['attendees'] = [_entry(one, owner, basis.get('guests') or {}) for one in fields['attendees']]
    private = _private(fields)
    if private:
        body['extendedProperties'] = {'private': private}
    if op == 'create':
        body |= {'id': identity, 'reminders': {'useDefault': True}}
        body |= {'sequence': fields['sequence']} if fields.get('sequence') else {}
        if fields.get('meet'):
            asked = {'requestId': identity, 'conferenceSolutionKey': {'type': 'hangoutsMeet'}}
            body['conferenceData'] = {'createRequest': asked}
    return body


def _entry(guest: str, owner: Value, known: Mapping[str, Mapping[str, Value]]) -> dict[str, Any]:
    """One guest; the owner has accepted by offering the time."""
    entry = {'email': guest, **known.get(guest, {})}
    return {**entry, 'responseStatus': 'accepted'} if guest == owner and guest not in known else entry


def _private(fields: Mapping[str, Value]) -> dict[str, str]:
    told = {}
    if fields.get('hermes_id'):
        told[HERMES_ID] = str(fields['hermes_id'][0])
    if fields.get('uid'):
        told[HERMES_UID] = fields['uid']
    if fields.get('guest'):
        told[HERMES_GUEST] = fields['guest']
    return told


def rfc3339(at: datetime) -> str:
    """A moment in UTC with its zone, whole seconds."""
    return at.replace(microsecond=0).isoformat().replace('+00:00', 'Z')
