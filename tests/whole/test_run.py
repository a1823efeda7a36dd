"""`hermes run` from an empty folder: it starts, it comes back, it ends without a trace, and says plainly why it
cannot.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest

from tests.chaos.testbed import children
from tests.waiting import PATIENCE_S
from tests.whole.run import Home, free_ports, processes_of


def refused(home: Home, *words: str) -> str:
    """The one sentence with which `hermes run` (or `words`) refuses; nothing is left running."""
    done = home.hermes(*(words or home.run_words()))
    assert done.returncode == 1, done.stderr
    assert 'Traceback' not in done.stderr
    sentences = done.stderr.strip().splitlines()
    assert len(sentences) == 1, done.stderr
    home.await_end()
    return sentences[0]


FIRST_STEPS = (
    'making a database in ', 'making the tables', 'the tables were made', 'starting sandbox, web, worker',
    'first contact: ', 'the first listing: ',
)  # fmt: skip
"""What may take over a second at a first start, each said before."""


@pytest.mark.lesson('M-51')
def test_it_starts_empty_ends_with_ctrl_c_and_finds_yesterdays_data(home: Home) -> None:
    with home.running(first=True) as run:
        run.await_ready()
        for address in re.findall(r'http://\S+', run.said()):
            assert urlopen(address, timeout=PATIENCE_S).status == 200
        run.sandbox(
            '/_world/act', {'system': 'tutorcruncher', 'act': 'sign_up', 'name': 'Marigold', 'email': 'm@x.example'}
        )
        run.wait_for('the company at the CRM', lambda: 'Marigold' in str(run.sandbox('/_world/state')['pipedrive']))
        run.wait_for('its deal', lambda: 'Marigold' in str(run.sandbox('/_world/state')['pipedrive']['deals']))
        event = home.told('events', 'list', '--source', 'tutorcruncher')[-1]
        assert home.told('events', 'replay', str(event['id']), '--preview') == [{'event': event['id'], 'changes': []}]
        findings = {item['name']: item['state'] for item in home.told('doctor')['findings']}
        assert findings | {'worker': 'ok', 'pipedrive': 'ok', 'first listing': 'ok', 'migrations': 'ok'} == findings
        first = home.told('events', 'list')[-1]
        run.interrupt()
        assert processes_of(home.data) == {}
    told = run.said()
    said = [told.find(step) for step in FIRST_STEPS]
    assert -1 not in said, dict(zip(FIRST_STEPS, said, strict=True))
    assert said == sorted(said)
    with home.running() as run:
        run.await_ready()
        assert home.told('events', 'show', str(first['id']))['received_at'] == first['received_at']
        assert run.interrupt() == 0
    assert processes_of(home.data) == {}
    again = run.said()[len(told) :]
    assert [step for step in FIRST_STEPS if step in again] == ['starting sandbox, web, worker']
    assert 'Traceback' not in told + again


def test_what_is_killed_comes_back_and_nothing_outlives_the_supervisor(home: Home) -> None:
    with home.running() as run:
        run.await_ready()
        old = run.child('worker')
        os.kill(old, signal.SIGKILL)
        run.await_child('worker', old)
        assert 'hermes worker was killed by signal 9; starting it again in 0.5 s' in run.said()
        run.await_ready()
        run.process.kill()
        run.process.wait()
        home.await_end()


@pytest.mark.lesson('M-52')
def test_a_web_server_whose_processes_die_again_and_again_is_started_again(home: Home) -> None:
    with home.running() as run:
        run.await_ready()
        web = run.child('web')
        said = 'hermes web ended with exit code 70; starting it again'

        def kill_its_processes() -> bool:
            for pid in children(web):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return said in run.said()

        run.wait_for(said, kill_its_processes)
        run.await_child('web', web)
        run.await_ready()
        assert run.interrupt() == 0


@pytest.mark.behaviour('SETUP-12')
def test_another_account_on_the_same_database_stops_everything_with_a_sentence(home: Home) -> None:
    with home.running() as run:
        run.await_ready()
        run.wait_for('first contact', lambda: any(item['account'] for item in home.told('status')['systems']))
        run.interrupt()
    (home.data / 'sandbox' / 'world.json').unlink()
    with home.running() as run:
        assert run.process.wait(PATIENCE_S) == 1
    told = run.said()
    assert re.search(r'This database belongs to Pipedrive company \d+, but the credentials are those of', told)
    assert told.count('starting it again') == 0
    assert 'Traceback' not in told


@pytest.mark.lesson('M-13')
def test_whatever_a_person_renames_out_there_it_starts_again(home: Home) -> None:
    """The first thing that a newcomer tries."""
    with home.running() as run:
        run.await_ready()
        run.wait_for('the set-up', lambda: settings_of(home).get('enterprise_pipeline_id'))
        before = settings_of(home)
        for kind in ('pipeline', 'stage'):
            for number in (1, 2, 3):
                change = {'kind': kind, 'id': number, 'values': {'name': f'Renamed {kind} {number}'}}
                run.sandbox('/_world/act', {'system': 'pipedrive', 'act': 'update', **change})
        run.sandbox('/_world/act', {'system': 'pipedrive', 'act': 'delete', 'kind': 'pipeline', 'id': 3})
        run.interrupt()
    with home.running() as run:
        run.await_ready()
        acted = {'system': 'tutorcruncher', 'act': 'sign_up', 'name': 'Marigold', 'email': 'm@x.example'}
        run.sandbox('/_world/act', acted)
        run.wait_for('the company at the CRM', lambda: 'Marigold' in str(run.sandbox('/_world/state')['pipedrive']))
        assert settings_of(home) == before
        assert run.interrupt() == 0
    assert 'cannot go on' not in run.said()


def settings_of(home: Home) -> dict[str, object]:
    return {each['key']: each['value'] for each in home.told('config', 'show')}


@pytest.mark.lesson('M-47')
@pytest.mark.behaviour('SETUP-15')
def test_one_instance_a_data_folder(home: Home) -> None:
    with home.running() as run:
        run.await_ready()
        web, sandbox = home.ports
        home.ports = free_ports(2)
        second = home.hermes(*home.run_words())
        [told] = second.stderr.strip().splitlines()
        assert second.returncode == 1
        assert told == (
            f'"hermes run" runs in {home.data.resolve()} already (process {run.process.pid}, '
            f'web http://127.0.0.1:{web}, sandbox http://127.0.0.1:{sandbox}): '
            'stop that first, or say DATA_DIR and another folder.'
        )
        alone = home.hermes('sandbox', '--port', str(home.ports[1]))
        assert alone.returncode == 1
        assert f'"hermes sandbox" runs in {home.data.resolve() / "sandbox"} already (process ' in alone.stderr
        home.ports = [web, sandbox]
        assert run.is_ready()
        run.process.kill()
        run.process.wait()
        home.await_end()
    with home.running() as run:
        run.await_ready()
        run.interrupt()


@pytest.mark.lesson('M-48')
def test_both_ports_that_are_taken_are_said_at_once_with_who_has_them(home: Home, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', home.ports[0]))
        taken.listen()
        told = refused(home)
    assert told.startswith(f'Port {home.ports[0]} is taken by process {os.getpid()} (')
    assert told.endswith(': stop that first, or say --port with another.')
    with home.running() as run:
        run.await_ready()
        other = Home(tmp_path / 'other', list(home.ports))
        other.folder.mkdir()
        web, sandbox = home.ports
        ours = f'the Hermes of {home.data.resolve()} (process {run.process.pid})'
        assert refused(other) == (
            f'Port {web} is taken by {ours}: stop that first, or say --port with another. '
            f'Port {sandbox} is taken by {ours}: stop that first, or say --sandbox-port with another.'
        )
        other.variables |= {'PORT': str(free_ports(1)[0]), 'SANDBOX_PORT': str(sandbox)}
        assert refused(other, 'run').startswith(f'Port {sandbox} is taken by {ours}')
        other.variables['SANDBOX_PORT'] = other.variables['PORT']
        assert refused(other, 'run').startswith('--port and --sandbox-port say the same port')
        run.interrupt()


@pytest.mark.lesson('M-48')
def test_pids_are_those_of_this_installation_alone(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / 'other')
    other.folder.mkdir()
    with home.running() as run, other.running() as beside:
        run.await_ready()
        beside.await_ready()
        told = home.told('pids')
        assert told == {'run': run.process.pid, **{name: run.child(name) for name in ('sandbox', 'web', 'worker')}}
        assert set(told.values()).isdisjoint(other.told('pids').values())
        os.kill(int(home.hermes('pids', 'worker').stdout), signal.SIGKILL)
        run.wait_for('a new worker', lambda: home.told('pids').get('worker', told['worker']) != told['worker'])
        assert beside.child('worker') == other.told('pids', 'worker')['worker']
        assert '"hermes run" has no cook at this moment' in home.hermes('pids', 'cook').stderr
        run.interrupt()
        assert home.hermes('pids').stderr == f'"hermes run" does not run in {home.data.resolve()}.\n'


def test_a_database_that_is_not_there(home: Home) -> None:
    home.variables['DATABASE_URL'] = f'postgresql://nobody:secret@127.0.0.1:{free_ports(1)[0]}/nothing'
    told = refused(home)
    assert 'cannot be reached' in told
    assert 'DATABASE_URL' in told
    assert 'secret' not in told


def test_an_address_that_is_none(home: Home) -> None:
    home.variables['DATABASE_URL'] = 'mysql://localhost/hermes'
    assert 'DATABASE_URL' in refused(home)


@pytest.mark.invariant('I23')
def test_a_newer_schema(home: Home, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    home.variables['DATABASE_URL'] = database_url
    assert 'newer than this program knows' in refused(home)
    assert 'newer than this program knows' in refused(home, 'worker')


def test_a_full_disk(home: Home) -> None:
    if os.geteuid() != 0 or not shutil.which('unshare'):
        pytest.skip('only root may make a small disk')
    home.data.mkdir()
    command = (
        f'mount -t tmpfs -o size=20m tmpfs {home.data} && exec {sys.executable} -m hermes {" ".join(home.run_words())}'
    )
    done = subprocess.run(
        ['unshare', '--mount', 'sh', '-c', command], env=home.environment, cwd=home.folder, capture_output=True,
        text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    if 'mount' in done.stderr:
        pytest.skip('no disk may be mounted here')
    assert done.returncode == 1
    assert re.fullmatch(r'Only \d+ MB are free on the disk of .*: make room, or set DATABASE_URL\.\n', done.stderr)
