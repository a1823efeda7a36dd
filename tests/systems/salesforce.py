"""Salesforce for tests: how its vendor answers (written by hand from its documented forms), and as a case of the
conformance of all places of app users.
"""

from typing import Any

import httpx2

from hermes.domain.errors import AuthBroken, Forbidden, Gone, RateLimited, Rejected, Retry
from hermes.kit.http import Line
from hermes.ports import Request
from hermes.systems.salesforce.ids import long_id
from hermes.systems.salesforce.mapping import Mapped
from hermes.systems.salesforce.system import Salesforce
from hermes.systems.salesforce.token import App
from tests.systems.people_conformance import PERSONAL, Call, Case, Refusal, Reply, Vendor

BASE = 'https://brightwell.my.salesforce.com'
SECRET, TOKEN = 'canary-client-secret-91', '00Dxx!canary.token.17'
ORGANISATION = long_id('00D5f000000aBcD')
DATA = '/services/data/v64.0'


def identity(number: int) -> str:
    return long_id(f'a0U5f0{number:09d}')


def sign_in(call: Call) -> Reply | None:
    if call.path != '/services/oauth2/token':
        return None
    return 200, {
        'access_token': TOKEN, 'instance_url': BASE, 'token_type': 'Bearer', 'issued_at': '1772452800000',
        'id': f'https://login.salesforce.com/id/{ORGANISATION}/0055f000000aBcD', 'signature': 'c2ln',
    }  # fmt: skip


def refuse_sign_in(call: Call) -> Reply | None:
    known = call.path == '/services/oauth2/token'
    return (400, {'error': 'invalid_client', 'error_description': 'invalid client credentials'}) if known else None


def build(vendor: Vendor, mapped: Mapped | None = None) -> Salesforce:
    app = App(BASE, 'client-1', SECRET)
    return Salesforce(app, mapped=mapped, line=Line(httpx2.ASGITransport(app=vendor)))


def vendor(*answers: Reply, **options: Any) -> Vendor:
    return Vendor(sign_in, list(answers), **options)


def done(item: Request, number: int) -> dict[str, Any]:
    made = {'created': True} if item.op == 'create' else {}
    return {'id': item.remote_id or identity(number), 'success': True, 'errors': [], **made}


def rows(*records: dict[str, Any], total: int | None = None, more: str = '') -> Reply:
    end = {'nextRecordsUrl': more} if more else {}
    number = len(records) if total is None else total
    return 200, {'totalSize': number, 'done': not more, 'records': list(records), **end}


def field(name: str, kind: str = 'string', **said: Any) -> dict[str, Any]:
    told = {'name': name, 'type': kind, 'length': 255, 'createable': True, 'updateable': True, 'externalId': False}
    return {**told, 'unique': False, 'picklistValues': [], 'referenceTo': [], 'relationshipName': None, **said}


def description() -> dict[str, Any]:
    names = ('First_Name__c', 'Last_Name__c', 'Language__c', 'User_Id__c', 'Review_Reason__c', 'Legacy_Id__c')
    lists = [{'value': name, 'active': True} for name in ('Educators', 'Newsletter')]
    return {
        'name': 'any', 'createable': True, 'updateable': True,
        'fields': [
            field('Id', 'id'), *map(field, names), field('Email__c', 'email', length=80),
            field('Hermes_Id__c', externalId=True, unique=True), field('Is_Educator__c', 'boolean', length=0),
            field('Is_Sustainer__c', 'boolean', length=0, createable=False, updateable=False),
            field('Mailing_Lists__c', 'multipicklist', length=4099, picklistValues=lists),
        ],
    }  # fmt: skip


def succeeds(request: Request) -> list[Reply]:
    items = request.items or (request,)
    if request.op == 'create' and len(items) == 1:
        return [(201, done(items[0], 1))]
    if request.op in ('create', 'update', 'delete'):
        return [(200, [done(item, number) for number, item in enumerate(items, 1)])]
    if request.op == 'lookup':
        first = request.params['keys'][0]
        return [rows({'Id': identity(1), 'SystemModstamp': '2026-03-02T09:30:05.000+0000',
                      'Hermes_Id__c': None, 'Email__c': first['email']})]  # fmt: skip
    if request.op == 'sustainers':
        return [rows(*({'Id': identity(number), 'Is_Sustainer__c': number == 1} for number in (1, 2)))]
    if request.op == 'me':
        return [(200, {'query': f'{DATA}/query', 'sobjects': f'{DATA}/sobjects'})]
    return [(200, description())]


def error(code: str, message: str = '', *fields: str, key: str = 'errorCode') -> dict[str, Any]:
    return {'message': message, key: code, 'fields': list(fields)}


def item_refused(request: Request, index: int) -> Reply:
    told = [done(item, number) for number, item in enumerate(request.items, 1)]
    wrong = error('INVALID_EMAIL_ADDRESS', f'Email: invalid email address: {PERSONAL[0]}', 'Email__c', key='statusCode')
    told[index] = {'success': False, 'errors': [wrong]}
    return 200, told


REFUSALS = (
    Refusal('token', (401, [error('INVALID_SESSION_ID', 'Session expired or invalid')]), AuthBroken),
    Refusal(
        'spent', (403, [error('REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.')]), RateLimited, daily=True
    ),
    Refusal('blocked', (403, b'<html>no</html>'), RateLimited),
    Refusal('locked', (400, [error('UNABLE_TO_LOCK_ROW')]), Retry),
    Refusal('rights', (400, [error('INSUFFICIENT_ACCESS_OR_READONLY')]), Forbidden),
    Refusal('rights', (403, [error('INSUFFICIENT_ACCESS')]), Forbidden),
    Refusal('deleted', (404, [error('ENTITY_IS_DELETED', 'entity is deleted')]), Gone),
    Refusal('duplicate', (400, [error('DUPLICATE_VALUE', 'dup', 'Email__c')]), Rejected, ('email',)),
    Refusal('too long', (400, [error('STRING_TOO_LONG', 'too large', 'Email__c')]), Rejected, ('email',)),
    Refusal('no field', (400, [error('INVALID_FIELD', "No such column 'Email__c' on sobject")]), Rejected, ('email',)),
    Refusal('missing', (400, [error('REQUIRED_FIELD_MISSING', 'x', 'Name')]), Rejected),
    Refusal('question', (400, [error('MALFORMED_QUERY', 'unexpected token')]), Rejected),
)
CASE = Case(
    'salesforce', build, sign_in, refuse_sign_in, (SECRET, TOKEN), succeeds, REFUSALS, item_refused,
    lambda request: (400, [error('FIELD_CUSTOM_VALIDATION_EXCEPTION',
                                 f'{PERSONAL[1]} {PERSONAL[2]} <7-new-{PERSONAL[0]}> is not welcome')]),
)  # fmt: skip
