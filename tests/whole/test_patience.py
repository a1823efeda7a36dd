"""No test needs a quiet machine: waits are for a condition, in one place and with one patience; nobody measures time,
and whoever starts a process keeps what it says.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests.order import LONG, long_ones_first
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.lesson('M-57')
TESTS: Final = Path(__file__).parents[1]
SLEEPS: Final = {'time.sleep', 'asyncio.sleep', 'page.wait_for_timeout'}
MEASURES: Final = {'monotonic', 'perf_counter', 'process_time'}
PATIENT: Final = {'timeout', 'wait', 'communicate'}
"""Keywords, and functions whose first argument is a time."""
LEAST_S: Final = 600
"""A test that hangs is ended; one that is slow is not."""
EXCEPT: Final = {
    'waiting.py': 'the one place',
    'chaos/test_booking_race.py': 'a row for each minute that it took',
    'referee/test_walk.py': 'within the limits of an account',
    'sim/__main__.py': 'prints how long it took',
    'sim/shrink.py': 'how long to look for a smaller failure',
    'sim/testbed.py': 'the clock of who waits beside the story',
    'sim/mutants.py': 'prints how long it took',
    'sim/sales_team.py': 'prints how long it took',
    'legacy/__main__.py': 'prints how long it took',
    'chaos/kill9.py': 'a load over a time',
    'chaos/flood.py': 'a load over a time',
    'systems/google.py': 'a vendor that is slow',
    'systems/test_clients.py': 'a vendor that is slow',
    'systems/people_conformance.py': 'a vendor that is slow',
    'systems/test_people_conformance.py': 'a vendor that is slow',
}
"""Modules to which the rule does not apply, with the reason."""


def complaints(source: str) -> Iterator[str]:
    """What in a module of tests hangs on the speed of the machine."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from (f'line {node.lineno}: {told}' for told in _of_call(node))


def _of_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    last = name.rpartition('.')[2]
    if name in SLEEPS and ast.unparse(call.args[0]) not in ('0', 'LOOK_S'):
        yield f'{name}: wait for a condition (tests.waiting)'
    if last in MEASURES and name.partition('.')[0] == 'time':
        yield f'{name}: nothing is true because it was quick'
    if name == 'pytest.mark.timeout':
        yield f'{name}: the patience with a test is in pyproject.toml'
        return
    times = [word.value for word in call.keywords if word.arg in PATIENT]
    if last in PATIENT and name != 'office.wait':
        times += call.args[:1]
    if any(_number(each) is not None for each in times):
        yield f'{name}: a patience of its own (tests.waiting: PATIENCE_S, PROBE_S)'
    if last == 'settings' and any(word.arg == 'deadline' and _number(word.value) is not None for word in call.keywords):
        yield f'{name}: an example may take as long as it takes'
    mute = [word for word in call.keywords if word.arg in ('stdout', 'stderr') and 'DEVNULL' in ast.unparse(word.value)]
    if last == 'Popen' and mute:
        yield f'{name}: what it says is thrown away'


def _number(node: ast.expr) -> float | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int | float) else None


def test_no_test_hangs_on_the_speed_of_the_machine() -> None:
    found = {str(file.relative_to(TESTS)): [*complaints(file.read_text())] for file in sorted(TESTS.rglob('*.py'))}
    assert {name: told for name, told in found.items() if told and name not in EXCEPT} == {}
    assert [name for name in EXCEPT if not found.get(name)] == [], 'named, and not needed'


@pytest.mark.parametrize(
    'line',
    [
        'time.sleep(1)', 'await asyncio.sleep(0.1)', 'assert time.monotonic() - began < 2', 'process.wait(10)',
        'process.communicate(timeout=20)', 'asyncio.timeout(5)', '@pytest.mark.timeout(60)\ndef test_it(): ...',
        'urlopen(address, timeout=10)', '@settings(deadline=200)\ndef test_it(): ...', 'page.wait_for_timeout(200)',
        'subprocess.Popen(command, stdout=subprocess.DEVNULL)', 'asyncio.wait(tasks, timeout=5)',
    ],
)  # fmt: skip
def test_each_way_to_hang_on_it_is_seen(line: str) -> None:
    assert len([*complaints(line)]) == 1


@pytest.mark.parametrize(
    'line',
    ['time.sleep(0)', 'time.sleep(LOOK_S)', 'process.wait(PATIENCE_S)', 'clock.sleep(5)', 'settings(deadline=None)'],
)
def test_nothing_else_is(line: str) -> None:
    assert [*complaints(line)] == []


def test_examples_have_no_deadline(pytestconfig: pytest.Config) -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
    assert float(pytestconfig.getini('timeout')) >= LEAST_S > 2 * PATIENCE_S


def test_who_waits_in_vain_hears_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('tests.waiting.PATIENCE_S', 0.0)
    with pytest.raises(AssertionError, match=r'(?s)the answer: not within 0 s; said until then:\nno space is left'):
        wait_for('the answer', lambda: False, lambda: 'no space is left')


@pytest.mark.parametrize('workers', [1, 2, 3, 4])
def test_what_takes_long_begins_whoever_runs_it(workers: int) -> None:
    paths = [TESTS / name for name in ('unit/a.py', *reversed(LONG), *(f'unit/{number}.py' for number in range(200)))]
    ordered = long_ones_first([(path, path) for path in paths], workers)
    assert sorted(ordered) == sorted(paths)
    left = list(ordered)
    for number in range(workers):
        share = len(left) // (workers - number)
        mine, left = left[:share], left[share:]
        expected = [TESTS / name for name in LONG[number::workers]]
        assert mine[: len(expected)] == expected
        assert not {*expected} & {*mine[len(expected) :]}
    assert left == []


def test_the_long_modules_are_there() -> None:
    assert [name for name in LONG if not (TESTS / name).is_file()] == []
