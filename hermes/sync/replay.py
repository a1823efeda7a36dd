"""Replay: events applied again (ADM-5). On a live database it moves no mirror back; its preview is rolled back.

All that fit a filter are a row (db/replays.py), worked off by whichever worker has time: a chunk a transaction, what
arrived first, and what follows goes out in the lane that waits for all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from hermes.db import events, replays
from hermes.db.pool import Connection, DatabaseError, Row, commit_unsynced, is_busy
from hermes.domain.errors import Refused
from hermes.domain.event_filter import EventFilter, check
from hermes.domain.event_filter import read as read_filter
from hermes.domain.model import Change
from hermes.sync import ingest
from hermes.sync.engine import Engine
from hermes.sync.looking import taken_back

log = structlog.get_logger(__name__)
CHUNK: Final = 50
PREVIEWED: Final = 200
"""A preview applies so many events, and says so where there are more."""
CHUNK_BYTES: Final = 200_000
PREVIEWED_BYTES: Final = 2**20
"""A transaction that thinks for long stands in the way, and loses its connection at last: so much is applied in one."""
COUNTED: Final = 10_000
"""A preview counts so far."""


@dataclass(frozen=True, slots=True)
class Previewed:
    """What one event would change, after those before it. `refused`: why it would be put aside; `waits`: for what it
    would wait, or why it would be tried again.
    """

    event: int
    changes: tuple[Change, ...] = ()
    refused: str = ''
    waits: str = ''


@dataclass(frozen=True, slots=True)
class Preview:
    """What applying all events of a filter again would change. `count`: how many they are (`counted`: whether there
    are no more); of them the first ones were applied, one after the other.
    """

    count: int
    counted: bool
    events: tuple[Previewed, ...]

    @property
    def capped(self) -> bool:
        """Whether there are more events than were looked at."""
        return len(self.events) < self.count or not self.counted

    @property
    def changes(self) -> int:
        return sum(len(item.changes) for item in self.events)


async def preview(engine: Engine, event_id: int) -> Sequence[Change]:
    """What applying an event again would change. Nothing is kept. Raises Refused for an event that cannot be
    applied.
    """
    [found] = await preview_events(engine, [event_id])
    if found.refused or found.waits:
        raise Refused(found.refused or found.waits)
    return list(found.changes)


async def preview_events(engine: Engine, ids: Sequence[int]) -> tuple[Previewed, ...]:
    """What applying some events again would change, one after the other. Nothing is kept. Raises Refused where one of
    them cannot be applied.
    """
    async with engine.database.transaction() as connection:
        rows = []
        for number in ids:
            row = await events.find(connection, number)
            if row is None or row['body'] is None or row['kind'] not in events.REPLAYED:
                raise Refused(
                    f'Event {number} cannot be applied again: it is unknown, an act, or its body was dropped.'
                )
            rows.append(row)
    return await _foresee(engine, rows)


async def preview_filter(engine: Engine, wanted: EventFilter, limit: int = PREVIEWED) -> Preview:
    """What applying all events of a filter again would change: their count, and what the first `limit` of them would
    do. Nothing is kept. Raises Refused.
    """
    async with engine.database.transaction() as connection:
        count = await replays.count_some(connection, check(wanted), COUNTED + 1)
        rows = await replays.next_events(connection, wanted, limit, lock=False)
    return Preview(min(count, COUNTED), count <= COUNTED, await _foresee(engine, _some(rows, PREVIEWED_BYTES)))


async def _foresee(engine: Engine, rows: Sequence[Row]) -> tuple[Previewed, ...]:
    """What applying these events now would change; taken back."""
    async with taken_back(engine) as connection:
        done = await _apply(engine, connection, rows)
    refused, waits = dict(done.parked), dict([*done.failed, *done.waiting])
    changes: dict[int, list[Change]] = {}
    for change, number in done.changes:
        changes.setdefault(number, []).append(change)
    return tuple(
        Previewed(row['id'], tuple(changes.get(row['id'], ())), refused.get(row['id'], ''), waits.get(row['id'], ''))
        for row in rows
    )


def _some(rows: Sequence[Row], most: int) -> list[Row]:
    """The first ones, with at most so many bytes of bodies; at least one."""
    size = 0
    for place, row in enumerate(rows):
        size += len(row['body'])
        if place and size > most:
            return list(rows[:place])
    return list(rows)


async def replay_step(engine: Engine, chunk: int = CHUNK) -> bool:
    """Apply the next chunk of one replay that runs. False when there is none, or when something that arrived is still
    to be applied: that goes first.
    """
    async with engine.database.transaction() as connection:
        if await replays.is_anything_due(connection) or (job := await replays.claim(connection)) is None:
            return False
        wanted = read_filter(job['filter'])
        if job['total'] is None:
            await replays.count(connection, job['id'], wanted, job['upto'])
            return True
        await commit_unsynced(connection)
        found = await replays.next_events(connection, wanted, chunk, at=job['at'], upto=job['upto'])
        rows = ingest.at_once(_some(found, CHUNK_BYTES))
        if rows:
            await _work(engine, connection, job, rows)
        else:
            await replays.end(connection, job['id'])
            log.info('a replay is done', replay=job['id'], events=job['looked'], changed=job['changed'])
        return True


async def _work(engine: Engine, connection: Connection, job: Row, rows: Sequence[Row]) -> None:
    ids = [row['id'] for row in rows]
    await replays.apply_again(connection, ids)
    await _apply(engine, connection, [{**row, 'attempts': 0, 'state': 'new'} for row in rows])
    came = await replays.outcomes(connection, ids)
    moved = [row['changes'] for row in came if row['state'] == 'done' and row['changes']]
    done = {
        'at': ids[-1],
        'looked': len(ids),
        'changed': len(moved),
        'changes': sum(moved),
        'refused': sum(row['state'] == 'parked' for row in came),
        'unsettled': [row['id'] for row in came if row['state'] != 'done'],
    }
    await replays.move(connection, job['id'], engine.worker, done)


async def _apply(engine: Engine, connection: Connection, rows: Sequence[Row]) -> ingest.Result:
    """Apply events together, or, where that fails, each for itself; one that cannot be stored is tried again like any
    other that failed (I12).
    """
    try:
        async with connection.transaction():
            return await ingest.apply_rows(engine, connection, rows, 'backfill')
    except Exception as error:
        busy = isinstance(error, DatabaseError) and is_busy(error)
        if busy or not (reason := ingest.blame(error)):
            raise
    told = ingest.Result()
    if len(rows) > 1:
        for row in rows:
            told.join(await _apply(engine, connection, [row]))
        return told
    [row] = rows
    log.warning('an event cannot be stored', event_id=row['id'], reason=reason)
    await ingest.fail(engine, connection, row, reason)
    told.failed.append((row['id'], reason))
    return told
