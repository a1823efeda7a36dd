"""What is exported is data in every spreadsheet, never a formula (S23)."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hermes.kit.sheets import cell, lines

HOSTILE = [
    '=1+1', '=HYPERLINK("http://evil.example","Click")', '+44 20 7946 0000', '-2+3+cmd|\' /C calc\'!A0', '@SUM(1+9)',
    '\t=1+1', '\r=1+1', '\n=1+1', ' =1+1', '\u00a0=1+1', '\u200b=1+1', '\ufeff=1+1', '\uff1d1+1',
    '\uff0b1', '\uff0d1+1', '\uff20A1', '\u22121+1',
    '%0A=1+1', '|calc', '\x00=1+1', '\x0b=1+1',
]  # fmt: skip


@pytest.mark.invariant('S23')
@pytest.mark.parametrize('text', HOSTILE)
def test_no_text_is_a_formula(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize(
    ('value', 'shown'),
    [
        (None, ''), (True, 'true'), (False, 'false'), (-5, '-5'), (Decimal('-5.20'), '-5.20'), ('-5.20', '-5.20'),
        ('+7', '+7'), ('Ember Tutors', 'Ember Tutors'), ("'quoted", "'quoted"), ('a=b', 'a=b'),
        (datetime(2026, 3, 2, 9, tzinfo=UTC), '2026-03-02T09:00:00+00:00'), ('a\x00b', 'ab'), ('', ''),
    ],
)  # fmt: skip
def test_what_is_none_stays_as_it_is(value: Any, shown: str) -> None:
    assert cell(value) == shown


@pytest.mark.invariant('S23')
def test_no_other_separator_cuts_a_cell_in_two() -> None:
    text = ''.join(lines(['name', 'note'], [['a;=1+1', 'b\t=1+1'], ['"', 'x,y\nz']]))
    read = list(csv.reader(io.StringIO(text)))
    assert read == [['name', 'note'], ['a;=1+1', 'b\t=1+1'], ['"', 'x,y\nz']]
    assert all(line.startswith('"') for line in text.split('\r\n') if line)
