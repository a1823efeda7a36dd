"""Who can be booked, as a visitor sees them: `sales_reps.yml` and `support_reps.yml` in the data folder, joined to
admins by `hermes_admin_id`.

A file is checked as a whole before anything of it is used; what is wrong is told with file, line and field. Who is in
no file can be booked all the same, with the admin's name and nothing else; whoever is in one and takes no calls is not
shown. A picture is a file beside it, `lee.jpg`, and `lee@2x.jpg` for fine screens.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
import yaml
from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from hermes.booking.availability import Kind, is_bookable
from hermes.domain.errors import Refused
from hermes.domain.model import Record
from hermes.domain.staff import full_name

log = structlog.get_logger(__name__)

FILES: Final[Mapping[Kind, str]] = {'sales': 'sales_reps.yml', 'support': 'support_reps.yml'}
PICTURES: Final = {'.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.png': 'image/png', '.webp': 'image/webp'}
LARGEST: Final = 512 * 1024
"""Bytes of a picture."""
SLUG: Final = re.compile(r'[a-z][a-z0-9]*(-[a-z0-9]+)*')


class RepsRefused(Refused):
    """A file of people is wrong: which, in which line, which field, and why."""


def _slug(told: str) -> str:
    if not SLUG.fullmatch(told):
        raise ValueError('small letters, digits and hyphens, beginning with a letter, such as lee-adams')
    return told


def _language(told: str) -> str:
    try:
        Locale.parse(told, sep='-')
    except (UnknownLocaleError, ValueError):
        raise ValueError('codes of languages such as en or fr') from None
    return told


def _picture(told: str) -> str:
    if Path(told).name != told or Path(told).suffix.lower() not in PICTURES:
        raise ValueError('the name of a .jpg, .png or .webp file that lies beside this one')
    return told


class Entry(BaseModel):
    """One person in a file."""

    model_config = ConfigDict(extra='forbid', str_strip_whitespace=True)

    hermes_admin_id: Annotated[int, Field(ge=1, strict=True)]
    slug: Annotated[str, Field(max_length=60), AfterValidator(_slug)]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    title: Annotated[str, Field(max_length=80)] = ''
    description: Annotated[str, Field(max_length=600)] = ''
    picture: Annotated[str, AfterValidator(_picture)] | None = None
    languages: list[Annotated[str, AfterValidator(_language)]] = Field(default_factory=list, max_length=10)
    alt_hermes_admin_id: Annotated[int, Field(ge=1, strict=True)] | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file: `name` carries a hash of what is in it, so that it can be kept for ever."""

    name: str
    content: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class Rep:
    """Somebody as a visitor sees them. `pictures`: for a plain and for a fine screen, as far as there are."""

    admin_id: int
    slug: str
    name: str
    title: str = ''
    description: str = ''
    pictures: tuple[Picture, ...] = ()
    languages: tuple[str, ...] = ()
    alternative: int | None = None

    @property
    def initials(self) -> str:
        words = self.name.split()
        return ''.join(word[0] for word in (words[0], *words[1:][-1:])).upper() if words else ''


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


def _unlisted(admin: Record) -> Rep:
    return Rep(admin.ref.id, str(admin.ref.id), full_name(admin.fields))


def load_reps(folder: Path) -> Reps:
    """The people of the files in a folder; none where there is no file. Raises RepsRefused."""
    return Reps({kind: _read(folder / name) for kind, name in FILES.items() if (folder / name).exists()})


def _read(file: Path) -> list[Rep]:
    try:
        root = yaml.compose(file.read_text('utf-8'), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RepsRefused(f'{file}, line {line}: this is not YAML: {error.problem}.') from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RepsRefused(f'{file} cannot be read: {error}.') from None
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise RepsRefused(f'{file}, line {root.start_mark.line + 1}: people are a list: each begins with "- ".')
    found: list[Rep] = []
    for node in root.value:
        entry = _entry(file, node)
        for name, told in (('hermes_admin_id', entry.hermes_admin_id), ('slug', entry.slug)):
            if told in {rep.admin_id if name == 'hermes_admin_id' else rep.slug for rep in found}:
                raise RepsRefused(f'{file}, line {_line(node, name)}: {name}: {told} stands here twice.')
        found.append(_rep(file, node, entry))
    return found


def _entry(file: Path, node: yaml.Node) -> Entry:
    raw: Any = yaml.SafeLoader('').construct_document(node)
    if not isinstance(node, yaml.MappingNode):
        raise RepsRefused(f'{file}, line {node.start_mark.line + 1}: a person is fields and values, "name: Lee Adams".')
    try:
        return Entry.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first['loc'][0])
        raise RepsRefused(f'{file}, line {_line(node, name)}: {name}: {_told(first, raw.get(name))}.') from None


def _told(problem: Any, value: Any) -> str:
    match problem['type']:
        case 'missing':
            return 'is missing'
        case 'extra_forbidden':
            return f'is none of the fields: {", ".join(Entry.model_fields)}'
        case 'value_error':
            return f'must be {str(problem["msg"]).removeprefix("Value error, ")}; not "{value}"'
        case _:
            return f'{problem["msg"][0].lower()}{problem["msg"][1:]}'


def _line(node: yaml.Node, name: str) -> int:
    """The line of a field, else of its person."""
    keys = [key for key, _ in node.value if key.value == name] if isinstance(node, yaml.MappingNode) else []
    return int((keys[-1] if keys else node).start_mark.line) + 1


def _rep(file: Path, node: yaml.Node, entry: Entry) -> Rep:
    pictures: list[Picture] = []
    if entry.picture:
        plain = file.parent / entry.picture
        fine = plain.with_stem(f'{plain.stem}@2x')
        try:
            pictures = [_load(each) for each in (plain, fine) if each == plain or each.exists()]
        except (OSError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) else error
            where = f'{file}, line {_line(node, "picture")}'
            raise RepsRefused(f'{where}: picture: {plain.name} cannot be used: {told}.') from None
    return Rep(
        entry.hermes_admin_id, entry.slug, entry.name, entry.title, entry.description, tuple(pictures),
        tuple(entry.languages), entry.alt_hermes_admin_id,
    )  # fmt: skip


def _load(file: Path) -> Picture:
    content = file.read_bytes()
    if len(content) > LARGEST:
        raise ValueError(f'it is larger than {LARGEST // 1024} KB')
    name = f'{hashlib.sha256(content).hexdigest()[:16]}{file.suffix.lower()}'
    return Picture(name, content, PICTURES[file.suffix.lower()])


class RepsFiles:
    """The people of a folder's files as they are now: read again when a file has changed. A change that is wrong is
    said once in the log, and what was right before stays.
    """

    def __init__(self, folder: Path) -> None:
        """Raises RepsRefused."""
        self._folder = folder
        self._seen = self._look()
        self._reps = load_reps(folder)

    def get(self) -> Reps:
        """Everybody of the files."""
        if (seen := self._look()) != self._seen:
            self._seen = seen
            try:
                self._reps = load_reps(self._folder)
            except RepsRefused as error:
                log.error('a file of people is wrong: those of before are shown', reason=str(error))
        return self._reps

    def _look(self) -> list[tuple[int, int] | None]:
        """What changes with the files."""
        return [_stamp(self._folder / name) for name in FILES.values()]


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        told = file.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size
