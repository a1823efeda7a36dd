"""The process that keeps the embedded Postgres alive exactly as long as somebody uses it.

Every user of the server holds a shared file lock, which the kernel lets go however the user ends. The supervisor starts
Postgres, restarts it should it die, adopts one that was left running, and stops it once it gets that lock for itself.
Postgres in turn dies with its supervisor. So after any `kill -9` the machine ends up with nothing running and the data
whole.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from hermes.db.server.location import Identity, Location
from hermes.kit.processes import dying_with_parent, is_alive, working_folder

USER = 'hermes'
POLL_S = 0.1
STOP_PATIENCE_S = 60.0
START_PATIENCE_S = 60.0
RESTARTS_PER_MINUTE = 5

ALWAYS = {
    'listen_addresses': '',
    'unix_socket_permissions': '0700',
    'max_connections': '100',
    'shared_buffers': '128MB',
    'jit': 'off',
    'timezone': 'UTC',
    'log_timezone': 'UTC',
    # Statements and details carry people's data, and the log must not.
    'log_error_verbosity': 'terse',
    'log_min_error_statement': 'panic',
}
DURABLE = {'fsync': 'on', 'synchronous_commit': 'on', 'full_page_writes': 'on'}
FAST = {
    'fsync': 'off',
    'synchronous_commit': 'off',
    'full_page_writes': 'off',
    'wal_level': 'minimal',
    'max_wal_senders': '0',
    'max_connections': '200',
    'autovacuum': 'off',
}


@dataclass(frozen=True)
class Plan:
    """What to keep. `fast` gives durability away for speed, `ephemeral` removes the folders at the end: both for
    tests.
    """

    location: Location
    fast: bool = False
    ephemeral: bool = False

    def dumps(self) -> str:
        return json.dumps(asdict(self), default=str)

    @classmethod
    def loads(cls, text: str) -> 'Plan':
        raw: dict[str, Any] = json.loads(text)
        location = raw['location']
        who = location['identity']
        identity = Identity(tuple(who['prefix']), who['uid'], who['gid'])
        folder, cluster, run, binaries = (Path(location[name]) for name in ('folder', 'cluster', 'run', 'binaries'))
        return cls(Location(folder, cluster, run, binaries, identity), raw['fast'], raw['ephemeral'])


class StartFailed(Exception):
    """Postgres could not be started; the text is one plain sentence."""


@dataclass
class Supervisor:
    """Owns the one Postgres of a location. `child` is ours to reap, `pid` may also be an adopted one."""

    plan: Plan
    child: subprocess.Popen[bytes] | None = None
    pid: int = 0
    stopping: bool = False
    starts: list[float] = field(default_factory=list)

    def begin(self) -> None:
        """Make the data folder if there is none, then start Postgres or adopt the one that runs on it."""
        location = self.plan.location
        if not (location.cluster / 'PG_VERSION').exists():
            self._initialise()
        found = read_pid(location.cluster)
        if found and runs_on(found, location.cluster):
            self.child, self.pid = None, found
        else:
            (location.cluster / 'postmaster.pid').unlink(missing_ok=True)
            self._start()
        self._await_ready()

    def _initialise(self) -> None:
        location = self.plan.location
        fresh = location.cluster.with_name('cluster.new')
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if location.identity.uid is not None and location.identity.gid is not None:
            os.chown(fresh, location.identity.uid, location.identity.gid)
        command = ['initdb', '-D', str(fresh), '-U', USER, '-E', 'UTF8', '--locale=C', '--locale-provider=builtin']
        command += [
            '--builtin-locale=C.UTF-8',
            '--auth-local=trust',
            '--auth-host=reject',
            '--data-checksums',
            '--no-instructions',
        ]
        child = self._spawn(command + ['--no-sync'] * self.plan.fast)
        if child.wait() != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise StartFailed(self._explain('The database folder could not be made'))
        fresh.rename(location.cluster)

    def _start(self) -> None:
        settings = ALWAYS | (FAST if self.plan.fast else DURABLE)
        flags = [word for name, value in settings.items() for word in ('-c', f'{name}={value}')]
        location = self.plan.location
        self.starts.append(time.monotonic())
        self.child = self._spawn(['postgres', '-D', str(location.cluster), '-k', str(location.run), *flags])
        self.pid = self.child.pid

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        location = self.plan.location
        who = location.identity
        with location.log.open('ab') as log:
            return subprocess.Popen(  # noqa: S603 - our own binaries
                [*who.prefix, str(location.binaries / command[0]), *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd='/',
                user=who.uid,
                group=who.gid,
                extra_groups=() if who.uid is not None else None,
                preexec_fn=dying_with_parent(signal.SIGQUIT if self.plan.ephemeral else signal.SIGINT),
            )

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_PATIENCE_S
        while not is_ready(self.plan.location.cluster):
            if self.stopping:
                return
            if not self._running():
                if self._recently_started() >= RESTARTS_PER_MINUTE:
                    raise StartFailed(self._explain('Postgres does not start'))
                time.sleep(0.2)
                self._start()
            if time.monotonic() > deadline:
                raise StartFailed(self._explain(f'Postgres was not ready after {START_PATIENCE_S:.0f} s'))
            time.sleep(0.01)

    def _recently_started(self) -> int:
        return sum(1 for moment in self.starts if moment > time.monotonic() - 60)

    def _running(self) -> bool:
        return self.child.poll() is None if self.child else is_alive(self.pid)

    def _explain(self, what: str) -> str:
        log = self.plan.location.log
        lines = log.read_text(errors='replace').splitlines()[-30:] if log.exists() else []
        if any('No space left on device' in line for line in lines):
            return f'{what}: no space is left on the disk of {self.plan.location.cluster.parent}.'
        last = next((line for line in reversed(lines) if 'FATAL' in line or 'error:' in line), '')
        why = last.partition('FATAL:')[2] or last.partition('error:')[2]
        return f'{what}: {why.strip() or "no reason given"} (see {log}).'

    def watch(self) -> None:
        """Return once nobody uses the server any more, or somebody asked for its end."""
        with self.plan.location.users_lock.open('a') as users:
            while not self.stopping:
                if not self._running():
                    self.begin()
                if not self._stays() and try_lock(users.fileno(), fcntl.LOCK_EX):
                    return self.end()
                time.sleep(POLL_S)
        return self.end()

    def _stays(self) -> bool:
        try:
            return self.plan.location.stay.read_text() == str(os.getpid())
        except OSError:
            return False

    def end(self) -> None:
        """Stop Postgres: fast, and after a minute of patience at once (the next start then recovers)."""
        self.plan.location.stay.unlink(missing_ok=True)
        for how, patience_s in (
            (signal.SIGQUIT if self.plan.ephemeral else signal.SIGINT, STOP_PATIENCE_S),
            (signal.SIGQUIT, 5.0),
        ):
            if self.pid and self._running():
                os.kill(self.pid, how)
            deadline = time.monotonic() + patience_s
            while self.pid and self._running() and time.monotonic() < deadline:
                time.sleep(0.01)
        if self.plan.ephemeral:
            location = self.plan.location
            for folder in (location.run, location.cluster.parent, location.folder):
                shutil.rmtree(folder, ignore_errors=True)


def try_lock(descriptor: int, how: int) -> bool:
    """Take a file lock without waiting; True if it was had."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_pid(cluster: Path) -> int:
    """The process id in `postmaster.pid`, or 0."""
    try:
        return abs(int((cluster / 'postmaster.pid').read_text().split('\n', 1)[0]))
    except (OSError, ValueError):
        return 0


def runs_on(pid: int, cluster: Path) -> bool:
    """True if `pid` is a living Postgres of this data folder, and not a stranger that got a recycled number."""
    if not is_alive(pid):
        return False
    folder = working_folder(pid)
    return folder is None or folder == cluster


def is_ready(cluster: Path) -> bool:
    """True if Postgres says that it accepts connections (the eighth line of its pid file) and is alive."""
    try:
        lines = (cluster / 'postmaster.pid').read_text().split('\n')
    except OSError:
        return False
    return len(lines) > 7 and lines[7].strip() == 'ready' and runs_on(int(lines[0]), cluster)


def main() -> int:
    """Keep the server of the plan in the first argument, in a session of our own, so that no terminal's signal ends
    it.
    """
    os.setsid()
    os.chdir('/')
    plan = Plan.loads(sys.argv[1])
    supervisor = Supervisor(plan)

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        supervisor.stopping = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ask_to_stop)
    with plan.location.supervisor_lock.open('a+') as mine:
        if not try_lock(mine.fileno(), fcntl.LOCK_EX):
            return 0
        mine.truncate(0)
        mine.write(str(os.getpid()))
        mine.flush()
        try:
            supervisor.begin()
            supervisor.watch()
        except (StartFailed, OSError) as error:
            plan.location.reason.write_text(str(error))
            supervisor.end()
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
