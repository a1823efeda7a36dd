"""A command loads what it needs and no more: libraries that take a tenth of a second each stay out of those that only
look. Counted by what is loaded, which does not depend on the machine; what it costs is measured by `bench start`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from hermes.cli import app
from tests.whole.every_command import PROCESSES, WORDS, commands

pytestmark = pytest.mark.lesson('M-51')
HEAVY = (
    'alembic', 'sqlalchemy', 'sqlmodel', 'fastapi', 'starlette', 'granian', 'httpx2', 'google', 'cryptography',
    'phonenumbers', 'logfire', 'opentelemetry', 'structlog', 'rich', 'jinja2', 'icalendar',
)  # fmt: skip
SPEAKING = {
    'setup', 'fields', 'forget-account', 'find', 'erase', 'export', 'doctor', 'sweep', 'drift', 'plan', 'import-legacy',
    'patch', 'shell', 'openapi', 'resume', 'admins add', 'alerts test', 'bookings cancel', 'slots explain', 'db start',
    'db stop', 'db upgrade', 'db downgrade', 'db reset', 'db restore-from-live', 'db backup', 'db restore', 'user code',
    'what-if', 'capsule', *PROCESSES,
    'bookings move', 'bookings reassign', 'bookings link', 'user password', 'user add', 'user role', 'user disable',
    'user enable', 'user drop-second-factor', 'people import', 'people import-decisions', 'people validate',
    'people load-log', 'people replay-journal', 'people sync-sustainers', 'people connect',
}  # fmt: skip
"""Commands that know the systems (`find`, `erase`, `export`: phone numbers), or change the tables; every other one
only asks the database, or writes an act.
"""
TRIED = """
import sys
from hermes.cli import run
told = {}
for words in eval(sys.argv[1]):
    try:
        run(words)
    except SystemExit as ended:
        assert ended.code in (0, 1, 2), (words, ended.code)
    for name in {each.partition('.')[0] for each in sys.modules} & set(eval(sys.argv[2])):
        told.setdefault(name, words)
print(told)
"""
ASKED = """
import sys
from hermes.cli import ports, run, supervisor
from hermes.db import schema
from hermes.db.reads import health
from hermes.db.schema import revisions
assert schema.find(sys.argv[1]) == 'current'
assert schema.upgrade(sys.argv[1]).said == ''
assert health._judge_tables(revisions.newest(), []) != ''
print({each.partition('.')[0] for each in sys.modules} & {'alembic', 'sqlalchemy', 'sqlmodel'})
"""


def said_by(program: str, *words: str, folder: Path, url: str) -> str:
    """The last line that a program of its own prints."""
    kept = {'PATH': os.environ['PATH'], 'HOME': str(folder), 'DATA_DIR': str(folder / 'data'), 'DATABASE_URL': url}
    done = subprocess.run(
        [sys.executable, '-c', program, *words], cwd=folder, env=kept, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_a_command_that_only_looks_loads_nothing_heavy(tmp_path: Path, database_url: str) -> None:
    ids = {'company': '1', 'admin': '1'}
    named = [(' '.join(path), path) for path, _ in commands(get_command(app))]
    words = [
        [*path, *(word.format(**ids) for word in WORDS.get(name, ()))]
        for name, path in named
        if name not in SPEAKING and path[0] not in SPEAKING
    ]
    assert len(words) > 30
    assert said_by(TRIED, repr(words), repr(HEAVY), folder=tmp_path, url=database_url) == '{}'


def test_a_start_on_tables_that_are_current_asks_and_loads_no_migrations(tmp_path: Path, database_url: str) -> None:
    assert said_by(ASKED, database_url, folder=tmp_path, url=database_url) == 'set()'


def test_the_newest_version_is_the_head_of_the_migrations() -> None:
    from alembic.script import ScriptDirectory

    from hermes.db.schema import revisions
    from hermes.db.schema.landed import MIGRATIONS

    scripts = ScriptDirectory(str(MIGRATIONS))
    assert revisions.newest() == scripts.get_current_head()
    assert set(revisions.versions()) == {each.revision for each in scripts.walk_revisions()}
