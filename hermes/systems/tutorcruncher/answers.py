"""What an answer of TutorCruncher asks for. A status code is an integer; no text decides anything (F-8)."""

from datetime import datetime, timedelta
from typing import Final

from hermes.domain.errors import AuthBroken, Forbidden, Gone, RateLimited, Rejected
from hermes.kit import wire
from hermes.ports import Answer, Request
from hermes.ports.judging import came_through

WRITES: Final = frozenset({'create', 'update', 'delete'})
WAIT_S: Final = 60.0
EXTRAS: Final = 'extra_attrs'


def judge(request: Request, answer: Answer, now: datetime) -> None:
    """Raise the Reaction that the answer asks for; return when the call succeeded."""
    status = answer.status or 0
    if came_through('TutorCruncher', answer, write=request.op in WRITES, proper=lambda: _proper(answer)):
        return
    if status == 429:
        raise RateLimited('TutorCruncher asks us to wait (429).', _until(answer, now))
    if status == 403 and wire.try_json(answer.body) is None:
        raise RateLimited('TutorCruncher blocks us (403 without JSON).', _until(answer, now))
    if status in (401, 402):
        raise AuthBroken(f'TutorCruncher does not accept the key ({status}).')
    if status == 403:
        raise Forbidden('TutorCruncher forbids this (403).')
    if status in (404, 410):
        raise Gone(f'TutorCruncher has no such client ({status}).')
    raise Rejected(f'TutorCruncher refuses ({status}).', _fields(request, answer))


def _proper(answer: Answer) -> bool:
    return isinstance(wire.try_json(answer.body), dict)


def _until(answer: Answer, now: datetime) -> datetime:
    told = answer.headers.get('retry-after', '')
    try:
        seconds = wire.whole(told)
    except ValueError:
        return wire.http_date(told) or now + timedelta(seconds=WAIT_S)
    return (answer.ended_at or now) + timedelta(seconds=min(max(seconds, 0), 86_400) if seconds is not None else WAIT_S)


def _fields(request: Request, answer: Answer) -> tuple[str, ...]:
    """The fields that a refusal names: an object by attribute, or a list whose lines begin with one."""
    told = wire.try_json(answer.body)
    named = told.get(EXTRAS) if isinstance(told, dict) else None
    if isinstance(named, list):
        named = [str(line).partition(':')[0] for line in named]
    if not isinstance(named, dict | list):
        return ()
    return tuple(name for name in request.fields if name.removeprefix(f'{EXTRAS}.') in named)
