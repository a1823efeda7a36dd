"""Hermes as it runs in life: sandbox, web and workers as processes of their own, which are killed at random moments.

Only processes that were started here are ever ended, each by its own id.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from psycopg.rows import dict_row

from hermes.cli.world import sandbox_environment
from hermes.kit.signing import sign
from hermes.settings import load
from tests.flows.companies import client, envelope, event, iso
from tests.waiting import LOOK_S, PATIENCE_S, PROBE_S, looks, wait_for


@dataclass
class Part:
    """One process of ours."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    kills: int = 0

    def start(self) -> None:
        with self.log.open('ab') as log:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 'hermes', *self.arguments], env=self.environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """kill -9, with what it has started itself."""
        if self.process is None:
            return
        for pid in (*children(self.process.pid), self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


def said(*parts: Part) -> str:
    """The end of what each of them has said."""
    return '\n'.join(f'{part.name}: {part.log.read_text()[-1500:]}' for part in parts if part.log.exists())


def children(pid: int) -> list[int]:
    """The processes that a process of ours has started."""
    try:
        told = Path(f'/proc/{pid}/task/{pid}/children').read_text()
    except OSError:
        return []
    return [int(one) for one in told.split()]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return int(found.getsockname()[1])


@dataclass
class Testbed:
    """The processes, the way in, and the way to look."""

    database_url: str
    web_url: str
    sandbox_url: str
    secret: str
    web: Part
    sandbox: Part
    workers: list[Part]
    acked: list[int] = field(default_factory=list)

    def said(self) -> str:
        """What all of them have said."""
        return said(self.sandbox, self.web, *self.workers)

    def rows(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(query).fetchall()

    def crm(self) -> dict[str, Any]:
        """The emulated CRM's state."""
        state: dict[str, Any] = httpx2.get(
            f'{self.sandbox_url}/_world/state', timeout=PATIENCE_S, trust_env=False
        ).json()
        return state['pipedrive']

    def weather(self, **values: float | str) -> None:
        httpx2.post(
            f'{self.sandbox_url}/_world/weather', json=values, timeout=PATIENCE_S, trust_env=False
        ).raise_for_status()

    def is_ready(self) -> bool:
        with suppress(httpx2.HTTPError):
            return httpx2.get(f'{self.web_url}/health', timeout=PROBE_S, trust_env=False).status_code == 200
        return False

    def keep_alive(self) -> None:
        """Start again what does not run (a port can still be taken for a moment)."""
        for part in (self.web, *self.workers):
            if not part.alive:
                part.start()

    def sign_up(self, number: int) -> None:
        """Post the webhook of a sign-up until it is acknowledged, as TutorCruncher does, with a fresh connection
        each time.
        """
        name = f'Chaos Tutors {number:04d}'
        agency = {'id': 50_000 + number, 'name': name, 'created': iso_now()}
        people = [
            {
                'id': 60_000 + number,
                'first_name': 'Ana',
                'last_name': f'Chaos{number}',
                'email': f'ana{number}@chaos.example',
            }
        ]
        user = {
            'email': f'owner{number}@chaos.example',
            'first_name': 'Ana',
            'last_name': f'Chaos{number}',
            'phone': None,
        }
        body = envelope(
            event(client(40_000 + number, agency=agency, paid_recipients=people, user=user), 'CREATED_A_CLIENT'),
            _request_time=int(time.time()),
        )
        headers = {'Webhook-Signature': sign(body, self.secret), 'Content-Type': 'application/json'}
        for _ in looks(f'sign-up {number} is acknowledged', self.said):
            with suppress(httpx2.HTTPError):
                answer = httpx2.post(
                    f'{self.web_url}/tc2/callback/', content=body, headers=headers, timeout=PROBE_S, trust_env=False
                )
                if answer.status_code == 200:
                    self.acked.append(number)
                    return
            time.sleep(LOOK_S)


def iso_now() -> str:
    from datetime import UTC, datetime

    return iso(datetime.now(UTC))


@contextmanager
def open_testbed(database_url: str, folder: Path, **more: str) -> Any:
    """Sandbox, web and two workers, running and acquainted; all of them ended at the end. `more`: further settings."""
    web_port, sandbox_port = free_port(), free_port()
    settings = load({'data_dir': str(folder)})
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if name in ('PATH', 'HOME', 'LANG', 'TMPDIR', 'PYTHONPATH')
        },
        **sandbox_environment(settings, web_port, sandbox_port),
        'DATABASE_URL': database_url,
        'DATA_DIR': str(folder),
        'PYTHONDONTWRITEBYTECODE': '1',
        **more,
    }

    def part(name: str, *arguments: str) -> Part:
        return Part(name, list(arguments), environment, folder / f'{name}.log')

    testbed = Testbed(
        database_url,
        f'http://127.0.0.1:{web_port}',
        f'http://127.0.0.1:{sandbox_port}',
        environment['TC2_API_KEY'],
        part('web', 'web', '--port', str(web_port)),
        part('sandbox', 'sandbox', '--port', str(sandbox_port)),
        [part(f'worker-{number}', 'worker') for number in range(2)],
    )
    with ExitStack() as stack:
        for each in (testbed.sandbox, testbed.web, *testbed.workers):
            stack.callback(each.kill)
            each.start()
        wait_for('Hermes starts', lambda: testbed.is_ready() and acquainted(testbed), testbed.said)
        yield testbed


def acquainted(testbed: Testbed) -> bool:
    """The first full listings are there, and the settings of the office."""
    found = testbed.rows(
        "select (select count(*) from sweep where state = 'done') as sweeps, (select count(*) from setting) as settings"
    )
    return found[0]['sweeps'] >= 3 and found[0]['settings'] >= 3


def at_rest(testbed: Testbed) -> bool:
    """Nothing is to be applied and nothing to be sent."""
    found = testbed.rows(
        "select (select count(*) from event where state in ('new', 'waiting')) as events, "
        '(select count(*) from push where wanted > done or intent is not null) as pushes'
    )
    return found[0] == {'events': 0, 'pushes': 0}


def pick_victim(testbed: Testbed, chance: random.Random) -> Part:
    return chance.choice([testbed.web, *testbed.workers, *testbed.workers])
