"""How every command speaks: one answer, printed as JSON, as tables on a terminal, or as plain lines elsewhere.

Foreign text never reaches a terminal raw: whatever is printed goes through here, where control characters and marks of
direction are shown escaped, and rich's markup is off. A command that cannot do what it was asked says so in one plain
sentence on stderr and ends with exit code 1.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from hermes.cli.tables import Column as Column
from hermes.cli.tables import draw
from hermes.domain.errors import HermesError
from hermes.kit.durations import show_duration as show_duration
from hermes.kit.texts import visible, visible_json

CLEAN, FAILED, ATTENTION = 0, 1, 2
"""Exit codes: all is well, the command was refused or could not be done, something needs a person."""

PATIENCE_S = 1.0
"""So long a step may last before it says what it does."""

JsonFlag = Annotated[bool, typer.Option('--json', help='Print the answer as JSON.')]

Row = Mapping[str, Any]


def print_json(value: Any) -> None:
    """`value` as JSON; dataclasses as objects, times in ISO 8601."""
    typer.echo(visible_json(json.dumps(value, default=_encode, ensure_ascii=False, indent=2)))


def print_rows(columns: Sequence[Column], rows: Iterable[Row], *, empty: str = 'none', title: str = '') -> None:
    """A listing: a rich table on a terminal, else lines with aligned columns."""
    cells = [[show(row.get(column.key)) for column in columns] for row in rows]
    if not cells:
        return say(f'{title}: {empty}' if title else empty)
    if not sys.stdout.isatty():
        return _print_plain(columns, cells, title)
    draw(columns, cells, title)


def print_pairs(pairs: Iterable[tuple[str, Any]]) -> None:
    """`name  value` lines, the names padded to one width."""
    shown = [(name, show(value)) for name, value in pairs]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        say(f'{name.ljust(width)}  {value}')


def say(text: str = '', *, end: str = '\n') -> None:
    """Plain lines."""
    typer.echo(visible(text, '\n') + end, nl=False)


def alarm(text: str) -> None:
    """One line about what is wrong: red on a terminal that has colours."""
    plain = 'NO_COLOR' in os.environ or os.environ.get('TERM') == 'dumb'
    typer.secho(visible(text), fg=None if plain else 'red')


def warn(text: str) -> None:
    """Plain lines on stderr."""
    typer.echo(visible(text, '\n'), err=True)


def prompt(question: str) -> str:
    """What the person at the terminal types."""
    return input(visible(question))


def show(value: Any) -> str:
    """A value as people read it, safe for a terminal; times are UTC, to the second."""
    if value is None:
        return '—'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, datetime):
        return value.strftime('%Y-%m-%d %H:%M:%SZ')
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict | list | tuple):
        return clean(json.dumps(value, default=_encode, ensure_ascii=False))
    return str(value)


def clean(text: str) -> str:
    """`text` on one line, with everything that could steer a terminal escaped."""
    return visible(text)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what people can do something about into one sentence and exit code 1; anything else is a bug and stays
    one.
    """
    from hermes.cli.failures import advise_database
    from hermes.db.connections import SCHEMA_MISSING, DatabaseAway

    try:
        yield
    except HermesError as error:
        warn(clean(str(error)))
        raise typer.Exit(FAILED) from None
    except SCHEMA_MISSING:
        warn('The database has no (or an older) schema: run "hermes db upgrade" first.')
        raise typer.Exit(FAILED) from None
    except DatabaseAway as error:
        told = clean(str(error).strip().splitlines()[0]) if str(error).strip() else 'no answer'
        warn(f'The database cannot be used: {told}. {advise_database()}')
        raise typer.Exit(FAILED) from None


@contextmanager
def announcing(what: str) -> Iterator[None]:
    """Say on stderr what is being done, if it takes longer than a person likes to wait without a word."""
    from threading import Timer

    timer = Timer(PATIENCE_S, warn, (f'{what} ...',))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def progress(label: str, total: int) -> Iterator['Progress']:
    """A progress bar on a terminal, a line at every tenth elsewhere; on stderr, so that `--json` stays clean."""
    if not sys.stderr.isatty():
        yield Progress(label, total)
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield Progress(label, total, lambda: bar.advance(task))


class Progress:
    """Counts steps; `advance` once for each."""

    def __init__(self, label: str, total: int, tick: Any = None) -> None:
        self.label, self.total, self.done, self.tick = label, total, 0, tick

    def advance(self) -> None:
        self.done += 1
        if self.tick:
            self.tick()
        elif self.total >= 10 and self.done * 10 // self.total > (self.done - 1) * 10 // self.total:
            warn(f'{self.label}: {self.done} of {self.total}')


def _print_plain(columns: Sequence[Column], cells: Sequence[Sequence[str]], title: str) -> None:
    if title:
        say(title)
    lines = [[column.title for column in columns], *cells]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        padded = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        )
        say('  '.join(padded).rstrip())


def _encode(value: Any) -> Any:
    from dataclasses import asdict, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
