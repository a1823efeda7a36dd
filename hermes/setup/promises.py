"""The promises of Hermes as its reference pages list them: an id, and what stands beside it in its table.

The pages stand beside the code, in a checkout as in the image.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hermes.domain.errors import Refused
from hermes.kit.installation import CODE

PAGES = CODE / 'docs' / 'reference'
LISTS = {
    'behaviour.md': 'behaviour',
    'call-booker.md': 'behaviour',
    'app-users.md': 'behaviour',
    'admin.md': 'behaviour',
    'invariants.md': 'invariant',
    'lessons.md': 'lesson',
}
ID = re.compile(r'[A-Z][A-Z0-9]*(?:-[A-Z]+)*-?\d+')
CELL = re.compile(r'(?<!\\)\|')
MARKS = re.compile(r'\*\*|`|\[([^\]]*)\]\([^)]*\)')


@dataclass(frozen=True, slots=True)
class Promise:
    """One row of a list: `told` is each title of the table with what stands under it."""

    id: str
    kind: str
    page: str
    told: tuple[tuple[str, str], ...]

    @property
    def group(self) -> str:
        """The id without its number: `PD-ORG` of PD-ORG-3."""
        return self.id.rstrip('0123456789').rstrip('-')


@cache
def promises() -> tuple[Promise, ...]:
    """Every promise, in the order of the pages. Raises Refused where this installation has no pages."""
    pages = [(PAGES / page, kind) for page, kind in LISTS.items() if (PAGES / page).exists()]
    if not pages:
        raise Refused(f'This installation came without its reference pages ({PAGES}).')
    return tuple(promise for page, kind in pages for promise in _read(page, kind))


def _read(page: Path, kind: str) -> Iterator[Promise]:
    titles: list[str] = []
    for line in page.read_text(encoding='utf-8').splitlines():
        cells = [_plain(cell) for cell in CELL.split(line.strip())[1:-1]]
        if not cells:
            titles = []
        elif not titles:
            titles = cells
        elif ID.fullmatch(cells[0]):
            yield Promise(cells[0], kind, page.name, tuple(zip(titles[1:], cells[1:], strict=False)))


def _plain(cell: str) -> str:
    """A cell without its marks."""
    return MARKS.sub(lambda found: found[1] or '', cell).replace('\\|', '|').strip()


def find_promises(text: str) -> list[Promise]:
    """Those that `text` names: an id, or a group such as TC or PD-ORG. Raises Refused, with what is near, for none."""
    wanted = text.strip().upper()
    found = [each for each in promises() if each.id == wanted] or [each for each in promises() if each.group == wanted]
    if not found:
        from difflib import get_close_matches

        near = get_close_matches(wanted, list(dict.fromkeys(each.id for each in promises())), n=5)
        more = f' Near to it: {", ".join(near)}.' if near else ''
        raise Refused(f'"{text.strip()}" is no id of a promise: they look like TC-9, MATCH-2 or I4.{more}')
    return found
