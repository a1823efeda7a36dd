"""The act that erases a person, or a company with its people (S10), in one transaction, over everything that is stored.

What the log says of them is rewritten, so that a fold of it ends where life did; there the act itself has only to empty
what came of that. Nothing is said to any other system: what those hold still is in the receipt.
"""

from dataclasses import replace
from typing import Final

from hermes.db import erasing, graphs
from hermes.db.stances import SMALL, searched
from hermes.domain.acts import ErasePerson
from hermes.domain.erasure import Veil
from hermes.domain.errors import NotFound, Refused
from hermes.domain.graph import Graph
from hermes.domain.matching import is_erased
from hermes.domain.model import NO_CLAIMS, Change, RecordRef, Tombstone
from hermes.domain.record_types import ATTRIBUTES, PEOPLE
from hermes.sync.acts.scope import Outcome, Scope
from hermes.sync.forgetting import Forgetting, Read, gather

RULE: Final = 'S10'
ERASABLE: Final = ('contact', 'company', *PEOPLE)
LEFT: Final = frozenset({'uid', 'kind', 'status', 'start_at', 'end_at', 'buffer_s', 'sequence', 'round', 'canceled_by'})
"""What stays of a record beside whom it refers to, that others may go on referring to it: when our people had calls."""


async def erase(scope: Scope, act: ErasePerson) -> Outcome:
    """Forget somebody. Raises Refused for what is no person, NotFound for nobody, and where that was done already."""
    connection, ref = scope.connection, act.record
    if ref.type not in ERASABLE:
        raise Refused(
            f'Only a contact, a company, an app user or a subscription can be erased; {ref.type} {ref.id} is none.'
        )
    read = None if scope.folding else await _read(scope, ref)
    await graphs.lock_births(connection)
    known = await scope.engine.known(connection)
    scope = replace(scope, known=known, context=scope.engine.context(scope.event, known))
    records = await erasing.family(connection, ref)
    graph = await graphs.load(connection, graphs.Wanted(records=records), births_held=True)
    record = graph.records.get(ref)
    if scope.folding:
        return await _fold(scope, records)
    if record is None:
        raise NotFound(f'There is no {ref.type} {ref.id}.')
    if is_erased(record):
        raise Refused(f'{ref.type} {ref.id} was erased already.')
    return await _erase(scope, act, records, graph, read)


async def _read(scope: Scope, ref: RecordRef) -> Read | None:
    """Read the log, which may be long, while nobody waits for a lock of ours; None for nobody who is to be erased."""
    records = await erasing.family(scope.connection, ref)
    graph = await graphs.load(scope.connection, graphs.Wanted(records=records), lock=False)
    record = graph.records.get(ref)
    if record is None or is_erased(record):
        return None
    forgetting, _ = await _forgetting(scope, ref, records, graph)
    return await forgetting.read()


async def _forgetting(
    scope: Scope, ref: RecordRef, records: set[RecordRef], graph: Graph
) -> tuple[Forgetting, dict[str, str]]:
    """What is at work to forget somebody, and by which hashes they are known afterwards."""
    person, told = await gather(scope.connection, records, graph)
    hashes = person.sealed(scope.engine.hash_key)
    veil = scope.engine.veil({**scope.known.erased, **dict.fromkeys(hashes, ref)})
    return Forgetting(scope, veil, person, told.pattern, {one.ref: one for one in told.objects}), hashes


async def _fold(scope: Scope, records: set[RecordRef]) -> Outcome:
    """The log says nothing of them any more: what came of what stayed there is emptied."""
    for each in await erasing.objects(scope.connection, records):
        await erasing.empty_object(scope.connection, each.ref, each.ref.remote_id)
    await _empty_records(scope, records)
    await erasing.empty_users(scope.connection, records)
    return {'notes': ['S10: erased']}


async def _erase(scope: Scope, act: ErasePerson, records: set[RecordRef], graph: Graph, read: Read | None) -> Outcome:
    connection = scope.connection
    forgetting, hashes = await _forgetting(scope, act.record, records, graph)
    veil, objects = forgetting.veil, forgetting.objects.values()
    held = [
        {'system': each.ref.system, 'type': each.ref.type, 'object': veil.object(each.ref).remote_id}
        for each in objects
        if (mirror := graph.mirrors.get(each.ref)) is None or mirror.live
    ]
    gone: dict[str, int] = {}
    gone['event'] = await forgetting.events(read)
    await erasing.remember(connection, hashes, act.record, scope.event.id)
    gone['change'] = await erasing.empty_journal(connection, records)
    sealed = {each.ref: veil.object(each.ref).remote_id for each in objects}
    for each in objects:
        await erasing.empty_object(connection, each.ref, sealed[each.ref])
    gone['mirror'] = len(objects)
    gone['call'] = await erasing.seal_calls(connection, sealed)
    gone['listed'] = await erasing.drop_listed(connection, sealed.keys())
    gone['push'] = await erasing.empty_pushes(connection, records)
    gone['decision'] = await erasing.empty_decisions(connection, records)
    await _empty_records(scope, records, veil)
    gone |= await erasing.empty_users(connection, records)
    gone['letter'] = await erasing.empty_letters(connection, records)
    for ref in records:
        gone[ref.type] = gone.get(ref.type, 0) + 1
    others = await forgetting.records(records)
    lines = await forgetting.journal(records)
    small = {table: await forgetting.small(table, searched(table)) for table in SMALL}
    for table, count in {**others, 'change': lines, **small}.items():
        gone[table] = gone.get(table, 0) + count
    gone = {table: count for table, count in sorted(gone.items()) if count}
    by = str(scope.event.headers.get('by', ''))
    receipt = await erasing.keep_receipt(
        connection, scope.event.id, act.record, scope.event.received_at, by, gone, held
    )
    return {'notes': [f'S10: erased, receipt {receipt}'], 'receipt': receipt, 'gone': gone, 'held': held}


def _stays(ref: RecordRef, name: str) -> bool:
    attribute = ATTRIBUTES[ref.type].get(name)
    return attribute is not None and (attribute.is_ref or name in LEFT)


async def _empty_records(scope: Scope, records: set[RecordRef], veil: Veil | None = None) -> None:
    """What is left of each record is its place, under a tombstone that nothing takes away. Nobody finds a call by its
    number any more.
    """
    graph = await graphs.load(scope.connection, graphs.Wanted(records=records), births_held=True)
    changes = []
    for ref in sorted(records & graph.records.keys()):
        old = graph.records[ref]
        stone = Tombstone('erased', scope.event.received_at, scope.event.id)
        fields = {name: value for name, value in old.fields.items() if _stays(ref, name) and value is not None}
        if veil is not None and 'uid' in fields:
            fields['uid'] = veil.seal('text', fields['uid'])
        graph.put_record(replace(old, fields=fields, claims=NO_CLAIMS, tombstone=stone))
        before = old.tombstone.kind if old.tombstone else None
        changes.append(Change(ref, 'tombstone', before, 'erased', 'operator', RULE))
    await graphs.commit(scope.connection, graph, graphs.Effects.of(changes, scope.event.id), scope.event, quiet=True)
