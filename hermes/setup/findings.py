"""What is found when an installation is looked at: one line for each thing."""

from dataclasses import dataclass
from typing import Literal

State = Literal['ok', 'todo', 'skipped']
LATE_S = 120.0
"""Longer than this nothing of ours may wait."""
CREDENTIALS = ' credentials'
"""How the name of a finding ends that tells whether a system answered."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do."""

    name: str
    state: State
    said: str
    todo: str = ''


def some(names: list[str], most: int = 6) -> str:
    """The first of a list, and how many more there are."""
    return ', '.join(names[:most]) + (f' and {len(names) - most} more' if len(names) > most else '')
