"""A whole Hermes of real processes for a measurement: embedded Postgres that syncs, the sandbox, web, one worker.

Deliveries are what the emulated TutorCruncher really sends. Loopback only; everything ends with the block.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from bench.place import own_database
from hermes.cli.world import sandbox_environment
from hermes.kit.clock import ManualClock
from hermes.kit.signing import sign
from hermes.sandbox.scenarios import demo
from hermes.sandbox.world import Secrets, World
from hermes.settings import Settings

PATIENCE_S = 60.0


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port: int = free.getsockname()[1]
        return port


@dataclass
class Stage:
    """The running processes. `names`: what each child is, by its process."""

    url: str
    environment: dict[str, str]
    web_port: int
    sandbox_port: int
    children: dict[str, 'subprocess.Popen[bytes]'] = field(default_factory=dict)

    @property
    def secret(self) -> str:
        """What TutorCruncher signs with."""
        return self.environment['TC2_API_KEY'].split(',')[0]

    def start(self, name: str, *arguments: str) -> None:
        """Start `hermes NAME`."""
        self.children[name] = subprocess.Popen(
            [sys.executable, '-m', 'hermes', name, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self, name: str) -> None:
        child = self.children.pop(name)
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def peak_mb(self, name: str) -> float:
        """The most memory that a child and its children ever held (VmHWM), in MB."""
        pid = self.children[name].pid
        below = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
        return max(_peak_mb(each) for each in (str(pid), *below))

    def cpu_s(self, name: str) -> float:
        """CPU seconds that a child and its children have spent so far."""
        pid = self.children[name].pid
        below = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
        return sum(_cpu_s(each) for each in (str(pid), *below))

    def query(self, query: str, *parameters: Any) -> Any:
        """The first row."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query.encode(), parameters or None).fetchone()

    def await_true(self, query: str, patience_s: float = PATIENCE_S) -> float:
        """Seconds until `query` says true. Raises TimeoutError."""
        started = time.monotonic()
        with psycopg.connect(self.url, autocommit=True) as connection:
            while time.monotonic() - started < patience_s:
                row = connection.execute(query.encode()).fetchone()
                if row and row[0]:
                    return time.monotonic() - started
                time.sleep(0.05)
        raise TimeoutError(query)

    def change_weather(self, **values: float) -> None:
        httpx2.post(f'http://127.0.0.1:{self.sandbox_port}/_world/weather', json=values, trust_env=False)

    def insert(self, bodies: list[bytes]) -> None:
        """Deliveries as the web writes them, without the web."""
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "insert into event (source, kind, dedupe_key, body) values ('tutorcruncher', 'webhook', "
                'sha256(%b), %b) on conflict do nothing',
                [(body, body) for body in bodies],
            )

    def post(self, client: httpx2.Client, body: bytes) -> int:
        headers = {'Content-Type': 'application/json', 'Webhook-Signature': sign(body, self.secret)}
        status: int = client.post(
            f'http://127.0.0.1:{self.web_port}/tc2/callback/', content=body, headers=headers
        ).status_code
        return status


def _cpu_s(pid: str) -> float:
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def _peak_mb(pid: str) -> float:
    told = Path(f'/proc/{pid}/status').read_text()
    line = next(line for line in told.splitlines() if line.startswith('VmHWM'))
    return int(line.split()[1]) / 1024


@contextmanager
def running(*, counting: bool = False, **settings: str) -> Iterator[Stage]:
    """The sandbox, web and a worker that has met the CRM (set up, listed, subscribed). `counting`: as
    `own_database`.
    """
    with own_database(counting=counting) as (server, folder):
        web_port, sandbox_port = free_port(), free_port()
        told = Settings(_env_file=None, data_dir=folder / 'data')  # type: ignore[call-arg]
        environment = {**os.environ, **sandbox_environment(told, web_port, sandbox_port), 'DATABASE_URL': server.url}
        stage = Stage(server.url, environment | {'LOG_LEVEL': 'ERROR'} | settings, web_port, sandbox_port)
        try:
            stage.start('sandbox', '--port', str(sandbox_port))
            await_port(sandbox_port)
            stage.start('web', '--port', str(web_port))
            stage.start('worker')
            await_port(web_port)
            stage.await_true(
                "select count(*) >= 2 from sweep where state = 'done' and kind = 'full' and type in ('organization', "
                "'person')"
            )
            stage.await_true("select not exists (select 1 from event where state in ('new', 'waiting'))")
            yield stage
        finally:
            for name in reversed(list(stage.children)):
                stage.stop(name)


def await_port(port: int) -> None:
    """Return once somebody listens. Raises TimeoutError."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f'nobody listens on {port}')


def deliveries(count: int, *, seed: int, share_new: float = 0.5) -> list[bytes]:
    """`count` deliveries as the emulated TutorCruncher sends them: new companies, edits and unchanged snapshots."""
    chance = random.Random(seed)
    clock = ManualClock(datetime.now(UTC) - timedelta(days=2))
    world = World(clock, chance, 'http://127.0.0.1:9', Secrets('tc2', 'pd', 'user', 'password'))
    demo.bare(world)
    account = world.tutorcruncher
    known: list[int] = []
    sellers = [admin['tc2_admin_id'] for admin in demo.DEMO_ADMINS[:2]]
    while len(world.outbox.waiting) < count:
        clock.advance(0.2)
        if not known or chance.random() < share_new:
            number = seed * 100_000 + len(known)
            people = [{'first_name': 'Sam', 'last_name': f'Okafor {number}', 'email': f'sam{number}@ember.example'}]
            made = account.sign_up(
                f'Ember {number}', sales_person=chance.choice(sellers), email=people[0]['email'],
                first_name='Sam', last_name='Okafor', recipients=people,
            )  # fmt: skip
            known.append(made.id)
        elif chance.random() < 0.5:
            account.edit_client(chance.choice(known), website=f'https://{chance.randrange(10**6)}.example')
        else:
            account.send_snapshot(chance.choice(known))
    return [_moved(delivery.body, seed) for delivery in world.outbox.waiting[:count]]


def _moved(body: bytes, seed: int) -> bytes:
    """The same delivery about a client with another id, so that two loads do not speak of the same ones."""
    told = json.loads(body)
    for event in told['events']:
        subject = event['subject']
        subject['id'] += seed * 1_000_000
        if subject.get('meta_agency'):
            subject['meta_agency']['id'] += seed * 1_000_000
        for recipient in subject.get('paid_recipients') or ():
            recipient['id'] += seed * 1_000_000
    return json.dumps(told).encode()
