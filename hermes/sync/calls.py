"""The door out: one call to an outside system, from the budget to the event of its answer.

`ask` reserves, calls and judges; whoever asked keeps the answer (`note`: as an event) in a transaction of its own. A
push reserves together with its intent (`allow`), which is committed before the call goes out (`send`).
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from hermes.db import budget, events, pauses
from hermes.db import calls as ledger
from hermes.db.accounts import find_account, remember_account
from hermes.db.catalogue import Knowledge
from hermes.db.codec import dump
from hermes.db.pool import Connection
from hermes.domain.errors import AuthBroken, RateLimited, Reaction
from hermes.domain.fields import Catalogue
from hermes.domain.model import Event, RecordRef
from hermes.domain.status import BROKEN
from hermes.ports import Answer, Request, System, encode_answer
from hermes.sync import call_rules
from hermes.sync.engine import Engine

CALL_S: Final = 8.0
"""A call's deadline; shorter than a lease."""
KIND: Final[Mapping[str, str]] = {
    'create': 'answer', 'update': 'answer', 'delete': 'answer', 'read': 'read',
    'list': 'page', 'lookup': 'read', 'job': 'read', 'pipelines': 'page', 'stages': 'page', 'users': 'page',
}  # fmt: skip

SECRET: Final = ('webhooks', 'add_webhook')
"""Calls whose fields and answers carry our webhook's password: of them only that they were made is kept."""


WRITES: Final = frozenset({'create', 'update', 'delete'})


class PlanModeError(Exception):
    """PUSH_MODE=plan: no write leaves, whoever asks for it. A mistake of ours, never a person's."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was allowed: its row in the ledger and its reservation. `account`: whose answer would be the first
    that this database gets from the system, '' where it belongs to one already (SETUP-12).
    """

    id: int
    reservation_id: int
    system: str = ''
    account: str = ''


@dataclass(frozen=True, slots=True)
class Denied:
    """The budget says: not now."""

    grant: budget.Grant


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that was made: its answer, and the reaction that it asks for (None: all is well). `known` as of before."""

    request: Request
    call: Call
    answer: Answer
    reaction: Reaction | None
    known: Knowledge


async def ask(engine: Engine, system: System, request: Request, lane: str, rule: str = '') -> Asked | Denied:
    """Reserve what the call costs, make it, judge its answer. No connection is held meanwhile; keeping the answer is
    the caller's.
    """
    async with engine.database.transaction() as connection:
        allowed = await allow(engine, connection, system, request, lane, rule=rule)
        known = await engine.known(connection)
    return allowed if isinstance(allowed, Denied) else await send(engine, system, request, allowed, known)


async def send(
    engine: Engine, system: System, request: Request, call: Call, known: Knowledge, since: float | None = None
) -> Asked:
    """Make a call that was allowed, and judge its answer."""
    answer = await make(engine, system, request, known.catalogue, since)
    return Asked(request, call, answer, judge(system, request, answer, known.catalogue), known)


async def allow(
    engine: Engine,
    connection: Connection,
    system: System,
    request: Request,
    lane: str,
    intent_event: int | None = None,
    rule: str = '',
) -> Call | Denied:
    """Reserve what the call costs and open its row in the ledger, with the rule that made it."""
    if engine.push_mode == 'plan' and request.op in WRITES:
        raise PlanModeError(f'plan mode: a {request.op} was about to be sent')
    cost = system.cost(request)
    grant = await budget.reserve(
        connection, system.name, tokens=cost.tokens, search=cost.search, lane=lane, deadline_s=system.profile.deadline_s
    )
    if grant.id is None:
        return Denied(grant)
    opened = ledger.Opened(
        system.name, request.op, request.type, request.remote_id, request.record, lane, cost.tokens,
        rule or call_rules.OF_OPERATION.get(request.op, ''), intent_event,
    )  # fmt: skip
    number = await ledger.open_call(connection, opened, engine.clock.now())
    return Call(number, grant.id, system.name, await _unmet(engine, connection, system))


async def _unmet(engine: Engine, connection: Connection, system: System) -> str:
    """The account that the settings name, while it has not answered yet."""
    if not system.account or system.name in engine.met:
        return ''
    if await find_account(connection, system.name):
        engine.met.add(system.name)
        return ''
    return system.account


async def make(
    engine: Engine, system: System, request: Request, catalogue: Catalogue, since: float | None = None
) -> Answer:
    """Make the call, with its deadline. No connection is held here.

    `since`: when (by the monotonic clock) its intent was written. A worker that stood still since then makes no call
    that others think can no longer arrive (I4, I11).
    """
    started_at, whole_s = engine.clock.now(), system.profile.deadline_s
    left_s = whole_s - (engine.clock.monotonic() - since if since is not None else 0.0)
    if left_s <= 0:
        return Answer(None, started_at=started_at, ended_at=started_at, sent=False, error='held up before it left')
    try:
        async with asyncio.timeout(left_s):
            return await system.send(request, catalogue)
    except TimeoutError:
        return Answer(
            None, started_at=started_at, ended_at=engine.clock.now(), error=f'no answer within {whole_s:.0f} s'
        )


def judge(system: System, request: Request, answer: Answer, catalogue: Catalogue) -> Reaction | None:
    """The reaction that the answer asks for, None when all is well."""
    try:
        system.judge(request, answer, catalogue)
    except Reaction as reaction:
        return reaction
    return None


async def note(engine: Engine, connection: Connection, system: System, asked: Asked) -> Event:
    """Store the answer as an event, close the ledger's row, give the reservation its end. Applying it is the
    caller's.
    """
    [event] = await note_all(engine, connection, system, asked)
    return event


async def note_all(
    engine: Engine, connection: Connection, system: System, asked: Asked, intent: int = 0, verdict: str = ''
) -> list[Event]:
    """The same of the answer to a write under an intent (its event), with what became of that ('done', 'void') where
    it is known: a `verdict`, which is an event of its own.
    """
    request, answer = asked.request, asked.answer
    kept = (replace(request, fields={}), replace(answer, body=b'')) if request.op in SECRET else (request, answer)
    told = [
        ledger.Told(KIND.get(request.op, 'metadata'), encode_answer(*kept), {'intent': str(intent)} if intent else {})
    ]
    if verdict:
        told.append(ledger.Told('intent', intent_body(verdict, request, intent), {}))
    return await _note(engine, connection, system, asked, told, intent)


async def _note(
    engine: Engine, connection: Connection, system: System, asked: Asked, told: Sequence[ledger.Told], intent: int
) -> list[Event]:
    call, reaction = asked.call, asked.reaction
    stored = await ledger.close_answered(
        connection, call.id, call.reservation_id, _ended(engine, asked), system.name, told, intent
    )
    await _meet(connection, asked)
    usage = system.profile.usage(asked.answer.headers) if system.profile.usage and reaction is None else None
    if usage is not None:
        await budget.learn_usage(connection, system.name, usage.spent, usage.limit)
    if isinstance(reaction, RateLimited):
        await budget.learn(connection, system.name, until=reaction.until, daily=reaction.daily, reason=str(reaction))
    if isinstance(reaction, AuthBroken):
        await pauses.pause(connection, system.name, f'{BROKEN}: {reaction}', keep=True)
    return stored


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one of many that went out together: 'done', 'void' and, for good, what was said against it, or
    'open': it goes on there.
    """

    intent: int
    state: str
    item: Request
    refused: str = ''


async def note_together(
    engine: Engine, connection: Connection, system: System, asked: Asked, verdicts: Sequence[Verdict]
) -> list[Event]:
    """The same of the answer to many writes: it is one event, and every intent that is over has its verdict."""
    named = [[*each.item.record, each.intent] for each in verdicts if each.item.record]
    told = [ledger.Told(KIND[asked.request.op], encode_answer(asked.request, asked.answer), {'intents': dump(named)})]
    for each in verdicts:
        if each.state == 'open':
            continue
        extra = {'refused': each.refused} if each.refused else None
        told.append(ledger.Told('intent', intent_body(each.state, each.item, each.intent, extra), {}))
    return await _note(engine, connection, system, asked, told, 0)


async def count(connection: Connection, record: RecordRef, reaction: type[Reaction], within: timedelta) -> int:
    """How many calls for a record were lately met by this reaction, the one that was just recorded included."""
    return await ledger.count_met(connection, record, reaction.__name__, within)


async def close(engine: Engine, connection: Connection, asked: Asked, event_id: int | None = None) -> None:
    """Close the ledger's row of a call, whose answer is the event `event_id` if it is kept, and give its reservation
    its end. From its first proper answer on, the database belongs to the account.
    """
    ended = replace(_ended(engine, asked), answer=event_id)
    await ledger.close_call(connection, asked.call.id, asked.call.reservation_id, ended)
    await _meet(connection, asked)


def _ended(engine: Engine, asked: Asked) -> ledger.Ended:
    reaction = type(asked.reaction).__name__ if asked.reaction else ''
    return ledger.Ended(asked.answer.status, reaction, asked.answer.ended_at or engine.clock.now(), None)


async def _meet(connection: Connection, asked: Asked) -> None:
    call, status = asked.call, asked.answer.status
    if call.account and status is not None and 200 <= status < 300 and asked.reaction is None:
        await remember_account(connection, call.system, call.account)


async def intent_event(
    connection: Connection,
    system: str,
    state: str,
    request: Request,
    opened: int,
    extra: Mapping[str, Any] | None = None,
) -> Event:
    """Write what is about to be sent (state 'open'), or what became of it ('done', 'void'), as an event."""
    body = intent_body(state, request, opened, extra)
    return await events.add(connection, system, 'intent', body, cause_id=opened or None)


def intent_body(state: str, request: Request, opened: int, extra: Mapping[str, Any] | None = None) -> bytes:
    """What such an event says."""
    body = {
        'state': state,
        'op': request.op,
        'type': request.type,
        'remote_id': request.remote_id,
        'record': list(request.record) if request.record else None,
        'fields': dict(request.fields),
        'opened': opened,
        **(extra or {}),
    }
    return json.dumps(body, default=str).encode()
