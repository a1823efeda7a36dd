"""Tables on a terminal: what is wrong is red, and where columns would have no room, each row is a block of lines."""

from collections.abc import Sequence
from dataclasses import dataclass

WRONG = frozenset({'parked', 'held', 'refused', 'failed', 'paused', 'blocked', 'missing', 'overdue', 'late'})
"""First words of a cell that ask for a person."""
LEAST = 12
"""So many places a column gets, or the table is told line by line."""
NOTHING = ('', '—')


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a listing: the key in each row, its title, and whether it is a number (aligned right)."""

    key: str
    title: str
    right: bool = False


def draw(columns: Sequence[Column], cells: Sequence[Sequence[str]], title: str = '', *, framed: bool = False) -> None:
    """Print cells that are safe for a terminal."""
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    if is_narrow(columns, cells, console.width):
        console.print(Text('\n'.join(blocks(columns, cells, title))), soft_wrap=True)
        return
    frame = box.SQUARE if framed else box.HEAVY_HEAD
    table = Table(title=title or None, title_justify='left', pad_edge=framed, box=frame)
    for column in columns:
        table.add_column(column.title, justify='right' if column.right else 'left', overflow='fold')
    for line in cells:
        shown = zip(columns, line, strict=True)
        table.add_row(*(Text(cell, style='red' if is_wrong(column, cell) else '') for column, cell in shown))
    console.print(table)


def is_narrow(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> bool:
    """True if the columns do not fit into `width` places, and would get too few of them."""
    widest = [max(len(text) for text in texts) for texts in zip([each.title for each in columns], *cells, strict=True)]
    return sum(widest) + 3 * len(widest) > width and width < LEAST * len(columns)


def is_wrong(column: Column, cell: str) -> bool:
    """True if a cell says that something is wrong."""
    words = cell.casefold().split()
    return cell not in NOTHING and (column.key == 'problem' or (bool(words) and words[0] in WRONG))


def blocks(columns: Sequence[Column], cells: Sequence[Sequence[str]], title: str = '') -> list[str]:
    """Each row as lines `TITLE  value`, without what says nothing."""
    width = max(len(column.title) for column in columns)
    lines = [title] if title else []
    for row in cells:
        told = [(column.title, cell) for column, cell in zip(columns, row, strict=True) if cell not in NOTHING]
        lines += [f'{name.ljust(width)}  {cell}' for name, cell in told] + ['']
    return lines[:-1]
