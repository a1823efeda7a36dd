"""Which of our fields go to Pipedrive, when, what they read, and how a set of them looks on the wire.

Hermes never sends a field that it does not own: owner, pipeline, stage and title of a deal only when it makes one
(OUT-11), a deal's inherited fields only while it is open (OUT-9), an owner that does not exist or has left never (D-10,
PD-USER-1). No null in a native field (E-26).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from hermes.domain.fields import ABSENT, CURRENCY, MONEY, Catalogue, CustomField
from hermes.domain.model import Value
from hermes.domain.record_types import BY_NAME
from hermes.kit import countries, wire
from hermes.ports import Outgoing, View
from hermes.systems.pipedrive import activities, objects, rest, values

DEFAULT_CURRENCY: Final = 'GBP'
TEXT_LIMIT: Final = 255

_ORDINARY: Final[Mapping[str, Mapping[str, str]]] = {
    'organization': {'name': 'name', 'sales_person_id': 'owner_id'},
    'person': {'company_id': 'org_id', 'owner_id': 'owner_id'},
    'deal': {
        'title': 'title',
        'status': 'status',
        'company_id': 'org_id',
        'contact_id': 'person_id',
        'pipeline_id': 'pipeline_id',
        'stage_id': 'stage_id',
        'admin_id': 'owner_id',
    },
}
_REMOTE_TYPE: Final = {record: remote for remote, record in objects.RECORD_OF.items()}
_TEXTUAL: Final = frozenset({'name', 'title', 'status'})


def outgoing(record_type: str, catalogue: Catalogue) -> list[Outgoing]:
    """The table of outgoing fields of a record type; empty for types that Hermes does not write."""
    if record_type == 'meeting':
        return activities.outgoing()
    native = {'company': _company, 'contact': _contact, 'deal': _deal}.get(record_type)
    return [*native(), *_custom(record_type, catalogue)] if native else []


def _company() -> list[Outgoing]:
    return [
        Outgoing('name', ('Company.name',), _text('name'), limit=TEXT_LIMIT),
        Outgoing('sales_person_id', ('Company.sales_person_id',), activities.owner_of('sales_person_id')),
        Outgoing('country', ('Company.country',), _text('country'), 'once'),
    ]


def _contact() -> list[Outgoing]:
    names = ('Contact.first_name', 'Contact.last_name')
    return [
        Outgoing(
            'name',
            names,
            lambda view: _joined(view.get('first_name'), view.get('last_name')) or ABSENT,
            'create',
            TEXT_LIMIT,
        ),
        Outgoing('first_name', names, lambda view: _names(view)[0]),
        Outgoing('last_name', names, lambda view: _names(view)[1]),
        Outgoing('email', ('Contact.email',), _clearable('email')),
        Outgoing('phone', ('Contact.phone',), _clearable('phone')),
        Outgoing('company_id', ('Contact.company_id',), activities.remote_of('company', 'company_id'), 'create'),
        Outgoing('owner_id', ('Company.sales_person_id',), activities.owner_of('company.sales_person_id'), 'create'),
    ]


def _deal() -> list[Outgoing]:
    return [
        Outgoing('title', ('Deal.title',), _text('title'), 'create', TEXT_LIMIT),
        Outgoing('status', ('Deal.status',), _status),
        Outgoing('company_id', ('Deal.company_id',), activities.remote_of('company', 'company_id'), 'create'),
        Outgoing('contact_id', ('Deal.contact_id',), activities.remote_of('contact', 'contact_id'), 'create'),
        Outgoing('pipeline_id', ('Deal.pipeline_id',), activities.remote_of('pipeline', 'pipeline_id'), 'create'),
        Outgoing('stage_id', ('Deal.stage_id',), activities.remote_of('stage', 'stage_id'), 'create'),
        Outgoing('admin_id', ('Deal.admin_id',), activities.owner_of('admin_id'), 'create'),
    ]


def _text(name: str) -> Callable[[View], Value]:
    def compute(view: View) -> Value:
        return _trimmed(view.get(name)) or ABSENT

    return compute


def _clearable(name: str) -> Callable[[View], Value]:
    return lambda view: _trimmed(view.get(name))


def _trimmed(value: Value) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _status(view: View) -> Value:
    status = view.get('status')
    return status if status in ('open', 'won', 'lost') else ABSENT


def _names(view: View) -> tuple[Value, Value]:
    """(first, last) as the CRM will say them: it keeps one name, split at the first space, so both ways agree."""
    whole = _joined(view.get('first_name'), view.get('last_name'))
    return objects.split_name(whole[:TEXT_LIMIT].rstrip()) if whole else (ABSENT, ABSENT)


def _joined(first: Value, last: Value) -> str:
    return ' '.join(' '.join(part for part in (first, last) if isinstance(part, str)).split())


def _custom(record_type: str, catalogue: Catalogue) -> list[Outgoing]:
    linked = BY_NAME[record_type].title
    taken = objects.NATIVE[_REMOTE_TYPE[record_type]]
    found: dict[str, Outgoing] = {}
    for item in catalogue.of(record_type):
        if not item.pd_field_id or item.problem or item.attribute in taken or item.remote_type in values.READ_ONLY:
            continue
        if item.attribute == 'hermes_id':
            found['hermes_id'] = Outgoing('hermes_id', (f'{linked}.id',), lambda view: [view.id])
            continue
        shown = _admin_shown(item, catalogue)
        inputs = (f'{linked}.{item.attribute}', *(('Deal.status',) if record_type == 'deal' else ()))
        inputs += (f'Company.{shown}',) if shown else ()
        compute = _custom_value(item, record_type, catalogue)
        limit = _limit(item, record_type, catalogue)
        when: Literal['known', 'always'] = 'known'
        if values.kind_of(item, record_type, catalogue) == 'admin':
            when = 'always'  # 0 is not told (D-10), so that such a field may have been read without a word
        found[item.attribute] = Outgoing(item.attribute, inputs, compute, when, limit)
        if item.remote_type == MONEY:
            key = item.attribute + CURRENCY
            inputs = (*inputs, f'Company.{_company_attribute(item, catalogue)}{CURRENCY}', 'Company.currency')
            found[key] = Outgoing(key, inputs, _currency(item, record_type, catalogue))
    return list(found.values())


def _limit(item: CustomField, record_type: str, catalogue: Catalogue) -> int | None:
    stands_as = values.remote_type_of(item, values.kind_of(item, record_type, catalogue))
    return values.VARCHAR_LIMIT if stands_as in ('varchar', 'varchar_auto', 'phone') else None


def _custom_value(item: CustomField, record_type: str, catalogue: Catalogue) -> Callable[[View], Value]:
    kind = values.kind_of(item, record_type, catalogue)
    stands_as = values.remote_type_of(item, kind)
    shown_admin = _admin_shown(item, catalogue)

    def compute(view: View) -> Value:
        if record_type == 'deal' and view.get('status') != 'open':
            return ABSENT
        if kind == 'admin':
            return _owner_id(view, view.get(item.attribute), item.attribute)
        value = view.get(item.attribute)
        if shown_admin:
            told = _owner_id(view, view.company(shown_admin), f'company.{shown_admin}')
            return told if told == ABSENT else value
        try:
            return values.canonical(item, kind, stands_as, values.to_plain(item, kind, stands_as, value))
        except ValueError:
            return ABSENT

    return compute


def _currency(item: CustomField, record_type: str, catalogue: Catalogue) -> Callable[[View], Value]:
    """Of an amount of ours: what a person chose for it, else the company's currency, else the account's."""
    amount, shown = _custom_value(item, record_type, catalogue), _company_attribute(item, catalogue)
    named = 'title' if record_type == 'deal' else 'name'

    def compute(view: View) -> Value:
        is_there = view.shown(named) != ABSENT
        if amount(view) in (None, '', ABSENT) or (is_there and view.shown(item.attribute) == ABSENT):
            return ABSENT
        chosen = view.company(shown + CURRENCY) if item.inherited else view.get(item.attribute + CURRENCY)
        if item.inherited and view.get(item.attribute) != view.company(shown):
            return ABSENT
        return chosen or values.read_currency(view.company('currency')) or catalogue.currency or ABSENT

    return compute


def _company_attribute(item: CustomField, catalogue: Catalogue) -> str:
    """The company's attribute that an inherited field shows; else the field's own."""
    company = catalogue.by_machine_name.get(('company', item.machine_name)) if item.inherited else None
    return company.attribute if company else item.attribute


def _owner_id(view: View, person: Value, name: str) -> Value:
    """Nobody is null; somebody without an id in the CRM says nothing (D-10)."""
    return None if person is None else view.admin(name) or ABSENT


def _admin_shown(item: CustomField, catalogue: Catalogue) -> str:
    """The company's attribute, where an inherited field shows an admin: the deal holds that admin's remote user id
    (D-10). '' for every other field.
    """
    company = catalogue.by_machine_name.get(('company', item.machine_name)) if item.inherited else None
    shown = catalogue.attributes('company').get(company.attribute) if company else None
    return shown.name if shown is not None and shown.type == 'admin' else ''


def encode(
    op: str, remote_type: str, fields: Mapping[str, Value], basis: Mapping[str, Value], catalogue: Catalogue
) -> dict[str, Any]:
    """The JSON body of a create or update. `basis`: what the remote object says now, in canonical fields."""
    if remote_type == 'activity':
        return activities.encode(fields, basis)
    body: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    ordinary = _ORDINARY.get(remote_type, {})
    by_attribute = _writable(remote_type, catalogue)
    for key, value in fields.items():
        if value == ABSENT:
            continue
        if remote_type == 'person' and key == 'name' and value:
            body['name'] = str(value)[:TEXT_LIMIT]
        elif key in ordinary:
            if value is not None and value != '':
                body[ordinary[key]] = value if key in _TEXTUAL else wire.whole(value)
        elif remote_type == 'person' and key in ('email', 'phone'):
            _put_reachable(body, op, key, value, basis)
        elif key == 'country' and remote_type == 'organization':
            if value and op == 'create':
                body['address'] = {'value': countries.english_name(value)}
        elif key in by_attribute and (value is not None or op == 'update'):
            item = by_attribute[key]
            told_in = fields.get(key + CURRENCY) or basis.get(key + CURRENCY) or catalogue.currency or DEFAULT_CURRENCY
            custom[item.pd_field_id] = _custom_wire(item, remote_type, value, catalogue, told_in)
        elif (name := key.removesuffix(CURRENCY)) in by_attribute.keys() - fields.keys() and basis.get(name):
            item = by_attribute[name]
            custom[item.pd_field_id] = _custom_wire(item, remote_type, basis[name], catalogue, str(value))
    if remote_type == 'person' and not fields.keys().isdisjoint(('first_name', 'last_name')):
        told = [
            fields[key] if fields.get(key, ABSENT) != ABSENT else basis.get(key) for key in ('first_name', 'last_name')
        ]
        body |= {'name': _joined(*told)[:TEXT_LIMIT]} if _joined(*told) else {}
    return body | ({'custom_fields': custom} if custom else {})


def _writable(remote_type: str, catalogue: Catalogue) -> dict[str, CustomField]:
    record_type = objects.RECORD_OF[remote_type]
    return {item.attribute: item for item in catalogue.of(record_type) if item.pd_field_id and not item.problem}


def _custom_wire(item: CustomField, remote_type: str, value: Value, catalogue: Catalogue, currency: str) -> Any:
    kind = values.kind_of(item, objects.RECORD_OF[remote_type], catalogue)
    stands_as = values.remote_type_of(item, kind)
    if item.attribute == 'hermes_id':
        ids = values.id_list(value)
        plain: Any = (ids[0] if stands_as in values.NUMBERS else ', '.join(map(str, ids))) if ids else None
    else:
        plain = values.to_plain(item, kind, stands_as, value)
    return rest.write(stands_as, plain, currency)


def _put_reachable(body: dict[str, Any], op: str, key: str, value: Value, basis: Mapping[str, Value]) -> None:
    """The whole list with only our entry changed (OUT-1); nothing when a new person has none."""
    ours = basis.get(key)
    rest_of = [dict(entry) for entry in basis.get(f'{key}s') or [] if entry.get('value') != value or value == ours]
    place = next((at for at, entry in enumerate(rest_of) if ours and entry['value'] == ours), None)
    if value is None or value == '':
        if op == 'create' or place is None:
            return
        del rest_of[place]
    elif place is None:
        for entry in rest_of:
            entry['primary'] = False
        rest_of.insert(0, {'value': value, 'label': 'work', 'primary': True})
    else:
        rest_of[place] = rest_of[place] | {'value': value}
    if rest_of and not any(entry['primary'] for entry in rest_of):
        rest_of[0]['primary'] = True
    body[f'{key}s'] = rest_of
