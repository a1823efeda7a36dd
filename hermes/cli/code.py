"""The code under a running Hermes, which a `git pull` may change while it runs."""

from pathlib import Path

CODE = Path(__file__).parent.parent
MIGRATIONS = CODE / 'db' / 'migrations' / 'versions'
KINDS = ('.py', '.html', '.sql', '.js', '.css')


def migrations() -> frozenset[str]:
    """The migrations that the code has now."""
    return frozenset(file.name for file in MIGRATIONS.glob('[0-9]*.py'))


def stamp() -> tuple[int, int]:
    """Another one once a file came, went, or was written: how many there are, and when the newest was written (ns)."""
    times = [file.stat().st_mtime_ns for file in CODE.rglob('*.py') if file.exists()]
    return len(times), max(times, default=0)
