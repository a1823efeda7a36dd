"""P1: webhook deliveries a second through Granian with one worker, over an embedded Postgres that syncs as in
production.

The limit beside it: a bare handler that only inserts the row, committed in groups, and one commit each. The load
generator runs on the same machine, which is part of the figure.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench.place import own_database
from bench.table import Row

CONNECTIONS = (16, 64)
TARGETS = {'hermes': 'Hermes', 'grouped': 'bare, committed in groups', 'single': 'bare, one commit each'}


def run(duration_s: float = 10.0) -> list[Row]:
    """Measure every target at every number of connections."""
    rows: list[Row] = []
    with own_database() as (server, _):
        for connections in CONNECTIONS:
            told = {target: measure(server.url, target, connections, duration_s) for target in TARGETS}
            limit = told['grouped']['rate']
            for target, figures in told.items():
                rows.append(
                    Row(
                        'P1',
                        f'{TARGETS[target]}, {connections} connections, 3 KB',
                        f'{figures["rate"]:.0f}/s, p50 {figures["p50_ms"]:.1f} ms, p99 {figures["p99_ms"]:.1f} ms, '
                        f'{figures["lost"]:.0f} lost, {figures["errors"]:.0f} errors',
                        '>= 1500/s, p99 < 25 ms at 16' if target == 'hermes' else '',
                        f'{figures["rate"] / limit:.0%} of bare' if target == 'hermes' else 'is the limit',
                    )
                )
    return rows


def measure(url: str, target: str, connections: int, duration_s: float) -> dict[str, Any]:
    """Figures of one run; `lost` counts answers of 200 without a row."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute('truncate event cascade')
        connection.execute('checkpoint')
        with serve(url, target) as port:
            load(port, connections, min(2.0, duration_s))
            before = connection.execute('select count(*) from event').fetchone()
            figures = load(port, connections, duration_s)
            after = connection.execute('select count(*) from event').fetchone()
    assert before
    assert after
    figures['lost'] = figures['requests'] - figures['errors'] - (after[0] - before[0])
    return figures


def load(port: int, connections: int, duration_s: float) -> dict[str, Any]:
    """Run the generator in a process of its own."""
    told = subprocess.run(
        [sys.executable, '-m', 'bench.load', str(port), str(connections), str(duration_s), '/tc2/callback/'],
        check=True,
        capture_output=True,
    )
    figures: dict[str, Any] = json.loads(told.stdout)
    return figures


@contextmanager
def serve(url: str, target: str) -> Iterator[int]:
    """Granian with one worker on a free port of loopback."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port: int = free.getsockname()[1]
    command = ['granian', '--interface', 'asgi', '--host', '127.0.0.1', '--port', str(port), '--workers', '1']
    process = subprocess.Popen(
        [sys.executable, '-m', *command, '--log-level', 'error', 'bench.ingest_app:app'],
        env={**os.environ, 'BENCH_DATABASE_URL': url, 'BENCH_TARGET': target},
    )
    try:
        await_port(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=15)


def await_port(port: int, process: 'subprocess.Popen[bytes]') -> None:
    """Return once somebody listens. Raises RuntimeError when the server ended or nobody came within 20 s."""
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError('the server did not start')
