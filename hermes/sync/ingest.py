"""Ingest: due events become changes. One transaction a batch, one transaction an event when the batch fails (I12).

`apply_event` is also what records an answer of a call, in the transaction that records the call. A poisoned event is
parked after five attempts with its reason; what a person must mend (Refused) is parked at once; what waits for
something is never dropped (D-3).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import structlog

from hermes.db import acts, calendars, erasing, events, graphs, people
from hermes.db.catalogue import Knowledge, bump
from hermes.db.events import Apart
from hermes.db.pool import Connection, DatabaseError, Row, commit_unsynced
from hermes.domain.applied import Applied
from hermes.domain.apply import apply
from hermes.domain.errors import HermesError, Refused, Withheld
from hermes.domain.graph import Context, Graph
from hermes.domain.model import Element, Event, RemoteRef
from hermes.kit import tracing
from hermes.parts.roles import CALENDAR
from hermes.sync import dirty, withhold
from hermes.sync.acts.apply import apply_act
from hermes.sync.engine import Engine
from hermes.sync.observe import observe, wanted

log = structlog.get_logger(__name__)
BATCH: Final = 100
ATTEMPTS: Final = 5
IDS: Final = 50
"""So many record ids are drawn at once."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller has already: what the events are about, what is known, the lock of births; in a fold of the log
    also the ids of the records that they bear. `lane`: of the pushes that follow, where it is another than usual.
    """

    graph: Graph | None = None
    known: Knowledge | None = None
    births_held: bool = False
    births: Sequence[int] = ()
    lane: str = ''


NOTHING: Final = Given()


@dataclass
class Result(graphs.Effects):
    """What a batch did: to the graph, and to its events."""

    finished: list[tuple[int, Any]] = field(default_factory=list)
    parked: list[tuple[int, str]] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)
    waiting: list[tuple[int, str]] = field(default_factory=list)
    apart: list[Apart] = field(default_factory=list)
    applied: Sequence[tuple[Event, Sequence[Element]]] = ()
    """The batch as it was applied: without what is about the erased (S10)."""

    def join(self, other: 'Result') -> None:
        """What was done after it, too."""
        for name in ('changes', 'decisions', 'closed', 'checks', 'finished', 'parked', 'failed', 'waiting', 'apart'):
            getattr(self, name).extend(getattr(other, name))


async def ingest_step(engine: Engine) -> int:
    """Apply one batch of due events. Returns how many were taken."""
    return (await ingest_due(engine))[0]


async def ingest_due(engine: Engine) -> tuple[int, bool]:
    """Apply one batch of due events: how many were taken, and whether more may be due. Whatever becomes due from now on
    rings its bell.
    """
    try:
        async with engine.database.transaction() as connection:
            due = await events.claim(connection, BATCH)
            rows = at_once(due)
            if rows:
                await commit_unsynced(connection)
                await apply_rows(engine, connection, rows)
            return len(rows), len(rows) < len(due) or len(due) == BATCH
    except Exception as error:
        if not (reason := blame(error)):
            raise
        log.warning('a batch failed, its events are applied one by one', reason=reason)
    return await _one_by_one(engine), True


def at_once(rows: list[Row]) -> list[Row]:
    """A page of a listing is as much as a whole batch: it stands alone."""
    place = next((place for place, row in enumerate(rows) if row['kind'] == 'page'), len(rows))
    return rows[: place or 1]


async def _one_by_one(engine: Engine) -> int:
    """After a failed batch: every event in a transaction of its own."""
    async with engine.database.transaction() as connection:
        await engine.known(connection)  # What is wrong for all of them is the fault of none.
        ids = [row['id'] for row in await events.claim(connection, BATCH)]
    for event_id in ids:
        try:
            async with engine.database.transaction() as connection:
                row = await events.claim_one(connection, event_id)
                if row:
                    await apply_rows(engine, connection, [row])
        except Exception as error:
            if not (reason := blame(error)):
                raise
            log.exception('an event cannot be stored', event_id=event_id)
            async with engine.database.transaction() as connection:
                row = await events.claim_one(connection, event_id)
                if row:
                    await fail(engine, connection, row, reason)
    return len(ids)


def blame(error: Exception) -> str:
    """What is said of an event that cannot be stored; '' where the database is away, and no event is to blame."""
    if isinstance(error, DatabaseError):
        return f'{type(error).__name__} ({error.sqlstate})' if error.sqlstate else ''
    return '' if isinstance(error, OSError) else f'{type(error).__name__} while it was stored'


async def fail(engine: Engine, connection: Connection, row: Row, reason: str) -> None:
    """An attempt failed: the event is tried again later, or parked (I12)."""
    due_at = engine.clock.now() + timedelta(seconds=engine.backoff_s(row['attempts'], most_s=30))
    await events.fail(connection, row['id'], due_at, reason, park=row['attempts'] + 1 >= ATTEMPTS)


async def apply_rows(engine: Engine, connection: Connection, rows: Sequence[Row], lane: str = '') -> Result:
    """Apply events in their order; what changes everybody's knowledge (acts, pipelines, users) stands alone. `lane`: of
    the pushes that follow.
    """
    by_id = {row['id']: row for row in rows}
    batch: list[tuple[Event, Sequence[Element]]] = []
    known, told = await engine.known(connection), Result()

    async def flush() -> None:
        if batch:
            told.join(await _apply_batch(engine, connection, batch, by_id, Given(known=known, lane=lane)))
            batch.clear()

    for row in rows:
        event = events.read_event(row)
        if event.kind == 'act':
            await flush()
            await _apply_act(engine, connection, event, row)
            known = await engine.known(connection)
            continue
        try:
            elements = await observe(engine, event, known)
            if event.kind == 'webhook' and event.source == CALENDAR:
                elements = [Element(ignored=await calendars.hear(connection, event.headers))]
        except HermesError as error:
            await events.fail(connection, event.id, event.received_at, str(error), park=True)
            told.parked.append((event.id, str(error)))
            await withhold.drop_unread(engine, connection, event, known)
            continue
        except Exception as error:
            log.exception('an event cannot be observed', event_id=event.id)
            reason = f'{type(error).__name__} while it was read'
            await fail(engine, connection, row, reason)
            told.failed.append((event.id, reason))
            continue
        if _is_shared(engine, elements):
            await flush()
            batch.append((event, elements))
            await flush()
            await bump(connection, 'directory')
            known = await engine.known(connection)
            await dirty.renamed(engine, connection, event)
        else:
            batch.append((event, elements))
    await flush()
    return told


def _is_shared(engine: Engine, elements: Sequence[Element]) -> bool:
    """Whether they tell of what everybody's knowledge is made of."""
    return any(seen.ref[:2] in engine.shared for element in elements for seen in element.observations)


async def _apply_act(engine: Engine, connection: Connection, event: Event, row: Row) -> None:
    """A person's act (`hermes config set`, `push retry`, ...): a refused one is over, and leaves its event with the
    refusal and nothing else.
    """
    try:
        async with connection.transaction():
            await apply_act(engine, connection, event)
    except HermesError as error:
        named = [] if isinstance(error, Withheld) else acts.named(event.body)
        await events.refuse(connection, event.id, getattr(error, 'code', ''), str(error), named)
        if isinstance(error, Withheld):
            await erasing.keep_body(connection, event.id, None, event.headers)
            await people.drop_unborn(connection, getattr(acts.decode(event.body), 'id', 0))
        return
    except DatabaseError:
        raise
    except Exception as error:
        log.exception('an act cannot be applied', event_id=event.id)
        await fail(engine, connection, row, f'{type(error).__name__} while it was applied')


async def _apply_batch(
    engine: Engine,
    connection: Connection,
    batch: Sequence[tuple[Event, Sequence[Element]]],
    rows: dict[int, Row],
    given: Given,
) -> Result:
    result = await apply_events(engine, connection, batch, given)
    now = engine.clock.now()
    for event_id, reason in result.parked:
        await events.fail(connection, event_id, now, reason, park=True)
    for event_id, reason in result.failed:
        await fail(engine, connection, rows[event_id], reason)
    stuck = dict([*result.parked, *result.failed, *result.waiting])
    told = {event.id: elements for event, elements in result.applied if event.id in stuck}
    for event_id, elements in told.items():
        await events.note(connection, event_id, [{'about': about(element)} for element in elements])
    for event_id, reason in result.waiting:
        waited_s = (now - rows[event_id]['received_at']).total_seconds()
        due_at = now + timedelta(seconds=min(60.0, 1.0 + waited_s))
        await events.postpone(connection, event_id, due_at, reason)
    return result


async def apply_events(
    engine: Engine, connection: Connection, batch: Sequence[tuple[Event, Sequence[Element]]], given: Given
) -> Result:
    """Load, apply, store, journal, mark dirty: the whole way of a batch within the caller's transaction."""
    known = given.known or await engine.known(connection)
    sifted = await withhold.sift(engine, connection, batch, known)
    graph = given.graph or await _load(engine, connection, sifted.batch, known, given)
    if given.graph is None and (now := await engine.known(connection)).erased != known.erased:
        # Somebody was erased while this transaction waited for the locks.
        known, sifted = now, await withhold.sift(engine, connection, batch, now)
        graph = await _load(engine, connection, sifted.batch, known, given)
    batch = sifted.batch
    graph.set_allocator(await allocator(engine, connection, batch, given.births))
    before_mirrors = dict(graph.mirrors)
    before_records = dict(graph.records)
    result = apply_in_memory(engine, graph, batch, known)
    result.applied = batch
    touched = dirty.touched_by(graph, before_mirrors, before_records)
    async with connection.pipeline():
        await graphs.commit(connection, graph, result, batch[-1][0], engine.clock.now(), lenient=True)
        told = [waiting_reason(ref) for ref in result.mirrors]
        await events.finish(connection, result.finished, {event_id for _, event_id in result.changes}, told)
        for item in result.apart:
            await events.set_apart(connection, item)
        if not all(_is_about_to(element) for _, elements in batch for element in elements):
            await dirty.mark(engine, connection, graph, touched, engine.context(batch[-1][0], known), given.lane)
    if sifted.changed:
        await withhold.keep(engine, connection, sifted)
    return result


async def _load(
    engine: Engine,
    connection: Connection,
    batch: Sequence[tuple[Event, Sequence[Element]]],
    known: Knowledge,
    given: Given,
) -> Graph:
    return await graphs.load(
        connection, wanted(batch, engine.systems, known.directory.links), births_held=given.births_held
    )


def apply_in_memory(
    engine: Engine, graph: Graph, batch: Sequence[tuple[Event, Sequence[Element]]], known: Knowledge
) -> Result:
    """What a batch does to a graph. Nothing is stored."""
    result = Result()
    for event, elements in batch:
        with tracing.span(f'apply {event.kind} of {event.source}', tracing.trace_of(event.source, event.dedupe_key)):
            _apply_one(engine, graph, event, elements, engine.context(event, known), result)
    return result


def _is_about_to(element: Element) -> bool:
    """Whether it says what is about to be sent: nothing differs from anything because of that."""
    return element.intent is not None and element.intent.state == 'open'


def waiting_reason(ref: RemoteRef) -> str:
    return f'waits for {ref.system} {ref.type} {ref.remote_id}'


async def allocator(
    engine: Engine, connection: Connection, batch: Sequence[tuple[Event, Sequence[Element]]], births: Sequence[int]
) -> Any:
    """Ids for new records: as many as the batch could need. A replayed event gets the ids of its births again (I14)."""
    most = sum(
        1 + (seen.ref.type == 'client')
        for _, elements in batch
        for element in elements
        for seen in element.observations
    )
    if most > len(engine.ids):
        engine.ids += await graphs.allocate_ids(connection, max(most, IDS))
    known = list(births)
    return lambda: known.pop(0) if known else engine.ids.pop(0)


def _apply_one(
    engine: Engine, graph: Graph, event: Event, elements: Sequence[Element], context: Context, result: Result
) -> None:
    """One event: all of its elements or none of them, but for those that can stand alone: such a one, when it cannot
    be applied, is set apart and the others go on (E-8).
    """
    mark_before, outcome, waits = graph.mark(), [], set()
    effects = graphs.Effects()
    apart: list[Apart] = []
    for element in elements:
        mark_element = graph.mark()
        try:
            done = apply(graph, element, context)
        except Exception as error:
            refused = isinstance(error, Refused)
            reason = str(error) if refused else f'{type(error).__name__} while it was applied'
            if not refused:
                log.exception('an event cannot be applied', event_id=event.id)
            if element.alone:
                graph.undo(mark_element)
                apart.append(Apart(event, element.alone, reason, refused, about(element)))
                outcome.append(_outcome(Applied(notes=[f'set apart: {reason}']), element))
                continue
            graph.undo(mark_before)
            (result.parked if refused else result.failed).append((event.id, reason))
            return
        effects.add(done, event.id)
        effects.mirrors.update(dict.fromkeys((seen.ref for seen in element.observations), event.id))
        waits |= set(done.waits_for)
        outcome.append(_outcome(done, element))
    result.apart += apart
    result.changes += effects.changes
    result.decisions += effects.decisions
    result.closed += effects.closed
    result.checks += effects.checks
    result.mirrors.update(effects.mirrors)
    if waits:
        result.waiting.append((event.id, waiting_reason(min(waits))))
    result.finished.append((event.id, None if waits else outcome))


def _outcome(done: Applied, element: Element) -> dict[str, Any]:
    """What people see of it: `about` names remote objects and, for our own calls, the record, changed or not."""
    records = sorted({change.record for change in done.changes})
    return {
        'notes': done.notes,
        'changes': len(done.changes),
        'records': [list(ref) for ref in records],
        'about': about(element),
    }


def about(element: Element) -> list[str]:
    """What an element speaks of: `system:organization:5`, `company:12`."""
    refs = [*(seen.ref for seen in element.observations), *(fetch.ref for fetch in element.fetch)]
    told = [':'.join(ref) for ref in refs]
    if (intent := element.intent) is not None:
        told += [f'{intent.record.type}:{intent.record.id}']
        told += [':'.join(intent.ref)] if intent.ref.remote_id else []
    return list(dict.fromkeys(told))


async def record(engine: Engine, connection: Connection, *happened: Event, given: Given = NOTHING) -> Result:
    """Apply events of our own (an answer and its verdict, a read) inside the transaction that records them; they are
    marked done, or parked, there.
    """
    known = given.known or await engine.known(connection)
    batch: list[tuple[Event, Sequence[Element]]] = []
    unread: list[tuple[int, str]] = []
    for event in happened:
        try:
            batch.append((event, await observe(engine, event, known)))
        except HermesError as error:
            unread.append((event.id, str(error)))
    result = Result()
    if batch:
        result = await apply_events(engine, connection, batch, replace(given, known=known))
    if any(_is_shared(engine, elements) for _, elements in batch):
        await bump(connection, 'directory')
    result.parked += unread
    for event_id, reason in result.parked:
        await events.fail(connection, event_id, engine.clock.now(), reason, park=True)
    for event_id, reason in result.failed:
        await fail(engine, connection, {'id': event_id, 'attempts': 0}, reason)
    for event_id, reason in result.waiting:
        await events.postpone(connection, event_id, engine.clock.now() + timedelta(seconds=2), reason)
    return result
