"""Search of REST v2. The index lags: an object is found only some seconds after it was made."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hermes.sandbox.pipedrive.answers import invalid
from hermes.sandbox.pipedrive.listing import Query, take_bool, take_int, take_list
from hermes.sandbox.pipedrive.values import TEXTS

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive.account import PipedriveAccount

Row = dict[str, Any]
PLACES = {
    'organization': ('name', 'address', 'custom_fields', 'notes'),
    'person': ('name', 'email', 'phone', 'custom_fields', 'notes'),
    'deal': ('title', 'custom_fields', 'notes'),
}


def search(account: PipedriveAccount, kinds: tuple[str, ...], query: Query) -> Row:
    """`{items: [{result_score, item}]}`; a term of at least 2 characters, 1 for exact matches. Raises Refused (400)."""
    exact = take_bool(query, 'exact_match') or False
    term = query.get('term', '').strip().casefold()
    if len(term) < (1 if exact else 2):
        raise invalid('term', 'String must contain at least 2 character(s)')
    limit = take_int(query, 'limit', 1, 500) or 100
    start = take_int(query, 'cursor', 0) or 0
    places = take_list(query, 'fields')
    found = []
    for kind in kinds:
        for place in places or ():
            if len(kinds) == 1 and place not in PLACES[kind]:
                raise invalid('fields', f'Invalid value {place}')
        for row in account.live(kind).values():
            if _is_indexed(account, row) and _matches(account, kind, row, term, exact, places) and _fits(row, query):
                found.append({'result_score': 1.0 if exact else 0.5, 'item': _item(account, kind, row)})
    cursor = str(start + limit) if start + limit < len(found) else None
    data: Row = {'items': found[start : start + limit]}
    return {'success': True, 'data': data, 'additional_data': {'next_cursor': cursor}}


def _is_indexed(account: PipedriveAccount, row: Row) -> bool:
    return account.now() >= datetime.fromisoformat(row['_born_at']) + timedelta(seconds=account.search_lag_s)


def _fits(row: Row, query: Query) -> bool:
    links = (('organization_id', 'org_id'), ('person_id', 'person_id'))
    for name, own in links:
        wanted = take_int(query, name)
        if wanted is not None and row.get(own) != wanted:
            return False
    return query.get('status') in (None, row.get('status'))


def _matches(
    account: PipedriveAccount, kind: str, row: Row, term: str, exact: bool, places: tuple[str, ...] | None
) -> bool:
    texts = _texts(account, kind, row)
    words = [text.casefold() for place in places or PLACES[kind] for text in texts.get(place, ())]
    return any(word == term if exact else term in word for word in words)


def _texts(account: PipedriveAccount, kind: str, row: Row) -> dict[str, list[str]]:
    address = row.get('address') or {}
    texts = {
        'name': [row.get('name') or ''],
        'title': [row.get('title') or ''],
        'address': [address.get('value') or ''],
        'email': [one['value'] for one in row.get('emails', ())],
        'phone': [one['value'] for one in row.get('phones', ())],
    }
    return texts | {'custom_fields': _custom_texts(account, kind, row)}


def _custom_texts(account: PipedriveAccount, kind: str, row: Row) -> list[str]:
    return [
        row['custom_fields'][field['field_code']]
        for field in account.catalogues[kind].custom()
        if field['field_type'] in TEXTS and row['custom_fields'].get(field['field_code'])
    ]


def _item(account: PipedriveAccount, kind: str, row: Row) -> Row:
    item: Row = {'id': row['id'], 'type': kind, 'visible_to': row['visible_to'], 'owner': {'id': row['owner_id']}}
    item |= {'custom_fields': _custom_texts(account, kind, row), 'notes': []}
    organization = account.tables['organization'].get(row.get('org_id') or 0)
    linked = organization and {'id': organization['id'], 'name': organization['name']}
    if kind == 'organization':
        return item | {'name': row['name'], 'address': (row['address'] or {}).get('value')}
    if kind == 'person':
        phones = [one['value'] for one in row['phones']]
        emails = [one['value'] for one in row['emails']]
        linked = linked and {**linked, 'address': None}
        return item | {'name': row['name'], 'phones': phones, 'emails': emails, 'organization': linked}
    person = account.tables['person'].get(row['person_id'] or 0)
    stage = account.tables['stage'][row['stage_id']]
    return item | {
        'title': row['title'],
        'value': int(row['value']),
        'currency': row['currency'],
        'status': row['status'],
        'stage': {'id': stage['id'], 'name': stage['name']},
        'person': person and {'id': person['id'], 'name': person['name']},
        'organization': linked,
        'is_archived': row['is_archived'],
    }
