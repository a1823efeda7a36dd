"""Failures of older systems that the shape of this one makes impossible: checked on the code and its configuration."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    """Every module under these folders, parsed."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob('*.py')):
            yield path, ast.parse(path.read_text())


def called(tree: ast.Module) -> set[str]:
    """Dotted names of everything that is called."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def imported(tree: ast.Module) -> set[str]:
    """Top names of everything that is imported."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.partition('.')[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition('.')[0])
    return found


@pytest.mark.lesson('G-2', 'G-3')
def test_nothing_blocks_the_event_loop() -> None:
    for path, tree in modules('hermes/sync', 'hermes/web', 'hermes/systems', 'hermes/domain'):
        assert not imported(tree) & {'requests', 'urllib3', 'http'}, path
        assert not called(tree) & {'time.sleep', 'subprocess.run', 'input', 'open'}, path


@pytest.mark.lesson('G-4')
def test_the_engine_and_the_web_use_the_asynchronous_driver_only() -> None:
    for path, tree in modules('hermes/sync', 'hermes/web'):
        assert not imported(tree) & {'psycopg', 'sqlalchemy', 'sqlmodel', 'asyncpg', 'psycopg2'}, path
    for name in ('pool', 'graphs', 'events', 'pushes', 'budget', 'catalogue', 'inbox'):
        tree = ast.parse((ROOT / f'hermes/db/{name}.py').read_text())
        assert not called(tree) & {'psycopg.connect', 'create_engine', 'Connection.connect'}, name


@pytest.mark.lesson('G-5')
def test_postgres_is_the_only_service() -> None:
    names = {line.partition('==')[0].lower() for line in (ROOT / 'requirements/core.lock').read_text().splitlines()}
    assert not names & {'redis', 'celery', 'arq', 'rq', 'kombu', 'pika', 'memcache'}


@pytest.mark.lesson('G-7')
def test_observability_is_pinned_and_not_needed_to_start() -> None:
    pinned = (ROOT / 'requirements/observe.lock').read_text()
    assert 'logfire==' in pinned
    assert 'sentry-sdk==' in pinned
    assert 'logfire' not in (ROOT / 'requirements/core.lock').read_text()
    without = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('logfire', 'sentry_sdk') or name.startswith('opentelemetry.sdk'):
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Absent())
import hermes.app, hermes.cli
from hermes.kit import telemetry, tracing
telemetry.start(telemetry.Places(), 'web', '0')
with tracing.span('nothing'):
    print('started')
try:
    telemetry.start(telemetry.Places(sentry_dsn='http://public@127.0.0.1:9/1'), 'web', '0')
except ModuleNotFoundError as missing:
    print(missing.name)
"""
    environment = {**os.environ, 'PYDANTIC_DISABLE_PLUGINS': '1'}
    told = subprocess.run(
        [sys.executable, '-c', without], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.stdout.split() == ['started', 'sentry_sdk'], told.stderr


@pytest.mark.lesson('L-1')
@pytest.mark.parametrize('line', ['breakpoint()', 'import pdb; pdb.set_trace()', 'print(1)', 'assert False'])
def test_what_was_left_from_debugging_does_not_pass_the_linter(line: str) -> None:
    linter = [
        str(Path(sys.executable).parent / 'ruff'),
        'check',
        '--stdin-filename',
        str(ROOT / 'hermes/domain/x.py'),
        '-',
    ]
    given = f'def act() -> None:\n    {line}\n'
    assert subprocess.run(linter, input=given.encode(), cwd=ROOT, capture_output=True, check=False).returncode == 1


@pytest.mark.lesson('L-9')
def test_no_flow_asks_the_machine_what_day_it_is() -> None:
    asked = {
        'datetime.now',
        'datetime.utcnow',
        'date.today',
        'datetime.today',
        'time.time',
        'time.sleep',
    }
    for path, tree in modules('tests/flows', 'tests/unit/domain', 'tests/sim', 'tests/systems'):
        used = called(tree) & asked
        assert not used or path.name == '__main__.py', (path, used)


LOOKS_SECRET = re.compile(
    r'-----BEGIN [A-Z ]*PRIVATE KEY-----\\?\n?[A-Za-z0-9+/]{40}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|'
    r'xox[abp]-[A-Za-z0-9-]{20}|AIza[A-Za-z0-9_-]{35}|ya29[.][A-Za-z0-9_-]{20}|pylf_v[0-9]+_[a-z]+_[A-Za-z0-9]{20}|'
    r'https://[0-9a-f]{32}@[a-z0-9.]*sentry[.]io|eyJ[A-Za-z0-9_-]{20,}[.]eyJ[A-Za-z0-9_-]{20,}[.][A-Za-z0-9_-]{20}'
)
"""Private keys, and tokens by the prefixes that their issuers gave them."""


@pytest.mark.lesson('K-6')
def test_nothing_in_the_repository_looks_like_a_secret() -> None:
    folders = ('hermes', 'tests', 'docs', 'tools', 'bench', 'requirements', '.ci')
    files = [path for folder in folders for path in (ROOT / folder).rglob('*') if '__pycache__' not in path.parts]
    files += [path for path in ROOT.iterdir() if path.suffix in ('.md', '.toml', '.yaml', '.txt') or not path.suffix]
    assert len(files) > 400
    texts = {path: path.read_text(errors='replace') for path in files if path.is_file()}
    assert [path for path, text in texts.items() if LOOKS_SECRET.search(text)] == []


@pytest.mark.parametrize('secret', [
    '-----BEGIN RSA PRIVATE KEY-----\n' + 'Ab3+' * 16, 'gh' + 'p_' + 'a1' * 18, 'py' + 'lf_v1_eu_' + 'Q7' * 12,
    'https://' + 'a1' * 16 + '@o1.ingest.sentry.io/5', 'AI' + 'za' + 'x' * 35,
])  # fmt: skip
def test_a_secret_would_be_seen(secret: str) -> None:
    assert LOOKS_SECRET.search(f'KEY = "{secret}"')
