"""Acts of a migration (AU-11 to AU-13): another target, confirmations, a run taken back, the old ids retired; and what
a target said of sustainers (AU-6). Each goes over everybody, some hundred at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hermes.db import graphs, people, pushes
from hermes.db.catalogue import save_setting
from hermes.domain import app_user, migration
from hermes.domain.acts import ConfirmStep, NoteStates, RetireLegacyIds, RollBackRun, SetSustainers, SetTarget
from hermes.domain.app_user import PHASE, TARGET
from hermes.domain.applied import Applied
from hermes.domain.errors import Refused
from hermes.domain.graph import Context, Graph
from hermes.domain.model import RecordRef, Value
from hermes.domain.plan.steps import wanted_fields
from hermes.domain.plan.values import Subject
from hermes.domain.record_types import PEOPLE
from hermes.sync.acts.app_users import store
from hermes.sync.acts.scope import Outcome, Scope

BATCH: Final = 200


async def set_target(scope: Scope, act: SetTarget) -> Outcome:
    """AU-13: everybody is written to the new target from now on, once it was looked whether they stand there."""
    old = str(scope.known.settings.get(TARGET) or '')
    phase = str(scope.known.settings.get(PHASE) or '') or await _first_phase(scope)
    if phase and phase != act.phase and not scope.folding:
        arrow = migration.find(phase, act.phase)
        counts = await people.counts(scope.connection, old)
        if told := migration.obstacles(arrow, counts, scope.known.settings.get(migration.CONFIRMED) or {}):
            raise Refused(f'The phase stays {phase}: {"; ".join(told)}.')
    await save_setting(scope.connection, PHASE, act.phase)
    if act.target == old:
        return {'notes': [f'phase {act.phase}']}
    if act.target and act.target not in scope.engine.systems and not scope.folding:
        raise Refused(f'{act.target} is not configured; nothing was done.')
    await save_setting(scope.connection, TARGET, act.target)
    context = replace(scope.context, settings={**scope.context.settings, TARGET: act.target})
    leaving = act.phase in migration.LEAVING and phase == 'sandbox_verified'
    moved = 0
    for kind in PEOPLE:
        after = 0
        while numbers := await people.next_ids(scope.connection, kind, after, BATCH):
            after, moved = numbers[-1], moved + len(numbers)

            def work(graph: Graph, ref: RecordRef, done: Applied) -> None:
                app_user.retarget(graph, graph.records[ref], act.target, context, done, leaving=leaving)
                if act.target == app_user.JOURNAL:
                    fields = _all_of(scope, graph, ref, context)
                    app_user.told_before(graph, graph.records[ref], fields, context)

            await _over(scope, [RecordRef(kind, number) for number in numbers], work)
    if old:
        await pushes.retire_system(scope.connection, old, 'target retired')
    return {
        'notes': [f'the target is {act.target or "none"} now, phase {act.phase}; it was {old or "none"}'],
        'moved': moved,
    }


async def set_sustainers(scope: Scope, act: SetSustainers) -> Outcome:
    """AU-6: what the target said of everybody, as far as it differs."""
    told = {**dict.fromkeys(act.off, False), **dict.fromkeys(act.on, True)}

    def work(graph: Graph, ref: RecordRef, done: Applied) -> None:
        system = act.target or 'hermes'
        done.changes += app_user.write(graph, graph.records[ref], {'is_sustainer': told[ref.id]}, 'AU-6', system)

    await _over(scope, [RecordRef('app_user', number) for number in sorted(told)], work)
    return {
        'notes': [f'{len(act.on)} became sustainers, {len(act.off)} no longer are'],
        'on': len(act.on),
        'off': len(act.off),
    }


async def _first_phase(scope: Scope) -> str:
    """Where a migration begins: with the first user; while there is nobody, any phase may be the first."""
    return 'legacy' if await people.next_ids(scope.connection, 'app_user', 0, 1) else ''


def _all_of(scope: Scope, graph: Graph, ref: RecordRef, context: Context) -> Mapping[str, Value]:
    """Everything that would be written of somebody."""
    system = scope.engine.systems.get(app_user.JOURNAL)
    if system is None:
        return {}
    table = system.outgoing(ref.type, scope.known.catalogue)
    return wanted_fields(Subject(graph, graph.records[ref], table, context, system.name), creating=True)[0]


async def confirm(scope: Scope, act: ConfirmStep) -> Outcome:
    """Somebody did by hand what only people can."""
    if act.step not in migration.STEPS:
        raise Refused(f'There is no step {act.step}. The steps are: {", ".join(migration.STEPS)}.')
    confirmed = dict(scope.known.settings.get(migration.CONFIRMED) or {})
    confirmed.pop(act.step, None)
    if act.on:
        confirmed[act.step] = {'by': act.by, 'on': act.on}
    await save_setting(scope.connection, migration.CONFIRMED, confirmed)
    return {'notes': [f'{act.step}: {"confirmed by " + act.by + " on " + act.on if act.on else "taken back"}']}


async def note_states(scope: Scope, act: NoteStates) -> Outcome:
    """Where an answer was none. One whose state does not allow it is left as it is."""
    left = 0

    def work(graph: Graph, ref: RecordRef, done: Applied) -> None:
        nonlocal left
        mark, done.run = graph.mark(), act.run or None
        try:
            app_user.advance(graph, ref, act.steps, done, scope.context, act.said)
        except Refused:
            graph.undo(mark)
            left += 1

    await _over(scope, [RecordRef('app_user', number) for number in act.ids], work)
    return {'notes': [f'{len(act.ids) - left} are {act.steps[-1]} now'], 'left': left}


async def roll_back(scope: Scope, act: RollBackRun) -> Outcome:
    """The ids that a run wrote are taken out again, where nothing else was written since."""
    wrote = await people.written_by(scope.connection, act.run)
    taken: set[RecordRef] = set()

    def work(graph: Graph, ref: RecordRef, done: Applied) -> None:
        if app_user.roll_back(graph, graph.records[ref], wrote[ref.id], scope.context, done):
            taken.add(ref)

    await _over(scope, [RecordRef('app_user', number) for number in sorted(wrote)], work)
    return {
        'notes': [f'run {act.run}: {len(taken)} taken back, {len(wrote) - len(taken)} left as they are'],
        'taken': len(taken), 'left': len(wrote) - len(taken), 'dirty': [list(ref) for ref in sorted(taken)],
    }  # fmt: skip


async def retire(scope: Scope, act: RetireLegacyIds) -> Outcome:
    """Raises Refused while anybody is unresolved, with the counts."""
    counts = await people.counts(scope.connection, str(scope.known.settings.get(TARGET) or ''))
    if (open_ := migration.unresolved(counts)) and not scope.folding:
        told = ', '.join(f'{count} {state}' for state, count in sorted(open_.items()))
        raise Refused(f'Not everybody is resolved: {told}; nothing was done.')
    refs = [RecordRef('app_user', number) for number in await people.with_legacy_id(scope.connection)]

    def work(graph: Graph, ref: RecordRef, done: Applied) -> None:
        done.changes += app_user.write(graph, graph.records[ref], {'legacy_id': None}, 'AU-12', 'operator')

    await _over(scope, refs, work)
    await save_setting(scope.connection, PHASE, 'retired')
    return {'notes': [f'{len(refs)} old ids are retired'], 'retired': len(refs)}


async def _over(scope: Scope, refs: Sequence[RecordRef], work: Callable[[Graph, RecordRef, Applied], Any]) -> None:
    """Do something to many, some hundred at a time."""
    for first in range(0, len(refs), BATCH):
        part = set(refs[first : first + BATCH])
        graph, done = await graphs.load(scope.connection, graphs.Wanted(records=part)), Applied()
        for ref in sorted(part & graph.records.keys()):
            work(graph, ref, done)
        await store(scope, graph, done)
