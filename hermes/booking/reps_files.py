"""The files of people, `sales_reps.yml` and `support_reps.yml`, read and kept fresh.

A file is checked as a whole before anything of it is used; what is wrong is told with file, line and field. Of YAML it
takes lists, fields and plain values: every value is the text that stands there, and nothing refers to anything else, so
that no file grows while it is read. A picture is a file beside it, `lee.jpg`, and `lee@2x.jpg` for fine screens.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
import yaml
from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from hermes.booking.availability import Kind
from hermes.booking.reps import PAGES, Picture, Rep, Reps
from hermes.domain.errors import Refused
from hermes.kit import texts

log = structlog.get_logger(__name__)

FILES: Final[Mapping[Kind, str]] = {'sales': 'sales_reps.yml', 'support': 'support_reps.yml'}
PICTURES: Final = {'.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.png': 'image/png', '.webp': 'image/webp'}
BEGINNINGS: Final = {'image/jpeg': b'\xff\xd8\xff', 'image/png': b'\x89PNG\r\n\x1a\n', 'image/webp': b'RIFF'}
MOST_BYTES: Final = 256 * 1024
"""Of a file of people."""
MOST_PICTURE_BYTES: Final = 512 * 1024
SLUG: Final = r'[a-z][a-z0-9]*(-[a-z0-9]+)*'
NOTHING: Final = 'tag:yaml.org,2002:null'


class RepsRefused(Refused):
    """A file of people is wrong: which, in which line, which field, and why."""


def _slug(told: str) -> str:
    if told in PAGES:
        raise ValueError('another one: this is the name of a page')
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


Id = Annotated[int, Field(ge=1, lt=2**63)]
Text = Annotated[str, BeforeValidator(lambda told: texts.clean(told) if isinstance(told, str) else told)]


class Entry(BaseModel):
    """One person in a file."""

    model_config = ConfigDict(extra='forbid', str_strip_whitespace=True)

    hermes_admin_id: Id
    slug: Annotated[str, Field(max_length=60, pattern=f'^{SLUG}$'), AfterValidator(_slug)]
    name: Annotated[Text, Field(min_length=1, max_length=80)]
    title: Annotated[Text, Field(max_length=80)] = ''
    description: Annotated[Text, Field(max_length=600)] = ''
    picture: Annotated[str, AfterValidator(_picture)] | None = None
    languages: list[Annotated[str, AfterValidator(_language)]] = Field(default_factory=list, max_length=10)
    alt_hermes_admin_id: Id | None = None


class Loader(yaml.SafeLoader):
    """Takes no anchor and no alias: a value is what stands there."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, 'anchor', None):
            raise yaml.MarkedYAMLError(problem='anchors (&) and aliases (*) are not used here; a value that begins '
                                       'with one stands in quotes', problem_mark=event.start_mark)  # fmt: skip
        return super().compose_node(parent, index)


def load_reps(folder: Path) -> Reps:
    """The people of the files in a folder; none where there is no file. Raises RepsRefused."""
    return Reps({kind: _read(folder / name) for kind, name in FILES.items() if (folder / name).exists()})


def _read(file: Path) -> list[Rep]:
    try:
        root = yaml.compose(_read_bytes(file, MOST_BYTES).decode('utf-8-sig'), Loader=Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RepsRefused(f'{file}, line {line}: this is not YAML: {error.problem}.') from None
    except yaml.reader.ReaderError as error:
        raise RepsRefused(f'{file} cannot be read: it has a character that nobody can see.') from error
    except RecursionError:
        raise RepsRefused(f'{file} cannot be read: it is nested too deeply.') from None
    except (OSError, ValueError) as error:
        raise RepsRefused(f'{file} cannot be read: {_reason(error)}.') from None
    if root is None or root.tag == NOTHING:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise RepsRefused(f'{file}, line {root.start_mark.line + 1}: people are a list: each begins with "- ".')
    found: list[Rep] = []
    for node in root.value:
        rep = _rep(file, node)
        for name, told in (('hermes_admin_id', rep.admin_id), ('slug', rep.slug)):
            if told in {each.admin_id if name == 'hermes_admin_id' else each.slug for each in found}:
                raise RepsRefused(f'{file}, line {_line(node, name)}: {name}: {told} stands here twice.')
        found.append(rep)
    return found


def _rep(file: Path, node: yaml.Node) -> Rep:
    entry = _entry(file, node)
    pictures: list[Picture] = []
    if entry.picture:
        plain = file.parent / entry.picture
        fine = plain.with_stem(f'{plain.stem}@2x')
        try:
            pictures = [_load(each) for each in (plain, fine) if each == plain or each.exists()]
        except (OSError, ValueError) as error:
            where = f'{file}, line {_line(node, "picture")}'
            raise RepsRefused(f'{where}: picture: {plain.name} cannot be used: {_reason(error)}.') from None
    return Rep(
        entry.hermes_admin_id, entry.slug, entry.name, entry.title, entry.description, tuple(pictures),
        tuple(entry.languages), entry.alt_hermes_admin_id, int(node.start_mark.line) + 1,
    )  # fmt: skip


def _entry(file: Path, node: yaml.Node) -> Entry:
    if not isinstance(node, yaml.MappingNode):
        raise RepsRefused(f'{file}, line {node.start_mark.line + 1}: a person is fields and values, "name: Lee Adams".')
    raw: dict[str, Any] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else '?'
        if name in raw:
            raise RepsRefused(f'{file}, line {key.start_mark.line + 1}: {name}: stands here twice.')
        raw[name] = _plain(value)
    try:
        return Entry.model_validate({name: value for name, value in raw.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first['loc'][0])
        raise RepsRefused(f'{file}, line {_line(node, name)}: {name}: {_told(first, name)}.') from None


def _plain(node: yaml.Node) -> Any:
    """The text that stands there, None for nothing; of a list the texts."""
    if isinstance(node, yaml.ScalarNode):
        return None if node.tag == NOTHING else node.value
    if isinstance(node, yaml.SequenceNode):
        return [each.value if isinstance(each, yaml.ScalarNode) else {} for each in node.value]
    return {}


def _told(problem: Any, name: str) -> str:
    match problem['type']:
        case 'missing':
            return 'is missing'
        case 'extra_forbidden':
            return f'is none of the fields: {", ".join(Entry.model_fields)}'
        case 'value_error':
            return f'must be {str(problem["msg"]).removeprefix("Value error, ")}; not "{problem["input"]}"'
        case 'string_pattern_mismatch':
            told = 'small letters, digits and hyphens, beginning with a letter, such as lee-adams'
            return f'must be {told}; not "{problem["input"]}"'
        case 'string_too_long' | 'too_long':
            most = problem['ctx']['max_length']
            return f'must have at most {most} {"entries" if isinstance(problem["input"], list) else "characters"}'
        case 'string_too_short' | 'too_short':
            return 'is empty'
        case 'list_type':
            return 'must be a list, such as [en, fr]'
        case _:
            return 'must be the number of an admin' if name.endswith('_id') else 'must be text'


def _line(node: yaml.Node, name: str) -> int:
    """The line of a field, else of its person."""
    keys = [key for key, _ in node.value if key.value == name] if isinstance(node, yaml.MappingNode) else []
    return int((keys[-1] if keys else node).start_mark.line) + 1


def _load(file: Path) -> Picture:
    if not file.resolve().is_relative_to(file.parent.resolve()):
        raise ValueError('it lies elsewhere')
    content, media_type = _read_bytes(file, MOST_PICTURE_BYTES), PICTURES[file.suffix.lower()]
    if not content.startswith(BEGINNINGS[media_type]):
        raise ValueError(f'it is no {media_type.partition("/")[2].upper()}')
    return Picture(f'{hashlib.sha256(content).hexdigest()[:16]}{file.suffix.lower()}', content, media_type)


def _read_bytes(file: Path, most: int) -> bytes:
    """Raises OSError; ValueError for what is no file, and for more than `most` bytes."""
    if file.exists() and not file.is_file():
        raise ValueError('it is no file')
    with file.open('rb') as handle:
        content = handle.read(most + 1)
    if len(content) > most:
        raise ValueError(f'it is larger than {most // 1024} KB')
    return content


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return 'it is no UTF-8 text'
    return (error.strerror or 'no reason is given') if isinstance(error, OSError) else str(error)


class RepsFiles:
    """The people of a folder's files as they are now: read again when a file has changed. A change that is wrong is
    said once in the log, and what was right before stays; for a process that has seen nothing right, names alone.
    Whoever starts Hermes is told before (`load_reps`).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, int, int]] | None = None
        self._reps = Reps()

    def get(self) -> Reps:
        """Everybody of the files."""
        if (seen := self._look()) != self._seen:
            self._seen = seen
            try:
                self._reps = load_reps(self._folder)
            except RepsRefused as error:
                log.error('a file of people is wrong: those of before are shown', reason=str(error))
        return self._reps

    def _look(self) -> dict[str, tuple[int, int, int]]:
        """What changes with the files and pictures of the folder."""
        try:
            with os.scandir(self._folder) as entries:
                return {
                    entry.name: (told.st_mtime_ns, told.st_size, told.st_ino)
                    for entry in entries
                    if Path(entry.name).suffix.lower() in ('.yml', *PICTURES) and (told := _stat(entry))
                }
        except OSError:
            return {}


def _stat(entry: 'os.DirEntry[str]') -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:
        return None
