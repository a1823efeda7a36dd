"""Where the vendor's documents are at hand, all that is said with the emulated CRMs is judged by them.

A flow runs as it does without: a listener beside the wire notes each request of Hermes and each answer of the sandbox.
A request that a test answers itself is judged too; that answer is not. Nor are the weather's: a lost or an empty one.
What is asked of the emulated Google Calendar is judged always: its document is part of Google's own client.
"""

import os
from typing import Any

import httpx2

from tests.referee.recorded import FORWARDED, PREFIX, Answer, Exchange, Judge
from tests.referee.referee import documents
from tests.systems.google import Judged

_sitting: list[Judge] = []
_calendar: list[str] = []
SAID = 'said'


def sitting_judge() -> Judge | None:
    """The judge of this run, None without documents."""
    if not _sitting and documents() is not None:
        _sitting.append(Judge())
    return _sitting[0] if _sitting else None


def dismiss() -> tuple[list[str], dict[str, int]]:
    """Send the judge home; what it complained about, and how much it heard."""
    wrong, _calendar[:] = list(_calendar), []
    if not _sitting:
        return wrong, {}
    judge = _sitting.pop()
    return judge.close() + wrong, judge.summary


class Noted(httpx2.AsyncBaseTransport):
    """The wire to the sandbox, with a listener."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, judge: Judge) -> None:
        self.inner, self.judge = inner, judge

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions[SAID] = True
        try:
            answer = await self.inner.handle_async_request(request)
        except httpx2.TransportError:
            note(self.judge, request, None)
            raise
        body = await answer.aread()
        kind = answer.headers.get('content-type', '')
        note(self.judge, request, Answer(answer.status_code, kind, body) if body else None)
        return answer


class Listened(httpx2.AsyncBaseTransport):
    """What Hermes calls through. A test that stands in the way does so at `inner`, as it does without a referee."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, judge: Judge) -> None:
        self.inner, self.judge = Noted(inner, judge), judge

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await self.inner.handle_async_request(request)
        finally:
            if SAID not in request.extensions:
                note(self.judge, request, None)


def note(judge: Judge, request: httpx2.Request, answer: Answer | None) -> None:
    if PREFIX.fullmatch(request.url.path):
        headers = tuple((name, request.headers[name]) for name in FORWARDED if name in request.headers)
        where = os.environ.get('PYTEST_CURRENT_TEST', '')
        query = request.url.query.decode()
        judge.hear(Exchange(request.method, request.url.path, query, headers, request.content, answer, where))


def listened(transport: Any) -> Any:
    """The transport for Hermes: the same without documents of Pipedrive."""
    transport.inner = Judged(transport.inner, _calendar)
    judge = sitting_judge()
    return transport if judge is None else Listened(transport, judge)
