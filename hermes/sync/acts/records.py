"""A person's acts on the values of records."""

from dataclasses import replace

from hermes.db import graphs
from hermes.domain.acts import ReleaseField
from hermes.domain.errors import Refused
from hermes.domain.merge import settle_fields, standing_edit
from hermes.domain.rules import claim
from hermes.parts.roles import CRM, PRODUCT
from hermes.sync.acts.scope import Outcome, Scope


async def release(scope: Scope, act: ReleaseField) -> Outcome:
    """`hermes release`: a person's edit in the CRM no longer holds a field (FIELD-2)."""
    ref, name = act.record, act.field
    graph = await graphs.load(scope.connection, graphs.Wanted(records={ref}))
    record = graph.record(ref)
    crm = graph.voice(record.ref, CRM) if record else None
    if record is None or crm is None or name not in scope.known.catalogue.attributes(record.ref.type):
        raise Refused(f'{ref.type} {ref.id} has no field {name} that the CRM could hold.')
    if standing_edit(record, name, crm, graph.voice(record.ref, PRODUCT)) is None:
        raise Refused(f'{name} is not held back by an edit: there is nothing to release.')
    claim(graph, record.ref, 'released', name, crm.version)
    changes = [replace(change, rule='release') for change in settle_fields(graph, record, scope.context)]
    await graphs.commit(scope.connection, graph, graphs.Effects.of(changes, scope.event.id), scope.event)
    return {'notes': [f'{name} is released'], 'dirty': [list(record.ref)]}
