"""What an answer asks for (the tree of `domain/errors.py`). A status and the vendor's own codes decide, never a text.

A call for many has a part for each of them (client.py), and each of these is judged as if it had gone alone. What is
told names codes and fields: the vendor's sentences say back who somebody is.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.domain.errors import AuthBroken, Forbidden, Gone, Pending, RateLimited, Reaction, Rejected, Retry
from hermes.kit import wire
from hermes.ports import Answer, Request
from hermes.ports.judging import came_through
from hermes.systems.nationbuilder.client import items_of
from hermes.systems.nationbuilder.mapping import Mapped
from hermes.systems.nationbuilder.wire_calls import identity

NAME: Final = 'NationBuilder'
WRITES: Final = frozenset({'create', 'update', 'delete'})
WAIT_S: Final = 10.0
JOB_S: Final = 2.0
DONE: Final = frozenset({'completed', 'complete', 'done', 'succeeded', 'success', 'finished'})
FAILED: Final = frozenset({'failed', 'failure', 'error', 'errored', 'killed', 'canceled', 'cancelled', 'unknown'})
LONGEST: Final = 500
_CODE: Final = re.compile(r'[a-z][a-z0-9_]{1,59}', re.ASCII)
_POINTER: Final = re.compile(r'/data/attributes/(?:custom_values/)?([a-z][a-z0-9_]{0,79})', re.ASCII)


def judge(request: Request, answer: Answer, mapped: Mapped, now: datetime) -> None:
    """Raise the Reaction that the answer asks for; return when it succeeded. `now`: for answers without a time."""
    write = request.op in WRITES
    if request.op == 'job' and answer.status == 200 and (jobs := _jobs(answer)) is not None:
        _judge_jobs(jobs, answer, now)
        return
    if came_through(NAME, answer, write=write, proper=lambda: is_proper(request, answer)):
        if write and not request.items:
            [reaction] = verdicts(request, answer, mapped, now)
            if reaction is not None:
                raise reaction
        return
    items = items_of(request)
    raise _refusal(items[0] if len(items) == 1 else request, answer, mapped, now)


def verdicts(request: Request, answer: Answer, mapped: Mapped, now: datetime) -> list[Reaction | None]:
    """Of a call with items that succeeded as a whole: what each of them asks for, by index."""
    found = results(request, answer)
    if found is None:
        return [Retry(f'{NAME} answered {answer.status} without a proper body.') for _ in items_of(request)]
    at = answer.ended_at or now
    return [_verdict(item, told, mapped, at) for item, told in zip(items_of(request), found, strict=True)]


def _verdict(item: Request, told: Mapping[str, Any], mapped: Mapped, at: datetime) -> Reaction | None:
    if told.get('status') == 200:
        jobs = told.get('jobs')
        return (
            Pending(f'{NAME} changes its lists later.', at + timedelta(seconds=JOB_S), job_of(told)) if jobs else None
        )
    if told.get('sent') is False and told.get('status') is None:
        until = told.get('until')
        if isinstance(until, str):
            return RateLimited(f'{NAME} has no requests left in this window.', wire.moment(until))
        return Retry(f'{NAME} was not asked: there was no time left.')
    part = Answer(
        told.get('status'), str(told.get('body') or '').encode(), told.get('headers') or {}, ended_at=at,
        sent=told.get('sent') is not False, error=str(told.get('error') or ''),
    )  # fmt: skip
    try:
        came_through(NAME, part, write=True, proper=lambda: False)
    except Reaction as reaction:
        return reaction
    if part.status in (404, 410):
        missing = f'{NAME} has no such person ({part.status}).'
        return Gone(missing) if told.get('gone') is True else Retry(f'{NAME} lacks a list or a tag ({part.status}).')
    refusal = _refusal(item, part, mapped, at)
    halfway = item.op == 'create' and bool(told.get('id'))
    return Retry(str(refusal)) if halfway and isinstance(refusal, (Rejected, Forbidden)) else refusal


def job_of(told: Mapping[str, Any]) -> str:
    """What a part of an answer says of jobs that go on, as it is asked for again."""
    return json.dumps({'id': str(told.get('id')), 'tokens': [str(token) for token in told['jobs']]})


def results(request: Request, answer: Answer) -> list[dict[str, Any]] | None:
    """What was said of each item, by index; None where it cannot be told which is whose."""
    told = wire.try_json(answer.body)
    found = told.get('items') if isinstance(told, dict) else None
    items = items_of(request)
    if not isinstance(found, list) or len(found) != len(items):
        return None
    for item, each in zip(items, found, strict=True):
        if not isinstance(each, dict) or not _is_part(each):
            return None
        known = each.get('id')
        if known and (identity(each) != known or (item.remote_id or known) != known):
            return None
        if each.get('status') == 200 and not known:
            return None
    return found


def _is_part(told: Mapping[str, Any]) -> bool:
    """Whether this is what the client says of one item."""
    status, until = told.get('status'), told.get('until')
    lists = (told.get('did', []), told.get('jobs', []))
    try:
        wire.moment(until) if until is not None else None
    except ValueError:
        return False
    return (
        (status is None or (isinstance(status, int) and not isinstance(status, bool)))
        and all(isinstance(each, list) and all(isinstance(one, str) for one in each) for each in lists)
        and isinstance(told.get('headers', {}), dict)
        and all(isinstance(value, str) for value in told.get('headers', {}).values())
    )


def is_proper(request: Request, answer: Answer) -> bool:
    """Whether the body is one of a call that succeeded."""
    if request.op in WRITES:
        return results(request, answer) is not None
    told = wire.try_json(answer.body)
    if not isinstance(told, dict):
        return False
    if request.op in ('read', 'me'):
        found = identity(told.get('data'))
        return bool(found) and (request.op == 'me' or found == request.remote_id)
    if request.op == 'lookup':
        rows = told.get('rows')
        return told.get('done') is True and isinstance(rows, list) and all(identity(row) for row in rows)
    if request.op == 'sustainers':
        ids, more = told.get('ids'), told.get('next')
        named = isinstance(ids, list) and all(
            isinstance(each, str) and each.isascii() and each.isdigit() for each in ids
        )
        return named and (more is None or (isinstance(more, int) and not isinstance(more, bool)))
    if request.op in ('lists', 'describe'):
        rows = told.get('lists')
        return isinstance(rows, list) and all(isinstance(row, dict) and identity(row) for row in rows)
    return False


def _jobs(answer: Answer) -> list[dict[str, Any]] | None:
    told = wire.try_json(answer.body)
    jobs = told.get('jobs') if isinstance(told, dict) else None
    return jobs if isinstance(jobs, list) and jobs and all(isinstance(job, dict) for job in jobs) else None


def _judge_jobs(jobs: list[dict[str, Any]], answer: Answer, now: datetime) -> None:
    """Raises Rejected for one that failed, Pending while one goes on."""
    states = [str(job.get('status') or '').strip().lower() for job in jobs]
    if bad := sorted({state for state in states if state in FAILED}):
        raise Rejected(f'{NAME} did not change the mailing lists: its job is {", ".join(bad)}.', ('lists',))
    left = [job for job, state in zip(jobs, states, strict=True) if state not in DONE]
    if left:
        told = {'id': (wire.load_json(answer.body)).get('id'), 'jobs': [job.get('token') for job in jobs]}
        until = (answer.ended_at or now) + timedelta(seconds=JOB_S)
        raise Pending(f'{NAME} changes its lists later.', until, job_of(told))


def _refusal(item: Request, answer: Answer, mapped: Mapped, now: datetime) -> Reaction:
    status, told = answer.status or 0, wire.try_json(answer.body)
    code = told.get('code') if isinstance(told, dict) else None
    named = code if isinstance(code, str) and _CODE.fullmatch(code) else ''
    fields = named_fields(item, told, mapped)
    words = '; '.join(filter(None, [named, ', '.join(fields)])) or answer.error or 'no reason given'
    message = f'{NAME} refuses ({status}): {words}'[:LONGEST]
    if status == 429 or (status == 403 and not isinstance(told, dict)):
        return RateLimited(f'{NAME} asks us to wait ({status}).', _until(answer, now))
    if status == 401:
        return AuthBroken(f'{NAME} does not let us in: {answer.error}'[:LONGEST] if answer.error else message)
    if named == 'no_list' and isinstance(told, dict):
        return Rejected(f'{NAME} has no mailing list "{str(told.get("list"))[:100]}".', ('lists',))
    if status in (404, 410) and item.remote_id:
        return Gone(f'{NAME} has no such person ({status}).')
    if status in (408, 409, 423, 425):
        return Retry(message)
    if status == 403:
        return Forbidden(message)
    return Rejected(message, fields)


def named_fields(item: Request, told: Any, mapped: Mapped) -> tuple[str, ...]:
    """Canonical names of the fields that a refusal points at, in the order of their mention."""
    errors = told.get('errors') if isinstance(told, dict) else None
    found: list[str] = []
    for error in errors if isinstance(errors, list) else []:
        source = error.get('source') if isinstance(error, dict) else None
        pointer = source.get('pointer') if isinstance(source, dict) else None
        matched = _POINTER.fullmatch(pointer) if isinstance(pointer, str) else None
        key = mapped.key_of(matched[1]) if matched else ''
        if key and key in item.fields and key not in found:
            found.append(key)
    return tuple(found)


def _until(answer: Answer, now: datetime) -> datetime:
    """Until when to wait: Retry-After (seconds or a date), else the window's reset; a day at most."""
    base = answer.ended_at or now
    latest = base + timedelta(days=1)
    told = answer.headers.get('retry-after', '')
    try:
        seconds = wire.whole(told)
    except ValueError:
        at = wire.http_date(told)
        return min(at, latest) if at is not None else base + timedelta(seconds=WAIT_S)
    if seconds is not None and seconds >= 0:
        return base + timedelta(seconds=min(seconds, 86_400))
    try:
        reset = wire.moment(answer.headers.get('ratelimit-reset'))
    except ValueError:
        return base + timedelta(seconds=WAIT_S)
    return min(max(reset, base + timedelta(seconds=1)), latest)
