"""Questions in SOQL, put together from the mapping's names, which are checked, and from values, which are escaped.

A question travels in an address, which may have so many characters: who is asked for is split over as many as it takes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote

LONGEST_URL: Final = 15_000
"""Characters of the question as it stands in the address; the vendor takes 16 384 with everything around it."""
LONGEST_KEY: Final = 255
"""No field by which somebody is found holds more: nobody is found by a longer value."""
_ESCAPES: Final = {
    '\\': '\\\\', "'": "\\'", '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f',
}  # fmt: skip


def text(value: str) -> str:
    """A value as a literal: nothing in it ends the literal."""
    return "'" + ''.join(_ESCAPES.get(letter) or _letter(letter) for letter in value) + "'"


def _letter(letter: str) -> str:
    return f'\\u{ord(letter):04X}' if ord(letter) < 32 or letter in '\x7f\x85\u2028\u2029' else letter


def select(names: Sequence[str], source: str, where: str = '') -> str:
    """A question for these fields of an object."""
    words = ['SELECT', ','.join(dict.fromkeys(names)), 'FROM', source, *(['WHERE', where] if where else [])]
    return ' '.join(words)


def lookups(names: Sequence[str], source: str, keys: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Questions for whoever has one of the keys. A key: by field, the literal that would be found in it."""
    asked: dict[str, dict[str, None]] = {}
    empty = size = len(quote(select(names, source, 'x'), safe=''))
    for key in keys:
        more = _more(asked, key)
        if asked and size + more > LONGEST_URL:
            yield select(names, source, _where(asked))
            asked, size = {}, empty
            more = _more(asked, key)
        for name, literal in key.items():
            asked.setdefault(name, {})[literal] = None
        size += more
    if asked:
        yield select(names, source, _where(asked))


def _more(asked: Mapping[str, Mapping[str, None]], key: Mapping[str, str]) -> int:
    """By how many characters a key makes the question longer, at most."""
    told = [
        f',{literal}' if name in asked else f' OR {name} IN (,{literal})'
        for name, literal in key.items()
        if literal not in asked.get(name, ())
    ]
    return sum(len(quote(each, safe='')) for each in told)


def _where(asked: Mapping[str, Mapping[str, None]]) -> str:
    return ' OR '.join(f'{name} IN ({",".join(literals)})' for name, literals in asked.items())
