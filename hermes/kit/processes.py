"""Child processes that never outlive their parent, and the end of a process that nothing can put off.

The kernel delivers a signal to a child whose parent has died, however it died (`kill -9` included), so nothing is left
behind to hold a port, a lock or a data folder. Where the kernel cannot (macOS), a child is an ordinary one.
"""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
ASKED_BY = (signal.SIGINT, signal.SIGTERM)
"""The signals that ask a process to end."""
SUPERVISOR = 'HERMES_SUPERVISOR'
"""The variable with the process id of the supervisor, for those that end with it."""
SAY_S = 0.3


def dying_with_parent(by: signal.Signals = signal.SIGTERM) -> Callable[[], None] | None:
    """A `preexec_fn` for `subprocess.Popen`: the child gets the signal `by` when the thread that started it ends, and
    heeds it even where this process ignores it.
    """
    if sys.platform != 'linux':
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_kernel() -> None:
        for number in ASKED_BY:
            signal.signal(number, signal.SIG_DFL)
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


def heed_signals() -> None:
    """SIGINT and SIGTERM end this process again, where whoever started it ignored them (a shell does so with SIGINT for
    what it starts in its background).
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGTERM) == signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def end_within(patience_s: float, code: int) -> None:
    """This process ends with `code` after `patience_s`, whatever it waits for then, unless it has ended by itself."""
    for delay_s, act in ((patience_s, _tell_of_end), (patience_s + SAY_S, lambda: os._exit(code))):
        timer = threading.Timer(delay_s, act)
        timer.daemon = True
        timer.start()


def _tell_of_end() -> None:
    """In a thread of its own: if nobody reads what is told, the end comes all the same."""
    import structlog

    structlog.get_logger(__name__).error('this process did not come to its end, and is ended')


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
