"""In which order tests run. What takes long begins, so that no core waits at the end for one long test that began last.

A worker gets one stretch of the tests, in order, and at its end takes over from the ends of the others' (xdist's
`worksteal`): so each stretch begins with its share of the long modules, and each module stays together.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

TESTS: Final = Path(__file__).parent
LONG: Final = (
    'whole/test_run.py', 'whole/test_tutorial.py', 'whole/test_restore.py', 'flows/test_booking_crashes.py',
    'whole/test_core_environment.py', 'browser/test_sandbox.py', 'browser/test_sales_checklist.py',
    'whole/test_door.py', 'chaos/test_kill9.py',
    'chaos/test_booking_race.py', 'whole/test_rolling.py', 'browser/test_booking.py', 'flows/test_poison.py',
    'flows/test_budget.py', 'flows/test_silence.py', 'cli/test_backup.py', 'flows/test_booking_machine.py',
    'whole/test_units.py', 'sim/test_sim.py', 'flows/test_full_world.py', 'cli/test_first_import.py',
)  # fmt: skip
"""Modules with tests of several seconds, the longest first."""
Item = TypeVar('Item')


def long_ones_first(items: Sequence[tuple[Path, Item]], workers: int) -> list[Item]:
    """Tests, each with its module, in the order in which `workers` of them take their stretches."""
    shares: list[list[Item]] = [[] for _ in range(workers)]
    for number, name in enumerate(LONG):
        shares[number % workers] += [item for path, item in items if path == TESTS / name]
    short = [item for path, item in items if path not in {TESTS / name for name in LONG}]
    ordered: list[Item] = []
    for number, share in enumerate(shares):
        room = max(0, (len(items) - len(ordered)) // (workers - number) - len(share))
        ordered += share + short[:room]
        short = short[room:]
    return ordered
