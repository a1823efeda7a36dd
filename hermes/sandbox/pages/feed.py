"""Calls of Hermes and webhooks to Hermes in one list, newest first, in words: so that one can watch a change travel."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from hermes.sandbox.outbox import Delivery
    from hermes.sandbox.world import Call, World

NAMES = {
    'pipedrive': 'Pipedrive',
    'tutorcruncher': 'TutorCruncher',
    'google': 'Google Calendar',
    'salesforce': 'Salesforce',
    'nationbuilder': 'NationBuilder',
    'mailbox': 'the mail server',
}
PREFIXES = (
    '/pipedrive', '/tc2', '/google/calendar/v3', '/google', '/salesforce', '/services', '/data', '/nationbuilder',
    '/api', '/v2', '/v1',
)  # fmt: skip
DETAIL_KEPT = 6000
QUERY_KEPT = 120


@dataclass(frozen=True)
class Item:
    """One line: who told whom what, and how it went. `tone` is `good`, `bad` or `wait`."""

    at: datetime
    sender: str
    receiver: str
    system: str
    what: str
    about: str
    outcome: str
    tone: str
    cost: int
    note: str
    detail: str


def moment_text(moment: datetime) -> str:
    """Time of day in UTC, to the hundredth of a second."""
    return moment.strftime('%H:%M:%S.') + f'{moment.microsecond // 10000:02d}'


def newest(world: 'World', count: int) -> list[Item]:
    """At most `count` lines; what still waits to be sent stands first."""
    names = field_names(world)
    waiting = sorted(world.outbox.waiting, key=lambda one: one.due_at, reverse=True)[: count // 4]
    sent = itertools.islice(reversed(world.outbox.sent), count)
    past = [_delivered(one, names) for one in sent]
    past += [_called(one, names) for one in itertools.islice(reversed(world.calls), count)]
    past.sort(key=lambda item: item.at, reverse=True)
    return ([_delivered(one, names) for one in waiting] + past)[:count]


def calls(world: 'World', system: str, count: int) -> list[Item]:
    """The last calls to one system, newest first."""
    names = field_names(world)
    found = (call for call in reversed(world.calls) if call.system == system)
    return [_called(call, names) for call in itertools.islice(found, count)]


def field_names(world: 'World') -> dict[str, str]:
    """Name by code of every custom field of Pipedrive."""
    catalogues = world.pipedrive.catalogues.values()
    return {field['field_code']: field['field_name'] for catalogue in catalogues for field in catalogue.custom()}


def _called(call: 'Call', names: dict[str, str]) -> Item:
    path = call.path
    for prefix in PREFIXES:
        path = path.removeprefix(prefix)
    about = ', '.join(_keys(call.request, names)) if call.method != 'GET' else unquote_plus(call.query)[:QUERY_KEPT]
    tone = 'good' if 200 <= call.status < 300 and not call.note else 'bad'
    detail = _pretty({'request': call.request, 'answer': call.answer}, names)
    system = NAMES.get(call.system, call.system)
    outcome = str(call.status or '…')
    what = f'{call.method} {path}'
    return Item(call.at, 'Hermes', system, call.system, what, about, outcome, tone, call.token_cost, call.note, detail)


def _delivered(delivery: 'Delivery', names: dict[str, str]) -> Item:
    try:
        payload = json.loads(delivery.body)
    except ValueError:
        payload = None
    what, about = _told(payload, names) if delivery.body else _signalled(delivery)
    if delivery.sent_at is None:
        outcome, tone = f'due {moment_text(delivery.due_at)[:8]}', 'wait'
    else:
        outcome = 'no answer' if delivery.status is None else str(delivery.status)
        tone = 'good' if delivery.status is not None and 200 <= delivery.status < 300 else 'bad'
    note = f'attempt {delivery.attempt}' if delivery.attempt > 1 else ''
    at = delivery.sent_at or delivery.due_at
    detail = _pretty(payload, names) if delivery.body else _pretty(delivery.headers, {})
    system = NAMES.get(delivery.system, delivery.system)
    return Item(at, system, 'Hermes', delivery.system, what, about, outcome, tone, 0, note, detail)


def _told(payload: Any, names: dict[str, str]) -> tuple[str, str]:
    if not isinstance(payload, dict):
        return 'something else', ''
    if isinstance(meta := payload.get('meta'), dict):
        changed = payload.get('previous') if meta.get('action') == 'change' else None
        told = f'{meta.get("entity")} {meta.get("entity_id")} {meta.get("action")}'
        source = 'by the API' if meta.get('change_source') == 'api' else 'in the app'
        return told, ', '.join([source, *_keys(changed, names)])
    events = payload.get('events')
    if not isinstance(events, list) or not events or not isinstance(events[0], dict):
        return 'something else', ''
    subject = events[0].get('subject')
    subject = subject if isinstance(subject, dict) else {}
    agency = subject.get('meta_agency')
    name = agency.get('name') if isinstance(agency, dict) else None
    more = f' and {len(events) - 1} more' if len(events) > 1 else ''
    about = ' '.join(str(part) for part in (subject.get('model'), subject.get('id'), name) if part)
    return f'{events[0].get("action")}{more}', about


def _signalled(delivery: 'Delivery') -> tuple[str, str]:
    """A message without a body: what its headers say."""
    told = delivery.headers
    calendar = unquote(told.get('X-Goog-Resource-URI', '').partition('/calendars/')[2].partition('/')[0])
    return f'calendar {told.get("X-Goog-Resource-State")}', f'{calendar}, message {told.get("X-Goog-Message-Number")}'


def _keys(value: Any, names: dict[str, str]) -> Iterator[str]:
    """What was written or changed, custom fields by name, machine names of TutorCruncher as they are."""
    if not isinstance(value, dict):
        return
    data = value.get('data')
    inside = data.get('attributes') if isinstance(data, dict) else None
    for key, inner in (inside if isinstance(inside, dict) else value).items():
        if key in ('custom_fields', 'extra_attrs') and isinstance(inner, dict):
            yield from (names.get(str(one), str(one)) for one in inner)
        elif key not in ('update_time', 'stage_change_time'):
            yield str(key)


def _pretty(value: Any, names: dict[str, str]) -> str:
    text = json.dumps(value, indent=1, ensure_ascii=False)[:DETAIL_KEPT]
    for code, name in names.items():
        if code in text:
            text = text.replace(code, f'{name} ({code[:6]}…)')
    return text
