"""Child processes that never outlive their parent.

The kernel delivers a signal to a child whose parent has died, however it died (`kill -9` included), so nothing is left
behind to hold a port, a lock or a data folder. Where the kernel cannot (macOS), a child is an ordinary one.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1


def dying_with_parent(by: signal.Signals = signal.SIGTERM) -> Callable[[], None] | None:
    """A `preexec_fn` for `subprocess.Popen`: the child gets the signal `by` when the thread that started it ends."""
    if sys.platform != 'linux':
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(by), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask_kernel


def die_with(parent: int, by: signal.Signals = signal.SIGTERM) -> None:
    """This process, whose parent is `parent`, gets the signal `by` when that ends; at once if it has ended already."""
    if sys.platform != 'linux':
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(by), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), by)


def is_alive(pid: int) -> bool:
    """True while a process of this id runs (a zombie does not), whoever it belongs to."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != 'Z'


def working_folder(pid: int) -> Path | None:
    """The folder that process `pid` works in; None where the system does not tell."""
    try:
        return Path(os.readlink(f'/proc/{pid}/cwd'))
    except OSError:
        return None
