"""Reading foreign JSON without trust: every reader returns a canonical value or raises ValueError, never anything else.

Text that a database cannot hold (NUL, lone surrogates) and numbers that are none (NaN, infinity) stop here.
Null is None and stays None; what is absent is the caller's business.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from hermes.kit.texts import tidy

_BIGGEST = 2**63 - 1
_UNSTORABLE = re.compile('[\x00\ud800-\udfff]')
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_WHOLE = re.compile(r'[+-]?\d{1,19}(\.0+)?', re.ASCII)
_TRUE = frozenset({'true', 'yes', 'y', '1', 'on'})
_FALSE = frozenset({'false', 'no', 'n', '0', 'off'})
_LONGEST_WORD = 64
_MILLISECONDS_FROM = 100_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def load_json(body: bytes | str) -> Any:
    """The JSON value in `body`; ValueError for anything that is not proper JSON."""
    try:
        text = body.decode('utf-8-sig') if isinstance(body, bytes) else body
        told = json.loads(text, parse_constant=_refuse, parse_float=_float)
        return _each_text(_scrub, told) if '\\u' in text or _UNSTORABLE.search(text) else told
    except RecursionError:
        raise ValueError('the JSON is nested too deeply') from None


def is_deep(body: bytes, most: int) -> bool:
    """Whether the JSON in `body` is nested deeper than `most`, as its brackets say; what is no JSON may be anything."""
    if body.count(b'[') + body.count(b'{') <= most:
        return False
    depth = 0
    for found in _BRACKETS.finditer(body):
        mark = found[0]
        if mark in b'[{':
            depth += 1
            if depth > most:
                return True
        elif mark in b']}':
            depth -= 1
    return False


def try_json(body: bytes | str) -> Any:
    """The JSON value in `body`; None where there is none."""
    try:
        return load_json(body)
    except ValueError:
        return None


def _refuse(name: str) -> Any:
    raise ValueError(f'{name} is no JSON number')


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError('a number is out of range')
    return number


def _scrub(told: str) -> str:
    return _UNSTORABLE.sub('\ufffd', told)


def _each_text(act: Callable[[str], str], told: Any) -> Any:
    if isinstance(told, str):
        return act(told)
    if isinstance(told, list):
        return [_each_text(act, item) for item in told]
    if isinstance(told, dict):
        return {_each_text(act, key): _each_text(act, item) for key, item in told.items()}
    return told


def put(into: dict[str, Any], key: str, source: Mapping[str, Any], name: str, read: Callable[[Any], Any]) -> None:
    """`into[key]` = what `source` says under `name`; nothing when it is absent or unreadable."""
    if name not in source:
        return
    try:
        into[key] = None if source[name] is None else read(source[name])
    except ValueError:
        return


def text(raw: Any) -> str | None:
    """What can be seen of a text (texts.py), None when empty. A number counts as its digits."""
    if isinstance(raw, str):
        return tidy(raw) or None
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return number_text(raw)
    raise ValueError('not a text')


def json_text(raw: Any) -> str | None:
    """What can be seen of a text; anything else as JSON with ordered keys: the same is the same text (TC-14)."""
    if isinstance(raw, str):
        return tidy(raw) or None
    return json.dumps(_each_text(tidy, raw), ensure_ascii=False, sort_keys=True)


def number_text(number: int | float) -> str:
    """5, 5.0 -> '5'; 0.5 -> '0.5'; never an exponent."""
    if isinstance(number, float):
        if not math.isfinite(number):
            raise ValueError('not a number')
        if number.is_integer():
            number = int(number)
    try:
        return str(number) if isinstance(number, int) else format(Decimal(repr(number)), 'f')
    except ValueError:
        raise ValueError('the number is too long') from None


def whole(raw: Any) -> int | None:
    """An integer of at most 64 bits from an int, an integral float or digits; None when empty."""
    if isinstance(raw, bool):
        raise ValueError('not a whole number')
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, str):
        raw = raw.strip()
        if not raw:
            return None
        if not _WHOLE.fullmatch(raw):
            raise ValueError('not a whole number')
        raw = int(raw.partition('.')[0])
    if not isinstance(raw, int) or abs(raw) > _BIGGEST:
        raise ValueError('not a whole number')
    return raw


def truth(raw: Any) -> bool | None:
    """A yes or no from a bool, 0, 1, or their usual words; None when empty."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and len(raw) > _LONGEST_WORD and raw.strip():
        raise ValueError('neither yes nor no')
    told = (text(raw) or '').casefold()
    if not told:
        return None
    if told in _TRUE:
        return True
    if told in _FALSE:
        return False
    raise ValueError('neither yes nor no')


def moment(raw: Any) -> datetime:
    """Aware UTC from ISO 8601 (without a zone: UTC) or from an epoch in seconds or milliseconds."""
    if isinstance(raw, str) and raw.strip():
        told = raw.strip()
        if not re.fullmatch(r'\d{9,16}(\.\d+)?', told, re.ASCII):
            try:
                at = datetime.fromisoformat(told)
                return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
            except (ValueError, OverflowError):
                raise ValueError('not a time') from None
        raw = float(told) if '.' in told else int(told)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise ValueError('not a time')
    try:
        milliseconds = raw if abs(raw) >= _MILLISECONDS_FROM else raw * 1000
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except (OverflowError, ValueError):
        raise ValueError('not a time') from None


def day(raw: Any) -> str | None:
    """The UTC date 'YYYY-MM-DD' of a date or a time; None when empty."""
    if isinstance(raw, str) and not raw.strip():
        return None
    return moment(raw).date().isoformat()


def epoch_s(at: datetime) -> int:
    """Whole seconds since 1970 of an aware datetime, rounded down."""
    return (at - _EPOCH) // timedelta(seconds=1)


def epoch_ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def http_date(raw: str | None) -> datetime | None:
    """The moment of a Date header, aware UTC; None when absent or unreadable."""
    if not raw:
        return None
    try:
        at = parsedate_to_datetime(raw)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
