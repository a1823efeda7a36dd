"""Code that does not fit together, as while `git pull` writes one file after the other under whoever reads them.

Whatever process of ours meets it, and wherever, says one sentence and ends with the exit code of a mistake, so that a
supervisor starts it again. It imports nothing of Hermes: any other module may be the one that does not fit.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

BUG = 70
"""The exit code of a mistake of ours (sysexits.h: EX_SOFTWARE)."""
OURS = 'hermes'


class Unfit(Exception):
    """Parts of the code are there, and others that belong to them are not."""


def explain(error: BaseException) -> str:
    """One sentence about code that does not fit together; '' for anything else."""
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith(OURS):
        return f'The module {error.name} is not installed: run "make install".'
    if isinstance(error, Unfit | ImportError | SyntaxError) or _lacks_name(error):
        return (
            f'The code does not fit together ({error}): was it changed while it was read, as "git pull" does? Say it '
            'again; if that does not help, run "make install".'
        )
    return ''


def _lacks_name(error: BaseException) -> bool:
    """One module of ours looked for a name in another one."""
    if not isinstance(error, AttributeError) or not isinstance(error.obj, ModuleType):
        return False
    return error.obj.__name__.partition('.')[0] == OURS


@contextmanager
def fitting() -> Iterator[None]:
    """What is inside ends the process with one sentence on stderr if its code does not fit together."""
    try:
        yield
    except Exception as error:
        if not (told := explain(error)):
            raise
        sys.stderr.write(''.join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in told) + '\n')
        raise SystemExit(BUG) from None
