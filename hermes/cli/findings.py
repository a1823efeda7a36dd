"""What `hermes doctor` finds: one line for each thing that was looked at."""

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
