"""The door for deliveries: authenticate raw bytes, read JSON once, store the event, answer.

S1: nothing is parsed before it is authenticated, and what its headers give away is not even read; no secret configured
closes the endpoint (503). I1: 200 only after the commit.
I2: the dedupe key is the source's own. S17: stored headers are an allow-list. S18: a refusal writes no event, only a
count.
A plain ASGI endpoint and not a FastAPI route, because it must stop reading at the limit and is the hot path (P1).
"""

import contextlib
import json
from hashlib import sha256
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from hermes.db.inbox import NewEvent, Unavailable, Unstorable
from hermes.kit import tracing
from hermes.kit.ids import new_token
from hermes.ports import Headers, Source
from hermes.web.answers import CLOSE, answer
from hermes.web.intake import GaveWay, Gone, Intake, TooLarge
from hermes.web.metrics import Metrics
from hermes.web.refusals import Reason, Refusals

BODY_LIMIT_BYTES = 2 * 1024 * 1024
BODY_TIMEOUT_S = 10.0
"""Longest wait for a body whose headers have arrived."""
RETRY_AFTER_S = 5
STORED_HEADERS = ('content-type', 'user-agent')
HEADER_LIMIT = 200


class EventInbox(Protocol):
    """Where events go: `add` returns after the commit, True if the event is new."""

    async def add(self, event: NewEvent) -> bool: ...


def hash_of_body(body: bytes, parsed: Any) -> bytes:
    """The key of a delivery whose own cannot be read: the same bytes are the same delivery."""
    return sha256(body).digest()


class Refusal(Exception):
    """What the sender is told instead of 200; `reason` is counted."""

    def __init__(self, status: int, message: str, reason: Reason | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.headers = tuple((name.replace('_', '-').encode(), value.encode()) for name, value in headers.items())


class Callback:
    """The ASGI endpoint of one source."""

    def __init__(
        self,
        source: Source,
        inbox: EventInbox,
        refusals: Refusals,
        metrics: Metrics,
        intake: Intake,
        *,
        extension: bool = False,
    ) -> None:
        self.source = source
        self._intake = intake
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
        self._judge(self.source.authenticate.admits(headers))
        body = await read_body(receive, headers, intake=self._intake)
        self._judge(self.source.authenticate.knows(body, headers))
        parsed = read_json(body) if self.source.json_body else None
        event = self._event(body, parsed, headers)
        started_ns = tracing.now_ns()
        try:
            added = await self._inbox.add(event)
        except Unavailable as unavailable:
            self._metrics.deferred.labels(self.source.name).inc()
            raise Refusal(503, f'{unavailable} Send it again.', retry_after=str(RETRY_AFTER_S)) from None
        except Unstorable as unstorable:
            raise Refusal(422, str(unstorable), 'not storable') from None
        self._received.inc()
        if not added:
            self._repeated.inc()
        elif tracing.is_on():
            root = tracing.trace_of(event.source, event.dedupe_key)
            tracing.arrived(root, f'{self._kind} from {event.source}', started_ns, bytes=len(body))

    def _judge(self, known: bool | None) -> None:
        """Raises Refusal unless the sender is known (or may still be)."""
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


async def read_body(
    receive: Receive, headers: Headers, timeout_s: float = BODY_TIMEOUT_S, intake: Intake | None = None
) -> bytes:
    """The raw body, never reading on past the limit, nor longer than `timeout_s`, nor without room in `intake`. Raises
    Refusal (413, 408, 400, 503) or Gone.
    """
    declared = headers.get('content-length', '')
    if declared.isdecimal() and (len(declared) > 12 or int(declared) > BODY_LIMIT_BYTES):
        raise too_large()
    try:
        body = await (intake or Intake()).read(receive, BODY_LIMIT_BYTES, timeout_s)
    except TooLarge:
        raise too_large() from None
    except TimeoutError:
        raise Refusal(408, 'The body did not arrive.', 'truncated', connection='close') from None
    except GaveWay:
        raise Refusal(
            503, 'Too much is arriving at once. Send it again.', 'no room', retry_after=str(RETRY_AFTER_S),
            connection='close',
        ) from None  # fmt: skip
    if declared.isdecimal() and len(body) != int(declared):
        raise Refusal(400, 'The body is not as long as Content-Length says.', 'truncated', connection='close')
    return body


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
