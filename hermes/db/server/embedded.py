"""The embedded Postgres, as its users see it: start or find the server of a folder, hold it while it is needed.

Any number of processes may use one server; the first starts it, the last one leaving stops it (`supervisor`),
and a process that is killed has left. Connections go over a socket in a folder that only this user can enter; there is
no TCP.
"""

import fcntl
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from hermes.db.server.location import EmbeddedError, Location, choose_location, is_made
from hermes.db.server.supervisor import POLL_S, USER, Plan, is_ready, try_lock

__all__ = ['DATABASE', 'EmbeddedError', 'Server', 'address', 'is_made', 'is_running', 'start', 'stop']

DATABASE = 'hermes'
PATIENCE_S = 90.0
LEAST_FREE_BYTES = 150_000_000
KEPT_LOG_BYTES = 10_000_000
CREATION_LOCK = 4_729_100_002


@dataclass
class Server:
    """A running server that this process holds. `note` is one sentence worth telling the person, or None."""

    plan: Plan
    hold: IO[str]

    @property
    def note(self) -> str | None:
        return self.plan.location.note

    @property
    def url(self) -> str:
        """The address of Hermes's own database, for libpq and psycopg."""
        return self.database_url(DATABASE)

    def database_url(self, name: str) -> str:
        """The address of the database `name` on this server."""
        return _url(self.plan.location.run, name)

    def ensure(self) -> None:
        """Start the server again if it and its supervisor have died. Costs microseconds while all is well."""
        if not (is_ready(self.plan.location.cluster) and _supervisor_pid(self.plan.location)):
            _await_server(self.plan)

    def close(self) -> None:
        """Let go. The server stops once nobody holds it."""
        self.hold.close()

    def end(self) -> None:
        """Let go, and if nobody else holds the server, return only when it has stopped."""
        self.close()
        location = self.plan.location
        deadline = time.monotonic() + PATIENCE_S
        settled = time.monotonic() + 5 * POLL_S
        while _supervisor_pid(location) and time.monotonic() < deadline:
            if time.monotonic() > settled and is_ready(location.cluster):
                return
            time.sleep(0.02)

    def __enter__(self) -> 'Server':
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Spawned:
    """A supervisor that this process started. It outlives us by design, so there is no `Popen` to wait for it; should
    it end first, a thread reaps it.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None
        threading.Thread(target=self._reap, daemon=True).start()

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._code

    def _reap(self) -> None:
        try:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        except ChildProcessError:
            self._code = 0


def start(
    folder: Path,
    *,
    fast: bool = False,
    ephemeral: bool = False,
    stay: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Server:
    """Start the server of `folder`, or join the one that runs, and hold it until `close`.

    `stay`: it goes on running when nobody holds it, until `stop`. `fast` gives durability away and `ephemeral` removes
    the folder at the end; both are for tests. `tell` is told before a database is made where none was. Raises
    EmbeddedError with one plain sentence.
    """
    location = choose_location(folder)
    plan = Plan(location, fast=fast, ephemeral=ephemeral)
    hold = location.users_lock.open('a')
    server = Server(plan, hold)
    try:
        _await_lock(hold.fileno(), location)
        if not is_ready(location.cluster):
            _check_space(location)
        if tell and not is_made(folder):
            tell(f'making a database in {folder}; this takes a moment, once')
        _await_server(plan)
        _create_database(server)
        if stay:
            location.stay.write_text(str(_supervisor_pid(location)))
    except BaseException:
        hold.close()
        raise
    return server


def address(folder: Path) -> str:
    """The address of Hermes's own database in `folder`, whether its server runs or not."""
    return _url(choose_location(folder).run, DATABASE)


def is_running(folder: Path) -> bool:
    """True if the server of `folder` runs; starts and makes nothing."""
    return (folder / 'keeper.lock').exists() and _supervisor_pid(choose_location(folder)) > 0


def stop(folder: Path, *, force: bool = False) -> bool:
    """Stop the server of `folder`; False if none ran. Raises EmbeddedError while others use it, unless `force`."""
    if not is_running(folder):
        return False
    location = choose_location(folder)
    with location.users_lock.open('a') as users:
        if not force and not try_lock(users.fileno(), fcntl.LOCK_EX):
            raise EmbeddedError('The database is in use by a running Hermes: stop that first, or say --force.')
    if pid := _supervisor_pid(location):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while _supervisor_pid(location):
        if time.monotonic() > deadline:
            raise EmbeddedError(f'The database did not stop within {PATIENCE_S:.0f} s (see {location.log}).')
        time.sleep(0.02)
    return True


def _url(run: Path, name: str) -> str:
    return f'postgresql://{USER}@/{quote(name, safe="")}?host={quote(str(run), safe="")}'


def _supervisor_pid(location: Location) -> int:
    try:
        with location.supervisor_lock.open() as lock:
            return 0 if try_lock(lock.fileno(), fcntl.LOCK_SH) else int(lock.read() or 0)
    except (FileNotFoundError, ValueError):
        return 0


def _await_lock(descriptor: int, location: Location) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not try_lock(descriptor, fcntl.LOCK_SH):
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f'The database of {location.folder} does not come to a stop: try "hermes db stop --force".'
            )
        time.sleep(0.02)


def _await_server(plan: Plan) -> None:
    location = plan.location
    deadline = time.monotonic() + PATIENCE_S
    supervisor: Spawned | None = None
    while True:
        kept = _supervisor_pid(location) > 0
        if kept and is_ready(location.cluster):
            return
        if supervisor and supervisor.poll():
            raise EmbeddedError(_read_reason(location))
        if not kept and (supervisor is None or supervisor.poll() is not None):
            supervisor = _spawn_supervisor(plan)
        if time.monotonic() > deadline:
            raise EmbeddedError(f'The database was not ready after {PATIENCE_S:.0f} s (see {location.log}).')
        time.sleep(0.01)


def _read_reason(location: Location) -> str:
    try:
        return location.reason.read_text()
    except OSError:
        return f'The database could not be started (see {location.log}).'


def _spawn_supervisor(plan: Plan) -> Spawned:
    location = plan.location
    location.reason.unlink(missing_ok=True)
    if location.log.exists() and location.log.stat().st_size > KEPT_LOG_BYTES:
        location.log.replace(location.log.with_suffix('.log.1'))
    kept = ('PATH', 'PYTHONPATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'COVERAGE_PROCESS_START')
    environment = {name: os.environ[name] for name in kept if name in os.environ} | _locale()
    command = [sys.executable, '-P', '-m', 'hermes.db.server.supervisor', plan.dumps()]
    appending = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(location.log), appending, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return Spawned(os.posix_spawn(sys.executable, command, environment, file_actions=files))


def _locale() -> dict[str, str]:
    """The supervisor reads its paths as we do, whatever letters are in them; Postgres says its sentences in English."""
    told = next((os.environ[name] for name in ('LC_ALL', 'LC_CTYPE', 'LANG') if os.environ.get(name)), 'C.UTF-8')
    return {'LC_CTYPE': told, 'LC_MESSAGES': 'C'}


def _check_space(location: Location) -> None:
    free = shutil.disk_usage(location.cluster.parent).free
    if free < LEAST_FREE_BYTES:
        raise EmbeddedError(
            f'Only {free // 1_000_000} MB are free on the disk of {location.cluster.parent}, '
            f'and the database needs {LEAST_FREE_BYTES // 1_000_000} MB to start: make room, or set DATABASE_URL.'
        )


def _create_database(server: Server) -> None:
    with psycopg.connect(server.database_url('postgres'), autocommit=True) as connection:
        # Two may be the first at the same moment.
        connection.execute('SELECT pg_advisory_lock(%s)', [CREATION_LOCK])
        if connection.execute('SELECT 1 FROM pg_database WHERE datname = %s', [DATABASE]).fetchone():
            return
        connection.execute(sql.SQL('CREATE DATABASE {}').format(sql.Identifier(DATABASE)))
