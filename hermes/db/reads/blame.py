"""Who wrote every value of a record, when, through which event, under which rule (I25); and which value is held back
(FIELD-2).

Answers come from the journal (`change`) and from what the remote objects last said (`mirror`). Reads only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from psycopg import Connection, sql

from hermes.db.codec import read_claims, read_mirror
from hermes.db.reads.lookup import Row, find_linked, row, rows
from hermes.domain.adoption import OVERWRITTEN
from hermes.domain.errors import Refused
from hermes.domain.fields import CustomField
from hermes.domain.graph import Graph
from hermes.domain.history import is_empty
from hermes.domain.merge import decreed
from hermes.domain.model import Record, RecordRef, Value
from hermes.domain.record_types import ATTRIBUTES, MERGED, NAMES, TITLES, FieldType, Policy
from hermes.kit.texts import read_number
from hermes.parts.roles import CRM, PRODUCT

COMMON: Final = (
    'id', 'extra', 'claims', 'tombstone', 'alias_of', 'born_event', 'name_key', 'email_keys', 'phone_keys',
)  # fmt: skip
"""Columns that are no attribute of a record."""

FIND_WRITES = """
    select c.id, c.field, c.old, c.new, c.system, c.rule, c.note, c.event_id, c.at, e.source, e.kind
    from change c join event e on e.id = c.event_id
    where c.record_type = %(type)s and c.record_id = %(id)s
    order by c.id
"""
FIND_VOICES = """
    select m.system, m.type, m.remote_id, m.runs, m.event_id, m.deleted is not null as deleted
    from link l join mirror m using (system, type, remote_id)
    where l.record_type = %(type)s and l.record_id = %(id)s and l.is_primary and l.state = 'live' and m.merged_into
      is null
    order by m.system
"""
FIND_PUSHES = """
    select system, wanted > done as dirty, state, reason, due_at, ignored, intent is not null as intent, dirty_at
    from push where record_type = %(type)s and record_id = %(id)s order by system
"""
FIND_DECREES = """
    select d.key as field, d.value as decree, e.received_at as at, coalesce(e.headers ->> 'by', '') as by
    from {table} t, jsonb_each(t.claims -> 'decree') d left join event e on e.id = (d.value ->> 'event_id')::bigint
    where t.id = %(id)s and d.value ->> 'system' = 'operator'
"""
FIND_MIRROR = """
    select m.*, l.record_type, l.record_id, l.is_primary from link l join mirror m using (system, type, remote_id)
    where l.record_type = %(type)s and l.record_id = %(id)s and l.system = %(system)s
"""
FIND_CUSTOM = 'select * from custom_field'
FIND_ADMIN = {
    CRM: 'select id from admin where pd_owner_id = %(remote)s and pd_owner_id > 0',
    PRODUCT: 'select id from admin where tc2_admin_id = %(remote)s',
}


@dataclass(frozen=True, slots=True)
class Write:
    """One line of the journal. `source` and `kind`: what the event was."""

    at: datetime
    old: Value
    new: Value
    system: str
    rule: str
    note: str
    event_id: int
    source: str
    kind: str


@dataclass(frozen=True, slots=True)
class Held:
    """What another system says of a field: `by_event` the edit that holds it back, or None if it is only not sent
    yet.
    """

    system: str
    value: Value
    since: datetime
    by_event: int | None
    said: str


@dataclass(frozen=True, slots=True)
class Decreed:
    """What an operator wrote, and stands over every system (D-22): when, through which event, who, why."""

    value: Value
    at: datetime | None
    event_id: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """One field of a record. `write` is None for a value that stands in the row without a line in the journal."""

    field: str
    value: Value
    write: Write | None
    others: tuple[Held, ...] = ()
    writes: tuple[Write, ...] = ()
    decree: Decreed | None = None


@dataclass(frozen=True, slots=True)
class Blame:
    """Every field of a record, at one moment."""

    record: RecordRef
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Trait:
    """What is known of an attribute: its type and its policy."""

    type: FieldType
    policy: Policy


def read_blame(connection: Connection[Any], ref: RecordRef, name: str = '', at: datetime | None = None) -> Blame:
    """The fields of `ref` (only `name`, if given) now or as they were `at` (aware). Raises Refused for an unknown
    field.
    """
    journal: dict[str, list[Write]] = {}
    for item in rows(connection, FIND_WRITES, ref._asdict()):
        journal.setdefault(item['field'], []).append(Write(**{key: item[key] for key in Write.__slots__}))
    traits = read_traits(connection, ref.type)
    stored = read_row(connection, ref)
    if name and name not in journal and name not in stored and name not in traits:
        raise Refused(f'A {ref.type} has no field "{name}". Its fields are: {", ".join(sorted({*stored, *journal}))}.')
    voices = rows(connection, FIND_VOICES, ref._asdict())
    dirty = {item['system']: item for item in rows(connection, FIND_PUSHES, ref._asdict()) if item['dirty']}
    order = [
        *(key for key in traits if key in stored or key in journal),
        *sorted(key for key in {*stored, *journal} if key not in traits),
    ]
    decrees = read_decrees(connection, ref) if at is None else {}
    lines = []
    for key in [name] if name else order:
        written = journal.get(key, [])
        line = replace(
            _line(key, _last(written) if key not in stored else stored[key], written, at), decree=decrees.get(key)
        )
        others = read_others(connection, voices, dirty, line, traits.get(key), at)
        if name or line.write or line.value is not None or others:
            lines.append(replace(line, others=others))
    return Blame(ref, tuple(lines))


def read_decrees(connection: Connection[Any], ref: RecordRef) -> dict[str, Decreed]:
    """The decrees of operators that stand in a record, by field (D-22)."""
    query = sql.SQL(FIND_DECREES).format(table=sql.Identifier(ref.type))
    found = rows(connection, query, {'id': ref.id}) if ref.type in MERGED else []
    if not found:
        return {}
    mirrors = [read_mirror(item) for item in rows(connection, FIND_MIRROR, {**ref._asdict(), 'system': CRM})]
    record = Record(ref, claims=read_claims({'decree': {item['field']: item['decree'] for item in found}}))
    standing = decreed(Graph([record], mirrors), record)
    return {
        item['field']: Decreed(it.value, item['at'], it.event_id, item['by'], it.reason)
        for item in found
        if (it := standing.get(item['field'])) is not None
    }


def read_row(connection: Connection[Any], ref: RecordRef) -> dict[str, Value]:
    """A record's attributes as they stand, run-time fields included; dates as text, as in the journal."""
    if ref.type not in NAMES:
        raise Refused(f'There is no record type "{ref.type}".')
    query = sql.SQL('select to_jsonb(t) as it from {table} t where id = %(id)s').format(table=sql.Identifier(ref.type))
    found = row(connection, query, {'id': ref.id})
    if found is None:
        raise Refused(f'There is no {ref.type} {ref.id}.')
    columns: dict[str, Value] = found['it']
    return {key: value for key, value in columns.items() if key not in COMMON} | dict(columns['extra'])


def read_traits(connection: Connection[Any], record_type: str) -> Mapping[str, Trait]:
    """Type and policy of every attribute of a record type, the catalogue's run-time fields included."""
    found = {name: Trait(it.type, it.policy) for name, it in ATTRIBUTES.get(record_type, {}).items()}
    for item in rows(connection, FIND_CUSTOM):
        if TITLES.get(item['linked_object_type']) == record_type:
            custom = CustomField(**item)
            kind: FieldType = 'admin' if custom.field_type == 'fk_field' else custom.field_type
            if custom.attribute != 'hermes_id':
                found.setdefault(custom.attribute, Trait(kind, 'hermes' if custom.inherited else custom.policy))
    return found


def _last(writes: list[Write]) -> Value:
    return next((write.new for write in reversed(writes) if write.rule != OVERWRITTEN), None)


def _line(name: str, stored: Value, writes: list[Write], at: datetime | None) -> Line:
    """What was only replaced elsewhere is told, and made no value of the record."""
    own = [write for write in writes if write.rule != OVERWRITTEN]
    if at is None:
        return Line(name, stored, own[-1] if own else None, (), tuple(writes))
    before, told = [write for write in own if write.at <= at], tuple(write for write in writes if write.at <= at)
    if before:
        return Line(name, before[-1].new, before[-1], (), told)
    return Line(name, own[0].old if own else stored, None, (), told)


def read_others(
    connection: Connection[Any],
    voices: list[Row],
    dirty: Mapping[str, Row],
    line: Line,
    trait: Trait | None,
    at: datetime | None,
) -> tuple[Held, ...]:
    """What other systems say of this field that is not what the record says, and why it does not hold."""
    found = []
    for voice in voices:
        if voice['deleted'] or trait is None or (run := current_run(voice, line.field, at)) is None:
            continue
        value = in_our_terms(connection, voice['system'], trait.type, run[0])
        if value == line.value or (is_empty(value) and is_empty(line.value)):
            continue
        since = datetime.fromtimestamp(run[1][0], UTC)
        system, said = voice['system'], ''
        by_event = None
        if line.decree is not None and system != CRM and _spoken(voice, line.field):
            by_event = line.decree.event_id
            said = f'held back by the decree of event {by_event}'
        elif (
            line.write
            and line.write.system == CRM
            and system != CRM
            and trait.policy == 'follow'
            and _spoken(voice, line.field)
        ):
            by_event = line.write.event_id
            said = f'held back by the edit of {line.write.at:%Y-%m-%d %H:%M:%SZ} in the CRM (event {by_event})'
        elif system in dirty and at is None:
            push = dirty[system]
            said = 'not sent yet' if push['state'] == 'ready' else f'not sent: {push["state"]}, {push["reason"]}'
        if said:
            found.append(Held(system, value, since, by_event, said))
    return tuple(found)


def current_run(voice: Row, name: str, at: datetime | None) -> list[Any] | None:
    """The run [value, [s, sub], [s, sub]] that holds now or held `at`."""
    runs = voice['runs'].get(name) or []
    if at is not None:
        runs = [run for run in runs if run[1][0] <= at.timestamp()]
    return runs[-1] if runs else None


def _spoken(voice: Row, name: str) -> bool:
    """Null says something only after a value (D-12)."""
    return any(not is_empty(run[0]) for run in voice['runs'].get(name, ()))


def in_our_terms(connection: Connection[Any], system: str, kind: FieldType, value: Value) -> Value:
    """A mirrored value in our terms: remote ids of admins and records become ours, where they are known."""
    if is_empty(value):
        return None
    if kind == 'admin':
        query = FIND_ADMIN.get(system)
        number = read_number(str(value))
        found = row(connection, query, {'remote': number}) if query and number is not None else None
        return found['id'] if found else value
    if kind in NAMES:
        known = find_linked(connection, system, kind, value)
        return value if known is None else known
    return value
