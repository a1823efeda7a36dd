"""Locks on files, which the kernel lets go of however their holder ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

LOOKS: Final = 5
LOOK_S: Final = 0.02
"""Whoever only looks whether a lock is held has it for less than this."""


def take(file: Path, told: str) -> IO[str] | None:
    """The lock of `file`, for as long as what is returned is open; `told` stands in it meanwhile. None where somebody
    else has it.
    """
    held = _open(file)
    for _ in range(LOOKS):
        if _try(held, fcntl.LOCK_EX):
            tell(held, told)
            return held
        time.sleep(LOOK_S)
    held.close()
    return None


def tell(held: IO[str], told: str) -> None:
    """From now on `told` stands in the file of a lock that is held."""
    held.truncate(0)
    held.write(told)
    held.flush()


def read(file: Path) -> str:
    """What stands in the file of a lock that somebody holds; '' where nobody does."""
    try:
        with file.open() as looking:
            return '' if _try(looking, fcntl.LOCK_SH) else looking.read()
    except FileNotFoundError:
        return ''


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Nobody else is in here under the same file; who comes meanwhile waits."""
    with _open(file) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _try(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(file: Path) -> IO[str]:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), 'a+')
