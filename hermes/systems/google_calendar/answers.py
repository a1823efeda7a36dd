"""What an answer asks for (the tree of `domain/errors.py`). A 403 is split by its structured reason, never by its text.

A creation whose id is taken is Ambiguous: the event under that id says whether it is ours (CB-7). A deletion of what is
not there succeeded.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.domain.errors import Ambiguous, AuthBroken, Forbidden, Gone, RateLimited, Rejected, Retry, StrangeOwner
from hermes.kit import wire
from hermes.ports import Answer, Request
from hermes.ports.judging import came_through

WRITES: Final = frozenset({'create', 'update', 'delete', 'add_webhook', 'drop_webhook'})
WAIT_S: Final = 10.0
QUOTA_WAIT_S: Final = 600.0
BLOCKED_WAIT_S: Final = 60.0
LIMITED: Final = frozenset({'rateLimitExceeded', 'userRateLimitExceeded', 'RATE_LIMIT_EXCEEDED'})
BROKEN: Final = frozenset(
    {'accessNotConfigured', 'insufficientPermissions', 'SERVICE_DISABLED', 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'}
)
"""The account is not set up for what is asked: no event of anybody is to blame, and none is given up for it."""
SPENT: Final = frozenset({'quotaExceeded', 'dailyLimitExceeded'})
STRANGER: Final = (
    'Google gives Hermes no access to this calendar: its owner left, is suspended or was renamed; give the admin '
    'another e-mail address, or make them unbookable.'
)
STRANGER_BODY: Final = b'{"error": {"code": 403, "errors": [{"domain": "hermes", "reason": "strangeOwner"}]}}'
"""What the client answers in Google's place when the account works, but not for a calendar's owner."""
_FIELDS: Final = {
    'start': 'start_at', 'end': 'end_at', 'timeMin': 'start_at', 'timeMax': 'end_at', 'attendees': 'attendees',
    'summary': 'summary', 'description': 'description', 'conferenceData': 'meet',
}  # fmt: skip


def judge(request: Request, answer: Answer, now: datetime) -> None:
    """Raise the Reaction that the answer asks for; return when it succeeded. `now`: for answers without a time."""
    status = answer.status or 0
    if came_through('Google', answer, write=request.op in WRITES, proper=lambda: _proper(request, answer)):
        return
    if request.op in ('delete', 'drop_webhook') and status in (404, 410):
        return
    if status in (403, 429):
        _limited(answer, status, now)
    _refused(request, answer, status)


def _limited(answer: Answer, status: int, now: datetime) -> None:
    """Raise RateLimited where the answer is about how much was asked for; a 403 may be about rights."""
    told = wire.try_json(answer.body)
    reasons = set(_reasons(told))
    if reasons & SPENT:
        raise RateLimited("Google's quota is spent.", _until(answer, now, QUOTA_WAIT_S))
    if status == 429 or reasons & LIMITED:
        raise RateLimited(f'Google asks us to wait ({status}).', _until(answer, now, WAIT_S))
    if told is None:
        raise RateLimited('Google blocks us (403 without JSON).', _until(answer, now, BLOCKED_WAIT_S))


def _refused(request: Request, answer: Answer, status: int) -> None:
    message = _message(answer, status)
    if status == 401 or (status == 403 and BROKEN.intersection(_reasons(wire.try_json(answer.body)))):
        raise AuthBroken(message)
    if answer.body == STRANGER_BODY:
        raise StrangeOwner(STRANGER)
    if status == 403:
        raise Forbidden(message)
    if status in (404, 410):
        raise Gone(f'Google has no such object ({status}).')
    if status == 409 and request.op == 'create':
        raise Ambiguous('Google knows an event with this id already (409).')
    if status in (408, 409, 412):
        raise Retry(f'Google could not do it just now ({status}).')
    raise Rejected(message, _named(request, answer))


def _proper(request: Request, answer: Answer) -> bool:
    if request.op in ('delete', 'drop_webhook'):
        return True
    told = wire.try_json(answer.body)
    if not isinstance(told, dict):
        return False
    if request.op == 'list':
        return isinstance(told.get('items', []), list) and bool(told.get('nextPageToken') or told.get('nextSyncToken'))
    if request.op == 'add_webhook':
        return isinstance(told.get('resourceId'), str)
    return isinstance(told.get('id'), str) and bool(told['id'])


def errors_of(told: Any) -> list[dict[str, Any]]:
    """The single errors of an error's body, in both of its forms."""
    error = told.get('error') if isinstance(told, dict) else None
    if not isinstance(error, dict):
        return []
    lists = [error[part] for part in ('errors', 'details') if isinstance(error.get(part), list)]
    return [item for part in lists for item in part if isinstance(item, dict)]


def _reasons(told: Any) -> Iterator[str]:
    for item in errors_of(told):
        if isinstance(item.get('reason'), str):
            yield item['reason']


def _until(answer: Answer, now: datetime, default_s: float) -> datetime:
    """Until when to wait: Retry-After (seconds or a date), else `default_s`; a day at most."""
    base = answer.ended_at or now
    told = answer.headers.get('retry-after', '')
    try:
        seconds = wire.whole(told)
    except ValueError:
        at = wire.http_date(told)
        return min(at, base + timedelta(days=1)) if at is not None else base + timedelta(seconds=default_s)
    if seconds is None or seconds < 0:
        return base + timedelta(seconds=default_s)
    return base + timedelta(seconds=min(seconds, 86_400))


def _message(answer: Answer, status: int) -> str:
    told = wire.try_json(answer.body)
    error = told.get('error') if isinstance(told, dict) else None
    said = error.get('message') if isinstance(error, dict) else None
    words = [said] if isinstance(said, str) and said else []
    words += sorted(set(_reasons(told)) - set(words))
    return f'Google refuses ({status}): {"; ".join(words) or answer.error or "no reason given"}'[:500]


def _named(request: Request, answer: Answer) -> tuple[str, ...]:
    """Canonical names of the fields that a refusal locates."""
    found: list[str] = []
    for item in errors_of(wire.try_json(answer.body)):
        place = item.get('location')
        name = _FIELDS.get(place.partition('.')[0]) if isinstance(place, str) else None
        if name and name in request.fields and name not in found:
            found.append(name)
    return tuple(found)
