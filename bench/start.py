"""P10: what a command costs out of a fresh environment, and how long `hermes run` takes until it is ready, the first
time and on an existing database; and what a commit costs the disk, which is the limit beside every figure that commits.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg

from bench.table import Row
from bench.world import free_port
from hermes.db.server import embedded

TIMES = 5
ORGANISATION = 'pipedrive:organization:1'
AIMS = {'--help': '< 0.5 s', 'blame': '< 0.6 s of CPU', 'status': '< 0.6 s of CPU'}
COMMITS = 200
PATIENCE_S = 60.0
ROOT = Path(__file__).parents[1]
NEEDED = ('hermes', 'requirements', 'tools', 'pyproject.toml', 'README.md', 'LICENSE')
CONNECT = 'import sys, psycopg; psycopg.connect(sys.argv[1]).close()'
TICKS = os.sysconf('SC_CLK_TCK')


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the clock and of the processors."""

    wall_s: float
    cpu_s: float

    def __str__(self) -> str:
        return f'{self.cpu_s:.2f} s of CPU, {self.wall_s:.2f} s'


def run(duration_s: float = 10.0) -> list[Row]:
    """Measure each several times, out of an environment that was just made as `make run` makes it."""
    with fresh_environment() as python, tempfile.TemporaryDirectory(prefix='hermes-bench-') as folder:
        bare = _least([python, '-c', 'pass'])
        with _running(python, folder) as first:
            url = _hermes(python, folder, 'db', 'url')
            limit = f'an interpreter: {bare}; that connects: {_least([python, "-c", CONNECT, url])}'
            commands = (('--help',), ('blame', ORGANISATION, 'name'), ('status',), ('setup', 'pipelines', '--yes'))
            rows = [
                Row(
                    'P10',
                    f'hermes {" ".join(words)}',
                    str(_median([python, '-m', 'hermes', *words], folder)),
                    AIMS.get(words[0], ''),
                    str(bare) if words == ('--help',) else limit,
                )
                for words in commands
            ]
        again = []
        for _ in range(3):
            with _running(python, folder) as cost:
                again.append(cost)
        best = sorted(again, key=lambda cost: cost.wall_s)[1]
        rows.append(Row('P10', 'hermes run, the first time, until /ready', str(first), '', limit))
        rows.append(Row('P10', 'hermes run on an existing database until /ready', str(best), '< 3 s', limit))
        rows.append(_disk(Path(folder)))
    return rows


@contextmanager
def fresh_environment() -> Iterator[str]:
    """The Python of an environment that the project's own tool makes in a copy of the project."""
    with tempfile.TemporaryDirectory(prefix='hermes-bench-') as folder:
        for name in NEEDED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, Path(folder) / name)
        if (ROOT / '.tools').exists():
            Path(folder, '.tools').symlink_to(ROOT / '.tools')
        kept = {name: value for name, value in os.environ.items() if not name.startswith(('VIRTUAL_ENV', 'PYTHONPATH'))}
        subprocess.run(['tools/bootstrap.sh', 'core'], cwd=folder, env=kept, check=True, stdout=sys.stderr)
        yield str(Path(folder, '.venv/bin/python'))


def _environment(folder: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != 'DATABASE_URL'} | {'DATA_DIR': folder}


def _hermes(python: str, folder: str, *words: str) -> str:
    done = subprocess.run(
        [python, '-m', 'hermes', *words], env=_environment(folder), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _least(command: list[str]) -> Cost:
    return min((_cost(command, None) for _ in range(TIMES)), key=lambda cost: cost.cpu_s)


def _median(command: list[str], folder: str) -> Cost:
    return sorted((_cost(command, folder) for _ in range(TIMES)), key=lambda cost: cost.cpu_s)[TIMES // 2]


def _cost(command: list[str], folder: str | None) -> Cost:
    """What one process costs, with those that it waits for."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=_environment(folder) if folder else None, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(time.perf_counter() - started, used.ru_utime + used.ru_stime)


@contextmanager
def _running(python: str, folder: str) -> Iterator[Cost]:
    """`hermes run`, and what it cost until the first 200 of /ready; everything is stopped again."""
    port, sandbox_port = free_port(), free_port()
    command = [python, '-m', 'hermes', 'run', '--port', str(port), '--sandbox-port', str(sandbox_port)]
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx2.Client(trust_env=False) as client:
            while not _is_ready(client, port):
                if time.perf_counter() - started > PATIENCE_S or process.poll() is not None:
                    raise TimeoutError('hermes run did not get ready')
                time.sleep(0.02)
        yield Cost(time.perf_counter() - started, _cpu_of(folder))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _is_ready(client: httpx2.Client, port: int) -> bool:
    try:
        return client.get(f'http://127.0.0.1:{port}/ready').status_code == 200
    except httpx2.TransportError:
        return False


def _cpu_of(folder: str) -> float:
    """What the processes that have `folder` in their words or variables cost so far, and their children that ended."""
    ticks = 0
    for entry in Path('/proc').glob('[0-9]*'):
        try:
            told = (entry / 'environ').read_bytes() + (entry / 'cmdline').read_bytes()
            cells = (entry / 'stat').read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if folder.encode() in told:
            ticks += sum(int(cell) for cell in cells[11:15])
    return ticks / TICKS


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
