"""A patch at work: its acts are events in one transaction, which is kept or taken back as a whole (SETUP-8)."""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hermes.db import events
from hermes.db.pool import Connection, Row, WriteRefused
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef
from hermes.sync import acts, dirty
from hermes.sync.engine import Engine


@dataclass
class Bench:
    """What a patch is given (`hermes.patches.Given`)."""

    engine: Engine
    connection: Connection
    name: str
    said: list[str] = field(default_factory=list)
    events: list[int] = field(default_factory=list)

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a statement that only reads: whatever it would write is refused by the database."""
        try:
            async with self.connection.transaction(force_rollback=True):
                await self.connection.execute('set local transaction_read_only = on')
                return await (await self.connection.execute(query, values or None)).fetchall()
        except WriteRefused:
            raise Refused('A patch changes nothing by SQL: it uses given.act, so that the log tells it.') from None

    async def act(self, act: str, **told: Any) -> Mapping[str, Any]:
        """Store one act and apply it."""
        body = json.dumps({'act': act, **told}).encode()
        by = {'by': f'patch {self.name}'}
        event = await events.add(self.connection, 'operator', 'act', body, headers=by)
        known = await self.engine.known(self.connection)
        outcome = await acts.apply_act(self.connection, event, known, self.engine.context(event, known))
        if outcome.get('dirty'):
            touched = {RecordRef(*ref) for ref in outcome['dirty']}
            await dirty.replan(self.engine, self.connection, touched, event)
        await events.finish(self.connection, [(event.id, [outcome])])
        self.events.append(event.id)
        self.said += [f'{act}: {note}' for note in outcome.get('notes', [])]
        return outcome

    def say(self, text: str) -> None:
        self.said.append(text)


@dataclass(frozen=True, slots=True)
class Done:
    """What a patch did, or would do: its lines, and every change of a record as the journal has it."""

    said: list[str]
    changes: list[Row]
    events: list[int]


class _TakenBackError(Exception):
    """Ends a dry run."""


async def run(engine: Engine, name: str, work: Callable[[Any], Awaitable[None]], *, live: bool) -> Done:
    """Run one patch; without `live` nothing of it stays. Raises Refused, and then nothing stays either."""
    done = Done([], [], [])
    with suppress(_TakenBackError):
        async with engine.database.transaction() as connection:
            bench = Bench(engine, connection, name)
            await work(bench)
            rows = await connection.execute(
                'select record_type, record_id, field, old, new, event_id from change where event_id = any(%s) '
                'order by id',
                (bench.events,),
            )
            done = Done(bench.said, await rows.fetchall(), bench.events)
            if not live:
                raise _TakenBackError
    return done
