"""Pushes that go out together: to a system that takes many in one call (`Profile.batch`), each under its own intent.

Whoever is new is looked for first (AU-13): the look-up is a call like any other, and what it says is applied before
anybody is made. A write whose outcome is unknown is sent again: it goes out under our own id (AU-15).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, cast

import structlog

from hermes.db import budget, graphs, pushes
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection, DatabaseError
from hermes.db.pushes import Push
from hermes.domain import app_user_states as states
from hermes.domain.errors import (
    Ambiguous,
    AuthBroken,
    Forbidden,
    Pending,
    RateLimited,
    Reaction,
    Refused,
    Rejected,
    Retry,
)
from hermes.domain.graph import Graph
from hermes.domain.model import Event, Record, RecordRef
from hermes.domain.plan import Create, Noop, Plan, Wait, plan
from hermes.ports import PeopleTarget, Request
from hermes.sync import calls, failures, ingest
from hermes.sync.calls import Call, Denied, Verdict
from hermes.sync.engine import Engine
from hermes.sync.reactions import react
from hermes.sync.resolve import resolve
from hermes.sync.writes import LostLeaseError, request_of, without

log = structlog.get_logger(__name__)
LONGEST_REST_S: Final = 30.0
"""So long a system is left alone at most that does not answer."""
LEASE_MORE_S = 15.0
"""A lease is longer than a call may take by this."""


@dataclass(frozen=True, slots=True)
class Going:
    """One that goes out: its push, its call, the event of its intent, and the intent as the push keeps it."""

    push: Push
    item: Request
    intent: Event | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call for many that was allowed."""

    request: Request
    call: Call
    known: Knowledge
    going: Sequence[Going]
    since: float


async def push_together(engine: Engine, claimed: Sequence[Push]) -> int:
    """Work on what was claimed, and on as much more as goes out in the same call. Returns how many were looked at."""
    first = claimed[0]
    system = cast(PeopleTarget, engine.systems[first.system])
    for push in (push for push in claimed if push.intent is not None):
        await resolve(engine, push, system)
    fresh = [push for push in claimed if push.intent is None]
    if not fresh:
        return len(claimed)
    lease_s = system.profile.deadline_s + LEASE_MORE_S
    async with engine.database.transaction() as connection:
        if not first.detail.get('alone'):
            more = system.profile.batch - len(fresh)
            fresh += await pushes.claim_more(connection, engine.worker, system.name, more, lease_s)
        prepared = await _prepare(engine, connection, system, fresh, lease_s)
    if prepared is None:
        return len(fresh)
    asked = await calls.send(engine, system, prepared.request, prepared.call, prepared.known, prepared.since)
    try:
        async with engine.database.transaction() as connection:
            if prepared.request.op == 'lookup':
                await _note_lookup(engine, connection, system, prepared, asked)
            else:
                await _note_writes(engine, connection, system, prepared, asked)
    except DatabaseError as error:
        _keep(engine, system, prepared, asked, error)
        raise
    return len(fresh)


def _keep(engine: Engine, system: PeopleTarget, prepared: Prepared, asked: calls.Asked, why: DatabaseError) -> None:
    """The database did not take what was answered to writes (AU-9): it goes to the journal. They go out again when
    their leases have ended; of a look-up nothing is lost.
    """
    if prepared.request.op == 'lookup' or engine.failures is None:
        return
    passed: dict[tuple[str, ...], list[RecordRef]] = {}
    for each, reaction in zip(prepared.going, _reactions(system, prepared, asked), strict=True):
        if reaction is None:
            passed.setdefault((states.OK, states.DB_OK), []).append(each.push.record)
        elif isinstance(reaction, (Rejected, Forbidden)) and not _is_refused(prepared, asked):
            refused = (states.UNEXPECTED, states.DB_FAILURE, states.WROTE_ERROR)
            passed.setdefault(refused, []).append(each.push.record)
    if not passed:
        return
    try:
        failures.keep(engine.failures(), asked, passed, why)
    except (Refused, OSError) as error:
        log.error('an answer was not stored, and no journal takes it', system=system.name, reason=str(error))


async def _prepare(
    engine: Engine, connection: Connection, system: PeopleTarget, claimed: Sequence[Push], lease_s: float
) -> Prepared | None:
    """Plan them all; what there is nothing to send of is done. None when there is nothing to call now."""
    known, since = await engine.known(connection), engine.clock.monotonic()
    graph = await graphs.load(connection, graphs.Wanted(records={push.record for push in claimed}))
    planned = [(push, *_plan(engine, graph, push, system, known)) for push in claimed]
    settled = [push for push, _, needed in planned if isinstance(needed, (Noop, Wait))]
    spacing_s = float(known.settings.get('push_spacing_s', engine.push_spacing_s))
    await pushes.complete_many(connection, settled, wrote=False, spacing_s=spacing_s)
    due = [
        (push, record, needed) for push, record, needed in planned if record and not isinstance(needed, (Noop, Wait))
    ]
    if not due:
        return None
    strangers = [
        (push, record)
        for push, record, needed in due
        if system.profile.looks_up and isinstance(needed, Create) and record.fields.get('cleared') != system.name
    ]
    if strangers:
        strangers = [each for each in strangers if each[1].ref.type == strangers[0][1].ref.type]
        going = [Going(push, Request('lookup', record=push.record)) for push, _ in strangers]
        request = lookup_request([record for _, record in strangers])
    else:
        items = [Going(push, request_of(needed, record, system)) for push, record, needed in due]
        head = items[0].item
        going = [each for each in items if (each.item.op, each.item.type) == (head.op, head.type)]
        request = Request(head.op, head.type, items=tuple(each.item for each in going))
    taken = {each.push.record for each in going}
    left = [push for push, _, _ in due if push.record not in taken]
    await pushes.complete_many(connection, left, wrote=False, spacing_s=spacing_s, done=False)
    return await _allow(engine, connection, system, Prepared(request, Call(0, 0), known, going, since), graph, lease_s)


def _plan(
    engine: Engine, graph: Graph, push: Push, system: PeopleTarget, known: Knowledge
) -> tuple[Record | None, Plan]:
    record = graph.records.get(push.record)
    if record is None:
        return None, Noop('it is not there')
    context = engine.context(Event(0, '', '', b'', engine.clock.now()), known)
    needed = plan(graph, record, engine.outgoing(system, record.ref.type, known), context, system.name)
    return record, without(needed, push.ignored)


def lookup_request(records: Sequence[Record], by: str = '', run: int | None = None) -> Request:
    """Ask whether a target knows these records. `by`: the one key that counts, else whatever finds them. `run`: the run
    over many of which this is a part.
    """
    keys = [
        {
            'record': list(record.ref),
            'external_id': str(record.ref.id),
            'legacy_id': record.fields.get('legacy_id'),
            'email': record.fields.get('email'),
        }
        for record in records
    ]
    kind = records[0].ref.type
    more = {'run': run} if run else {}
    return Request('lookup', kind, params={'keys': keys, 'by': by, **more})


async def _allow(
    engine: Engine, connection: Connection, system: PeopleTarget, wanted: Prepared, graph: Graph, lease_s: float
) -> Prepared | None:
    """Reserve the call; of writes, commit the intents before it goes out."""
    allowed = await calls.allow(engine, connection, system, wanted.request, wanted.going[0].push.lane)
    if isinstance(allowed, Denied):
        retry_at = allowed.grant.retry_at or engine.clock.now() + timedelta(seconds=1)
        for each in wanted.going:
            await (pushes.rest if allowed.grant.full else pushes.later)(
                connection, each.push, retry_at, allowed.grant.reason
            )
        return None
    if wanted.request.op == 'lookup':
        return replace(wanted, call=allowed)
    now = engine.clock.now()
    told = {'started_at': now.isoformat()}
    going, intents = [], []
    for each in wanted.going:
        opened = await calls.intent_event(connection, system.name, 'open', each.item, 0, told)
        kept = {
            'op': each.item.op, 'type': each.item.type, 'remote_id': each.item.remote_id,
            'fields': dict(each.item.fields), 'event_id': opened.id, 'call_id': allowed.id,
            'reservation_id': allowed.reservation_id, 'generation': each.push.wanted, **told,
            'deadline_at': (now + timedelta(seconds=system.profile.deadline_s)).isoformat(), 'misses': 0,
        }  # fmt: skip
        intents.append((each.push, kept))
        going.append(replace(each, intent=opened, kept=kept))
    wanted_now = await pushes.intend_many(connection, intents, lease_s)
    if len(wanted_now) < len(going):
        raise LostLeaseError
    opened_events = [each.intent for each in going if each.intent is not None]
    await ingest.record(engine, connection, *opened_events, given=ingest.Given(graph, wanted.known))
    going = [replace(each, push=replace(each.push, wanted=wanted_now[each.push.record])) for each in going]
    return replace(wanted, call=allowed, going=going)


async def _note_lookup(
    engine: Engine, connection: Connection, system: PeopleTarget, prepared: Prepared, asked: calls.Asked
) -> None:
    event = await calls.note(engine, connection, system, asked)
    applied = await ingest.record(engine, connection, event)
    unread = bool(applied.parked or applied.failed)
    pushed, wait = [each.push for each in prepared.going], _wait(engine, prepared.going)
    if asked.reaction is not None:
        wait = await _rest(engine, connection, system, asked, wait)
        await _put_off(connection, pushed, asked.reaction, wait)
    elif unread:
        await pushes.later_many(connection, pushed, wait, 'the answer could not be applied', attempt=True)
    else:
        await pushes.later_many(connection, pushed, timedelta(0), 'it was looked for')


async def _note_writes(
    engine: Engine, connection: Connection, system: PeopleTarget, prepared: Prepared, asked: calls.Asked
) -> None:
    """Every item has its verdict; then each push follows what its own answer asks for."""
    told, refused = _reactions(system, prepared, asked), _is_refused(prepared, asked)
    verdicts = [
        Verdict(
            each.intent.id if each.intent else 0,
            'done' if reaction is None else 'open' if isinstance(reaction, Pending) else 'void',
            each.item,
            str(reaction) if isinstance(reaction, (Rejected, Forbidden)) and not refused else '',
        )
        for each, reaction in zip(prepared.going, told, strict=True)
    ]
    overtaken = await pushes.overtaken(connection, [each.push for each in prepared.going])
    noted = await calls.note_together(engine, connection, system, asked, verdicts)
    await ingest.record(engine, connection, *noted)
    spacing_s = float(asked.known.settings.get('push_spacing_s', engine.push_spacing_s))
    done = [each.push for each, reaction in zip(prepared.going, told, strict=True) if reaction is None]
    await pushes.complete_many(connection, done, wrote=True, spacing_s=spacing_s)
    wait = await _rest(engine, connection, system, asked, _wait(engine, prepared.going))
    put_off: dict[int, tuple[Reaction, list[Push]]] = {}
    for each, reaction in zip(prepared.going, told, strict=True):
        if reaction is None:
            continue
        if isinstance(reaction, Pending):
            kept = {**each.kept, 'job': reaction.job}
            wait_s = (reaction.until - engine.clock.now()).total_seconds()
            await pushes.update_intent(connection, each.push, kept, max(0.0, wait_s), str(reaction))
        elif isinstance(reaction, (Rejected, Forbidden)) and not refused:
            push = each.push
            if push.record not in overtaken:
                push = replace(push, wanted=await pushes.wanted(connection, push))
            await react(engine, connection, push, system.profile, each.item, reaction)
        else:
            put_off.setdefault(id(reaction), (reaction, []))[1].append(each.push)
    for reaction, pushed in put_off.values():
        await _put_off(connection, pushed, reaction, wait)


def _reactions(system: PeopleTarget, prepared: Prepared, asked: calls.Asked) -> Sequence[Reaction | None]:
    """What each item asks for, by index."""
    if asked.reaction is not None:
        return [asked.reaction] * len(prepared.going)
    return system.verdicts(asked.request, asked.answer)


def _is_refused(prepared: Prepared, asked: calls.Asked) -> bool:
    """Whether many were refused together."""
    return len(prepared.going) > 1 and isinstance(asked.reaction, (Rejected, Forbidden))


async def _rest(
    engine: Engine, connection: Connection, system: PeopleTarget, asked: calls.Asked, wait: timedelta
) -> timedelta:
    """A system that gave no answer at all, or failed as a whole, is left alone by everybody for a while, however many
    come meanwhile (AU-17): for as long as whoever has tried most often waits, within bounds. The wait of those who were
    sent.
    """
    if not isinstance(asked.reaction, (Retry, Ambiguous)):
        return wait
    tried = await pushes.most_attempts(connection, system.name)
    rest = timedelta(seconds=engine.backoff_s(tried, most_s=LONGEST_REST_S))
    until = engine.clock.now() + rest
    await budget.learn(connection, system.name, until=until, daily=False, reason=str(asked.reaction))
    return max(wait, rest)


def _wait(engine: Engine, going: Sequence[Going]) -> timedelta:
    """Before another try, the same for all of them: what failed together goes out together again."""
    return timedelta(seconds=engine.backoff_s(max(each.push.attempts for each in going)))


async def _put_off(connection: Connection, pushed: Sequence[Push], reaction: Reaction, wait: timedelta) -> None:
    """Later: when the system may be asked again, or when the `wait` of another try is over. What was refused together
    goes alone: it may be the fault of one of them.
    """
    if isinstance(reaction, RateLimited):
        await pushes.later_many(connection, pushed, reaction.until, str(reaction))
    elif isinstance(reaction, AuthBroken):
        await pushes.later_many(connection, pushed, timedelta(seconds=1), str(reaction))
    elif not isinstance(reaction, (Rejected, Forbidden)):
        await pushes.later_many(connection, pushed, wait, str(reaction), attempt=True)
    elif len(pushed) == 1:
        await pushes.park(connection, pushed[0], str(reaction), {'fields': []})
    else:
        for push in pushed:
            await pushes.go_alone(connection, push)
        await pushes.later_many(connection, pushed, timedelta(0), 'refused together: each goes alone')
