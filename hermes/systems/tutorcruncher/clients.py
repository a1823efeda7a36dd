"""A TutorCruncher client and its recipients as observations: the same code for webhooks and for fetched clients.

Only a client of the sales instance carries `meta_agency`; every part of it may be missing or null (E-1 to E-6),
absent says nothing (D-12). `narc`, `created` and `status` always mean `meta_agency`'s, never the client's own nor
an extra attribute's (TC-13).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from hermes.domain.fields import Catalogue, CustomField, fold
from hermes.domain.model import Kind, Observation, Origin, RemoteRef, Value, Version
from hermes.kit import countries, wire
from hermes.kit.wire import put
from hermes.systems.tutorcruncher import mapping

SYSTEM: Final = 'tutorcruncher'
PLANS: Final = ('payg', 'startup', 'enterprise')
_DATES: Final = ('created', 'pay0_dt', 'pay1_dt', 'pay3_dt', 'card_saved_dt', 'email_confirmed_dt', 'gclid_expiry_dt')
_RESERVED: Final = frozenset({'narc', 'created', 'status'})
_IN_URL: Final = re.compile(r'/organizations?/([1-9]\d{0,18})(?!\d)', re.ASCII)
_IDS: Final = re.compile(r'(?<!\w)[1-9]\d{0,17}(?!\w)', re.ASCII)
_ADMINS: Final = (
    ('sales_person', 'sales_person_id'),
    ('associated_admin', 'support_person_id'),
    ('bdr_person', 'bdr_person_id'),
)


def client_ref(raw: Any) -> RemoteRef | None:
    """The client with this id; None when it is no id."""
    return _ref('client', raw)


def _ref(remote_type: str, raw: Any) -> RemoteRef | None:
    try:
        number = wire.whole(raw)
    except ValueError:
        return None
    return RemoteRef(SYSTEM, remote_type, str(number)) if number is not None and number > 0 else None


def observations(
    ref: RemoteRef,
    client: Mapping[str, Any],
    version: Version,
    catalogue: Catalogue,
    *,
    kind: Kind = 'state',
    origin: Origin = 'webhook',
    action: str = '',
) -> tuple[Observation, ...]:
    """The client's observation, then one per recipient."""
    fields = client_fields(client, catalogue)
    recipients, complete = _recipients(ref, client, fields, version, origin, action)
    told = recipients if 'paid_recipients' in client and complete else None
    children = None if told is None else tuple(one.ref for one in told)
    return Observation(ref, kind, version, fields, origin=origin, action=action, children=children), *recipients


def client_fields(client: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Value]:
    """Canonical fields of a client; admins stay TutorCruncher's own ids."""
    found: dict[str, Value] = {}
    agency = client.get('meta_agency')
    if isinstance(agency, Mapping):
        _read_agency(found, agency)
    for name, key in _ADMINS:
        put(found, key, client, name, _person_id)
    _read_user(found, client)
    _read_extras(found, client.get('extra_attrs'), catalogue)
    return found


def _read_agency(found: dict[str, Value], agency: Mapping[str, Any]) -> None:
    put(found, 'tc2_agency_id', agency, 'id', _identity)
    put(found, 'name', agency, 'name', wire.text)
    put(found, 'country', agency, 'country', _country)
    put(found, 'website', agency, 'website', wire.text)
    put(found, 'tc2_status', agency, 'status', wire.text)
    put(found, 'paid_invoice_count', agency, 'paid_invoice_count', wire.whole)
    put(found, 'gclid', agency, 'gclid', wire.text)
    put(found, 'signup_questionnaire', agency, 'signup_questionnaire', wire.json_text)
    for name in _DATES:
        put(found, name, agency, name, wire.day)
    if 'narc' in agency:
        put(found, 'narc', agency, 'narc', wire.truth)
        if found.get('narc', False) is None:
            found['narc'] = False
    put(found, 'price_plan', agency, 'price_plan', wire.text)
    told = found.get('price_plan')
    if 'price_plan' in found:
        found['price_plan_unknown'] = None
    if told is not None:
        plan = told.rpartition('-')[2].strip().lower()
        found['price_plan'] = plan if plan in PLANS else 'payg'
        if plan not in PLANS:
            found['price_plan_unknown'] = told


def _country(raw: Any) -> str | None:
    told = wire.text(raw)
    code = countries.alpha2(told)
    if told and code is None:
        raise ValueError('no country that we know')
    return code


def _identity(raw: Any) -> int | None:
    number = wire.whole(raw)
    if number is not None and number <= 0:
        raise ValueError('not an id')
    return number


def _person_id(raw: Any) -> int | None:
    """The id in {'id': 5}, or a bare one."""
    if isinstance(raw, Mapping):
        if 'id' not in raw:
            raise ValueError('nobody')
        raw = raw['id']
    return None if raw is None else _identity(raw)


def _read_user(found: dict[str, Value], client: Mapping[str, Any]) -> None:
    """E-mail, names and phone of the client's own person: in `user`, else at the top level."""
    user = client.get('user')
    sources: tuple[Mapping[str, Any], ...] = (client,)
    if isinstance(user, Mapping):
        sources = (user, client)
    for key, names in (
        ('user_email', ('email',)),
        ('user_first_name', ('first_name',)),
        ('user_last_name', ('last_name',)),
        ('user_phone', ('phone', 'mobile')),
        ('user_mobile', ('mobile',)),
    ):
        for source in sources:
            for name in names:
                if found.get(key) is None:
                    put(found, key, source, name, wire.text)


def _read_extras(found: dict[str, Value], told: Any, catalogue: Catalogue) -> None:
    """Extra attributes by TC2 machine name; what `meta_agency` says is not overruled (D-11, TC-13, TC-16)."""
    pairs = _pairs(told)
    backward = mapping.written(catalogue) if pairs else {}
    dropdowns = []
    for machine_name, value, kind in pairs:
        name = fold(machine_name) if isinstance(machine_name, str) else ''
        if not name or name in _RESERVED:
            continue
        item = catalogue.by_tc2.get(name)
        if name in mapping.LINKS or name in backward:
            found[mapping.PREFIX + name] = _held(backward.get(name), value, catalogue)
            dropdowns += [name] if kind == 'Dropdown' else []
        try:
            if item is not None and found.get(item.attribute) is None:
                found[item.attribute] = _extra(item, value, catalogue)
            if name == 'pipedrive_id':
                number = wire.whole(_plain(value))
                found['pipedrive_id'] = str(number) if number else found.get('pipedrive_id')
            elif name == 'pipedrive_url' and not found.get('pipedrive_id') and (named := _IN_URL.search(str(value))):
                found['pipedrive_id'] = named[1]
            elif name == 'hermes_id':
                found['hermes_id'] = [int(number) for number in _IDS.findall(_plain(value) or '')]
        except ValueError:
            continue
    if dropdowns:
        found[mapping.DROPDOWNS] = sorted(dropdowns)


def _pairs(told: Any) -> list[tuple[Any, Any, Any]]:
    """Machine name, value and type of each extra attribute; as an object they have no type."""
    if isinstance(told, Mapping):
        return [(name, value, None) for name, value in told.items()]
    listed = told if isinstance(told, list) else []
    return [
        (item['machine_name'], item.get('value'), item.get('type'))
        for item in listed
        if isinstance(item, Mapping) and 'machine_name' in item
    ]


def _held(item: CustomField | None, value: Any, catalogue: Catalogue) -> str | None:
    """What the attribute itself says, as canonical text; unreadable, as it is."""
    try:
        return mapping.text(_extra(item, value, catalogue) if item else _plain(value))
    except ValueError:
        return str(value)


def _plain(value: Any) -> str | None:
    """Trimmed, case kept; a value made only of hyphens is unset."""
    if value is None:
        return None
    told = ('true' if value else 'false') if isinstance(value, bool) else wire.text(value)
    return told if told and told.strip('-').strip() else None


def _extra(item: CustomField, value: Any, catalogue: Catalogue) -> Value:
    known = catalogue.attributes('company').get(item.attribute)
    kind = known.type if known else item.field_type
    told = _plain(wire.json_text(value) if isinstance(value, dict | list) else value)
    if told is None or kind in ('str', 'json'):
        return told
    if kind == 'bool':
        return wire.truth(told)
    if kind == 'date':
        return wire.day(told)
    return wire.whole(told)


def _recipients(
    parent: RemoteRef,
    client: Mapping[str, Any],
    fields: Mapping[str, Value],
    version: Version,
    origin: Origin,
    action: str,
) -> tuple[tuple[Observation, ...], bool]:
    """One observation per readable recipient, and whether that is all of them."""
    told = client.get('paid_recipients')
    if told is None:
        return (), 'paid_recipients' in client
    if not isinstance(told, list):
        return (), False
    found: dict[RemoteRef, Observation] = {}
    complete = True
    for recipient in told:
        ref = _ref('recipient', recipient.get('id')) if isinstance(recipient, Mapping) else None
        if ref is None:
            complete = False
        elif ref not in found:
            says = _recipient_fields(recipient, fields, first=not found)
            found[ref] = Observation(ref, 'state', version, says, origin=origin, action=action, parent=parent)
    return tuple(found.values()), complete


def _recipient_fields(recipient: Mapping[str, Any], client: Mapping[str, Value], *, first: bool) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name in ('first_name', 'last_name', 'email'):
        put(found, name, recipient, name, wire.text)
    if first and not found.get('email') and client.get('user_email'):
        found['email'] = client['user_email']
    if 'user_phone' in client:
        found['phone'] = client['user_phone']
    if 'user_mobile' in client:
        found['user_mobile'] = client['user_mobile']
    return found
