"""Drift: what Hermes wants against what the CRM shows now, from a fresh listing (FIELD-3, I7).

Looking changes nothing: the pages are kept as events of kind `look`, and applied to graphs that nobody stores.
Healing takes the same pages as ordinary events: what people own is learned from them, and what differs after that goes
out through the ordinary push, with its budget and its journal.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hermes.db import calls as calls_made
from hermes.db import events, graphs, pushes
from hermes.domain.errors import Refused
from hermes.domain.graph import Context, Graph
from hermes.domain.model import Element, Event, RecordRef, Value
from hermes.domain.plan import Delete, Noop, Update, Wait, plan
from hermes.domain.record_types import FIELDED, RANK
from hermes.parts.roles import CRM
from hermes.ports import Outgoing, Request, System, encode_answer
from hermes.sync import calls, ingest
from hermes.sync.calls import Denied
from hermes.sync.engine import Engine
from hermes.sync.observe import observe, wanted

TYPES: Final = tuple(FIELDED.values())
PAGE: Final = 500
TRIES: Final = 10
Tick = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one object that would be written: what it shows, what Hermes wants."""

    record: RecordRef
    remote_id: str
    field: str
    shown: Value
    wanted: Value


@dataclass(frozen=True, slots=True)
class Learned:
    """One field of one record in which Hermes would follow what the listing shows."""

    record: RecordRef
    field: str
    was: Value
    shows: Value


@dataclass
class Drift:
    """Everything that a look found. `tokens`: what healing costs, an update each; `spent`: what the look cost."""

    system: str
    listed: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    deletions: list[tuple[RecordRef, str]] = field(default_factory=list)
    learned: list[Learned] = field(default_factory=list)
    unknown: int = 0
    tokens: int = 0
    spent: int = 0
    pages: list[int] = field(default_factory=list)
    """The events that hold the listing."""

    @property
    def objects(self) -> list[RecordRef]:
        """The records whose objects would be written, each once."""
        return sorted({each.record for each in self.differences} | {ref for ref, _ in self.deletions})


async def look(engine: Engine, system: System, tick: Tick | None = None) -> Drift:
    """List organisations, persons and deals afresh and compare. Nothing is changed. Raises Refused when the listing
    cannot be read to its end.
    """
    found = Drift(system.name)
    for remote_type in TYPES:
        cursor: str | None = None
        while True:
            event, elements, cursor = await _page(engine, system, remote_type, cursor, found)
            found.pages.append(event.id)
            found.listed[remote_type] = found.listed.get(remote_type, 0) + len(elements)
            await _compare(engine, system, event, elements, found)
            if tick:
                tick(remote_type, found.listed[remote_type])
            if cursor is None:
                break
    return found


async def _page(
    engine: Engine, system: System, remote_type: str, cursor: str | None, found: Drift
) -> tuple[Event, Sequence[Element], str | None]:
    """One page, in the interactive lane: somebody waits for it."""
    request = Request('list', remote_type, params={'limit': PAGE, 'cursor': cursor})
    reason = ''
    for attempt in range(TRIES):
        asked = await calls.ask(engine, system, request, 'interactive')
        if isinstance(asked, Denied):
            reason = asked.grant.reason
            await engine.clock.sleep(0.5)
            continue
        found.spent += system.cost(request).tokens
        if asked.reaction is None:
            body = encode_answer(request, asked.answer)
            async with engine.database.transaction() as connection:
                event = await events.add(connection, system.name, 'look', body)
                await calls.close(engine, connection, asked, event.id)
            page = Event(event.id, event.source, 'page', body, event.received_at)
            return page, await observe(engine, page, asked.known), system.next_cursor(asked.answer)
        async with engine.database.transaction() as connection:
            await calls.note(engine, connection, system, asked)
        reason = str(asked.reaction)
        await engine.clock.sleep(engine.backoff_s(attempt, first_s=0.3, most_s=5.0))
    raise Refused(f'The listing of {system.name} {remote_type} could not be read to its end: {reason}')


async def _compare(engine: Engine, system: System, event: Event, elements: Sequence[Element], found: Drift) -> None:
    """Apply a page to a graph that nobody stores, and plan what it names."""
    batch = [(event, elements)]
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
        graph = await graphs.load(connection, wanted(batch, engine.systems, known.directory.links), lock=False)
        graph.set_allocator(await ingest.allocator(engine, connection, batch, ()))
        ignored = await pushes.ignored(connection, system.name)
    result = ingest.apply_in_memory(engine, graph, batch, known)
    context = engine.context(event, known)
    found.learned += [
        Learned(change.record, change.field, change.old, change.new)
        for change, _ in result.changes
        if change.system == CRM and change.rule in ('FIELD-2', 'D-12')
    ]
    for ref in sorted({seen.ref for element in elements for seen in element.observations}):
        mirror = graph.mirrors.get(ref)
        if mirror is None or mirror.record is None:
            found.unknown += 1
        elif mirror.primary and mirror.live:
            table = engine.outgoing(system, mirror.record.type, known)
            _plan_one(graph, mirror.record, system, table, context, ignored, found)


def _plan_one(
    graph: Graph, ref: RecordRef, system: System, table: Sequence[Outgoing], context: Context,
    ignored: Mapping[RecordRef, Sequence[str]], found: Drift,
) -> None:  # fmt: skip
    record = graph.record(ref)
    if record is None or ref.type not in RANK:
        return
    needed = plan(graph, record, table, context, system.name)
    if isinstance(needed, (Noop, Wait)):
        return
    if isinstance(needed, Delete):
        found.deletions.append((record.ref, needed.mirror.ref.remote_id))
        found.tokens += system.cost(Request('delete', needed.mirror.ref.type)).tokens
    elif isinstance(needed, Update):
        fields = {name: value for name, value in needed.fields.items() if name not in ignored.get(record.ref, ())}
        found.differences += [
            Difference(record.ref, needed.mirror.ref.remote_id, name, needed.mirror.current(name), value)
            for name, value in sorted(fields.items())
        ]
        found.tokens += system.cost(Request('update', needed.mirror.ref.type)).tokens if fields else 0


async def take(engine: Engine, found: Drift) -> None:
    """Let the listing be applied like any other; what it shows to differ is healed by the ordinary push."""
    async with engine.database.transaction() as connection:
        await events.apply_looked(connection, found.pages)


@dataclass(frozen=True, slots=True)
class Healed:
    """How far healing is: `left` still to be written, `stuck` need a person (record, reason), `tokens` spent on the
    objects since it began.
    """

    left: int
    stuck: tuple[tuple[RecordRef, str], ...]
    written: int
    tokens: int


async def progress(engine: Engine, found: Drift, first_call: int) -> Healed:
    """What became of the healing. `first_call`: the newest call of the ledger before it began."""
    async with engine.database.transaction() as connection:
        waiting = await events.count_waiting(connection, found.pages)
        standing = await pushes.open_of(connection, found.system, found.objects)
        written, tokens = await calls_made.spent(connection, found.system, found.objects, first_call)
    stuck = tuple((ref, push.reason) for ref, push in standing.items() if push.state != 'ready')
    return Healed(len(standing) - len(stuck) + waiting, stuck, written, tokens)


async def newest_call(engine: Engine) -> int:
    """The newest call of the ledger."""
    async with engine.database.transaction() as connection:
        return await calls_made.newest(connection)
