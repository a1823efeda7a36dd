"""How often Python looks for cycles among a process's objects.

A batch makes many objects that live for moments and hold no cycles; looking for cycles among them by Python's own
thresholds would be a third of a worker's work, and more of a command's that compares everything.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

COLLECT: Final = (100_000, 20, 50)


def collect_seldom() -> None:
    """For as long as this process lives; what there is by now is not looked at again."""
    gc.freeze()
    gc.set_threshold(*COLLECT)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """The same, for a while."""
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
