"""A database that is made already. To make one, and its tables, takes longer than most of what is tried on it, so a
test that is not about a first start begins with a copy.
"""

import atexit
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from hermes.kit import locks
from tests.postgres import find_place

DATABASE: Final = Path('sandbox') / 'postgres'


def copy_database(data: Path) -> None:
    """Put the database of a sandbox that has just been made into the data folder `data`."""
    run_id = os.environ.get('PYTEST_XDIST_TESTRUNUID') or f'pid{os.getpid()}'
    kept = find_place() / f'hermes-made-{run_id[:12]}'
    kept.mkdir(mode=0o711, exist_ok=True)
    with locks.alone(kept / 'lock'):
        if not (kept / 'data').exists():
            _make(kept)
        (data / DATABASE).parent.mkdir(parents=True, mode=0o700)
        subprocess.run(['cp', '-a', kept / 'data' / DATABASE, data / DATABASE], check=True)  # With its owner.


def _make(kept: Path) -> None:
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    fresh = kept / 'fresh'
    shutil.rmtree(fresh, ignore_errors=True)
    environment = {'PATH': os.environ['PATH'], 'HOME': str(kept), 'DATA_DIR': str(fresh)}
    for words in (('db', 'upgrade'), ('db', 'stop')):
        subprocess.run(
            [sys.executable, '-m', 'hermes', *words], env=environment, cwd=kept, check=False, capture_output=True
        )
    fresh.rename(kept / 'data')
