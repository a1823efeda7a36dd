"""The files for whoever runs Hermes agree with the code: units that systemd takes, and every setting."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values
from typer.main import get_command

from hermes.cli import app
from hermes.kit.endings import END_S
from hermes.settings import Settings, is_secret, load, reveal
from tests.waiting import PATIENCE_S
from tests.whole.every_command import commands
from tests.whole.run import Home
from tools import reference

ROOT = Path(__file__).parents[2]
UNITS = sorted(ROOT.joinpath('deploy', 'systemd').glob('hermes*'))
SERVICES = [unit for unit in UNITS if unit.suffix == '.service']
HARDENED = {
    'NoNewPrivileges': 'true', 'ProtectSystem': 'strict', 'ProtectHome': 'true', 'PrivateTmp': 'true',
    'PrivateDevices': 'true', 'RestrictNamespaces': 'true', 'CapabilityBoundingSet': '', 'User': 'hermes',
    'UMask': '0077', 'StateDirectory': 'hermes',
}  # fmt: skip
INSTALLED = '/opt/hermes/.venv/bin/hermes'
pytestmark = pytest.mark.lesson('M-54')


def read(unit: Path) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=True)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string(unit.read_text())
    return found


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if not shutil.which('systemd-analyze'):
        pytest.skip('no systemd-analyze here')
    for unit in UNITS:
        told = unit.read_text().replace(INSTALLED, sys.executable).replace('User=hermes\nGroup=hermes\n', '')
        (tmp_path / unit.name).write_text(told)
    done = subprocess.run(
        ['systemd-analyze', 'verify', '--man=no', *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if 'hermes' in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize('unit', SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_starts_commands_that_there_are_and_is_shut_in(unit: Path) -> None:
    told = read(unit)['Service']
    known = {' '.join(path) for path, _ in commands(get_command(app))}
    for key in ('ExecStart', 'ExecStop'):
        program, *words = told.get(key, f'{INSTALLED} web').split()
        assert program == INSTALLED
        assert ' '.join(word for word in words if not word.startswith('-')) in known
    assert {key: told.get(key) for key in HARDENED} == HARDENED
    assert read(unit)['Unit']['PartOf'] == 'hermes.target'
    if told['Type'] != 'oneshot':
        # 1 is said for a database that is away, too; whoever ended in order was asked by systemd itself.
        assert told['Restart'] == 'always'
        assert 'RestartPreventExitStatus' not in told
        assert int(told['RestartSec']) >= 5
        assert read(unit)['Unit']['StartLimitIntervalSec'] == '0'
        assert int(told['TimeoutStopSec']) > END_S


def test_what_the_pages_name_is_there() -> None:
    """Paths that a page or a sentence of the program sends somebody to."""
    for path in [*ROOT.joinpath('hermes').rglob('*.py'), *UNITS]:
        for page in re.findall(r'docs/[\w/-]+\.md', path.read_text()):
            assert (ROOT / page).exists(), f'{path}: {page}'


def test_the_example_names_every_setting_with_its_default_and_no_secret() -> None:
    assert reference.main(['env', '--check']) == 0
    told = dotenv_values(ROOT / '.env.example')
    assert list(told) == [name.upper() for name in Settings.model_fields]
    lines = ROOT.joinpath('.env.example').read_text().splitlines()
    for name, field in Settings.model_fields.items():
        number = next(at for at, line in enumerate(lines) if line.startswith(f'{name.upper()}='))
        assert lines[number - 1] == f'# {field.description}'


def test_a_copy_of_the_example_means_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data' / 'live').mkdir(parents=True)
    expected = load()
    shutil.copy(ROOT / '.env.example', tmp_path / '.env')
    assert load() == expected
    secret = [name for name, field in Settings.model_fields.items() if is_secret(field)]
    assert [name for name in secret if reveal(getattr(load(), name))] == []


def test_a_copy_of_the_example_starts(home: Home) -> None:
    shutil.copy(ROOT / '.env.example', home.folder / '.env')
    with home.running() as run:
        run.await_ready()
        assert home.told('status')['systems']
        assert run.interrupt() == 0
