"""What a deletion by an operator would take along, before anybody says it (D-2, S21). Reads only."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection, sql

from hermes.db.codec import read_mirror, read_record
from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.decrees import refuse_gone
from hermes.domain.errors import Refused
from hermes.domain.graph import Graph
from hermes.domain.model import RecordRef
from hermes.domain.record_types import UNDER_COMPANY
from hermes.domain.rules import kept_despite_deletion
from hermes.domain.written import check_type
from hermes.parts.roles import CRM

SHOWN: Final = 25
"""So many of what goes are named; all are counted."""
READ: Final = 'select * from {table} where id = %(id)s'
UNDER: Final = 'select * from {table} where company_id = %(id)s and alias_of is null'
ELSEWHERE: Final = """
    select distinct o.* from contact c, unnest(c.email_keys) k, contact o
    where c.id = any(%(contacts)s) and o.email_keys @> array[k] and o.id <> all(%(contacts)s) and o.tombstone is null
    limit 20
"""
STANDING: Final = """
    select m.*, l.record_type, l.record_id, l.is_primary
    from jsonb_to_recordset(%(refs)s) as r(record_type text, record_id bigint)
      join link l using (record_type, record_id) join mirror m using (system, type, remote_id)
    where l.system = %(system)s and l.state = 'live'
"""
NOW: Final = 'select hermes_now() as now'


@dataclass(frozen=True, slots=True)
class Going:
    """One record that goes: what it is called, and its object in the CRM ('' where it has none)."""

    record: RecordRef
    name: str
    remote: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion takes along. `counts`: how many of each type go, itself included; `going`: the first of them;
    `remaining`: calls that are to come, each of which becomes a question; `in_crm`: how many objects the CRM loses;
    `kept`: what speaks against that, so that it becomes a question and the CRM keeps them ('' where nothing does).
    """

    record: RecordRef
    counts: dict[str, int]
    going: tuple[Going, ...]
    remaining: tuple[RecordRef, ...]
    in_crm: int
    kept: str


def read_deletion(connection: Connection[Any], ref: RecordRef) -> Deletion:
    """What deleting a company, a contact or a deal would take along now. Raises Refused where it cannot be deleted."""
    from psycopg.types.json import Jsonb

    check_type(ref.type)
    found = row(connection, sql.SQL(READ).format(table=sql.Identifier(ref.type)), {'id': ref.id})
    if found is None or found['alias_of'] is not None:
        raise Refused(f'There is no {ref.type} {ref.id}.')
    record = read_record(ref.type, found)
    refuse_gone(record)
    under, coming = _under(connection, ref) if ref.type == 'company' else ([], [])
    going = [(ref, found), *under]
    contacts = [one.id for one, _ in going if one.type == 'contact']
    others = [read_record('contact', item) for item in rows(connection, ELSEWHERE, {'contacts': contacts})]
    refs = Jsonb([{'record_type': one.type, 'record_id': one.id} for one, _ in going])
    mirrors = [read_mirror(item) for item in rows(connection, STANDING, {'refs': refs, 'system': CRM})]
    graph = Graph([*(read_record(one.type, item) for one, item in going), *others], mirrors)
    remotes = {mirror.record: f'{mirror.ref.type} {mirror.ref.remote_id}' for mirror in mirrors if mirror.primary}
    kept = kept_despite_deletion(graph, record)
    return Deletion(
        ref,
        {kind: sum(one.type == kind for one, _ in going) for kind in dict.fromkeys(one.type for one, _ in going)},
        tuple(Going(one, _called(item), remotes.get(one, '')) for one, item in going[:SHOWN]),
        tuple(coming),
        0 if kept else len(remotes),
        kept if remotes else '',
    )


def _under(connection: Connection[Any], ref: RecordRef) -> tuple[list[tuple[RecordRef, Row]], list[RecordRef]]:
    """What goes with a company, and the calls that stay because they are to come."""
    [clock] = rows(connection, NOW)
    going: list[tuple[RecordRef, Row]] = []
    coming: list[RecordRef] = []
    for table in UNDER_COMPANY:
        for item in rows(connection, sql.SQL(UNDER).format(table=sql.Identifier(table)), {'id': ref.id}):
            one = RecordRef(table, item['id'])
            if table == 'meeting' and item['end_at'] > clock['now']:
                if item['status'] != 'canceled':
                    coming.append(one)
            elif item['tombstone'] is None:
                going.append((one, item))
    return going, coming


def _called(item: Row) -> str:
    """What a record is called."""
    names = (item.get(name) for name in ('name', 'title', 'first_name', 'last_name', 'email', 'kind'))
    told = [str(name) for name in names if name]
    return ' '.join(told[:2]) if item.get('first_name') else told[0] if told else ''
