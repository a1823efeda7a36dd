"""P11: what the page of a person costs, as a visitor opens it: a month of times out of a calendar that was read within
the last minute, whole as HTML.

The limits beside it: a page that is a template and nothing else, and a request that does nothing.
"""

import time
from dataclasses import dataclass

import httpx2

from bench.booking import told
from bench.table import Row
from bench.world import running

TARGET = 'p99 < 100 ms'


@dataclass(frozen=True, slots=True)
class Opened:
    """How long each answer took, in milliseconds, and how large one is."""

    took: list[float]
    seconds: float
    size: int

    def __str__(self) -> str:
        return f'{len(self.took) / self.seconds:.0f}/s, {told(self.took)}'


def run(duration_s: float = 5.0) -> list[Row]:
    """One page after the other over one connection."""
    with running() as stage:
        stage.stop('worker')
        number = stage.query('select id from admin where is_sales_person order by id limit 1')[0]
        with httpx2.Client(base_url=f'http://127.0.0.1:{stage.web_port}', trust_env=False, timeout=20) as client:
            person = _open(client, f'/book-a-call/{number}/', duration_s)
            index = _open(client, '/book-a-call/', duration_s / 2)
            template = _open(client, '/book-a-call/question/', duration_s / 4)
            nothing = _open(client, '/health', duration_s / 4)
    limit = f'a template alone {template}; a request that does nothing {nothing}'
    return [
        Row('P11', f'the page of a person, {person.size / 1024:.0f} KB, one connection', str(person), TARGET, limit),
        Row('P11', f'the list of people, {index.size / 1024:.0f} KB, one connection', str(index), TARGET, ''),
    ]


def _open(client: httpx2.Client, path: str, duration_s: float) -> Opened:
    """The same page over and over, after it was there once."""
    size = len(client.get(path).raise_for_status().content)
    took: list[float] = []
    started = time.perf_counter()
    while (began := time.perf_counter()) - started < duration_s:
        client.get(path).raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
    return Opened(took, time.perf_counter() - started, size)
