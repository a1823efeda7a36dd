"""What there are lists of, each declared once: columns by type of record, by what they are sorted, chosen and searched.

A column that is sorted by begins an index (migration 0020); every attribute of the registry is a column.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from psycopg import Connection

from hermes.db.reads.listing import Column, Kind, Listing, Page, list_rows
from hermes.db.reads.search import KEYS, PLACES, SEARCHED
from hermes.domain.errors import Refused
from hermes.domain.record_types import ATTRIBUTES, NAMES, PLAIN, TITLES, Attribute, Policy

KINDS: Final[Mapping[str, Kind]] = {
    'str': 'text', 'int': 'int', 'bool': 'bool', 'date': 'day', 'time': 'moment', 'json': 'json',
}  # fmt: skip
ORDERS: Final[Mapping[str, Mapping[str, str]]] = {
    'company': {'name': 'name_key', 'created': 'created'},
    'contact': {'last_name': 'last_name'},
    'deal': {'title': 'title'},
    'meeting': {'start_at': 'start_at'},
    'admin': {'last_name': 'last_name', 'email': 'email'},
    'pipeline': {'name': 'name'},
    'stage': {'name': 'name'},
    'app_user': {},
    'subscription': {},
}
"""Of each type of record: what it is sorted by, and by which column. Admins, pipelines and stages are few."""
CHOSEN: Final = frozenset({
    'country', 'currency', 'tc2_status', 'price_plan', 'estimated_income', 'status', 'kind', 'canceled_by', 'zone',
    'lang', 'timezone', 'state', 'target', 'moderation',
})  # fmt: skip
"""Texts of which one is chosen, and not a part of one looked for."""
PLURALS: Final[Mapping[str, str]] = {
    'company': 'companies', 'contact': 'contacts', 'deal': 'deals', 'meeting': 'meetings', 'admin': 'admins',
    'pipeline': 'pipelines', 'stage': 'stages', 'app_user': 'app_users', 'subscription': 'subscriptions',
}  # fmt: skip
NUMBERS: Final = 't.id = %(number)s or t.id = %(named)s or t.id = any(%(linked)s)'
FIELDS: Final = Listing(
    'custom fields',
    'custom_field',
    (
        Column('id', 'text', filtered=False),
        Column('linked_object_type', 'choice', order='linked_object_type', choices=(*TITLES, 'Meeting')),
        Column('machine_name', 'text', order='machine_name'),
        Column('name', 'text', order='name'),
        Column('field_type', 'choice'),
        Column('hermes_field_name'),
        Column('tc2_machine_name'),
        Column('pd_field_id'),
        Column('policy', 'choice', choices=get_args(Policy)),
        Column('remote_type', 'choice'),
        Column('options', 'json', filtered=False),
        Column('problem'),
    ),
    source="(select lower(linked_object_type) || '.' || machine_name as id, f.* from custom_field f)",
    search='lower(t.name || t.machine_name || t.hermes_field_name || t.pd_field_id) like lower(%(pattern)s)',
    newest_first=False,
)


def _column(record_type: str, attribute: Attribute) -> Column:
    kind = KINDS.get(attribute.type, 'reference')
    kind = 'choice' if attribute.name in CHOSEN else kind
    return Column(
        attribute.name,
        kind,
        order=ORDERS[record_type].get(attribute.name, ''),
        of='' if attribute.type in PLAIN else attribute.type,
        filtered=kind != 'json',
        personal=attribute.personal,
    )


def _listing(record_type: str) -> Listing:
    columns = [Column('id', 'int'), *(_column(record_type, each) for each in ATTRIBUTES[record_type].values())]
    columns += [Column('extra', 'json', filtered=False), Column('tombstone', 'json', filtered=False)]
    parts = [f'{text} ilike %(pattern)s' for text in PLACES[record_type][1].values()]
    told = [f'{SEARCHED[record_type]} like lower(%(pattern)s)'] if record_type in SEARCHED else parts
    told += [*KEYS.get(record_type, {}).values(), NUMBERS]
    return Listing(
        PLURALS[record_type],
        record_type,
        tuple(columns),
        stands='t.alias_of is null',
        live='t.tombstone is null',
        search=' or '.join(told),
    )


LISTINGS: Final[Mapping[str, Listing]] = {PLURALS[name]: _listing(name) for name in NAMES} | {'fields': FIELDS}
"""name of the list -> how it is read."""
OF_TYPE: Final[Mapping[str, Listing]] = {name: LISTINGS[PLURALS[name]] for name in NAMES}
"""type of record -> its list."""


def list_named(connection: Connection[Any], name: str, **asked: Any) -> Page:
    """A page of a list by its name (`companies`, `deals`, ...); what is asked as for `list_rows`. Raises Refused."""
    if name not in LISTINGS:
        raise Refused(f'There is no list "{name}". There are: {", ".join(LISTINGS)}.')
    return list_rows(connection, LISTINGS[name], **asked)
