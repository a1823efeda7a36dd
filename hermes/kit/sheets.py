"""Rows as CSV that a spreadsheet may open: no cell of it is a formula there, whoever wrote the text (S23).

Every cell is quoted, so that no other separator of a program's country cuts a text in two; a text that a spreadsheet
would take for a formula begins with an apostrophe. Numbers stay numbers.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

FORMULA: Final = re.compile(r'[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20\u2212|%]|[\t\r\n]')
NUMBER: Final = re.compile(r'[+-]?\d{1,15}([.,]\d{1,15})?', re.ASCII)
UNSEEN: Final = re.compile(r'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]')


def cell(value: Any) -> str:
    """A value as the text of one cell; nothing is the empty text."""
    if value is None:
        return ''
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = UNSEEN.sub('', str(value))
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The file, line by line: the names of the columns, then a line each row."""
    yield _line(columns)
    for row in rows:
        yield _line(row)


def _line(row: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([cell(value) for value in row])
    return out.getvalue()
