"""Up to 25 calls in one: carried out in order, each with its status; later ones may name what earlier ones gave.

With `allOrNone` one that fails undoes the others, which say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from hermes.sandbox.salesforce.api import Answer, Ask, resolve
from hermes.sandbox.salesforce.errors import Refused, unreadable

Json = dict[str, Any]
MOST: Final = 25
REFERENCE: Final = re.compile(r'@\{(\w+)\.(\w+)\}')
HALTED: Final = [
    {
        'errorCode': 'PROCESSING_HALTED',
        'message': 'The transaction was rolled back since another operation in the same transaction failed.',
    }
]


class Halted(Exception):
    """One failed, and with it all."""


def composite(ask: Ask) -> Answer:
    """Raises Refused (400) for a body that is none."""
    told = ask.object()
    calls = told.get('compositeRequest')
    if not isinstance(calls, list) or not all(isinstance(one, dict) for one in calls):
        raise unreadable('compositeRequest is a list of requests')
    if len(calls) > MOST:
        raise Refused(400, 'LIMIT_EXCEEDED', f'The number of subrequests exceeds the limit of {MOST}')
    names = [one.get('referenceId') for one in calls]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise unreadable('Every subrequest needs a referenceId of its own')
    done: list[Json] = []
    halts = told.get('allOrNone') is True
    try:
        with ask.org.store.transaction():
            for one in calls:
                done.append(_carry_out(ask, one, {each['referenceId']: each['body'] for each in done}))
                if halts and done[-1]['httpStatusCode'] >= 300:
                    raise Halted
    except Halted:
        failed = done[-1]
        done = [failed if one['referenceId'] == failed['referenceId'] else _halted(one) for one in calls]
    return Answer({'compositeResponse': done})


def _carry_out(ask: Ask, one: Json, known: Mapping[str, Any]) -> Json:
    try:
        address = urlsplit(_fill(str(one.get('url', '')), known))
        path = unquote(address.path)
        if not path.startswith(f'{ask.base}/') or path == f'{ask.base}/composite':
            raise Refused(400, 'NOT_FOUND', 'Invalid URL. The URL of a subrequest begins with the version in use.')
        endpoint, parts = resolve(str(one.get('method', 'GET')).upper(), path.removeprefix(ask.base))
        answer = endpoint(
            Ask(ask.org, ask.base, parts, dict(parse_qsl(address.query)), ask.headers, _fill(one.get('body'), known))
        )
    except Refused as refusal:
        answer = Answer(refusal.as_body(ask.base), refusal.status)
    headers = {'Location': answer.location} if answer.location else {}
    return _item(one, answer.body, answer.status, headers)


def _halted(one: Json) -> Json:
    return _item(one, HALTED, 400, {})


def _item(one: Json, body: Any, status: int, headers: Json) -> Json:
    return {'body': body, 'httpHeaders': headers, 'httpStatusCode': status, 'referenceId': one['referenceId']}


def _fill(value: Any, known: Mapping[str, Any]) -> Any:
    """`@{name.field}` replaced by what the call of that name gave. Raises Refused (400)."""
    if isinstance(value, dict):
        return {key: _fill(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, known) for inner in value]
    return REFERENCE.sub(lambda found: _given(found, known), value) if isinstance(value, str) else value


def _given(found: re.Match[str], known: Mapping[str, Any]) -> str:
    body = known.get(found[1])
    if not isinstance(body, dict) or found[2] not in body:
        words = f'Invalid reference specified. No value for {found[1]}.{found[2]} found in {found[1]}'
        raise Refused(400, 'PROCESSING_HALTED', words)
    return str(body[found[2]])
