"""A backup is one file of one moment; a restore loses nothing before it has read the whole file, and nobody may be at
work in the database.
"""

import io
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from hermes.cli.failures import sentence_of
from hermes.db import schema
from hermes.db.server import backup
from tests.cli.places import KEY, Place, standing
from tests.waiting import PATIENCE_S
from tests.whole.filling import fill

pytestmark = [pytest.mark.lesson('M-54'), pytest.mark.behaviour('SETUP-17')]
CANARY = 'Xanthippe Quillfeather, nobody else'
LEFT = {
    'worker', 'reservation', 'pulse', 'alert', 'alert_message', 'system_state', 'event', 'push', 'budget',
    'desk_session',
}  # fmt: skip
"""What is otherwise after a restore, on purpose: who works, who is logged in, what was alerted, and that every system
is paused.
"""


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    fill(database_url)
    found = Place(database_url, tmp_path)
    found.execute('delete from worker')
    return found


@pytest.fixture
def file(place: Place, tmp_path: Path) -> Path:
    """A backup of the place."""
    file = tmp_path / 'monday.backup'
    done = place.hermes('db', 'backup', str(file))
    assert done.exit_code == 0, (done.output, done.exception)
    assert 'company (1 rows)' in done.stdout
    assert f'kept in {file} ({file.stat().st_size:,} bytes)' in done.stdout
    return file


def test_a_backup_is_readable_by_its_owner_alone_and_writes_over_nothing(place: Place, file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert f'{file} is there already' in place.refuses('db', 'backup', str(file))
    assert 'cannot be written: ' in place.refuses('db', 'backup', str(file / 'x'))
    assert file.read_bytes() == before
    assert [each.name for each in file.parent.iterdir() if 'backup' in each.name] == [file.name]


def test_it_is_taken_while_somebody_works_and_what_stood_there_comes_back(place: Place, tmp_path: Path) -> None:
    before = standing(place)
    file = tmp_path / 'monday.backup'
    place.execute("insert into worker values ('w', now(), now(), %s, %s)", socket.gethostname(), os.getpid())
    with psycopg.connect(place.url, application_name='hermes-web-pulse') as other:
        other.execute('update company set name = name')
        assert place.hermes('db', 'backup', str(file)).exit_code == 0
        assert 'stop it first' in place.refuses('db', 'restore', str(file), '--name', place.name)
    place.execute('delete from worker')
    place.execute("update company set name = 'Changed since'")
    done = place.hermes('db', 'restore', str(file), '--name', place.name)
    assert done.exit_code == 0, (done.output, done.exception)
    assert 'company: 1 rows' in done.stdout
    assert 'The database is as it was at ' in done.stdout
    after = standing(place)
    assert {table: rows for table, rows in after.items() if table not in LEFT} == {
        table: rows for table, rows in before.items() if table not in LEFT
    }
    assert after['event'][: len(before['event'])] == before['event']
    assert before['alert_message'] != after['alert_message'] == [], 'nobody is told of what was wrong then'
    assert schema.check(place.url) == 'current'
    with psycopg.connect(place.url) as connection:
        assert connection.execute('select bool_and(paused) from system_state').fetchone() == (True,)


def test_a_database_with_something_in_it_is_named_first(place: Place, file: Path) -> None:
    before = standing(place)
    assert 'say --name and the name of the database' in place.refuses('db', 'restore', str(file))
    assert f'The database is called "{place.name}"' in place.refuses('db', 'restore', str(file), '--name', 'hermes')
    assert standing(place) == before


@pytest.mark.invariant('S24')
@pytest.mark.parametrize('way', ['file', 'stdout'])
def test_a_backup_says_nothing_without_the_key(place: Place, tmp_path: Path, way: str) -> None:
    place.execute('update company set name = %s', CANARY)
    file = tmp_path / 'private.backup'
    if way == 'file':
        done = place.hermes('db', 'backup', str(file))
        assert 'only the SECRET_KEY of this installation opens it' in done.stdout
    else:
        file.write_bytes(place.hermes('db', 'backup', '-').stdout_bytes)
    written = file.read_bytes()
    for word in (b'PGDMP', b'company', CANARY.encode(), KEY.encode()):
        assert word not in written, word
    before = standing(place)
    named = ('db', 'restore', str(file), '--name', place.name)
    assert 'is encrypted: set SECRET_KEY' in place.refuses(*named, SECRET_KEY='')
    assert 'was encrypted with another SECRET_KEY' in place.refuses(*named, SECRET_KEY=KEY[::-1])
    assert standing(place) == before
    place.execute("update company set name = 'Changed since'")
    assert place.hermes(*named).exit_code == 0
    assert standing(place)['company'] == before['company']


@pytest.mark.invariant('S24')
def test_what_was_not_encrypted_is_taken_as_ever_and_where_there_is_no_key_that_is_said(
    place: Place, tmp_path: Path
) -> None:
    before, file = standing(place), tmp_path / 'plain.backup'
    done = place.hermes('db', 'backup', str(file), SECRET_KEY='')
    assert (file.read_bytes()[:5], 'SECRET_KEY is not set, so it is NOT encrypted' in done.stdout) == (b'PGDMP', True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert place.hermes('db', 'restore', str(file), '--name', place.name).exit_code == 0
    assert standing(place)['company'] == before['company']


def test_an_empty_database_takes_it_without_a_question(place: Place, file: Path, blank_database_url: str) -> None:
    fresh = Place(blank_database_url, place.folder)
    done = fresh.hermes('db', 'restore', str(file))
    assert done.exit_code == 0, (done.output, done.exception)
    assert standing(fresh)['company'] == standing(place)['company']


def test_what_is_no_backup_or_damaged_takes_nothing_away(place: Place, file: Path, blank_database_url: str) -> None:
    before = standing(place)
    whole, dumped = file.read_bytes(), io.BytesIO()
    backup.write(place.url, dumped, '')
    plain = dumped.getvalue()
    for name, content, told in (
        ('page', b'<html>', 'is no backup: "hermes db backup" writes one'),
        ('nothing', b'', 'is no backup'),
        ('half', whole[: len(whole) // 2], 'cannot be read: it is cut off'),
        ('changed', whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:], 'cannot be read: it is cut off, or was changed'),
        ('more', whole + b'x', 'cannot be read: it is cut off, or was changed'),
        ('head', whole[:40], 'cannot be read: it is cut off'),
        ('half of a plain one', plain[: len(plain) // 2], 'cannot be read: '),
    ):
        wrong = file.with_name(name)
        wrong.write_bytes(content)
        done = place.hermes('db', 'restore', str(wrong), '--name', place.name)
        assert (done.exit_code, told in f'{done.exception}') == (1, True), done.exception
    assert 'There is no file' in place.refuses('db', 'restore', str(file.with_name('gone')), '--name', place.name)
    assert 'There is no file' in place.refuses('db', 'restore', str(file.parent), '--name', place.name)
    with psycopg.connect(blank_database_url) as connection:
        connection.execute('create table report (at int)')
    assert 'no tables of Hermes' in Place(blank_database_url, file.parent).refuses('db', 'backup', str(file) + '2')
    other = file.with_name('other')
    with psycopg.connect(blank_database_url) as connection, other.open('wb') as out:
        connection.execute('create table alembic_version (version_num text)')
        connection.execute("insert into alembic_version values ('0001')")
        connection.commit()
        backup.write(blank_database_url, out, '')
    done = place.hermes('db', 'restore', str(other), '--name', place.name)
    assert (done.exit_code, 'those of no version of Hermes' in f'{done.exception}') == (1, True), done.exception
    assert standing(place) == before


def test_a_backup_of_an_older_version_comes_up_and_what_others_keep_there_disturbs_nobody(
    place: Place, blank_database_url: str, tmp_path: Path
) -> None:
    schema.upgrade(blank_database_url, '0007')
    fill(blank_database_url)
    older = Place(blank_database_url, tmp_path)
    older.execute('create table report (at int); alter table company add column note_of_ours text')
    assert older.hermes('db', 'backup', str(tmp_path / 'older')).exit_code == 0
    done = place.hermes('db', 'restore', str(tmp_path / 'older'), '--name', place.name)
    assert done.exit_code == 0, (done.output, done.exception)
    assert schema.check(place.url) == 'current'
    assert len(standing(place)['company']) == 1


def test_an_id_that_was_given_since_is_not_given_again(place: Place, file: Path) -> None:
    """The CRM knows records by it, also those that were made after the backup."""
    place.execute("select nextval('record_id') from generate_series(1, 500)")
    with psycopg.connect(place.url) as connection:
        [last] = connection.execute('select last_value from record_id').fetchone() or [0]
    assert place.hermes('db', 'restore', str(file), '--name', place.name).exit_code == 0
    with psycopg.connect(place.url) as connection:
        [following] = connection.execute("select nextval('record_id')").fetchone() or [0]
    assert following > last


def test_a_dash_is_stdout_and_stdin(place: Place, blank_database_url: str) -> None:
    """For a container, whose folders are not those of the machine."""

    def hermes(url: str, *words: str, given: bytes = b'') -> subprocess.CompletedProcess[bytes]:
        environment = {'PATH': os.environ['PATH'], 'HOME': str(place.folder), 'DATA_DIR': str(place.folder / 'data')}
        return subprocess.run(
            [sys.executable, '-m', 'hermes', 'db', *words],
            env=environment | {'DATABASE_URL': url}, input=given, capture_output=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    kept = hermes(place.url, 'backup', '-')
    assert (kept.returncode, kept.stdout[:5]) == (0, b'PGDMP'), kept.stderr
    assert b'company (1 rows)' in kept.stderr
    done = hermes(blank_database_url, 'restore', '-', given=kept.stdout)
    assert done.returncode == 0, done.stderr
    assert standing(Place(blank_database_url, place.folder))['company'] == standing(place)['company']
    again = hermes(blank_database_url, 'restore', '-', given=kept.stdout)
    assert (again.returncode, b'say --name and the name of the database' in again.stderr) == (1, True)


def test_a_database_that_is_away_is_one_sentence(place: Place, file: Path) -> None:
    away = Place('postgresql://nobody@127.0.0.1:9/nothing', place.folder)
    for words in (('backup', str(file.with_name('new'))), ('restore', str(file))):
        done = away.hermes('db', *words)
        assert done.exit_code == 1
        assert 'cannot be' in sentence_of(done.exception) if isinstance(done.exception, Exception) else done.stderr
    assert not file.with_name('new').exists()
