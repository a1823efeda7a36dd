"""`python -m tests.sim`: as many seeds as asked for, or as fit into the time; the kept ones first.

A failing seed is printed with its story and kept in tests/sim/seeds.txt.
"""

import argparse
import asyncio
import logging
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import structlog

from tests import postgres
from tests.sim import checks, echo
from tests.sim.life import Story, live
from tests.sim.town import Town, open_town

SEEDS = Path(__file__).with_name('seeds.txt')
FOLD_EVERY = 4


async def judge(town: Town, seed: int, *, fold: bool) -> tuple[Story, list[str]]:
    """One seed, from its first day to what is wrong in the end."""
    story = Story(seed)
    try:
        story = await live(town, seed)
        wrong = await checks.check(town)
        if not wrong and fold:
            wrong = await checks.check_fold(town)
        if not wrong:
            wrong = await echo.check(town, seed)
    except Exception:
        wrong = [traceback.format_exc()]
        for gate in town.gates:
            gate.crash_p = gate.pause_p = 0.0
            if gate.task is not None:
                gate.task.cancel()
                gate.task = gate._go = None
    return story, wrong


def kept() -> list[int]:
    """Seeds that once failed."""
    if not SEEDS.exists():
        return []
    return [int(line.split('#')[0]) for line in SEEDS.read_text().splitlines() if line.split('#')[0].strip()]


def keep(seed: int, why: str) -> None:
    if seed not in kept():
        with SEEDS.open('a') as out:
            out.write(f'{seed}  # {why.splitlines()[-1][:110]}\n')


async def run(options: argparse.Namespace) -> int:
    """Returns how many seeds failed."""
    started = time.monotonic()
    failed, done, kinds = 0, 0, Counter[str]()
    with postgres.start_server() as server:
        postgres.make_template(server)
        with postgres.fresh_database(server) as url, postgres.fresh_database(server) as shadow:
            async with open_town(url, shadow) as town:
                for seed in seeds(options):
                    spent = time.monotonic() - started
                    if options.seconds and spent > options.seconds and done >= options.at_least:
                        break
                    fold = options.seed is not None or done % FOLD_EVERY == 0
                    story, wrong = await judge(town, seed, fold=fold)
                    done += 1
                    kinds[f'weather {town.house.world.weather.name}'] += 1
                    if wrong:
                        failed += 1
                        report(story, wrong, options)
                        if options.keep:
                            keep(seed, wrong[-1])
                        if failed >= options.stop_after:
                            break
                points(town)
    took = time.monotonic() - started
    print(f'{took:.1f} s, {took / max(done, 1):.2f} s a seed, every {FOLD_EVERY}th folded again (I14)')
    print(f'{done - failed} passed, {failed} failed')
    return failed


def seeds(options: argparse.Namespace):
    if options.seed is not None:
        yield options.seed
        return
    if not options.new_only:
        yield from kept()
    first = options.start
    yield from range(first, first + (options.seeds or 1_000_000))


def report(story: Story, wrong: list[str], options: argparse.Namespace) -> None:
    print(f'FAILED seed {story.seed}  (again: python -m tests.sim --seed {story.seed})')
    for line in wrong[:12]:
        print(f'   {line}')
    if options.seed is not None or options.story:
        for number, line in enumerate(story.lines):
            print(f'   {number:3} {line}')


def points(town: Town) -> None:
    """The crash points that were reached, and those at which somebody died."""
    reached, crashed = Counter[str](), Counter[str]()
    for source, into in ((town.reached, reached), (town.crashed, crashed)):
        for name, count in source.items():
            into[name.rpartition(':')[0]] += count
    print(f'crash points: {len(town.reached)} places in {len(reached)} functions, {sum(town.crashed.values())} deaths')
    for name, count in sorted(reached.items()):
        print(f'   {name}: reached {count}, died {crashed[name]}')


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m tests.sim', description=__doc__)
    parser.add_argument('--seeds', type=int, help='how many new seeds')
    parser.add_argument('--seconds', type=float, help='as many as fit into this time')
    parser.add_argument('--at-least', type=int, default=0, help='but at least so many')
    parser.add_argument('--seed', type=int, help='one seed, with its story')
    parser.add_argument('--start', type=int, default=1, help='the first seed')
    parser.add_argument('--keep', action='store_true', help='write failing seeds into seeds.txt')
    parser.add_argument('--story', action='store_true', help='print the story of failing seeds')
    parser.add_argument('--new-only', action='store_true', help='leave out the kept seeds')
    parser.add_argument('--stop-after', type=int, default=10, help='stop after so many failures')
    options = parser.parse_args()
    if options.seed is None and not options.seeds and not options.seconds:
        options.seeds = 200
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sys.exit(1 if asyncio.run(run(options)) else 0)


if __name__ == '__main__':
    main()
