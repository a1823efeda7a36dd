"""What Google says, as observations. A remote id is 'calendar/event'; only events with our private property count.

The version of an event is its `updated`, which has milliseconds (VERSION-1). A canceled event is a deleted one; Google
promises nothing of it but its id, so there the form of an id that Hermes chose is enough. Colleagues' and customers'
other events never come in: `only_ours` takes them off a page before it is kept.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hermes.domain.errors import Unparseable
from hermes.domain.model import SETTLED, UNSETTLED, Element, Event, Observation, Origin, RecordRef, RemoteRef, Version
from hermes.kit import wire
from hermes.ports import Answer, Request, decode_answer
from hermes.systems.google_calendar import mapping

SYSTEM: Final = 'google'
AHEAD: Final = timedelta(days=1)
"""How far Google's clock may be ahead of ours before its times are not believed."""
WRITES: Final = ('create', 'update', 'delete')


def observe(event: Event) -> Sequence[Element]:
    """Elements of a notification, or of an answer, a read or a page of ours."""
    if event.kind == 'webhook':
        return (Element(ignored='it says that a calendar changed, not what: the calendar is read'),)
    try:
        if event.kind in ('answer', 'read', 'page'):
            return _told(*decode_answer(event.body), event.received_at)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unparseable(f'The body is not JSON of a known form ({type(error).__name__}).') from None
    raise Unparseable(f'Nobody knows what a Google event of kind "{event.kind[:40]}" is.')


def _told(request: Request, answer: Answer, received_at: datetime) -> Sequence[Element]:
    """What an answer to a call of ours says."""
    if request.type != 'event' or request.op not in (*WRITES, 'read', 'list'):
        return ()
    at = wire.http_date(answer.headers.get('date')) or answer.ended_at or received_at
    gone = answer.status in (404, 410)
    ok = answer.status is not None and 200 <= answer.status < 300
    if request.op == 'read' and gone:
        seen = Observation(_ref(request), 'missing', Version(wire.epoch_s(at), UNSETTLED), origin='read', action='read')
        return (Element((seen,)),)
    if request.op == 'delete':
        version = Version(wire.epoch_s(at), SETTLED)
        seen = Observation(_ref(request), 'deleted', version, origin='answer', action='delete', by_api=True)
        return (Element((seen,)),) if ok or gone else ()
    if not ok or not answer.body.strip():
        return ()
    told = wire.load_json(answer.body)
    if request.op != 'list':
        calendar, _ = mapping.split_id(request.remote_id)
        origin: Origin = 'read' if request.op == 'read' else 'answer'
        return (_item(told, calendar, origin, request.op, at, received_at),)
    if not isinstance(told, dict) or not isinstance(told.get('items', []), list):
        raise Unparseable('The page holds no list of events.')
    calendar = str(request.params['calendar'])
    return tuple(_item(item, calendar, 'page', 'list', at, received_at) for item in told.get('items', []))


def _ref(request: Request) -> RemoteRef:
    return RemoteRef(SYSTEM, 'event', request.remote_id)


def _item(data: Any, calendar: str, origin: Origin, op: str, at: datetime, received_at: datetime) -> Element:
    if not isinstance(data, dict) or not isinstance(data.get('id'), str) or not data['id']:
        return Element(unparseable='An event in an answer has no id.')
    if not is_ours(data, calendar):
        return Element(ignored='an event that Hermes did not make')
    changed_at = _moment(data.get('updated'))
    believed = changed_at is not None and changed_at <= received_at + AHEAD
    if changed_at is None or not believed:
        version = Version(wire.epoch_s(at), UNSETTLED)
    elif origin == 'read' and wire.epoch_s(at) >= wire.epoch_s(changed_at) + 2:
        version = Version(wire.epoch_s(changed_at), SETTLED)  # Read when its second was over: the last word on it.
    else:
        version = Version(wire.epoch_s(changed_at), wire.epoch_ms(changed_at))
    canceled = data.get('status') == 'cancelled'
    fields = {} if canceled else read_event(data, calendar)
    named = _meeting(_private(data))
    seen = Observation(
        RemoteRef(SYSTEM, 'event', f'{calendar}/{data["id"]}'),
        'deleted' if canceled else 'state',
        version,
        fields,
        origin=origin,
        action='delete' if canceled else op,
        by_api=origin == 'answer',
        record=RecordRef('meeting', named) if canceled and named else None,
    )
    return Element((seen,))


def is_ours(data: Mapping[str, Any], calendar: str) -> bool:
    """True for an event of `calendar` itself that Hermes made; a guest's copy of it is not meant."""
    organizer = data.get('organizer')
    if isinstance(organizer, dict) and organizer.get('self') is not True:
        by = mapping.address(organizer.get('email'))
        if by is not None and by != calendar.lower():
            return False
    if _meeting(_private(data)) is not None:
        return True
    identity = data.get('id')
    return data.get('status') == 'cancelled' and isinstance(identity, str) and mapping.is_chosen(identity)


def only_ours(body: bytes, calendar: str) -> bytes:
    """A page without the events that are none of our business; as it is, when it cannot be read."""
    told = wire.try_json(body)
    if not isinstance(told, dict) or not isinstance(told.get('items'), list):
        return body
    items = told['items']
    ours = [item for item in items if isinstance(item, dict) and is_ours(item, calendar)]
    kept = {key: told[key] for key in ('updated', 'nextPageToken', 'nextSyncToken') if key in told}
    return json.dumps({**kept, 'items': ours, 'left_out': len(items) - len(ours)}, ensure_ascii=False).encode()


def read_event(data: Mapping[str, Any], calendar: str) -> dict[str, Any]:
    """An event in canonical fields; what cannot be read says nothing. An event of whole days says no times."""
    fields: dict[str, Any] = {'calendar': calendar}
    for key in ('summary', 'description'):
        fields[key] = data[key] if isinstance(data.get(key), str) and data[key] else None
    if isinstance(data.get('status'), str):
        fields['status'] = data['status']
    for key, name in (('start_at', 'start'), ('end_at', 'end')):
        at = _time(data.get(name))
        if at is not None:
            fields[key] = at.replace(microsecond=0).isoformat()
    start = data.get('start')
    if isinstance(start, dict) and isinstance(start.get('timeZone'), str):
        fields['zone'] = start['timeZone']
    if isinstance(start, dict):
        fields['shape'] = 'series' if data.get('recurrence') else 'days' if start.get('date') else 'call'
    fields |= _guests(data.get('attendees'))
    fields |= _conference(data)
    private = _private(data)
    named = _meeting(private)
    if named is not None:
        fields['hermes_id'] = [named]
    for key, name in (('uid', mapping.HERMES_UID), ('guest', mapping.HERMES_GUEST)):
        if isinstance(private.get(name), str):
            fields[key] = private[name]
    if isinstance(data.get('sequence'), int):
        fields['sequence'] = data['sequence']
    fields['answer'] = fields['guests'].get(fields.get('guest'), {}).get('responseStatus')
    return fields


def _guests(raw: Any) -> dict[str, Any]:
    """'attendees': addresses in order; 'guests': what their entries hold besides. No list is an empty list."""
    guests: dict[str, dict[str, Any]] = {}
    for entry in raw if isinstance(raw, list) else ():
        guest = mapping.address(entry.get('email')) if isinstance(entry, dict) else None
        if guest:
            guests[guest] = {key: entry[key] for key in mapping.KEPT_OF_GUESTS if key in entry}
    return {'attendees': sorted(guests), 'guests': {guest: guests[guest] for guest in sorted(guests)}}


def _conference(data: Mapping[str, Any]) -> dict[str, Any]:
    """'meet': there is a conference, or one is being made; 'meet_url': where it is."""
    url = data.get('hangoutLink')
    held = data.get('conferenceData')
    if not isinstance(held, dict):
        return {'meet': isinstance(url, str), 'meet_url': url if isinstance(url, str) else None}
    asked = held.get('createRequest')
    status = asked.get('status') if isinstance(asked, dict) else None
    failed = isinstance(status, dict) and status.get('statusCode') == 'failure'
    for point in held.get('entryPoints') or () if not isinstance(url, str) else ():
        if isinstance(point, dict) and point.get('entryPointType') == 'video' and isinstance(point.get('uri'), str):
            url = point['uri']
    return {'meet': not failed, 'meet_url': url if isinstance(url, str) else None}


def _private(data: Mapping[str, Any]) -> Mapping[str, Any]:
    extended = data.get('extendedProperties')
    private = extended.get('private') if isinstance(extended, dict) else None
    return private if isinstance(private, dict) else {}


def _meeting(private: Mapping[str, Any]) -> int | None:
    """The meeting that an event's private property names."""
    try:
        number = wire.whole(private.get(mapping.HERMES_ID, ''))
    except ValueError:
        return None
    return number if number is not None and number > 0 else None


def _time(raw: Any) -> datetime | None:
    """The moment of a start or an end, aware UTC; without an offset it is told in its own `timeZone`."""
    told = raw.get('dateTime') if isinstance(raw, dict) else None
    if not isinstance(told, str) or not told.strip():
        return None
    try:
        at = datetime.fromisoformat(told.strip())
        if at.tzinfo is None:
            at = at.replace(tzinfo=ZoneInfo(raw['timeZone']))
        return wire.moment(at.isoformat())
    except (ValueError, KeyError, TypeError, OverflowError, ZoneInfoNotFoundError, OSError):
        return None


def _moment(raw: Any) -> datetime | None:
    try:
        return wire.moment(raw) if isinstance(raw, str) else None
    except ValueError:
        return None
