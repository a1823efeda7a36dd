"""The door for deliveries: authenticate raw bytes, read JSON once, store the event, answer.

S1: nothing is parsed before it is authenticated; no secret configured closes the endpoint (503). I1: 200 only after
the commit.
I2: the dedupe key is the source's own. S17: stored headers are an allow-list. S18: a refusal writes no event, only a
count.
A plain ASGI endpoint and not a FastAPI route, because it must stop reading at the limit and is the hot path (P1).
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from starlette.types import Message, Receive, Scope, Send

from hermes.db.inbox import NewEvent, Unavailable, Unstorable
from hermes.kit import tracing
from hermes.kit.ids import new_token
from hermes.web.metrics import Metrics
from hermes.web.refusals import Reason, Refusals
from hermes.web.security import Authenticate, Headers

Dedupe = Callable[[bytes, Any], bytes | None]

BODY_LIMIT_BYTES = 2 * 1024 * 1024
BODY_TIMEOUT_S = 10.0
"""Longest wait for a body whose headers have arrived."""
RETRY_AFTER_S = 5
STORED_HEADERS = ('content-type', 'user-agent')
HEADER_LIMIT = 200
CLOSE = ((b'connection', b'close'),)


class EventInbox(Protocol):
    """Where events go: `add` returns after the commit, True if the event is new."""

    async def add(self, event: NewEvent) -> bool: ...


@dataclass(frozen=True, slots=True)
class Source:
    """One sender of deliveries.

    `path` has no trailing slash; both forms answer. `dedupe(body, parsed)` gives the key, None for "take every
    delivery".
    `refused_status` 401 asks for HTTP Basic. `extensions`: `path/{anything}` is stored and ignored.
    `json_body` False: the body is stored unread (Google's notifications are headers). `headers`: stored besides the
    usual ones.
    """

    name: str
    path: str
    authenticate: Authenticate
    dedupe: Dedupe
    refused_status: int = 403
    extensions: bool = False
    json_body: bool = True
    headers: tuple[str, ...] = ()


def hash_of_body(body: bytes, parsed: Any) -> bytes:
    """TutorCruncher's dedupe key: the same bytes are the same delivery."""
    return sha256(body).digest()


class Refusal(Exception):
    """What the sender is told instead of 200; `reason` is counted."""

    def __init__(self, status: int, message: str, reason: Reason | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.headers = tuple((name.replace('_', '-').encode(), value.encode()) for name, value in headers.items())


class Gone(Exception):
    """The body broke off: its sender hung up, or its chunks make no sense. Whoever is still there is told so."""


class Callback:
    """The ASGI endpoint of one source."""

    def __init__(
        self, source: Source, inbox: EventInbox, refusals: Refusals, metrics: Metrics, *, extension: bool = False
    ) -> None:
        self.source = source
        self._inbox = inbox
        self._refusals = refusals
        self._metrics = metrics
        self._extension = extension
        self._kind = 'webhook-extension' if extension else 'webhook'
        self._received = metrics.received.labels(source.name, self._kind)
        self._repeated = metrics.repeated.labels(source.name)
        self._stored_headers = (*STORED_HEADERS, *source.headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._take(scope, receive)
        except Gone:
            self._refuse('truncated')
            with contextlib.suppress(OSError):
                await answer(send, 400, {'status': 'error', 'message': 'The body broke off.'}, CLOSE)
        except Refusal as refusal:
            if refusal.reason:
                self._refuse(refusal.reason)
            await answer(send, refusal.status, {'status': 'error', 'message': refusal.message}, refusal.headers)
        else:
            await answer(send, 200, {'status': 'ok'})

    async def _take(self, scope: Scope, receive: Receive) -> None:
        """Everything between the request line and the answer. Raises Refusal or Gone."""
        if scope['method'] != 'POST':
            raise Refusal(405, 'Deliveries are sent with POST.', allow='POST')
        headers = {name.decode('latin-1').lower(): value.decode('latin-1') for name, value in scope['headers']}
        body = await read_body(receive, headers)
        self._authenticate(body, headers)
        parsed = read_json(body) if self.source.json_body else None
        event = self._event(body, parsed, headers)
        started_ns = tracing.now_ns()
        try:
            added = await self._inbox.add(event)
        except Unavailable as unavailable:
            self._metrics.deferred.labels(self.source.name).inc()
            raise Refusal(503, f'{unavailable} Send it again.', retry_after=str(RETRY_AFTER_S)) from None
        except Unstorable as unstorable:
            raise Refusal(500, str(unstorable), 'not storable') from None
        self._received.inc()
        if not added:
            self._repeated.inc()
        elif tracing.is_on():
            root = tracing.trace_of(event.source, event.dedupe_key)
            tracing.arrived(root, f'{self._kind} from {event.source}', started_ns, bytes=len(body))

    def _authenticate(self, body: bytes, headers: Headers) -> None:
        known = self.source.authenticate(body, headers)
        if known is None:
            raise Refusal(
                503,
                f'No secret is configured for {self.source.name}.',
                'no secret configured',
                retry_after=str(RETRY_AFTER_S),
            )
        if known is False:
            if self.source.refused_status == 401:
                raise Refusal(
                    401, 'Wrong user or password.', 'wrong signature', www_authenticate='Basic realm="hermes"'
                )
            raise Refusal(self.source.refused_status, 'Wrong signature.', 'wrong signature')

    def _event(self, body: bytes, parsed: Any, headers: Headers) -> NewEvent:
        key = self._key(body, parsed)
        stored = {name: printable(headers[name]) for name in self._stored_headers if name in headers}
        if self._extension:
            return NewEvent(
                self.source.name, self._kind, key, body, stored, 'done', 'sent to an extension path: ignored'
            )
        return NewEvent(self.source.name, self._kind, key, body, stored)

    def _key(self, body: bytes, parsed: Any) -> bytes:
        """The source's key. A shape that its function cannot read is stored all the same (and parked later)."""
        try:
            key = self.source.dedupe(body, parsed)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError):
            key = hash_of_body(body, parsed)
        if key is None:
            return new_token().encode()
        return b'extension:' + key if self._extension else key

    def _refuse(self, reason: Reason) -> None:
        self._refusals.count(self.source.name, reason)
        self._metrics.refused.labels(self.source.name, reason).inc()


async def read_body(receive: Receive, headers: Headers, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """The raw body, never reading on past the limit, nor longer than `timeout_s`. Raises Refusal (413, 408, 400) or
    Gone.
    """
    declared = headers.get('content-length', '')
    if declared.isdecimal() and (len(declared) > 12 or int(declared) > BODY_LIMIT_BYTES):
        raise too_large()
    try:
        async with asyncio.timeout(timeout_s):
            body = await read_on(await receive(), receive)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise Gone from None  # the server cancels what is awaited, not the task, when the connection breaks
    except TimeoutError:
        raise Refusal(408, 'The body did not arrive.', 'truncated', connection='close') from None
    if len(body) > BODY_LIMIT_BYTES:
        raise too_large()
    if declared.isdecimal() and len(body) != int(declared):
        raise Refusal(400, 'The body is not as long as Content-Length says.', 'truncated', connection='close')
    return body


async def read_on(message: Message, receive: Receive) -> bytes:
    """The body that begins with `message`."""
    parts = [chunk(message)]
    size = len(parts[0])
    while message.get('more_body'):
        message = await receive()
        part = chunk(message)
        size += len(part)
        if size > BODY_LIMIT_BYTES:
            raise too_large()
        parts.append(part)
    return b''.join(parts)


def chunk(message: Message) -> bytes:
    """The bytes of one message. Raises Gone for a disconnect."""
    if message['type'] == 'http.disconnect':
        raise Gone
    part: bytes = message.get('body', b'')
    return part


def too_large() -> Refusal:
    """413."""
    return Refusal(
        413, f'The body is larger than {BODY_LIMIT_BYTES // 1024 // 1024} MB.', 'too large', connection='close'
    )


def read_json(body: bytes) -> Any:
    """The body as JSON, read once. NaN and repeated keys are tolerated. Raises Refusal (400)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # not JSON, not text, or nested without end
        raise Refusal(400, 'The body is not JSON.', 'not JSON') from None


def printable(value: str) -> str:
    """A header's value without control characters, which jsonb would refuse, and of bounded length."""
    return ''.join(letter for letter in value[:HEADER_LIMIT] if letter.isprintable())


async def answer(send: Send, status: int, told: dict[str, str], headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """Send a JSON answer."""
    body = json.dumps(told).encode()
    await send(
        {
            'type': 'http.response.start',
            'status': status,
            'headers': [
                (b'content-type', b'application/json'),
                (b'content-length', str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({'type': 'http.response.body', 'body': body})
