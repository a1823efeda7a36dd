"""A command that is called where nothing is makes nothing, and says where it looked; called from elsewhere it finds the
checkout that it belongs to.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from hermes.cli import app
from hermes.cli.failures import sentence_of
from hermes.settings import Settings
from tests.waiting import PATIENCE_S
from tests.whole.every_command import PROCESSES, WORDS, commands

ROOT = Path(__file__).parents[2]
MAKERS = {*PROCESSES, 'db start', 'db upgrade'}
pytestmark = [pytest.mark.lesson('M-45')]


def words() -> list[list[str]]:
    """Every command that makes nothing, with words that are well formed."""
    ids = {'company': '1', 'admin': '1'}
    named = [(' '.join(path), path) for path, _ in commands(get_command(app))]
    return [
        [*path, *(word.format(**ids) for word in WORDS.get(name, ()))] for name, path in named if name not in MAKERS
    ]


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*'))


def test_no_command_makes_a_database_but_those_that_run_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv('DATA_DIR', str(tmp_path / 'data'))
    for each in words():
        done = CliRunner().invoke(app, each)
        told = sentence_of(done.exception) if isinstance(done.exception, Exception) else ''
        assert done.exit_code in (0, 1, 2), (each, done.output)
        assert left_in(tmp_path) == [], each
        if each[0] in ('status', 'blame', 'doctor') or each[:2] == ['setup', 'all']:
            assert done.exit_code == 1
            assert f'There is no database in {tmp_path}/data/sandbox/postgres yet' in done.stderr + told


def test_called_from_another_folder_it_is_the_same_installation(tmp_path: Path) -> None:
    checkout, elsewhere = tmp_path / 'checkout', tmp_path / 'elsewhere'
    elsewhere.mkdir()
    shutil.copytree(ROOT / 'hermes', checkout / 'hermes', ignore=shutil.ignore_patterns('__pycache__'))

    def hermes(*said: str, folder: Path) -> subprocess.CompletedProcess[str]:
        environment = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PYTHONPATH': str(checkout)}
        return subprocess.run(
            [sys.executable, '-m', 'hermes', *said], cwd=folder, env=environment, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    told = hermes('status', folder=elsewhere)
    assert told.returncode == 1
    assert f'There is no database in {checkout}/data/sandbox/postgres yet' in told.stderr
    made = hermes('db', 'upgrade', folder=elsewhere)
    assert made.stderr.startswith(f'making a database in {checkout}/data/sandbox/postgres'), made.stderr
    assert hermes('status', folder=elsewhere).returncode == 0
    assert hermes('status', folder=checkout).returncode == 0
    assert left_in(elsewhere) == []
