"""Salesforce's ids: 15 characters in which case counts, or those and three that say where the capitals are (AU-14).

Both are the same id. The longer form is the one that is kept: it survives whoever ignores case.
"""

import re
from typing import Final

SHORT: Final = 15
_ID: Final = re.compile(r'[A-Za-z0-9]{15}(?:[A-Za-z0-5]{3})?', re.ASCII)
_CHECKS: Final = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'


def long_id(told: object) -> str:
    """The id with 18 characters. Raises ValueError for what is none, or was written down wrongly."""
    if not isinstance(told, str) or not _ID.fullmatch(told):
        raise ValueError('not an id')
    short = told[:SHORT]
    whole = short + ''.join(_check(short[start : start + 5]) for start in range(0, SHORT, 5))
    if len(told) > SHORT and told[SHORT:].upper() != whole[SHORT:]:
        raise ValueError('the last three characters of the id do not fit the others')
    return whole


def try_id(told: object) -> str | None:
    """The same; None for what is none."""
    try:
        return long_id(told)
    except ValueError:
        return None


def _check(five: str) -> str:
    return _CHECKS[sum(1 << place for place, letter in enumerate(five) if letter.isupper())]
