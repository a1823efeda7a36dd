"""What an operator may write into a record, and make anew: each value is checked before anything is done (D-22).

Which field has which type and whose it is stands in the catalogue; what points at something must be there. Raises
Refused with one sentence that names the field.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from hermes.domain.applied import Applied
from hermes.domain.decrees import refuse_gone, write
from hermes.domain.errors import Refused
from hermes.domain.graph import Context, Graph
from hermes.domain.identity import addresses
from hermes.domain.merge import settle_fields
from hermes.domain.model import OPERATOR, Change, Claims, Record, RecordRef, Said, Value
from hermes.domain.record_types import MERGED, PARTS, Attribute
from hermes.domain.rules import PLANS, placement
from hermes.kit.spelling import fold_email
from hermes.kit.texts import tidy
from hermes.parts.roles import PRODUCT_TITLE

MADE: Final = 'ADM-3'
WORDS: Final = {True: ('true', 'yes'), False: ('false', 'no')}
NUMBER: Final = re.compile(r'-?[0-9]{1,18}', re.ASCII)
COUNTRY: Final = re.compile(r'[A-Z]{2}')
EMAIL: Final = re.compile(r'[^\s@]+@[^\s@]+')
NEVER_EMPTY: Final = frozenset(
    {
        'name', 'sales_person_id', 'company_id', 'title', 'status', 'contact_id', 'admin_id', 'pipeline_id', 'stage_id',
    }
)  # fmt: skip
"""What the CRM cannot be told to be without (E-26)."""
CHOICES: Final = {'status': ('open', 'won', 'lost'), 'price_plan': PLANS}
ELSEWHERE: Final = {
    'admin': 'Admins are changed with "hermes admins edit"',
    'meeting': 'Calls are moved and cancelled where they were booked, or with "hermes bookings"',
}
"""Where a type is changed that is not written here."""


def check_type(record_type: str) -> None:
    """Raises Refused for what operators do not write, make or delete so."""
    if record_type not in MERGED:
        raise Refused(f'{ELSEWHERE.get(record_type, f"A {record_type} is changed in the CRM")}.')


def check(graph: Graph, record: Record, values: Mapping[str, Value], reason: str, context: Context) -> dict[str, Value]:
    """The values as they are kept. Raises Refused."""
    check_type(record.ref.type)
    refuse_gone(record)
    if not values:
        raise Refused('Write what? Say at least one field.')
    attributes = context.catalogue.attributes(record.ref.type)
    found = {name: _read(graph, record, attributes.get(name), name, value, context) for name, value in values.items()}
    owned = [name for name in found if attributes[name].policy == 'tc2']
    if owned and not reason.strip():
        raise Refused(
            f'{owned[0]} is what {PRODUCT_TITLE} says (its policy is "tc2"): say a reason, which is shown beside it.'
        )
    names = {'first_name', 'last_name'} if record.ref.type == 'contact' else set()
    if names & found.keys() and not any({**record.fields, **found}.get(name) for name in names):
        raise Refused('A contact keeps a name: the CRM has nobody without one.')
    return _placed(record, found, context)


def _read(
    graph: Graph, record: Record, attribute: Attribute | None, name: str, value: Value, context: Context
) -> Value:
    kind = record.ref.type
    if attribute is None:
        raise Refused(f'A {kind} has no field {name}.')
    if attribute.policy == 'hermes':
        inherited = kind == 'deal' and any(own == name for own, _ in context.catalogue.inherited)
        where = ': write that of its company' if inherited else ' and cannot be edited'
        raise Refused(f'{name} is computed by Hermes (its policy is "hermes"){where}.')
    if name == 'archived':
        raise Refused('A deal is archived, and taken out of the archive, in the CRM.')
    value = _typed(name, attribute, value)
    if value is None and name in NEVER_EMPTY:
        raise Refused(f'{name} cannot be empty.')
    if value is not None and value not in CHOICES.get(name, (value,)):
        raise Refused(f'{name} is one of {", ".join(CHOICES[name])}, not "{value}".')
    if value is not None and attribute.is_ref:
        _there(graph, record, attribute, name, value, context)
    return value


def _typed(name: str, attribute: Attribute, value: Value) -> Value:
    """A value of the attribute's type, texts read as one (the command line has nothing else)."""
    if isinstance(value, str):
        value = tidy(value)
    if value is None or value == '':
        return None
    kind = 'int' if attribute.is_ref else attribute.type
    if kind == 'bool':
        told = next((truth for truth, words in WORDS.items() if value is truth or str(value).lower() in words), None)
        if told is None:
            raise Refused(f'{name} is true or false, not "{value}".')
        return told
    if kind == 'int':
        if isinstance(value, bool) or not NUMBER.fullmatch(str(value)):
            what = f'the id of a {attribute.type}' if attribute.is_ref else 'a whole number'
            raise Refused(f'{name} is {what}, not "{value}".')
        return int(value)
    if not isinstance(value, str):
        raise Refused(f'{name} is a text, not {type(value).__name__}.')
    return _text(name, kind, value)


def _text(name: str, kind: str, value: str) -> str:
    if kind == 'date':
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise Refused(f'{name} is a day such as 2026-03-31, not "{value}".') from None
    if name == 'country' and not COUNTRY.fullmatch(value):
        raise Refused(f'country is a code of ISO 3166 such as GB, not "{value}".')
    if name == 'email' and not EMAIL.fullmatch(value):
        raise Refused(f'"{value}" is no e-mail address.')
    return value


def _there(graph: Graph, record: Record, attribute: Attribute, name: str, number: int, context: Context) -> None:
    """What a field names is there, and can be named. Raises Refused."""
    kind = attribute.type
    shared = getattr(context.directory, f'{kind}s', None)
    found = graph.record(RecordRef(kind, number)) if shared is None else shared.get(number)
    if found is None or found.ref.id != number or found.gone or found.fields.get('archived'):
        raise Refused(f'{name}: there is no {kind} {number} (any more).')
    if kind == 'admin' and found.fields.get('active') is False:
        raise Refused(f'{name}: admin {number} has left.')
    if kind == 'contact' and found.company_id != record.company_id:
        raise Refused(f'{name}: contact {number} belongs to another company.')


def _placed(record: Record, values: dict[str, Value], context: Context) -> dict[str, Value]:
    """A stage stands in its own pipeline: whichever of the two is said brings the other along."""
    if values.keys().isdisjoint(('pipeline_id', 'stage_id')):
        return values
    directory = context.directory
    if 'stage_id' not in values:
        pipeline = directory.pipelines[values['pipeline_id']]
        if values['pipeline_id'] == record.fields.get('pipeline_id'):
            return values
        if pipeline.fields.get('dft_entry_stage_id') is None:
            raise Refused(f'pipeline_id: pipeline {pipeline.ref.id} has no entry stage, so say a stage_id too.')
        return {**values, 'stage_id': pipeline.fields['dft_entry_stage_id']}
    home = directory.stages[values['stage_id']].fields.get('pipeline_id')
    if values.get('pipeline_id', home) != home:
        raise Refused(f'stage_id: stage {values["stage_id"]} is no stage of pipeline {values["pipeline_id"]}.')
    return {**values, 'pipeline_id': home} if home != record.fields.get('pipeline_id') else values


def make(
    graph: Graph, record_type: str, values: Mapping[str, Value], under: int | None, context: Context, done: Applied
) -> RecordRef:
    """A record that an operator makes. What follows the systems is decreed; what another owns is a first value, until
    that says something (FIELD-2). Raises Refused.
    """
    check_type(record_type)
    if 'company_id' in values:
        raise Refused('Say under which company it is made, and no company_id.')
    company = _home(graph, record_type, under)
    ref = RecordRef(record_type, graph.new_id())
    record = Record(ref, company_id=company.ref.id if company else None, born_event=context.event_id)
    told = _with_defaults(graph, record_type, values, company, context)
    attributes = context.catalogue.attributes(record_type)
    told = _placed(record, {name: _read(graph, record, attributes.get(name), name, it, context)
                            for name, it in told.items()}, context)  # fmt: skip
    told = {name: value for name, value in told.items() if value is not None}
    _refuse_nameless(graph, record_type, told, company)
    first = {name: Said(it, OPERATOR, MADE) for name, it in told.items() if attributes[name].policy != 'follow'}
    fields = {'company_id': company.ref.id} if company else {}
    graph.put_record(replace(record, fields=fields, claims=Claims(first)))
    done.created.add(ref)
    done.changes.append(Change(ref, 'born', None, MADE, OPERATOR, MADE))
    done.changes += settle_fields(graph, graph.records[ref], context)
    write(graph, ref, {name: it for name, it in told.items() if name not in first}, '', context, done)
    return ref


def _home(graph: Graph, record_type: str, under: int | None) -> Record | None:
    """The company under which it is made. Raises Refused."""
    if record_type not in PARTS:
        if under is not None:
            raise Refused(f'A {record_type} stands under nothing.')
        return None
    company = graph.record(RecordRef('company', under)) if under is not None else None
    if company is None:
        raise Refused(f'Under which company? There is none {under}.' if under else 'Under which company? Say its id.')
    refuse_gone(company)
    return company


def _with_defaults(
    graph: Graph, record_type: str, values: Mapping[str, Value], company: Record | None, context: Context
) -> dict[str, Value]:
    """A company needs somebody in charge, a deal its place and its owner."""
    default = context.settings.get('default_sales_person_id')
    if record_type == 'company' and default:
        return {'sales_person_id': default, **values}
    if company is None or record_type != 'deal':
        return dict(values)
    told: dict[str, Value] = {'title': company.fields.get('name'), 'status': 'open', **values}
    if owner := company.fields.get('sales_person_id'):
        told = {'admin_id': owner, **told}
    if told.keys().isdisjoint(('pipeline_id', 'stage_id')):
        plan = company.fields.get('price_plan')
        placed = placement(str(plan) if plan in PLANS else 'payg', context)
        if isinstance(placed, str):
            raise Refused(placed)
        told['pipeline_id'], told['stage_id'] = placed
    return told


def _refuse_nameless(graph: Graph, record_type: str, told: Mapping[str, Value], company: Record | None) -> None:
    """Raises Refused for what has no name, and for somebody who is there already."""
    if record_type == 'company' and 'name' not in told:
        raise Refused('A company needs a name.')
    if record_type != 'contact' or company is None:
        return
    if told.keys().isdisjoint(('first_name', 'last_name', 'email')):
        raise Refused('A contact needs a name or an e-mail address.')
    email = fold_email(str(told.get('email') or ''))
    for other in graph.children(company.ref.id, 'contact') if email else ():
        if not other.gone and email in addresses(graph, other):
            raise Refused(f'contact {other.ref.id} of this company has that e-mail address already.')
