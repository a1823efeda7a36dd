"""A person's acts on the field catalogue while Hermes runs (D-5, FIELD-8): add, change, remove, fill, open.

Each is an event, so that replay folds to the same catalogue and the same values (I14). What an older event said about a
field that nobody knew then is told by `field.fill` in plain values; nothing is read from outside here.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final, get_args

from hermes.db import events, graphs
from hermes.db.catalogue import bump, count_held, drop_field, forget_field, forget_values, save_field
from hermes.db.pool import Connection
from hermes.domain.acts import AddField, BindFields, ChangeField, FillField, OpenField, RemoveField, SaveField
from hermes.domain.errors import Refused
from hermes.domain.fields import CURRENCY, Catalogue, CustomField, CustomType, LinkedType, fold
from hermes.domain.fields import FILLING as FILLING
from hermes.domain.graph import Context, Graph
from hermes.domain.history import fold as fold_into
from hermes.domain.merge import settle_fields
from hermes.domain.model import Change, Observation, Origin, Record, RemoteRef, Version
from hermes.domain.record_types import ATTRIBUTES, FIELDED, Policy
from hermes.domain.rules import rules
from hermes.parts.roles import CRM, PRODUCT, PRODUCT_TITLE
from hermes.sync.acts import steps
from hermes.sync.acts.scope import Outcome, Scope
from hermes.sync.engine import Engine

NAME: Final = re.compile(r'[a-z][a-z0-9_]{0,62}', re.ASCII)
RESERVED: Final = frozenset({'narc', 'created', 'status'})
RELATIONS: Final = frozenset({'id', 'sales_person', 'support_person', 'bdr_person'})
RULE: Final = 'D-5'
UNDONE: Final = frozenset({'name'})
"""What of a field can be taken back: after any other change values are forgotten, or gathered anew (cataloguing.py)."""


def check_field(item: CustomField, catalogue: Catalogue) -> None:
    """Raises Refused, with one plain sentence, for a field that cannot stand in the catalogue."""
    if item.linked_object_type not in get_args(LinkedType):
        raise Refused(f'A field belongs to one of {", ".join(get_args(LinkedType))}, not to {item.linked_object_type}.')
    if not NAME.fullmatch(item.machine_name):
        raise Refused(f'"{item.machine_name}" is no machine name: small letters, digits and _, a letter first.')
    if item.field_type not in get_args(CustomType):
        raise Refused(f'A field has one of the types {", ".join(get_args(CustomType))}, not {item.field_type}.')
    if item.policy not in get_args(Policy):
        raise Refused(f'A policy is one of {", ".join(get_args(Policy))}, not {item.policy}.')
    _check_source(item, catalogue)
    others = [other for other in catalogue.custom if key_of(other) != key_of(item)]
    for other in others:
        same_type = other.linked_object_type == item.linked_object_type
        if same_type and item.pd_field_id and other.pd_field_id == item.pd_field_id:
            raise Refused(f'The CRM field {item.pd_field_id} belongs to {label(other)} already.')
        if same_type and item.tc2_machine_name and fold(other.tc2_machine_name) == fold(item.tc2_machine_name):
            raise Refused(f'The extra attribute {item.tc2_machine_name} is read into {label(other)} already.')
        if same_type and other.attribute == item.attribute:
            raise Refused(f'{label(other)} shows {item.attribute} already.')


def _check_source(item: CustomField, catalogue: Catalogue) -> None:
    fixed = ATTRIBUTES.get(item.record_type, {})
    if item.hermes_field_name and item.hermes_field_name not in RELATIONS and item.hermes_field_name not in fixed:
        raise Refused(f'A {item.linked_object_type} has no attribute {item.hermes_field_name}.')
    if not item.hermes_field_name and item.machine_name in fixed:
        raise Refused(
            f'{item.machine_name} is an attribute that Hermes has itself: say --hermes-field {item.machine_name}.'
        )
    if item.tc2_machine_name and item.linked_object_type != 'Company':
        raise Refused(f'Only companies have extra attributes in {PRODUCT_TITLE}.')
    if fold(item.tc2_machine_name) in RESERVED:
        raise Refused(f"{item.tc2_machine_name} always means the agency's own value and cannot be an extra attribute.")
    if item.inherited and ('company', item.machine_name) not in catalogue.by_machine_name:
        raise Refused(f'No company field is called {item.machine_name}, so a deal cannot inherit it: add that first.')
    if item.inherited and item.policy != 'hermes':
        raise Refused(f"A deal shows its company's {item.machine_name}, so its policy is hermes, not {item.policy}.")


def check_policy(item: CustomField) -> None:
    """Raises Refused for a policy that somebody chose and that would have no effect."""
    if item.fixed_policy is not None and item.policy != item.fixed_policy:
        raise Refused(
            f'{label(item)} shows {item.attribute}, which every {item.linked_object_type.lower()} of Hermes has, and '
            f'whose policy is {item.fixed_policy}: it cannot be {item.policy}.'
        )


def key_of(item: CustomField) -> tuple[str, str]:
    return item.linked_object_type, item.machine_name


def label(item: CustomField) -> str:
    return f'{item.linked_object_type}.{item.machine_name}'


def find(catalogue: Catalogue, linked: str, machine_name: str) -> CustomField:
    """Raises Refused when there is none."""
    for item in catalogue.custom:
        if key_of(item) == (linked, machine_name):
            return item
    raise Refused(f'There is no field {linked}.{machine_name}.')


async def add(scope: Scope, act: AddField) -> Outcome:
    """Raises Refused for one that is there, or that cannot be."""
    connection, known, item = scope.connection, scope.known, _read(act.field)
    if item.record_type != 'meeting' and (item.record_type, item.machine_name) in known.catalogue.by_machine_name:
        raise Refused(f'The field {label(item)} is there already: change it, or remove it first.')
    check_field(item, known.catalogue)
    await save_field(connection, item)
    await _announce(connection)
    return {'notes': [f'{label(item)} was added ({item.field_type}, {item.policy})']}


async def save(scope: Scope, act: SaveField) -> Outcome:
    """Raises Refused where it is no field at all."""
    item = _read(act.field)
    await save_field(scope.connection, item)
    await _announce(scope.connection)
    return {'notes': [f'{label(item)} was saved']}


def _read(row: Mapping[str, Any]) -> CustomField:
    try:
        return CustomField(**row)
    except TypeError as error:
        raise Refused(f'This is no field: {error}.') from None


async def change(scope: Scope, act: ChangeField) -> Outcome:
    """Other values for what is named in `to`; another source or type forgets what the old one said."""
    connection, known = scope.connection, scope.known
    old = find(known.catalogue, act.linked, act.machine_name)
    try:
        item = replace(old, **act.to)
    except TypeError as error:
        raise Refused(f'A field has no such value: {error}.') from None
    check_field(item, known.catalogue)
    if key_of(item) != key_of(old):
        raise Refused('The machine name and the type of record of a field stay: add another field instead.')
    if (item.attribute, item.field_type) != (old.attribute, old.field_type):
        await _forget(connection, old, known.catalogue)
    elif fold(item.tc2_machine_name) != fold(old.tc2_machine_name):
        await forget_values(connection, old.record_type, old.attribute, system=PRODUCT)
    if item.pd_field_id != old.pd_field_id:
        await forget_field(connection, old)
    await save_field(connection, item)
    await _announce(connection)
    changed = [name for name, value in asdict(item).items() if value != getattr(old, name)]
    before = {name: getattr(old, name) for name in changed if name != 'problem'}
    back = [steps.field(*key_of(item), before)] if before and before.keys() <= UNDONE else []
    return {'notes': [f'{label(item)}: {", ".join(changed) or "nothing"} changed'], 'undo': back}


async def remove(scope: Scope, act: RemoveField) -> Outcome:
    """The field leaves the catalogue with what Hermes knew of it; what stands in the CRM stays there."""
    connection, known = scope.connection, scope.known
    item = find(known.catalogue, act.linked, act.machine_name)
    heirs = [
        other
        for other in known.catalogue.of('deal')
        if item.record_type == 'company' and other.inherited and other.machine_name == item.machine_name
    ]
    if heirs:
        raise Refused(f'{label(heirs[0])} inherits it: remove that first.')
    if item.machine_name == 'hermes_id':
        raise Refused('hermes_id is how Hermes knows its own objects again; it cannot be removed.')
    await _forget(connection, item, known.catalogue)
    await forget_field(connection, item)
    await drop_field(connection, item)
    await _announce(connection)
    return {'notes': [f'{label(item)} was removed; what stands in the CRM stays there']}


async def count_values(engine: Engine, item: CustomField) -> int:
    """Of how many records Hermes forgets a value when this field is removed."""
    if item.record_type not in ATTRIBUTES or item.attribute in ATTRIBUTES[item.record_type]:
        return 0
    async with engine.database.transaction() as connection:
        return await count_held(connection, item.record_type, item.attribute)


async def _forget(connection: Connection, item: CustomField, catalogue: Catalogue) -> None:
    """Drop the values of an attribute that only this field made."""
    if item.record_type in ATTRIBUTES and item.attribute not in ATTRIBUTES[item.record_type]:
        await forget_values(connection, item.record_type, item.attribute)
        await forget_values(connection, item.record_type, item.attribute + CURRENCY)


async def _announce(connection: Connection) -> None:
    """Every running worker reads the catalogue again with its next batch, and is woken for it (FIELD-8)."""
    await bump(connection, 'catalogue')
    await events.ring(connection)


async def fill(scope: Scope, act: FillField) -> Outcome:
    """What known objects said about a field before it was in the catalogue; then the records and the rules follow."""
    context = scope.context
    item = find(scope.known.catalogue, act.linked, act.machine_name)
    observations = [_observation(entry, item.attribute) for entry in act.seen]
    wanted = graphs.Wanted(refs={seen.ref for seen in observations}, companies=set(act.companies))
    graph = await graphs.load(scope.connection, wanted)
    changes = _follow(graph, [*observations, *_empty_at_birth(graph, item)], context)
    for record in [graph.records[ref] for ref in sorted(graph.records) if ref.type == item.record_type]:
        if not record.gone and record.alias_of is None:
            changes += settle_fields(graph, record, context)
    for company in sorted(graph.companies(), key=lambda record: record.ref):
        if not company.gone:
            changes += rules(graph, company.ref.id, company, False, _with_base(context, company)).changes
    effects = graphs.Effects.of([_told_by(change) for change in changes], scope.event.id)
    effects.mirrors = await graphs.newest_events(scope.connection, graph.touched_mirrors)
    await graphs.commit(scope.connection, graph, effects, scope.event)
    return {'notes': [f'{label(item)}: {len(observations)} values of before, {len(changes)} changes']}


def _with_base(context: Context, company: Record) -> Context:
    """Rules compute the product's link from its address, which an act does not know: what stands there stays."""
    url = str(company.fields.get('tc2_cligency_url') or '')
    base, found, _ = url.rpartition('/clients/')
    return replace(context, tc2_base_url=base) if found else context


def _observation(entry: Any, attribute: str) -> Observation:
    system, remote_type, remote_id, version, value, origin = entry
    known_origin: Origin = origin
    ref = RemoteRef(system, remote_type, remote_id)
    return Observation(ref, 'state', Version(*version), {attribute: value}, origin=known_origin)


def _empty_at_birth(graph: Graph, item: CustomField) -> list[Observation]:
    """An object that Hermes made was made without this field: what stands there now was written later, by somebody."""
    found = []
    for ref, mirror in graph.mirrors.items():
        runs = mirror.runs.get(item.attribute, ())
        foreign = graph.record(mirror.record) is None or not mirror.ours or mirror.sent.get(item.attribute)
        if ref.system != CRM or foreign or not runs or mirror.record is None or mirror.record.type != item.record_type:
            continue
        first_heard = min(each[0].first for each in mirror.runs.values() if each)
        if first_heard < runs[0].first:
            found.append(Observation(ref, 'state', first_heard, {item.attribute: None}, origin='read'))
    return found


def _follow(graph: Graph, observations: list[Observation], context: Context) -> list[Change]:
    changes: list[Change] = []
    for seen in observations:
        mirror = graph.mirrors.get(seen.ref)
        if mirror is None or mirror.merged_into is not None:
            continue
        graph.put_mirror(replace(fold_into(mirror, seen, context.now), reread_at=mirror.reread_at))
        record = graph.record(mirror.record)
        if record is not None and not record.gone:
            changes += settle_fields(graph, record, context)
    return changes


def _told_by(change: Change) -> Change:
    """What follows from a field that people own says which rule gathered it."""
    return change if change.rule != 'FIELD-2' else replace(change, note=RULE)


async def open_(scope: Scope, act: OpenField) -> Outcome:
    """The field's values are gathered: pushes may send it."""
    item = find(scope.known.catalogue, act.linked, act.machine_name)
    if item.problem == FILLING:
        await save_field(scope.connection, replace(item, problem=''))
        await _announce(scope.connection)
    return {'notes': [f'{label(item)} is open']}


async def bind(scope: Scope, act: BindFields) -> Outcome:
    """SETUP-10: a person says which field of the CRM one of ours is (`fields import`)."""
    connection, known, notes = scope.connection, scope.known, []
    for linked, machine_name, code in act.ids:
        item = find(known.catalogue, linked, machine_name)
        if item.pd_field_id == code:
            continue
        bound = replace(item, pd_field_id=code, remote_type='', options={}, problem='')
        check_field(bound, known.catalogue)
        await forget_field(connection, item)
        await save_field(connection, bound)
        notes.append(f'{label(item)} = {code}')
    await _announce(connection)
    return {'notes': notes or ['nothing changed']}


def affected(item: CustomField, catalogue: Catalogue) -> set[str]:
    """The record types whose pushes a field concerns."""
    deals = any(other.machine_name == item.machine_name for other in catalogue.of('deal') if other.inherited)
    found = {item.record_type} if item.record_type in FIELDED else set()
    return found | ({'deal'} if deals and item.record_type == 'company' else set())
