"""Mirrors whose objects are to be read (again) by id."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hermes.db.bells import READING, rung
from hermes.db.events import read_event
from hermes.db.pool import Connection
from hermes.domain.history import NEVER
from hermes.domain.model import Event, RecordRef, RemoteRef, Version

DUE = """
    update mirror m set reread_at = hermes_now() + interval '15 seconds' from (
      select system, type, remote_id from mirror left join system_state s using (system)
      where reread_at <= hermes_now() and not coalesce(s.paused, false)
        and coalesce(s.blocked_until, '-infinity') <= hermes_now()
      order by reread_at limit %s for update of mirror skip locked
    ) d
    where m.system = d.system and m.type = d.type and m.remote_id = d.remote_id
    returning m.system, m.type, m.remote_id, m.version, m.reread_at as lease,
      exists (select 1 from link l join push p using (system, record_type, record_id)
        where (l.system, l.type, l.remote_id) = (m.system, m.type, m.remote_id) and p.state = 'held'
          and p.detail ? 'gone_at') as gone
"""
ASK = f"""
    update mirror set reread_at = hermes_now() where system = %s and type = %s and remote_id = %s
    returning {rung(READING)}
"""
ASK_ONCE = f"""
    update mirror set reread_at = hermes_now()
    where system = %s and type = %s and remote_id = any(%s) and reread_at is null
    returning {rung(READING)}
"""
ASK_OF = f"""
    update mirror m set reread_at = hermes_now() from link l
    where (l.system, l.type, l.remote_id) = (m.system, m.type, m.remote_id) and l.record_type = %s
      and l.record_id = %s and l.state = 'live'
    returning {rung(READING)}
"""
DONE = """
    update mirror set reread_at = null where system = %s and type = %s and remote_id = %s and reread_at = %s
"""
TOLD = """
    select m.remote_id, m.version, e.id, e.source, e.kind, e.dedupe_key, e.body, e.received_at, e.headers, e.attempts,
      e.state
    from link l join mirror m using (system, type, remote_id) left join event e on e.id = m.event_id
    where l.system = %(system)s and l.type = %(type)s and l.state = 'live' and l.record_type = 'company'
      and l.record_id = any(%(companies)s) order by m.remote_id
"""


@dataclass(frozen=True, slots=True)
class Told:
    """An object, its version, and the event that told of it last, as long as its body is kept."""

    ref: RemoteRef
    version: Version
    event: Event | None


@dataclass(frozen=True, slots=True)
class Due:
    """An object that somebody asked for. `known`: it was seen before; `gone`: a push is held because it was gone."""

    ref: RemoteRef
    lease: datetime
    known: bool
    gone: bool


async def take_due(connection: Connection, limit: int) -> list[Due]:
    """Objects that somebody asked for, leased for a while."""
    rows = await (await connection.execute(DUE, (limit,))).fetchall()
    return [
        Due(
            RemoteRef(row['system'], row['type'], row['remote_id']),
            row['lease'],
            row['version'][0] != NEVER.seconds,
            bool(row['gone']),
        )
        for row in rows
    ]


async def ask(connection: Connection, refs: Iterable[RemoteRef]) -> None:
    """Have objects read, at once."""
    for ref in refs:
        await connection.execute(ASK, ref)


async def ask_once(connection: Connection, refs: Sequence[RemoteRef]) -> int:
    """Have objects of one type read that nobody asked for yet; how many."""
    if not refs:
        return 0
    told = (refs[0].system, refs[0].type, [ref.remote_id for ref in refs])
    return (await connection.execute(ASK_ONCE, told)).rowcount


async def ask_of(connection: Connection, record: RecordRef) -> int:
    """Have the live objects of a record read, at once; how many."""
    return (await connection.execute(ASK_OF, record)).rowcount


async def end_reading(connection: Connection, ref: RemoteRef, lease: datetime) -> None:
    """An object was read, unless somebody asked for it again meanwhile (then `lease` stands no more)."""
    await connection.execute(DONE, (*ref, lease))


async def last_told(connection: Connection, system: str, remote_type: str, companies: Sequence[int]) -> list[Told]:
    """The live objects of a type of some companies."""
    told = {'system': system, 'type': remote_type, 'companies': list(companies)}
    rows = await (await connection.execute(TOLD, told)).fetchall()
    return [
        Told(
            RemoteRef(system, remote_type, row['remote_id']), Version(*row['version']),
            read_event(row) if row['body'] is not None else None,
        )
        for row in rows
    ]  # fmt: skip
