"""Google for tests: a vendor that remembers calls, a key pair, and the judge of requests.

The judge is Google's own client library with the discovery document that it ships: it makes the same request, which
must have the same address, and the document's schemas must accept the body.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import googleapiclient.discovery  # type: ignore[import-untyped]
import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hermes.kit.http import Line
from hermes.systems.google_calendar.system import TIMEOUT_S, GoogleCalendar
from hermes.systems.google_calendar.token import Account

Scope = MutableMapping[str, Any]
ROOT = 'http://calendar.test'
PATH = '/calendar/v3/'
REP = 'rep@brightwell.example'
EVENT = 'a' * 26 + '0' * 26
DOCUMENT = Path(googleapiclient.__file__).parent / 'discovery_cache' / 'documents' / 'calendar.v3.json'


@cache
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def account(key: str | None = None) -> Account:
    address = 'hermes@project.iam.example'
    return Account(address, 'key-1', f'{ROOT}/token', private_key() if key is None else key)


@dataclass
class Call:
    method: str
    url: str
    headers: dict[str, str]
    body: Any


@dataclass
class Vendor:
    """Answers tokens by itself and everything else from `answers` (the last one again and again)."""

    answers: list[tuple[int, Any]] = field(default_factory=lambda: [(200, {'id': EVENT})])
    tokens: list[tuple[int, Any]] = field(default_factory=list)
    delay_s: float = 0
    calls: list[Call] = field(default_factory=list)
    assertions: list[str] = field(default_factory=list)

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Scope]], send: Callable[[Scope], Awaitable[None]]
    ) -> None:
        raw = (await receive()).get('body', b'')
        await asyncio.sleep(self.delay_s)
        if scope['path'] == '/token':
            self.assertions.append(parse_qs(raw.decode())['assertion'][0])
            number = len(self.assertions)
            given = {'access_token': f'canary-token-{number}', 'expires_in': 3599, 'token_type': 'Bearer'}
            status, told = self.tokens.pop(0) if self.tokens else (200, given)
        else:
            headers = {name.decode(): value.decode() for name, value in scope['headers']}
            query = scope['query_string'].decode()
            url = scope['raw_path'].decode() + (f'?{query}' if query else '')
            self.calls.append(Call(scope['method'], url, headers, json.loads(raw) if raw else None))
            status, told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        headers_ = [(b'date', b'Mon, 02 Mar 2026 09:30:07 GMT'), (b'content-type', b'application/json')]
        await send({'type': 'http.response.start', 'status': status, 'headers': headers_})
        await send({'type': 'http.response.body', 'body': body})


def calendar(vendor: Vendor, **options: Any) -> GoogleCalendar:
    line = Line(httpx2.ASGITransport(app=vendor), options.pop('clock', None), options.pop('timeout_s', TIMEOUT_S))
    told: dict[str, Any] = {'brand': 'Brightwell', 'root': ROOT, 'line': line}
    return GoogleCalendar(options.pop('account', None) or account(), **told, **options)


@cache
def service() -> Any:
    """Google's own client, from the document that it carries; it makes requests that nobody sends."""
    return googleapiclient.discovery.build(
        'calendar',
        'v3',
        developerKey='none',
        client_options={'api_endpoint': f'{ROOT}{PATH}'},
        static_discovery=True,
    )


@cache
def resource_of(name: str) -> Any:
    """One resource of that client: its methods are made anew each time that it is asked for."""
    return getattr(service(), name)()


@cache
def document() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return told


def judge(method: str, url: str, body: Any) -> list[str]:
    """What is wrong with a request; nothing, if Google's own client could have made it."""
    parts = urlsplit(url)
    if not parts.path.startswith(PATH):
        return [f'{parts.path} is not below {PATH}']
    found = _method(method, parts.path.removeprefix(PATH))
    if found is None:
        return [f'no method of the API is {method} {parts.path}']
    resource, name, described, values = found
    told: dict[str, Any] = dict(values)
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        kind = described['parameters'].get(key, {}).get('type')
        told[key] = int(value) if kind == 'integer' else value == 'true' if kind == 'boolean' else value
    if 'request' in described:
        told['body'] = body
    elif body is not None:
        return [f'{name} takes no body']
    try:
        same = getattr(resource_of(resource), name)(**told)
    except (TypeError, ValueError) as error:
        return [f'{name}: {error}']
    wrong = [] if _address(same.uri) == _address(f'{ROOT}{url}') else [f'{name}: {url} should be {same.uri}']
    if 'request' in described:
        given = without_nulls(body) if name == 'patch' else body
        wrong += [f'{name}: {each}' for each in against(described['request'], given)]
    known = described.get('parameters', {})
    deprecated = [key for key in told if known.get(key, {}).get('description', '').startswith('Deprecated')]
    return wrong + [f'{name}: {key} is deprecated' for key in deprecated]


def _address(url: str) -> tuple[str, list[tuple[str, str]]]:
    parts = urlsplit(url)
    query = sorted(pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in ('alt', 'key'))
    return unquote(parts.path), query


def _method(verb: str, path: str) -> tuple[str, str, dict[str, Any], dict[str, str]] | None:
    for resource, name, described, pattern in methods():
        if described['httpMethod'] == verb and (match := pattern.fullmatch(path)):
            return resource, name, described, {key: unquote(value) for key, value in match.groupdict().items()}
    return None


@cache
def methods() -> list[tuple[str, str, dict[str, Any], re.Pattern[str]]]:
    """Every method of the API: its resource, its name, what the document says of it, its paths."""
    return [
        (
            resource, name, described,
            re.compile(re.sub(r'\\\{(\w+)\\\}', r'(?P<\1>[^/]+)', re.escape(described['path']))),
        )
        for resource, kind in document()['resources'].items()
        for name, described in kind['methods'].items()
    ]  # fmt: skip


def without_nulls(body: Any) -> Any:
    """The body of a change: null takes a property away, whatever its type is (guide: performance)."""
    if not isinstance(body, dict):
        return body
    return {key: without_nulls(value) for key, value in body.items() if value is not None}


def against(schema: dict[str, Any], value: Any, place: str = 'body') -> Iterator[str]:
    """How a value differs from what the document says, unknown properties included."""
    if '$ref' in schema:
        schema = document()['schemas'][schema['$ref']]
    types = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'integer': int, 'number': (int, float)}
    if not isinstance(value, types.get(schema.get('type', ''), object)):  # type: ignore[arg-type]
        yield f'{place} is no {schema["type"]}'
        return
    if schema.get('readOnly'):
        yield f'{place} is read only'
    if 'enum' in schema and value not in schema['enum']:
        yield f'{place} is none of {schema["enum"]}'
    if schema.get('format') == 'date-time' and not re.fullmatch(
        r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)', value
    ):
        yield f'{place} is no RFC 3339 time with an offset'
    if schema.get('format') == 'int64' and not str(value).lstrip('-').isdecimal():
        yield f'{place} is no whole number'
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from against(schema['items'], item, f'{place}[{number}]')
    if isinstance(value, dict):
        for key, item in value.items():
            described = schema.get('properties', {}).get(key, schema.get('additionalProperties'))
            if described is None:
                yield f'{place}.{key} is unknown'
            else:
                yield from against(described, item, f'{place}.{key}')


class Judged(httpx2.AsyncBaseTransport):
    """A transport that has every request to the calendar judged before it goes on; `complaints` must stay empty."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, complaints: list[str] | None = None) -> None:
        self.inner = inner
        self.complaints: list[str] = [] if complaints is None else complaints
        self.judged = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url.raw_path.decode()
        at = url.find(PATH)
        if at >= 0:
            raw = await request.aread()
            found = judge(request.method, url[at:], json.loads(raw) if raw else None)
            self.complaints += [each for each in found if each not in self.complaints]
            self.judged += 1
        return await self.inner.handle_async_request(request)
