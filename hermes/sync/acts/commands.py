"""Commands: acts that need their answer at once are stored and applied in one transaction.

A refused command leaves its event with the refusal, or not even that (`keep`), and nothing else (CB-6). The same key
again, even at the same moment, is the same command: it gets the first one's outcome. What follows outside follows from
the rows.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hermes.db import acts, bookings, people, pushes
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection, DatabaseError, Row
from hermes.domain.acts import Act
from hermes.domain.errors import Refused, SlotTaken, Withheld, refusal
from hermes.sync.acts.apply import apply_act
from hermes.sync.acts.registry import VISITOR
from hermes.sync.acts.scope import OPERATOR
from hermes.sync.engine import Engine

Check = Callable[[Connection, Knowledge], Awaitable[None]]
Keep = Callable[[Connection], Awaitable[bool]]
Wanted = Callable[[Knowledge], Act]
"""An act that follows from what is known when its turn comes."""
SETUP: Final = 'set-up'
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
    act: Act
    source: str
    key: bytes
    by: str


async def carry_out(
    engine: Engine,
    act: Act,
    *,
    source: str = VISITOR,
    dedupe_key: bytes | None = None,
    by: str = '',
    check: Check | None = None,
    keep: Keep | None = None,
) -> Done:
    """Carry out one act. `check` sees the transaction before the act does and may refuse; it is no part of a replay.
    `keep`: whether a refusal is kept as a row; every one, unless told otherwise. Raises Refused and its kinds
    (SlotTaken, NotFound, ...), the same again for the same `dedupe_key` whose refusal was kept.
    """
    command = _Command(act, source, dedupe_key or secrets.token_bytes(16), by)
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


async def carry_out_together(engine: Engine, wanted: Sequence[Wanted], *, by: str = SETUP) -> list[Mapping[str, Any]]:
    """Carry out an operator's acts one after the other in one transaction: all of them or none; their outcomes. Raises
    Refused, and of the one that was refused its event stays.
    """
    outcomes: list[Mapping[str, Any]] = []
    act = None
    try:
        async with engine.database.transaction() as connection:
            for each in wanted:
                act = each(await engine.known(connection))
                outcomes.append((await apply_command(engine, connection, act, by)).outcome)
    except Refused as error:
        if act is not None:
            await _put_aside(engine, _Command(act, OPERATOR, secrets.token_bytes(16), by), error, None)
        raise
    return outcomes


async def apply_command(engine: Engine, connection: Connection, act: Act, by: str, *, marking: bool = True) -> Done:
    """Store and apply an operator's act in the caller's transaction; without `marking` nobody looks at what differs
    from then on. Raises Refused.
    """
    event = await acts.add_once(connection, OPERATOR, act, secrets.token_bytes(16), by)
    assert event is not None
    return Done(event.id, await apply_act(engine, connection, event, marking=marking))


class _StoredRefusal(Exception):
    """The command of this key was refused before."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(str(refused))
        self.refusal = refused


async def _carry_out(engine: Engine, command: _Command, check: Check | None) -> Done:
    async with engine.database.transaction() as connection:
        event = await acts.add_once(connection, command.source, command.act, command.key, command.by)
        if event is None:
            return _again(await acts.find_outcome(connection, command.source, command.key))
        if check is not None:
            await check(connection, await engine.known(connection))
        outcome = await apply_act(engine, connection, event)
        await pushes.ring(connection)
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
            event = await acts.add_once(
                connection, command.source, command.act, command.key, command.by, refused=told,
                withheld=isinstance(refused, Withheld),
            )  # fmt: skip
        if isinstance(refused, Withheld):
            await people.drop_unborn(connection, getattr(command.act, 'id', 0))
        first = await acts.find_outcome(connection, command.source, command.key) if event is None else None
        if first is not None or (kept and event is None):
            try:
                return _again(first)
            except _StoredRefusal as error:
                raise error.refusal from None
    raise refused
