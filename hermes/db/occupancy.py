"""The diary: what follows in the database from a meeting that is stored, in the same transaction.

Its row in `occupancy` (CB-4: the constraint there decides who gets a time) and its letters. A hold that ran out never
stands in anybody's way (CB-12).
"""

from collections.abc import Sequence

from hermes.db import letters
from hermes.db.pool import Connection
from hermes.domain.meeting import Slot, slot
from hermes.domain.model import Record

Stored = tuple[Record | None, Record]
"""A meeting as it was, and as it is."""

FREE = 'delete from occupancy where meeting_id = any(%s)'
DROP_HOLDS = """
    delete from hold h using occupancy o where o.hold_id = h.id and o.admin_id = %(admin)s
      and o.during && tstzrange(%(start)s, %(end)s) and (h.expires_at <= hermes_now() or %(lenient)s)
"""
TAKE = """
    insert into occupancy (admin_id, during, meeting_id) values (%(admin)s, tstzrange(%(start)s, %(end)s), %(meeting)s)
"""
TAKE_OR_ASK = f"""
    with taken as ({TAKE} on conflict on constraint occupancy_alone do nothing returning id)
    insert into decision (kind, record_type, record_id, key, detail, event_id, at)
    select 'overlap', 'meeting', %(meeting)s, %(key)s,
      jsonb_build_object('reason', 'it was moved in the calendar to a time that another meeting has'),
      %(event)s, hermes_now()
    where not exists (select 1 from taken) on conflict (kind, key) do nothing
"""

MAKE_UP = """
    with made as (
      insert into occupancy (admin_id, during, meeting_id)
      select admin_id, tstzrange(start_at, end_at + make_interval(secs => coalesce(buffer_s, 0))), id from meeting m
      where admin_id = any(%s) and status = 'planned' and tombstone is null and alias_of is null and end_at > start_at
        and not exists (select 1 from occupancy o where o.meeting_id = m.id)
      order by id on conflict on constraint occupancy_alone do nothing returning meeting_id)
    update decision d set state = 'merged' from made where d.kind = 'overlap' and d.state = 'open'
      and d.record_id = made.meeting_id
"""
"""A meeting that another one stood in the way of has its time when that one is gone."""


async def keep(
    connection: Connection, stored: Sequence[Stored], event_id: int, *, lenient: bool = False, quiet: bool = False
) -> None:
    """Bring occupancy and letters to what the meetings say. Raises ExclusionViolation unless `lenient`."""
    moved = [(after, slot(after)) for before, after in stored if slot(before) != slot(after)]
    if moved:
        await connection.execute(FREE, ([record.ref.id for record, _ in moved],))
    for record, place in moved:
        if place is not None:
            await _take(connection, record, place, event_id, lenient=lenient)
    freed = {place.admin_id for before, _ in stored if (place := slot(before)) is not None} if moved else set()
    if freed:
        await connection.execute(MAKE_UP, (sorted(freed),))
    if not quiet:
        await letters.write(connection, stored)


async def find_coming(connection: Connection, admin_id: int) -> list[int]:
    """The meetings of an admin that are not over yet: their invitations name that person."""
    rows = await connection.execute(
        "select id from meeting where admin_id = %s and status = 'planned' and end_at > hermes_now() and tombstone is "
        'null and alias_of is null order by id',
        (admin_id,),
    )
    return [row['id'] for row in await rows.fetchall()]


async def _take(connection: Connection, record: Record, place: Slot, event_id: int, *, lenient: bool) -> None:
    given = {
        'admin': place.admin_id,
        'start': place.start_at,
        'end': place.end_at,
        'meeting': record.ref.id,
        'event': event_id,
        'key': f'overlap:{record.ref.id}:{event_id}',
        'lenient': lenient,
    }
    await connection.execute(DROP_HOLDS, given)
    await connection.execute(TAKE_OR_ASK if lenient else TAKE, given)
