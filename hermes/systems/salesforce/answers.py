"""What an answer asks for (the tree of `domain/errors.py`). A status and the vendor's own codes decide, never a text.

A call with many items succeeds as a whole, and each of them by itself. Nothing is taken for the answer to an item that
does not fit all of them: as many as were asked for, each with an id of its own. What is told names codes and fields:
the vendor's sentences say back who somebody is.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.domain.errors import Ambiguous, AuthBroken, Forbidden, Gone, RateLimited, Reaction, Rejected, Retry
from hermes.kit import wire
from hermes.ports import Answer, Request
from hermes.ports.judging import came_through
from hermes.systems.salesforce.client import items_of
from hermes.systems.salesforce.ids import try_id
from hermes.systems.salesforce.mapping import Mapped

NAME: Final = 'Salesforce'
WRITES: Final = frozenset({'create', 'update', 'delete'})
DAILY_WAIT_S: Final = 1800.0
BLOCKED_WAIT_S: Final = 60.0
SPENT: Final = frozenset({'REQUEST_LIMIT_EXCEEDED'})
FULL: Final = frozenset({'STORAGE_LIMIT_EXCEEDED'})
BROKEN: Final = frozenset(
    {'INVALID_SESSION_ID', 'INVALID_AUTH_HEADER', 'INVALID_LOGIN', 'API_DISABLED_FOR_ORG', 'API_CURRENTLY_DISABLED',
     'ORG_LOCKED', 'INACTIVE_OWNER_OR_USER'}
)  # fmt: skip
LATER: Final = frozenset(
    {'UNABLE_TO_LOCK_ROW', 'SERVER_UNAVAILABLE', 'REQUEST_RUNNING_TOO_LONG', 'QUERY_TIMEOUT', 'INVALID_QUERY_LOCATOR',
     'CONCURRENT_REQUESTS_EXCEEDED', 'TOO_MANY_APEX_REQUESTS', 'ALL_OR_NONE_OPERATION_ROLLED_BACK', 'PROCESSING_HALTED',
     'UNKNOWN_EXCEPTION'}
)  # fmt: skip
GONE: Final = frozenset({'ENTITY_IS_DELETED', 'NOT_FOUND', 'INVALID_CROSS_REFERENCE_KEY'})
CLOSED: Final = frozenset(
    {'INSUFFICIENT_ACCESS', 'INSUFFICIENT_ACCESS_OR_READONLY', 'INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY',
     'INSUFFICIENT_PERMISSIONS', 'FUNCTIONALITY_NOT_ENABLED', 'CANNOT_UPDATE_CONVERTED_LEAD'}
)  # fmt: skip
LONGEST: Final = 500
_CODE: Final = re.compile(r'[A-Z][A-Z0-9_]{2,79}', re.ASCII)
_NAME: Final = re.compile(r'\b[A-Za-z][A-Za-z0-9_]{1,79}\b', re.ASCII)


def judge(request: Request, answer: Answer, mapped: Mapped, now: datetime) -> None:
    """Raise the Reaction that the answer asks for; return when it succeeded. `now`: for answers without a time."""
    write, status = request.op in WRITES, answer.status or 0
    if several(request, answer):
        raise Ambiguous(f'{NAME} knows several objects under this key: a person has to decide.')
    if came_through(NAME, answer, write=write, proper=lambda: is_proper(request, answer)):
        return
    errors = read_errors(wire.try_json(answer.body))
    if status == 403 and not errors and answer.sent:
        raise RateLimited(f'{NAME} blocks us (403 without JSON).', _until(answer, now, BLOCKED_WAIT_S))
    raise _reaction(request, request, errors, answer, mapped, now)


def verdicts(request: Request, answer: Answer, mapped: Mapped, now: datetime) -> list[Reaction | None]:
    """Of a call with items that succeeded as a whole: what each of them asks for, by index."""
    found = results(request, answer)
    if found is None:
        return [Ambiguous(f'{NAME} answered {answer.status} without a proper body.') for _ in items_of(request)]
    return [
        None
        if told.get('success') is True
        else _reaction(request, item, read_errors(told.get('errors')), answer, mapped, now)
        for item, told in zip(items_of(request), found, strict=True)
    ]


def results(request: Request, answer: Answer) -> list[dict[str, Any]] | None:
    """What was said of each item, by index; None where it cannot be told which is whose."""
    told = wire.try_json(answer.body)
    found = [told] if isinstance(told, dict) else told
    items = items_of(request)
    if not isinstance(found, list) or len(found) != len(items):
        return None
    done: list[str] = []
    for item, each in zip(items, found, strict=True):
        if not isinstance(each, dict) or not isinstance(each.get('success'), bool):
            return None
        if each['success']:
            identity = try_id(each.get('id'))
            if identity is None or (item.remote_id and identity != try_id(item.remote_id)):
                return None
            done.append(identity)
    return found if len(set(done)) == len(done) else None


def several(request: Request, answer: Answer) -> tuple[str, ...]:
    """The objects that a creation met where there may be one: a 300 lists their addresses. () where it is none."""
    told = wire.try_json(answer.body) if answer.status == 300 and request.op == 'create' else None
    named = [each.rpartition('/')[2] for each in told if isinstance(each, str)] if isinstance(told, list) else []
    found = tuple(dict.fromkeys(identity for each in named if (identity := try_id(each))))
    return found if len(found) > 1 else ()


def is_proper(request: Request, answer: Answer) -> bool:
    """Whether the body is one of a call that succeeded."""
    if request.op in WRITES:
        return results(request, answer) is not None
    told = wire.try_json(answer.body)
    if not isinstance(told, dict):
        return False
    if request.op == 'read':
        return try_id(told.get('Id')) == try_id(request.remote_id)
    if request.op == 'me':
        return try_id(told.get('organisation')) is not None
    if request.op == 'lists':
        return isinstance(told.get('lists'), list)
    if request.op == 'describe':
        return isinstance(told.get('objects'), dict)
    rows = told.get('records')
    if not isinstance(rows, list):
        return False
    if request.op == 'sustainers':
        named = all(isinstance(row, dict) and try_id(row.get('id')) for row in rows)
        return named and (told.get('done') is True or bool(told.get('next')))
    named = all(isinstance(row, dict) and try_id(row.get('Id')) for row in rows)
    return named and told.get('done') is True


def read_errors(told: Any) -> list[Mapping[str, Any]]:
    """The single errors of an answer or of an item: an array of them, whose code has two names."""
    found = told if isinstance(told, list) else [told]
    return [each for each in found if isinstance(each, dict) and _code(each)]


def is_gone(error: Mapping[str, Any]) -> bool:
    """Whether an error says that the object it is about is not there any more."""
    return _code(error) in GONE


def _code(error: Mapping[str, Any]) -> str:
    for name in ('errorCode', 'statusCode'):
        code = error.get(name)
        if isinstance(code, str) and _CODE.fullmatch(code):
            return code
    return ''


def _reaction(
    request: Request,
    item: Request,
    errors: list[Mapping[str, Any]],
    answer: Answer,
    mapped: Mapped,
    now: datetime,
) -> Reaction:
    """What the refusal of a call, or of one item of it, asks for."""
    status, codes = answer.status or 0, {_code(error) for error in errors}
    message = _message(item, errors, answer, mapped)
    if codes & SPENT:
        return RateLimited(f"The day's requests to {NAME} are spent.", _until(answer, now, DAILY_WAIT_S), daily=True)
    if status == 429:
        return RateLimited(f'{NAME} asks us to wait (429).', _until(answer, now, BLOCKED_WAIT_S))
    if codes & FULL:
        return RateLimited(f'{NAME} has no room left for objects.', _until(answer, now, DAILY_WAIT_S))
    if status == 401 or codes & BROKEN:
        return AuthBroken(message)
    if codes & LATER or status in (408, 409, 412, 423):
        return Retry(message)
    named_by_id = item.op in ('update', 'delete', 'read') and bool(item.remote_id)
    if named_by_id and (status in (404, 410) or codes & GONE):
        return Gone(f'{NAME} has no such object ({", ".join(sorted(codes)) or status}).')
    if codes & CLOSED or status == 403:
        return Forbidden(message)
    return Rejected(message, named_fields(item, errors, mapped))


def _until(answer: Answer, now: datetime, default_s: float) -> datetime:
    """Until when to wait: Retry-After (seconds or a date), else `default_s`; a day at most."""
    base, told = answer.ended_at or now, answer.headers.get('retry-after', '')
    try:
        seconds = wire.whole(told)
    except ValueError:
        at = wire.http_date(told)
        return min(at, base + timedelta(days=1)) if at is not None else base + timedelta(seconds=default_s)
    wait_s = default_s if seconds is None or seconds < 0 else min(seconds, 86_400)
    return base + timedelta(seconds=wait_s)


def _message(item: Request, errors: list[Mapping[str, Any]], answer: Answer, mapped: Mapped) -> str:
    words = [_words(item, error, mapped) for error in errors]
    told = '; '.join(dict.fromkeys(words)) or answer.error or 'no reason given'
    return f'{NAME} refuses ({answer.status}): {told}'[:LONGEST]


def _words(item: Request, error: Mapping[str, Any], mapped: Mapped) -> str:
    fields = sorted(set(_mentioned(item, error, mapped)))
    return _code(error) + (f' ({", ".join(fields)})' if fields else '')


def _mentioned(item: Request, error: Mapping[str, Any], mapped: Mapped) -> Iterator[str]:
    """The fields that an error names, as they are called there: where it lists them, else in its sentence."""
    kind = mapped.kinds.get(item.type)
    if kind is None:
        return
    listed = error.get('fields')
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    said = error.get('message')
    for name in names or (_NAME.findall(said) if isinstance(said, str) else []):
        if kind.key_of(name):
            yield name


def named_fields(item: Request, errors: list[Mapping[str, Any]], mapped: Mapped) -> tuple[str, ...]:
    """Canonical names of the fields that a refusal names, in the order of their mention."""
    kind = mapped.kinds.get(item.type)
    told = [kind.key_of(name) for error in errors for name in _mentioned(item, error, mapped)] if kind else []
    return tuple(dict.fromkeys(key for key in told if key in item.fields))
