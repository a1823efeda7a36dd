"""`python -m tools.trials [ID ...]`: takes one rule at a time out of the product and sees whether its tests notice.

A marker on a test is worth something only if the test turns red without the rule. `marker_trials.toml` says, for each
promise, which lines hold its rule and what stands there instead. Everything happens in a temporary copy; this folder
is only read. Exit code 1: a removed rule that no test misses, a text that is no longer there, a promise without trial.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from tools import behaviours

ROOT = Path(__file__).parent.parent
TABLE = Path(__file__).parent / 'marker_trials.toml'
COPIED = (
    'hermes', 'tests', 'tools', 'bench', 'docs', 'deploy', 'pyproject.toml', 'requirements',
    'compose.yaml', '.env.example',
)  # fmt: skip
LEFT_OUT = (
    'tests/sim/', 'tests/chaos/', 'tests/referee/', 'tests/whole/test_run.py', 'tests/whole/test_restore.py',
    'tests/whole/test_units.py',
)  # fmt: skip
"""The simulator has its own mutants; what starts processes would start the installed Hermes, not the copy."""
TEST_S = 120
FAILED = re.compile(r'^(?:FAILED|ERROR) (tests/\S+?::\w+)(?!.*Timeout)', re.MULTILINE)
"""A test that only took too long says nothing about the rule."""


@dataclass(frozen=True)
class Trial:
    """One rule taken out: which promises it keeps, in a sentence what is wrong then, and file, old and new text."""

    ids: tuple[str, ...]
    says: str
    edits: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Outcome:
    """What became of a trial: the tests that ran, those that turned red, and why it could not be tried."""

    trial: Trial
    tests: tuple[str, ...]
    red: frozenset[str]
    seconds: float
    problem: str = ''


def read_table(path: Path) -> list[Trial]:
    """Raises KeyError or ValueError for a malformed entry."""
    told = tomllib.loads(path.read_text(encoding='utf-8'))['trial']
    return [
        Trial(tuple(one['ids']), one['says'], tuple((file, old, new) for file, old, new in one['edits']))
        for one in told
    ]


def proofs_by_label() -> tuple[dict[str, list[str]], list[str]]:
    """Label -> its marked tests that can run in a copy; and the labels in scope, in the order of the lists."""
    report = behaviours.build_report(ROOT)
    found = {
        promise.label: [test for test in tests if not test.startswith(LEFT_OUT)]
        for promise, tests in report.proofs.items()
    }
    return found, [promise.label for promise in report.having('proven')]


def make_copy(folder: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns('__pycache__', 'node_modules'))
        elif source.exists():
            shutil.copy2(source, folder / name)


def run_tests(arguments: Sequence[str], folder: Path, run_id: str) -> tuple[int, str]:
    """pytest's exit code and report, in the copy."""
    command = [sys.executable, '-m', 'pytest', '-q', '-rfE', '--tb=no', '-p', 'no:cacheprovider', '-n', '0']
    command += ['-p', 'no:randomly', f'--timeout={TEST_S}', *arguments]
    environment = {**os.environ, 'PYTEST_XDIST_TESTRUNUID': run_id, 'PYTHONDONTWRITEBYTECODE': '1', 'THOROUGH': 'all'}
    environment.pop('HERMES_REFEREE_DIR', None)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    return done.returncode, done.stdout


def attempt(trial: Trial, tests: Sequence[str], fresh: Sequence[str], folder: Path, run_id: str) -> Outcome:
    """Run the tests in the copy without the rule, and put the rule back. `fresh` come first: markers that were never
    red; when one of them is red now, the others need not run.
    """
    began = time.monotonic()
    kept: dict[Path, str] = {}
    try:
        for file, old, new in trial.edits:
            path = folder / file
            text = path.read_text(encoding='utf-8')
            kept.setdefault(path, text)
            if text.count(old) != 1:
                return Outcome(trial, (), frozenset(), 0.0, f'{file} holds {text.count(old)} times: {old[:60]!r}')
            path.write_text(text.replace(old, new), encoding='utf-8')
        code, told, red = 0, '', frozenset[str]()
        for part, more in ((fresh, ()), ([test for test in tests if test not in fresh], ('-x',))):
            if part and not red and code in (0, 1):
                code, told = run_tests([*more, *part], folder, run_id)
                red = frozenset(FAILED.findall(told))
        problem = '' if code in (0, 1) else f'pytest ended with {code}: {told[-300:]}'
        return Outcome(trial, tuple(tests), red, time.monotonic() - began, problem)
    finally:
        for path, text in kept.items():
            path.write_text(text, encoding='utf-8')


def run_all(trials: Sequence[Trial], proofs: dict[str, list[str]], workers: int) -> list[Outcome]:
    """Every trial, `workers` at a time, each worker with a copy of its own; all share one Postgres."""
    from tests import postgres

    run_id = f'trials{os.getpid()}'
    os.environ['PYTEST_XDIST_TESTRUNUID'] = run_id
    folders: Queue[Path] = Queue()
    seen: dict[str, set[str]] = defaultdict(set)
    with tempfile.TemporaryDirectory(prefix='hermes-trials-') as base, postgres.start_server():
        for number in range(workers):
            folder = Path(base) / str(number)
            folder.mkdir()
            make_copy(folder)
            folders.put(folder)

        def one(trial: Trial) -> Outcome:
            tests = sorted({test for label in trial.ids for test in proofs.get(label, ())})
            if not tests:
                return Outcome(trial, (), frozenset(), 0.0, 'no marked test that can run in a copy')
            fresh = [test for test in tests if any(test in proofs.get(label, ()) and test not in seen[label]
                                                   for label in trial.ids)]  # fmt: skip
            folder = folders.get()
            try:
                outcome = attempt(trial, tests, fresh, folder, run_id)
            finally:
                folders.put(folder)
            for label in trial.ids:
                seen[label] |= outcome.red
            show(outcome)
            return outcome

        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(one, trials))


def find_stale(trials: Sequence[Trial], proofs: dict[str, list[str]]) -> list[str]:
    """What of the table could not be tried: a text that does not stand exactly once, a promise without a test."""
    found = []
    for trial in trials:
        for file, old, _ in trial.edits:
            path = ROOT / file
            times = path.read_text(encoding='utf-8').count(old) if path.exists() else 0
            if times != 1:
                found.append(f'{trial.says}: {file} holds {times} times: {old[:60]!r}')
        found += [f'{trial.says}: no test is marked {label}' for label in trial.ids if not proofs.get(label)]
    return found


def show(outcome: Outcome) -> None:
    trial = outcome.trial
    verdict = 'ERROR' if outcome.problem else 'red' if outcome.red else 'GREEN'
    counts = f'{len(outcome.red)}/{len(outcome.tests)}'
    print(f'{verdict:6}{counts:>6} {outcome.seconds:5.0f} s  {", ".join(trial.ids)}: {trial.says}', flush=True)
    if outcome.problem:
        print(f'       {outcome.problem}', flush=True)


def idle_markers(outcomes: Sequence[Outcome], proofs: dict[str, list[str]]) -> dict[str, list[str]]:
    """Label -> marked tests that no trial of that label turned red."""
    red: dict[str, set[str]] = defaultdict(set)
    for outcome in outcomes:
        for label in outcome.trial.ids:
            red[label] |= outcome.red
    return {
        label: left for label in red if (left := [test for test in proofs.get(label, ()) if test not in red[label]])
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tools.trials', description=__doc__.splitlines()[0])
    parser.add_argument('ids', nargs='*', help='promises (TC-15, "lesson B-1"); default: all of the table')
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--match', default='', help='only trials whose sentence holds this text')
    parser.add_argument('--look', action='store_true', help='only see whether each could be tried: takes seconds')
    options = parser.parse_args()
    proofs, scope = proofs_by_label()
    trials = [
        trial
        for trial in read_table(TABLE)
        if (not options.ids or set(options.ids) & set(trial.ids)) and options.match in trial.says
    ]
    if options.look:
        stale = find_stale(trials, proofs)
        print(''.join(f'{each}\n' for each in stale) + f'{len(trials)} removals, {len(stale)} that cannot be tried')
        return 1 if stale else 0
    outcomes = run_all(trials, proofs, options.workers)
    idle = idle_markers(outcomes, proofs)
    for label, tests in idle.items():
        print(f'{label}: no removal turned these red')
        print(''.join(f'    {test}\n' for test in tests), end='')
    missing = [label for label in scope if proofs.get(label) and not any(label in one.trial.ids for one in outcomes)]
    if missing and not options.ids and not options.match:
        print(f'no trial for: {", ".join(missing)}')
    bad = [outcome for outcome in outcomes if outcome.problem or not outcome.red]
    print(f'{len(outcomes) - len(bad)} of {len(outcomes)} removals were noticed; '
          f'{sum(map(len, idle.values()))} markers never turned red')  # fmt: skip
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
