"""Who listens on a port of this machine, and which files a process has open: as far as the system tells. Linux does, of
the processes of this user; elsewhere nobody is found.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

PROC: Final = Path('/proc')
LISTENING: Final = '0A'
"""The state of a listening socket in /proc/net/tcp."""


def find_listener(port: int) -> int:
    """The process that listens on `port`, the oldest of several; 0 where none is found."""
    sockets = {f'socket:[{inode}]' for inode in _inodes(port)}
    pids = sorted(int(entry.name) for entry in PROC.glob('[0-9]*')) if sockets else []
    return next((pid for pid in pids if sockets & {str(each) for each in open_files(pid)}), 0)


def open_files(pid: int) -> list[Path]:
    """What process `pid` has open; sockets and pipes under the system's names for them."""
    found = []
    with contextlib.suppress(OSError):
        for entry in (PROC / str(pid) / 'fd').iterdir():
            with contextlib.suppress(OSError):
                found.append(Path(os.readlink(entry)))
    return found


def variables_of(pid: int) -> dict[str, str]:
    """The environment with which process `pid` was started."""
    try:
        told = (PROC / str(pid) / 'environ').read_bytes()
    except OSError:
        return {}
    pairs = (os.fsdecode(each).partition('=') for each in told.split(b'\0') if each)
    return {name: value for name, _, value in pairs}


def name_of(pid: int) -> str:
    """What the system calls process `pid`."""
    try:
        return (PROC / str(pid) / 'comm').read_text().strip()
    except OSError:
        return ''


def _inodes(port: int) -> set[str]:
    found = set()
    for table in ('tcp', 'tcp6'):
        with contextlib.suppress(OSError):
            for line in (PROC / 'net' / table).read_text().splitlines()[1:]:
                cells = line.split()
                if cells[3] == LISTENING and int(cells[1].rpartition(':')[2], 16) == port:
                    found.add(cells[9])
    return found
