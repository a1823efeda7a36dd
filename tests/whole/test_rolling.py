"""Two web servers are restarted one after the other while deliveries stream in: none is refused, none is lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg

from hermes.cli.world import sandbox_environment
from hermes.kit.processes import dying_with_parent
from hermes.kit.signing import sign
from hermes.settings import load
from tests.flows.companies import client, envelope, event
from tests.waiting import LOOK_S, PATIENCE_S, PROBE_S, wait_for
from tests.whole.run import free_ports


@dataclass
class Server:
    """One `hermes web`."""

    port: int
    environment: dict[str, str]
    log: Path
    process: 'subprocess.Popen[bytes] | None' = None

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}'

    def start(self) -> None:
        with self.log.open('ab') as output:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 'hermes', 'web', '--port', str(self.port)],
                env=self.environment, stdout=output, stderr=output, preexec_fn=dying_with_parent(signal.SIGTERM),
            )  # fmt: skip
        wait_for(f'web on {self.port}', self.is_up, self.log.read_text)

    def is_up(self) -> bool:
        with suppress(httpx2.HTTPError):
            return httpx2.get(f'{self.url}/health', timeout=PROBE_S, trust_env=False).status_code == 200
        return False

    def stop(self) -> None:
        """As a platform does it: SIGTERM, and wait."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(PATIENCE_S) is not None

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@dataclass
class Sender:
    """TutorCruncher behind a load balancer: a connection that is refused goes to the other server; nothing else is
    forgiven.
    """

    servers: list[Server]
    secret: str
    bodies: list[bytes] = field(default_factory=list)
    answers: list[int | str] = field(default_factory=list)
    moved_on: int = 0

    def await_more(self, count: int) -> None:
        before = len(self.answers)
        wait_for('more deliveries', lambda: len(self.answers) > before + count)

    def send(self, number: int) -> None:
        body = envelope(event(client(70_000 + number), 'CREATED_A_CLIENT'), _request_time=1_700_000_000 + number)
        headers = {'Webhook-Signature': sign(body, self.secret), 'Content-Type': 'application/json'}
        self.bodies.append(body)
        for turn in range(20):
            server = self.servers[(number + turn) % 2]
            try:
                answer = httpx2.post(
                    f'{server.url}/tc2/callback/', content=body, headers=headers, timeout=PATIENCE_S, trust_env=False
                )
            except httpx2.ConnectError:
                self.moved_on += 1
                continue
            except httpx2.HTTPError as error:
                self.answers.append(type(error).__name__)
                return
            self.answers.append(answer.status_code)
            return
        self.answers.append('nobody took it')


def test_web_servers_restart_one_after_the_other_without_a_refused_webhook(database_url: str, tmp_path: Path) -> None:
    ports = free_ports(3)
    settings = load({'data_dir': str(tmp_path)})
    environment = {
        'PATH': os.environ['PATH'],
        'HOME': str(tmp_path),
        **sandbox_environment(settings, ports[0], ports[2]),
        'DATABASE_URL': database_url,
    }
    servers = [Server(port, environment, tmp_path / f'{port}.log') for port in ports[:2]]
    sender, ended = Sender(servers, environment['TC2_API_KEY']), threading.Event()

    def stream() -> None:
        while not ended.is_set():
            sender.send(len(sender.answers))
            time.sleep(LOOK_S)

    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.kill)
            server.start()
        streaming = threading.Thread(target=stream)
        stack.callback(streaming.join)
        stack.callback(ended.set)
        streaming.start()
        for server in servers:
            sender.await_more(20)
            server.stop()
            sender.await_more(20)
            server.start()
    assert sender.moved_on, 'the stream never met a server that was away'
    assert set(sender.answers) == {200}
    with psycopg.connect(database_url) as connection:
        kept = {bytes(row[0]) for row in connection.execute("select body from event where kind = 'webhook'")}
    assert set(sender.bodies) <= kept
