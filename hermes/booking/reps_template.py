"""The files of people as they are begun: a comment that tells what can stand in them, and whoever takes calls already.

A file that is there is never touched.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from hermes.booking.availability import Kind, is_bookable
from hermes.booking.reps import PAGES
from hermes.booking.reps_files import FILES
from hermes.domain.errors import Refused
from hermes.domain.model import Record
from hermes.domain.staff import full_name
from hermes.kit import texts

WHO: Final[Mapping[Kind, str]] = {'sales': 'Who sells', 'support': 'Who supports'}
TEMPLATE: Final = """\
# {who}, as visitors of the booking pages see them, in this order. Whoever takes such calls and is not named here is
# shown below, with a name and nothing else; whoever is named and takes no calls is not shown. A change counts at once;
# "hermes setup people --check" says whether it is right.
#
# - hermes_admin_id: 7          # the number of "hermes admins list"
#   slug: lee-adams             # the end of the page's address: small letters, digits and hyphens
#   name: Lee Adams
#   title: Head of sales        # from here on everything may be left out
#   description: Two or three sentences, at most 600 characters.
#   picture: lee.jpg            # a square .jpg, .png or .webp beside this file, 96 pixels wide;
#                               # lee@2x.jpg, twice as wide, is for fine screens
#   languages: [en, fr]
#   alt_hermes_admin_id: 9      # who is proposed when this calendar is full
"""


def begin_file(folder: Path, kind: Kind, entries: Sequence[Mapping[str, Any]]) -> Path | None:
    """Write the file of a kind with these people; None where there is one. Raises Refused."""
    file = folder / FILES[kind]
    told = yaml.safe_dump(list(entries), allow_unicode=True, sort_keys=False, width=110)
    people = f'\n{told}' if entries else ''
    return file if _begin(file, (TEMPLATE.format(who=WHO[kind]) + people).encode()) else None


def begin_picture(folder: Path, name: str, content: bytes) -> None:
    """Put a picture beside the files, unless there is one of this name. Raises Refused."""
    _begin(folder / name, content)


def entries_of(kind: Kind, admins: Mapping[int, Record]) -> list[dict[str, Any]]:
    """An entry for everybody who takes calls of a kind, by name."""
    here = sorted((full_name(each.fields), key) for key, each in admins.items() if is_bookable(each, kind))
    slugs: set[str] = set()
    found: list[dict[str, Any]] = []
    for name, key in here:
        slug = slug_of(name, key, slugs)
        slugs.add(slug)
        found.append({'hermes_admin_id': key, 'slug': slug, 'name': texts.clean(name)[:80].strip() or f'Admin {key}'})
    return found


def _begin(file: Path, content: bytes) -> bool:
    """Write a file, in a folder that is made if need be; False where there is one. Raises Refused."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f'{file.parent} cannot be made: {error.strerror}.') from None
    try:
        with file.open('xb') as fresh:
            fresh.write(content)
    except FileExistsError:
        return False
    except OSError as error:
        raise Refused(f'{file} cannot be written: {error.strerror}.') from None
    return True


def slug_of(name: str, admin_id: int, taken: Collection[str] = ()) -> str:
    """A name as the end of an address: 'lee-adams'; 'person-7' for one in other letters, or one that is `taken`."""
    plain = texts.composed(texts.cut(name, 80), 'NFKD')
    bare = ''.join(mark for mark in plain if not unicodedata.combining(mark))
    words = '' if any(mark.isalpha() and not mark.isascii() for mark in bare) else bare.lower()
    slug = re.sub(r'[^a-z0-9]+', '-', words)[:60].strip('-')
    free = slug[:1].isalpha() and not slug.startswith('person-') and slug not in {*taken, *PAGES}
    return slug if free else f'person-{admin_id}'
