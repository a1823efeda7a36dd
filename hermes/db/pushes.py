"""Pushes: one row per (record, system), with a wanted and a done generation, a lease with a fence, and the intent in
flight.

At most one worker works on a company graph in a system at a time (the lease); what it records is refused if somebody
else took over meanwhile (the fence, I11). Fifty changes bump one generation (I10).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.db import bells
from hermes.db.codec import dump
from hermes.db.meetings import CARRIED
from hermes.db.pool import Connection, Row, walk_indices
from hermes.domain.model import Record, RecordRef, RemoteRef
from hermes.domain.record_types import RANK, ROOT_OF, UNDER_COMPANY

LEASE_S: Final = 10
FEW: Final = 4
"""So many graphs are named one by one when the bell rings."""
LOOKED_AT: Final = 12
"""So many of what is due are looked at for a claim."""
IGNORED: Final = (
    "ignored = (select coalesce(jsonb_agg(distinct f), '[]') "
    'from jsonb_array_elements(p.ignored || to_jsonb(%s::text[])) f)'
)
"""Some fields more that are not sent."""
GO_ON: Final = "state = 'ready', reason = '', due_at = hermes_now()"
FREE: Final = f"{GO_ON}, detail = p.detail - 'gone_at' - 'listed'"
"""What was put aside goes on."""
AGAIN: Final = 'wanted = greatest(p.wanted, p.done + 1)'
"""It is planned once more, whether or not something else is wanted."""


@dataclass(frozen=True, slots=True)
class Dirty:
    """A record that differs from what a system holds. `plan` is what differs, for whoever looks."""

    record: RecordRef
    system: str
    graph_id: int
    lane: str
    plan: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Push:
    """A claimed push row."""

    record: RecordRef
    system: str
    graph_id: int
    wanted: int
    done: int
    lane: str
    attempts: int
    ignored: tuple[str, ...]
    intent: dict[str, Any] | None
    fence: int
    detail: dict[str, Any]

    @property
    def root(self) -> RecordRef:
        """The record whose graph it is of."""
        return RecordRef(ROOT_OF[self.record.type], self.graph_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a push stands: 'ready', or put aside for a reason; and the fields that are not sent."""

    state: str
    reason: str
    ignored: tuple[str, ...]


def read_standing(row: Row) -> Standing:
    return Standing(row['state'], row['reason'], tuple(row['ignored']))


def read_push(row: Row) -> Push:
    return Push(
        RecordRef(row['record_type'], row['record_id']),
        row['system'],
        row['graph_id'],
        row['wanted'],
        row['done'],
        row['lane'],
        row['attempts'],
        tuple(row['ignored']),
        row['intent'],
        row['fence'],
        row['detail'],
    )


async def creations_and_refusals(connection: Connection, roots: Sequence[int]) -> list[Row]:
    """The pushes of some graphs of which a creation is under way, or which were refused."""
    rows = await connection.execute(
        'select record_type, record_id, system, intent, state from push where graph_id = any(%s) and '
        "(intent ->> 'op' = 'create' or state = 'parked')",
        (list(roots),),
    )
    return await rows.fetchall()


async def claim_more(connection: Connection, worker: str, system: str, limit: int, lease_s: float) -> list[Push]:
    """Lease what else is due to a system that takes many together, each record a graph of its own; what has to go out
    alone, or has an intent, is left.
    """
    rows = await connection.execute(
        """
        update push p set leased_by = %(worker)s, leased_until = hermes_now() + make_interval(secs => %(lease)s),
          fence = p.fence + 1
        from (
          select record_type, record_id from push d
          where d.system = %(system)s and d.wanted > d.done and d.state = 'ready' and d.due_at <= hermes_now()
            and (d.leased_until is null or d.leased_until <= hermes_now()) and d.intent is null
            and not d.detail ? 'alone'
          order by d.due_at limit %(limit)s for update skip locked
        ) due
        where p.system = %(system)s and p.record_type = due.record_type and p.record_id = due.record_id
        returning p.*
        """,
        {'worker': worker, 'lease': lease_s, 'system': system, 'limit': limit},
    )
    return [read_push(row) for row in await rows.fetchall()]


HELD_BY: Final = (
    'from jsonb_to_recordset(%(rows)s) as r(type text, id bigint, fence bigint, intent jsonb, generation bigint) '
    'where p.record_type = r.type and p.record_id = r.id and p.system = %(system)s and p.fence = r.fence'
)


async def intend_many(
    connection: Connection, intents: Sequence[tuple[Push, dict[str, Any]]], lease_s: float
) -> dict[RecordRef, int]:
    """Commit what is about to be sent together: the generation that is wanted now, of each that is still ours."""
    rows = [{**_key(push), 'intent': intent} for push, intent in intents]
    if not rows:
        return {}
    done = await connection.execute(
        'update push p set intent = r.intent, leased_until = hermes_now() + make_interval(secs => %(lease)s) '
        f'{HELD_BY} returning p.record_type, p.record_id, p.wanted',
        {'rows': dump(rows), 'system': intents[0][0].system, 'lease': lease_s},
    )
    return {RecordRef(row['record_type'], row['record_id']): row['wanted'] for row in await done.fetchall()}


async def complete_many(
    connection: Connection, pushes: Sequence[Push], *, wrote: bool, spacing_s: float, done: bool = True
) -> None:
    """The generations that were wanted when these were claimed are done; without `done` only the leases end."""
    if not pushes:
        return
    rows = [{**_key(push), 'generation': push.wanted if done else push.done} for push in pushes]
    told = (
        "intent = null, attempts = 0, reason = '', detail = p.detail - 'alone', "
        'last_write_at = case when %(wrote)s then hermes_now() else p.last_write_at end, '
        'due_at = case when %(wrote)s and p.wanted > r.generation then hermes_now() + make_interval(secs => '
        '%(spacing)s) else hermes_now() end, '
    )
    await connection.execute(
        f'update push p set {told if done else ""} done = greatest(p.done, r.generation), leased_by = null, '
        f'leased_until = null {HELD_BY}',
        {'rows': dump(rows), 'system': pushes[0].system, 'wrote': wrote, 'spacing': spacing_s},
    )


async def later_many(
    connection: Connection, pushes: Sequence[Push], due_at: datetime | timedelta, reason: str, *, attempt: bool = False
) -> None:
    """As `later`, of many with the same outcome."""
    if not pushes:
        return
    moment = 'hermes_now() + %(due)s' if isinstance(due_at, timedelta) else '%(due)s'
    await connection.execute(
        f'update push p set due_at = {moment}, reason = %(reason)s, leased_by = null, leased_until = null, '
        f'attempts = p.attempts + %(attempt)s, intent = null {HELD_BY}',
        {
            'rows': dump([_key(push) for push in pushes]), 'system': pushes[0].system, 'due': due_at,
            'reason': reason, 'attempt': int(attempt),
        },
    )  # fmt: skip


async def most_attempts(connection: Connection, system: str) -> int:
    """How often whoever has tried most often has tried, of what waits for a system."""
    rows = await connection.execute(
        'select coalesce(max(attempts), 0) as most from push where system = %s and wanted > done', (system,)
    )
    row = await rows.fetchone()
    return int(row['most']) if row else 0


async def go_alone(connection: Connection, push: Push) -> None:
    """What was refused together is sent one by one."""
    await connection.execute(f'update push set detail = detail || \'{{"alone": true}}\' where {_HOLDS}', _key(push))


async def retire_system(connection: Connection, system: str, reason: str) -> None:
    """Nothing more goes to a system: what waits for it comes to its end, but for what is under way."""
    await connection.execute(
        "update push set done = wanted, state = 'ready', reason = %s, attempts = 0 "
        "where system = %s and intent is null and (wanted > done or state <> 'ready')",
        (reason, system),
    )


async def mark_dirty(connection: Connection, dirty: Iterable[Dirty], spacing_s: float) -> None:
    """Bump the wanted generation. The first change after a quiet spell goes at once, later ones wait for the spacing
    (OUT-13); what is backing off keeps its time; what is parked stays parked unless something else is wanted now
    (OUT-6).
    """
    rows = [
        {
            'record_type': item.record.type,
            'record_id': item.record.id,
            'system': item.system,
            'graph_id': item.graph_id,
            'rank': RANK[item.record.type],
            'lane': item.lane,
            'detail': {'plan': item.plan},
        }
        for item in dirty
    ]
    if not rows:
        return
    await connection.execute(
        """
        with marked as (
        insert into push as p (record_type, record_id, system, graph_id, rank, lane, detail, due_at, dirty_at)
        select record_type, record_id, system, graph_id, rank, lane, detail, hermes_now(), hermes_now()
        from jsonb_to_recordset(%(rows)s) as r(record_type text, record_id bigint, system text, graph_id bigint, rank
          int, lane text, detail jsonb)
        order by record_type, record_id
        on conflict (record_type, record_id, system) do update set
          graph_id = excluded.graph_id,
          wanted = p.wanted + 1,
          dirty_at = case when p.wanted > p.done then p.dirty_at else hermes_now() end,
          lane = case when p.wanted > p.done and p.lane < excluded.lane and p.lane <> 'backfill' then p.lane else
            excluded.lane end,
          due_at = case
            when p.attempts > 0 or p.intent is not null then p.due_at
            else greatest(hermes_now(), p.last_write_at + make_interval(secs => %(spacing)s)) end,
          state = case when p.state = 'parked' and p.detail -> 'plan' is distinct from excluded.detail -> 'plan' then
            'ready' else p.state end,
          detail = p.detail || excluded.detail
        returning graph_id || ' ' || system as graph), named as (select distinct graph from marked)
        select pg_notify(%(bell)s, case when (select count(*) from named) > %(few)s then '' else graph end) from named
        """,
        {'rows': dump(rows), 'spacing': spacing_s, 'bell': bells.PUSH, 'few': FEW},
    )


LANES: Final = """
    lanes as materialized (
      select b.system, place, lane, hermes_now() as at from budget b left join system_state s using (system),
        unnest(array['interactive', 'webhook', 'backfill']) with ordinality as l(lane, place)
      where not coalesce(s.paused, false) and coalesce(s.blocked_until, '-infinity') <= hermes_now()
        and not b.system || ' ' || lane = any(%s)
    )
"""
OPEN: Final = """
    p.system = l.system and p.lane = l.lane and p.wanted > p.done and p.state = 'ready' and p.due_at <= l.at
      and (p.leased_until is null or p.leased_until <= l.at)
"""
DUE: Final = f"""
    with {LANES}
    select p.graph_id, p.system from lanes l, lateral (
      select graph_id, system, due_at from push p where {OPEN} order by due_at limit {LOOKED_AT}) p
    order by l.place, p.due_at limit {LOOKED_AT}
"""
"""What is due, a few of each lane: an index has them in this order, however many wait."""
STARTED: Final = f"""
    with {LANES}
    select p.graph_id, p.system from lanes l join push p on {OPEN} where p.intent is not null
    order by l.place, p.due_at limit {LOOKED_AT}
"""
"""The same of what was begun."""


async def claim_graph(
    connection: Connection, worker: str, full: Collection[tuple[str, str]] = (), *, planning: bool = False
) -> tuple[list[Push], bool]:
    """Lease every due push of one company graph, organisation before person before deal; [] when nothing is due. And
    whether another one may be due.

    `full`: the (system, lane)s that are left alone, because their budget is used up for the moment. `planning`: nothing
    is sent, only what went out earlier without an answer is resolved.
    """
    told = [f'{system} {lane}' for system, lane in full]
    async with connection.pipeline():
        await walk_indices(connection)
        rows = await connection.execute(STARTED if planning else DUE, (told,))
    due = [(row['graph_id'], row['system']) for row in await rows.fetchall()]
    graphs = list(dict.fromkeys(due))
    for place, graph in enumerate(graphs, 1):
        leased = await _lease(connection, *graph, worker, planning)
        if leased:
            return leased, place < len(graphs) or len(due) == LOOKED_AT
    return [], False


async def _lease(connection: Connection, graph_id: int, system: str, worker: str, planning: bool) -> list[Push]:
    locked = await connection.execute(
        'select pg_try_advisory_xact_lock(hashtext(%s), hashtext(%s)) as got', (system, f'graph {graph_id}')
    )
    row = await locked.fetchone()
    if row is None or not row['got']:
        return []
    rows = await connection.execute(
        """
        update push p set leased_by = %(worker)s, leased_until = hermes_now() + make_interval(secs => %(lease)s),
          fence = p.fence + 1
        from (
          select record_type, record_id from push d
          where d.system = %(system)s and d.graph_id = %(graph)s
            and d.wanted > d.done and d.state = 'ready' and d.due_at <= hermes_now()
            and (d.leased_until is null or d.leased_until <= hermes_now())
            and (d.intent is not null or not %(planning)s)
            and not exists (select 1 from push o where o.system = d.system and o.graph_id = d.graph_id and
              o.leased_until > hermes_now() and o.leased_by is not null)
          order by record_type, record_id for update skip locked
        ) due
        where p.system = %(system)s and p.record_type = due.record_type and p.record_id = due.record_id
        returning p.*
        """,
        {'worker': worker, 'lease': LEASE_S, 'system': system, 'graph': graph_id, 'planning': planning},
    )
    return sorted(
        (read_push(row) for row in await rows.fetchall()), key=lambda push: (RANK[push.record.type], push.record.id)
    )


_HOLDS: Final = 'record_type = %(type)s and record_id = %(id)s and system = %(system)s and fence = %(fence)s'

_TELL: Final = f"returning case when record_type = 'meeting' then pg_notify('{CARRIED}', record_id::text)::text end"
"""Whoever waits for a meeting to reach its calendar looks again."""


def _key(push: Push) -> dict[str, Any]:
    return {'type': push.record.type, 'id': push.record.id, 'system': push.system, 'fence': push.fence}


async def renew(connection: Connection, pushes: Sequence[Push]) -> bool:
    """Keep the lease on these rows; False when one of them is no longer ours."""
    for push in pushes:
        done = await connection.execute(
            f'update push set leased_until = hermes_now() + make_interval(secs => {LEASE_S}) where {_HOLDS}',
            _key(push),
        )
        if done.rowcount == 0:
            return False
    return True


async def intend(connection: Connection, push: Push, intent: dict[str, Any], rest: Sequence[Push] = ()) -> int | None:
    """Commit what is about to be sent, and keep the lease on the `rest` of its graph: the generation that is wanted
    now. None when one of them is no longer ours.
    """
    until = f'leased_until = hermes_now() + make_interval(secs => {LEASE_S})'
    rows = await connection.execute(
        f"""
        with kept as (
          update push p set {until} from jsonb_to_recordset(%(rest)s::jsonb) as r(type text, id bigint, fence bigint)
          where p.record_type = r.type and p.record_id = r.id and p.system = %(system)s and p.fence = r.fence
          returning 1
        )
        update push set intent = %(intent)s, {until}
        where {_HOLDS} and (select count(*) from kept) = jsonb_array_length(%(rest)s::jsonb) returning wanted
        """,
        {**_key(push), 'intent': dump(intent), 'rest': dump([_key(each) for each in rest])},
    )
    row = await rows.fetchone()
    return int(row['wanted']) if row else None


async def complete(connection: Connection, push: Push, generation: int, *, wrote: bool, spacing_s: float) -> bool:
    """The generation is done: the lease ends; later changes wait for the spacing."""
    done = await connection.execute(
        f"""
        update push set done = greatest(done, %(generation)s), intent = null, attempts = 0, reason = '',
        leased_by = null, leased_until = null,
          last_write_at = case when %(wrote)s then hermes_now() else last_write_at end,
          due_at = case when %(wrote)s and wanted > %(generation)s
            then hermes_now() + make_interval(secs => %(spacing)s) else hermes_now() end
        where {_HOLDS} {_TELL}
        """,
        {**_key(push), 'generation': generation, 'wrote': wrote, 'spacing': spacing_s},
    )
    return done.rowcount == 1


async def later(
    connection: Connection,
    push: Push,
    due_at: datetime | timedelta,
    reason: str,
    *,
    attempt: bool = False,
    keep_intent: bool = False,
) -> bool:
    """Give the lease back and come again at `due_at` (or after it, from now)."""
    moment = 'hermes_now() + %(due)s' if isinstance(due_at, timedelta) else '%(due)s'
    done = await connection.execute(
        f"""
        update push set due_at = {moment}, reason = %(reason)s, leased_by = null, leased_until = null,
          attempts = attempts + %(attempt)s, intent = case when %(keep)s then intent else null end
        where {_HOLDS}
        """,
        {**_key(push), 'due': due_at, 'reason': reason, 'attempt': int(attempt), 'keep': keep_intent},
    )
    return done.rowcount == 1


async def rest(connection: Connection, push: Push, until: datetime, reason: str) -> None:
    """Give the lease back, and let nobody take the push before `until`; among what waits it keeps its place."""
    await connection.execute(
        f'update push set leased_by = null, leased_until = %(until)s, reason = %(reason)s where {_HOLDS}',
        {**_key(push), 'until': until, 'reason': reason},
    )


async def release(connection: Connection, push: Push) -> None:
    """Give the lease back, nothing else."""
    await connection.execute(f'update push set leased_by = null, leased_until = null where {_HOLDS}', _key(push))


async def park(connection: Connection, push: Push, reason: str, detail: dict[str, Any], state: str = 'parked') -> bool:
    """Put aside until a person acts, or something else is wanted (already, or later): 'parked' (OUT-6) or 'held'
    (OUT-5).
    """
    done = await connection.execute(
        f"""
        update push set
          state = case when %(state)s = 'parked' and wanted > %(generation)s then 'ready' else %(state)s end,
          reason = %(reason)s, detail = detail || %(detail)s::jsonb, intent = null,
          leased_by = null, leased_until = null
        where {_HOLDS} {_TELL}
        """,
        {**_key(push), 'state': state, 'reason': reason, 'detail': dump(detail), 'generation': push.wanted},
    )
    return done.rowcount == 1


async def wanted(connection: Connection, push: Push) -> int:
    """The generation that is wanted now."""
    rows = await connection.execute(
        'select wanted from push where record_type = %s and record_id = %s and system = %s', (*push.record, push.system)
    )
    row = await rows.fetchone()
    return int(row['wanted']) if row else 0


async def overtaken(connection: Connection, pushes: Sequence[Push]) -> set[RecordRef]:
    """The records of which something else was wanted while these were under way."""
    rows = await connection.execute(
        'select p.record_type, p.record_id from push p join jsonb_to_recordset(%s) as r(type text, id bigint, system '
        'text, generation bigint) on p.record_type = r.type and p.record_id = r.id and p.system = r.system '
        'where p.wanted > r.generation',
        (dump([{**_key(push), 'generation': push.wanted} for push in pushes]),),
    )
    return {RecordRef(row['record_type'], row['record_id']) for row in await rows.fetchall()}


async def update_intent(
    connection: Connection, push: Push, intent: dict[str, Any], due_in_s: float, reason: str
) -> None:
    """An unknown outcome is still unknown: look again later (OUT-4)."""
    await connection.execute(
        f"""
        update push set intent = %(intent)s, due_at = hermes_now() + make_interval(secs => %(due)s),
        reason = %(reason)s,
          leased_by = null, leased_until = null
        where {_HOLDS}
        """,
        {**_key(push), 'intent': dump(intent), 'due': due_in_s, 'reason': reason},
    )


async def wake_children(connection: Connection, graph_id: int, system: str) -> None:
    """A link appeared: the graph's other pushes need not wait (OUT-3)."""
    await connection.execute(
        'update push set due_at = hermes_now() where graph_id = %s and system = %s and wanted > done and state = '
        "'ready' and intent is null "
        'and attempts = 0 and due_at > hermes_now() and last_write_at is null',
        (graph_id, system),
    )


NEXT: Final = f"""
    with {LANES}
    select extract(epoch from min(p.due_at) - hermes_now())::float8 as seconds from lanes l, lateral (
      select due_at from push p where p.system = l.system and p.lane = l.lane and p.wanted > p.done
        and p.state = 'ready' and p.due_at > l.at order by due_at limit 1) p
"""


async def next_due_s(connection: Connection) -> float | None:
    """Seconds until the next push becomes due. What is due already and was not claimed is leased, paused or blocked."""
    row = await (await connection.execute(NEXT, ([],))).fetchone()
    return row['seconds'] if row else None


def named(push: Push) -> str:
    """How the bell names a push's graph in its system."""
    return f'{push.graph_id} {push.system}'


async def ring(connection: Connection) -> None:
    """Wake the pushers when this transaction commits."""
    await bells.ring(connection, bells.PUSH)


async def end_refused(connection: Connection, settled: Collection[tuple[RecordRef, str]]) -> None:
    """What the remote refused (OUT-6) and nobody wants any more is looked at once more, which ends it; should it be
    wanted again, it is tried again.
    """
    if settled:
        rows = [{'type': ref.type, 'id': ref.id, 'system': system} for ref, system in settled]
        await connection.execute(
            f"update push p set {FREE} - 'plan', attempts = 0 "
            'from jsonb_to_recordset(%s) as r(type text, id bigint, system text) '
            "where p.state = 'parked' and p.intent is null and p.record_type = r.type and p.record_id = r.id "
            'and p.system = r.system',
            (dump(rows),),
        )


async def retry(connection: Connection, record: RecordRef, system: str) -> int:
    """OUT-6: the push of a record that is put aside, or backs off, is tried again; how many (0 or 1)."""
    done = await connection.execute(
        f'update push p set {FREE}, {AGAIN}, attempts = 0 '
        "where (state <> 'ready' or attempts > 0) and record_type = %s and record_id = %s and system = %s",
        (*record, system),
    )
    await ring(connection)
    return done.rowcount


async def hurry(connection: Connection, record: RecordRef) -> int:
    """What waits of a record is due now, in the lane of those for whom somebody waits; how many."""
    done = await connection.execute(
        "update push set due_at = hermes_now(), lane = 'interactive' where record_type = %s and record_id = %s "
        "and wanted > done and state = 'ready' and intent is null",
        record,
    )
    await ring(connection)
    return done.rowcount


async def retry_all(connection: Connection, system: str = '') -> int:
    """The same of every record, in one system if it is named; how many."""
    done = await connection.execute(
        f"update push p set {FREE}, {AGAIN}, attempts = 0 where (state <> 'ready' or attempts > 0) "
        "and %(system)s::text in ('', p.system)",
        {'system': system},
    )
    await ring(connection)
    return done.rowcount


async def ignore(connection: Connection, record: RecordRef, system: str, fields: Iterable[str]) -> bool:
    """OUT-6: these fields of a record are not sent any more, and what else differs goes on. False where it has no
    push.
    """
    done = await connection.execute(
        f'update push p set {IGNORED}, {FREE}, {AGAIN}, attempts = 0 '
        'where record_type = %s and record_id = %s and system = %s',
        (list(fields), *record, system),
    )
    await ring(connection)
    return done.rowcount > 0


async def leave(connection: Connection, push: Push, fields: Iterable[str]) -> None:
    """EDIT-3: these fields are not sent any more; the push goes on as it is."""
    await connection.execute(
        f'update push p set {IGNORED} where record_type = %s and record_id = %s and system = %s',
        (list(fields), *push.record, push.system),
    )


async def heed(connection: Connection, record: RecordRef, system: str, fields: Iterable[str]) -> None:
    """These fields are sent again."""
    await connection.execute(
        "update push p set ignored = (select coalesce(jsonb_agg(f), '[]') from jsonb_array_elements_text(p.ignored) f "
        f'where not f = any(%s)), {FREE}, {AGAIN} where record_type = %s and record_id = %s and system = %s',
        (list(fields), *record, system),
    )


async def ignored(connection: Connection, system: str) -> dict[RecordRef, list[str]]:
    """The fields that are not sent, of every record that has some."""
    rows = await connection.execute(
        "select record_type, record_id, ignored from push where system = %s and ignored <> '[]'", (system,)
    )
    return {RecordRef(row['record_type'], row['record_id']): row['ignored'] for row in await rows.fetchall()}


async def free_held(connection: Connection, records: Iterable[RecordRef]) -> None:
    """OUT-5: somebody decided about what these records' objects are: their pushes go on."""
    for ref in sorted(records):
        await connection.execute(
            f"update push p set {FREE}, {AGAIN} where record_type = %s and record_id = %s and state = 'held'", ref
        )


_OF = (
    "p.state = 'held' and p.detail ? 'gone_at' and l.system = p.system and l.record_type = p.record_type "
    'and l.record_id = p.record_id'
)
"""A push that is held because its object was gone, and the object."""


async def free_told(connection: Connection) -> int:
    """OUT-5: what is held goes on when its object is known to be deleted or merged, or showed itself since; how
    many.
    """
    done = await connection.execute(
        f'update push p set {FREE} from link l join mirror m using (system, type, remote_id) '
        f"left join event e on e.id = m.event_id where {_OF} and (l.state <> 'live' or "
        "(e.kind in ('webhook', 'page') and e.received_at > (p.detail ->> 'gone_at')::timestamptz))"
    )
    if done.rowcount:
        await ring(connection)
    return done.rowcount


async def free_read(connection: Connection, ref: RemoteRef, *, there: bool) -> bool:
    """OUT-5: an object was read: what was held because it was gone goes on when it is `there`, or known to be deleted.
    Whether any was.
    """
    done = await connection.execute(
        f'update push p set {FREE} from link l where {_OF} and l.system = %s and l.type = %s and l.remote_id = %s '
        "and (%s or l.state <> 'live')",
        (*ref, there),
    )
    return done.rowcount > 0


async def reread_listed(connection: Connection) -> None:
    """OUT-5: a full listing since then may have shown the object of a held push unchanged, which leaves no trace: it is
    read once more.
    """
    await connection.execute(
        'with due as (update push p set detail = p.detail || \'{"listed": true}\' from link l '
        f"where {_OF} and l.state = 'live' and not p.detail ? 'listed' and exists (select 1 from sweep s where "
        "s.system = l.system and s.type = l.type and s.kind = 'full' and s.state = 'done' and s.started_at > "
        "(p.detail ->> 'gone_at')::timestamptz) returning l.system, l.type, l.remote_id) "
        'update mirror m set reread_at = hermes_now() from due d '
        'where m.system = d.system and m.type = d.type and m.remote_id = d.remote_id '
        f'returning {bells.rung(bells.READING)}'
    )


async def hand_over(connection: Connection, held: timedelta, ways: Sequence[str]) -> int:
    """OUT-5: what was `held` so long is a question for a person, each once; the push stays where it is. How many."""
    done = await connection.execute(
        "insert into decision (kind, record_type, record_id, key, detail, at) select 'gone', p.record_type, "
        "p.record_id, 'gone:' || p.system || ':' || l.type || ':' || l.remote_id || ':' || (p.detail ->> 'gone_at'), "
        "jsonb_build_object('system', p.system, 'type', l.type, 'remote_id', l.remote_id, 'ways', %s::text[]), "
        'hermes_now() from push p, link l '
        f"where {_OF} and l.is_primary and l.state = 'live' and (p.detail ->> 'gone_at')::timestamptz <= hermes_now() "
        '- %s on conflict (kind, key) do nothing',
        (list(ways), held),
    )
    return done.rowcount


async def retire(connection: Connection, record: Record) -> None:
    """What was merged away has nothing to send; what hung under it is sent with the survivor's graph. The outcome of a
    call in flight is still found out.
    """
    await connection.execute(
        "update push set state = 'ready', reason = '', done = case when intent is null then wanted else done end "
        'where record_type = %s and record_id = %s',
        record.ref,
    )
    if record.ref.type == 'company':
        await connection.execute('update push set graph_id = %s where graph_id = %s', (record.alias_of, record.ref.id))


async def settle(connection: Connection, push: Push, *, happened: bool, attempts: int) -> None:
    """The outcome of the call in flight is known: plan again at once. `attempts`: tries that go on being counted."""
    intent = push.intent or {}
    await connection.execute(
        f"""
        update push p set {FREE}, wanted = wanted + 1, done = greatest(done, %(done)s), intent = null,
          attempts = %(attempts)s, leased_by = null, leased_until = null,
          last_write_at = case when %(happened)s then hermes_now() else last_write_at end
        where {_HOLDS}
        """,
        {
            **_key(push), 'done': intent['generation'] if happened else push.done, 'attempts': attempts,
            'happened': happened,
        },
    )  # fmt: skip
    await wake_children(connection, push.graph_id, push.system)


async def waiting_lanes(connection: Connection, refs: Collection[RecordRef]) -> dict[tuple[RecordRef, str], str]:
    """The lane of whatever waits already: (record, system) -> lane."""
    rows = await connection.execute(
        'select p.record_type, p.record_id, p.system, p.lane from push p join jsonb_to_recordset(%s) as '
        'r(type text, id bigint) on r.type = p.record_type and r.id = p.record_id where p.wanted > p.done',
        (dump([ref._asdict() for ref in refs]),),
    )
    found = await rows.fetchall()
    return {(RecordRef(row['record_type'], row['record_id']), row['system']): row['lane'] for row in found}


async def refused_fields(connection: Connection, system: str, limit: int) -> dict[RecordRef, tuple[str, ...]]:
    """FIELD-7: parked pushes of which the remote named fields that nobody looked at yet, with those fields."""
    rows = await connection.execute(
        "select record_type, record_id, detail -> 'fields' as fields from push where system = %s and state = 'parked' "
        "and jsonb_array_length(coalesce(detail -> 'fields', '[]')) > 0 and (detail -> 'looked') is distinct from "
        "(detail -> 'fields') limit %s",
        (system, limit),
    )
    return {RecordRef(row['record_type'], row['record_id']): tuple(row['fields']) for row in await rows.fetchall()}


async def note_looked(connection: Connection, system: str, record: RecordRef, *, free: bool) -> None:
    """FIELD-7: the fields that a parked push was refused for were looked at; with `free` it goes on."""
    freed = f', {GO_ON}, {AGAIN}' if free else ''
    await connection.execute(
        f"update push p set detail = p.detail || jsonb_build_object('looked', p.detail -> 'fields'){freed} "
        "where record_type = %s and record_id = %s and system = %s and state = 'parked'",
        (*record, system),
    )


async def open_of(connection: Connection, system: str, records: Collection[RecordRef]) -> dict[RecordRef, Standing]:
    """How the pushes of some records stand that are not done."""
    rows = await connection.execute(
        'select p.record_type, p.record_id, p.state, p.reason, p.ignored from push p join jsonb_to_recordset(%s) as '
        'r(type text, id bigint) on r.type = p.record_type and r.id = p.record_id where p.system = %s and (p.wanted > '
        "p.done or p.state <> 'ready' or p.intent is not null)",
        (dump([{'type': ref.type, 'id': ref.id} for ref in records]), system),
    )
    return {RecordRef(row['record_type'], row['record_id']): read_standing(row) for row in await rows.fetchall()}


async def open_graphs(connection: Connection, system: str | None, limit: int) -> list[int]:
    """The companies of which something is to be sent, or is put aside."""
    rows = await connection.execute(
        "select distinct graph_id from push where (wanted > done or state <> 'ready') "
        'and (%(system)s::text is null or system = %(system)s) order by graph_id limit %(limit)s',
        {'system': system, 'limit': limit},
    )
    return [int(row['graph_id']) for row in await rows.fetchall()]


async def of_graphs(connection: Connection, companies: Sequence[int]) -> dict[tuple[RecordRef, str], Standing]:
    """How every push of some companies' graphs stands: (record, system) -> that."""
    rows = await connection.execute(
        'select record_type, record_id, system, state, reason, ignored from push where graph_id = any(%s)',
        (list(companies),),
    )
    return {
        (RecordRef(row['record_type'], row['record_id']), row['system']): read_standing(row)
        for row in await rows.fetchall()
    }


COMPANY_OF: Final = ' union '.join(f'select company_id from {table} where id = %(id)s' for table in UNDER_COMPANY)
KEEP_INTENT: Final = f"""
    insert into push (record_type, record_id, system, graph_id, rank, due_at, intent) values (%(type)s, %(id)s,
      %(system)s, case when %(root)s then %(id)s else coalesce(({COMPANY_OF}), 0) end,
      0, hermes_now(), %(intent)s)
    on conflict (record_type, record_id, system) do update set intent = excluded.intent
"""


async def keep_intent(connection: Connection, record: RecordRef, system: str, intent: dict[str, Any] | None) -> None:
    """In a fold of the log: an open creation stands in its push, as in life (MATCH-8)."""
    kept = dump(intent) if intent is not None else None
    is_root = ROOT_OF[record.type] == record.type
    told = {'type': record.type, 'id': record.id, 'system': system, 'intent': kept, 'root': is_root}
    await connection.execute(KEEP_INTENT, told)
