"""An older Hermes's rows become records: one company's graph, the people of ours, pipelines and stages.

Applied like every row: pure, without I/O, the same in a replay (I14). Nothing here closes, opens or makes a deal: what
was so before the import is no change (TC-5, TC-7).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hermes.domain.applied import Applied
from hermes.domain.graph import Context, Decision, Graph
from hermes.domain.history import NEVER, blank
from hermes.domain.model import Change, Claims, Decree, Record, RecordRef, RemoteRef, Said, Tombstone, Value
from hermes.domain.record_types import Attribute
from hermes.domain.rules import rules
from hermes.kit import wire
from hermes.legacy import rows
from hermes.legacy.rows import LINKED, OWNERS, RULE, SYSTEM, Row, said
from hermes.parts.roles import CRM

ASKED: Final = {
    'rule': 'H-6',
    'candidates': [],
    'reason': 'it comes from an older database without an id in the CRM; "separate" makes it there',
}


def take_shared(graph: Graph, act: Mapping[str, Any], context: Context, done: Applied) -> None:
    """Pipelines and stages. The older tables do not say whose a stage is, but for the entry stages."""
    stages = {row['id'] for row in act['stages']}
    owners = {row.get('dft_entry_stage_id'): row['id'] for row in act['pipelines']}
    for row in act['stages']:
        fields = {'name': wire.text(row.get('name') or ''), 'pipeline_id': owners.get(row['id'])}
        _create(graph, 'stage', row, fields, act, context, done)
    for row in act['pipelines']:
        entry = row.get('dft_entry_stage_id')
        fields = {'name': wire.text(row.get('name') or ''), 'dft_entry_stage_id': entry if entry in stages else None}
        _create(graph, 'pipeline', row, fields, act, context, done)


def take_admins(graph: Graph, act: Mapping[str, Any], context: Context, done: Applied) -> None:
    """People of ours, without their passwords; 0 in the CRM is nobody (D-10)."""
    twice = {(column, number) for _, column, number in act['unlinked']}
    for row in act['admins']:
        fields = {'active': True, 'email': wire.text(row.get('username') or ''), **said(row, rows.ADMIN)}
        for column in ('tc2_admin_id', 'pd_owner_id'):
            fields[column] = None if (column, row['id']) in twice else rows.remote_id(row, column)
        _create(graph, 'admin', row, fields, act, context, done)


def take_company(graph: Graph, act: Mapping[str, Any], context: Context, done: Applied) -> None:
    """A company with its contacts and deals; its meetings are counted."""
    row = act['company']
    fields = {'country': act['country'], **said(row, rows.COMPANY), **_people(row, context)}
    for kind in ('sales', 'support'):
        held = [each for each in act['meetings'] if each.get('meeting_type') == kind]
        fields[f'{kind}_call_count'] = sum(each.get('status') != 'CANCELED' for each in held)
    fields |= _custom(act, 'Company', row['id'], context)
    company = _create(graph, 'company', row, fields, act, context, done)
    contacts = {each['id'] for each in act['contacts']}
    for each in act['contacts']:
        fields = said(each, rows.CONTACT) | _custom(act, 'Contact', each['id'], context)
        _create(graph, 'contact', each, {**fields, 'company_id': row['id']}, act, context, done, row['id'])
    for each in act['deals']:
        _take_deal(graph, each, contacts, act, context, done)
    if row.get('is_deleted'):
        _bury(graph, company, context, done)
    done.companies.add(row['id'])
    ruled = rules(graph, row['id'], graph.records[company], False, context)
    done.changes += ruled.changes
    done.decisions += ruled.decisions
    for warning in ruled.warnings:
        done.note(warning)


def _take_deal(
    graph: Graph, row: Row, contacts: set[int], act: Mapping[str, Any], context: Context, done: Applied
) -> None:
    company, directory = act['company']['id'], context.directory
    fields: dict[str, Value] = {
        'title': wire.text(row.get('name') or ''),
        'status': wire.text(row.get('status') or '') or 'open',
        'company_id': company,
        'admin_id': row.get('admin_id') if row.get('admin_id') in directory.admins else None,
        'contact_id': row.get('contact_id') if row.get('contact_id') in contacts else None,
        'pipeline_id': row.get('pipeline_id') if row.get('pipeline_id') in directory.pipelines else None,
        'stage_id': row.get('stage_id') if row.get('stage_id') in directory.stages else None,
    }
    known = context.catalogue.attributes('deal')
    shown = {name: value for name, value in said(row, rows.DEAL).items() if name in known and name not in fields}
    for name in ('support_person_id', 'bdr_person_id'):
        if name in known and (owner := directory.owner_of(row.get(name))):
            shown[name] = owner
    shown |= _custom(act, 'Deal', row['id'], context)
    ref = _create(graph, 'deal', row, {**shown, **fields}, act, context, done, company)
    if fields['status'] == 'deleted':
        _bury(graph, ref, context, done)
    elif graph.primary(ref, CRM) is None and fields['status'] == 'open':
        record = graph.records[ref]
        graph.put_record(replace(record, claims=replace(record.claims, undecided={SYSTEM: ()})))
        done.decisions.append(Decision('match', f'match:{SYSTEM}:deal:{ref.id}', ref, ASKED))


def _create(
    graph: Graph,
    kind: str,
    row: Row,
    fields: Mapping[str, Value],
    act: Mapping[str, Any],
    context: Context,
    done: Applied,
    company_id: int | None = None,
) -> RecordRef:
    """A record with the id that it had, its links, and what it says until a system says something."""
    ref = RecordRef(kind, row['id'])
    known = context.catalogue.attributes(kind)
    kept = {name: value for name, value in fields.items() if value is not None}
    fallback = {
        name: _first(value, known[name], context)
        for name, value in kept.items()
        if name in known and (known[name].policy != 'hermes' or kind in ('company', 'deal'))
    }
    claims = Claims(fallback=fallback, renumbered=act.get('generation') == 'newest')
    graph.put_record(Record(ref, kept, claims, company_id, born_event=context.event_id))
    done.created.add(ref)
    done.changes.append(Change(ref, 'born', None, RULE, SYSTEM, RULE))
    done.changes += [Change(ref, name, None, value, SYSTEM, RULE) for name, value in kept.items()]
    twice = {tuple(one) for one in act['unlinked']}
    for (table, column), (system, remote_type) in LINKED.items():
        number = rows.remote_id(row, column) if table == kind else None
        if number is None or (table, column, ref.id) in twice:
            continue
        remote = RemoteRef(system, remote_type, str(number))
        graph.put_mirror(replace(blank(remote), record=ref, primary=True))
        done.changes.append(Change(ref, f'{system} link', None, f'{remote_type} {number}', SYSTEM, RULE))
    return ref


def _first(value: Value, attribute: Attribute, context: Context) -> Said:
    return Said(value, SYSTEM, RULE, context.directory.owner_of(value) if attribute.type == 'admin' else None)


def _people(row: Row, context: Context) -> dict[str, Value]:
    return {name: row[name] for name in OWNERS if row.get(name) in context.directory.admins}


def _custom(act: Mapping[str, Any], linked: str, number: int, context: Context) -> dict[str, Value]:
    """Values of run-time fields; of two values of one field the newest row's counts (A-3)."""
    column, record_type = f'{linked.lower()}_id', linked.lower()
    found: dict[str, Value] = {}
    for row in act['values']:
        if row.get(column) != number or row.get('field') is None or row['field'][0] != linked:
            continue
        item = context.catalogue.by_machine_name.get((record_type, row['field'][1]))
        attribute = context.catalogue.attributes(record_type).get(item.attribute) if item else None
        value = read_custom(row.get('value'), attribute, context) if attribute else None
        if attribute and value is not None:
            found[attribute.name] = value
    return found


CUSTOM: Final[Mapping[str, rows.Reader]] = {'int': wire.whole, 'bool': wire.truth, 'date': wire.day}


def read_custom(raw: Any, attribute: Attribute, context: Context) -> Value:
    """The text of an older field's value in its field's type; None when it is empty or unreadable."""
    try:
        if attribute.type == 'admin':
            number = wire.whole(raw)
            return number if number in context.directory.admins else None
        if attribute.is_ref:
            return None
        read = CUSTOM.get(attribute.type) or wire.text
        return None if raw is None else read(raw)
    except ValueError:
        return None


def _bury(graph: Graph, ref: RecordRef, context: Context, done: Applied) -> None:
    """D-2: it was deleted in the CRM before the import. What the CRM still lists comes back with the first listing."""
    under: Sequence[Record] = [graph.records[ref]]
    if ref.type == 'company':
        under = [*under, *graph.children(ref.id, 'contact'), *graph.children(ref.id, 'deal')]
    for record in under:
        if record.tombstone is not None:
            continue
        seen = {':'.join(mirror.ref): NEVER for mirror in graph.mirrors_of(record.ref)}
        stone = Tombstone('crm', context.now, context.event_id, seen)
        claims = record.claims
        fields = dict(record.fields)
        if record.ref.type == 'deal':
            claims = replace(claims, decree={'status': Decree('deleted', NEVER, RULE)})
            fields['status'] = 'deleted'
        graph.put_record(replace(record, fields=fields, claims=claims, tombstone=stone))
        done.changes.append(Change(record.ref, 'tombstone', None, 'crm', SYSTEM, 'D-2'))
