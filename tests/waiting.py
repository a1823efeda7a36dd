"""How every test waits: for a condition, never for a time, with a patience that fits a machine as busy as it gets.

Whoever waits in vain says what for, and what those said meanwhile on whom it waited. `tests/whole/test_patience.py`
sees to it that no other module sleeps, measures, or has a patience of its own.
"""

import asyncio
import inspect
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

PATIENCE_S: Final = 150.0
"""No condition takes a tenth of it on a quiet machine."""
PROBE_S: Final = 5.0
"""For a question that is asked again when it was not answered."""
LOOK_S: Final = 0.02
REST_S: Final = 0.2
"""How far apart looks come after a while, at least: they cost those on whom is waited."""
SAID: Final = 6000
"""So many letters are shown of what was said."""
Found = TypeVar('Found')


def wait_for(what: str, told: Callable[[], Found], said: Callable[[], str] | None = None) -> Found:
    """What `told` says, once it says something. `said`: what the processes at work have said so far.

    A look that is a process of its own takes no more than half of the time from those on whom it waits.
    """
    for number in looks(what, said):
        began = time.monotonic()
        if found := told():
            return found
        time.sleep(max(pause_s(number), time.monotonic() - began))
    raise AssertionError(what)


async def wait_in_loop(what: str, told: Callable[[], Any]) -> Any:
    """The same beside tasks that go on meanwhile."""
    for number in looks(what):
        found = told()
        if told_later := (await found if inspect.isawaitable(found) else found):
            return told_later
        await asyncio.sleep(pause_s(number))
    raise AssertionError(what)


def pause_s(number: int) -> float:
    """How long until the next look: REST_S after two seconds."""
    return min(LOOK_S * 1.1**number, REST_S)


def wait_end(what: str, process: 'subprocess.Popen[Any]', said: Callable[[], str] | None = None) -> int:
    """The exit code of a process, once it has ended."""
    wait_for(f'the end of {what}', lambda: process.poll() is not None, said)
    return int(process.returncode)


def looks(what: str, said: Callable[[], str] | None = None) -> Iterator[int]:
    """One look after the other, with the pause left to the caller; fails when patience has ended."""
    deadline, number = time.monotonic() + PATIENCE_S, 0
    while True:
        yield number
        number += 1
        if time.monotonic() > deadline:
            words = said() if said else ''
            told = f'; said until then:\n{words[-SAID:]}' if words else ''
            raise AssertionError(f'{what}: not within {PATIENCE_S:g} s{told}')
