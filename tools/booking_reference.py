"""docs/reference/booking-api.md: what the booking API takes and answers, from the code that serves it."""

from collections.abc import Iterator
from typing import Any, Final, cast

from fastapi import FastAPI

from hermes.booking.letters import LetterWriter
from hermes.booking.service import BookingService
from hermes.web.booker.manage import manage_routes
from hermes.web.booker.pages import Answer
from hermes.web.booking_api import booking_routes, read_counter
from hermes.web.errors import STATUSES

MEANINGS: Final = {
    'slot_taken': 'somebody has this time, or the calendar is busy; offer another one',
    'busy': 'the same command is being carried out just now; ask again',
    'not_found': 'there is nobody to book (unknown, left, or takes no such calls), or no such company or booking',
    'limit': 'too much was asked for; `Retry-After` says when again, `challenge` (if there) what to solve',
    'link': 'the link is not valid',
    'link_invalid': 'the link is not whole or was changed',
    'link_expired': 'the link was valid once',
    'forbidden': 'the key is wrong',
    'invalid': 'a field or the window is wrong; `problems` names each field',
    'idempotency': 'the same `Idempotency-Key` came with another body',
}
"""Codes that have a status of their own."""
RULES: Final = {
    'past': 'the time lies in the past',
    'notice': 'it is too soon',
    'horizon': 'it is too far ahead',
    'weekend': 'it is a Saturday or Sunday on which nobody works',
    'day_off': 'it is a day off',
    'outside_hours': 'it lies outside of working hours',
    'too_close': 'you have another call within two hours (CB-3); told only to who shows `letter`',
    'canceled': 'the booking is canceled already',
    'refused': 'any other rule; the message says which',
}
OTHERS: Final = {
    'unreadable': (503, 'the calendar cannot be read, so nothing is offered or booked (CB-8)'),
    'unavailable': (503, 'the database is away, or what is asked for is not configured'),
    'too_large': (413, 'the body is larger than 32 KB'),
    'misdirected': (421, 'the request names a host that is none of ours'),
    'timeout': (408, 'the body did not arrive within ten seconds'),
}
HEAD: Final = """# The booking API

What a website sends and gets. The rules behind it are in [the call-booker](call-booker.md), setting it up in
[take bookings](../how-to/take-bookings.md). This page is written by `make docs` from the code that serves the API.

- Every path answers with and without its last slash, and never redirects.
- Times: ISO 8601 or seconds since 1970; without an offset they are UTC. Answers are UTC.
- Bodies are JSON of at most 32 KB and 32 levels. What is not known is ignored. Numbers and booleans are read as text.
- A booking is refused only for a field that is needed. Any other one that cannot be read is left out, kept for
  your colleagues, and named in `warnings`.
- A path has at most 2 KB, a query 8 KB and 64 parts (else 414), headers 64 KB together (else 431).
- An error is `{"status": "error", "message": ..., "code": ...}`: a sentence for people, a code for programs.
"""


def booking_page() -> str:
    """The whole page."""
    app = FastAPI()
    nobody = cast(BookingService, None)
    app.include_router(booking_routes(nobody))
    app.include_router(manage_routes(nobody, LetterWriter('', ''), cast(Answer, None), read_counter(nobody)))
    told = app.openapi()
    lines = [HEAD, '## Codes', '', '| code | status | meaning |', '|---|---|---|']
    lines += [f'| `{code}` | {status} | {said} |' for code, status, said in _codes()]
    for path, operations in told['paths'].items():
        for method, operation in operations.items():
            lines += ['', *_operation(f'{method.upper()} {path}', operation, told['components']['schemas'])]
    return '\n'.join([*lines, ''])


def _codes() -> Iterator[tuple[str, int, str]]:
    for code, status in STATUSES.items():
        yield code, status, MEANINGS[code]
    for code, said in RULES.items():
        yield code, 400, said
    for code, (status, said) in OTHERS.items():
        yield code, status, said


def _operation(name: str, operation: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    yield f'## {name}'
    yield ''
    yield f'{operation["summary"]}.'
    rows: list[tuple[str, str, str, bool, str]] = [
        (one['name'], one['in'], _kind(one['schema'], schemas), one.get('required', False), one.get('description', ''))
        for one in operation.get('parameters', ())
    ]
    body = operation.get('requestBody', {}).get('content', {}).get('application/json', {}).get('schema')
    if body is not None:
        rows += [(name, 'body', kind, needed, said) for name, kind, needed, said in _fields(body, schemas)]
    if rows:
        yield from ['', '| name | in | type | needed | meaning |', '|---|---|---|---|---|']
        for label, place, kind, needed, said in rows:
            yield f'| `{label}` | {place} | {kind} | {"yes" if needed else ""} | {said} |'
    answer = operation['responses']['200'].get('content', {}).get('application/json', {}).get('schema', {})
    fields = [f'`{label}`{_aside(said)}' for label, _, _, said in _fields(answer, schemas)]
    others = sorted({status for status in operation['responses'] if status not in ('200', '2XX')})
    yield from ['', f'Answers 200: {", ".join(fields)}. Errors: {", ".join(others)}.']


def _aside(said: str) -> str:
    return f' ({said.rstrip(".")})' if said else ''


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[tuple[str, str, bool, str]]:
    found = _found(schema, schemas)
    for name, each in found.get('properties', {}).items():
        yield name, _kind(each, schemas), name in found.get('required', ()), each.get('description', '')


def _found(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    named = schema.get('$ref', '').rpartition('/')[2]
    return cast(dict[str, Any], schemas[named]) if named else schema


def _kind(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """A type as people call it."""
    kinds = [_found(one, schemas) for one in schema.get('anyOf', [schema])]
    words = {'integer': 'whole number', 'string': 'text', 'boolean': 'true or false', 'number': 'number'}
    found = []
    for kind in kinds:
        if 'enum' in kind:
            found.append(', '.join(f'`{value}`' for value in kind['enum']))
        elif kind.get('format') == 'date-time':
            found.append('time')
        elif kind.get('type') != 'null':
            found.append(words.get(kind.get('type', ''), 'any'))
    return ' or '.join(dict.fromkeys(found))
