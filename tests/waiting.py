"""How every test waits: for a condition, never for a time, with a patience that fits a machine as busy as it gets.

Whoever waits in vain says what for, and what those said meanwhile on whom it waited.
"""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 150.0
"""No condition takes a tenth of it on a quiet machine."""
LOOK_S = 0.02
SAID = 6000
"""So many letters are shown of what was said."""
Found = TypeVar('Found')


def wait_for(what: str, told: Callable[[], Found], said: Callable[[], str] | None = None) -> Found:
    """What `told` says, once it says something. `said`: what the processes at work have said so far."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := told()):
        assert time.monotonic() < deadline, in_vain(what, said() if said else '')
        time.sleep(LOOK_S)
    return found


def in_vain(what: str, said: str) -> str:
    """The complaint of who waited in vain."""
    return f'{what}: not within {PATIENCE_S:g} s' + (f'; said until then:\n{said[-SAID:]}' if said else '')
