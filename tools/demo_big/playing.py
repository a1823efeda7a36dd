"""The engine writes each story once, in a scratch database of its own; what it wrote there becomes the templates."""

import asyncio
import random
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg

from bench.month import START, Month, connected
from hermes.db.schema import upgrade
from hermes.db.server import embedded
from hermes.kit.clock import ManualClock
from hermes.sandbox.app import SandboxTransport
from tools.demo_big.filling import CLONED
from tools.demo_big.stories import RANGES, STORIES, Cast
from tools.demo_big.templates import Row, Table, Template, make, read_tables

LEFT: Final = ('alembic_version', 'worker', 'reservation', 'pulse', 'occupancy')
"""Who works there, and what follows from the rest."""
TABLES: Final = """
    select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname
"""
LOOK_S: Final = 0.002
CALL_S: Final = 0.06
"""How long a step of the engine takes, and how long a call at least, in the mean."""
SEQUENCES: Final = {'event': 'event', 'call': 'call', 'change': 'change', 'decision': 'decision', 'letter': 'letter'}


class Going(ManualClock):
    """A clock that goes on a little whenever somebody looks at it."""

    def __init__(self, start: datetime, chance: random.Random) -> None:
        super().__init__(start)
        self._chance = chance

    def now(self) -> datetime:
        return self.advance(self._chance.expovariate(1 / LOOK_S))


class Away(httpx2.AsyncBaseTransport):
    """The way to the outside world, which takes its time."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, clock: ManualClock, chance: random.Random) -> None:
        self._inner, self._clock, self._chance = inner, clock, chance

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._clock.advance(CALL_S + self._chance.expovariate(1 / CALL_S))
        return await self._inner.handle_async_request(request)


@dataclass(frozen=True, slots=True)
class Played:
    """What the engine wrote: at the set-up, and in each story with its weight."""

    tables: dict[str, Table]
    set_up: dict[str, list[Row]]
    stories: list[tuple[dict[str, list[Row]], float]]


def play(say: Callable[[str], None]) -> Played:
    """All stories, once for each of their variants."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='hermes-stories-'))
        server = stack.enter_context(embedded.start(Path(folder) / 'pg', fast=True, ephemeral=True))
        upgrade(server.url)
        return asyncio.run(_play(server.url, say))


async def _play(url: str, say: Callable[[str], None]) -> Played:
    with psycopg.connect(url, autocommit=True) as reading:
        reading.execute("set timezone = 'UTC'")
        _number(reading)
        chance = random.Random(1)
        clock = Going(START, chance)
        outside = partial(_away, clock=clock, chance=chance)
        async with connected(url, clock, 1, outside) as month:
            month.world.outbox.early_post = month.post
            month.world.pipedrive.ledger.plan = 'ultimate'
            names = [name for (name,) in reading.execute(TABLES).fetchall() if name not in LEFT]
            tables = read_tables(reading, names)
            _renumber(month)
            seen: dict[str, set[Row]] = {name: set() for name in tables}
            set_up = _read_new(reading, tables, seen)
            told = []
            for number, (story, weight, variant, variants) in enumerate(_all()):
                month.clock.advance(3600)
                await story(Cast(month, number, variant))
                await month.settle()
                rows = _read_new(reading, {name: tables[name] for name in CLONED}, seen)
                told.append((rows, weight / variants))
                say(f'{story.__name__} {variant}: {len(rows["event"])} events, {len(rows["change"])} changes')
            return Played(tables, set_up, told)


def _away(sandbox: Any, *, clock: ManualClock, chance: random.Random) -> Away:
    return Away(SandboxTransport(sandbox), clock, chance)


def _all() -> list[tuple[Any, float, int, int]]:
    return [(story, weight, variant, variants) for story, weight, variants in STORIES for variant in range(variants)]


def _number(connection: psycopg.Connection[Any]) -> None:
    """Ids begin where nothing else looks like one."""
    for table, kind in SEQUENCES.items():
        connection.execute(f'alter table {table} alter id restart with {RANGES[kind] + 1}'.encode())
    connection.execute('select setval(%s, %s)', ('record_id', RANGES['record']))
    connection.execute('select setval(%s, %s)', ('applied_seq', RANGES['applied']))


def _renumber(month: Month) -> None:
    crm, product = month.world.pipedrive, month.world.tutorcruncher
    for kind in ('organization', 'person', 'deal', 'activity'):
        crm.last_ids[kind] = RANGES[kind]
    for kind in ('client', 'agency', 'recipient', 'invoice'):
        product.last_id[kind] = RANGES[kind]


def _read_new(
    connection: psycopg.Connection[Any], tables: dict[str, Table], seen: dict[str, set[Row]]
) -> dict[str, list[Row]]:
    """The rows that were not there before."""
    found: dict[str, list[Row]] = {}
    for name, table in tables.items():
        places = [table.columns.index(column) for column in table.key]
        fresh = []
        for row in connection.execute(table.reading.encode()).fetchall():
            key = tuple(row[place] for place in places)
            if key not in seen[name]:
                seen[name].add(key)
                fresh.append(row)
        found[name] = fresh
    return found


def templates_of(played: Played, shared: dict[str, str]) -> Sequence[tuple[Template, float]]:
    """The stories as forms."""
    return [(make(played.tables, rows, shared), weight) for rows, weight in played.stories]
