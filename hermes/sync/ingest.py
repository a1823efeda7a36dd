"""Ingest: due events become changes. One transaction a batch, one transaction an event when the batch fails (I12).

`apply_event` is also what records an answer of a call, in the transaction that records the call. A poisoned event is
parked after five attempts with its reason; what a person must mend (Refused) is parked at once; what waits for
something is never dropped (D-3).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

import structlog

from hermes.db import events, graphs, pushes
from hermes.db.catalogue import Knowledge, bump
from hermes.db.pool import Connection, DatabaseError, Row
from hermes.domain.applied import Applied
from hermes.domain.apply import apply
from hermes.domain.errors import HermesError, Refused
from hermes.domain.graph import CRM, Context, Decision, Graph
from hermes.domain.matching import Keys, keys
from hermes.domain.model import Change, Element, Event, Intent, Mirror, Record, RecordRef, RemoteRef
from hermes.domain.plan import Create, Delete, Noop, Plan, Update, Wait, plan
from hermes.ports import decode_answer
from hermes.sync import acts
from hermes.sync.engine import Engine

log = structlog.get_logger(__name__)
BATCH: Final = 100
ATTEMPTS: Final = 5
SHARED: Final = ('pipeline', 'stage', 'user')
REFERRING: Final = {'company_id': 'organization', 'contact_id': 'person'}


@dataclass(frozen=True, slots=True)
class Apart:
    """An element that cannot be applied, as an event of its own: put aside (refused), or tried again."""

    event: Event
    body: bytes
    reason: str
    refused: bool


@dataclass
class Result:
    """What a batch did to the graph: for the journal, the pushes, and whoever waits."""

    changes: list[tuple[Change, int]] = field(default_factory=list)
    decisions: list[tuple[Decision, int]] = field(default_factory=list)
    finished: list[tuple[int, Any]] = field(default_factory=list)
    mirrors: dict[RemoteRef, int] = field(default_factory=dict)
    relinked: set[int] = field(default_factory=set)
    parked: list[tuple[int, str]] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)
    waiting: list[tuple[int, str]] = field(default_factory=list)
    apart: list[Apart] = field(default_factory=list)


async def ingest_step(engine: Engine) -> int:
    """Apply one batch of due events. Returns how many were taken."""
    try:
        async with engine.database.transaction() as connection:
            rows = await events.claim(connection, BATCH)
            if rows:
                await _apply_rows(engine, connection, rows)
            return len(rows)
    except DatabaseError as error:
        if not error.sqlstate:
            raise
        log.warning('a batch failed, its events are applied one by one', sqlstate=error.sqlstate)
    return await _one_by_one(engine)


async def _one_by_one(engine: Engine) -> int:
    """After a failed batch: every event in a transaction of its own."""
    async with engine.database.transaction() as connection:
        ids = [row['id'] for row in await events.claim(connection, BATCH)]
    for event_id in ids:
        try:
            async with engine.database.transaction() as connection:
                row = await events.claim_one(connection, event_id)
                if row:
                    await _apply_rows(engine, connection, [row])
        except DatabaseError as error:
            if not error.sqlstate:
                raise
            async with engine.database.transaction() as connection:
                row = await events.claim_one(connection, event_id)
                if row:
                    await _fail(engine, connection, row, f'{type(error).__name__} ({error.sqlstate})')
    return len(ids)


async def _fail(engine: Engine, connection: Connection, row: Row, reason: str) -> None:
    due_at = engine.clock.now() + timedelta(seconds=engine.backoff_s(row['attempts'], most_s=30))
    await events.fail(connection, row['id'], due_at, reason, park=row['attempts'] + 1 >= ATTEMPTS)


async def _apply_rows(engine: Engine, connection: Connection, rows: Sequence[Row]) -> None:
    """Apply claimed events in order; what changes everybody's knowledge (acts, pipelines, users) stands alone."""
    by_id = {row['id']: row for row in rows}
    batch: list[tuple[Event, Sequence[Element]]] = []
    known = await engine.known(connection)
    for row in rows:
        event = events.read_event(row)
        if event.kind == 'act':
            await _apply_batch(engine, connection, batch, by_id)
            batch = []
            await _apply_act(engine, connection, event, row)
            known = await engine.known(connection)
            continue
        try:
            elements = await observe(engine, event, known)
        except HermesError as error:
            await events.fail(connection, event.id, event.received_at, str(error), park=True)
            continue
        except Exception as error:
            log.exception('an event cannot be observed', event_id=event.id)
            await _fail(engine, connection, row, f'{type(error).__name__} while it was read')
            continue
        alone = any(seen.ref.type in SHARED for element in elements for seen in element.observations)
        if alone:
            await _apply_batch(engine, connection, batch, by_id)
            batch = []
            await _apply_batch(engine, connection, [(event, elements)], by_id)
            await bump(connection, 'directory')
            known = await engine.known(connection)
        else:
            batch.append((event, elements))
    await _apply_batch(engine, connection, batch, by_id)


async def observe(engine: Engine, event: Event, known: Knowledge) -> Sequence[Element]:
    """The elements of an event, by its system; ignored when nobody speaks for the source."""
    system = engine.systems.get(event.source)
    if event.kind == 'intent':
        return [Element(intent=read_intent(event))]
    if event.kind == 'metadata':
        return [Element(ignored='it describes the account, not an object')]
    if system is None or event.kind == 'webhook-extension':
        return [Element(ignored=f'nothing is listened to under {event.source} ({event.kind})')]
    elements = [_clean(element) for element in system.observe(event, known.catalogue)]
    return _as_answer(event, elements) if event.kind == 'answer' else elements


def read_intent(event: Event) -> Intent:
    """An intent event as the pure core sees it; an open one is known by its own event's id."""
    told = json.loads(event.body)
    return Intent(
        told['state'],
        told['op'],
        told['opened'] or event.id,
        RemoteRef(event.source, told['type'], told['remote_id']),
        RecordRef(*told['record']),
        told['fields'],
        datetime.fromisoformat(told['started_at']) if told.get('started_at') else event.received_at,
    )


def _as_answer(event: Event, elements: list[Element]) -> list[Element]:
    """The answer to a write knows for which record and under which intent it was made."""
    request, _ = decode_answer(event.body)
    intent = int(event.headers.get('intent', 0))
    made_for = request.record if request.op == 'create' else None
    return [
        replace(
            element, observations=tuple(replace(seen, intent=intent, record=made_for) for seen in element.observations)
        )
        for element in elements
    ]


def _clean(element: Element) -> Element:
    """Text that no database can hold (NUL, half surrogates) loses those characters."""
    return replace(
        element,
        observations=tuple(replace(seen, fields=_clean_value(dict(seen.fields))) for seen in element.observations),
    )


def _clean_value(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace('\x00', '').encode('utf-8', 'replace').decode()
    if isinstance(value, dict):
        return {_clean_value(name): _clean_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean_value(item) for item in value]
    return value


async def _apply_act(engine: Engine, connection: Connection, event: Event, row: Row) -> None:
    """A person's act (`hermes config set`, `push retry`, ...): a refused one leaves its event with the refusal and
    nothing else.
    """
    try:
        async with connection.transaction():
            outcome = await acts.apply_act(connection, event, await engine.known(connection))
    except HermesError as error:
        await events.fail(connection, event.id, event.received_at, str(error), park=True)
        return
    if outcome.get('dirty'):
        await replan(engine, connection, {RecordRef(*ref) for ref in outcome['dirty']}, event)
    await events.finish(connection, [(event.id, [outcome])])


async def _apply_batch(
    engine: Engine, connection: Connection, batch: Sequence[tuple[Event, Sequence[Element]]], rows: dict[int, Row]
) -> None:
    if not batch:
        return
    result = await apply_events(engine, connection, batch)
    now = engine.clock.now()
    for event_id, reason in result.parked:
        await events.fail(connection, event_id, now, reason, park=True)
    for event_id, reason in result.failed:
        await _fail(engine, connection, rows[event_id], reason)
    for event_id, reason in result.waiting:
        waited_s = (now - rows[event_id]['received_at']).total_seconds()
        await events.postpone(connection, event_id, now + timedelta(seconds=min(60.0, 1.0 + waited_s)), reason)


async def apply_events(
    engine: Engine,
    connection: Connection,
    batch: Sequence[tuple[Event, Sequence[Element]]],
    births: Sequence[int] | None = None,
) -> Result:
    """Load, apply, store, journal, mark dirty: the whole way of a batch within the caller's transaction."""
    known = await engine.known(connection)
    graph = await graphs.load(connection, wanted(batch))
    graph.set_allocator(await allocator(connection, batch, births or []))
    before_mirrors = dict(graph.mirrors)
    before_records = dict(graph.records)
    result = Result()
    for event, elements in batch:
        _apply_one(engine, graph, event, elements, engine.context(event, known), result)
    default_event = batch[-1][0].id
    touched = _touched(graph, before_mirrors, before_records, result)
    await graphs.store(connection, graph, result.mirrors, default_event)
    await graphs.journal(connection, result.changes, engine.clock.now())
    await graphs.decide(connection, result.decisions, engine.clock.now())
    await events.finish(connection, result.finished)
    for item in result.apart:
        await events.set_apart(connection, item.event, item.body, item.reason, park=item.refused)
    await events.wake(connection, [waiting_reason(ref) for ref in result.mirrors])
    await mark(engine, connection, graph, touched, engine.context(batch[-1][0], known))
    return result


def waiting_reason(ref: RemoteRef) -> str:
    return f'waits for {ref.system} {ref.type} {ref.remote_id}'


def wanted(batch: Sequence[tuple[Event, Sequence[Element]]]) -> graphs.Wanted:
    """Everything that the batch's observations name."""
    need = graphs.Wanted()
    for seen in chain.from_iterable(element.observations for _, elements in batch for element in elements):
        need.refs.add(seen.ref)
        need.refs |= {ref for ref in (seen.parent, *(seen.children or ())) if ref is not None}
        need.refs |= {
            RemoteRef(CRM, kind, str(seen.fields[name]))
            for name, kind in REFERRING.items()
            if seen.fields.get(name) and seen.ref.system == CRM
        }
        if seen.fields.get('pipedrive_id'):
            need.refs.add(RemoteRef(CRM, 'organization', str(seen.fields['pipedrive_id'])))
        need.marked |= bool(seen.fields.get('narc'))
        if seen.merged_into:
            need.refs.add(seen.ref._replace(remote_id=seen.merged_into))
        if seen.record:
            need.records.add(seen.record)
        found = keys(seen)
        if found != Keys():
            need.keys.append(found)
    for element in chain.from_iterable(elements for _, elements in batch):
        need.refs |= {item.ref for item in element.fetch}
        if element.intent:
            need.records.add(element.intent.record)
            need.refs |= {element.intent.ref} if element.intent.ref.remote_id else set()
    return need


async def allocator(
    connection: Connection, batch: Sequence[tuple[Event, Sequence[Element]]], births: Sequence[int]
) -> Any:
    """Ids for new records: as many as the batch could need. A replayed event gets the ids of its births again (I14)."""
    most = sum(
        1 + (seen.ref.type == 'client')
        for _, elements in batch
        for element in elements
        for seen in element.observations
    )
    fresh = iter([*births, *(await graphs.allocate_ids(connection, most) if most else [])])
    return lambda: next(fresh)


def _apply_one(
    engine: Engine, graph: Graph, event: Event, elements: Sequence[Element], context: Context, result: Result
) -> None:
    """One event: all of its elements or none of them, but for those that can stand alone: such a one, when it cannot
    be applied, is set apart and the others go on (E-8).
    """
    mark_before, outcome, waits = graph.mark(), [], set()
    changes: list[tuple[Change, int]] = []
    decisions: list[tuple[Decision, int]] = []
    seen_mirrors: dict[RemoteRef, int] = {}
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
                apart.append(Apart(event, element.alone, reason, refused))
                outcome.append({'notes': [f'set apart: {reason}'], 'changes': 0, 'records': []})
                continue
            graph.undo(mark_before)
            (result.parked if refused else result.failed).append((event.id, reason))
            return
        changes += [(change, event.id) for change in done.changes]
        decisions += [(decision, event.id) for decision in done.decisions]
        seen_mirrors.update(dict.fromkeys((seen.ref for seen in element.observations), event.id))
        waits |= set(done.waits_for)
        outcome.append(_outcome(done))
    result.apart += apart
    result.changes += changes
    result.decisions += decisions
    result.mirrors.update(seen_mirrors)
    if waits:
        result.waiting.append((event.id, waiting_reason(min(waits))))
    else:
        result.finished.append((event.id, outcome))


def _outcome(done: Applied) -> dict[str, Any]:
    records = sorted({change.record for change in done.changes})
    return {'notes': done.notes, 'changes': len(done.changes), 'records': [list(ref) for ref in records]}


def _touched(
    graph: Graph, mirrors: dict[RemoteRef, Mirror], records: dict[RecordRef, Record], result: Result
) -> set[RecordRef]:
    """Records that may now differ from what a system holds; with a company, everything under it (inherited fields,
    parents' ids).
    """
    touched = {ref for ref in graph.touched_records if graph.records[ref] != records.get(ref)}
    for remote in graph.touched_mirrors:
        mirror = graph.mirrors[remote]
        if mirror.record and mirror != mirrors.get(remote):
            touched.add(mirror.record)
    under: set[RecordRef] = set()
    for ref in touched:
        if ref.type == 'company':
            under |= {child.ref for part in ('contact', 'deal') for child in graph.children(ref.id, part)}
        elif ref.type == 'contact' and ref in graph.records and graph.records[ref].company_id is not None:
            under |= {child.ref for child in graph.children(graph.records[ref].company_id or 0, 'deal')}
    return {ref for ref in touched | under if ref.type in pushes.RANK}


async def mark(engine: Engine, connection: Connection, graph: Graph, touched: set[RecordRef], context: Context) -> None:
    """Bump the push of every touched record that differs from what a system holds."""
    dirty = []
    for name, system in engine.systems.items():
        types = {ref.type for ref in touched} & system.types.keys() & pushes.RANK.keys()
        tables = {kind: system.outgoing(kind, context.catalogue) for kind in types}
        for ref in sorted(touched):
            record = graph.record(ref)
            if record is None or not tables.get(ref.type):
                continue
            needed = plan(graph, record, tables[ref.type], context, name)
            if isinstance(needed, (Noop, Wait)):
                continue
            company = graph.company(record)
            dirty.append(
                pushes.Dirty(record.ref, name, company.ref.id if company else 0, lane_of(needed), describe(needed))
            )
    await pushes.mark_dirty(connection, dirty, float(context.settings.get('push_spacing_s', engine.push_spacing_s)))


def lane_of(needed: Plan) -> str:
    """OUT-12: an object that only lacks its hermes_id can wait."""
    return 'backfill' if isinstance(needed, Update) and set(needed.fields) == {'hermes_id'} else 'webhook'


def describe(needed: Plan) -> dict[str, Any]:
    """A plan as people and the database keep it."""
    if isinstance(needed, (Create, Update)):
        return {
            'op': 'create' if isinstance(needed, Create) else 'update',
            'fields': dict(needed.fields),
            'cut': list(needed.cut),
        }
    return {'op': 'delete'} if isinstance(needed, Delete) else {}


async def replan(engine: Engine, connection: Connection, refs: set[RecordRef], event: Event) -> None:
    """Look at some records again, after something outside of them changed."""
    known = await engine.known(connection)
    graph = await graphs.load(connection, graphs.Wanted(records=refs), lock=False)
    await mark(engine, connection, graph, {ref for ref in refs if ref in graph.records}, engine.context(event, known))


async def record(engine: Engine, connection: Connection, event: Event, births: Sequence[int] | None = None) -> Result:
    """Apply one event of our own (an answer, a read) inside the transaction that records it; it is marked done, or
    parked, there.
    """
    known = await engine.known(connection)
    try:
        elements = await observe(engine, event, known)
    except HermesError as error:
        await events.fail(connection, event.id, event.received_at, str(error), park=True)
        return Result(parked=[(event.id, str(error))])
    row = {'id': event.id, 'received_at': event.received_at, 'attempts': 0}
    result = await apply_events(engine, connection, [(event, elements)], births)
    for event_id, reason in result.parked:
        await events.fail(connection, event_id, event.received_at, reason, park=True)
    for event_id, reason in result.failed:
        await _fail(engine, connection, {**row, 'attempts': 0}, reason)
        assert event_id == event.id
    for event_id, reason in result.waiting:
        await events.postpone(connection, event_id, engine.clock.now() + timedelta(seconds=2), reason)
    return result
