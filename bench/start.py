"""P10: how long `hermes --help` takes, and `hermes run` on an existing database until it is ready; and what a commit
costs the disk, which is the limit beside every figure that commits.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import psycopg

from bench.table import Row
from bench.world import free_port
from hermes.db import embedded

TIMES = 5
COMMITS = 200
PATIENCE_S = 60.0


def run(duration_s: float = 10.0) -> list[Row]:
    """Measure each several times; the fastest start of an interpreter is the limit."""
    bare = min(_seconds([sys.executable, '-c', 'pass']) for _ in range(TIMES))
    helped = statistics.median(_seconds([sys.executable, '-m', 'hermes', '--help']) for _ in range(TIMES))
    rows = [Row('P10', 'hermes --help', f'{helped:.2f} s', '< 0.5 s', f'{bare:.2f} s for a bare interpreter')]
    with tempfile.TemporaryDirectory(prefix='hermes-bench-') as folder:
        first = _until_ready(folder)
        again = statistics.median(_until_ready(folder) for _ in range(2))
        rows.append(
            Row(
                'P10',
                'hermes run on an existing database until /ready',
                f'{again:.2f} s',
                '< 3 s',
                f'{first:.2f} s on a fresh one',
            )
        )
        rows.append(_disk(Path(folder)))
    return rows


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _until_ready(folder: str) -> float:
    """Seconds from the start of the command to the first 200 of /ready; everything is stopped again."""
    port, sandbox_port = free_port(), free_port()
    command = [sys.executable, '-m', 'hermes', 'run', '--port', str(port), '--sandbox-port', str(sandbox_port)]
    environment = {name: value for name, value in os.environ.items() if name != 'DATABASE_URL'} | {'DATA_DIR': folder}
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with httpx2.Client(trust_env=False) as client:
            while time.perf_counter() - started < PATIENCE_S and process.poll() is None:
                try:
                    if client.get(f'http://127.0.0.1:{port}/ready').status_code == 200:
                        return time.perf_counter() - started
                except httpx2.TransportError:
                    pass
                time.sleep(0.02)
        raise TimeoutError('hermes run did not get ready')
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _disk(folder: Path) -> Row:
    """A bare fsync of a block, and a commit of one row by a durable server."""
    with (folder / 'probe').open('wb') as probe:
        syncs = []
        for _ in range(COMMITS):
            probe.write(b'x' * 8192)
            started = time.perf_counter()
            probe.flush()
            os.fsync(probe.fileno())
            syncs.append((time.perf_counter() - started) * 1000)
    commits = []
    with embedded.start(folder / 'commits') as server, psycopg.connect(server.url, autocommit=True) as connection:
        durable = [connection.execute(f'show {name}'.encode()).fetchone() for name in ('fsync', 'synchronous_commit')]
        connection.execute('create table probe (id int)')
        for number in range(COMMITS):
            started = time.perf_counter()
            connection.execute('insert into probe values (%s)', (number,))
            commits.append((time.perf_counter() - started) * 1000)
    said = '/'.join(row[0] for row in durable if row)
    return Row(
        'disk',
        f'one commit (fsync/synchronous_commit: {said})',
        f'p50 {statistics.median(commits):.2f} ms, p99 {sorted(commits)[int(COMMITS * 0.99)]:.2f} ms',
        '',
        f'a bare fsync of 8 KB: p50 {statistics.median(syncs):.2f} ms',
    )
