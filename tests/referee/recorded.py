"""Judges what was said between Hermes and the emulated CRMs by the vendors' own documents, beside the tests.

The flows run within one process and on a clock of their own; here their exchanges are said again to Prism, request and
answer as they were, while the tests go on. What has the same shape is judged once: the same method, path with its ids
taken out, names and kinds of values in the query, in the body and in the answer.
"""

import json
import queue
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

from tests.referee.referee import NATION, PIPEDRIVE, Referee, documents
from tests.waiting import PATIENCE_S

PREFIX = re.compile(r'^/pipedrive(?:/api)?/(v1|v2)(/.*)$|^/(nation)builder(/api/v2/.*)$')
CODE = re.compile(r'^[0-9a-f]{40}$')
FORWARDED = ('x-api-token', 'authorization', 'content-type', 'accept')
UNHEARD = json.dumps({'success': False, 'error': 'nobody heard the answer'}).encode()


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes


@dataclass(frozen=True)
class Exchange:
    """One request with its answer; None where the answer is not the emulated system's own."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    answer: Answer | None
    where: str = field(compare=False)

    def __str__(self) -> str:
        told = self.answer.status if self.answer else 'unheard'
        return f'{self.method} {self.path}?{self.query} {self.body[:300]!r} -> {told} in {self.where}'


def place(path: str) -> tuple[str, str]:
    """The document that a path of the sandbox belongs to, and the path within it."""
    found = PREFIX.fullmatch(path)
    name, rest = [part for part in found.groups() if part] if found else ('', '')
    return name, rest


def shape(value: Any) -> Any:
    """What a value looks like: objects by their keys, lists by the shapes in them, texts by their letters' places."""
    match value:
        case dict():
            parts = {(CODE.sub('<code>', str(key)), shape(item)) for key, item in value.items()}
            return ('object', tuple(sorted(parts, key=repr)))
        case list():
            return ('list', tuple(sorted({shape(item) for item in value}, key=repr)))
        case bool() | None:
            return value
        case int() | float():
            return (type(value).__name__, value > 0, value < 0)
        case _:
            return outline(str(value))


def outline(text: str) -> str:
    """'2026-03-02T09:00:00Z' -> '9-9-9T9:9:9Z'; a word of small letters, as in an enumeration, stays itself."""
    if re.fullmatch(r'[a-z][a-z_]{0,23}', text):
        return text
    return re.sub(r'[^\W\d_]{2,}', 'a', re.sub(r'\d+', '9', text))[:80]


def read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body[:40]


def signature(exchange: Exchange) -> Any:
    query = sorted((part.partition('=')[0], outline(part.partition('=')[2])) for part in exchange.query.split('&'))
    answer = exchange.answer
    return (
        exchange.method,
        re.sub(r'/(?:[0-9a-f]{40}|[0-9a-f]{32})(?=/|$)', '/<code>', re.sub(r'/\d+(?=/|$)', '/9', exchange.path)),
        repr(query),
        tuple(name for name, _ in exchange.headers),
        shape(read(exchange.body)),
        answer and (answer.status, answer.kind, shape(read(answer.body))),
    )


class Judge:
    """Hears exchanges as they happen and judges each shape once, in a thread of its own."""

    def __init__(self) -> None:
        self.heard: Counter[Any] = Counter()
        self.violations: list[str] = []
        self.wanted = PIPEDRIVE | (NATION if documents(NATION) else {})
        self._cases: queue.Queue[Exchange | None] = queue.Queue()
        self._answer = Answer(500, 'application/json', UNHEARD)
        self._thread = threading.Thread(target=self._sit, name='referee', daemon=True)
        self._thread.start()

    @property
    def summary(self) -> dict[str, int]:
        return {'exchanges': self.heard.total(), 'judged': len(self.heard), 'violations': len(self.violations)}

    def hear(self, exchange: Exchange) -> None:
        if place(exchange.path)[0] not in self.wanted:
            return
        known = signature(exchange)
        self.heard[known] += 1
        if self.heard[known] == 1:
            self._cases.put(exchange)

    def close(self) -> list[str]:
        """Judge what is left; what was found."""
        self._cases.put(None)
        self._thread.join()
        return self.violations

    def _sit(self) -> None:
        try:
            self._judge_all()
        except Exception as problem:
            self.violations.append(f'the referee could not judge: {problem!r}')

    def _judge_all(self) -> None:
        case = self._cases.get()
        if case is None:
            return
        with (
            self._witness() as server,
            Referee(f'http://127.0.0.1:{server.server_address[1]}', self.wanted) as prism,
        ):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with httpx2.Client(timeout=PATIENCE_S, trust_env=False) as client:
                while case is not None:
                    self._judge(prism, client, case)
                    case = self._cases.get()
            server.shutdown()

    def _judge(self, prism: Referee, client: httpx2.Client, case: Exchange) -> None:
        name, path = place(case.path)
        self._answer = case.answer or Answer(500, 'application/json', UNHEARD)
        url = prism.urls[name] + path + (f'?{case.query}' if case.query else '')
        answer = client.request(case.method, url, content=case.body, headers=dict(case.headers))
        if found := answer.headers.get('sl-violations'):
            self.violations.append(f'{case}\n    {found[:1500]}')
        elif 'stoplight.io/prism/errors#' in answer.text:
            self.violations.append(f'{case}\n    {answer.text[:1500]}')

    def _witness(self) -> ThreadingHTTPServer:
        """Behind Prism: says the answer of the case that is being heard."""
        judge = self

        class Witness(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get('content-length') or 0))
                told = judge._answer
                self.send_response(told.status)
                self.send_header('content-type', told.kind)
                self.send_header('content-length', str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *_: Any) -> None:
                pass

        return ThreadingHTTPServer(('127.0.0.1', 0), Witness)
