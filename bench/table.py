"""A line of the report, and how lines are shown."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: `aim` is what the invariants ask for, `limit` what the machine itself can do."""

    id: str
    what: str
    figure: str
    aim: str = ''
    limit: str = ''


def show(rows: Iterable[Row]) -> None:
    """Print the report."""
    table = Table('id', 'what', 'figure', 'aim', 'limit')
    for row in rows:
        table.add_row(row.id, row.what, row.figure, row.aim, row.limit)
    Console(width=140).print(table)
