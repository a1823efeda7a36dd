"""Keeps the processes of `hermes run` alive, and ends all of them with it.

A child that dies is started again, the later the more often it dies. Children start in the order in which they hang on
one another (the outside world, who takes its requests, who writes to it) and end in the opposite one, so that nothing
is written while nobody listens; they die with the supervisor even if that is killed.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from hermes.cli import code
from hermes.cli.instance import Tell
from hermes.cli.output import alarm, announcing, say, warn
from hermes.cli.ports import answers
from hermes.db.server.embedded import Server
from hermes.domain.errors import Refused
from hermes.kit.processes import SUPERVISOR, dying_with_parent

TICK_S = 0.2
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
HEALTHY_AFTER_S = 20.0
STOP_PATIENCE_S = 10.0
"""How long a child has from SIGTERM to SIGKILL."""
REFUSED = 1
"""Exit code of a child that has said why it cannot run; starting it again would change nothing."""
SETTLE_MS = 400
"""Files that change within this are one change: "git pull" writes many, one after the other."""
CODE_LOOK_S = 5.0


class Unwilling(Refused):
    """A child cannot run, and has said why in a sentence of its own."""


@dataclass
class Child:
    """One process. `watches`: the folders of the code whose change restarts it."""

    name: str
    command: list[str]
    watches: tuple[str, ...] = ('',)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    backoff_s: float = FIRST_BACKOFF_S

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it, in a group of its own, so that Ctrl-C reaches the supervisor alone."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, '-m', 'hermes', *self.command],
            env={**environment, SUPERVISOR: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=dying_with_parent(signal.SIGTERM),
        )

    def check(self, now: float, *, upgraded: bool = True) -> None:
        """If it has died, say so and set the moment at which it is due again. Raises Unwilling if it refused to run,
        unless the tables are not `upgraded` to the code that it has read: that is soon put right.
        """
        if self.process is None or (code := self.process.poll()) is None:
            return
        if code == REFUSED and upgraded:
            self.process = None
            raise Unwilling(f'hermes {self.name} cannot go on, so everything stops.')
        if now - self.started > HEALTHY_AFTER_S:
            self.backoff_s = FIRST_BACKOFF_S
        how = f'was killed by signal {-code}' if code < 0 else f'ended with exit code {code}'
        warn(f'hermes {self.name} {how}; starting it again in {self.backoff_s:g} s')
        self.process, self.due = None, now + self.backoff_s
        self.backoff_s = min(self.backoff_s * 2, LONGEST_BACKOFF_S)

    def stop(self) -> None:
        """Ask it to end, then make it."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            warn(f'hermes {self.name} did not end within {STOP_PATIENCE_S:g} s and is killed')
            self.process.kill()
            self.process.wait()
        self.process = None


@dataclass
class Supervisor:
    """`children` are started in this order and stopped in the opposite one; `announce` is called once
    `port` answers.
    """

    children: list[Child]
    environment: Mapping[str, str]
    port: int
    announce: Callable[[], None]
    server: Server | None = None
    reload: bool = False
    tell: Tell | None = None
    """Is told the processes of the children whenever one was started."""
    migrations: frozenset[str] = field(default_factory=code.migrations, init=False)
    stamp: tuple[int, int] = field(default_factory=code.stamp, init=False)
    looks_at: float = field(default=0.0, init=False)
    told_of_change: bool = field(default=False, init=False)
    stopping: bool = field(default=False, init=False)
    announced: bool = field(default=False, init=False)

    def run(self) -> None:
        """Run until SIGINT or SIGTERM; leaves no process behind."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        say(f'starting {", ".join(child.name for child in self.children)}')
        try:
            for changed in self._ticks():
                if self.stopping:
                    break
                self._restart_changed(changed)
                self._tick()
        finally:
            self._stop()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _ticks(self) -> Iterator[set[Path]]:
        if not self.reload:
            while True:
                yield set()
                time.sleep(TICK_S)
        from watchfiles import watch

        yield set()
        for changes in watch(
            code.CODE, step=SETTLE_MS, rust_timeout=int(TICK_S * 1000), yield_on_timeout=True, raise_interrupt=False
        ):
            yield {Path(path) for _, path in changes if path.endswith(code.KINDS)}

    def _restart_changed(self, changed: set[Path]) -> None:
        hit = [child for child in self.children if any(_lies_in(path, child.watches) for path in changed)]
        if hit:
            say(f'{min(changed).name} has changed: restarting {", ".join(child.name for child in hit)}')
        for child in reversed(hit):
            child.stop()
            child.due = 0.0

    def _tick(self) -> None:
        if self.server:
            self.server.ensure()
        now = time.monotonic()
        self._notice_change(now)
        upgraded = code.migrations() == self.migrations
        for child in self.children:
            child.check(now, upgraded=upgraded)
        due = [child for child in self.children if child.process is None and now >= child.due]
        if due and self._upgrade(now):
            for child in due:
                child.start(self.environment)
            if self.tell:
                self.tell({child.name: child.process.pid for child in self.children if child.process})
        if not self.announced and answers(self.port):
            self.announced = True
            self.announce()

    def _upgrade(self, now: float) -> bool:
        """New code may bring migrations: the tables come up before any part starts with it, by a process that has it.
        False: not yet. Raises Unwilling where they cannot.
        """
        found = code.migrations()
        if found == self.migrations:
            return True
        with announcing('bringing the tables to the new code'):
            done = subprocess.run(
                [sys.executable, '-m', 'hermes', 'db', 'upgrade'],
                env=dict(self.environment), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            )  # fmt: skip
        if done.returncode == 0:
            say(done.stdout.strip())
            self.migrations = found
            return True
        warn(done.stderr.strip())
        if done.returncode == REFUSED:
            raise Unwilling('The tables cannot be brought to the new code, so everything stops.')
        for child in self.children:
            child.due = max(child.due, now + 1.0)
        return False

    def _notice_change(self, now: float) -> None:
        """Without --reload the parts go on with the code that they have read; that is said once."""
        if self.reload or self.told_of_change or now < self.looks_at:
            return
        self.looks_at = now + CODE_LOOK_S
        if code.stamp() != self.stamp:
            self.told_of_change = True
            alarm('The code was changed under this Hermes, which goes on with the old one: stop and start it again.')

    def _stop(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say('stopping')
        for child in reversed(self.children):
            child.stop()


def _lies_in(path: Path, folders: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(code.CODE / folder) for folder in folders)
