"""Every command runs where nothing is installed but what `requirements/core.lock` names: no package of a developer's
environment hides that another one is missing.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.whole.run import Home, Running

ROOT = Path(__file__).parents[2]
NEEDED = ('hermes', 'requirements', 'tools', 'pyproject.toml', 'README.md', 'LICENSE')
pytestmark = [pytest.mark.slow]


@pytest.fixture(scope='module')
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a core environment, made by the project's own tool in a copy of the project."""
    clone = tmp_path_factory.mktemp('core') / 'hermes'
    clone.mkdir()
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, clone / name)
    if (ROOT / '.tools').exists():
        (clone / '.tools').symlink_to(ROOT / '.tools')
    kept = {name: value for name, value in os.environ.items() if not name.startswith(('VIRTUAL_ENV', 'PYTHONPATH'))}
    done = subprocess.run(
        ['tools/bootstrap.sh', 'core'], cwd=clone, env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return clone / '.venv/bin/python'


@pytest.fixture(scope='module')
def running(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`hermes run` out of that environment: web, worker and sandbox."""
    home = Home(tmp_path_factory.mktemp('home'), python=python)
    with home.running() as run:
        run.await_ready()
        yield run
        home.hermes('db', 'stop', '--force')


@pytest.mark.lesson('M-43')
def test_every_command_runs_in_the_core_environment(running: Running) -> None:
    home = running.home
    done = subprocess.run(
        [home.python, Path(__file__).with_name('every_command.py')],
        env=home.environment, cwd=home.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) > 40
    assert [each['name'] for each in told if each['lacks']] == [], 'give them words in every_command.WORDS'
    for each in told:
        assert each['code'] in (0, 1, 2), each
        assert 'Traceback' not in each['said'], each
        assert 'No module named' not in each['said'], each
        assert not each['said'].startswith('Usage:'), each
