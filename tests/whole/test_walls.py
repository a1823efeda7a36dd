"""Walls that stay: SQL in the database's room, vendors in theirs, no circle of imports, in a function either; and the
import of older databases goes as one folder.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import walls
from tools.circles import circles, imports

ROOT = Path(__file__).parents[2]
LINES = {'hermes/parts/assembly.py': 2, 'hermes/cli/__init__.py': 1}
"""How many lines name the folder, or what it offers."""
STARTS = """
from hermes import cli, app, worker, settings
from hermes.parts import assembly
engine = assembly.build_engine(settings.load())
print(engine.more_acts, [name for name in cli.COMMANDS if 'legacy' in name])
"""


def test_an_import_in_a_function_closes_a_circle_and_one_for_types_does_not() -> None:
    told = ast.parse(
        'from typing import TYPE_CHECKING\nimport a.b\n'
        'if TYPE_CHECKING:\n    from c import D\nelse:\n    from e import F\n'
        'def act():\n    from g import H\n'
    )
    assert list(imports(told)) == ['typing.TYPE_CHECKING', 'a.b', 'e.F', 'g.H']


def test_circles_are_found_however_far_round() -> None:
    graph = {'a': {'b'}, 'b': {'c'}, 'c': {'a', 'd'}, 'd': {'e'}, 'e': set(), 'f': {'g'}, 'g': {'f'}}
    assert circles(graph) == [['a', 'b', 'c'], ['f', 'g']]


def test_hermes_starts_without_the_import_of_older_databases(tmp_path: Path) -> None:
    code = tmp_path / 'hermes'
    shutil.copytree(ROOT / 'hermes', code, ignore=shutil.ignore_patterns('__pycache__'))
    shutil.rmtree(code / 'legacy')
    for name, count in LINES.items():
        file = tmp_path / name
        lines = file.read_text().splitlines(keepends=True)
        kept = [line for line in lines if 'hermes.legacy' not in line and 'OF_IMPORTS' not in line]
        assert len(lines) - len(kept) == count, name
        file.write_text(''.join(kept))
    environment = {**os.environ, 'DATABASE_URL': 'postgresql://nobody@127.0.0.1:9/nothing', 'PYTHONPATH': str(tmp_path)}
    told = subprocess.run(
        [sys.executable, '-c', STARTS], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert told.stdout.strip() == '{} []', told.stderr


@pytest.mark.parametrize(
    'line',
    [
        "rows = await connection.execute('select id from company where id = %s', (1,))",
        "QUERY = '''\n    select 1 from push\n'''",
        "await connection.execute(f'update {table} set done = 1')",
        "await connection.execute('delete from event where id = %s')",
        "query = ('insert into call (id) '\n    'values (1)')",
        "await connection.execute('with due as (select 1) select * from due')",
        "await connection.execute('notify hermes_push')",
        "await connection.execute('set local synchronous_commit = off')",
        "read('select count(*) as n from deal')",
    ],
)
def test_a_statement_is_found_however_it_is_written(tmp_path: Path, line: str) -> None:
    file = tmp_path / 'somewhere.py'
    file.write_text(f'async def do(connection, table):\n    {line}\n'.replace('\n\n', '\n'))
    assert len(walls.statements(file)) == 1


def test_words_that_are_no_statement_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / 'somewhere.py'
    file.write_text(
        '"""select everything from the shelf"""\n'
        'def say() -> None:\n'
        '    """update the set of things"""\n'
        "    print('Select a time from the list', 'update your booking', 'delete it', 'with love', 'set up')\n"
    )
    assert walls.statements(file) == []


@pytest.mark.parametrize(
    'line',
    [
        "system = engine.systems.get('pipedrive')",
        "say(f'{count} fields are not in Pipedrive')",
        'def google_link(): ...',
        "query = 'select 1 from mirror where system = 'tutorcruncher''",
        '"""Asks Salesforce."""',
        'pass  # as NationBuilder does',
        'import hermes.systems.google_calendar',
    ],
)
def test_a_vendor_is_found_wherever_it_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / 'somewhere.py'
    file.write_text(f'{line}\n')
    assert len(walls.vendors(file)) == 1


def test_roles_and_the_words_of_the_schema_are_no_vendors(tmp_path: Path) -> None:
    file = tmp_path / 'somewhere.py'
    file.write_text("system = engine.systems.get(CRM)\nkeys = ('pd_org_id', 'tc2_agency_id', 'PD_API_KEY')\n")
    assert walls.vendors(file) == []


def test_the_house_keeps_its_walls() -> None:
    assert walls.main() == 0
