"""Which record somebody means: `company:12`, a bare id, or a remote object (system:type:id).

Aliases and merged-away remote ids resolve to the survivor, and say so (PD-MERGE-1). Reads only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import dict_row

from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef, RemoteRef
from hermes.domain.record_types import NAMES
from hermes.kit.texts import read_number
from hermes.parts.roles import CRM

Row = dict[str, Any]

MOST_HOPS = 100

FIND_ANYWHERE = sql.SQL(' union all ').join(
    sql.SQL('select {name} as type, id, alias_of, tombstone from {table} where id = %(id)s').format(
        name=sql.Literal(table), table=sql.Identifier(table)
    )
    for table in NAMES
)
FIND_LINK = """
    select m.merged_into, m.deleted is not null as deleted, l.record_type, l.record_id, l.state
    from mirror m left join link l using (system, type, remote_id)
    where m.system = %(system)s and m.type = %(type)s and m.remote_id = %(remote_id)s
"""
FIND_RECORD_OF_LINK = """
    select record_type, record_id from link where system = %(system)s and record_type = %(record_type)s and remote_id
      = %(remote_id)s
"""
FIND_LINKS = """
    select system, type, remote_id, is_primary, state from link
    where record_type = %(type)s and record_id = %(id)s order by system, type, is_primary desc, remote_id
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and what had to be followed to get to it (one sentence each). `tombstone` as stored."""

    record: RecordRef
    notes: tuple[str, ...] = ()
    tombstone: Any = None


def rows(connection: Connection[Any], query: Any, values: dict[str, Any] | None = None) -> list[Row]:
    """All rows of a query, as dicts."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(query, values or {}))


def row(connection: Connection[Any], query: Any, values: dict[str, Any] | None = None) -> Row | None:
    """The first row of a query."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values or {}).fetchone()


def find_record(connection: Connection[Any], text: str) -> Found:
    """The record that `text` names, merges followed to the survivor. Raises Refused when there is none."""
    parts = text.strip().split(':', 2)
    if len(parts) == 3:
        return _find_remote(connection, RemoteRef(parts[0].lower(), parts[1].lower(), parts[2]))
    record_type = parts[0].lower() if len(parts) == 2 else None
    if record_type is not None and record_type not in NAMES:
        raise Refused(f'There is no record type "{parts[0]}". The types are: {", ".join(NAMES)}.')
    number = read_number(parts[-1])
    if number is None:
        raise Refused(f'"{text}" is no record. Write company:12, an id, or a remote object like {CRM}:organization:5.')
    return _follow(connection, number, record_type, ())


def find_links(connection: Connection[Any], ref: RecordRef) -> list[Row]:
    """Every remote object of a record: system, type, remote_id, is_primary, state."""
    return rows(connection, FIND_LINKS, {'type': ref.type, 'id': ref.id})


def find_linked(connection: Connection[Any], system: str, record_type: str, remote_id: object) -> int | None:
    """The id of the record of `record_type` that stands in `system` under `remote_id`."""
    values = {'system': system, 'record_type': record_type, 'remote_id': str(remote_id)}
    found = row(connection, FIND_RECORD_OF_LINK, values)
    return int(found['record_id']) if found else None


def _find_remote(connection: Connection[Any], ref: RemoteRef) -> Found:
    notes: list[str] = []
    seen: set[str] = set()
    while True:
        here = ':'.join(ref)
        found = row(connection, FIND_LINK, ref._asdict())
        if found is None:
            raise Refused(f'Hermes has never heard of {here}.')
        seen.add(ref.remote_id)
        into = found['merged_into']
        if into is None or into in seen or len(seen) > MOST_HOPS:
            break
        notes.append(f'{here} was merged into {ref.system}:{ref.type}:{into}.')
        ref = ref._replace(remote_id=into)
    if found['record_id'] is None:
        raise Refused(f'{here} is known, but it belongs to no record of ours.')
    if found['deleted']:
        notes.append(f'{here} is deleted there.')
    return _follow(connection, found['record_id'], found['record_type'], notes)


def _follow(connection: Connection[Any], record_id: int, record_type: str | None, notes: Iterable[str]) -> Found:
    told = list(notes)
    for _ in range(MOST_HOPS):
        found = [
            item
            for item in rows(connection, FIND_ANYWHERE, {'id': record_id})
            if record_type is None or item['type'] == record_type
        ]
        if not found:
            raise Refused(f'There is no {record_type or "record"} {record_id}.')
        here = found[0]
        if here['alias_of'] is None:
            return Found(RecordRef(here['type'], record_id), tuple(told), here['tombstone'])
        told.append(f'{here["type"]}:{record_id} was merged into {here["type"]}:{here["alias_of"]}.')
        record_type, record_id = here['type'], here['alias_of']
    raise Refused(f'The merges of {record_type} {record_id} lead in a circle: "hermes doctor" has more.')
