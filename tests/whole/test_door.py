"""Nothing is written outside while our own door is closed: what is written comes back to whoever listens there."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from hermes.db.pool import Database
from hermes.kit.clock import SystemClock
from hermes.kit.processes import dying_with_parent
from hermes.sync.frontdoor import FrontDoor
from tests.flows.companies import client, envelope, event, iso
from tests.waiting import PATIENCE_S
from tests.whole.run import Home, Running

pytestmark = [pytest.mark.lesson('M-65'), pytest.mark.behaviour('PD-GAP-3')]


@contextmanager
def part(home: Home, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """One part of Hermes by itself."""
    with (home.folder / 'parts.log').open('ab') as log:
        process = subprocess.Popen(
            [sys.executable, '-m', 'hermes', *words], env=home.environment, cwd=home.folder, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, preexec_fn=dying_with_parent(signal.SIGTERM),
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def writes(run: Running) -> list[str]:
    """What was written at the CRM, our subscription included."""
    return [
        call['path']
        for call in run.sandbox('/_world/calls')
        if call['method'] != 'GET' and '/token' not in call['path']
    ]


def is_there(run: Running, name: str) -> bool:
    """Whether the CRM has an organisation of this name."""
    return name in {each['name'] for each in run.sandbox('/_world/state')['pipedrive']['organizations']}


def deals(run: Running, title: str) -> list[dict[str, Any]]:
    """The deals of this title at the CRM."""
    return [each for each in run.sandbox('/_world/state')['pipedrive']['deals'] if each['title'] == title]


def test_a_worker_alone_writes_nothing_until_somebody_listens(home: Home, database_url: str) -> None:
    web, sandbox = (str(port) for port in home.ports)
    home.variables |= {'DATABASE_URL': database_url}
    home.data.joinpath('sandbox').mkdir(parents=True)
    addresses = {'web': home.ports[0], 'sandbox': home.ports[1], 'mail': 0}
    home.data.joinpath('sandbox', 'addresses.json').write_text(json.dumps(addresses))
    # Somebody signed up before anybody here was at work, and before the demo's people are known.
    agency = {'created': iso(datetime.now(UTC) - timedelta(days=1))}
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            'insert into event (source, kind, dedupe_key, received_at, body) values '
            "('tutorcruncher', 'webhook', 'k', now() - interval '1 hour', %s)",
            (envelope(event(client(801, agency=agency))),),
        )
    with part(home, 'sandbox', '--port', sandbox) as world, part(home, 'worker'):
        run = Running(home, world, home.folder / 'parts.log')
        said = 'so nothing is written to any system until it answers'
        run.wait_for('the worker has looked', lambda: said in home.hermes('status').stdout)
        with psycopg.connect(database_url, autocommit=True) as connection:

            def stands(query: str) -> bool:
                return connection.execute(query.encode()).fetchone() == (True,)

            run.wait_for('its pushes', lambda: stands('select count(*) >= 3 from push where wanted > done'))
        assert writes(run) == []
        told = home.hermes('doctor', '--offline').stdout
        assert said in told, told
        with part(home, 'web', '--port', web):
            run.wait_for('the organisation', lambda: is_there(run, 'Ember Tutors'))
            run.wait_for('its deal', lambda: deals(run, 'Ember Tutors'))
            state = run.sandbox('/_world/state')['pipedrive']
            assert {hook['last_http_status'] for hook in state['subscriptions']} <= {None, 200}
            run.wait_for('the note is gone', lambda: said not in home.hermes('status').stdout)


def test_a_start_loses_no_echo(home: Home) -> None:
    """Every part is killed and comes back while the CRM is written to."""
    with home.running() as run:
        run.await_ready()
        for number in range(3):
            run.sandbox(
                '/_world/act',
                {
                    'system': 'tutorcruncher',
                    'act': 'sign_up',
                    'name': f'Start {number}',
                    'email': f'{number}@x.example',
                },
            )
            for child in ('web', 'worker'):
                if pid := run.child(child):
                    os.kill(pid, signal.SIGKILL)
            name = f'Start {number}'
            run.wait_for(name, partial(is_there, run, name))
        run.wait_for('our subscription', lambda: run.sandbox('/_world/state')['pipedrive']['subscriptions'])
        hooks = run.sandbox('/_world/state')['pipedrive']['subscriptions']
        assert [hook['is_active'] for hook in hooks] == [1]
        run.interrupt()


async def test_who_cannot_look_at_the_door_believes_a_webhook(database_url: str) -> None:
    async def look() -> str:
        return 'does not answer (ConnectTimeout)'

    database = Database(database_url, SystemClock())
    await database.open()
    try:
        door = FrontDoor('https://hermes.example', look)
        old = "insert into event (source, kind, dedupe_key, received_at) values ('tutorcruncher', 'webhook', %s, {})"
        await database.execute(old.format("now() - interval '1 minute'"), ('before',))
        assert not await door.check(database)
        [row] = await database.fetch("select note from pulse where name = 'door'")
        assert row['note'].startswith('https://hermes.example does not answer (ConnectTimeout), so nothing is written')
        await database.execute(old.format("now() + interval '1 second'"), ('since',))
        assert await door.check(database)
        [row] = await database.fetch("select note from pulse where name = 'door'")
        assert row['note'] == ''
    finally:
        await database.close()
