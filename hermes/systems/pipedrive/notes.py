"""The note of an activity: lines of plain text to us, HTML to the CRM, and the marker line that names our meeting.

Activities have no custom fields, so the marker is the key by which a creation is found again (OUT-4). Everything in a
note is escaped, and every line of it is one line, so that nobody's text can be read as markup or as the marker.
"""

import html
import re
from typing import Final

_BREAK: Final = re.compile(r'<br\s*/?>|</(?:p|div|li|ul|ol|h\d)>', re.IGNORECASE)
_TAG: Final = re.compile(r'<[^<>]*>')
_MARKER: Final = re.compile(r'Hermes meeting ([1-9]\d{0,18})', re.ASCII)


def line(value: object) -> str:
    """A value on one line."""
    return ' '.join(str(value).split())


def write(text: str | None, meeting: int | None) -> str:
    """The HTML of a note, ending with the marker of a meeting."""
    lines = [*(text or '').splitlines(), *([f'Hermes meeting {meeting}'] if meeting else [])]
    return '<br>'.join(html.escape(line(each), quote=False) for each in lines)


def read(note: str) -> tuple[str | None, list[int]]:
    """(text without the marker, the meeting that it names or nothing) of a note as the CRM says it: people and the CRM
    wrap lines in markup of their own, and people write below the marker.
    """
    plain = html.unescape(_TAG.sub('', _BREAK.sub('\n', note)))
    lines = [line(each) for each in plain.splitlines()]
    places = [place for place, each in enumerate(lines) if _MARKER.fullmatch(each)]
    named: list[int] = []
    if places and (found := _MARKER.fullmatch(lines.pop(places[-1]))):
        named = [int(found[1])]
    return '\n'.join(lines).strip() or None, named
