"""Ids of records: 15 characters that tell apart by case, and 18 that say it again in three more, safe from case."""

from typing import Final

DIGITS: Final = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
MARKS: Final = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'
POD: Final = 'gL0'
SHORT, LONG = 15, 18
CHUNK: Final = 5


def make_id(prefix: str, number: int) -> str:
    """The 18 characters of the record of that number; `prefix` names the object in three."""
    text = ''
    for _ in range(SHORT - len(prefix) - len(POD)):
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
    short = prefix + POD + text
    return short + suffix(short)


def suffix(short: str) -> str:
    """Which of the 15 characters are capitals: a mark for every five, the first of them its lowest bit."""
    chunks = (short[at : at + CHUNK] for at in range(0, SHORT, CHUNK))
    return ''.join(MARKS[sum(1 << at for at, one in enumerate(chunk) if 'A' <= one <= 'Z')] for chunk in chunks)


def read_id(text: object) -> str | None:
    """The 18 characters of an id of 15 or of 18, whose case the last three repair; None for what is no id."""
    if not isinstance(text, str) or not text.isascii() or not text.isalnum():
        return None
    if len(text) == SHORT:
        return text + suffix(text)
    if len(text) != LONG or any(one not in MARKS for one in text[SHORT:].upper()):
        return None
    marks = [MARKS.index(one) for one in text[SHORT:].upper()]
    short = ''.join(
        one.upper() if marks[at // CHUNK] >> at % CHUNK & 1 else one.lower() for at, one in enumerate(text[:SHORT])
    )
    return short + suffix(short) if suffix(short) == text[SHORT:].upper() else None
