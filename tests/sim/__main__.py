"""`python -m tests.sim`: as many seeds as asked for; the kept ones first.

A failing seed is printed with its story, made as small as it gets, and kept in tests/sim/seeds.txt.
"""

import argparse
import asyncio
import gc
import logging
import multiprocessing
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from tests import postgres
from tests.sim import checks, echo, sales_team, shrink
from tests.sim.life import Life, Story, live
from tests.sim.testbed import Testbed, open_testbed

SEEDS = Path(__file__).with_name('seeds.txt')
FOLD_EVERY = 4


@dataclass
class Tally:
    """What a process found out."""

    passed: int = 0
    failed: int = 0
    took_s: float = 0.0
    reached: Counter[str] = field(default_factory=Counter)
    crashed: Counter[str] = field(default_factory=Counter)


async def judge(testbed: Testbed, seed: Life | int, *, fold: bool) -> tuple[Story, list[str]]:
    """One seed, from its first day to what is wrong in the end."""
    life = seed if isinstance(seed, Life) else Life(seed)
    story = Story(life)
    try:
        story = await live(testbed, life)
        wrong = await checks.check(testbed)
        if not wrong and fold:
            wrong = await checks.check_fold(testbed)
        if not wrong:
            wrong = await echo.check(testbed, life.seed)
    except Exception:
        wrong = [traceback.format_exc()]
        for gate in testbed.gates:
            await gate.give_up()
    return story, wrong


def kept() -> list[Life]:
    """Lives that once failed."""
    lines = SEEDS.read_text().splitlines() if SEEDS.exists() else []
    return [life for life in map(shrink.read, lines) if life is not None]


def keep(life: Life, why: str) -> None:
    if life not in kept():
        with SEEDS.open('a') as out:
            out.write(f'{shrink.write(life)}  # {first_line(why)[:110]}\n')


def first_line(complaint: str) -> str:
    """The complaint itself: of a traceback its last line."""
    return complaint.strip().splitlines()[-1 if complaint.startswith('Traceback') else 0]


async def make_small(testbed: Testbed, story: Story, wrong: list[str]) -> Life:
    """The smallest life that fails with a complaint of the same kind."""
    kind = first_line(wrong[0]).split(':')[0]

    async def fails(life: Life) -> bool:
        _, found = await judge(testbed, life, fold=kind == 'I14')
        return bool(found) and first_line(found[0]).split(':')[0] == kind

    return await shrink.shrink(story.life, story.moves, fails)


async def run(options: argparse.Namespace, part: int = 0) -> Tally:
    """The seeds of one process: every `processes`-th."""
    tally = Tally()
    with postgres.start_server() as server:
        postgres.make_template(server)
        with postgres.fresh_database(server) as url, postgres.fresh_database(server) as shadow:
            async with open_testbed(url, shadow) as testbed:
                gc.collect()
                gc.freeze()
                started = time.monotonic()
                for life in lives(options, part):
                    done = tally.passed + tally.failed
                    if not await one(testbed, life, options, fold=options.seed is not None or done % FOLD_EVERY == 0):
                        tally.failed += 1
                        if tally.failed >= options.stop_after:
                            break
                    else:
                        tally.passed += 1
                tally.took_s = time.monotonic() - started
                tally.reached, tally.crashed = testbed.reached, testbed.crashed
    return tally


async def one(testbed: Testbed, life: Life, options: argparse.Namespace, *, fold: bool) -> bool:
    """Whether all was well with it."""
    story, wrong = await judge(testbed, life, fold=fold)
    if wrong:
        report(story, wrong, options)
        if not options.no_shrink and options.seed is None and life.moves is None:
            small = await make_small(testbed, story, wrong)
            again, still = await judge(testbed, small, fold=True)
            print(f'shrunk: {shrink.write(small)}  ({len(story.moves)} moves before)')
            report(again, still, options, whole=True)
            if options.keep:
                keep(small, wrong[0])
    elif options.seed is not None:
        report(story, wrong, options)
    return not wrong


def lives(options: argparse.Namespace, part: int = 0) -> Iterator[Life]:
    if options.seed is not None:
        yield shrink.read(options.seed) or Life(0)
        return
    if not options.new_only:
        yield from kept()[part :: options.processes]
    fresh = range(options.start, options.start + options.seeds)
    yield from (Life(seed) for seed in fresh if seed % options.processes == part)


def report(story: Story, wrong: list[str], options: argparse.Namespace, *, whole: bool = False) -> None:
    line = shrink.write(story.life)
    print(f'{"FAILED" if wrong else "passed"} seed {line}  (again: python -m tests.sim --seed "{line}")', flush=True)
    for complaint in wrong[:12]:
        print(f'   {complaint}')
    if options.seed is not None or options.story or whole:
        for told in story.lines:
            print(f'      {told}')


def points(tally: Tally) -> None:
    """The crash points that were reached, and those at which somebody died."""
    reached, crashed = Counter[str](), Counter[str]()
    for source, into in ((tally.reached, reached), (tally.crashed, crashed)):
        for name, times in source.items():
            into[name.rpartition(':')[0]] += times
    places, deaths = len(tally.reached), sum(tally.crashed.values())
    print(f'crash points: {places} places in {len(reached)} functions, {deaths} deaths')
    for name, times in sorted(reached.items()):
        print(f'   {name}: reached {times}, died {crashed[name]}')


def run_part(options: argparse.Namespace, part: int) -> Tally:
    """One of several processes."""
    quieten()
    return asyncio.run(run(options, part))


def run_all(options: argparse.Namespace) -> Tally:
    """All processes, and what they found together."""
    if options.processes == 1:
        return asyncio.run(run(options))
    from tests.sim import __main__ as itself  # by its name, so that a fresh process can import it

    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(options.processes, mp_context=context) as pool:
        parts = [pool.submit(itself.run_part, options, part) for part in range(options.processes)]
        tallies = [part.result() for part in parts]
    whole = Tally()
    for tally in tallies:
        whole.passed, whole.failed = whole.passed + tally.passed, whole.failed + tally.failed
        whole.took_s = whole.took_s + tally.took_s
        whole.reached, whole.crashed = whole.reached + tally.reached, whole.crashed + tally.crashed
    return whole


def quieten() -> None:
    """What Hermes logs about a storm is of no interest here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def read_options() -> Any:
    parser = argparse.ArgumentParser(prog='python -m tests.sim', description=__doc__)
    parser.add_argument('--seeds', type=int, help='how many new seeds')
    parser.add_argument('--seed', help='one seed, or a line of seeds.txt in quotes, with its story')
    parser.add_argument('--start', type=int, default=1, help='the first seed')
    parser.add_argument('--processes', type=int, default=1, help='side by side')
    parser.add_argument('--keep', action='store_true', help='write what failed into seeds.txt')
    parser.add_argument('--no-shrink', action='store_true', help='leave a failing seed as it is')
    parser.add_argument('--story', action='store_true', help='print the story of failing seeds')
    parser.add_argument('--new-only', action='store_true', help='leave out the kept seeds')
    parser.add_argument('--stop-after', type=int, default=10, help='stop after so many failures')
    parser.add_argument('--team', metavar='SEED', help='a sales team at work instead, with this seed')
    parser.add_argument('--no-merges', action='store_true', help='a team that merges nothing')
    parser.add_argument('--actions', type=int, default=2000, help='how much the team does')
    options = parser.parse_args()
    if options.seed is None and not options.seeds:
        options.seeds = 200
    return options


def main() -> None:
    options = read_options()
    quieten()
    if options.team is not None:
        sys.exit(
            asyncio.run(
                sales_team.main(
                    options.team, options.actions, merges=not options.no_merges, small=not options.no_shrink
                )
            )
        )
    began = time.monotonic()
    tally = run_all(options)
    points(tally)
    done = max(tally.passed + tally.failed, 1)
    print(
        f'{time.monotonic() - began:.1f} s; a mean seed costs {tally.took_s / done:.3f} s (limit 0.25, quiet core), '
        f'every {FOLD_EVERY}th folded again (I14)'
    )
    print(f'{tally.passed} passed, {tally.failed} failed')
    sys.exit(1 if tally.failed else 0)


if __name__ == '__main__':
    main()
