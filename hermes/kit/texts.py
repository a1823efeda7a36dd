"""The door for foreign text: how much of it anybody looks at, before anything normalises, matches or parses it.

A text is measured first, by code points and by bytes, which costs next to nothing; what is too long is refused or cut.
Only then is it composed, and never with more combining marks in a row than any writing has: to bring n marks into
their order takes n * n steps. Nobody else calls `unicodedata.normalize` (the lint says so).
"""

import json
import unicodedata
from typing import Final, Literal

MARKS: Final = 30
"""Combining marks in a row that are kept (Unicode Standard Annex 15, stream-safe text)."""
SLACK: Final = 4
"""A text may be so many times as long as what is kept of it: decomposed letters, spaces, what is invisible."""
BYTES: Final = 8
"""Bytes in UTF-8 for each code point that is kept."""
HIDDEN: Final = '\u0f73\u0f75\u0f81\uff9e\uff9f'
"""Letters of which nothing but marks is left."""
JOINERS: Final = '\u200c\u200d'
"""Invisible, and part of the spelling in some scripts."""


def visible(text: str, keep: str = '') -> str:
    """`text` with everything escaped that could steer a terminal or hide in it (control characters, C1 and direction
    marks among them), but for the characters in `keep`.
    """
    if text.isprintable():
        return text
    return ''.join(mark if mark.isprintable() or mark in keep else _escape(mark) for mark in text)


def visible_json(text: str) -> str:
    """The same of JSON, which stays what it says."""
    if text.isprintable():
        return text
    return ''.join(mark if mark.isprintable() or mark == '\n' else json.dumps(mark)[1:-1] for mark in text)


def _escape(mark: str) -> str:
    return mark.encode('unicode_escape').decode()


def fits(text: str, most: int) -> bool:
    """Whether a text is worth reading where at most `most` code points are kept."""
    return len(text) <= most * SLACK and len(text.encode('utf-8', 'surrogatepass')) <= most * BYTES


def cut(text: str, most: int) -> str:
    """As much of a text as is read where `most` code points are kept."""
    return text[: most * SLACK].encode('utf-8', 'ignore')[: most * BYTES].decode('utf-8', 'ignore')


def composed(text: str, form: Literal['NFC', 'NFKC', 'NFKD'] = 'NFC') -> str:
    """`text` in a normal form, in linear time. Cut it before: every code point is looked at."""
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) or letter in HIDDEN else 0
        if marks <= MARKS:
            kept.append(letter)
    return unicodedata.normalize(form, ''.join(kept))


def clean(text: str) -> str:
    """A text without control characters, composed, each stretch of space one space. Cut it before, or ask `fits`."""
    kept = (
        ' ' if letter.isspace() else letter
        for letter in composed(text.encode('utf-8', 'ignore').decode())
        if letter.isspace() or letter in JOINERS or not unicodedata.category(letter).startswith('C')
    )
    return ' '.join(''.join(kept).split())
