"""The embedded Postgres: whoever starts it and whatever is killed, the data stays and nothing is left running."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hermes.db.server import embedded
from hermes.db.server.location import SYSTEM_FOLDER, SYSTEM_USER, EmbeddedError, choose_location
from hermes.db.server.supervisor import is_ready, read_pid
from hermes.kit.processes import is_alive
from tests.waiting import wait_for

HOLDER = """
import sys
from pathlib import Path
from hermes.db.server import embedded
server = embedded.start(Path(sys.argv[1]), fast=True)
print(server.note or '', server.url, sep='|', flush=True)
sys.stdin.read()
server.end()
"""
PROBE = 'import hermes, subprocess, sys; subprocess.run([sys.executable, "-c", "import hermes"], cwd="/", check=True)'
AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason='only root can become somebody else')


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that any user may enter."""
    root = Path(tempfile.mkdtemp(prefix='hermes-pg-'))
    root.chmod(0o755)
    yield root / 'postgres'
    shutil.rmtree(root, ignore_errors=True)


def hold(folder: Path, prefix: tuple[str, ...] = (), **environment: str) -> tuple[subprocess.Popen[str], str, str]:
    """Another process that holds the server; its note and its address."""
    command = [*prefix, sys.executable, '-c', HOLDER, str(folder)]
    holder = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd='/', env={**os.environ, **environment}
    )
    assert holder.stdout
    note, _, url = holder.stdout.readline().strip().partition('|')
    return holder, note, url


def let_go(holder: subprocess.Popen[str]) -> None:
    holder.communicate('')
    assert holder.returncode == 0


def count(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute('CREATE TABLE IF NOT EXISTS seen (at_start bool)')
        connection.execute('INSERT INTO seen VALUES (true)')
        found = connection.execute('SELECT count(*) FROM seen').fetchone()
    assert found
    return int(found[0])


def test_it_starts_again_with_the_data_of_yesterday_and_leaves_no_process(folder: Path) -> None:
    for expected in (1, 2):
        server = embedded.start(folder, fast=True)
        assert count(server.url) == expected
        pid = read_pid(server.plan.location.cluster)
        server.end()
        assert not is_alive(pid)
    assert not embedded.is_running(folder)


def test_the_socket_is_private_and_there_is_no_tcp(folder: Path) -> None:
    with embedded.start(folder, fast=True) as server, psycopg.connect(server.url) as connection:
        assert server.plan.location.run.stat().st_mode & 0o777 == 0o700
        assert connection.execute('SHOW listen_addresses').fetchone() == ('',)
        assert connection.execute('SHOW data_checksums').fetchone() == ('on',)
        connection.execute('CREATE EXTENSION btree_gist')
        connection.execute('CREATE EXTENSION pg_trgm')


def test_a_folder_with_a_very_long_path_works(folder: Path) -> None:
    deep = folder.joinpath(*(['a-folder-with-a-long-name'] * 5))
    with embedded.start(deep, fast=True) as server:
        assert count(server.url) == 1
        assert len(os.fsencode(server.plan.location.run)) < 94
        server.end()
    shutil.rmtree(server.plan.location.run)


def test_the_last_one_to_leave_stops_it_not_the_one_who_started_it(folder: Path) -> None:
    starter, _, url = hold(folder)
    second = embedded.start(folder, fast=True)
    let_go(starter)
    assert count(url) == 1
    second.end()
    assert not embedded.is_running(folder)


def test_killing_the_one_who_started_it_leaves_nothing_running(folder: Path) -> None:
    holder, _, _ = hold(folder)
    pid = read_pid(folder / 'cluster') or read_pid(choose_location(folder).cluster)
    holder.kill()
    holder.communicate()
    wait_for('its end', lambda: not is_alive(pid))
    wait_for('nothing runs', lambda: not embedded.is_running(folder))


def test_a_killed_postgres_comes_back_with_what_was_committed(folder: Path) -> None:
    with embedded.start(folder) as server:
        assert count(server.url) == 1
        cluster = server.plan.location.cluster
        pid = read_pid(cluster)
        os.kill(pid, signal.SIGKILL)
        wait_for('another one', lambda: is_ready(cluster) and read_pid(cluster) != pid)
        assert count(server.url) == 2
        server.end()


def test_a_killed_supervisor_takes_postgres_along_and_both_come_back(folder: Path) -> None:
    with embedded.start(folder) as server:
        assert count(server.url) == 1
        location = server.plan.location
        pid = read_pid(location.cluster)
        os.kill(int(location.supervisor_lock.read_text()), signal.SIGKILL)
        wait_for('its end', lambda: not is_alive(pid))
        server.ensure()
        assert count(server.url) == 2
        server.end()


def test_a_half_made_folder_and_a_pid_file_of_a_stranger_are_no_obstacle(folder: Path) -> None:
    (folder / 'cluster.new').mkdir(parents=True)
    (folder / 'cluster.new' / 'PG_VERSION').write_text('18\n')
    with embedded.start(folder, fast=True) as server:
        server.end()
    (server.plan.location.cluster / 'postmaster.pid').write_text(f'{os.getpid()}\n{server.plan.location.cluster}\n')
    with embedded.start(folder, fast=True) as server:
        assert count(server.url) == 1
        server.end()


def test_data_of_another_major_version_is_refused_in_one_sentence(folder: Path) -> None:
    (folder / 'cluster').mkdir(parents=True)
    (folder / 'cluster' / 'PG_VERSION').write_text('13\n')
    with pytest.raises(EmbeddedError, match='was written by PostgreSQL 13, but this installation brings') as caught:
        embedded.start(folder)
    assert '\n' not in str(caught.value)


def test_it_stays_until_it_is_stopped_and_is_not_stopped_under_somebody(folder: Path) -> None:
    embedded.start(folder, fast=True, stay=True).end()
    assert embedded.is_running(folder)
    with embedded.start(folder, fast=True), pytest.raises(EmbeddedError, match='in use by a running Hermes'):
        embedded.stop(folder)
    assert embedded.stop(folder)
    assert not embedded.stop(folder)


def test_a_folder_that_others_cannot_write_to_is_named(folder: Path) -> None:
    folder.parent.joinpath('postgres').write_text('a file, where a folder should be')
    with pytest.raises(EmbeddedError, match='cannot hold the database'):
        embedded.start(folder)


@needs_root
def test_an_ordinary_user_runs_it_as_a_child(folder: Path) -> None:
    user = pwd.getpwnam('nobody')
    os.chown(folder.parent, user.pw_uid, user.pw_gid)
    prefix = ('setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--clear-groups')
    if subprocess.run([*prefix, sys.executable, '-c', PROBE], cwd='/', capture_output=True).returncode:
        pytest.skip('this interpreter cannot be run by other users')
    holder, note, _ = hold(folder, prefix)
    assert note == ''
    assert Path(f'/proc/{read_pid(folder / "cluster")}').stat().st_uid == user.pw_uid
    let_go(holder)
    assert (folder / 'cluster').stat().st_uid == user.pw_uid


@needs_root
def test_root_without_namespaces_runs_it_as_a_system_user(folder: Path) -> None:
    known = any(user.pw_name == SYSTEM_USER for user in pwd.getpwall())
    shims = folder.parent / 'shims'
    shims.mkdir()
    (shims / 'unshare').write_text('#!/bin/sh\necho "unshare failed: Operation not permitted" >&2\nexit 1\n')
    (shims / 'unshare').chmod(0o755)
    holder, note, url = hold(folder, PATH=f'{shims}:{os.environ["PATH"]}')
    try:
        assert note.startswith('This machine refuses user namespaces, so Postgres runs as user hermes-postgres')
        assert count(url) == 1
        own = Path(note.rpartition(' ')[2].rstrip('.'))
        assert own.is_relative_to(SYSTEM_FOLDER)
        pid = read_pid(own / 'cluster')
        assert Path(f'/proc/{pid}').stat().st_uid == pwd.getpwnam(SYSTEM_USER).pw_uid
        let_go(holder)
        assert not is_alive(pid)
    finally:
        holder.kill()
        shutil.rmtree(own)
        if not known:
            shutil.rmtree(SYSTEM_FOLDER, ignore_errors=True)
            subprocess.run(['userdel', SYSTEM_USER], check=False, capture_output=True)


@needs_root
def test_a_full_disk_is_one_sentence(folder: Path) -> None:
    script = f'mount -t tmpfs -o size=20m tmpfs {folder.parent} && exec {sys.executable} -c "{FULL_DISK}" {folder}'
    done = subprocess.run(['unshare', '--mount', 'sh', '-c', script], capture_output=True, text=True, cwd='/')
    if 'mount:' in done.stderr or 'unshare:' in done.stderr:
        pytest.skip('this machine allows no mounts')
    told = json.loads(done.stdout)
    assert told.startswith('Only 2')
    assert 'MB are free on the disk of' in told


FULL_DISK = """
import json, sys
from pathlib import Path
from hermes.db.server import embedded
try:
    embedded.start(Path(sys.argv[1]))
except embedded.EmbeddedError as error:
    print(json.dumps(str(error)))
""".replace('"', '\\"')
