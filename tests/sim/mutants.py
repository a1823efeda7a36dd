# mypy: ignore-errors
"""Wrong designs: each is patched into the imported modules of a process of its own, and must be caught (`python -m
tests.sim.mutants`). `python -m tests.sim.mutants NAME` runs one in this process.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hermes.db import budget, pushes
from hermes.domain import apply, decrees, history, linking, merge, plan, rules, tombstones
from hermes.domain.model import Version
from hermes.sync import calls, ingest, push, resolve
from hermes.systems.pipedrive import inbound

SEEDS, FIRST = 80, 700
CAUGHT = 3
PATIENCE_S = 300
COMPLAINTS = ('   I', '   F', '   D', '   e', 'FAILED tests', '   E', '   T')


@dataclass(frozen=True)
class Mutant:
    """A wrong design; caught by the simulator, or by a named test."""

    says: str
    patch: Callable[[], None]
    test: str = ''


def no_mirror_from_answers() -> None:
    told = inbound._told
    inbound._told = lambda request, *rest: () if request.op in ('create', 'update') else told(request, *rest)


def intent_after_the_call() -> None:
    async def intend(_: Any, push: Any, *__: Any) -> int:
        return int(push.wanted)

    pushes.intend = intend


def no_fence() -> None:
    pushes._HOLDS = (
        'record_type = %(type)s and record_id = %(id)s and system = %(system)s and %(fence)s::bigint is not '
        'null'  # type: ignore[misc]
    )


def late_calls() -> None:
    make = calls.make

    async def made(engine: Any, system: Any, request: Any, catalogue: Any, since: Any = None) -> Any:
        return await make(engine, system, request, catalogue)

    calls.make = made


def arrival_order() -> None:
    def arrived(mirror: Any, seen: Any, now: Any) -> Any:
        newest = mirror.version if mirror is not None else Version(0, 0)
        return history.fold(
            mirror, replace(seen, version=max(seen.version, Version(newest.seconds, newest.sub + 1))), now
        )

    merge.fold = arrived


def dedupe_on_meta_id() -> None:
    inbound.dedupe_key = lambda payload: (
        str(payload['meta']['id']).encode() if isinstance(payload, dict) and 'meta' in payload else None
    )


def recreate_on_404() -> None:
    async def look(engine: Any, connection: Any, row: Any, request: Any) -> None:
        await connection.execute(
            'delete from link where system = %s and type = %s and remote_id = %s',
            (row.system, request.type, request.remote_id),
        )
        await connection.execute(
            'delete from mirror where system = %s and type = %s and remote_id = %s',
            (row.system, request.type, request.remote_id),
        )
        await pushes.later(
            connection,
            row,
            timedelta(seconds=1),
            'made again',
        )

    push._look = look


def tombstone_without_version() -> None:
    lay_down = tombstones.lay_down

    def laid_down(graph: Any, *given: Any) -> Any:
        done = lay_down(graph, *given)
        for ref, record in list(graph.records.items()):
            if record.tombstone is not None:
                graph.put_record(replace(graph.records[ref], tombstone=replace(record.tombstone, seen={})))
        for mirror in list(graph.mirrors.values()):
            if mirror.deleted is not None:
                graph.put_mirror(replace(mirror, deleted=Version(-1, 0)))
        return done

    apply.lay_down = laid_down


def everything_differs() -> None:
    plan.steps.equal = lambda *_: False


def no_grace_for_creations() -> None:
    resolve.CREATE_GRACE_S = -30.0  # type: ignore[misc]
    resolve.MISSES = 1  # type: ignore[misc]
    resolve.LOOK_BACK_S = -3600  # type: ignore[misc]


def done_means_everything() -> None:
    complete = pushes.complete

    async def completed(connection: Any, row: Any, generation: int, **more: Any) -> bool:
        await connection.execute(
            'update push set done = wanted where record_type = %s and record_id = %s and system = %s',
            (row.record.type, row.record.id, row.system),
        )
        return await complete(connection, row, generation, **more)

    pushes.complete = completed


def retry_unknown_outcomes() -> None:
    judge = calls.judge

    def judged(*given: Any) -> Any:
        reaction = judge(*given)
        return push.Retry(str(reaction)) if isinstance(reaction, push.Ambiguous) else reaction

    calls.judge = judged


def poison_for_ever() -> None:
    ingest.ATTEMPTS = 10**6  # type: ignore[misc]


def children_are_dropped() -> None:
    def dropped(graph: Any, seen: Any, context: Any, done: Any) -> Any:
        company = graph.record_of(seen.parent) if seen.parent else None
        return company.ref.id if company is not None else None

    linking._parent = dropped


def answers_out_of_the_log() -> None:
    note = calls.note_all

    async def noted(*given: Any, **more: Any) -> Any:
        told = await note(*given, **more)
        if told[0].kind == 'answer':
            await given[1].execute('update event set body = null where id = %s', (told[0].id,))
        return told

    calls.note_all = noted


def budget_per_process() -> None:
    """Every worker counts its own calls, correctly, and knows of nobody else's."""
    windows: dict[int, list[Any]] = {}

    async def reserve(connection: Any, system: str, *, lane: str, **_: Any) -> Any:
        rows = await connection.execute(
            'select burst_limit, burst_window_s, hermes_now() as at from budget where system = %s', (system,)
        )
        limit = await rows.fetchone()
        window = timedelta(seconds=float(limit['burst_window_s']))
        worker = id(connection._pool)
        mine = windows[worker] = [at for at in windows.get(worker, []) if at > limit['at'] - window]
        if len(mine) >= int(limit['burst_limit'] * budget.SHARE[lane]):
            return budget.Grant(None, mine[0] + window, 'this process has used its burst', True)
        mine.append(limit['at'])
        return budget.Grant(0)

    budget.reserve = reserve


def nothing_over_something() -> None:
    plan.steps.may_write = lambda *_: True
    rules.adopted = lambda *_: None
    rules.base = lambda *_: 0


def echo_ends_a_decree() -> None:
    stands = merge.standing_decree

    def standing(record: Any, name: str, crm: Any) -> Any:
        decree = stands(record, name, crm)
        runs = crm.runs.get(name, ()) if crm is not None and decree is not None else ()
        return None if any(run.first > decree.after for run in runs) else decree

    merge.standing_decree = standing


def decree_by_arrival() -> None:
    write = decrees.moment
    decrees.moment = lambda at: min(write(at), Version(-1, 0))


DECREES = 'tests/flows/test_decrees.py'
IN_THE_AIR = 'tests/flows/test_push_rules.py::test_a_change_that_comes_while_a_write_is_in_the_air_follows_it'
LEASES = 'tests/flows/test_leases.py'
BUDGET = 'tests/flows/test_budget.py'
LOST = 'tests/flows/test_push_lost_answers.py'
MUTANTS = {
    'no_mirror_from_answers': Mutant('the mirror is not written from the answer', no_mirror_from_answers),
    'intent_after_the_call': Mutant('the intent is not committed before the call', intent_after_the_call),
    'no_fence': Mutant('the fence is not looked at when recording', no_fence),
    'late_calls': Mutant('a worker that stood still makes its call anyway', late_calls, LEASES),
    'arrival_order': Mutant('an older version is accepted when it comes later', arrival_order),
    'dedupe_on_meta_id': Mutant(
        'a delivery is known by meta.id alone', dedupe_on_meta_id, 'tests/systems/test_pipedrive_inbound.py'
    ),
    'recreate_on_404': Mutant('a 404 on an update makes the object again', recreate_on_404),
    'tombstone_without_version': Mutant('a tombstone has no version', tombstone_without_version),
    'everything_differs': Mutant('what is equal is sent as well', everything_differs),
    'no_grace_for_creations': Mutant(
        'a creation is looked for too early, once, and not far back', no_grace_for_creations, LOST
    ),
    'done_means_everything': Mutant(
        'a finished push forgets what changed meanwhile', done_means_everything, IN_THE_AIR
    ),
    'retry_unknown_outcomes': Mutant('an unknown outcome is tried again', retry_unknown_outcomes),
    'poison_for_ever': Mutant('poison is never parked', poison_for_ever, LEASES),
    'children_are_dropped': Mutant('a child whose parent is unknown is dropped', children_are_dropped),
    'nothing_over_something': Mutant('what stood in the CRM before is written over', nothing_over_something),
    'echo_ends_a_decree': Mutant("the echo of our own write ends an operator's decree", echo_ends_a_decree, DECREES),
    'decree_by_arrival': Mutant('what came before a decree is what arrived before it', decree_by_arrival, DECREES),
    'budget_per_process': Mutant('every process has a budget of its own', budget_per_process, BUDGET),
    'answers_out_of_the_log': Mutant('answers are not kept in the log', answers_out_of_the_log),
}


def run_one(name: str) -> int:
    """This process becomes the mutant. 1: caught."""
    mutant = MUTANTS[name]
    mutant.patch()
    if mutant.test:
        import pytest

        # Plain: much is imported by now, and nothing of that could be rewritten.
        quiet = ('--assert=plain', '-p', 'no:cacheprovider', '-p', 'no:randomly')
        code = pytest.main([mutant.test, '-q', '-n', '0', '-x', *quiet])
        return CAUGHT if code == pytest.ExitCode.TESTS_FAILED else 0
    from tests.sim.__main__ import main

    sys.argv = [
        *('sim', '--seeds', str(SEEDS), '--start', str(FIRST), '--stop-after', '1', '--new-only', '--no-shrink')
    ]
    try:
        main()
    except SystemExit as end:
        return CAUGHT if end.code == 1 else int(end.code or 0)
    return 0


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant. `code` is its process's: CAUGHT, 0 (it lived), or anything else (it broke)."""

    name: str
    code: int
    took_s: float
    complaint: str

    @property
    def word(self) -> str:
        by = MUTANTS[self.name].test or 'the simulator'
        return {CAUGHT: by, 0: 'NOBODY'}.get(self.code, f'no verdict (exit {self.code})')


def try_one(name: str) -> Verdict:
    """One mutant in a process of its own."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, '-m', 'tests.sim.mutants', name], capture_output=True, text=True, check=False,
            timeout=PATIENCE_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Verdict(name, -1, time.monotonic() - began, f'no end within {PATIENCE_S} s')
    lines = [line.strip() for line in done.stdout.splitlines() if line.startswith(COMPLAINTS)]
    if done.returncode not in (0, CAUGHT):
        lines = done.stderr.strip().splitlines()[-1:]
    return Verdict(name, done.returncode, time.monotonic() - began, lines[0][:110] if lines else '')


def main() -> int:
    """The table, two mutants at a time. Returns how many were not caught."""
    began, caught = time.monotonic(), 0
    print(f'{"mutant":28} {"caught by":40} {"s":>5}  first complaint')
    with ThreadPoolExecutor(2) as pool:
        for verdict in pool.map(try_one, MUTANTS):
            caught += verdict.code == CAUGHT
            print(f'{verdict.name:28} {verdict.word:40} {verdict.took_s:5.0f}  {verdict.complaint}', flush=True)
    print(f'{caught} of {len(MUTANTS)} mutants caught in {time.monotonic() - began:.0f} s')
    return len(MUTANTS) - caught


if __name__ == '__main__':
    sys.exit(run_one(sys.argv[1]) if len(sys.argv) > 1 else main())
