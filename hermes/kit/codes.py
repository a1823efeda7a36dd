"""One-time codes that people read from one screen and type into another."""

import secrets
from typing import Final

LETTERS: Final = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789'
"""Without what looks alike."""


def new_code() -> str:
    """'K7QF-2MXB-9HTD-4WZP': 79 bits."""
    raw = [secrets.choice(LETTERS) for _ in range(16)]
    return '-'.join(''.join(raw[at : at + 4]) for at in range(0, 16, 4))


def read_code(told: str) -> str:
    """A code as somebody types it."""
    return ''.join(filter(str.isalnum, told.upper()))
