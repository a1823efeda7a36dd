"""A story's rows as a form that other companies fill in: texts with places, and what belongs into each place.

A place is a name, a number, an id or a time; nothing else of a row is touched. Bodies are read as the text that they
are, keys of deliveries are drawn anew.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from operator import itemgetter
from typing import Any, Final

import psycopg

from tools.demo_big import names
from tools.demo_big.stories import RANGES

Row = tuple[str | None, ...]
TOKEN: Final = re.compile(
    r"""
      (?<![\w.])1[789]\d{11}(?!\w)                                # a moment in milliseconds
    | (?<![\w.])1[789]\d{8}(?!\w)                                 # a moment in seconds
    | (?<![\w.])7[1-4]\d{7}(?!\w)                                 # an id
    | 20[2-9]\d-[01]\d-[0-3]\d[T\ ][0-2]\d:[0-5]\d:[0-5]\d        # a moment
    | 20[2-9]\d-[01]\d-[0-3]\d(?!\d)                              # a day
    | 2079\d{6}                                                   # a phone number
    | [Zz]qco\d{3}[ -][Zz]qco\d{3}                                # a company's name
    | [Zz]q(?:dom|uid)\d{3}(?:\.example)?                         # its domain, the stable part of a meeting
    | [Zz]q(?:fi|la|em)\d{4}                                      # its people
    | @KEY\d+@                                                    # the key of a delivery
    """,
    re.VERBOSE,
)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SPAN: Final = 1_000_000
"""So many ids has a range."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is copied of a table: its columns as text, and by what its rows are told apart."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def reading(self) -> str:
        shown = ', '.join(_as_text(self.name, column) for column in self.columns)
        return f'select {shown} from {self.name} order by {", ".join(self.key)}'


def _as_text(table: str, column: str) -> str:
    if (table, column) == ('event', 'body'):
        return "convert_from(body, 'UTF8')"
    if (table, column) == ('event', 'dedupe_key'):
        return "'@KEY' || id || '@'"
    return f'"{column}"::text'


def read_tables(connection: psycopg.Connection[Any], wanted: Iterable[str]) -> dict[str, Table]:
    """The columns and primary keys of some tables."""
    found = {}
    for name in wanted:
        columns = connection.execute(
            'select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped '
            "and attgenerated = '' order by attnum",
            (name,),
        ).fetchall()
        key = connection.execute(
            'select a.attname from pg_index i, unnest(i.indkey) with ordinality as k(number, place), pg_attribute a '
            'where i.indrelid = %s::regclass and i.indisprimary and a.attrelid = i.indrelid and a.attnum = k.number '
            'order by k.place',
            (name,),
        ).fetchall()
        found[name] = Table(name, tuple(each for (each,) in columns), tuple(each for (each,) in key))
    return found


def encode(table: str, column: str, value: str | None) -> str:
    """A value as COPY takes it; a body is bytes, which are written as text with its backslashes doubled."""
    if value is None:
        return r'\N'
    if (table, column) == ('event', 'body'):
        value = value.replace('\\', '\\\\')
    return value.replace('\\', '\\\\').replace('\t', r'\t').replace('\n', r'\n').replace('\r', r'\r')


@dataclass(slots=True)
class Form:
    """One row: a text with places, which of the story's tokens go there, and (of an event) which event it is."""

    text: str
    pick: Callable[[Sequence[str]], tuple[str, ...]]
    places: tuple[int, ...]
    of_event: int = -1

    def fill(self, values: Sequence[str]) -> str:
        return self.text % self.pick(values)


@dataclass
class Template:
    """The forms of all rows of a story, table by table. `events`: when each arrived, in seconds after it began."""

    began: float
    tokens: list[str] = field(default_factory=list)
    forms: dict[str, list[Form]] = field(default_factory=dict)
    events: list[float] = field(default_factory=list)
    event_ids: dict[int, int] = field(default_factory=dict)
    applied: dict[int, int] = field(default_factory=dict)
    snapshot: int = -1
    """The last event of the story that said nothing new."""
    ended: float = 0.0
    rules: list[tuple[str, Any, Any]] = field(default_factory=list)

    @property
    def lasts_s(self) -> float:
        return self.ended - self.began


def make(tables: Mapping[str, Table], rows: Mapping[str, Sequence[Row]], shared: Mapping[str, str]) -> Template:
    """The template of the rows of one story. `shared`: what stands for what already (admins, stages, ...)."""
    told = {name: [dict(zip(tables[name].columns, row, strict=True)) for row in found] for name, found in rows.items()}
    moments = [_seconds(str(row['received_at'])) for row in told['event']]
    template = Template(moments[0] if moments else 0.0)
    template.events = [moment - template.began for moment in moments]
    template.event_ids = {int(str(row['id'])): place for place, row in enumerate(told['event'])}
    _order_applied(template, told['event'])
    index: dict[str, int] = {}
    for name, found in told.items():
        table = tables[name]
        template.forms[name] = [_form(table, row, index, shared, template.event_ids) for row in found]
    for place, row in enumerate(told['event']):
        if row['kind'] == 'webhook' and row['state'] == 'done' and '"changes": 0' in str(row['outcome']):
            template.snapshot = place
    template.tokens = list(index)
    template.rules = [_rule(token) for token in template.tokens]
    template.ended = max(moments, default=0.0)
    return template


def _order_applied(template: Template, events: Sequence[Mapping[str, str | None]]) -> None:
    """What was applied, in its order, gets the places of the events that were, in theirs."""
    ids = sorted(int(str(row['id'])) for row in events if row['applied_seq'] is not None)
    sequence = sorted(int(str(row['applied_seq'])) for row in events if row['applied_seq'] is not None)
    template.applied = {number: template.event_ids[event] for number, event in zip(sequence, ids, strict=True)}


def _form(
    table: Table, row: Mapping[str, str | None], index: dict[str, int], shared: Mapping[str, str], ids: dict[int, int]
) -> Form:
    columns = [column for column in table.columns if (table.name, column) not in NUMBERED]
    line = '\t'.join(encode(table.name, column, row[column]) for column in columns) + '\n'
    places: list[int] = []

    def place(match: re.Match[str]) -> str:
        token = match.group()
        if token in shared:
            return shared[token].replace('%', '%%')
        places.append(index.setdefault(token, len(index)))
        return '%s'

    text = TOKEN.sub(place, line.replace('%', '%%'))
    event = row.get('event_id') or row.get('answer_event') or row.get('intent_event')
    of_event = ids.get(int(str(row['id'] if table.name == 'event' else event or 0)), 0)
    return Form(text, _picker(places), tuple(places), of_event)


NUMBERED: Final = {('change', 'id'), ('call', 'id')}
"""Nobody refers to these: they are numbered in the order of what caused them."""


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    return (lambda values: (values[places[0]],)) if places else (lambda values: ())


def _seconds(text: str) -> float:
    return (datetime.fromisoformat(text) - EPOCH).total_seconds()


def _rule(token: str) -> tuple[str, Any, Any]:
    """What is to be done to a token: its kind, and what it says."""
    if token.startswith('@KEY'):
        return 'key', int(token[4:-1]), None
    low = token.lower()
    if low.startswith('zqco'):
        return 'company', 'slug' if token[7] == '-' else 'key' if token == low else 'title', None
    if low.startswith('zqdom'):
        return 'domain', None, None
    if low.startswith('zquid'):
        return 'uid', None, None
    if low.startswith('zq'):
        return 'person', {'fi': 'first', 'la': 'last', 'em': 'mailbox'}[low[2:4]], (int(token[-1]), token == low)
    if token.isdigit():
        number = int(token)
        if len(token) == 13:
            return 'ms', number, None
        if token.startswith('2079'):
            return 'phone', number % 10, None
        if token.startswith('1'):
            return 's', number, None
        kind = max((kind for kind, first in RANGES.items() if first <= number), key=RANGES.__getitem__)
        return 'id', kind, number
    if len(token) == 10:
        return 'day', date.fromisoformat(token), None
    return 'moment', datetime.fromisoformat(token), token[10]


class Numbers:
    """The next free id of each kind in the database that is filled."""

    FIRST: Final = {'record': 4_000_001, 'client': 101, 'agency': 2001, 'recipient': 301, 'invoice': 7001, 'deal': 1}

    def __init__(self) -> None:
        self.next = {kind: self.FIRST.get(kind, 1) for kind in RANGES}

    def draw(self, kind: str) -> int:
        number = self.next[kind]
        self.next[kind] = number + 1
        return number


def evaluate(
    template: Template,
    seed: int,
    number: int,
    shift_s: int,
    ids: Sequence[int],
    numbers: Numbers,
    *,
    wanted: Iterable[int] | None = None,
    known: list[str] | None = None,
) -> list[str]:
    """What stands in each place for company `number`, `shift_s` later than the story, whose events have these `ids`.
    With `wanted` only these places are told anew, and their ids stay as they are `known`.
    """
    told = names.company(number)
    shift, days = timedelta(seconds=shift_s), {}
    values = known.copy() if known is not None else [''] * len(template.rules)
    for place in range(len(values)) if wanted is None else wanted:
        kind, what, more = template.rules[place]
        if kind == 'moment':
            values[place] = (what + shift).isoformat(more)
        elif kind == 's':
            values[place] = str(what + shift_s)
        elif kind == 'id':
            if what == 'event':
                values[place] = str(ids[template.event_ids[more]])
            elif what == 'applied':
                values[place] = str(ids[template.applied.get(more, 0)])
            elif known is None:
                values[place] = str(numbers.draw(what))
        elif kind == 'key':
            values[place] = '\\\\x' + md5(f'{seed} {ids[template.event_ids[what]]}'.encode()).hexdigest()
        elif known is not None and kind not in ('day', 'ms'):
            continue
        elif kind == 'company':
            values[place] = getattr(told, what)
        elif kind == 'domain':
            values[place] = told.domain
        elif kind == 'person':
            person = getattr(names.person(number, more[0]), what)
            values[place] = person.lower() if more[1] and what != 'mailbox' else person
        elif kind == 'phone':
            values[place] = names.person(number, what).phone
        elif kind == 'day':
            if what not in days:
                days[what] = (what + timedelta(days=round(shift_s / 86_400))).isoformat()
            values[place] = days[what]
        elif kind == 'ms':
            values[place] = str(what + shift_s * 1000)
        else:
            values[place] = md5(f'{seed} uid {number}'.encode()).hexdigest()[:26]
    return values
