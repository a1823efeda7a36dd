"""What an answer asks for (the tree of `domain/errors.py`). A status is an integer; no text decides anything (F-8).

Texts are only looked at to tell people which field is meant: the hashes of custom fields, and the keys of
structured errors.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.domain.errors import AuthBroken, Forbidden, Gone, RateLimited, Rejected
from hermes.domain.fields import Catalogue
from hermes.kit import wire
from hermes.ports import Answer, Request
from hermes.ports.judging import came_through
from hermes.systems.pipedrive import objects

WRITES: Final = frozenset({'create', 'update', 'delete', 'add_field', 'add_webhook', 'drop_webhook'})
BURST_WAIT_S: Final = 2.0
BLOCKED_WAIT_S: Final = 60.0
DAILY_WAIT_S: Final = 1800.0
_EPOCH_FROM: Final = 1_000_000_000
_CODE: Final = re.compile(r'\b[0-9a-f]{40}\b', re.ASCII)
_NATIVE_NAMES: Final = {
    'organization': {'name': 'name', 'owner_id': 'sales_person_id', 'address': 'country'},
    'person': {
        'name': 'last_name', 'first_name': 'first_name', 'last_name': 'last_name', 'emails': 'email', 'email': 'email',
        'phones': 'phone', 'phone': 'phone', 'org_id': 'company_id', 'owner_id': 'owner_id',
    },
    'deal': {
        'title': 'title', 'status': 'status', 'org_id': 'company_id', 'person_id': 'contact_id', 'owner_id': 'admin_id',
        'pipeline_id': 'pipeline_id', 'stage_id': 'stage_id',
    },
    'activity': {
        'subject': 'subject', 'type': 'type', 'due_date': 'due_at', 'due_time': 'due_at', 'duration': 'duration',
        'owner_id': 'owner_id', 'org_id': 'company_id', 'deal_id': 'deal_id', 'participants': 'contact_id',
        'person_id': 'contact_id', 'note': 'note',
    },
}  # fmt: skip


def judge(request: Request, answer: Answer, catalogue: Catalogue, now: datetime) -> None:
    """Raise the Reaction that the answer asks for; return when it succeeded. `now`: for answers without a time."""
    status = answer.status or 0
    if came_through('Pipedrive', answer, write=request.op in WRITES, proper=lambda: _proper(request, answer)):
        return
    if status == 429:
        raise _limited(answer, now)
    if status == 403 and wire.try_json(answer.body) is None:
        until = _told_wait(answer, now) or now + timedelta(seconds=BLOCKED_WAIT_S)
        raise RateLimited('Pipedrive blocks us for calling too often (403 without JSON).', until)
    _refused(request, answer, catalogue, status)


def _refused(request: Request, answer: Answer, catalogue: Catalogue, status: int) -> None:
    message = _message(answer, status)
    if status in (401, 402):
        raise AuthBroken(message)
    if status == 403:
        raise Forbidden(message)
    if status in (404, 410):
        raise Gone(f'Pipedrive has no such object ({status}).')
    raise Rejected(message, named_fields(request, answer, catalogue))


def _proper(request: Request, answer: Answer) -> bool:
    if request.op in ('delete', 'drop_webhook') and answer.status == 204:
        return True
    told = wire.try_json(answer.body)
    if not isinstance(told, dict) or told.get('success') is False:
        return False
    if request.op in ('create', 'update', 'read'):
        return _names_an_object(told.get('data'))
    return True


def _names_an_object(data: Any) -> bool:
    """Whether an answer tells which object it speaks of: else nobody knows what was made (OUT-4)."""
    try:
        return isinstance(data, dict) and objects.remote_id(data.get('id')) is not None
    except ValueError:
        return False


def _limited(answer: Answer, now: datetime) -> RateLimited:
    """429. With requests left in the window it must be the day's budget that is spent: nothing else tells."""
    try:
        daily = (wire.whole(answer.headers.get('x-ratelimit-remaining', '')) or 0) > 0
    except ValueError:
        daily = False
    until = _told_wait(answer, now, daily=daily)
    if daily:
        return RateLimited(
            "The day's token budget of Pipedrive is spent.", until or now + timedelta(seconds=DAILY_WAIT_S), daily=True
        )
    return RateLimited('Pipedrive asks us to wait (429).', until or now + timedelta(seconds=BURST_WAIT_S))


def _told_wait(answer: Answer, now: datetime, *, daily: bool = False) -> datetime | None:
    """Until when an answer says to wait: Retry-After, else the burst window's reset."""
    base = answer.ended_at or now
    for name in ('retry-after', *(() if daily else ('x-ratelimit-reset',))):
        told = answer.headers.get(name, '')
        try:
            seconds = wire.whole(told)
        except ValueError:
            at = wire.http_date(told)
            if at is not None:
                return at
            continue
        if seconds is None or seconds < 0:
            continue
        if seconds >= _EPOCH_FROM:
            try:
                return wire.moment(seconds)
            except ValueError:
                continue
        return base + timedelta(seconds=min(seconds, 86_400))
    return None


def _message(answer: Answer, status: int) -> str:
    told = wire.try_json(answer.body)
    parts = [told.get(key) for key in ('error', 'message', 'code')] if isinstance(told, dict) else []
    words = '; '.join(part for part in parts if isinstance(part, str) and part)
    if isinstance(told, dict) and isinstance(told.get('errors'), dict):
        words = '; '.join(filter(None, [words, 'fields: ' + ', '.join(sorted(map(str, told['errors'])))]))
    return f'Pipedrive refuses ({status}): {words or "no reason given"}'[:500]


def named_fields(request: Request, answer: Answer, catalogue: Catalogue) -> tuple[str, ...]:
    """Canonical names of the fields that a refusal names, in the order of their mention."""
    record_type = objects.RECORD_OF.get(request.type)
    if record_type is None:
        return ()
    native = _NATIVE_NAMES.get(request.type, {})
    found: list[str] = []
    for code in _CODE.findall(answer.body.decode('utf-8', 'replace')):
        item = catalogue.by_code.get((record_type, code))
        if item and item.attribute not in found:
            found.append(item.attribute)
    for name in _names(wire.try_json(answer.body)):
        canonical = native.get(name)
        if canonical and canonical in request.fields and canonical not in found:
            found.append(canonical)
    return tuple(found)


def _names(told: Any, *, inside: bool = False) -> Iterator[str]:
    """Field names in the structured part of an error: keys under `errors`, and what `field` and its like hold."""
    if isinstance(told, dict):
        for key, part in told.items():
            if inside:
                yield str(key)
            if key in ('field', 'field_code', 'param', 'path', 'property') and isinstance(part, str):
                yield part.rpartition('.')[2]
            yield from _names(part, inside=key in ('errors', 'error_details', 'validation_errors'))
    elif isinstance(told, list):
        for part in told:
            yield from _names(part)
