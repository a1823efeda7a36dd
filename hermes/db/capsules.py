"""What explains an event, a push or a decision, as rows: the events around it, the records that it speaks of with all
that is known of them; and how an empty database is given what such a collection begins with.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from hermes.db import graphs
from hermes.db.catalogue import bump, save_field, save_setting
from hermes.db.codec import dump, read_mirror, read_record
from hermes.db.event_filter import ABOUT
from hermes.db.pool import Connection, Row, the_row
from hermes.domain.fields import CustomField
from hermes.domain.graph import Graph
from hermes.domain.model import Event, RecordRef
from hermes.domain.record_types import SHARED, STORED

MOST_EVENTS: Final = 2_000
MOST_ROWS: Final = 10_000
RECORDS: Final = 'jsonb_to_recordset(%(records)s) as r(type text, id bigint)'
FAMILY: Final = """
    with recursive up as (
      select id, cause_id from event where id = any(%(ids)s)
      union select e.id, e.cause_id from event e join up on e.id = up.cause_id
    ), down as (
      select id from event where id = any(%(ids)s)
      union select e.id from event e join down on e.cause_id = down.id
    ) select id from up union select id from down order by id limit %(most)s
"""
OF_RECORDS: Final = f"""
    with known as (
      select c.event_id as id from change c join {RECORDS} on c.record_type = r.type and c.record_id = r.id
      union select unnest(array[c.intent_event, c.answer_event]) from call c
        join {RECORDS} on c.record_type = r.type and c.record_id = r.id
      union select m.event_id from mirror m join link l using (system, type, remote_id)
        join {RECORDS} on l.record_type = r.type and l.record_id = r.id
    ), names as (
      select array(select l.system || ':' || l.type || ':' || l.remote_id from link l
        join {RECORDS} on l.record_type = r.type and l.record_id = r.id) as told
    )
    select id from known where id is not null
    union select a.id from event a, names where a.outcome is not null and a.id >= (select min(id) from known)
      and {ABOUT} ?| names.told
"""
EVENTS: Final = """
    select e.id, e.source, e.kind, e.dedupe_key, e.received_at, e.headers, e.body, e.state, e.reason, e.attempts,
      e.applied_seq, e.applied_at, e.waited, e.outcome, e.cause_id,
      (select coalesce(jsonb_agg(c.record_id order by c.id), '[]') from change c
       where c.event_id = e.id and c.field = 'born') as births
    from event e where e.id = any(%(ids)s) order by e.id
"""
OF_PUSH: Final = """
    select coalesce((select answer_event from call where record_type = %(type)s and record_id = %(id)s
        and system = %(system)s and answer_event is not null order by id desc limit 1),
      (select event_id from change where record_type = %(type)s and record_id = %(id)s order by id desc limit 1)) as id
    from push where record_type = %(type)s and record_id = %(id)s and system = %(system)s
"""
BESIDE: Final = {
    'journal': f'select to_jsonb(t) as row from change t join {RECORDS} on t.record_type = r.type '
    'and t.record_id = r.id order by t.id desc limit %(most)s',
    'pushes': f"select to_jsonb(t) - 'leased_by' as row from push t join {RECORDS} on t.record_type = r.type "
    'and t.record_id = r.id order by t.rank, t.record_id limit %(most)s',
    'calls': f'select to_jsonb(t) as row from call t join {RECORDS} on t.record_type = r.type '
    'and t.record_id = r.id order by t.id desc limit %(most)s',
    'decisions': f'select to_jsonb(t) as row from decision t where t.event_id = any(%(ids)s) or exists (select from '
    f'{RECORDS} where t.record_type = r.type and t.record_id = r.id) order by t.id limit %(most)s',
}
MIRRORS: Final = f"""
    select to_jsonb(m) || jsonb_build_object('record_type', l.record_type, 'record_id', l.record_id,
      'is_primary', l.is_primary, 'link', l.state) as row
    from mirror m join link l using (system, type, remote_id) join {RECORDS} on l.record_type = r.type
      and l.record_id = r.id order by m.system, m.type, m.remote_id
"""
KEYS: Final = "- 'name_key' - 'email_keys' - 'phone_keys'"


async def family(connection: Connection, ids: Collection[int]) -> list[int]:
    """Some events with what caused them, and what they caused."""
    rows = await connection.execute(FAMILY, {'ids': list(ids), 'most': MOST_EVENTS})
    return [row['id'] for row in await rows.fetchall()]


async def of_records(connection: Connection, records: Iterable[RecordRef]) -> list[int]:
    """Every event that said something about some records, or was about a call for them, oldest first."""
    rows = await connection.execute(OF_RECORDS, {'records': _refs(records)})
    return sorted(row['id'] for row in await rows.fetchall())


async def event_of_push(connection: Connection, record: RecordRef, system: str) -> Row | None:
    """The event in which a push's last call ended, or else the last that changed its record; None: no such push."""
    rows = await connection.execute(OF_PUSH, {'type': record.type, 'id': record.id, 'system': system})
    return await rows.fetchone()


async def events(connection: Connection, ids: Collection[int]) -> list[Row]:
    """Events with their bodies, and the records that each of them bore."""
    return await (await connection.execute(EVENTS, {'ids': list(ids)})).fetchall()


async def records(connection: Connection, refs: Collection[RecordRef]) -> dict[str, list[Any]]:
    """The rows of some records, by their type."""
    found: dict[str, list[Any]] = {}
    for table in STORED:
        numbers = sorted(ref.id for ref in refs if ref.type == table)
        rows = await connection.execute(
            f'select to_jsonb(t) {KEYS} as row from {table} t where id = any(%s) order by id', (numbers,)
        )
        found[table] = [row['row'] for row in await rows.fetchall()]
    return found


async def shared(connection: Connection) -> set[RecordRef]:
    """Admins, pipelines, stages."""
    found = set()
    for table in SHARED:
        rows = await connection.execute(f'select id from {table}')
        found |= {RecordRef(table, row['id']) for row in await rows.fetchall()}
    return found


async def mirrors(connection: Connection, refs: Collection[RecordRef]) -> list[Any]:
    """What remote objects of some records say, with their links."""
    rows = await connection.execute(MIRRORS, {'records': _refs(refs)})
    return [row['row'] for row in await rows.fetchall()]


async def beside(connection: Connection, refs: Collection[RecordRef], ids: Collection[int]) -> dict[str, list[Any]]:
    """The journal, the pushes, the calls and the decisions of some records (and of some events)."""
    told = {'records': _refs(refs), 'ids': list(ids), 'most': MOST_ROWS}
    return {
        name: [row['row'] for row in await (await connection.execute(query, told)).fetchall()]
        for name, query in BESIDE.items()
    }


async def knowledge(connection: Connection) -> dict[str, list[Any]]:
    """The field catalogue and the settings."""
    found = {}
    for table, order in (('custom_field', 'linked_object_type, machine_name'), ('setting', 'key')):
        rows = await connection.execute(f'select to_jsonb(t) as row from {table} t order by {order}')
        found[table] = [row['row'] for row in await rows.fetchall()]
    return found


async def version(connection: Connection) -> str:
    """The version of the tables."""
    return str((await the_row(connection, 'select version_num from alembic_version'))['version_num'])


async def seed(
    connection: Connection, known: Mapping[str, list[Any]], rows: Mapping[str, list[Any]], told: Iterable[Any]
) -> None:
    """Give an empty database a catalogue, settings, and records with what remote objects say of them."""
    for item in known['custom_field']:
        await save_field(connection, CustomField(**item))
    for item in known['setting']:
        await save_setting(connection, item['key'], item['value'])
    graph = Graph()
    for table, found in rows.items():
        for row in found:
            graph.put_record(read_record(table, await _typed(connection, table, row)))
    for row in told:
        graph.put_mirror(read_mirror(await _typed(connection, 'mirror', row) | {
            name: row[name] for name in ('record_type', 'record_id', 'is_primary')
        }))  # fmt: skip
    event = Event(0, '', '', b'', (await the_row(connection, 'select hermes_now() as at'))['at'])
    await graphs.commit(connection, graph, graphs.Effects(), event, quiet=True)
    await bump(connection, 'catalogue')
    await bump(connection, 'directory')


async def number_from(connection: Connection, first: int) -> None:
    """New records have numbers from here on."""
    await connection.execute("select setval('record_id', %s)", (first,))


async def _typed(connection: Connection, table: str, row: Any) -> Row:
    """A row that was JSON, as the database gives it."""
    return await the_row(connection, f'select * from jsonb_populate_record(null::{table}, %s)', (dump(row),))


def _refs(refs: Iterable[RecordRef]) -> str:
    return dump([ref._asdict() for ref in sorted(refs)])


async def set_states(connection: Connection, ids: Collection[int]) -> None:
    """Of a log that was copied, these had not been applied: nothing folds them."""
    await connection.execute("update event set state = 'new', outcome = null where id = any(%s)", (list(ids),))


async def journal_of(connection: Connection, ids: Collection[int]) -> list[Row]:
    """What some events changed, with everything that the journal says of it."""
    rows = await connection.execute('select * from change where event_id = any(%s) order by id', (list(ids),))
    return await rows.fetchall()
