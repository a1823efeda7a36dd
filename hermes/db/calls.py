"""The ledger of calls: a row for every request to an outside system, opened before it leaves, closed by its answer."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hermes.db.codec import dump
from hermes.db.events import EVENT_COLUMNS, read_event
from hermes.db.pool import Connection, the_row
from hermes.domain.model import Event, RecordRef

OPEN = """
    insert into call (system, op, type, remote_id, record_type, record_id, lane, tokens, intent_event, started_at, rule)
    values (%(system)s, %(op)s, %(type)s, %(remote_id)s, %(record_type)s, %(record_id)s, %(lane)s, %(tokens)s,
      %(intent)s, %(started_at)s, %(rule)s) returning id
"""
FREE = """
    update reservation r set until = least(until, hermes_now() + make_interval(secs => b.burst_window_s::float))
    from budget b where b.system = r.system and r.id = %(reservation)s
"""
CLOSE = f"""
    with closed as (
      update call set status = %(status)s, reaction = %(reaction)s, ended_at = %(at)s, answer_event = %(answer)s
      where id = %(id)s
    )
    {FREE}
"""
ANSWER = f"""
    with told as (
      insert into event (source, kind, dedupe_key, headers, body, state, cause_id)
      select %(source)s, kind, key, headers::jsonb, body, 'done', %(cause)s
      from unnest(%(kinds)s::text[], %(keys)s::bytea[], %(headers)s::text[], %(bodies)s::bytea[])
        with ordinality as t(kind, key, headers, body, place)
      order by place returning {EVENT_COLUMNS}
    ), closed as (
      update call set status = %(status)s, reaction = %(reaction)s, ended_at = %(at)s,
        answer_event = (select min(id) from told) where id = %(id)s
    ), freed as ({FREE})
    select * from told order by id
"""
MET = """
    select count(*) as met from call where record_type = %s and record_id = %s and reaction = %s
      and ended_at > hermes_now() - %s
"""
UNANSWERED = """
    select count(*) filter (where status is null) as unanswered from (
      select status from call where system = %s and id > %s and ended_at is not null order by id desc limit %s
    ) lately
"""
SPENT = """
    select count(*) filter (where c.status < 300) as written, coalesce(sum(c.tokens), 0)::int as tokens
    from call c join jsonb_to_recordset(%(refs)s) as r(type text, id bigint)
      on r.type = c.record_type and r.id = c.record_id
    where c.id > %(after)s and c.system = %(system)s and c.op in ('update', 'delete')
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """What is about to be asked: of which system, about which object and record, in which lane, by which rule.
    `intent`: the event of what is to be written.
    """

    system: str
    op: str
    type: str
    remote_id: str
    record: RecordRef | None
    lane: str
    tokens: int
    rule: str
    intent: int | None = None


async def open_call(connection: Connection, opened: Opened, at: datetime) -> int:
    """A row for a call that is about to leave; its id."""
    record_type, record_id = opened.record or (None, None)
    row = await the_row(
        connection,
        OPEN,
        {
            'system': opened.system, 'op': opened.op, 'type': opened.type, 'remote_id': opened.remote_id,
            'record_type': record_type, 'record_id': record_id, 'lane': opened.lane, 'tokens': opened.tokens,
            'intent': opened.intent, 'started_at': at, 'rule': opened.rule,
        },
    )  # fmt: skip
    return int(row['id'])


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a call: the status of its answer (None: there was none), the reaction that it asks for, when it
    ended, and the event that keeps the answer.
    """

    status: int | None
    reaction: str
    at: datetime
    answer: int | None


async def close_call(connection: Connection, number: int, reservation: int, ended: Ended) -> None:
    """A call is over: its row says how, and its reservation ends when the window behind it has passed."""
    await connection.execute(
        CLOSE,
        {
            'id': number, 'reservation': reservation, 'status': ended.status, 'reaction': ended.reaction,
            'at': ended.at, 'answer': ended.answer,
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer leaves behind: an event's kind, headers and body."""

    kind: str
    body: bytes
    headers: Mapping[str, str]


async def close_answered(
    connection: Connection, number: int, reservation: int, ended: Ended, source: str, told: Sequence[Told], cause: int
) -> list[Event]:
    """The same of a call whose answer is kept: the events that it leaves, in their order; the answer is the first.
    `cause`: the event of what was to be sent, 0 where there is none.
    """
    rows = await connection.execute(
        ANSWER,
        {
            'id': number, 'reservation': reservation, 'status': ended.status, 'reaction': ended.reaction,
            'at': ended.at, 'source': source, 'cause': cause or None, 'kinds': [each.kind for each in told],
            'keys': [secrets.token_bytes(16) for _ in told], 'headers': [dump(dict(each.headers)) for each in told],
            'bodies': [each.body for each in told],
        },
    )  # fmt: skip
    return [read_event(row) for row in await rows.fetchall()]


async def count_met(connection: Connection, record: RecordRef, reaction: str, within: timedelta) -> int:
    """How many calls for a record were met by a reaction lately."""
    row = await (await connection.execute(MET, (*record, reaction, within))).fetchone()
    return int(row['met']) if row else 0


async def newest(connection: Connection) -> int:
    """The newest call, 0 where there is none."""
    row = await (await connection.execute('select coalesce(max(id), 0) as id from call')).fetchone()
    return int(row['id']) if row else 0


async def are_unanswered(connection: Connection, system: str, after: int, times: int) -> bool:
    """Whether the last `times` calls to a system that ended since a call, so many at least, got no answer at all."""
    row = await (await connection.execute(UNANSWERED, (system, after, times))).fetchone()
    return row is not None and int(row['unanswered']) == times


async def spent(connection: Connection, system: str, records: list[RecordRef], after: int) -> tuple[int, int]:
    """(writes that went well, tokens) of a system's writes for some records since a call."""
    refs = dump([{'type': ref.type, 'id': ref.id} for ref in records])
    rows = await connection.execute(SPENT, {'refs': refs, 'after': after, 'system': system})
    row = await rows.fetchone()
    return (int(row['written']), int(row['tokens'])) if row else (0, 0)
