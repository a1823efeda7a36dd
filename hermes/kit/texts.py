"""The door for foreign text: how much of it anybody looks at, before anything normalises, matches or parses it, and the
one cleaning for every door.

A text is measured first, by code points and by bytes, which costs next to nothing; what is too long is refused or cut.
Only then is it composed, and never with more combining marks in a row than any writing has: to bring n marks into
their order takes n * n steps. Nobody else calls `unicodedata.normalize` (the lint says so). Cleaning takes away what
nobody can see, and leaves what people do see as it is; a second time it changes nothing.
"""

import json
import re
import unicodedata
from collections.abc import Callable
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
"""Invisible, and part of the spelling in some scripts and of emoji."""
VARIATIONS: Final = '\ufe0e\ufe0f'
"""Invisible, and what makes a symbol a letter's or an emoji's."""
NOTHING: Final = re.compile(
    # Controls, half surrogates, and what Unicode calls Default_Ignorable_Code_Point (with the annotation marks).
    '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e'
    '\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb'
    '\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]'
)
SPELLING: Final = re.compile(f'[{JOINERS}{VARIATIONS}]+')
_LINES: Final = re.compile('\r\n?|[\x85\u2028\u2029]')
_SPACE: Final = re.compile(r'[^\S\n\t]')
_CASED: Final = ('Lu', 'Ll', 'Lt')


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


def read_number(text: str) -> int | None:
    """A whole number from 0 on, as rows are numbered: plain digits that a column of PostgreSQL holds; None for all
    else, which may be digits to Unicode and none to `int`, or more of them than anybody should convert.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


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
    """A text as people see it, each stretch of space one space. Cut it before, or ask `fits`."""
    return ' '.join(tidy(text).split())


def tidy(text: str) -> str:
    """A text as people see it, lines kept: composed, without what nobody can see, with plain spaces and line feeds,
    trimmed. Case, width, and what joins letters and emoji stay.
    """
    return text.strip() if text.isascii() and text.isprintable() else until_same(_tidy, text)


def until_same(act: Callable[[str], str], text: str) -> str:
    """Taking something away can bring together what is composed, or part what was joined: until nothing changes."""
    while (done := act(text)) != text:
        text = done
    return text


def _tidy(text: str) -> str:
    plain = NOTHING.sub('', _LINES.sub('\n', composed(text)))
    return composed(SPELLING.sub(_spelled, _SPACE.sub(' ', plain))).strip()


def _spelled(found: re.Match[str]) -> str:
    """What joins two letters of a script without case, or two symbols, stays, and so does a symbol's own variation."""
    before, after = found.string[found.start() - 1 : found.start()], found.string[found.end() : found.end() + 1]
    alone = not found.group().strip(VARIATIONS)
    return found.group() if _joins(before) and (alone or _joins(after)) else ''


def _joins(letter: str) -> bool:
    return bool(letter) and not letter.isascii() and unicodedata.category(letter) not in _CASED
