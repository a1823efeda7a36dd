"""Locks on files, which the kernel lets go of however their holder ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def take(file: Path, told: str) -> IO[str] | None:
    """The lock of `file`, for as long as what is returned is open; `told` stands in it meanwhile. None where somebody
    else has it.
    """
    held = _open(file)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        return None
    held.truncate(0)
    held.write(told)
    held.flush()
    return held


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Nobody else is in here under the same file; who comes meanwhile waits."""
    with _open(file) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _open(file: Path) -> IO[str]:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), 'a+')
