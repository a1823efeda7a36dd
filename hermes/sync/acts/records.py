"""A person's acts on the values of records: written, made, deleted, taken back, released, merged (D-22, D-2).

Each says in its outcome what it takes to undo it (`undo`: steps.py).
"""

from collections.abc import Callable, Iterable, Mapping

from hermes.db import graphs
from hermes.domain import decrees, resolutions, written
from hermes.domain.acts import (
    CreateRecord,
    DeleteRecord,
    MergeRecords,
    ReleaseField,
    RestoreRecord,
    Unlink,
    WriteFields,
)  # fmt: skip
from hermes.domain.applied import Applied
from hermes.domain.apply import finish
from hermes.domain.errors import Refused, Withheld
from hermes.domain.graph import Graph
from hermes.domain.matching import is_erased
from hermes.domain.model import Record, RecordRef, Value
from hermes.kit.countries import alpha2
from hermes.sync import dirty
from hermes.sync.acts import steps
from hermes.sync.acts.scope import Outcome, Scope

Work = Callable[[Applied], str]
"""Does it, and says in words what it did."""


async def release(scope: Scope, act: ReleaseField) -> Outcome:
    """`hermes release`: the decree of a field ends, else a person's edit in the CRM no longer holds it."""
    ref, name = act.record, act.field
    graph = await graphs.load(scope.connection, graphs.Wanted(records={ref}))
    record = graph.record(ref)
    if record is None or name not in scope.known.catalogue.attributes(record.ref.type):
        raise Refused(f'{ref.type} {ref.id} has no field {name} that the CRM could hold.')
    back = [steps.held(record, name)]

    def work(done: Applied) -> str:
        return f'{name} is released: {decrees.release(graph, record.ref, name, scope.context, done)} ends'

    return await change(scope, graph, work, back)


async def write(scope: Scope, act: WriteFields) -> Outcome:
    """`hermes record set`: values that stand over what every system says (D-22)."""
    refuse_erased(scope, act.values)
    graph, record = await find(scope, act.record, companies_of(act.values.items()))
    values = written.check(graph, record, spelled(act.values), act.reason, scope.context)
    back = [steps.held(record, name) for name in values]
    reason = act.reason.strip()

    def work(done: Applied) -> str:
        decrees.write(graph, record.ref, values, reason, scope.context, done)
        return f'decreed: {", ".join(values)}'

    return await change(scope, graph, work, back)


async def create(scope: Scope, act: CreateRecord) -> Outcome:
    """`hermes record create`: a company, or a contact or a deal under one."""
    written.check_type(act.type)
    await graphs.lock_births(scope.connection)
    refuse_erased(scope, act.fields)
    companies = companies_of([('company_id', act.under), *act.fields.items()])
    graph = await graphs.load(scope.connection, graphs.Wanted(companies=companies), births_held=True)
    numbers = iter(scope.births or await graphs.allocate_ids(scope.connection, 1))
    graph.set_allocator(lambda: next(numbers))
    made: list[RecordRef] = []

    def work(done: Applied) -> str:
        made.append(written.make(graph, act.type, spelled(act.fields), act.under, scope.context, done))
        return f'{act.type} {made[0].id} is made'

    outcome = await change(scope, graph, work, [])
    return {**outcome, 'id': made[0].id, 'undo': [steps.made(made[0])]}


async def delete(scope: Scope, act: DeleteRecord) -> Outcome:
    """`hermes record delete`: a tombstone on the record and what hangs under it; the CRM follows (S21)."""
    written.check_type(act.record.type)
    graph, record = await find(scope, act.record, marked=True)
    ref = record.ref

    def work(done: Applied) -> str:
        kept = decrees.delete(graph, ref, scope.context, done)
        return f'{ref.type} {ref.id} is deleted' + (f'; needs a decision for the CRM: {kept}' if kept else '')

    return await change(scope, graph, work, [steps.buried(ref)])


async def restore(scope: Scope, act: RestoreRecord) -> Outcome:
    """`hermes record restore`: a deletion is taken back."""
    written.check_type(act.record.type)
    graph, record = await find(scope, act.record, marked=True)

    def work(done: Applied) -> str:
        decrees.restore(graph, record.ref, scope.context, done)
        return f'{record.ref.type} {record.ref.id} is there again'

    return await change(scope, graph, work, [steps.lifted(record.ref)])


async def merge(scope: Scope, act: MergeRecords) -> Outcome:
    """`hermes record merge`: one record of ours goes into the other (MATCH-7). Raises Refused where the CRM has to."""
    written.check_type(act.record.type)
    graph = await graphs.load(scope.connection, graphs.Wanted(records={act.record, act.into}))
    record = graph.record(act.record)
    if record is None or record.gone or is_erased(graph.record(act.into)):
        raise Refused(f'{act.record.type} {act.record.id} is not there (any more); nothing was done.')

    def work(done: Applied) -> str:
        resolutions.make_same(graph, record, act.into, scope.context, done)
        return f'{record.ref.type} {record.ref.id} went into {act.into.type} {act.into.id}'

    return await change(scope, graph, work, [])


async def unlink(scope: Scope, act: Unlink) -> Outcome:
    """`hermes record unlink`: an object of the CRM is a record of its own from now on."""
    written.check_type(act.record.type)
    await graphs.lock_births(scope.connection)
    wanted = graphs.Wanted(records={act.record}, refs={act.remote})
    graph = await graphs.load(scope.connection, wanted, births_held=True)
    record = graph.record(act.record)
    if record is None or record.gone:
        raise Refused(f'{act.record.type} {act.record.id} is not there (any more); nothing was done.')
    numbers = iter(scope.births or await graphs.allocate_ids(scope.connection, 1))
    graph.set_allocator(lambda: next(numbers))

    def work(done: Applied) -> str:
        made = resolutions.unlink(graph, record, act.remote, scope.context, done)
        return f'{act.remote.type} {act.remote.remote_id} is {made.type} {made.id} from now on'

    return await change(scope, graph, work, [])


def refuse_erased(scope: Scope, values: Mapping[str, Value]) -> None:
    """Nobody who was erased is written down again (S10). Raises Withheld."""
    if scope.known.erased and not scope.folding:
        veil = scope.engine.veil(scope.known.erased)
        known = scope.known.erased
        if any(veil.value(value) != value or _is_hash(value, known) for value in values.values()):
            raise Withheld(
                'Somebody of this address or phone was erased, and nothing of them is taken in; nothing was done.'
            )


def _is_hash(value: Value, known: Mapping[str, RecordRef]) -> bool:
    """Whether a value stands under its hash already: the erasure came between."""
    return isinstance(value, str) and value in known


def spelled(values: Mapping[str, Value]) -> Mapping[str, Value]:
    """A country by its code, however it is written (D-18). Raises Refused for one that there is not."""
    told = values.get('country')
    if not isinstance(told, str) or not told.strip():
        return values
    if (code := alpha2(told)) is None:
        raise Refused(f'country is a country of ISO 3166 such as GB, not "{told}".')
    return {**values, 'country': code}


def companies_of(named: Iterable[tuple[str, Value]]) -> set[int]:
    """The companies that some values name."""
    return {value for name, value in named if name == 'company_id' and isinstance(value, int)}


async def find(
    scope: Scope, ref: RecordRef, companies: Iterable[int] = (), *, marked: bool = False
) -> tuple[Graph, Record]:
    """A record with its graph, merges followed. Raises Refused where there is none."""
    wanted = graphs.Wanted(records={ref}, companies=set(companies), marked=marked)
    graph = await graphs.load(scope.connection, wanted)
    record = graph.record(ref)
    if record is None:
        raise Refused(f'There is no {ref.type} {ref.id}.')
    return graph, record


async def change(scope: Scope, graph: Graph, work: Work, back: list[steps.Step]) -> Outcome:
    """Do something to a graph, run the rules, store it. `back`: what it takes to undo it."""
    before, done = (dict(graph.mirrors), dict(graph.records)), Applied()
    said = work(done)
    for company_id in sorted(done.companies):
        finish(graph, company_id, scope.context, done)
    touched = dirty.touched_by(graph, *before)
    effects = graphs.Effects()
    effects.add(done, scope.event.id)
    await graphs.commit(scope.connection, graph, effects, scope.event)
    return {'notes': [said, *done.notes], 'dirty': [list(ref) for ref in sorted(touched)], 'undo': back}
