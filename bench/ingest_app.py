"""What `bench/ingest.py` serves: the real application, and two bare handlers that only insert the row (the limit)."""

import os
from typing import Any

import psycopg
from starlette.types import Receive, Scope, Send

from hermes.db.inbox import Inbox, NewEvent
from hermes.db.reads.health import Vitals
from hermes.kit.clock import SystemClock
from hermes.ports import Source
from hermes.systems.tutorcruncher.door import signature as tc2_signature
from hermes.web.application import create_app
from hermes.web.webhooks import answer, hash_of_body

URL = os.environ.get('BENCH_DATABASE_URL', '')
INSERT = "insert into event (source, kind, dedupe_key, body) values ('bench', 'webhook', %b, %b) on conflict do nothing"


async def read(receive: Receive) -> bytes:
    body, more = b'', True
    while more:
        message = await receive()
        body += message.get('body', b'')
        more = message.get('more_body', False)
    return body


class Bare:
    """Reads the body and inserts it, in groups or one commit each; nothing else."""

    def __init__(self, *, grouped: bool) -> None:
        self._inbox = Inbox(URL, SystemClock())
        self._grouped = grouped
        self._idle: list[psycopg.AsyncConnection] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] == 'lifespan':
            return await self._live(receive, send)
        body = await read(receive)
        key = hash_of_body(body, None)
        if self._grouped:
            await self._inbox.add(NewEvent('bench', 'webhook', key, body))
        else:
            connection = self._idle.pop() if self._idle else await psycopg.AsyncConnection.connect(URL, autocommit=True)
            await connection.execute(INSERT, [key, body], prepare=True)
            self._idle.append(connection)
        await answer(send, 200, {'status': 'ok'})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if self._grouped:
            await self._inbox.start()
        await send({'type': 'lifespan.startup.complete'})
        await receive()
        await self._inbox.stop()
        await send({'type': 'lifespan.shutdown.complete'})


def build() -> Any:
    """The application that BENCH_TARGET names."""
    target = os.environ.get('BENCH_TARGET', 'hermes')
    if target != 'hermes':
        return Bare(grouped=target == 'grouped')
    source = Source('tutorcruncher', '/tc2/callback', tc2_signature(['bench-secret']), hash_of_body, extensions=True)
    return create_app(Inbox(URL, SystemClock()), [source], Vitals(URL), SystemClock())


app = build()
