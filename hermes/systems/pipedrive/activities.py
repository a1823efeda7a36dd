"""Which fields of a meeting go to the CRM as an activity, what they read, and how they look on the wire (OUT-10).

The note is for colleagues and is the only place for what is internal (K-10); it, the subject and the type are written
at creation and are people's afterwards. Time, owner, organisation, person and deal follow the meeting. Activities have
no custom fields: `hermes_id` is the marker line of the note.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from hermes.domain.fields import ABSENT
from hermes.domain.model import Value
from hermes.kit import wire
from hermes.ports import Outgoing, View
from hermes.systems.pipedrive import notes

TYPE: Final = 'meeting'
"""Without one the CRM reminds nobody (I-11)."""
SUBJECT_LIMIT: Final = 255
LINE_LIMIT: Final = 500
TITLES: Final = {'sales': 'Demo', 'support': 'Support call'}
_NAMED: Final = ('Contact.first_name', 'Contact.last_name')
_REFERENCES: Final = {'company_id': 'org_id', 'deal_id': 'deal_id', 'owner_id': 'owner_id'}
_NOTED: Final[Mapping[str, str]] = {
    'website': 'Website',
    'country': 'Country',
    'estimated_income': 'Revenue',
    'currency': 'Currency',
    'utm_source': 'Source',
    'utm_campaign': 'Campaign',
    'tc2_cligency_url': 'TutorCruncher',
}
_PLANNED: Final = {'price_plan': 'Price plan', **_NOTED}
_TYPED: Final[Mapping[str, str]] = {
    'email': 'E-mail',
    'phone': 'Phone',
    **_PLANNED,
    'bdr_person_id': 'Brought by',
    'gclid': 'Click id',
    'company_id': 'Company',
    'zone': 'Time zone',
}
"""What a visitor may have typed in a way that nobody can read: it stands here and in no field."""


def outgoing() -> list[Outgoing]:
    """The table of a meeting. Where a key stands twice the later one wins if it says anything and may go out (D-21)."""
    return [
        Outgoing('subject', ('Meeting.kind', 'Meeting.contact_id', *_NAMED, 'Company.name'), _subject, 'create',
                 SUBJECT_LIMIT),
        Outgoing('type', (), lambda view: TYPE, 'create'),
        Outgoing('due_at', ('Meeting.start_at',), _due_at),
        Outgoing('duration', ('Meeting.start_at', 'Meeting.end_at'), _duration),
        Outgoing('owner_id', ('Company.sales_person_id',), owner_of('company.sales_person_id')),
        Outgoing('owner_id', ('Meeting.admin_id',), owner_of('admin_id')),
        Outgoing('company_id', ('Meeting.company_id',), remote_of('company', 'company_id')),
        Outgoing('contact_id', ('Meeting.contact_id',), remote_of('contact', 'contact_id')),
        Outgoing('deal_id', ('Meeting.deal_id', 'Deal.archived'), _deal),
        Outgoing('note', _inputs(_NOTED), _note(_NOTED), 'create'),
        Outgoing('note', _inputs(_PLANNED), _note(_PLANNED), 'create'),
        Outgoing('hermes_id', (), lambda view: [view.id], 'create'),
    ]  # fmt: skip


def _deal(view: View) -> Value:
    """Nothing is hung on a deal that was put away."""
    return ABSENT if view.other('deal_id', 'archived') else remote_of('deal', 'deal_id')(view)


def _subject(view: View) -> Value:
    """'Demo with Ada Lovelace (Ember Tutors)'."""
    told = (view.other('contact_id', name) for name in ('first_name', 'last_name'))
    person = ' '.join(notes.line(part) for part in told if isinstance(part, str) and part.strip())
    company = notes.line(view.company('name') or '')
    who = f'{person} ({company})' if person and company and person != company else person or company
    title = TITLES.get(view.get('kind'), TITLES['sales'])
    return f'{title} with {who}' if who else title


def _due_at(view: View) -> Value:
    """UTC, to the minute, as the CRM keeps it."""
    start_at = view.get('start_at')
    return ABSENT if start_at is None else f'{wire.moment(start_at):%Y-%m-%dT%H:%M}'


def _duration(view: View) -> Value:
    """HH:MM."""
    start_at, end_at = view.get('start_at'), view.get('end_at')
    if start_at is None or end_at is None:
        return ABSENT
    minutes = -(-int((wire.moment(end_at) - wire.moment(start_at)).total_seconds()) // 60)
    return f'{minutes // 60:02}:{minutes % 60:02}'


def owner_of(name: str) -> Callable[[View], Value]:
    """D-10: nobody without an account in the CRM; the company's owner then."""

    def compute(view: View) -> Value:
        return view.owner(name) or ABSENT

    return compute


def remote_of(record_type: str, name: str) -> Callable[[View], Value]:
    def compute(view: View) -> Value:
        return view.remote(record_type, name) or ABSENT

    return compute


def _inputs(labels: Mapping[str, str]) -> tuple[str, ...]:
    return (*(f'Company.{name}' for name in labels), 'Meeting.zone', 'Meeting.typed', 'Meeting.contact_id', *_NAMED)


def _note(labels: Mapping[str, str]) -> Callable[[View], Value]:
    """What colleagues want to know before the call, a line each."""

    def compute(view: View) -> Value:
        told = {label: view.company(name) for name, label in labels.items()}
        told["Customer's time zone"] = view.get('zone')
        typed = view.get('typed') or {}
        known = (view.other('contact_id', name) for name in ('first_name', 'last_name'))
        told['Booked as'] = notes.line(typed.get('name') or '')
        if told['Booked as'].casefold() == ' '.join(notes.line(each) for each in known if each).casefold():
            del told['Booked as']
        told |= {f'{label} (as typed)': typed.get(name) for name, label in _TYPED.items()}
        lines = [f'{label}: {notes.line(value)[:LINE_LIMIT]}' for label, value in told.items() if value]
        return '\n'.join(lines) or ABSENT

    return compute


def encode(fields: Mapping[str, Value], basis: Mapping[str, Value]) -> dict[str, Any]:
    """The JSON body of a creation or a change. `basis`: what the activity says now."""
    body: dict[str, Any] = {}
    for key, value in fields.items():
        if value in (ABSENT, None, ''):
            continue
        if key in ('subject', 'type', 'duration'):
            body[key] = value
        elif key == 'due_at':
            at = datetime.fromisoformat(value)
            body |= {'due_date': f'{at:%Y-%m-%d}', 'due_time': f'{at:%H:%M}'}
        elif key in _REFERENCES:
            body[_REFERENCES[key]] = wire.whole(value)
        elif key == 'contact_id':
            body['participants'] = _participants(wire.whole(value), basis)
    if fields.keys() & {'note', 'hermes_id'}:
        named = fields.get('hermes_id') or basis.get('hermes_id') or [None]
        text = fields.get('note', basis.get('note'))
        body['note'] = notes.write(None if text == ABSENT else text, named[0])
    return body


def _participants(person: int | None, basis: Mapping[str, Value]) -> list[dict[str, Any]]:
    """The whole list with ours in the place of the person who was the primary one (OUT-1): `person_id` is read-only."""
    before = {person, wire.whole(basis.get('contact_id') or '')}
    others = [one for one in basis.get('participants') or [] if one not in before]
    return [{'person_id': person, 'primary': True}, *({'person_id': one, 'primary': False} for one in others)]
