"""A line of the report, and how lines are shown: a Markdown table, ready to be kept (docs/reference/speed.md)."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

HEAD = ('id', 'what', 'figure', 'aim', 'limit')


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: `aim` is what the invariants ask for, `limit` what the machine itself can do."""

    id: str
    what: str
    figure: str
    aim: str = ''
    limit: str = ''


def show(rows: Iterable[Row], seconds: float, load_before: float) -> None:
    """Print the report. `load_before`: how busy the machine was before it was measured."""
    at = datetime.now(UTC).strftime('%Y-%m-%d %H:%M UTC')
    print(f'{at}, {os.cpu_count()} cores, Python {platform.python_version()}, {seconds:.0f} s in all.')
    print(f'Load of the machine (one minute) before: {load_before:.1f}, after, with what was measured:', end=' ')
    print(f'{os.getloadavg()[0]:.1f}.\n')
    for cells in (HEAD, ['---'] * len(HEAD), *((row.id, row.what, row.figure, row.aim, row.limit) for row in rows)):
        print(f'| {" | ".join(cell.replace("|", "/") for cell in cells)} |')
