"""Walls that stay: no circle of imports, in a function either; and the import of older databases goes as one folder."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.circles import circles, imports

ROOT = Path(__file__).parents[2]
LINES = {'hermes/parts.py': 2, 'hermes/cli/__init__.py': 1}
"""How many lines name the folder, or what it offers."""
STARTS = """
from hermes import cli, app, worker, parts, settings
engine = parts.build_engine(settings.load())
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
