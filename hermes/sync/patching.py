"""A patch at work: its acts are events in one transaction, which is kept or taken back as a whole (SETUP-8)."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hermes.db import acts, journal
from hermes.db.pool import Connection, Row, WriteRefused, read_only
from hermes.domain.errors import Refused
from hermes.sync.acts.commands import apply_command
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
            return await read_only(self.connection, query, values)
        except WriteRefused:
            raise Refused('A patch changes nothing by SQL: it uses given.act, so that the log tells it.') from None

    async def act(self, act: str, **told: Any) -> Mapping[str, Any]:
        """Store one act and apply it."""
        done = await apply_command(self.engine, self.connection, acts.read(act, told), f'patch {self.name}')
        self.events.append(done.event_id)
        self.said += [f'{act}: {note}' for note in done.outcome.get('notes', [])]
        return done.outcome

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
            done = Done(bench.said, await journal.of_events(connection, bench.events), bench.events)
            if not live:
                raise _TakenBackError
    return done
