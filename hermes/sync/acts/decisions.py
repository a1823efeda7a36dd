"""Decisions carried out: a person's answer is an act, stored and applied like any event, so that a replay repeats it.

The act says itself what was asked (kind, key, record, detail): a fold needs no row of the table of questions (I14).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hermes.db import decisions, graphs, proofs, pushes, sweeps
from hermes.db.pool import Connection
from hermes.domain import doubts, resolutions
from hermes.domain.acts import SettleDecision
from hermes.domain.applied import Applied
from hermes.domain.apply import finish
from hermes.domain.errors import Refused
from hermes.domain.graph import Context, Graph
from hermes.domain.model import Record, RecordRef, RemoteRef
from hermes.domain.rules import DELETION
from hermes.kit.texts import read_number
from hermes.parts.roles import CRM
from hermes.sync import dirty
from hermes.sync.acts.scope import Outcome, Scope


async def settle(scope: Scope, act: SettleDecision) -> Outcome:
    """Answer a question: `choice`, and `value` where the choice needs one. Raises Refused when it was answered already,
    or cannot be answered so.
    """
    connection, context = scope.connection, scope.context
    asked = act if act.key else await _find(connection, act)
    kind, choice, detail = asked.kind, asked.choice, asked.detail
    choices = resolutions.CHOICES.get(kind, {'keep': resolutions.LEAVE})
    if choice not in choices:
        raise Refused(f'"{kind}" is answered with {" or ".join(choices)}, not with "{choice}".')
    await _close(connection, asked)
    if kind == 'missing':
        return await _accept_missing(connection, asked)
    if choice in ('keep', 'theirs') and kind != DELETION:
        return {'notes': [f'{kind}: {choice}']}
    refs, records = _named(kind, choice, detail, asked.value)
    ref = asked.record
    wanted = graphs.Wanted(refs=set(refs), records={*records, *((ref,) if ref else ())}, merged=set(refs))
    graph = await graphs.load(connection, wanted)
    record = graph.record(ref)
    before = dict(graph.mirrors), dict(graph.records)
    done = Applied()
    _carry_out(graph, record, (kind, choice), (refs, records, detail), context, done)
    for company_id in sorted(done.companies):
        finish(graph, company_id, context, done)
    touched = dirty.touched_by(graph, *before) | ({record.ref} if record else set())
    effects = graphs.Effects()
    effects.add(done, context.event_id)
    await graphs.commit(connection, graph, effects, scope.event)
    await pushes.free_held(connection, touched)
    if (kind, choice) == ('fought over', 'ours') and record is not None:
        await pushes.heed(connection, record.ref, CRM, detail['fields'])
    await pushes.ring(connection)
    return {'notes': [f'{kind}: {choice}', *done.notes], 'dirty': [list(one) for one in sorted(touched)]}


async def _accept_missing(connection: Connection, asked: SettleDecision) -> Outcome:
    """PD-GAP-1: so many are gone. Everything of the type is listed again, and each that is missing is looked at."""
    detail = asked.detail
    system, remote_type, missing = str(detail['system']), str(detail['type']), int(detail['missing'])
    await proofs.accept_missing(connection, asked.key, missing)
    await sweeps.lock_type(connection, system, remote_type)
    if await sweeps.find(connection, system, remote_type, 'full') is None:
        await sweeps.add(connection, system, remote_type, 'full', None, 'by hand')
    return {'notes': [f'{missing} missing of {system} {remote_type} are looked at with the next listing']}


async def _find(connection: Connection, act: SettleDecision) -> SettleDecision:
    """What was asked, by the number of the question. Raises Refused."""
    row = await decisions.find(connection, act.decision or 0)
    if row is None:
        raise Refused(f'There is no decision {act.decision}.')
    record = RecordRef(row['record_type'], row['record_id']) if row['record_type'] else None
    return replace(act, kind=row['kind'], key=row['key'], record=record, detail=row['detail'])


async def _close(connection: Connection, asked: SettleDecision) -> None:
    """The question is answered; what is fought over again is asked again. Raises Refused where it was answered."""
    state = await decisions.answer(connection, asked.kind, asked.key, asked.choice, again=asked.choice == 'ours')
    if state:
        raise Refused(f'This was settled already ({state}); nothing was done.')


def _named(
    kind: str, choice: str, detail: Mapping[str, Any], value: Any
) -> tuple[tuple[RemoteRef, ...], tuple[RecordRef, ...]]:
    """The remote objects and the records that an answer names, the one that was asked about first."""
    if kind == 'gone':
        old = RemoteRef(detail['system'], detail['type'], str(detail['remote_id']))
    elif kind == 'merged?':
        old = RemoteRef(*detail['object'])
        value = value or detail.get('survivor')
    elif choice == 'same':
        candidates = [RecordRef(*candidate) for candidate in detail['candidates']]
        chosen = [one for one in candidates if str(value) in (f'{one.type}:{one.id}', str(one.id))]
        if len(chosen) != 1:
            told = ', '.join(f'{one.type}:{one.id}' for one in candidates)
            raise Refused(f'Which candidate? Name one of: {told}.')
        return (), (chosen[0],)
    else:
        return (), ()
    if choice not in ('relink', 'accept'):
        return (old,), ()
    told = value[-1] if isinstance(value, list) else str(value or '').rpartition(':')[2]
    number = read_number(str(told))
    if number is None:
        raise Refused(f'Which {old.type}? Name its id in the CRM.')
    return (old, old._replace(remote_id=str(number))), ()


def _carry_out(
    graph: Graph,
    record: Record | None,
    answer: tuple[str, str],
    named: tuple[tuple[RemoteRef, ...], tuple[RecordRef, ...], Mapping[str, Any]],
    context: Context,
    done: Applied,
) -> None:
    refs, records, detail = named
    kind = answer[0]
    match answer:
        case ('gone', 'relink') | ('merged?', 'accept'):
            resolutions.relink(graph, refs[0], refs[1], context, done)
        case ('gone', 'drop') | ('merged?', 'deleted'):
            resolutions.drop(graph, refs[0], context, done)
        case ('gone', 'recreate'):
            resolutions.recreate(graph, refs[0], context, done)
        case _ if record is None:
            raise Refused('The record is not there any more; nothing was done.')
        case ('match', 'same'):
            resolutions.make_same(graph, record, records[0], context, done)
        case ('match', 'separate'):
            resolutions.make_separate(graph, record, done)
        case ('narc' | 'deletion', 'delete'):
            resolutions.delete_anyway(graph, record, kind, done)
        case ('deletion', 'keep'):
            resolutions.keep_there(graph, record, done)
        case ('promised' | 'declined', 'cancel'):
            doubts.call_off(graph, record, kind, context, done)
        case ('fought over', 'ours'):
            resolutions.fight_again(graph, record, tuple(detail['fields']), done)
        case _:
            raise Refused(f'Nobody knows how to carry out "{answer[1]}" for "{answer[0]}".')
