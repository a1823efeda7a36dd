"""A record as its page shows it (ADM-4): what it is, what every system says of it beside what Hermes believes, how it
was at a moment, what else there is of it. Reads only.

Whatever grows with time is read backwards by an index, a page at a time (`timeline.py`); only the newest line of each
field is needed here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from psycopg import Connection, sql

from hermes.db.event_filter import ABOUT
from hermes.db.reads.blame import (
    FIND_PUSHES,
    Held,
    Line,
    Trait,
    Write,
    in_our_terms,
    read_decrees,
    read_others,
    read_row,
    read_traits,
)
from hermes.db.reads.lookup import MOST_HOPS, Row, row, rows
from hermes.db.reads.matters import name_records
from hermes.db.reads.search import PLACES
from hermes.db.reads.sides import HIDDEN
from hermes.db.reads.undo import Undoable, read_undo
from hermes.domain.adoption import OVERWRITTEN
from hermes.domain.config import KEYS
from hermes.domain.errors import NotFound
from hermes.domain.history import is_empty
from hermes.domain.model import OPERATOR, RecordRef, Value
from hermes.domain.record_types import ATTRIBUTES, NAMES, SHARED, UNDER_COMPANY

VOICES: Final = 8
"""So many remote objects stand side by side; a record that was merged often may have more."""
FEW: Final = 20
HEAD: Final = """
    select {title} as title, {company} as company_id, tombstone, alias_of, born_event from {table} where id = %(id)s
"""
EVENT: Final = """
    select id, received_at as at, source, kind, coalesce(headers ->> 'by', '') as by from event where id = %(id)s
"""
TAKEN_IN: Final = """
    select distinct (new #>> '{}')::bigint as id from change
    where record_type = %(type)s and record_id = %(id)s and field = 'merged' order by 1 limit %(limit)s
"""
VOICES_OF: Final = """
    select l.system, l.type, l.remote_id, l.is_primary, l.state, m.runs, m.version, m.deleted as gone, m.deleted_by,
      m.merged_into, m.event_id
    from link l left join mirror m using (system, type, remote_id)
    where l.record_type = %(type)s and l.record_id = %(id)s
    order by l.state <> 'live', not l.is_primary, l.system, l.type, l.remote_id limit %(limit)s
"""
NEWEST: Final = """
    select c.*, e.source, e.kind, coalesce(e.headers ->> 'by', '') as by from (
      select distinct on (field) id, field, old, new, system, rule, note, event_id, at from change
      where record_type = %(type)s and record_id = %(id)s and rule <> %(replaced)s {when}
      order by field, id {way}
    ) c join event e on e.id = c.event_id
"""
"""The newest (or, the other way round, the first) line of the journal on each field."""
PUSHES: Final = """
    select p.*, case when state <> 'ready' then state
      when intent is not null and (leased_until is null or leased_until < at) then 'intent'
      when wanted > done and due_at <= at then 'due' when wanted > done then 'waiting' else 'done' end as shown
    from push p, (select hermes_now() as at offset 0) now
    where record_type = %(type)s and record_id = %(id)s order by system
"""
DECISIONS: Final = """
    select id, kind, detail, at from decision where state = 'open' and record_type = %(type)s and record_id = %(id)s
    order by id limit %(limit)s
"""
LAST_ACT: Final = f"""
    select e.id, e.received_at as at, coalesce(e.headers ->> 'by', '') as by, e.outcome -> 0 -> 'notes' as notes
    from event e where e.id = any(array(
        select a.id from event a where a.outcome is not null and {ABOUT} ?| array[%(about)s::text]
        union select event_id from change
          where record_type = %(type)s and record_id = %(id)s and system = '{OPERATOR}'))
      and e.source = '{OPERATOR}' and e.kind = 'act' and e.state = 'done' and e.outcome -> 0 -> 'undo' <> '[]'
    order by e.id desc limit 1
"""
"""The newest act on a record that says what it takes to undo it, an undoing too."""
RELATED: Final = """
    select t.id, {title} as title, t.tombstone is not null as deleted from {table} t
    where {column} = %(id)s and {within} and t.alias_of is null
    order by t.tombstone is not null, t.id desc limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Head:
    """What a record is. `into`: what it was merged into; `taken_in`: what was merged into it; `stone`: its tombstone,
    with the event that laid it (`fell`); `born`: the event that made it.
    """

    ref: RecordRef
    title: str
    company: RecordRef | None
    into: RecordRef | None
    taken_in: tuple[RecordRef, ...]
    stone: Mapping[str, Any] | None
    fell: Row | None
    born: Row | None

    @property
    def state(self) -> str:
        if self.into:
            return 'merged'
        return 'live' if not self.stone else 'erased' if self.stone.get('kind') == 'erased' else 'deleted'


@dataclass(frozen=True, slots=True)
class Voice:
    """A remote object of a record. `note`: what is the matter with it; `speaks`: whether the record listens to it."""

    system: str
    type: str
    remote_id: str
    primary: bool
    note: str
    event_id: int | None

    @property
    def speaks(self) -> bool:
        return self.primary and not self.note


@dataclass(frozen=True, slots=True)
class Cell:
    """What a remote object says of a field, in our terms; `raw`: in its own, where that is another; since when its own
    version says so. `why`: why the difference stands.
    """

    value: Value
    raw: Value
    since: datetime | None
    differs: bool
    why: str = ''


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field: what Hermes believes, who wrote that last (a line of the journal), and a cell each remote object (None:
    it says nothing of it).
    """

    name: str
    trait: Trait | None
    line: Line
    last: Row | None
    cells: tuple[Cell | None, ...]

    @property
    def differs(self) -> bool:
        return any(cell is not None and cell.differs for cell in self.cells)

    @property
    def held_back(self) -> tuple[Held, ...]:
        return self.line.others


@dataclass(frozen=True, slots=True)
class View:
    """All fields of a record side by side. `more`: whether there are objects that are not shown."""

    voices: tuple[Voice, ...]
    lines: tuple[FieldLine, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Then:
    """A field at a moment and now; `last`: what had been written then, `after`: the first that was written since."""

    name: str
    then: Value
    now: Value
    last: Row | None
    after: Row | None

    @property
    def changed(self) -> bool:
        return bool(self.then != self.now)


@dataclass(frozen=True, slots=True)
class Past:
    """A record at a moment: 'not made', 'merged', 'deleted' or 'live'."""

    at: datetime
    state: str
    lines: tuple[Then, ...]


def read_head(connection: Connection[Any], ref: RecordRef) -> Head:
    """What a record is. Raises NotFound where there is none."""
    query = sql.SQL(HEAD).format(
        title=sql.SQL(PLACES[ref.type][0]),
        company=sql.SQL('company_id' if ref.type in UNDER_COMPANY else 'null::bigint'),
        table=sql.Identifier(ref.type),
    )
    found = row(connection, query, {'id': ref.id}) if ref.id else None
    if found is None:
        raise NotFound(f'There is no {ref.type} {ref.id or ""}.'.replace(' .', '.'))
    stone = found['tombstone']
    taken = rows(connection, TAKEN_IN, {**ref._asdict(), 'limit': FEW})
    return Head(
        ref,
        (found['title'] or '').strip() or f'{ref.type} {ref.id}',
        RecordRef('company', found['company_id']) if found['company_id'] else None,
        _survivor(connection, ref, found['alias_of']),
        tuple(RecordRef(ref.type, item['id']) for item in taken),
        stone,
        row(connection, EVENT, {'id': stone.get('event_id')}) if stone else None,
        row(connection, EVENT, {'id': found['born_event']}) if found['born_event'] else None,
    )


def _survivor(connection: Connection[Any], ref: RecordRef, alias_of: int | None) -> RecordRef | None:
    """What a record was merged into in the end."""
    query = sql.SQL('select alias_of from {table} where id = %(id)s').format(table=sql.Identifier(ref.type))
    number = alias_of
    for _ in range(MOST_HOPS):
        found = row(connection, query, {'id': number}) if number else None
        if found is None or found['alias_of'] is None:
            break
        number = found['alias_of']
    return RecordRef(ref.type, number) if number else None


def read_view(connection: Connection[Any], ref: RecordRef) -> View:
    """What Hermes believes beside what every remote object says."""
    traits, stored = read_traits(connection, ref.type), read_row(connection, ref)
    told = rows(connection, VOICES_OF, {**ref._asdict(), 'limit': VOICES + 1})
    more, told = len(told) > VOICES, told[:VOICES]
    newest = _newest(connection, ref)
    decrees = read_decrees(connection, ref)
    pushes = rows(connection, FIND_PUSHES, ref._asdict())
    dirty = {item['system']: item for item in pushes if item['dirty']}
    voices = [_voice(item) for item in told]
    speaking = [{**item, 'deleted': False} for item, voice in zip(told, voices, strict=True) if voice.speaks]
    ignored = {item['system']: tuple(item['ignored']) for item in pushes if item['ignored']}
    theirs = dict.fromkeys(name for item in told for name in item['runs'] or () if name not in HIDDEN)
    names = [name for name in (*traits, *sorted(stored.keys() - traits.keys()), *theirs) if name not in HIDDEN]
    lines = []
    for name in dict.fromkeys(names):
        last, trait = newest.get(name), traits.get(name)
        line = Line(name, stored.get(name), _write(last), decree=decrees.get(name))
        line = replace(line, others=read_others(connection, speaking, dirty, line, trait, None))
        cells = [
            _cell(connection, voice, item, line, trait, name in ignored.get(voice.system, ()))
            for voice, item in zip(voices, told, strict=True)
        ]
        if line.value not in (None, '') or last or any(cell and not is_empty(cell.value) for cell in cells):
            lines.append(FieldLine(name, trait, line, last, tuple(cells)))
    return View(tuple(voices), tuple(lines), more)


def _voice(item: Row) -> Voice:
    note = ''
    if item['merged_into']:
        note = f'merged into {item["merged_into"]}'
    elif item['gone'] and (item['version'] or []) <= item['gone']:
        note = 'deleted there'
    elif item['state'] != 'live':
        note = str(item['state'])
    elif item['runs'] is None:
        note = 'never seen'
    return Voice(item['system'], item['type'], item['remote_id'], item['is_primary'], note, item['event_id'])


def _cell(
    connection: Connection[Any], voice: Voice, item: Row, line: Line, trait: Trait | None, ignored: bool
) -> Cell | None:
    runs = (item['runs'] or {}).get(line.field)
    if not runs:
        return None
    raw, since = runs[-1][0], runs[-1][1][0]
    value = in_our_terms(connection, voice.system, trait.type, raw) if trait else raw
    differs = bool(trait and voice.speaks and value != line.value and not (is_empty(value) and is_empty(line.value)))
    held = next((each.said for each in line.others if each.system == voice.system and voice.speaks), '')
    why = held if differs else ''
    if differs and ignored:
        why = '; '.join(filter(None, [why, 'not sent any more (OUT-6)']))
    return Cell(value, None if raw == value else raw, _moment(since), differs, why)


def _moment(seconds: float | None) -> datetime | None:
    """When a version was; a version that is none says nothing."""
    return datetime.fromtimestamp(seconds, UTC) if seconds and seconds > 0 else None


def _newest(
    connection: Connection[Any], ref: RecordRef, when: str = '', way: str = 'desc', **more: Any
) -> dict[str, Row]:
    query = NEWEST.format(when=when, way=way)
    found = rows(connection, query, {**ref._asdict(), 'replaced': OVERWRITTEN, **more})
    return {item['field']: item for item in found}


def _write(last: Row | None) -> Write | None:
    return Write(**{key: last[key] for key in Write.__slots__}) if last else None


def read_past(connection: Connection[Any], ref: RecordRef, at: datetime) -> Past:
    """Every field of a record as it was at a moment (aware), and as it is now."""
    traits, stored = read_traits(connection, ref.type), read_row(connection, ref)
    before = _newest(connection, ref, 'and at <= %(at)s', at=at)
    after = _newest(connection, ref, 'and at > %(at)s', 'asc', at=at)
    lines = []
    for name in dict.fromkeys([*traits, *sorted(stored)]):
        if name in HIDDEN:
            continue
        last, first, now = before.get(name), after.get(name), stored.get(name)
        then = last['new'] if last else first['old'] if first else now
        if last or first or not is_empty(now):
            lines.append(Then(name, then, now, last, first))
    state = 'not made' if 'born' in after else 'live'
    for name, called in (('tombstone', 'deleted'), ('alias of', 'merged')):
        if name in before and before[name]['new'] is not None:
            state = called
    return Past(at, state, tuple(lines))


def read_pushes_of(connection: Connection[Any], ref: RecordRef) -> list[Row]:
    """How the pushes of a record stand, those that are over too."""
    return rows(connection, PUSHES, ref._asdict())


def read_open_decisions(connection: Connection[Any], ref: RecordRef) -> list[Row]:
    """The questions about a record that wait for somebody."""
    return rows(connection, DECISIONS, {**ref._asdict(), 'limit': FEW})


def read_last_act(connection: Connection[Any], ref: RecordRef) -> tuple[Row, Undoable] | None:
    """What an operator did last to a record, and whether it can be taken back (ADM-13)."""
    found = row(connection, LAST_ACT, {**ref._asdict(), 'about': f'{ref.type}:{ref.id}'})
    return None if found is None else (found, read_undo(connection, found['id']))


def read_related(connection: Connection[Any], head: Head) -> dict[str, list[Row]]:
    """What hangs on a record, by type, the newest first: at most one more than FEW of each."""
    found: dict[str, list[Row]] = {}
    ref = head.ref
    for kind in NAMES:
        named = [name for name, each in ATTRIBUTES[kind].items() if each.type == ref.type]
        if not named or (ref.type in SHARED and kind in UNDER_COMPANY):
            continue
        home = kind in UNDER_COMPANY and head.company is not None
        query = sql.SQL(RELATED).format(
            title=sql.SQL(PLACES[kind][0]), table=sql.Identifier(kind), column=sql.Identifier('t', named[0]),
            within=sql.SQL('t.company_id = %(company)s' if home else 'true'),
        )  # fmt: skip
        given = {'id': ref.id, 'company': head.company.id if head.company else None, 'limit': FEW + 1}
        told = rows(connection, query, given)
        if told:
            found[kind] = told
    return found


def name_changes(
    connection: Connection[Any], changes: Iterable[tuple[str, str, Value, Value]]
) -> tuple[dict[RecordRef, str], dict[tuple[str, str], str]]:
    """What the records are called that changes lead to (record type, or 'setting'; field; old; new), and of which type
    the value of each field is.
    """
    told: dict[str, list[tuple[str, Value]]] = {}
    for record_type, field, old, new in changes:
        told.setdefault(record_type, []).extend(((field, old), (field, new)))
    names: dict[RecordRef, str] = {}
    kinds: dict[tuple[str, str], str] = {}
    for record_type, values in told.items():
        traits = read_traits(connection, record_type) if record_type in NAMES else {}
        if record_type == 'setting':
            traits = {name: Trait(key.record_type, 'hermes') for name, key in KEYS.items() if key.record_type}
        kinds |= {(record_type, name): trait.type for name, trait in traits.items()}
        names |= names_for(connection, traits, values)
    return names, kinds


def names_for(
    connection: Connection[Any], traits: Mapping[str, Trait | None], told: Iterable[tuple[str, Value]]
) -> dict[RecordRef, str]:
    """What the records are called that values of fields name."""
    refs = []
    for name, value in told:
        trait = traits.get(name)
        if trait is not None and trait.type in NAMES and isinstance(value, int) and not isinstance(value, bool):
            refs.append(RecordRef(trait.type, value))
    return name_records(connection, dict.fromkeys(refs))
