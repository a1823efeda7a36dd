"""App users beside their records: by what the host names them, their checks, and the feed of what the host is told.

The feed is numbered when it is read, under one lock: what commits later gets a later number, so that nobody who goes on
from a number misses anything, and writers wait for nobody (AU-18).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from hermes.db.codec import dump, read_record
from hermes.db.pool import Connection, Row, the_row
from hermes.db.reads.people import COUNT
from hermes.domain.app_user import FEED, told
from hermes.domain.app_user_states import WROTE
from hermes.domain.graph import Graph
from hermes.domain.model import Change, Check, Record, RecordRef
from hermes.domain.record_types import PEOPLE

FEED_LOCK: Final = 4_729_100_014
EMAIL_LOCKS: Final = 4_729_115
"""The first half of an advisory lock's key; the second is made of the address."""
KEY_LOCKS: Final = 4_729_116
"""The same of a key: who draws its number holds it until they commit."""
CLAIM: Final = f"""
    with free as (
      select pg_advisory_xact_lock({KEY_LOCKS}, hashtext(%(key)s))
      where not exists (select 1 from person_key where key = %(key)s)
    ), made as (
      insert into person_key (key, record_id) select %(key)s, coalesce(%(id)s, nextval('record_id')) from free
      on conflict (key) do nothing returning record_id
    )
    select record_id from made union all select record_id from person_key where key = %(key)s limit 1
"""
NUMBER: Final = """
    update feed f set number = o.number
    from (select id, nextval('feed_place') as number from (select id from feed where number is null order by id) f) o
    where f.id = o.id
"""
CHANGES: Final = 'select number, record_id, says, at from feed where number > %s order by number limit %s'


async def claim(connection: Connection, key: str, record_id: int | None = None) -> int:
    """The id of the record that is, or will be, named by a key: the same for everybody, whenever they commit."""
    while True:
        row = await (await connection.execute(CLAIM, {'key': key, 'id': record_id})).fetchone()
        if row is not None:
            return int(row['record_id'])


async def lock_email(connection: Connection, email: str) -> None:
    """Nobody else takes a folded address until this transaction ends."""
    await connection.execute('select pg_advisory_xact_lock(%s, hashtext(%s))', (EMAIL_LOCKS, email))


async def take(connection: Connection, key: str, record_id: int) -> int:
    """The same for a record that is known. A transaction of the host that has the key meanwhile is not waited for: its
    own sign-up finds the address taken.
    """
    known = await find_key(connection, key)
    if known is not None:
        return known
    rows = await connection.execute('select pg_try_advisory_xact_lock(%s, hashtext(%s)) as got', (KEY_LOCKS, key))
    row = await rows.fetchone()
    return await claim(connection, key, record_id) if row and row['got'] else record_id


async def find_key(connection: Connection, key: str) -> int | None:
    """The record that a key names; None for nobody."""
    row = await (await connection.execute('select record_id from person_key where key = %s', (key,))).fetchone()
    return int(row['record_id']) if row else None


async def rename(connection: Connection, old: str, new: str, record_id: int) -> None:
    """A record is named by another key from now on."""
    await connection.execute('delete from person_key where key = %s and record_id = %s', (old, record_id))
    await take(connection, new, record_id)


async def drop_unborn(connection: Connection, number: object) -> None:
    """Nobody is found by a key that was drawn for somebody who is not taken in (S10)."""
    await connection.execute(
        'delete from person_key k where record_id = %s and not exists (select from app_user where id = k.record_id) '
        'and not exists (select from subscription where id = k.record_id)',
        (number if isinstance(number, int) else 0,),
    )


async def holders(connection: Connection, email: str, kind: str = 'app_user') -> list[int]:
    """The live records of a folded address."""
    rows = await connection.execute(
        f'select id from {kind} where lower(email) = %s and tombstone is null and alias_of is null order by id',
        (email,),
    )
    return [row['id'] for row in await rows.fetchall()]


async def next_ids(connection: Connection, kind: str, after: int, limit: int) -> list[int]:
    """The next live records of a kind after an id."""
    rows = await connection.execute(
        f'select id from {kind} where id > %s and tombstone is null and alias_of is null order by id limit %s',
        (after, limit),
    )
    return [row['id'] for row in await rows.fetchall()]


async def find(connection: Connection, ref: RecordRef) -> Record | None:
    """A record as it stands, without its mirrors and without a lock."""
    row = await (await connection.execute(f'select * from {ref.type} where id = %s', (ref.id,))).fetchone()
    return read_record(ref.type, row) if row else None


async def note(
    connection: Connection, graph: Graph, changes: Sequence[tuple[Change, int]], checks: Iterable[Check]
) -> None:
    """What happened to app users: their checks, and what the host is told of them."""
    steps = [
        {
            'record_type': check.record.type, 'record_id': check.record.id, 'target': check.target,
            'state': check.state, 'excerpt': check.detail, 'event_id': check.event_id, 'code': check.code,
            'run_id': check.run,
        }
        for check in checks
    ]  # fmt: skip
    if steps:
        await connection.execute(
            'insert into crm_check (record_type, record_id, target, state, code, excerpt, run_id, event_id) '
            'select record_type, record_id, target, state, code, excerpt, run_id, event_id '
            'from jsonb_populate_recordset(null::crm_check, %s) with ordinality as t order by ordinality',
            (dump(steps),),
        )
    moved = dict.fromkeys(
        change.record for change, _ in changes if change.record.type in PEOPLE and change.field in FEED
    )
    rows = [
        {'record_id': ref.id, 'says': {'type': ref.type, **asdict(told(graph.records[ref]))}}
        for ref in moved
        if ref in graph.records
    ]
    if rows:
        await connection.execute(
            'insert into feed (record_id, says) select record_id, says from jsonb_to_recordset(%s) as '
            'r(record_id bigint, says jsonb)',
            (dump(rows),),
        )


@dataclass(frozen=True, slots=True)
class News:
    """One line of the feed."""

    number: int
    says: dict[str, Any]
    at: datetime


async def number_news(connection: Connection) -> None:
    """What is new in the feed gets its numbers now."""
    fresh = await (await connection.execute('select 1 from feed where number is null limit 1')).fetchone()
    if fresh is not None:
        await connection.execute('select pg_advisory_xact_lock(%s)', (FEED_LOCK,))
        await connection.execute(NUMBER)


async def changes(connection: Connection, after: int, limit: int) -> list[News]:
    """The feed after a number, in order; what is new gets its numbers now."""
    await number_news(connection)
    rows = await connection.execute(CHANGES, (after, limit))
    return [News(row['number'], row['says'], row['at']) for row in await rows.fetchall()]


async def counts(connection: Connection, target: str) -> dict[str, int]:
    """How many live app users stand in each state of a target."""
    rows = await connection.execute(COUNT, {'target': target})
    return {row['state']: row['n'] for row in await rows.fetchall()}


async def written_by(connection: Connection, run: int) -> dict[int, str]:
    """The ids that a run wrote: our number -> the target's id."""
    rows = await connection.execute(
        "select distinct on (record_id) record_id, code from crm_check where run_id = %s and state = %s and code <> '' "
        'order by record_id, id desc',
        (run, WROTE),
    )
    return {row['record_id']: row['code'] for row in await rows.fetchall()}


async def with_legacy_id(connection: Connection) -> list[int]:
    """Everybody who still has an id of the CRM that was left."""
    rows = await connection.execute('select id from app_user where legacy_id is not null order by id')
    return [row['id'] for row in await rows.fetchall()]


async def in_state(connection: Connection, target: str, told: Sequence[str], after: int, limit: int) -> list[Record]:
    """The next live app users in some states of a target, after an id."""
    rows = await connection.execute(
        'select * from app_user where target = %s and state = any(%s) and id > %s and tombstone is null and '
        'alias_of is null order by id limit %s',
        (target, list(told), after, limit),
    )
    return [read_record('app_user', row) for row in await rows.fetchall()]


async def crm_ids(connection: Connection, target: str) -> dict[str, tuple[int, bool]]:
    """Everybody who stands in a target: its id -> our number, and whether they are a sustainer."""
    rows = await connection.execute(
        'select id, crm_id, coalesce(is_sustainer, false) as is_sustainer from app_user where target = %s and '
        'crm_id is not null and tombstone is null',
        (target,),
    )
    return {row['crm_id']: (row['id'], row['is_sustainer']) for row in await rows.fetchall()}


async def begin_run(connection: Connection, kind: str, target: str, told: Sequence[str], by: str) -> int:
    """A run over many, so that it can be resumed and taken back; its number."""
    row = await the_row(
        connection,
        'insert into people_run (kind, target, states, by) values (%s, %s, %s, %s) returning id',
        (kind, target, dump(list(told)), by),
    )
    return int(row['id'])


async def find_run(connection: Connection, run: int) -> Row | None:
    """A run: kind, target, states, cursor, counts, begun_at, ended_at."""
    row = await connection.execute('select * from people_run where id = %s', (run,))
    return await row.fetchone()


async def advance_run(connection: Connection, run: int, cursor: int, counts: Mapping[str, int], *, ended: bool) -> None:
    """How far a run came."""
    await connection.execute(
        'update people_run set cursor = %s, counts = %s, ended_at = case when %s then hermes_now() end where id = %s',
        (cursor, dump(dict(counts)), ended, run),
    )


async def keep_once(connection: Connection, source: str, body: bytes, key: bytes) -> bool:
    """An answer that was read before, as an event that is still to be applied; once for its key. Whether it was new."""
    done = await connection.execute(
        "insert into event (source, kind, dedupe_key, headers, body) values (%s, 'read', %s, '{}', %s) "
        'on conflict do nothing',
        (source, key, body),
    )
    return done.rowcount == 1


async def find_crm_id(connection: Connection, target: str, crm_id: str) -> int | None:
    """The live app user who stands in a target under an id."""
    rows = await connection.execute(
        'select id from app_user where target = %s and crm_id = %s and tombstone is null', (target, crm_id)
    )
    row = await rows.fetchone()
    return int(row['id']) if row else None
