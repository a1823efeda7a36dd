"""The ledger of the round robin (API-3): drawn under one lock a queue, so that equals never differ by more than one
turn (I22), whoever draws and however many at once. How a queue stands is kept beside the ledger, so that a draw reads
what is new and not what was.

A company that gets its first sales or support person by a delivery, a read or a booking counts as a turn of that person
in the transaction that journals it: in sales only where its plan and its country are known, for else nobody knows in
which queue. What a listing or an import brings in bulk is history and counts for nobody.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from hermes.db import pool
from hermes.db.codec import dump
from hermes.db.pool import Connection, Row, the_row
from hermes.domain import rota
from hermes.domain.model import Change
from hermes.domain.rota import Kind, Standing, Turn
from hermes.domain.rules import PLANS

QUEUE_LOCKS: Final = 47_293
"""The first half of an advisory lock's key; the second is the hash of the queue's name."""
BATCH: Final = 5_000
FORGET_DAYS: Final = 30
SAME_BOOKING: Final = timedelta(minutes=5)
"""A turn of a company that is younger than this is that of the booking at hand."""
PERSON_OF: Final[dict[str, Kind]] = {'sales_person_id': 'sales', 'support_person_id': 'support'}

LEDGER: Final = """
    select id, admin_id, why, at, booked_at, returned_at from turn where queue = %(queue)s order by id
"""
NEWS: Final = """
    select id, admin_id, why, at, booked_at, returned_at from turn where queue = %(queue)s and not counted order by id
"""
DUE: Final = """
    select id, admin_id, why, at, booked_at, returned_at from turn
    where queue = %(queue)s and counted and not given_back and returned_at <= hermes_now()
    union
    select id, admin_id, why, at, booked_at, returned_at from turn
    where queue = %(queue)s and counted and not given_back and why = 'drawn' and booked_at is null
      and at <= hermes_now() - %(while)s
"""
"""Turns that stand in the count and are to be given back."""
STANDING: Final = 'select level, counts, last from standing where queue = %(queue)s'
KEEP: Final = """
    insert into standing (queue, level, counts, last) values (%(queue)s, %(level)s, %(counts)s, %(last)s)
    on conflict (queue) do update set level = excluded.level, counts = excluded.counts, last = excluded.last
"""
OPEN_QUEUES: Final = """
    select distinct queue from turn where counted and not given_back
      and (returned_at <= hermes_now() or (why = 'drawn' and booked_at is null and at <= hermes_now() - %(while)s))
    order by queue
"""
QUEUES_OF: Final = """
    select queue from turn where client_hash = %(client)s and why = 'drawn' and at > hermes_now() - %(unbooked)s
    union select queue from turn where company_id = %(company)s and why = 'booked' and at > hermes_now() - %(while)s
    order by queue
"""
REMEMBERED: Final = """
    select admin_id from turn where client_hash = %(client)s and queue = %(queue)s and why = 'drawn'
      and returned_at is null and at > hermes_now() - %(while)s and admin_id = any(%(people)s)
    order by id desc limit 1
"""
OPEN_DRAWS: Final = """
    select id, queue, admin_id from turn where client_hash = %(client)s and why = 'drawn' and booked_at is null
      and returned_at is null and at > hermes_now() - %(while)s and split_part(queue, ':', 1) = %(kind)s
    order by id desc for update
"""
FIRST_PERSONS: Final = """
    select r.record_id as company, r.field, (r.new #>> '{}')::bigint as admin, e.kind = 'act' as booked,
           case when not c.claims @? '$.substituted.price_plan' then c.price_plan end as price_plan, c.country
    from jsonb_to_recordset(%s) as r(record_id bigint, field text, new jsonb, event_id bigint)
      join event e on e.id = r.event_id and (e.kind in ('webhook', 'read', 'answer')
        or (e.kind = 'act' and e.source = 'website'))
      join company c on c.id = r.record_id
    order by r.record_id, r.field
"""
COUNTED_ONCE: Final = """
    delete from turn where company_id = %(company)s and admin_id = %(admin)s and why = 'booked'
      and at > hermes_now() - %(while)s
    returning queue, admin_id, counted
"""
GIVE_BACK: Final = """
    update turn set returned_at = at + %(while)s where id in (
      select id from turn where why = 'drawn' and booked_at is null and returned_at is null
        and at <= hermes_now() - %(while)s order by id limit %(batch)s)
"""
FORGET: Final = """
    delete from turn where id in (
      select id from turn where returned_at < hermes_now() - make_interval(days => %(days)s)
        and (given_back or not counted) order by id limit %(batch)s)
"""


async def draw(connection: Connection, queue: str, people: Sequence[int], client: bytes) -> int | None:
    """Whose turn it is among `people` (admin ids): taken, and remembered for `client` (a keyed hash), who gets the same
    person again for half an hour. None where there is nobody. Holds the queue's lock until the transaction ends.
    """
    if not people:
        return None
    await _lock(connection, queue)
    asked = {'client': client, 'queue': queue, 'while': rota.REMEMBERED, 'people': list(people)}
    known = await (await connection.execute(REMEMBERED, asked)).fetchone()
    if known is not None:
        return int(known['admin_id'])
    standing, now = await _settle(connection, queue), await pool.now(connection)
    chosen = standing.order(people)[0]
    row = await the_row(
        connection,
        "insert into turn (queue, admin_id, client_hash, why, counted) values (%s, %s, %s, 'drawn', true) returning id",
        (queue, chosen, client),
    )
    standing.take(row['id'], Turn(chosen, True, now))
    await _keep(connection, queue, standing)
    return chosen


async def _lock(connection: Connection, queue: str) -> None:
    await connection.execute('select pg_advisory_xact_lock(%s, hashtext(%s))', (QUEUE_LOCKS, queue))


async def _settle(connection: Connection, queue: str) -> Standing:
    """How a queue stands now, with what is new and what is to be given back marked as counted. The queue is locked, and
    whoever calls keeps the standing. A queue that was never counted is counted from its whole ledger.
    """
    asked = {'queue': queue, 'while': rota.UNBOOKED}
    row = await (await connection.execute(STANDING, asked)).fetchone()
    standing = Standing() if row is None else read_standing(row)
    news = await (await connection.execute(NEWS, asked)).fetchall()
    due = await (await connection.execute(DUE, asked)).fetchall()
    back = rota.go_on(standing, _placed(news), _placed(due), await pool.now(connection))
    await connection.execute('update turn set counted = true where id = any(%s)', ([row['id'] for row in news],))
    await connection.execute('update turn set given_back = true where id = any(%s)', (back,))
    return standing


def _placed(rows: Sequence[Row]) -> list[tuple[int, Turn]]:
    return [(row['id'], turn) for row, turn in zip(rows, read_ledger(rows), strict=True)]


async def _keep(connection: Connection, queue: str, standing: Standing) -> None:
    counts, last = ({str(who): told for who, told in each.items()} for each in (standing.counts, standing.last))
    await connection.execute(
        KEEP, {'queue': queue, 'level': standing.level, 'counts': dump(counts), 'last': dump(last)}
    )


def read_standing(row: Row) -> Standing:
    """How a queue stood when it was kept."""
    counts, last = ({int(who): told for who, told in row[name].items()} for name in ('counts', 'last'))
    return Standing(counts, row['level'], last)


async def confirm(connection: Connection, client: bytes, company_id: int, admin_id: int, kind: Kind = 'sales') -> None:
    """A booking of `client` was stored, in this transaction or before it: the draw that led to it stays, the client's
    others are given back. Where somebody else was drawn, the booking is a turn of whom was booked. Without a draw
    nothing happens.
    """
    places = {'client': client, 'company': company_id, 'unbooked': rota.UNBOOKED, 'while': SAME_BOOKING}
    for row in await (await connection.execute(QUEUES_OF, places)).fetchall():
        await _lock(connection, row['queue'])
    asked = {'client': client, 'kind': kind, 'while': rota.UNBOOKED}
    draws = await (await connection.execute(OPEN_DRAWS, asked)).fetchall()
    if not draws:
        return
    booked = next((row for row in draws if row['admin_id'] == admin_id), None)
    if booked is not None:
        await connection.execute(
            'update turn set booked_at = hermes_now(), company_id = %s where id = %s', (company_id, booked['id'])
        )
        same = {'company': company_id, 'admin': admin_id, 'while': SAME_BOOKING}
        for row in await (await connection.execute(COUNTED_ONCE, same)).fetchall():
            if row['counted']:
                standing = await _settle(connection, row['queue'])
                standing.give_back(row['admin_id'])
                await _keep(connection, row['queue'], standing)
    else:
        await connection.execute(
            'insert into turn (queue, admin_id, why, company_id, booked_at) '
            "select %(queue)s, %(admin)s, 'booked', %(company)s, hermes_now() "
            "where not exists (select 1 from turn where company_id = %(company)s and why = 'booked' and "
            'at > hermes_now() - %(while)s)',
            {'queue': draws[0]['queue'], 'admin': admin_id, 'company': company_id, 'while': SAME_BOOKING},
        )
    others = [row['id'] for row in draws if row is not booked]
    await connection.execute('update turn set returned_at = hermes_now() where id = any(%s)', (others,))


async def count_assigned(connection: Connection, changes: Iterable[tuple[Change, int]]) -> None:
    """What the journal is told: a company's first sales or support person is a turn of that person, unless nobody chose
    them (D-16).
    """
    first = [
        {'record_id': change.record.id, 'field': change.field, 'new': change.new, 'event_id': event_id}
        for change, event_id in changes
        if change.record.type == 'company' and change.field in PERSON_OF and change.old is None
        and isinstance(change.new, int) and change.rule != 'D-16'
    ]  # fmt: skip
    if not first:
        return
    for row in await (await connection.execute(FIRST_PERSONS, (dump(first),))).fetchall():
        kind, plan, country = PERSON_OF[row['field']], row['price_plan'], row['country']
        if kind != rota.SUPPORT and (plan not in PLANS or not country):
            continue
        queue = rota.queue_of(kind, plan, country)
        await connection.execute(
            'insert into turn (queue, admin_id, why, company_id) select %s, id, %s, %s from admin where id = %s',
            (queue, 'booked' if row['booked'] else 'assigned', row['company'], row['admin']),
        )


async def tidy(connection: Connection) -> int:
    """Mark a batch of draws as given back that led to no booking, and forget those that were long ago; how many rows
    were touched. They count the same before and after.
    """
    for row in await (await connection.execute(OPEN_QUEUES, {'while': rota.UNBOOKED})).fetchall():
        await _lock(connection, row['queue'])
        await _keep(connection, row['queue'], await _settle(connection, row['queue']))
    back = await connection.execute(GIVE_BACK, {'while': rota.UNBOOKED, 'batch': BATCH})
    gone = await connection.execute(FORGET, {'days': FORGET_DAYS, 'batch': BATCH})
    return back.rowcount + gone.rowcount


def read_ledger(rows: Iterable[Row]) -> list[Turn]:
    """Rows of `turn`, with the draws that led to nothing given back a day after they were made."""
    return [
        Turn(
            row['admin_id'],
            row['why'] == 'drawn',
            row['at'],
            rota.gives_back_at(row['at'], row['booked_at'], row['returned_at'])
            if row['why'] == 'drawn'
            else row['returned_at'],
        )
        for row in rows
    ]
