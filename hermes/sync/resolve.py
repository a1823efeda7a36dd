"""Resolve: a call went out and nobody knows what became of it (OUT-4). Never a second try before that is known.

A change or a deletion is looked at by id. A creation is looked for among what was added since, not before the call can
no longer arrive; our own webhook may tell earlier. Not found twice, ten seconds apart: it never happened. Found twice:
the older is linked and the second becomes a decision; never a third.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.db import graphs, mirrors, pushes
from hermes.db.pool import Connection
from hermes.db.pushes import Push
from hermes.domain.acts import RenameMeeting
from hermes.domain.errors import Forbidden, Gone, Pending, RateLimited, Reaction, Rejected, StrangeOwner
from hermes.domain.model import Event, RemoteRef, Value
from hermes.domain.plan import Create, plan
from hermes.ports import Answer, Request, System
from hermes.sync import bookings, call_rules, calls, ingest, options
from hermes.sync.calls import Denied
from hermes.sync.engine import Engine

CREATE_GRACE_S: Final = 10.0
"""How long after its deadline a creation may still arrive."""
LOOK_BACK_S: Final = 60
MISSES: Final = 2
JOB_WAIT_S: Final = 1.0
JOB_MOST_S: Final = 60.0
JOB_LASTS: Final = timedelta(minutes=15)
"""After so long a job that goes on there counts as one that never ends."""
TRIES: Final = 4
"""So often an id that we chose is refused as taken and not found: then another is chosen."""


async def resolve(engine: Engine, push: Push, system: System) -> bool:
    """Find out what became of the intent of a claimed push. True when it is known, and the push may be planned
    again.
    """
    intent = push.intent or {}
    request = Request(intent['op'], intent['type'], intent['remote_id'], intent['fields'], record=push.record)
    if intent.get('job'):
        return await _resolve_job(engine, push, system, request)
    if system.profile.upserts and request.op != 'delete':
        return await _resolve_upsert(engine, push, request)
    if request.op == 'create' and request.remote_id:
        return await _resolve_chosen(engine, push, system, request)
    if request.op != 'create':
        return await _resolve_by_id(engine, push, system, request)
    async with engine.database.transaction() as connection:
        await graphs.lock_for_recording(connection, push.root)
        if await _is_linked(connection, push, system):
            await _close(engine, connection, push, request, 'done')
            return False
        early = _too_early(engine, intent)
        if early > 0:
            await pushes.update_intent(
                connection, push, intent, early, 'the outcome of a creation is unknown; it is looked for soon'
            )
            return False
    found = await _search(engine, push, system, request)
    async with engine.database.transaction() as connection:
        await graphs.lock_for_recording(connection, push.root)
        if not found:
            await pushes.update_intent(
                connection, push, intent, 2.0, 'the outcome of a creation is unknown; the listing could not be read'
            )
        elif await _is_linked(connection, push, system):
            await _close(engine, connection, push, request, 'done')
        elif intent['misses'] + 1 >= MISSES:
            await _close(engine, connection, push, request, 'void')
        else:
            missed = {**intent, 'misses': intent['misses'] + 1}
            await pushes.update_intent(
                connection, push, missed, CREATE_GRACE_S, 'the outcome of a creation is unknown; not found once'
            )
    return False


def _too_early(engine: Engine, intent: Mapping[str, Any]) -> float:
    """Seconds until the creation can no longer arrive."""
    due_at = datetime.fromisoformat(intent['deadline_at']) + timedelta(seconds=CREATE_GRACE_S)
    return (due_at - engine.clock.now()).total_seconds()


async def _is_linked(connection: Connection, push: Push, system: System) -> bool:
    graph = await graphs.load(connection, graphs.Wanted(records={push.record}), lock=False)
    record = graph.record(push.record)
    return record is not None and graph.primary(record.ref, system.name) is not None


async def _close(
    engine: Engine, connection: Connection, push: Push, request: Request, state: str, *, attempts: int = 0
) -> None:
    """The outcome is known: say so in an event, and plan again at once. `attempts`: tries that go on being counted."""
    opened = (push.intent or {})['event_id']
    verdict = await calls.intent_event(connection, push.system, state, request, opened)
    await ingest.record(engine, connection, verdict)
    await pushes.settle(connection, push, happened=state == 'done', attempts=attempts)


async def _resolve_upsert(engine: Engine, push: Push, request: Request) -> bool:
    """AU-15: what goes out under our own id is simply sent again: there is never a second object."""
    async with engine.database.transaction() as connection:
        await graphs.lock_root(connection, push.root)
        await _close(engine, connection, push, request, 'void')
    return False


async def _resolve_job(engine: Engine, push: Push, system: System, request: Request) -> bool:
    """AU-16: what was taken goes on there: ask how it stands. What fails, is forgotten or never ends, a person sees."""
    intent = push.intent or {}
    told = {'job': intent['job']}
    asking = Request('job', request.type, request.remote_id, request.fields, params=told, record=push.record)
    asked = await calls.ask(engine, system, asking, push.lane, 'AU-16')
    polls = int(intent.get('polls', 0)) + 1
    wait_s = min(JOB_WAIT_S * 2**polls, JOB_MOST_S)
    async with engine.database.transaction() as connection:
        await graphs.lock_for_recording(connection, push.root)
        if isinstance(asked, Denied):
            await pushes.update_intent(connection, push, intent, JOB_WAIT_S, asked.grant.reason)
            return False
        event = await calls.note(engine, connection, system, asked)
        await ingest.record(engine, connection, event)
        reaction: Reaction | None = asked.reaction
        over = engine.clock.now() - datetime.fromisoformat(intent['started_at']) > JOB_LASTS
        if reaction is None:
            await _close(engine, connection, push, request, 'done')
        elif isinstance(reaction, (Rejected, Forbidden, Gone)) or (over and isinstance(reaction, Pending)):
            words = f'{reaction} It was waited for in vain.' if isinstance(reaction, Pending) else str(reaction)
            overtaken = await pushes.wanted(connection, push) > push.wanted
            verdict = await calls.intent_event(connection, push.system, 'void', request, intent['event_id'])
            await ingest.record(engine, connection, verdict)
            if not overtaken:
                push = replace(push, wanted=await pushes.wanted(connection, push))
            await pushes.park(connection, push, words, {'fields': ['lists'], 'sent': sorted(request.fields)})
        else:
            told = {**intent, 'polls': polls, 'job': reaction.job if isinstance(reaction, Pending) else intent['job']}
            until = (reaction.until - engine.clock.now()).total_seconds() if isinstance(reaction, RateLimited) else 0
            await pushes.update_intent(connection, push, told, max(until, wait_s), str(reaction))
    return False


async def _resolve_by_id(engine: Engine, push: Push, system: System, request: Request) -> bool:
    """A change or a deletion: the object itself says whether it happened."""
    reading = Request('read', request.type, request.remote_id, record=push.record)
    answer, reaction = await read(engine, system, reading, push.lane, 'OUT-4')
    async with engine.database.transaction() as connection:
        await graphs.lock_root(connection, push.root)
        if answer is None or (reaction is not None and not isinstance(reaction, (Gone, StrangeOwner))):
            await pushes.later(
                connection,
                push,
                timedelta(seconds=engine.backoff_s(push.attempts)),
                'the outcome of a call is unknown',
                attempt=True,
                keep_intent=True,
            )
            return False
        state = 'done' if await _happened(connection, push, request) else 'void'
        await _close(engine, connection, push, request, state)
    return False


async def _resolve_chosen(engine: Engine, push: Push, system: System, request: Request) -> bool:
    """A creation under an id of our choice: the object of that id says whether it happened. Not there, or in a calendar
    that is closed to us: it is tried again at once, which can never make two. There, but not ours or deleted: it needs
    another id (CB-7).
    """
    reading = Request('read', request.type, request.remote_id, record=push.record)
    answer, reaction = await read(engine, system, reading, push.lane, 'CB-7')
    async with engine.database.transaction() as connection:
        await graphs.lock_for_recording(connection, push.root)
        gone = isinstance(reaction, (Gone, StrangeOwner))
        if answer is None or (reaction is not None and not gone):
            wait = timedelta(seconds=engine.backoff_s(push.attempts))
            reason = 'the outcome of a creation is unknown; it could not be read'
            await pushes.later(connection, push, wait, reason, attempt=True, keep_intent=True)
        elif await _is_linked(connection, push, system):
            await _close(engine, connection, push, request, 'done')
        else:
            taken = not gone or (push.attempts >= TRIES and isinstance(reaction, Gone))
            if taken and await _is_wanted(engine, connection, push, system):
                await bookings.tell(connection, RenameMeeting(push.record.id, reason='its id is taken in the calendar'))
            await _close(engine, connection, push, request, 'void', attempts=push.attempts)
    return False


async def _is_wanted(engine: Engine, connection: Connection, push: Push, system: System) -> bool:
    """Whether the creation is still planned: what was read may have told that a person deleted it."""
    known = await engine.known(connection)
    graph = await graphs.load(connection, graphs.Wanted(records={push.record}), lock=False)
    record = graph.record(push.record)
    if record is None:
        return False
    context = engine.context(Event(0, '', '', b'', engine.clock.now()), known)
    needed = plan(graph, record, engine.outgoing(system, record.ref.type, known), context, system.name)
    return isinstance(needed, Create)


async def _happened(connection: Connection, push: Push, request: Request) -> bool:
    """Whether the object shows what was sent."""
    ref = RemoteRef(push.system, request.type, request.remote_id)
    graph = await graphs.load(connection, graphs.Wanted(refs={ref}), lock=False)
    mirror = graph.mirrors.get(ref)
    if mirror is None:
        return False
    if request.op == 'delete':
        return not mirror.live
    return any(_shows(mirror.current(name), value) for name, value in request.fields.items())


def _shows(held: Value, sent: Value) -> bool:
    return bool(held == sent)


async def read(
    engine: Engine, system: System, request: Request, lane: str, rule: str = ''
) -> tuple[Answer | None, Reaction | None]:
    """Read one object by id, because of `rule`; the answer is an event like any other. (None, None) when the budget
    said no.
    """
    asked = await calls.ask(engine, system, request, lane, rule)
    if isinstance(asked, Denied):
        return None, None
    if asked.reaction is None:
        await options.settle_doubts(engine, system, request, asked.answer)
    async with engine.database.transaction() as connection:
        await graphs.lock_births(connection)
        event = await calls.note(engine, connection, system, asked)
        await ingest.record(engine, connection, event, given=ingest.Given(births_held=True))
    return asked.answer, asked.reaction


async def _search(engine: Engine, push: Push, system: System, request: Request) -> bool:
    """List what was added since the intent began, to the end; each page is an event and is applied. False when it
    could not be read.
    """
    started_at = datetime.fromisoformat((push.intent or {})['started_at'])
    since = (started_at - timedelta(seconds=LOOK_BACK_S)).replace(microsecond=0)
    cursor: str | None = None
    while True:
        params: dict[str, Value] = {'since': since.isoformat(), 'cursor': cursor, 'limit': 500}
        page = Request('list', request.type, params=params, record=push.record)
        answer, reaction = await read(engine, system, page, 'webhook', 'OUT-4')
        if answer is None or reaction is not None:
            return False
        cursor = system.next_cursor(answer)
        async with engine.database.transaction() as connection:
            if not await pushes.renew(connection, [push]):
                return False
        if not cursor:
            return True


async def reread_step(engine: Engine, limit: int = 5) -> int:
    """Read again what somebody asked for: parents (D-3), clients of invoices (TC-2), objects whose order is in
    doubt (VERSION-1).
    """
    async with engine.database.transaction() as connection:
        due = await mirrors.take_due(connection, limit)
    for each in due:
        system = engine.systems.get(each.ref.system)
        if system is None:
            continue
        request = Request('read', each.ref.type, each.ref.remote_id)
        rule = call_rules.of_reading(each, system.profile.read_rule)
        answer, reaction = await read(engine, system, request, 'webhook', rule)
        if answer is None or (reaction is not None and not isinstance(reaction, Gone)):
            continue
        async with engine.database.transaction() as connection:
            await _after_reading(connection, each.ref, each.lease, there=reaction is None)
    return len(due)


async def _after_reading(connection: Connection, ref: RemoteRef, lease: datetime, *, there: bool) -> None:
    """The reading is done, unless somebody asked for another meanwhile (then `lease` stands no more). What was held
    because its object was gone goes on when the object is there, or is known to be deleted (OUT-5).
    """
    await mirrors.end_reading(connection, ref, lease)
    if await pushes.free_read(connection, ref, there=there):
        await pushes.ring(connection)
