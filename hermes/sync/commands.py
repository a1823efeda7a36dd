"""Commands: what needs its answer at once is stored and applied in one transaction.

A refused command leaves its event with the refusal, or not even that (`keep`), and nothing else (CB-6). The same key
again, even at the same moment, is the same command: it gets the first one's outcome. What follows outside follows from
the rows.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hermes.db import bookings, events
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection, DatabaseError, Row
from hermes.domain.errors import Refused, SlotTaken, refusal
from hermes.domain.model import RecordRef
from hermes.sync import acts, dirty
from hermes.sync.engine import Engine

Check = Callable[[Connection, Knowledge], Awaitable[None]]
Keep = Callable[[Connection], Awaitable[bool]]
TRIES: Final = 5
"""A transaction that gave way to another is begun again."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did; `repeated`: it had been done before under the same key."""

    event_id: int
    outcome: Mapping[str, Any]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Command:
    source: str
    body: bytes
    key: bytes
    headers: Mapping[str, str]


async def carry_out(
    engine: Engine,
    act: Mapping[str, Any],
    *,
    source: str = 'website',
    dedupe_key: bytes | None = None,
    by: str = '',
    check: Check | None = None,
    keep: Keep | None = None,
) -> Done:
    """Carry out one act. `check` sees the transaction before the act does and may refuse; it is no part of a replay.
    `keep`: whether a refusal is kept as a row; every one, unless told otherwise. Raises Refused and its kinds
    (SlotTaken, NotFound, ...), the same again for the same `dedupe_key` whose refusal was kept.
    """
    body = json.dumps(act, ensure_ascii=False, sort_keys=True).encode()
    command = _Command(source, body, dedupe_key or secrets.token_bytes(16), {'by': by} if by else {})
    left = TRIES
    while True:
        left -= 1
        try:
            return await _carry_out(engine, command, check)
        except _StoredRefusal as error:
            raise error.refusal from None
        except Refused as error:
            refused = error
        except DatabaseError as error:
            if bookings.is_deadlock(error) and left:
                continue
            if not bookings.overlaps(error):
                raise
            refused = SlotTaken()
        return await _put_aside(engine, command, refused, keep)


class _StoredRefusal(Exception):
    """The command of this key was refused before."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(str(refused))
        self.refusal = refused


async def _carry_out(engine: Engine, command: _Command, check: Check | None) -> Done:
    async with engine.database.transaction() as connection:
        event = await bookings.add_once(connection, command.source, command.body, command.key, command.headers)
        if event is None:
            return _again(await bookings.find_outcome(connection, command.source, command.key))
        known = await engine.known(connection)
        if check is not None:
            await check(connection, known)
        outcome = await acts.apply_act(connection, event, known, engine.context(event, known))
        if outcome.get('dirty'):
            refs = {RecordRef(*ref) for ref in outcome['dirty']}
            await dirty.replan(engine, connection, refs, event, lane='interactive')
        await events.finish(connection, [(event.id, [outcome])])
        await connection.execute('notify hermes_push')
        return Done(event.id, outcome)


def _again(row: Row | None) -> Done:
    """The outcome of the first command of this key."""
    if row is None or row['state'] not in ('done', 'refused'):
        raise _StoredRefusal(Refused('This is being carried out; please wait a moment.', 'busy'))
    outcome = row['outcome'] or {}
    if row['state'] == 'refused':
        raise _StoredRefusal(refusal(str(outcome.get('refused') or ''), str(row['reason'] or 'It was refused.')))
    return Done(row['id'], outcome, repeated=True)


async def _put_aside(engine: Engine, command: _Command, refused: Refused, keep: Keep | None) -> Done:
    """Nothing stays of a refused command but its event. Where the same command was carried out meanwhile, its
    outcome counts. Raises the refusal.
    """
    async with engine.database.transaction() as connection:
        kept, event = keep is None or await keep(connection), None
        if kept:
            told = (refused.code, str(refused))
            event = await bookings.add_once(
                connection, command.source, command.body, command.key, command.headers, refused=told
            )
        first = await bookings.find_outcome(connection, command.source, command.key) if event is None else None
        if first is not None or (kept and event is None):
            try:
                return _again(first)
            except _StoredRefusal as error:
                raise error.refusal from None
    raise refused
