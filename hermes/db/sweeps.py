"""Rows of listings: opened once, claimed by one worker a page, moved on only from where they stand.

`finished_at` of a running listing marks when somebody took its next page; it may be taken again STALE_S later, or
earlier where it was put back on purpose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.db.bells import ERRAND, rung
from hermes.db.codec import dump
from hermes.db.pool import Connection, Row, the_row

STALE_S: Final = 30
"""A page that took longer than this is somebody else's to fetch."""
OVERLAP: Final = timedelta(minutes=5)
"""How far a listing of changes reaches back behind the last one: clocks that differ, changes under way."""

OPEN = f"""
    insert into sweep (system, type, kind, started_at, since, cause)
    values (%(system)s, %(type)s, %(kind)s, hermes_now(), %(since)s, %(cause)s) returning id, {rung(ERRAND)}
"""
FIND_OPEN = """
    select id from sweep where system = %(system)s and type = %(type)s and kind = %(kind)s and state = 'running'
      and through is null order by id desc limit 1
"""
FIND_EVER = """
    select id from sweep where system = %(system)s and type = %(type)s and kind = %(kind)s
      and (state in ('running', 'done') or finished_at > hermes_now() - interval '1 hour') order by id desc limit 1
"""
RUNNING = """
    select id from sweep where system = %(system)s and type = %(type)s and kind = 'full' and state = 'running'
    order by id desc limit 1
"""
INTAKE = """
    select count(*) filter (where deleted is null and not (runs = '{}' and reread_at is not null)) as read,
           count(*) filter (where runs = '{}' and reread_at is not null) as unread,
           (select count(*) from event where source = %(system)s and kind = 'read' and state = 'parked') as parked,
           exists (select from sweep where id = %(sweep)s and state = 'running') as listing,
           exists (select from event where source = %(system)s and kind in ('page', 'read')
                   and state in ('new', 'waiting') and attempts = 0) as unapplied
    from mirror where system = %(system)s and type = %(type)s
"""
WATERMARK = """
    select max(through) as at from sweep where system = %(system)s and type = %(type)s and state = 'done'
"""
CLAIM = """
    select w.* from sweep w left join system_state s using (system) where w.state = 'running'
      and w.system = any(%(systems)s)
      and (w.finished_at is null or w.finished_at <= hermes_now() - make_interval(secs => %(stale)s))
      and not coalesce(s.paused, false) and coalesce(s.blocked_until, '-infinity') <= hermes_now()
    order by w.id limit 1 for update of w skip locked
"""
LATER = """
    update sweep set reason = %(reason)s, finished_at = %(at)s - make_interval(secs => %(stale)s)
    where id = %(id)s and state = 'running'
"""
MOVE = """
    update sweep set cursor = %(next)s, pages = pages + 1, items = items + %(items)s, tokens = tokens + %(tokens)s,
      digest = %(digest)s, reason = '', finished_at = null, through = coalesce(through, %(through)s),
      first_event = coalesce(first_event, %(event)s),
      listed_at = case when %(next)s::text is null then hermes_now() end
    where id = %(id)s and state = 'running' and cursor is not distinct from %(cursor)s and listed_at is null
"""
RESTART = """
    update sweep set cursor = null, pages = 0, items = 0, digest = '', restarts = restarts + 1, reason = %(reason)s,
      finished_at = null, through = null, first_event = null where id = %(id)s
"""
END = 'update sweep set state = %(state)s, reason = %(reason)s, finished_at = hermes_now() where id = %(id)s'

PROVEN = """
    select 1 from sweep s where system = %(system)s and type = %(type)s and kind = 'full' and state = 'done'
      and not exists (select 1 from event e where e.source = s.system and e.kind = 'page' and e.state <> 'done'
        and e.headers ->> 'sweep' = s.id::text) limit 1
"""
BUSY = """
    select 1 from sweep where system = %(system)s and type = %(type)s and kind = 'full' and state = 'running'
    union all select 1 from event where source = %(system)s and kind = 'page' and state in ('new', 'waiting')
      and due_at <= hermes_now() limit 1
"""
PROGRESS = """
    select s.system, s.type, s.kind, s.items, s.state, exists (select 1 from event e where e.source = s.system
      and e.kind = 'page' and e.id >= s.first_event and e.headers ->> 'sweep' = s.id::text
      and e.state in ('new', 'waiting') and e.attempts = 0 and e.reason is null) as unapplied
    from sweep s where s.id = any(%s) order by s.id
"""
REPORT = """
    select s.id, s.system, s.type, s.kind, s.state, s.items, s.pages, s.tokens, s.reason, s.since,
      (select count(*) from change c join event e on e.id = c.event_id where e.source = s.system
        and e.id >= s.first_event and e.headers ->> 'sweep' = s.id::text) as changes
    from sweep s where s.id = any(%s) order by s.id
"""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A listing that runs. `cursor`: where it goes on; `since`: of changes, from when; `through`: up to when (by the
    remote's clock) it tells of everything; `listed_at`: when its last page was read; `looked`: what became of objects
    that it lacked, by remote id; `first_event`: its first page.
    """

    id: int
    system: str
    type: str
    kind: str
    started_at: datetime
    cursor: str | None = None
    since: datetime | None = None
    through: datetime | None = None
    listed_at: datetime | None = None
    items: int = 0
    digest: str = ''
    restarts: int = 0
    looked: Mapping[str, str] = field(default_factory=dict)
    first_event: int | None = None

    @property
    def tells_until(self) -> datetime:
        """What it lacks and is older than this is missing."""
        return self.through or self.started_at


def read_sweep(row: Row) -> Sweep:
    """A row of the table."""
    return Sweep(**{each.name: row[each.name] for each in fields(Sweep)})


async def lock_type(connection: Connection, system: str, remote_type: str) -> None:
    """Nobody else opens a listing of this type meanwhile."""
    await connection.execute(
        'select pg_advisory_xact_lock(hashtext(%s), hashtext(%s))', ('sweep', f'{system} {remote_type}')
    )


async def find(connection: Connection, system: str, remote_type: str, kind: str, *, ever: bool = False) -> int | None:
    """A listing of this kind that has not begun yet (or, `ever`, that runs or was completed)."""
    key = {'system': system, 'type': remote_type, 'kind': kind}
    row = await (await connection.execute(FIND_EVER if ever else FIND_OPEN, key)).fetchone()
    return row['id'] if row else None


async def add(
    connection: Connection, system: str, remote_type: str, kind: str, since: datetime | None, cause: str
) -> int:
    """A new listing, running."""
    key = {'system': system, 'type': remote_type, 'kind': kind, 'since': since, 'cause': cause}
    row = await the_row(connection, OPEN, key)
    return int(row['id'])


async def knows(connection: Connection, system: str, remote_type: str) -> bool:
    """Whether any object of a type was ever seen."""
    rows = await connection.execute(
        "select 1 from mirror where system = %s and type = %s and runs <> '{}' limit 1", (system, remote_type)
    )
    return await rows.fetchone() is not None


async def running(connection: Connection, system: str, remote_type: str) -> int | None:
    """The full listing of a type that is under way."""
    row = await (await connection.execute(RUNNING, {'system': system, 'type': remote_type})).fetchone()
    return row['id'] if row else None


async def intake(connection: Connection, system: str, remote_type: str, sweep_id: int = 0) -> Row:
    """How far a type is taken over: objects that were `read`, `unread` ones that are to be yet, readings that were
    `parked`, whether the listing `sweep_id` is `listing` still, and whether anything of it is `unapplied`.
    """
    told = {'system': system, 'type': remote_type, 'sweep': sweep_id}
    return await the_row(connection, INTAKE, told)


async def watermark(connection: Connection, system: str, remote_type: str) -> datetime | None:
    """Up to when (by the remote's clock) everything of a type was listed; None when it never was."""
    row = await (await connection.execute(WATERMARK, {'system': system, 'type': remote_type})).fetchone()
    at: datetime | None = row['at'] if row else None
    return at - OVERLAP if at else None


async def claim(connection: Connection, systems: Sequence[str]) -> Sweep | None:
    """A running listing that nobody works on now, locked until the transaction ends."""
    row = await (await connection.execute(CLAIM, {'stale': STALE_S, 'systems': list(systems)})).fetchone()
    return read_sweep(row) if row is not None else None


async def take(connection: Connection, sweep_id: int) -> None:
    """Mark that its next page is being fetched."""
    await connection.execute('update sweep set finished_at = hermes_now() where id = %s', (sweep_id,))


async def later(connection: Connection, sweep_id: int, at: datetime, reason: str) -> None:
    """Come again at `at`, not before."""
    await connection.execute(LATER, {'id': sweep_id, 'at': at, 'reason': reason, 'stale': STALE_S})


async def move(connection: Connection, sweep: Sweep, following: str | None, page: Mapping[str, Any]) -> bool:
    """One page further. False when somebody else moved it meanwhile. `page`: items, tokens, digest,
    through, event."""
    told = {'id': sweep.id, 'cursor': sweep.cursor, 'next': following, **page}
    return (await connection.execute(MOVE, told)).rowcount == 1


async def restart(connection: Connection, sweep_id: int, reason: str) -> None:
    """From its first page again."""
    await connection.execute('delete from listed where sweep_id = %s', (sweep_id,))
    await connection.execute(RESTART, {'id': sweep_id, 'reason': reason})


async def end(connection: Connection, sweep_id: int, state: str, reason: str = '') -> None:
    """'done' or 'failed'."""
    await connection.execute(END, {'id': sweep_id, 'state': state, 'reason': reason})


async def note_looked(connection: Connection, sweep_id: int, found: Mapping[str, str]) -> None:
    """What became of objects that a listing lacked: remote id -> 'there', 'deleted', 'gone', 'merged?'."""
    await connection.execute('update sweep set looked = looked || %s::jsonb where id = %s', (dump(found), sweep_id))


async def lock(connection: Connection, sweep_id: int) -> Sweep:
    """A listing as it is now; nobody else works on it until the transaction ends."""
    row = await the_row(connection, 'select * from sweep where id = %s for update', (sweep_id,))
    return read_sweep(row)


async def count_tries(connection: Connection, sweep_id: int, tries: int) -> None:
    """How often a listing was compared."""
    await connection.execute('update sweep set restarts = %s where id = %s', (tries, sweep_id))


async def is_proven(connection: Connection, system: str, remote_type: str) -> bool:
    """Whether one full listing of a type is complete and applied (MATCH-6)."""
    return await (await connection.execute(PROVEN, {'system': system, 'type': remote_type})).fetchone() is not None


async def is_busy(connection: Connection, system: str, remote_type: str) -> bool:
    """Whether a full listing of a type is under way, or a page of the system is still to be applied."""
    return await (await connection.execute(BUSY, {'system': system, 'type': remote_type})).fetchone() is not None


async def progress(connection: Connection, ids: Sequence[int]) -> list[Row]:
    """How far listings are: system, type, kind, items, state, and whether a page is `unapplied`."""
    return await (await connection.execute(PROGRESS, (list(ids),))).fetchall()


async def report(connection: Connection, ids: Sequence[int]) -> tuple[list[Row], list[Row]]:
    """What listings found and changed, and the proofs of the full ones."""
    told = await (await connection.execute(REPORT, (list(ids),))).fetchall()
    proofs = await connection.execute('select * from proof where sweep_id = any(%s) order by id', (list(ids),))
    return told, await proofs.fetchall()
