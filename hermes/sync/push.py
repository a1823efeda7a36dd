"""Push: what differs is sent. Claim one company graph, and for each due record: plan, reserve, commit the intent,
call, record.

An intent without an outcome is resolved before anything else is tried (resolve.py); each kind of error has one
reaction.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from hermes.db import budget, decisions, events, graphs, pushes, sweeps
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection, commit_unsynced
from hermes.db.pushes import Push
from hermes.domain.errors import (
    Ambiguous,
    AuthBroken,
    Gone,
    RateLimited,
)
from hermes.domain.graph import Decision, Graph
from hermes.domain.history import edits
from hermes.domain.merge import decreed
from hermes.domain.model import Event
from hermes.domain.plan import Create, Noop, Plan, Update, Wait, plan
from hermes.kit import tracing
from hermes.ports import Request, System
from hermes.sync import batches, call_rules, calls, ingest, resolve
from hermes.sync.calls import Asked, Call, Denied
from hermes.sync.engine import Engine
from hermes.sync.reactions import react
from hermes.sync.writes import LostLeaseError as LostLeaseError
from hermes.sync.writes import request_of, without

DAY_S: Final = 86_400
CORRECTIONS: Final = 3
"""The third correction of one field within 24 h parks it (EDIT-3)."""
METADATA_WAIT_S: Final = 3


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that is ready to go out."""

    request: Request
    call: Call
    intent: Event
    known: Knowledge
    since: float
    """When its intent was written, by the monotonic clock."""
    generation: int
    """What is wanted as the intent has it."""


async def push_step(engine: Engine) -> int:
    """Work on one company graph that has something due. Returns how many records were looked at."""
    async with engine.database.transaction() as connection:
        claimed, _ = await pushes.claim_graph(connection, engine.worker, planning=engine.push_mode == 'plan')
    return await push_claimed(engine, claimed)


async def look(engine: Engine, working: int) -> tuple[list[Push], float | None]:
    """Claim one company graph whose calls the budget has room for, beside those of `working` others; and in how many
    seconds to look again, if that is known: at once while another graph is due.
    """
    async with engine.database.transaction() as connection:
        full = await budget.full(connection, working)
        claimed, more = await pushes.claim_graph(connection, engine.worker, full, planning=engine.push_mode == 'plan')
        if more:
            return claimed, 0.0
        due_s = await pushes.next_due_s(connection)
        return claimed, min([*full.values(), *([due_s] if due_s is not None else [])], default=None)


async def push_claimed(engine: Engine, claimed: list[Push]) -> int:
    """Work on what was claimed, parents first. Returns how many records were looked at."""
    if claimed and engine.systems[claimed[0].system].profile.batch > 1:
        return await batches.push_together(engine, claimed)
    for place, push in enumerate(claimed):
        if not await _push_one(engine, push, claimed[place + 1 :]):
            break
    return len(claimed)


async def _push_one(engine: Engine, push: Push, rest: list[Push]) -> bool:
    """One record. False when the graph should be left alone for now."""
    system = engine.systems[push.system]
    if push.intent is not None:
        settled = await resolve.resolve(engine, push, system)
        await _release(engine, rest) if not settled else None
        return settled
    async with engine.database.transaction() as connection:
        graph = await graphs.load(connection, graphs.whole(push.root))
        prepared = await prepare(engine, connection, push, system, graph, rest)
        root = await call_rules.of_trace(connection, push.record, push.graph_id) if prepared else None
    if prepared is None:
        return True
    push = replace(push, wanted=prepared.generation)
    request = prepared.request
    with tracing.span(f'{request.op} {request.type} in {push.system}', root, record=f'{push.record}', lane=push.lane):
        asked = await calls.send(engine, system, request, prepared.call, prepared.known, prepared.since)
        tracing.tell(status=asked.answer.status or 0, sent=asked.answer.sent)
    creating = request.op == 'create'
    async with engine.births if creating else nullcontext(), engine.database.transaction() as connection:
        await (graphs.lock_births_unsynced if creating else commit_unsynced)(connection)
        await record_answer(engine, connection, push, system, prepared.intent.id, asked)
    stop = isinstance(asked.reaction, (RateLimited, AuthBroken))
    if stop:
        await _release(engine, rest)
    return not stop


async def _release(engine: Engine, rest: list[Push]) -> None:
    async with engine.database.transaction() as connection:
        for push in rest:
            await pushes.release(connection, push)


async def prepare(
    engine: Engine, connection: Connection, push: Push, system: System, graph: Graph, rest: Sequence[Push] = ()
) -> Prepared | None:
    """Plan one record of a company's graph and, if something has to be sent, commit the intent. None when there is
    nothing to call now.
    """
    known = await engine.known(connection)
    if push.record not in graph.records:
        graph = await graphs.load(connection, graphs.Wanted(records={push.record}), lock=False)
    record = graph.record(push.record)
    spacing_s = float(known.settings.get('push_spacing_s', engine.push_spacing_s))
    if record is None or record.ref != push.record:
        await pushes.complete(connection, push, push.wanted, wrote=False, spacing_s=spacing_s)
        return None
    now_event = Event(0, '', '', b'', engine.clock.now())
    table = engine.outgoing(system, record.ref.type, known)
    needed = plan(graph, record, table, engine.context(now_event, known), push.system)
    needed = without(needed, push.ignored)
    if isinstance(needed, Update):
        needed = await _without_fights(engine, connection, graph, needed, push)
    if isinstance(needed, (Noop, Wait)):
        await pushes.complete(connection, push, push.wanted, wrote=False, spacing_s=spacing_s)
        return None
    reason = await gate(engine, connection, needed, record.ref.type, system, known)
    if reason:
        await pushes.later(connection, push, timedelta(seconds=METADATA_WAIT_S), reason)
        return None
    if isinstance(needed, Create) and record.claims.undecided:
        await pushes.park(connection, push, 'MATCH-7: nothing is made until somebody decides', {}, 'held')
        return None
    rule = await call_rules.of_write(connection, graph, record, needed, table)
    return await _intend(engine, connection, push, system, known, request_of(needed, record, system), rule, graph, rest)


async def _without_fights(engine: Engine, connection: Connection, graph: Graph, needed: Update, push: Push) -> Plan:
    """EDIT-3: a field that people keep writing and Hermes keeps correcting is left alone and shown. A correction counts
    once it goes out: it is stored with its intent.
    """
    now_s = int(engine.clock.now().timestamp())
    mirror = needed.mirror
    corrections = {name: tuple(at for at in times if at > now_s - DAY_S) for name, times in mirror.corrections.items()}
    fought, record = [], graph.record(push.record)
    said = decreed(graph, record) if record is not None else {}
    for name in needed.fields.keys() - said.keys():
        written = edits(mirror, name)
        runs = mirror.runs.get(name, ())
        if not written or written[-1][0] != runs[-1] or written[-1][1]:
            continue
        if len(corrections.get(name, ())) + 1 >= CORRECTIONS:
            fought.append(name)
        else:
            corrections[name] = (*corrections.get(name, ()), now_s)
    if corrections != dict(mirror.corrections):
        graph.put_mirror(replace(graph.mirrors[mirror.ref], corrections=corrections))
    if not fought:
        return needed
    key = f'fought:{push.record.type}:{push.record.id}:{",".join(sorted(fought))}'
    question = Decision('fought over', key, push.record, {'fields': fought})
    await decisions.ask(connection, [(question, None)], engine.clock.now())
    await pushes.leave(connection, push, fought)
    return without(needed, tuple(fought))


async def gate(
    engine: Engine, connection: Connection, needed: Plan, record_type: str, system: System, known: Knowledge
) -> str:
    """Why a creation must wait: the type was not listed yet (MATCH-6), or its hermes_id field is unknown (OUT-4)."""
    if not isinstance(needed, Create) or record_type == 'meeting':
        return ''
    remote_type = system.types[record_type]
    field = known.catalogue.by_machine_name.get((record_type, 'hermes_id'))
    lacks_id = field is None or not field.pd_field_id or field.problem
    if lacks_id and remote_type in system.profile.fields.types:
        return f'no {remote_type} is made while its hermes_id field is unknown (hermes setup fields)'
    listing = (system.name, remote_type)
    if remote_type in system.profile.listings.before_making and listing not in engine.listed:
        if not await sweeps.is_proven(connection, *listing):
            return f'waits for the first full listing of the type {remote_type}'
        engine.listed.add(listing)
    return ''


async def _intend(
    engine: Engine,
    connection: Connection,
    push: Push,
    system: System,
    known: Knowledge,
    request: Request,
    rule: str,
    graph: Graph,
    rest: Sequence[Push],
) -> Prepared | None:
    """Reserve, write the intent as an event, fold it into the mirror, and keep it in the push row: all before the
    call.
    """
    now, since = engine.clock.now(), engine.clock.monotonic()
    opened = await calls.intent_event(connection, push.system, 'open', request, 0, {'started_at': now.isoformat()})
    allowed = await calls.allow(engine, connection, system, request, push.lane, opened.id, rule)
    if isinstance(allowed, Denied):
        await events.forget(connection, opened.id)
        retry_at = allowed.grant.retry_at or now + timedelta(seconds=1)
        await (pushes.rest if allowed.grant.full else pushes.later)(connection, push, retry_at, allowed.grant.reason)
        return None
    intent = {
        'op': request.op,
        'type': request.type,
        'remote_id': request.remote_id,
        'fields': dict(request.fields),
        'event_id': opened.id,
        'call_id': allowed.id,
        'reservation_id': allowed.reservation_id,
        'generation': push.wanted,
        'started_at': now.isoformat(),
        'deadline_at': (now + timedelta(seconds=calls.CALL_S)).isoformat(),
        'misses': 0,
    }
    generation = await pushes.intend(connection, push, intent, rest)
    if generation is None:
        raise LostLeaseError
    await ingest.record(engine, connection, opened, given=ingest.Given(graph, known))
    return Prepared(request, allowed, opened, known, since, generation)


async def record_answer(
    engine: Engine,
    connection: Connection,
    push: Push,
    system: System,
    intent: int,
    asked: Asked,
) -> None:
    """The answer becomes an event and is applied; then the push follows what it asks for. `intent`: the event of what
    was to be sent.
    """
    request, reaction = asked.request, asked.reaction
    spacing_s = float(asked.known.settings.get('push_spacing_s', engine.push_spacing_s))
    creating = request.op == 'create'
    if reaction is None or (isinstance(reaction, Gone) and request.op == 'delete'):
        told = await calls.note_all(engine, connection, system, asked, intent, 'done')
        await ingest.record(engine, connection, *told, given=ingest.Given(births_held=creating))
        await pushes.complete(connection, push, push.wanted, wrote=True, spacing_s=spacing_s)
        return
    await graphs.lock_root(connection, push.root)
    if isinstance(reaction, Ambiguous):
        told = await calls.note_all(engine, connection, system, asked, intent)
        await ingest.record(engine, connection, *told, given=ingest.Given(births_held=creating))
        due = (
            timedelta(seconds=calls.CALL_S + resolve.CREATE_GRACE_S)
            if request.op == 'create' and not request.remote_id
            else timedelta(seconds=1)
        )
        await pushes.later(connection, push, due, str(reaction), attempt=True, keep_intent=True)
        return
    superseded = await pushes.wanted(connection, push) > push.wanted
    told = await calls.note_all(engine, connection, system, asked, intent, 'void')
    await ingest.record(engine, connection, *told, given=ingest.Given(births_held=creating))
    if not superseded:
        push = replace(push, wanted=await pushes.wanted(connection, push))
    await react(engine, connection, push, system.profile, request, reaction)
