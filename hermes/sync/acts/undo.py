"""An operator's act taken back (ADM-13), as long as nothing newer stands on it: what does is named in the refusal.

What it takes is said by the outcome of the act (steps.py); each step is carried out by what does the same when a person
commands it, and says in turn what it takes to undo the undoing.
"""

from collections.abc import Sequence
from typing import Any

from hermes.db import undo as undoing
from hermes.db.codec import read_decree
from hermes.db.reads.undo import hindrance, refusal
from hermes.domain import decrees
from hermes.domain.acts import (
    ChangeField,
    DeleteRecord,
    RemoveAdmin,
    RestoreRecord,
    SaveAdmin,
    SetEntryStage,
    SetSetting,
)  # fmt: skip
from hermes.domain.acts import Undo as UndoAct
from hermes.domain.applied import Applied
from hermes.domain.errors import Refused
from hermes.domain.graph import Graph
from hermes.domain.model import RecordRef, Version
from hermes.sync.acts import admins, fields, records, settings, steps
from hermes.sync.acts.scope import Outcome, Scope


async def undo(scope: Scope, act: UndoAct) -> Outcome:
    """Raises Refused for what cannot be undone, and where something newer stands on it."""
    connection, number = scope.connection, act.event
    found = await undoing.find(connection, number)
    if reason := hindrance(number, found):
        raise Refused(reason)
    taken: Sequence[steps.Step] = found['steps'] if found else []
    held = [step for step in taken if step[0] == 'held']
    graph = record = None
    if held:
        graph, record = await records.find(scope, RecordRef(*held[0][1:3]))
    if standing := await undoing.standing(connection, number, list(taken)):
        raise Refused(refusal(number, standing))
    if graph is not None and record is not None:
        done = await _give_back(scope, graph, record.ref, number, held)
    else:
        done = {}
        for step in taken:
            done = await _take_back(scope, step)
    return {**done, 'notes': [f'event {number} is undone', *done.get('notes', [])]}


async def _give_back(scope: Scope, graph: Graph, ref: RecordRef, number: int, held: Sequence[steps.Step]) -> Outcome:
    """Fields that were written or released are whose they were before."""
    back = [steps.held(graph.records[ref], step[3]) for step in held]
    old = {step[3]: await undoing.said_before(scope.connection, number, *ref, step[3]) for step in held}

    def work(done: Applied) -> str:
        for _, _, _, name, earlier, released in held:
            decrees.give_back(
                graph,
                ref,
                name,
                decrees.Held(read_decree(earlier) if earlier else None, Version(*released) if released else None),
                old[name],
                f'event {number} is undone',
                scope.context,
                done,
            )
        return f'{", ".join(old)} of {ref.type} {ref.id}: as before'

    return await records.change(scope, graph, work, back)


async def _take_back(scope: Scope, step: steps.Step) -> Outcome:
    """One step, by the act that does the opposite."""
    told: list[Any] = step[1:]
    match step[0]:
        case 'made' | 'lifted':
            return await records.delete(scope, DeleteRecord(RecordRef(*told)))
        case 'buried':
            return await records.restore(scope, RestoreRecord(RecordRef(*told)))
        case 'setting':
            return await settings.set_setting(scope, SetSetting(*told))
        case 'entry':
            return await settings.set_entry_stage(scope, SetEntryStage(*told))
        case 'field':
            return await fields.change(scope, ChangeField(*told))
        case 'admin':
            return await admins.save(scope, SaveAdmin(told[1], told[0]))
        case 'joined':
            return await admins.remove(scope, RemoveAdmin(told[0]))
        case 'left':
            return await admins.save(scope, SaveAdmin({}, told[0]))
        case _:
            raise Refused(f'Nobody knows how to undo "{step[0]}".')
