"""An emulated account in a process of its own, and `hermes` on it: by flags, and at a terminal (a pty)."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psycopg
from typer.testing import CliRunner, Result

from hermes.cli import app
from hermes.cli.failures import sentence_of
from hermes.kit.processes import dying_with_parent
from tests.waiting import PATIENCE_S, looks, wait_for
from tests.whole.run import free_ports

ROOT = Path(__file__).parents[2]
SERVE = (
    'from hermes.sandbox.app import run_sandbox; from hermes.sandbox.world import Secrets; '
    "run_sandbox(port={port}, hermes_url='http://127.0.0.1:{web}', seed='empty', "
    "secrets=Secrets('tc2-key', 'pd-key', 'hermes', 'hook-password', {key!r}))"
)
ANSI = re.compile(r'\x1b\[[0-9;?]*[a-zA-Z]')


@dataclass
class Outside:
    """The emulated accounts: addresses, control, state."""

    port: int
    web: int

    def ask(self, path: str, body: Any = None) -> Any:
        request = Request(
            f'http://127.0.0.1:{self.port}/_world/{path}',
            data=None if body is None else json.dumps(body).encode(),
            headers={'Content-Type': 'application/json'},
        )
        with urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def begin(self, scenario: str = 'empty') -> None:
        """Begin again with another account."""
        self.ask('reset', {})
        self.ask('seed', {'scenario': scenario})
        self.ask('act', {'system': 'pipedrive', 'act': 'set_plan', 'plan': 'ultimate', 'seats': 5})

    @property
    def pipedrive(self) -> Any:
        return self.ask('state')['pipedrive']

    def subscribe(self, url: str, event_object: str) -> None:
        """A webhook as somebody once made it by hand: open, without any password."""
        body = {'subscription_url': url, 'event_action': '*', 'event_object': event_object, 'name': 'by hand'}
        request = Request(
            f'http://127.0.0.1:{self.port}/pipedrive/api/v1/webhooks',
            data=json.dumps(body).encode(),
            headers={'Content-Type': 'application/json', 'x-api-token': 'pd-key'},
        )
        with urlopen(request, timeout=PATIENCE_S) as answer:
            assert answer.status == 201

    def _write_field(self, method: str, path: str, body: Any = None) -> Any:
        request = Request(
            f'http://127.0.0.1:{self.port}/pipedrive/api/v2/{path}',
            data=None if body is None else json.dumps(body).encode(),
            headers={'Content-Type': 'application/json', 'x-api-token': 'pd-key'},
            method=method,
        )
        with urlopen(request, timeout=PATIENCE_S) as answer:
            assert answer.status == 200
            return json.load(answer)['data']

    def make_field(self, kind: str, name: str) -> str:
        """Somebody makes a text field in the CRM; its id."""
        body = {'field_name': name, 'field_type': 'text'}
        return str(self._write_field('POST', f'{kind}Fields', body)['field_code'])

    def rename_field(self, kind: str, code: str, name: str) -> None:
        self._write_field('PATCH', f'{kind}Fields/{code}', {'field_name': name})

    def delete_field(self, kind: str, code: str) -> None:
        """A field is deleted in the CRM."""
        self._write_field('DELETE', f'{kind}Fields/{code}')

    @property
    def hooks(self) -> list[Any]:
        """The webhooks that stand registered."""
        return [row for row in self.pipedrive['subscriptions'] if row.get('is_active', True)]

    def calls(self, method: str) -> list[Any]:
        return [call for call in self.ask('calls') if call['method'] == method]


@contextmanager
def outside(key: str = '') -> Iterator[Outside]:
    """The emulated accounts, listening. `key`: the service account's, for calendars."""
    port, web = free_ports(2)
    process = subprocess.Popen(
        [sys.executable, '-c', SERVE.format(port=port, web=web, key=key)],
        cwd=ROOT, stdin=subprocess.DEVNULL, preexec_fn=dying_with_parent(signal.SIGTERM),
    )  # fmt: skip
    world = Outside(port, web)

    def answers() -> bool:
        try:
            return bool(world.ask('clock'))
        except (URLError, OSError):
            return False

    try:
        wait_for('the sandbox', answers)
        yield world
    finally:
        process.kill()
        process.wait(PATIENCE_S)


@dataclass
class Office:
    """`hermes` with the credentials of those accounts and a database of its own."""

    url: str
    world: Outside
    folder: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> str:
        """The database's name, which a command asks for before anything is lost."""
        return self.url.rpartition('/')[2].partition('?')[0]

    @property
    def environment(self) -> dict[str, str]:
        here = f'http://127.0.0.1:{self.world.port}'
        return {
            'PATH': os.environ['PATH'],
            'PYTHONPATH': str(ROOT),
            'HOME': str(self.folder),
            'DATABASE_URL': self.url,
            'DATA_DIR': str(self.folder / 'data'),
            'TC2_API_KEY': 'tc2-key',
            'TC2_BASE_URL': f'{here}/tc2',
            'PD_API_KEY': 'pd-key',
            'PD_BASE_URL': f'{here}/pipedrive',
            'PD_WEBHOOK_USER': 'hermes',
            'PD_WEBHOOK_PASSWORD': 'hook-password',
            'PD_PLAN': 'ultimate',
            'PD_SEATS': '5',
            'HERMES_URL': f'http://127.0.0.1:{self.world.web}',
            'SECRET_KEY': 'x' * 40,
            'SIGNING_KEY': 'y' * 40,
            'API_KEY': 'z' * 40,
            'TERM': 'dumb',
            'COLUMNS': '160',
            **self.more,
        }

    def hermes(self, *words: str, stdin: str = '') -> Result:
        """One command without a terminal, in this process."""
        hidden = dict.fromkeys(('LIVE_DATABASE_URL', 'HERMES_SANDBOX', 'SANDBOX_URL'))
        return CliRunner().invoke(app, list(words), input=stdin, env={**hidden, **self.environment})

    def does(self, *words: str, stdin: str = '') -> str:
        """What a command says that works; a doctor may find something to do."""
        done = self.hermes(*words, stdin=stdin)
        assert done.exit_code in ((0, 2) if words[0] == 'doctor' else (0,)), f'{done.output}\n{done.exception!r}'
        return done.stdout

    def refuses(self, *words: str) -> str:
        """The one sentence with which a command refuses."""
        done = self.hermes(*words)
        assert done.exit_code == 1, done.output
        told = sentence_of(done.exception) if isinstance(done.exception, Exception) else ''
        sentences = [*done.stderr.strip().splitlines(), *([told] if told else [])]
        assert len(sentences) == 1, (sentences, done.exception)
        return sentences[0]

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def terminal(self, *words: str) -> Iterator['Terminal']:
        """One command at a terminal."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, '-m', 'hermes', *words],
            env=self.environment, cwd=self.folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=as_a_terminal_does(),
        )  # fmt: skip
        os.close(theirs)
        terminal = Terminal(ours, process)
        try:
            yield terminal
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            os.close(ours)


def as_a_terminal_does() -> Callable[[], None]:
    """Ctrl-C reaches the command even where these tests run in a shell's background, which ignores it."""
    die_with_us = dying_with_parent(signal.SIGTERM)

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if die_with_us:
            die_with_us()

    return prepare


@dataclass
class Terminal:
    """What a person sees and types."""

    handle: int
    process: subprocess.Popen[bytes]
    shown: str = ''
    read_to: int = 0

    def expect(self, text: str) -> None:
        """Wait until `text` stands on the screen, after what was expected before."""
        for _ in looks(repr(text), lambda: self.shown[self.read_to :]):
            if (place := self.shown.find(text, self.read_to)) >= 0:
                self.read_to = place + len(text)
                return
            assert self._read(), f'it ended without {text!r}: {self.shown[self.read_to :]!r}'

    def _read(self) -> bool:
        ready, _, _ = select.select([self.handle], [], [], 0.5)
        if not ready:
            return True
        try:
            told = os.read(self.handle, 65_536)
        except OSError:
            return False
        self.shown += ANSI.sub('', told.decode('utf-8', 'replace')).replace('\r', '')
        return bool(told)

    def answer(self, question: str, text: str) -> None:
        """Wait for a question and type the answer."""
        self.expect(question)
        os.write(self.handle, f'{text}\n'.encode())

    def interrupt(self) -> int:
        """Ctrl-C, and again if it went by between the question and the reading of its answer; the exit code."""
        for number in looks('its end', lambda: self.shown):
            if number % 4 == 0:
                os.killpg(self.process.pid, signal.SIGINT)
            if not self._read():
                break
        return self.process.wait(PATIENCE_S)

    def end(self) -> int:
        """Read to the end; the exit code."""
        for _ in looks('its end', lambda: self.shown):
            if not self._read():
                break
        return self.process.wait(PATIENCE_S)
