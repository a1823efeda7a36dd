"""The example of a host application as a developer tries it: processes of its own beside a whole Hermes."""

import base64
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode

import psycopg
import pytest

from examples.host import accounts
from hermes.db.server.embedded import Server
from hermes.kit.processes import dying_with_parent
from tests import postgres
from tests.waiting import PROBE_S, wait_for
from tests.whole.run import ROOT, Home, Running, free_ports

KEY = 'a-key-of-the-host-17'
WHSEC = 'whsec_' + base64.b64encode(bytes(range(32))).decode()
BASIC = 'Basic YWRtaW46bGV0bWVpbg=='


class Site:
    """The host, asked over HTTP."""

    def __init__(self, port: int) -> None:
        self.url = f'http://127.0.0.1:{port}'

    def ask(self, path: str, **form: Any) -> str:
        request = urllib.request.Request(self.url + path, headers={'Authorization': BASIC})
        data = urlencode(form, doseq=True).encode() if form else None
        with urllib.request.urlopen(request, data, timeout=PROBE_S) as answer:
            return str(answer.read().decode())

    def has_learnt(self) -> bool:
        return 'WroteSalesforceAppUserUid' in self.ask('/admin')

    def is_there(self) -> bool:
        try:
            return bool(self.ask('/'))
        except (URLError, OSError):
            return False


@contextmanager
def running(home: Home, database: str, way: str, port: int) -> Iterator[Site]:
    variables = {
        'PATH': os.environ['PATH'], 'PYTHONPATH': str(ROOT), 'CRM_TYPE': 'SALESFORCE', 'PEOPLE_API_KEY': KEY,
        'HERMES_URL': f'http://127.0.0.1:{home.ports[0]}', 'HOST_DATABASE_URL': database, 'HOST_WAY': way,
        'HOST_PORT': str(port), 'HOST_SECRET': 'of-the-host', 'HOST_ADMIN_KEY': 'letmein',
        'PEOPLE_CALLBACK_SECRET': WHSEC,
    }  # fmt: skip
    with (home.folder / f'{way}.log').open('ab') as output:
        process = subprocess.Popen(
            [sys.executable, '-m', 'examples.host'], env=variables, cwd=home.folder, stdout=output, stderr=output,
            preexec_fn=dying_with_parent(signal.SIGTERM),
        )  # fmt: skip
    try:
        site = Site(port)
        wait_for('the host', site.is_there, (home.folder / f'{way}.log').read_text)
        yield site
    finally:
        process.kill()
        process.wait()


def knows(run: Running, email: str) -> bool:
    return email in str(run.sandbox('/_world/state')['salesforce'])


@pytest.mark.behaviour('AU-1')
def test_a_host_tells_a_whole_hermes_in_both_ways_and_learns_the_ids(home: Home, migrated_server: Server) -> None:
    with postgres.fresh_database(migrated_server) as hermes, postgres.fresh_database(migrated_server) as own:
        ports = free_ports(2)
        home.variables |= {
            'DATABASE_URL': hermes, 'CRM_TYPE': 'SALESFORCE', 'PEOPLE_API_KEY': KEY, 'PEOPLE_CALLBACK_SECRET': WHSEC,
            'PEOPLE_CALLBACK_URL': f'http://127.0.0.1:{ports[0]}/hermes',
        }  # fmt: skip
        with psycopg.connect(hermes) as connection:  # To Hermes they are one host: no number stands for two readers.
            accounts.install(connection)
            connection.execute('alter table reader_app.account alter id restart with 1000')
        with running(home, own, 'http', ports[0]) as site:
            site.ask('/sign-up', email='early@readers.example', first_name='Ada', last_name="O'Brien")
            with home.running() as run, running(home, hermes, 'transaction', ports[1]) as within:
                run.await_ready()
                within.ask('/sign-up', email='within@readers.example', first_name='Bea', last_name='Else')
                for place, email in ((site, 'early@readers.example'), (within, 'within@readers.example')):
                    run.wait_for(email, partial(knows, run, email))
                    run.wait_for('its id', place.has_learnt)
                run.wait_for('a call', lambda: '"POST /hermes HTTP/1.1" 204' in (home.folder / 'http.log').read_text())
        with psycopg.connect(own) as connection:
            [account] = connection.execute('select email, crm_id is not null from reader_app.account').fetchall()
            assert account == ('early@readers.example', True)
            assert connection.execute('select count(*) from reader_app.outbox').fetchone() == (0,)
