"""What is still v1 only: users, webhooks, merges, activity types, currencies; and what each call costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.applications import Starlette

from hermes.sandbox.pipedrive import rest
from hermes.sandbox.pipedrive.answers import Refused, invalid
from hermes.sandbox.pipedrive.gateway import Ask, Endpoint, make_app
from hermes.sandbox.pipedrive.schema import is_int

if TYPE_CHECKING:
    from hermes.sandbox.world import World

WEBHOOK_LIMIT = 40
LOOPBACK = ('127.0.0.1', 'localhost', '::1')
ACTIONS = ('create', 'change', 'delete', '*')
OBJECTS = ('activity', 'deal', 'lead', 'note', 'organization', 'person', 'pipeline', 'product', 'stage', 'user', '*')
WEBHOOK_TYPES: dict[str, type] = {
    'subscription_url': str,
    'event_action': str,
    'event_object': str,
    'name': str,
    'user_id': int,
    'http_auth_user': str,
    'http_auth_password': str,
    'version': str,
}
CURRENCIES = (('GBP', 'British Pound Sterling', '£'), ('EUR', 'Euro', '€'), ('USD', 'US Dollar', '$'))


def app(world: World) -> Starlette:
    """v1 without its prefix."""
    endpoints = (
        Endpoint('GET', '/users', 20, _list_users),
        Endpoint('GET', '/users/me', 2, _me),
        Endpoint('GET', '/users/find', 40, _find_users),
        Endpoint('GET', '/users/{id}', 2, _user),
        Endpoint('GET', '/webhooks', 10, _list_webhooks),
        Endpoint('POST', '/webhooks', 10, _add_webhook, 201),
        Endpoint('DELETE', '/webhooks/{id}', 6, _delete_webhook),
        Endpoint('PUT', '/organizations/{id}/merge', 40, _merge_organizations),
        Endpoint('PUT', '/persons/{id}/merge', 40, _merge_persons),
        Endpoint('PUT', '/deals/{id}/merge', 40, _merge_deals),
        Endpoint('GET', '/activityTypes', 20, _activity_types),
        Endpoint('GET', '/currencies', 20, _currencies),
    )
    return make_app(world, endpoints)


def _good(data: Any) -> Any:
    return {'success': True, 'data': data}


def _list_users(ask: Ask) -> Any:
    return _good([rest.user_shape(ask.account, row, ask.user_id) for row in ask.account.tables['user'].values()])


def _me(ask: Ask) -> Any:
    account = ask.account
    me = rest.user_shape(account, account.tables['user'][ask.user_id], ask.user_id)
    company = {'company_id': account.company_id, 'company_name': account.company_name}
    company |= {'company_domain': account.company_domain, 'company_country': 'GB', 'company_industry': 'Education'}
    return _good(me | company | {'language': {'language_code': 'en', 'country_code': 'GB'}})


def _user(ask: Ask) -> Any:
    row = ask.account.tables['user'].get(ask.id)
    if row is None:
        body = {'success': False, 'error': 'User not found or not accessible.'}
        raise Refused(404, 'User not found', body=body)
    return _good(rest.user_shape(ask.account, row, ask.user_id))


def _find_users(ask: Ask) -> Any:
    term, place = ask.query.get('term', '').casefold(), 'name'
    if not term:
        raise Refused(400, 'term is required')
    if ask.query.get('search_by_email') == '1':
        place = 'email'
    rows = [row for row in ask.account.tables['user'].values() if term in row[place].casefold()]
    return _good([rest.user_shape(ask.account, row, ask.user_id) for row in rows])


def webhook_refused(status: int, field: str, why: str) -> Refused:
    return Refused(status, why, body={'status': 'error', 'success': False, 'errors': {field: [why]}})


def _list_webhooks(ask: Ask) -> Any:
    return {'status': 'ok', 'success': True, 'data': [shown(row) for row in ask.account.subscriptions.rows]}


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A subscription as the API lists it: its password never comes back."""
    return row | {'http_auth_password': row['http_auth_password'] and '********'}


def _add_webhook(ask: Ask) -> Any:
    body = _check_webhook(ask)
    own = [row for row in ask.account.subscriptions.rows if row['owner_id'] == ask.user_id]
    if len(own) >= WEBHOOK_LIMIT:
        raise webhook_refused(422, 'webhooks', f'webhooks limit reached ({WEBHOOK_LIMIT} per user)')
    row = ask.account.subscriptions.add(body, ask.user_id)
    return {'status': 'ok', 'success': True, 'data': shown(row)}


def _check_webhook(ask: Ask) -> dict[str, Any]:
    body = ask.body
    if not isinstance(body, dict):
        raise webhook_refused(400, 'body', 'must be an object')
    for name, value in body.items():
        if name not in WEBHOOK_TYPES:
            raise webhook_refused(400, name, 'unknown property')
        nullable = name.startswith('http_auth')
        wrong = not isinstance(value, WEBHOOK_TYPES[name]) or isinstance(value, bool)
        if wrong and not (nullable and value is None):
            raise webhook_refused(400, name, 'wrong type')
    for name in ('subscription_url', 'event_action', 'event_object', 'name'):
        if not body.get(name):
            raise webhook_refused(400, name, 'is required')
    if body['event_action'] not in ACTIONS:
        raise webhook_refused(400, 'event_action', 'invalid value')
    if body['event_object'] not in OBJECTS:
        raise webhook_refused(400, 'event_object', 'invalid value')
    if body.get('version', '2.0') != '2.0':
        raise webhook_refused(400, 'version', 'only 2.0 is emulated')
    if body.get('user_id') is not None and body['user_id'] not in ask.account.tables['user']:
        raise webhook_refused(400, 'user_id', 'not found')
    _check_url(body['subscription_url'])
    return dict(body)


def _check_url(url: str) -> None:
    """Loopback only: the sandbox sends nothing into the world."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ('http', 'https') and parts.hostname in LOOPBACK and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise webhook_refused(400, 'subscription_url', 'invalid or non-reachable URL')


def _delete_webhook(ask: Ask) -> Any:
    if not ask.account.subscriptions.remove(ask.id, 'deleted by user'):
        raise webhook_refused(404, 'id', 'not found')
    return {'status': 'ok', 'success': True}


def _merge(ask: Ask, kind: str) -> dict[str, Any]:
    if not isinstance(ask.body, dict) or set(ask.body) != {'merge_with_id'}:
        raise invalid('merge_with_id', 'Required, and nothing else')
    if not is_int(ask.body['merge_with_id']):
        raise invalid('merge_with_id', 'Expected number')
    return ask.account.merge(kind, ask.id, ask.body['merge_with_id'], ask.actor)


def _merge_organizations(ask: Ask) -> Any:
    return _good({'id': _merge(ask, 'organization')['id']})


def _v1_time(moment: str | None) -> str | None:
    return moment and moment.replace('T', ' ').removesuffix('Z')


def _merge_persons(ask: Ask) -> Any:
    row = _merge(ask, 'person')
    taken = ('id', 'owner_id', 'org_id', 'name', 'first_name', 'last_name', 'label_ids')
    data = {name: row[name] for name in taken} | {'company_id': ask.account.company_id, 'active_flag': True}
    data |= {'phone': row['phones'], 'email': row['emails'], 'first_char': row['name'][:1].lower()}
    data |= {'add_time': _v1_time(row['add_time']), 'update_time': _v1_time(row['update_time'])}
    return _good(data | {'visible_to': str(row['visible_to']), 'merge_what_id': ask.id})


def _merge_deals(ask: Ask) -> Any:
    row = _merge(ask, 'deal')
    taken = ('id', 'creator_user_id', 'person_id', 'org_id', 'stage_id', 'pipeline_id', 'title', 'value', 'currency')
    data = {name: row[name] for name in (*taken, 'status', 'probability', 'lost_reason', 'is_archived')}
    times = ('add_time', 'update_time', 'stage_change_time', 'close_time', 'won_time', 'lost_time')
    data |= {name: _v1_time(row[name]) for name in times}
    data |= {'user_id': row['owner_id'], 'active': True, 'deleted': False, 'visible_to': str(row['visible_to'])}
    return _good(data | {'merge_what_id': ask.id})


def _activity_types(ask: Ask) -> Any:
    added = '2020-01-01T00:00:00Z'
    types = enumerate(ask.account.activity_types.items(), 1)
    rows = [{'id': number, 'order_nr': number, 'name': name, 'key_string': key} for number, (key, name) in types]
    more = {'active_flag': True, 'color': 'FFFFFF', 'is_custom_flag': False, 'add_time': added, 'update_time': added}
    return _good([row | {'icon_key': row['key_string']} | more for row in rows])


def _currencies(ask: Ask) -> Any:
    term = ask.query.get('term', '').casefold()
    rows = [
        {'id': number, 'code': code, 'name': name, 'decimal_points': 2, 'symbol': symbol}
        for number, (code, name, symbol) in enumerate(CURRENCIES, 1)
        if term in code.casefold() or term in name.casefold()
    ]
    return _good([row | {'active_flag': True, 'is_custom_flag': False} for row in rows])
