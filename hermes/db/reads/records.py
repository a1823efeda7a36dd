"""What one record is, for whoever looks at it: each system's view beside ours, every field's timeline, the record as it
was, what is to be sent, what was asked for it and what that cost, and what it hangs together with. Reads only.

Whatever may be long comes by pages or is capped; everything is found by the record's own indexes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from psycopg import Connection, sql

from hermes.db.reads.blame import Line, current_run, in_our_terms, read_blame, read_row, read_traits
from hermes.db.reads.listing import MOST, RUBBISH, Cursor, Page, read_cursor, read_titles
from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.errors import Refused
from hermes.domain.history import is_empty
from hermes.domain.model import RecordRef, Value
from hermes.domain.record_types import UNDER_COMPANY

RELATED: Final = 50
"""So many related records of a type are shown."""
OBJECTS: Final = """
    select m.system, m.type, m.remote_id, l.is_primary, l.state, m.version, m.runs, m.event_id, m.ours,
           m.deleted is not null as deleted, m.deleted_by, m.merged_into, m.reread_at
    from link l join mirror m using (system, type, remote_id)
    where l.record_type = %(type)s and l.record_id = %(id)s
    order by l.is_primary desc, m.system, m.type, m.remote_id limit 50
"""
CHANGES: Final = """
    select c.id, c.at, c.field, c.old, c.new, c.system, c.rule, c.note, c.event_id, e.source, e.kind,
           coalesce(e.headers ->> 'by', '') as by
    from change c join event e on e.id = c.event_id
    where c.record_type = %(type)s and c.record_id = %(record_id)s and {where}
    order by c.id {way} limit %(limit)s
"""
COUNT_CHANGES: Final = """
    select count(*) as n from (select from change c where c.record_type = %(type)s and c.record_id = %(record_id)s
      and {where} limit %(most)s) n
"""
CALLS: Final = """
    select c.id, c.system, c.op, c.type, c.remote_id, c.lane, c.tokens, c.status, c.reaction, c.rule, c.started_at,
           c.ended_at, extract(epoch from c.ended_at - c.started_at)::float8 as took_s, c.intent_event, c.answer_event
    from call c where c.record_type = %(type)s and c.record_id = %(record_id)s and {where}
    order by c.id {way} limit %(limit)s
"""
COUNT_CALLS: Final = COUNT_CHANGES.replace('from change', 'from call')
COST: Final = """
    select system, op, count(*)::int as calls, sum(tokens)::int as tokens,
           count(*) filter (where status is null or status not between 200 and 299)::int as failed,
           max(started_at) as last_at
    from call where record_type = %(type)s and record_id = %(id)s group by system, op order by system, op
"""
PUSHES: Final = """
    select system, wanted, done, wanted > done as dirty, state, reason, detail, due_at, lane, attempts, ignored, intent,
           leased_until, last_write_at, dirty_at
    from push where record_type = %(type)s and record_id = %(id)s order by system
"""
DECISIONS: Final = """
    select id, kind, key, detail, state, at, event_id from decision
    where record_type = %(type)s and record_id = %(id)s order by state <> 'open', id desc limit 50
"""
UNDER: Final = """
    select id, tombstone is not null as deleted from {table} t
    where t.company_id = %(company)s and t.alias_of is null and {more} order by id desc limit %(limit)s
"""
SPOKEN_OF: Final[Mapping[str, tuple[str, ...]]] = {
    'contact': ('company_id',), 'deal': ('company_id', 'contact_id', 'pipeline_id', 'stage_id', 'admin_id'),
    'meeting': ('company_id', 'contact_id', 'deal_id', 'admin_id'),
    'company': ('sales_person_id', 'support_person_id', 'bdr_person_id'), 'stage': ('pipeline_id',),
    'pipeline': ('dft_entry_stage_id',),
}  # fmt: skip
"""Of each type of record which others its columns name."""


@dataclass(frozen=True, slots=True)
class Object:
    """What stands for a record in another system. `at`: its version, where that is a time; `ours`: Hermes made it."""

    system: str
    type: str
    remote_id: str
    primary: bool
    state: str
    at: datetime | None
    event_id: int
    ours: bool
    deleted: bool
    merged_into: str | None

    @property
    def name(self) -> str:
        return f'{self.system}:{self.type}:{self.remote_id}'


@dataclass(frozen=True, slots=True)
class Said:
    """What an object says of a field, in our terms, and since when."""

    value: Value
    since: datetime
    differs: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One field: what we believe, under which policy, and what each object says (by `Object.name`; absent: nothing)."""

    field: str
    policy: str
    value: Value
    said: Mapping[str, Said]

    @property
    def differs(self) -> bool:
        return any(each.differs for each in self.said.values())


@dataclass(frozen=True, slots=True)
class Sides:
    """A record beside everything that stands for it elsewhere."""

    record: RecordRef
    objects: tuple[Object, ...]
    fields: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class Then:
    """A field as it was at a moment, beside what it is now."""

    line: Line
    now: Value

    @property
    def differs(self) -> bool:
        return not (self.line.value == self.now or (is_empty(self.line.value) and is_empty(self.now)))


@dataclass(frozen=True, slots=True)
class Related:
    """A record that another one hangs together with: `via` a column that names it, or as what it stands under it."""

    record: RecordRef
    title: str
    via: str
    deleted: bool = False


def read_sides(connection: Connection[Any], ref: RecordRef) -> Sides:
    """Every system's view of a record side by side. Raises Refused for an unknown one."""
    stored, traits = read_row(connection, ref), read_traits(connection, ref.type)
    found = rows(connection, OBJECTS, ref._asdict())
    objects = tuple(_object(item) for item in found)
    sides = []
    for name in [*(each for each in traits if each in stored), *(each for each in traits if each not in stored)]:
        value, said = stored.get(name), {}
        for item, each in zip(found, objects, strict=True):
            if run := current_run(item, name, None):
                told = in_our_terms(connection, each.system, traits[name].type, run[0])
                differs = not (told == value or (is_empty(told) and is_empty(value)))
                said[each.name] = Said(told, _moment(run[1][0]), differs)
        if said or not is_empty(value):
            sides.append(Side(name, traits[name].policy, value, said))
    return Sides(ref, objects, tuple(sides))


def _object(item: Row) -> Object:
    seconds = item['version'][0]
    return Object(
        item['system'], item['type'], item['remote_id'], item['is_primary'], item['state'],
        _moment(seconds) if seconds > 0 else None, item['event_id'], item['ours'], item['deleted'], item['merged_into'],
    )  # fmt: skip


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(max(0, seconds), UTC)


def page_changes(
    connection: Connection[Any], ref: RecordRef, *, field: str = '', cursor: str = '', limit: int = 50
) -> Page:
    """The journal of a record, or of one of its fields, the newest line first: at, field, old, new, system, rule, note,
    event_id, and of the event source, kind, by. Raises Refused for a cursor that is none.
    """
    conditions = ['c.field = %(field)s'] if field else []
    return _page(connection, CHANGES, COUNT_CHANGES, ref, {'field': field}, conditions, cursor, limit)


def page_calls(connection: Connection[Any], ref: RecordRef, *, cursor: str = '', limit: int = 50) -> Page:
    """What was asked of outside systems for a record, the newest call first. Raises Refused for a cursor that is
    none.
    """
    return _page(connection, CALLS, COUNT_CALLS, ref, {}, [], cursor, limit)


def _page(
    connection: Connection[Any],
    query: str,
    counting: str,
    ref: RecordRef,
    values: Mapping[str, Any],
    conditions: list[str],
    cursor: str,
    limit: int,
) -> Page:
    at = read_cursor(cursor, '-id') if cursor else None
    back = at is not None and at.back
    asked = {**values, 'type': ref.type, 'record_id': ref.id, 'limit': limit + 1, 'most': MOST + 1}
    there = list(conditions)
    if at is not None:
        asked['at'] = at.key
        there.append('c.id > %(at)s' if back else 'c.id < %(at)s')
    try:
        where = ' and '.join(there) or 'true'
        found = rows(connection, query.format(where=where, way='asc' if back else 'desc'), asked)
    except RUBBISH:
        raise Refused('That is no place in this list: go to its first page.') from None
    more, found = len(found) > limit, sorted(found[:limit], key=lambda item: -item['id'])
    counted = row(connection, counting.format(where=' and '.join(conditions) or 'true'), asked)
    count = int(counted['n']) if counted else 0
    return Page(
        found,
        Cursor('-id', None, found[-1]['id']).write() if found and (back or more) else '',
        Cursor('-id', None, found[0]['id'], True).write() if found and (more if back else at is not None) else '',
        min(count, MOST),
        count > MOST,
    )


def read_as_of(connection: Connection[Any], ref: RecordRef, at: datetime) -> tuple[Then, ...]:
    """Every field of a record as it was at a moment (aware), by its journal, beside what it is now. Raises Refused."""
    stored = read_row(connection, ref)
    lines = read_blame(connection, ref, at=at).lines
    there = {line.field for line in lines}
    found = [Then(line, stored.get(line.field)) for line in lines]
    found += [
        Then(Line(name, None, None), value)
        for name, value in stored.items()
        if name not in there and not is_empty(value)
    ]
    return tuple(found)


def read_cost(connection: Connection[Any], ref: RecordRef) -> list[Row]:
    """What a record's calls cost, by system and operation: calls, tokens, failed, last_at."""
    return rows(connection, COST, ref._asdict())


def list_record_pushes(connection: Connection[Any], ref: RecordRef) -> list[Row]:
    """How a record stands with each system: whether there is something to send, since when, and what is in the way."""
    return rows(connection, PUSHES, ref._asdict())


def list_record_decisions(connection: Connection[Any], ref: RecordRef) -> list[Row]:
    """What people were asked about a record, open questions first."""
    return rows(connection, DECISIONS, ref._asdict())


def read_related(connection: Connection[Any], ref: RecordRef) -> list[Related]:
    """The records that a record names, and those that stand under it, at most RELATED of a type."""
    stored = read_row(connection, ref)
    traits = read_traits(connection, ref.type)
    told: list[tuple[RecordRef, str, bool]] = []
    for name in SPOKEN_OF.get(ref.type, ()):
        if isinstance(number := stored.get(name), int) and name in traits:
            told.append((RecordRef(traits[name].type, number), name, False))
    company = ref.id if ref.type == 'company' else stored.get('company_id')
    for table in UNDER_COMPANY if company is not None else ():
        more = _named_by(table, ref)
        if more is None:
            continue
        query = sql.SQL(UNDER).format(table=sql.Identifier(table), more=more)
        for item in rows(connection, query, {'company': company, 'limit': RELATED, 'id': ref.id}):
            told.append((RecordRef(table, item['id']), table, item['deleted']))
    titles = read_titles(connection, {(each.type, each.id) for each, _, _ in told})
    return [Related(each, titles.get((each.type, each.id), ''), via, gone) for each, via, gone in told]


def _named_by(table: str, ref: RecordRef) -> sql.Composable | None:
    """Under which condition rows of a table belong to a record, all of them of its company; None where none do."""
    if ref.type == 'company':
        return sql.SQL('true')
    column = f'{ref.type}_id'
    if column in SPOKEN_OF.get(table, ()):
        return sql.SQL('t.{} = %(id)s').format(sql.Identifier(column))
    return None
