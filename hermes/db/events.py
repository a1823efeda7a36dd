"""The inbox as the engine sees it: claim what is due, mark what became of it, add what we ourselves cause (intents,
answers, pages).

`event_once` makes every delivery one row; SKIP LOCKED lets many workers share the work.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hermes.db import bells
from hermes.db.bells import EVENT, rung
from hermes.db.codec import dump
from hermes.db.pool import Connection, Row, the_row
from hermes.domain.model import Event

EVENT_COLUMNS = 'id, source, kind, dedupe_key, body, received_at, headers, attempts, state'
REPLAYED = ('webhook', 'page', 'answer', 'read', 'absence')
"""What came from outside, and can be applied again: an act is done once, by whoever wants it again."""


def read_event(row: Row) -> Event:
    """A row of event as the pure core sees it."""
    return Event(
        row['id'], row['source'], row['kind'], row['body'] or b'', row['received_at'], row['headers'], row['dedupe_key']
    )


async def claim(connection: Connection, limit: int) -> list[Row]:
    """Due events, oldest first, locked until the transaction ends."""
    rows = await connection.execute(
        f"select {EVENT_COLUMNS} from event where state in ('new', 'waiting') and due_at <= hermes_now() "
        'order by due_at, id limit %s for update skip locked',
        (limit,),
    )
    return sorted(await rows.fetchall(), key=lambda row: row['id'])


async def claim_one(connection: Connection, event_id: int) -> Row | None:
    """One event, if nobody else holds it and it is still to be done."""
    rows = await connection.execute(
        f"select {EVENT_COLUMNS} from event where id = %s and state in ('new', 'waiting') for update skip locked",
        (event_id,),
    )
    return await rows.fetchone()


FINISH = f"""
    with woken as (
      update event set due_at = hermes_now() where state = 'waiting' and reason = any(%(told)s)
        and not id = any(%(ids)s) returning {rung(EVENT)}
    )
    update event e set
      state = case when r.waits then e.state else 'done' end,
      applied_seq = case when r.waits then e.applied_seq else r.seq end,
      applied_at = case when r.waits then e.applied_at else hermes_now() end,
      outcome = case when r.waits then e.outcome else r.outcome end,
      reason = case when r.waits then e.reason end,
      due_at = case when r.waits and e.reason = any(%(told)s) then hermes_now() else e.due_at end,
      waited = case when r.waits and (r.moved or e.waited = '{{}}') then e.waited || r.seq else e.waited end
    from (
      select id, outcome, waits, moved, nextval('applied_seq') as seq from (select * from jsonb_to_recordset(%(rows)s)
        as t(id bigint, outcome jsonb, waits bool, moved bool, place int) order by place) s
    ) r where e.id = r.id and e.id = any(%(ids)s)
"""


async def finish(
    connection: Connection, done: Iterable[tuple[int, Any]], moved: Collection[int] = (), told: Collection[str] = ()
) -> None:
    """Mark events done, with one outcome per element, in the order in which they were applied. One whose outcome is
    None waits still (`postpone`): what it could do already is done, so its place in the log is kept, of the first time
    and of each that `moved` something (I14). `told`: what waits for one of these reasons can go on at once.
    """
    rows = [
        {'id': event_id, 'outcome': outcome, 'place': place, 'waits': outcome is None, 'moved': event_id in moved}
        for place, (event_id, outcome) in enumerate(done)
    ]
    if rows:
        ids = [row['id'] for row in rows]
        await connection.execute(FINISH, {'rows': dump(rows), 'ids': ids, 'told': list(told)})


async def postpone(connection: Connection, event_id: int, due_at: datetime, reason: str) -> None:
    """The event waits for something (D-3); it is tried again and never dropped."""
    await connection.execute(
        "update event set state = 'waiting', due_at = %s, reason = %s where id = %s", (due_at, reason, event_id)
    )


async def fail(connection: Connection, event_id: int, due_at: datetime, reason: str, park: bool) -> None:
    """An attempt failed: later again, or parked with everything needed to mend it (I12)."""
    state = 'parked' if park else 'new'
    await connection.execute(
        'update event set state = %s, attempts = attempts + 1, due_at = %s, reason = %s where id = %s',
        (state, due_at, reason, event_id),
    )


async def note(connection: Connection, event_id: int, about: list[dict[str, Any]]) -> None:
    """What an event that could not be applied speaks of, for whoever looks for it."""
    await connection.execute('update event set outcome = %s where id = %s', (dump(about), event_id))


async def refuse(connection: Connection, event_id: int, code: str, message: str, about: Sequence[str] = ()) -> None:
    """An act that was refused is over: it leaves its event with the refusal, and nobody has to mend it. `about`: the
    records that it names.
    """
    await connection.execute(
        "update event set state = 'refused', attempts = attempts + 1, reason = %s, outcome = %s where id = %s",
        (message, dump([{'refused': code, 'message': message, 'about': list(about)}]), event_id),
    )


async def add(
    connection: Connection,
    source: str,
    kind: str,
    body: bytes,
    *,
    state: str = 'done',
    headers: Mapping[str, str] | None = None,
    cause_id: int | None = None,
    dedupe_key: bytes | None = None,
) -> Event:
    """An event of our own: an intent, an answer, a page, an act. Fresh key: each happens once."""
    row = await the_row(
        connection,
        'insert into event (source, kind, dedupe_key, headers, body, state, cause_id) '
        'values (%s, %s, %s, %s, %s, %s, %s) '
        f'returning {EVENT_COLUMNS}',
        (source, kind, dedupe_key or secrets.token_bytes(16), dump(dict(headers or {})), body, state, cause_id),
    )
    if state == 'new':
        await ring(connection)
    return read_event(row)


@dataclass(frozen=True, slots=True)
class Apart:
    """An element that cannot be applied, as an event of its own: put aside (refused), or tried again."""

    event: Event
    body: bytes
    reason: str
    refused: bool
    about: list[str]


async def set_apart(connection: Connection, part: Apart) -> None:
    """A part of a delivery as an event of its own, received when the whole was: parked, or tried again (E-8)."""
    whole = part.event
    await connection.execute(
        'insert into event (source, kind, dedupe_key, received_at, headers, body, state, attempts, reason, cause_id, '
        'outcome) values (%s, %s, %s, %s, %s, %s, %s, 1, %s, %s, %s)',
        (
            whole.source, whole.kind, secrets.token_bytes(16), whole.received_at, dump(dict(whole.headers)), part.body,
            'parked' if part.refused else 'new', part.reason, whole.id, dump([{'about': part.about}]),
        ),
    )  # fmt: skip


async def metadata_page(connection: Connection, source: str, remote_type: str, before: int) -> Event | None:
    """The newest page about the fields of a type that came before an event."""
    rows = await connection.execute(
        f"select {EVENT_COLUMNS} from event where source = %s and kind = 'metadata' and id < %s and "
        "body is not null and convert_from(body, 'UTF8')::jsonb #>> '{request,op}' = 'fields' and "
        "convert_from(body, 'UTF8')::jsonb #>> '{request,type}' = %s order by id desc limit 1",
        (source, before, remote_type),
    )
    row = await rows.fetchone()
    return read_event(row) if row else None


async def ring(connection: Connection) -> None:
    """Wake the workers when this transaction commits."""
    await bells.ring(connection, bells.EVENT)


async def park(connection: Connection, event_id: int, reason: str) -> bool:
    """Put aside what is not applied yet. False where there is none such."""
    done = await connection.execute(
        "update event set state = 'parked', reason = %s where id = %s and state in ('new', 'waiting')",
        (reason, event_id),
    )
    return done.rowcount > 0


async def replay(connection: Connection, event_id: int) -> bool:
    """Have what arrived applied again. Its place in the log stays, beside the one that it gets now (I14). False where
    it cannot be.
    """
    done = await connection.execute(
        "update event set state = 'new', due_at = hermes_now(), attempts = 0, reason = null, "
        'waited = case when applied_seq is null then waited else waited || applied_seq end '
        "where id = %s and state in ('parked', 'done', 'dismissed') and kind = any(%s) and body is not null",
        (event_id, list(REPLAYED)),
    )
    await ring(connection)
    return done.rowcount > 0


async def dismiss(connection: Connection, event_id: int, reason: str) -> bool:
    """What is parked is not wanted any more. False where it is not parked."""
    done = await connection.execute(
        "update event set state = 'dismissed', reason = concat('dismissed: ', %s::text, ' (', reason, ')') "
        "where id = %s and state = 'parked'",
        (reason, event_id),
    )
    return done.rowcount > 0


async def find(connection: Connection, event_id: int) -> Row | None:
    """An event by its id."""
    return await (await connection.execute(f'select {EVENT_COLUMNS} from event where id = %s', (event_id,))).fetchone()


async def forget(connection: Connection, event_id: int) -> None:
    """An event of our own that this transaction wrote, and that came to nothing."""
    await connection.execute('delete from event where id = %s', (event_id,))


async def apply_looked(connection: Connection, ids: Collection[int]) -> None:
    """Pages that were only looked at are applied like any other."""
    await connection.execute(
        "update event set kind = 'page', state = 'new', due_at = hermes_now() where id = any(%s) and kind = 'look'",
        (list(ids),),
    )
    await ring(connection)


async def count_waiting(connection: Connection, ids: Collection[int]) -> int:
    """How many of some events are still to be applied."""
    rows = await connection.execute(
        "select count(*) as n from event where id = any(%s) and state in ('new', 'waiting')", (list(ids),)
    )
    row = await rows.fetchone()
    return int(row['n']) if row else 0


async def last_delivery(connection: Connection, source: str) -> datetime | None:
    """When a webhook of a source arrived last."""
    rows = await connection.execute(
        "select max(received_at) as at from event where source = %s and kind like 'webhook%%'", (source,)
    )
    row = await rows.fetchone()
    at: datetime | None = row['at'] if row else None
    return at
