"""Replays of many events as rows: begun by an act, worked off by whoever holds the row, a chunk a transaction.

The row is locked for as long as a chunk is applied, and what was done and how far it is are committed together: so a
killed worker costs its chunk, which is done again; one that stands still loses its transaction, and with it the row
(`pool.IDLE_IN_TRANSACTION_S` is its lease); and nobody can write over the work of whoever has it then.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from hermes.db.bells import ERRAND, rung
from hermes.db.codec import dump
from hermes.db.event_filter import matching
from hermes.db.events import EVENT_COLUMNS, REPLAYED
from hermes.db.pool import Connection, Row, the_row
from hermes.domain.event_filter import APPLIED_AGAIN, EventFilter

KEPT: Final = 1_000
"""Of so many events that are not done a replay knows the numbers."""
CAN: Final = 'kind = any(%(kinds)s) and body is not null and state = any(%(states)s)'
BEGIN: Final = f"""
    insert into replay (filter, event_id, upto, started_at) values (%s, %s, %s, hermes_now())
    returning id, {rung(ERRAND)}
"""
CLAIM: Final = """
    select * from replay where state = 'running' order by seen_at nulls first, id limit 1 for update skip locked
"""
COUNT: Final = f"""
    select count(*) as total, coalesce(min(id), 1) - 1 as at, coalesce(max(id), 0) as upto
    from event where {{condition}} and {CAN} and id <= %(upto)s
"""
COUNT_SOME: Final = f"""
    select count(*) as n from (select from event where {{condition}} and {CAN} limit %(most)s) as few
"""
NEXT: Final = f"""
    select {EVENT_COLUMNS} from event where {{condition}} and {CAN} and id > %(at)s and id <= %(upto)s
    order by id limit %(limit)s for update
"""
AGAIN: Final = """
    update event set state = 'new', due_at = hermes_now(), attempts = 0, reason = null,
      waited = case when applied_seq is null then waited else waited || applied_seq end
    where id = any(%s)
"""
MOVE: Final = """
    update replay set at = %(at)s, looked = looked + %(looked)s, changed = changed + %(changed)s,
      changes = changes + %(changes)s, refused = refused + %(refused)s,
      unsettled = (unsettled || %(unsettled)s::bigint[])[:%(kept)s], seen_at = hermes_now(), worker = %(worker)s
    where id = %(id)s
"""
END: Final = 'update replay set state = %s, ended_at = hermes_now() where id = %s and state = %s'


def _meant(wanted: EventFilter) -> tuple[str, dict[str, Any]]:
    """The condition of a filter, and its parameters, of what can be applied again."""
    condition, told = matching(wanted)
    return condition, told | {'kinds': list(REPLAYED), 'states': list(APPLIED_AGAIN)}


async def begin(connection: Connection, wanted: EventFilter, event_id: int) -> int:
    """A replay of whatever was there before the event that asks for it; its number."""
    row = await the_row(connection, BEGIN, (dump(wanted.told()), event_id, event_id - 1))
    return int(row['id'])


async def claim(connection: Connection) -> Row | None:
    """The running replay that was seen to the longest time ago, and that nobody holds; held until the transaction
    ends.
    """
    return await (await connection.execute(CLAIM)).fetchone()


async def count(connection: Connection, replay_id: int, wanted: EventFilter, upto: int) -> None:
    """Write down how many events are meant, and between which numbers they are."""
    condition, told = _meant(wanted)
    found = await the_row(connection, COUNT.format(condition=condition), told | {'upto': upto})
    await connection.execute(
        'update replay set total = %(total)s, at = %(at)s, upto = %(upto)s where id = %(id)s',
        {**found, 'id': replay_id},
    )


async def count_some(connection: Connection, wanted: EventFilter, most: int) -> int:
    """How many events are meant, counted up to `most`."""
    condition, told = _meant(wanted)
    row = await the_row(connection, COUNT_SOME.format(condition=condition), told | {'most': most})
    return int(row['n'])


async def next_events(
    connection: Connection, wanted: EventFilter, limit: int, *, at: int = 0, upto: int = 2**63 - 1, lock: bool = True
) -> list[Row]:
    """The next events that are meant, in the order in which they arrived."""
    condition, told = _meant(wanted)
    query = NEXT.format(condition=condition)
    query = query if lock else query.replace('for update', '')
    rows = await connection.execute(query, told | {'at': at, 'upto': upto, 'limit': limit})
    return await rows.fetchall()


async def apply_again(connection: Connection, ids: Collection[int]) -> None:
    """What was applied is to be applied again. Its place in the log stays, beside the one that it gets now (I14)."""
    await connection.execute(AGAIN, (list(ids),))


async def outcomes(connection: Connection, ids: Collection[int]) -> list[Row]:
    """What became of events: id, state, and how many changes each made."""
    rows = await connection.execute(
        "select id, state, (select coalesce(sum((part ->> 'changes')::int), 0)::int from jsonb_array_elements("
        "case when jsonb_typeof(outcome) = 'array' then outcome else '[]' end) as part) as changes "
        'from event where id = any(%s)',
        (list(ids),),
    )
    return await rows.fetchall()


async def move(connection: Connection, replay_id: int, worker: str, done: Mapping[str, Any]) -> None:
    """How far it is, in the transaction that went so far."""
    await connection.execute(MOVE, {**done, 'id': replay_id, 'worker': worker, 'kept': KEPT})


async def end(connection: Connection, replay_id: int, state: str = 'done') -> bool:
    """It is over. False where it was over already, or there is none such."""
    return (await connection.execute(END, (state, replay_id, 'running'))).rowcount > 0


async def is_anything_due(connection: Connection) -> bool:
    """Whether something that arrived is still to be applied: it goes first."""
    rows = await connection.execute(
        "select 1 from event where state in ('new', 'waiting') and due_at <= hermes_now() limit 1"
    )
    return await rows.fetchone() is not None
