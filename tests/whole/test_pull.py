"""Code that changes under a running Hermes, as `git pull` changes it; and a clone wherever it lies."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import psycopg
import pytest

from hermes.db.schema import landed
from tests.waiting import PATIENCE_S
from tests.whole.run import Home

pytestmark = [pytest.mark.lesson('M-52')]
ROOT = Path(__file__).parents[2]
NEWEST = landed.landed()[-1].revision
NEXT = f'{int(NEWEST) + 1:04}'
MIGRATION = f"""
from alembic import op

revision = '{NEXT}'
down_revision = '{NEWEST}'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute('alter table company add column pulled text')


def downgrade() -> None:
    op.execute('alter table company drop column pulled')
"""


@pytest.fixture
def clone(home: Home, database_url: str) -> Home:
    """A checkout of its own beside the data, from which everything is started."""
    shutil.copytree(ROOT / 'hermes', home.folder / 'hermes', ignore=shutil.ignore_patterns('__pycache__'))
    home.variables |= {'DATABASE_URL': database_url, 'PYTHONPATH': str(home.folder), 'PYTHONDONTWRITEBYTECODE': '1'}
    return home


def has_column(url: str) -> bool:
    with psycopg.connect(url) as connection:
        query = "select 1 from information_schema.columns where column_name = 'pulled'"
        return connection.execute(query).fetchone() is not None


def begin_pull(clone: Home, needing: str = 'sync/engine.py') -> None:
    """A new version arrives file by file: first one that needs another,"""
    first = clone.folder / 'hermes' / needing
    first.write_text(first.read_text() + '\nfrom hermes.sync.pulled import ARRIVED  # noqa: E402, F401\n')


def end_pull(clone: Home) -> None:
    """then a migration, at last the other."""
    code = clone.folder / 'hermes'
    (code / 'db' / 'migrations' / 'versions' / f'{NEXT}_pulled.py').write_text(MIGRATION)
    (code / 'sync' / 'pulled.py').write_text('ARRIVED = True\n')


@pytest.mark.parametrize('needing', ['sync/engine.py', 'cli/__init__.py'])
def test_a_pull_under_a_run_that_reloads_brings_the_tables_up_and_goes_on(clone: Home, needing: str) -> None:
    with clone.running('--reload') as run:
        run.await_ready()
        begin_pull(clone, needing)
        for part in ('web', 'worker'):
            run.await_said(f'hermes {part} ended with exit code 70; starting it again')
        end_pull(clone)
        run.await_said(f'the tables were brought from {int(NEWEST)} to {int(NEXT)}')
        run.await_ready()
        assert has_column(clone.variables['DATABASE_URL'])
        assert run.interrupt() == 0
    assert run.said().count('The code does not fit together (No module named') >= 2
    assert 'Traceback' not in run.said(), run.said()
    assert 'cannot go on' not in run.said()


def test_a_pull_under_a_run_that_does_not_is_said_and_whatever_starts_again_fits(clone: Home) -> None:
    with clone.running() as run:
        run.await_ready()
        begin_pull(clone)
        run.await_said('The code was changed under this Hermes')
        assert not has_column(clone.variables['DATABASE_URL'])
        os.kill(run.child('worker'), 9)
        run.await_said('hermes worker ended with exit code 70; starting it again')
        end_pull(clone)
        run.await_said(f'the tables were brought from {int(NEWEST)} to {int(NEXT)}')
        run.await_child('worker')
        run.interrupt()
    assert run.said().count('The code was changed under this Hermes') == 1
    assert 'Traceback' not in run.said(), run.said()


@pytest.mark.parametrize(
    ('line', 'told'),
    [
        ('from hermes.kit.clock import NoSuchClock', 'The code does not fit together (cannot import name'),
        ('def (:', 'The code does not fit together (invalid syntax'),
        ('import a_library_of_tomorrow', 'The module a_library_of_tomorrow is not installed: run "make install".'),
    ],
)
def test_code_that_does_not_fit_together_is_one_sentence(clone: Home, line: str, told: str) -> None:
    status = clone.folder / 'hermes' / 'cli' / 'status.py'
    status.write_text(status.read_text() + f'\n{line}\n')
    done = clone.hermes('status')
    assert done.returncode == 70
    [sentence] = done.stderr.strip().splitlines()
    assert sentence.startswith(told)


def test_a_migration_that_came_before_the_one_it_follows_is_the_same_sentence(clone: Home) -> None:
    later = MIGRATION.replace(f"= '{NEXT}'", "= '9999'").replace(f"= '{NEWEST}'", f"= '{NEXT}'")
    (clone.folder / 'hermes' / 'db' / 'migrations' / 'versions' / '9999_later.py').write_text(later)
    for words in (('db', 'upgrade'), ('worker',)):
        done = clone.hermes(*words)
        assert done.returncode == 70, done.stderr
        [sentence] = done.stderr.strip().splitlines()
        assert sentence.startswith('The code does not fit together (the migrations are not one row: ')


def test_a_clone_in_a_folder_of_any_name_has_a_database(tmp_path: Path) -> None:
    """Its environment leads to it by a file that Python reads as the locale says."""
    folder = tmp_path / 'mein Klön ñ 中'
    (folder / 'code').mkdir(parents=True)
    (folder / 'code' / 'hermes').symlink_to(ROOT / 'hermes')
    venv.create(folder / '.venv', with_pip=False)
    [packages] = (folder / '.venv' / 'lib').glob('python*/site-packages')
    (packages / 'here.pth').write_text(f'{folder / "code"}\n{sysconfig.get_path("purelib")}\n', encoding='utf-8')
    base = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'DATA_DIR': str(folder / 'data'), 'LANG': 'C.UTF-8'}

    def hermes(*words: str, **more: str) -> 'subprocess.CompletedProcess[str]':
        command = [str(folder / '.venv' / 'bin' / Path(sys.executable).name), '-m', 'hermes', *words]
        return subprocess.run(
            command, env=base | more, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    started = hermes('db', 'start')
    try:
        assert started.returncode == 0, started.stderr
        assert 'The database runs: ' in started.stdout
    finally:
        hermes('db', 'stop', '--force')


def test_advice_about_a_database_that_is_away_fits_the_database(home: Home) -> None:
    home.variables['DATABASE_URL'] = 'postgresql://nobody@127.0.0.1:9/nothing'
    told = home.hermes('status').stderr
    assert 'Check DATABASE_URL, and whether that server runs.' in told
    assert 'db start' not in told
