"""A meter: statements (pg_stat_statements) and CPU, by process, of what is done between two readings.

Hermes and the outside world share this process: the world's and the web's part is taken apart by the clock of the
process, around every call that crosses over. What PostgreSQL spends is that of all of its processes.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg

from hermes.sandbox.app import SandboxTransport

COUNT: Final = """
    select coalesce(sum(calls), 0)::int from pg_stat_statements s join pg_database d on d.oid = s.dbid
    where d.datname = current_database() and query not like '%pg_stat%'
"""


@dataclass
class Cost:
    """What something cost: statements, and CPU seconds of the worker, the web and the database."""

    statements: float = 0.0
    worker_s: float = 0.0
    web_s: float = 0.0
    database_s: float = 0.0

    def each(self, count: int) -> 'Cost':
        return Cost(*(value / max(count, 1) for value in vars(self).values()))

    def __add__(self, other: 'Cost') -> 'Cost':
        return Cost(*(mine + its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)))

    @property
    def cpu_ms(self) -> float:
        return (self.worker_s + self.web_s + self.database_s) * 1000

    def __str__(self) -> str:
        parts = {'worker': self.worker_s, 'web': self.web_s, 'database': self.database_s}
        told = ', '.join(f'{name} {value * 1000:.1f}' for name, value in parts.items() if value > 5e-5)
        return f'{self.statements:.1f} statements, {self.cpu_ms:.1f} ms of CPU ({told})'


class Meter:
    """Reads both. Close it at the end."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.own = self.connection.info.backend_pid
        self.server = _parent(self.own)
        self.away_s = self.web_s = 0.0

    def close(self) -> None:
        self.connection.close()

    def outside(self, application: Any) -> httpx2.AsyncBaseTransport:
        """The way to the outside world, whose CPU is nobody's."""
        return _Outside(SandboxTransport(application), self)

    @contextmanager
    def at_the_door(self) -> Iterator[None]:
        """What is spent meanwhile is the web's."""
        begun = time.process_time()
        yield
        self.web_s += time.process_time() - begun

    @contextmanager
    def measured(self) -> Iterator[Cost]:
        """What is done within: told when it is over."""
        cost = Cost()
        before, away, web = self._database_s(), self.away_s, self.web_s
        self.connection.execute('select pg_stat_statements_reset()')
        begun = time.process_time()
        yield cost
        spent, cost.web_s = time.process_time() - begun, self.web_s - web
        cost.worker_s = spent - cost.web_s - (self.away_s - away)
        row = self.connection.execute(COUNT).fetchone()
        cost.statements = row[0] if row else 0
        after = self._database_s()
        cost.database_s = sum(after[pid] - before.get(pid, 0.0) for pid in after)

    def _database_s(self) -> dict[int, float]:
        """CPU seconds by process of the server; our own connection left out."""
        found = {}
        for pid in Path(f'/proc/{self.server}/task/{self.server}/children').read_text().split():
            try:
                found[int(pid)] = int(Path(f'/proc/{pid}/schedstat').read_text().split()[0]) / 1e9
            except OSError:
                continue
        found.pop(self.own, None)
        return found


class _Outside(httpx2.AsyncBaseTransport):
    def __init__(self, inner: httpx2.AsyncBaseTransport, meter: Meter) -> None:
        self.inner, self.meter = inner, meter

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        begun = time.process_time()
        try:
            return await self.inner.handle_async_request(request)
        finally:
            self.meter.away_s += time.process_time() - begun


def _parent(pid: int) -> int:
    return int(Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1])
