"""`hermes run` as a person has it: a process of its own in a terminal's process group, with an empty HOME."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from hermes.kit.processes import dying_with_parent
from tests.waiting import PATIENCE_S, PROBE_S, Found, wait_for
from tests.whole.made import copy_database

ROOT = Path(__file__).parents[2]
"""Whoever tries these tests on a copy of the product runs the copy."""


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(('127.0.0.1', 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def processes_of(folder: Path) -> dict[int, str]:
    """Every living process, with its command line, that has `folder` in its arguments or its environment."""
    found = {}
    for entry in Path('/proc').iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / 'cmdline').read_bytes()
            told = command + (entry / 'environ').read_bytes()
        except OSError:
            continue
        if command and os.fsencode(folder) in told:
            found[int(entry.name)] = command.replace(b'\0', b' ').decode(errors='replace')
    return found


@dataclass
class Home:
    """A folder with an empty HOME, the data, and ports of its own. The environment has nothing else in it."""

    folder: Path
    ports: list[int] = field(default_factory=lambda: free_ports(2))
    variables: dict[str, str] = field(default_factory=dict)
    python: Path = Path(sys.executable)

    @property
    def data(self) -> Path:
        return self.folder / 'data'

    @property
    def environment(self) -> dict[str, str]:
        home = self.folder / 'home'
        home.mkdir(exist_ok=True)
        beside = {'PYTHONPATH': str(ROOT)} if self.python == Path(sys.executable) else {}
        return {'PATH': os.environ['PATH'], 'HOME': str(home), 'DATA_DIR': str(self.data), **beside, **self.variables}

    def await_end(self) -> None:
        """Wait until nothing of what runs here is left."""
        wait_for('everything ended', lambda: not processes_of(self.data), lambda: str(processes_of(self.data)))

    def hermes(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [self.python, '-m', 'hermes', *words],
            env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def told(self, *words: str) -> Any:
        """The JSON answer of one command, also where something is to be done."""
        done = self.hermes(*words, '--json')
        assert done.returncode in (0, 2), done.stderr
        return json.loads(done.stdout)

    def run_words(self) -> list[str]:
        return ['run', '--port', str(self.ports[0]), '--sandbox-port', str(self.ports[1])]

    @contextmanager
    def running(self, *flags: str, first: bool = False) -> Iterator['Running']:
        """`hermes run`; ended without mercy if the test has not ended it. `first`: it makes its database itself."""
        if not (first or self.data.exists() or 'DATABASE_URL' in self.variables or self.python != Path(sys.executable)):
            copy_database(self.data)
        log = self.folder / 'run.log'
        with log.open('ab') as output:
            process = subprocess.Popen(
                [self.python, '-m', 'hermes', *self.run_words(), *flags],
                env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, preexec_fn=dying_with_parent(signal.SIGTERM),
            )  # fmt: skip
        run = Running(self, process, log)
        try:
            yield run
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            self.await_end()


@dataclass
class Running:
    """A supervisor and its children."""

    home: Home
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """Everything that all of them have said so far."""
        return self.log.read_text()

    def wait_for(self, what: str, told: Callable[[], Found]) -> Found:
        """What `told` says, once it says something; fails as soon as the supervisor is gone."""

        def alive() -> Found:
            assert self.process.poll() is None, f'{what}: it has ended before; said until then:\n{self.said()}'
            return told()

        return wait_for(what, alive, self.said)

    def await_ready(self) -> None:
        self.wait_for('ready', self.is_ready)

    def await_said(self, text: str) -> None:
        """Wait until somebody has said `text`."""
        self.wait_for(text, lambda: text in self.said())

    def await_child(self, name: str, but: int = 0) -> int:
        """The process id of a child, once there is one, and another than `but`."""
        return self.wait_for(f'a process {name}', lambda: (pid := self.child(name)) != but and pid)

    def is_ready(self) -> bool:
        try:
            with urlopen(f'http://127.0.0.1:{self.home.ports[0]}/ready', timeout=PROBE_S) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def sandbox(self, path: str, body: Any = None) -> Any:
        """Ask the emulated world."""
        request = Request(
            f'http://127.0.0.1:{self.home.ports[1]}{path}',
            data=None if body is None else json.dumps(body).encode(),
            headers={'Content-Type': 'application/json'},
        )
        with urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def child(self, name: str) -> int:
        """The process id of a child, 0 if there is none now."""
        return next((pid for pid, command in processes_of(self.home.data).items() if f'-m hermes {name}' in command), 0)

    def interrupt(self) -> int:
        """Ctrl-C as a terminal sends it, to the whole foreground group; the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(PATIENCE_S)
