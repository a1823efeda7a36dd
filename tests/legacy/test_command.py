"""`hermes import-legacy`: what it prints, what it refuses, and that a kill in the middle loses nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from typer.testing import CliRunner, Result

from hermes.cli import app
from hermes.db.server.embedded import Server
from hermes.kit.processes import dying_with_parent
from tests import postgres
from tests.legacy.generate import Older, generate, keep
from tests.waiting import PATIENCE_S, wait_for

ROOT = Path(__file__).parents[2]
HIDDEN = ('LIVE_DATABASE_URL', 'HERMES_SANDBOX', 'SANDBOX_URL', 'LEGACY_DATABASE_URL')


def environment(url: str, folder: Path) -> dict[str, str]:
    return {
        'PATH': os.environ['PATH'], 'PYTHONPATH': str(ROOT), 'HOME': str(folder), 'DATABASE_URL': url,
        'DATA_DIR': str(folder / 'data'), 'PD_API_KEY': 'pd-key', 'PD_BASE_URL': 'http://127.0.0.1:9',
        'SECRET_KEY': 'x' * 40, 'SIGNING_KEY': 'y' * 40, 'API_KEY': 'z' * 40, 'TERM': 'dumb', 'COLUMNS': '160',
    }  # fmt: skip


def hermes(url: str, folder: Path, *words: str) -> Result:
    env = {**dict.fromkeys(HIDDEN), **environment(url, folder)}
    return CliRunner().invoke(app, ['import-legacy', *words, '--name', name_of(url)], env=env)


def name_of(url: str) -> str:
    return url.rpartition('/')[2].partition('?')[0]


def refusal(url: str, folder: Path, *words: str) -> str:
    done = hermes(url, folder, *words)
    assert done.exit_code == 1, done.output
    [sentence] = done.stderr.strip().splitlines()
    return sentence


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_a_dry_run_tells_everything_and_changes_nothing(database_url: str, older_url: str, tmp_path: Path) -> None:
    older = generate(older_url, 'second', 30)
    told = json.loads(hermes(database_url, tmp_path, '--from', older_url, '--dry-run', '--json').stdout)
    assert (told['generation'], told['counts'], told['taken']) == ('second', older.counts(), 0)
    assert {(one['kind'], one['table'], one['row'], one['field']) for one in told['troubles']} == older.troubles
    assert rows(database_url, 'select count(*) from event') == [(0,)]
    assert any('Passwords' in note for note in told['notes'])


def test_the_report_in_words_names_no_person(database_url: str, older_url: str, tmp_path: Path) -> None:
    generate(older_url, 'newest', 60)
    said = hermes(database_url, tmp_path, '--from', older_url)
    assert said.exit_code == 0, said.output
    assert 'deal-without-crm-id (3): no id in the CRM' in said.stdout
    assert 'Every system is paused' in said.stdout
    assert '@school.example' not in said.output
    assert 'Ann' not in said.output
    again = hermes(database_url, tmp_path, '--from', older_url).stdout
    assert '0 events were taken over, 66 were there already.' in again


def test_what_cannot_be_taken_over_is_one_sentence(
    database_url: str, older_url: str, tmp_path: Path, postgres_server: Server
) -> None:
    assert '--from' in refusal(database_url, tmp_path)
    assert 'cannot be reached' in refusal(database_url, tmp_path, '--from', 'postgres://nobody@127.0.0.1:9/gone')
    assert 'no older Hermes' in refusal(database_url, tmp_path, '--from', older_url)
    assert 'restore-from-live' in refusal(database_url, tmp_path, '--from', database_url)
    keep(older_url, small('One School'))
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into company (id, name) values (1, 'Here before')")
    assert 'company 1 is taken here already' in refusal(database_url, tmp_path, '--from', older_url)
    with psycopg.connect(database_url) as connection:
        connection.execute('delete from company')
        connection.execute(
            "insert into mirror (system, type, remote_id, version) values ('pipedrive', 'organization', '7', '[1, 1]')"
        )
    assert 'has heard of pipedrive organization 7' in refusal(database_url, tmp_path, '--from', older_url)
    assert rows(database_url, 'select count(*) from event') == [(0,)]
    with psycopg.connect(database_url) as connection:
        connection.execute('delete from mirror')
    assert hermes(database_url, tmp_path, '--from', older_url).exit_code == 0
    with postgres.fresh_database(postgres_server, 'template1') as url:
        keep(url, small('Another School', agency=6))
        assert 'Another older Hermes' in refusal(database_url, tmp_path, '--from', url)


def small(name: str, agency: int = 5) -> Older:
    found = Older('newest')
    found.add('admin', username='ada@office.example', tc2_admin_id=1, pd_owner_id=2, is_sales_person=True)
    found.add('company', name=name, tc2_agency_id=agency, pd_org_id=7, sales_person_id=1)
    return found


def test_killed_in_the_middle_it_goes_on(
    database_url: str, older_url: str, tmp_path: Path, migrated_server: Server
) -> None:
    generate(older_url, 'second', 300)
    holding = psycopg.connect(database_url)
    holding.execute("insert into company (id, name) values (151, 'the fourth batch waits for this row')")
    command = [sys.executable, '-m', 'hermes', 'import-legacy', '--from', older_url, '--name', name_of(database_url)]
    count = "select count(*) from event where source = 'legacy'"
    log = tmp_path / 'import.log'
    with log.open('wb') as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment(database_url, tmp_path), stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, preexec_fn=dying_with_parent(signal.SIGTERM),
        )  # fmt: skip
    try:
        wait_for('the first companies', lambda: rows(database_url, count) == [(155,)], log.read_text)
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        holding.close()
    [(taken,)] = rows(database_url, count)
    assert taken == 155
    told = json.loads(hermes(database_url, tmp_path, '--from', older_url, '--json').stdout)
    assert (told['known'], told['taken'] + told['known']) == (taken, 306)
    with postgres.fresh_database(migrated_server) as url:
        assert hermes(url, tmp_path, '--from', older_url).exit_code == 0
        for table in ('company', 'contact', 'deal', 'admin'):
            query = f"select to_jsonb(t) - 'born_event' - 'tombstone' from {table} t order by id"
            assert rows(database_url, query) == rows(url, query)
        assert rows(database_url, 'select count(*) from change') == rows(url, 'select count(*) from change')
