"""Foreign text that would steer a terminal, hide or turn around what stands there: no command prints it raw."""

import io
import json
import logging
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from psycopg.types.json import Jsonb

from hermes.cli import run
from hermes.cli.setup_files import read_toml, save_text, write_toml
from hermes.kit import logs
from tests.cli.desk import World
from tests.cli.outside import ANSI, Terminal

HOSTILE = 'Evil\x1b]0;owned\x07\x9b31m\x85\u202egnp.exe\u2066\u200b\ufeff\x7f\r\nfake: ok\u2028\U000e0041'
FORM = {'phone': HOSTILE, 'name': HOSTILE}


def raw(text: str) -> set[str]:
    """What of a text is not to be seen, but for line breaks."""
    return {mark for mark in text if not mark.isprintable() and mark != '\n'}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A database in which everything that strangers can say is hostile."""
    made = World(database_url)
    company = made.company(name=HOSTILE, country='GB', website=HOSTILE)
    event = made.event(body=json.dumps({'name': HOSTILE}).encode(), headers=Jsonb({'x-odd': HOSTILE}), reason=HOSTILE)
    made.event(state='parked', reason=HOSTILE, applied_at=None, outcome=Jsonb([{'notes': [HOSTILE]}]))
    made.change(company, 'name', 'before' + HOSTILE, HOSTILE, event)
    made.mirror('pipedrive', 'organization', '12', company, {'name': [[HOSTILE, [1, 0], [1, 0]]]})
    made.push(company, state='parked', reason=HOSTILE)
    made.execute("insert into system_state values ('pipedrive', true, %s, now(), null)", HOSTILE)
    made.execute(
        'insert into decision (kind, record_type, record_id, key, detail, event_id, at) '
        "values ('duplicate', 'company', %s, %s, %s, %s, now())",
        company, HOSTILE, Jsonb({'reason': HOSTILE, 'object': ['pipedrive', 'organization', HOSTILE]}), event,
    )  # fmt: skip
    [(admin,)] = made.execute(
        'insert into admin (first_name, last_name, email, timezone, is_sales_person, pd_owner_id) '
        "values (%s, %s, 'ada@office.example', 'Europe/London', true, 7) returning id", HOSTILE, HOSTILE,
    )  # fmt: skip
    [(contact,)] = made.execute(
        'insert into contact (company_id, first_name, email) values (%s, %s, %s) returning id',
        company, HOSTILE, f'{HOSTILE}@x.example',
    )  # fmt: skip
    made.execute(
        'insert into meeting (company_id, contact_id, admin_id, uid, kind, status, start_at, end_at, typed, extra) '
        "values (%s, %s, %s, %s, 'sales', 'planned', now() + interval '1 day', now() + interval '2 days', %s, %s)",
        company, contact, admin, HOSTILE, Jsonb(FORM), Jsonb({'flags': [HOSTILE]}),
    )  # fmt: skip
    made.execute('update pipeline set name = %s', HOSTILE)
    yield made
    made.connection.close()


def commands(world: World) -> list[tuple[str, ...]]:
    """Every command that shows what is stored."""
    [(company,)] = world.execute('select min(id) from company')
    [(event,)] = world.execute('select min(id) from event')
    [(meeting,)] = world.execute('select min(id) from meeting')
    return [
        ('status',), ('events', 'list'), ('events', 'show', str(event)), ('trace', str(event)), ('blame', str(company)),
        ('blame', str(company), 'name'), ('decisions', 'list'), ('decisions', 'show', '1'), ('push', 'list'), ('plan',),
        ('fields', 'list'), ('config', 'show'), ('rota', 'show'), ('bookings', 'list', '--past'),
        ('bookings', 'show', str(meeting)), ('slots', 'hours', 'ada@office.example'), ('patch',), ('find', 'Evil'),
        ('events', 'list', '--subject', 'Client'),
    ]  # fmt: skip


@pytest.mark.lesson('M-12')
def test_no_command_prints_foreign_text_raw(world: World) -> None:
    world.worker()
    seen = 0
    for command in commands(world):
        for more in ((), ('--json',)):
            result = world.run(*command, *more)
            assert raw(result.stdout + result.stderr) == set(), command
            seen += 'Evil' in result.stdout
    assert seen > 20
    [company] = world.told('blame', str(world.execute('select min(id) from company')[0][0]), 'name')['fields']
    assert company['value'] == HOSTILE, 'and JSON says what it says'


@pytest.mark.lesson('M-12')
@pytest.mark.parametrize('arguments', [
    ('events', 'show', HOSTILE), (HOSTILE,), ('status', f'--{HOSTILE}'), ('blame', HOSTILE), ('trace', HOSTILE),
    ('bookings', 'list', '--admin', HOSTILE), ('slots', 'explain', 'ada@office.example', HOSTILE),
    ('events', 'list', HOSTILE), ('push', 'retry', HOSTILE),
    ('config', 'set', HOSTILE, HOSTILE), ('setup', 'import', HOSTILE), ('patch', HOSTILE),
    ('fields', 'add', HOSTILE), ('pause', HOSTILE),
])  # fmt: skip
def test_what_was_typed_is_not_printed_raw_either(
    world: World, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv('DATABASE_URL', world.url)
    with pytest.raises(SystemExit) as ended:
        run(list(arguments))
    said = capsys.readouterr()
    assert ended.value.code in (1, 2), said
    assert raw(said.out + said.err) == set()


@pytest.mark.lesson('M-12')
def test_nor_on_a_terminal(world: World, tmp_path: Path) -> None:
    [(event,)] = world.execute('select min(id) from event')
    environment = {**os.environ, 'DATABASE_URL': world.url, 'COLUMNS': '200', 'TERM': 'dumb'}
    for command in (('events', 'list', '--json'), ('events', 'list'), ('events', 'show', str(event), '--raw')):
        ours, theirs = pty.openpty()
        words = [sys.executable, '-m', 'hermes', *command]
        with subprocess.Popen(
            words, env=environment, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            terminal = Terminal(ours, process)
            assert terminal.end() == 0, terminal.shown
        os.close(ours)
        assert raw(terminal.shown) == set(), command
        assert 'Evil' in terminal.shown


@pytest.mark.lesson('M-12')
def test_a_set_up_in_a_file_is_private_and_plain(tmp_path: Path) -> None:
    told: dict[str, Any] = {'admin': [{'name': HOSTILE, 'email': 'ada@office.example', 'sells': ['gb', HOSTILE]}]}
    text = write_toml(told)
    assert raw(text) == set()
    for file in (tmp_path / 'new.toml', tmp_path / 'old.toml'):
        if file.name.startswith('old'):
            file.write_text('x' * 10_000)
            file.chmod(0o644)
        save_text(file, text)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert read_toml(file) == told


@pytest.mark.lesson('M-12')
@pytest.mark.parametrize('pretty', [True, False])
def test_no_line_of_the_log_is_raw(pretty: bool) -> None:
    kept, root = io.StringIO(), logging.getLogger()
    before = root.level, root.handlers[:]
    logs.configure('INFO', pretty=pretty, stream=kept)
    try:
        structlog.get_logger('odd').warning(HOSTILE, reason=HOSTILE)
        logging.getLogger('odd').warning('said %s', HOSTILE)
    finally:
        root.handlers[:] = before[1]
        root.setLevel(before[0])
        structlog.reset_defaults()
    lines = kept.getvalue()
    assert raw(ANSI.sub('', lines)) == set()
    assert (lines.count('Evil'), len(lines.splitlines())) == (3, 2)
    if not pretty:
        assert json.loads(lines.splitlines()[0])['reason'] == HOSTILE
