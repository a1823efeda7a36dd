"""Every statement of the import: what is read of an older Hermes's database, and what is asked of the new one.

The older one is of the second version or the newest one, told apart by the tables present. One read-only transaction
sees one moment of it; nothing is ever written there. Password hashes never leave it.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from hermes.db.codec import dump
from hermes.db.pool import Connection, the_row
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef, RemoteRef
from hermes.kit import countries
from hermes.legacy.rows import TABLES, Generation, Source

Older = psycopg.Connection[dict[str, Any]]
NEEDED: Final = frozenset({'admin', 'company', 'contact', 'deal', 'meeting', 'pipeline', 'stage', 'config'})
SECOND: Final = frozenset({'customfield', 'customfieldvalue', 'aerich'})
OURS: Final = frozenset({'event', 'mirror', 'link', 'push'})

PRESENT: Final = "select table_name as name from information_schema.tables where table_schema = 'public'"
ZONELESS: Final = """
    select table_name, column_name from information_schema.columns where table_schema = 'public'
      and data_type = 'timestamp without time zone' order by table_name, ordinal_position
"""
KNOWN: Final = """
    select dedupe_key, sha256(body) as digest from event where source = 'legacy' and kind = 'act'
      and (%(all)s or dedupe_key = any(%(keys)s::bytea[]))
"""
HEARD: Final = """
    select m.system, m.type, m.remote_id from jsonb_to_recordset(%s) as r(system text, type text, remote_id text)
      join mirror m using (system, type, remote_id) order by 1, 2, 3 limit 1
"""
CONTRADICTED: Final = """
    select l.system, l.type, l.remote_id, l.record_type, l.record_id, m.version[0]::bigint < 0 as unseen,
      coalesce(m.runs #> '{hermes_id,-1,0}', '[]') as ids
    from link l join mirror m using (system, type, remote_id) join change c on c.record_type = l.record_type
      and c.record_id = l.record_id and c.field = 'born' and c.system = 'legacy'
    where l.system = 'pipedrive' and l.type in ('organization', 'person', 'deal') and l.state = 'live'
    order by l.type, length(l.remote_id), l.remote_id
"""


def read(url: str) -> Source:
    """Everything of an older database. Raises Refused, with one sentence, when it is out of reach or none."""
    try:
        with psycopg.connect(
            url, row_factory=dict_row, connect_timeout=10, options='-c timezone=UTC -c default_transaction_read_only=on'
        ) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return _read(connection)
    except psycopg.ProgrammingError as error:
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise Refused('The source may not be read by this user: give it select on every table.') from None
        raise Refused('The source is no older Hermes, or --from is no address of a PostgreSQL database.') from None
    except psycopg.OperationalError as error:
        told = str(error).strip().splitlines()
        raise Refused(f'The source cannot be reached: {told[0] if told else "no answer"}.') from None


def _read(connection: Older) -> Source:
    present = {row['name'] for row in connection.execute(PRESENT)}
    generation = _generation(present)
    passwords = _passwords(connection)
    tables = {name: _rows(connection, name) for name in TABLES if name in present}
    zoneless = [(row['table_name'], row['column_name']) for row in connection.execute(ZONELESS)]
    named = {row.get('country') or '' for row in tables['company']}
    return Source(
        generation,
        tables,
        [one for one in zoneless if one[0] in TABLES],
        passwords,
        {told: countries.alpha2(told) for told in sorted(named)},
    )


def _generation(present: set[str]) -> Generation:
    if present >= OURS:
        raise Refused(
            'The source is a database of this Hermes, not of an older one: "hermes db restore-from-live" copies it.'
        )
    missing = sorted(NEEDED - present)
    if missing:
        raise Refused(f'The source is no older Hermes: it has no table {missing[0]}.')
    if present >= SECOND:
        return 'second'
    if 'alembic_version' in present and not present & SECOND:
        return 'newest'
    raise Refused('The source is neither a second version nor a newest one of Hermes, by the tables that it has.')


def _rows(connection: Older, table: str) -> list[dict[str, Any]]:
    query = sql.SQL("select to_jsonb(t) - 'password' as row from {} t order by id").format(sql.Identifier(table))
    return [row['row'] for row in connection.execute(query)]


def _passwords(connection: Older) -> int:
    row = connection.execute(
        "select count(*) filter (where coalesce(to_jsonb(t) ->> 'password', %s) <> %s) as n from admin t", ('', '')
    ).fetchone()
    return int(row['n']) if row else 0


async def known_events(connection: Connection, keys: Sequence[bytes] | None = None) -> dict[bytes, bytes | None]:
    """Events of an import that are there: key -> digest of the body."""
    rows = await connection.execute(KNOWN, {'all': keys is None, 'keys': list(keys or ())})
    return {
        bytes(row['dedupe_key']): bytes(row['digest']) if row['digest'] is not None else None
        for row in await rows.fetchall()
    }


async def first_body(connection: Connection, key: bytes) -> bytes | None:
    """The body of one of them, while it is kept."""
    rows = await connection.execute("select body from event where source = 'legacy' and dedupe_key = %s", (key,))
    row = await rows.fetchone()
    return bytes(row['body']) if row and row['body'] is not None else None


async def taken_record(connection: Connection, records: Iterable[RecordRef]) -> RecordRef | None:
    """One of these records that is there already."""
    by_type: dict[str, list[int]] = {}
    for ref in records:
        by_type.setdefault(ref.type, []).append(ref.id)
    for table, ids in sorted(by_type.items()):
        rows = await connection.execute(f'select min(id) as id from {table} where id = any(%s)', (ids,))
        row = await rows.fetchone()
        if row is not None and row['id'] is not None:
            return RecordRef(table, row['id'])
    return None


async def first_number(connection: Connection) -> int:
    """Where this database's own record ids are: they begin at a random multiple of a million."""
    row = await the_row(connection, 'select last_value / 1000000 * 1000000 as first from record_id')
    return int(row['first'])


async def heard_remote(connection: Connection, remotes: Collection[RemoteRef]) -> RemoteRef | None:
    """One of these remote objects that is known already."""
    rows = await connection.execute(HEARD, (dump([ref._asdict() for ref in sorted(remotes)]),))
    row = await rows.fetchone()
    return RemoteRef(row['system'], row['type'], row['remote_id']) if row else None


async def taken_admin(
    connection: Connection, tc2_ids: Sequence[int | None], owner_ids: Sequence[int | None]
) -> int | None:
    """An admin who has one of these ids."""
    rows = await connection.execute(
        'select min(id) as id from admin where tc2_admin_id = any(%s) or pd_owner_id = any(%s)',
        ([number for number in tc2_ids if number], [number for number in owner_ids if number]),
    )
    row = await rows.fetchone()
    return row['id'] if row else None


async def contradictions(connection: Connection) -> list[dict[str, Any]]:
    """Links of imported records, each with what its object in the CRM says of itself."""
    return list(await (await connection.execute(CONTRADICTED)).fetchall())
