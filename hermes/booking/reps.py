"""Who can be booked, as a visitor sees them: people of the files (`reps_files`), joined to admins by `hermes_admin_id`.

Who is in no file can be booked all the same, with the admin's name and nothing else; whoever is in one and takes no
calls is not shown.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hermes.booking.availability import ROLES, Kind, is_bookable
from hermes.domain.model import Record
from hermes.domain.staff import full_name

PAGES = ('question', 'revenue', 'choose', 'anyone')
"""Pages beside those of people, so that nobody may be called so in an address."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file: `name` carries a hash of what is in it, so that it can be kept for ever."""

    name: str
    content: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class Rep:
    """Somebody as a visitor sees them. `pictures`: for a plain and for a fine screen, as far as there are; `line`: of
    their file.
    """

    admin_id: int
    slug: str
    name: str
    title: str = ''
    description: str = ''
    pictures: tuple[Picture, ...] = ()
    languages: tuple[str, ...] = ()
    alternative: int | None = None
    line: int = 0

    @property
    def initials(self) -> str:
        """The first letters of the first and the last word, with their marks, in any script."""
        found = [letter for word in self.name.split() if (letter := _initial(word))]
        return ''.join((*found[:1], *found[1:][-1:]))


@dataclass(frozen=True, slots=True)
class Reps:
    """Everybody of the files, by kind, in the files' order."""

    listed: Mapping[Kind, Sequence[Rep]] = field(default_factory=dict)

    def bookable(self, kind: Kind, admins: Mapping[int, Record]) -> list[Rep]:
        """Those who take calls of a kind now: of the file in its order, then whoever is in none, by name."""
        here = {key: admin for key, admin in admins.items() if is_bookable(admin, kind)}
        shown = [rep for rep in self.listed.get(kind, ()) if rep.admin_id in here]
        others = [_unlisted(here[key]) for key in here.keys() - {rep.admin_id for rep in shown}]
        return [*shown, *sorted(others, key=lambda rep: (rep.name, rep.admin_id))]

    def pictures(self) -> Iterator[Picture]:
        for reps in self.listed.values():
            for rep in reps:
                yield from rep.pictures


def why_hidden(admin: Record | None, kind: Kind) -> str:
    """Why a visitor does not see somebody of a file; '' for who takes calls of this kind."""
    if admin is None or admin.gone:
        return 'there is no such admin'
    if is_bookable(admin, kind):
        return ''
    if admin.fields.get('active') is False:
        return 'not active'
    if admin.fields.get('bookable') is False:
        return 'not bookable'
    if not admin.fields.get(ROLES[kind]):
        return f'no {kind} person'
    return 'without an e-mail address, so without a calendar'


def _unlisted(admin: Record) -> Rep:
    return Rep(admin.ref.id, str(admin.ref.id), full_name(admin.fields))


def _initial(word: str) -> str:
    start = next((place for place, letter in enumerate(word) if letter.isalnum()), None)
    if start is None:
        return ''
    end = start + 1
    while end < len(word) and unicodedata.category(word[end]).startswith('M'):
        end += 1
    return word[start].upper()[:1] + word[start + 1 : end]
