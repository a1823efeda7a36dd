"""Many records in one call to the emulated Salesforce, and several calls in one."""

from typing import Any

import pytest

from tests.sandbox.salesforce import EMAIL, KEY, NOBODY, USER, Caller, open_caller

COLLECTION = 'composite/sobjects'
UPSERTS = f'{COLLECTION}/{USER}/{KEY}'


@pytest.fixture
def caller() -> Caller:
    return open_caller()


def record(key: str | None = None, *, kind: str = USER, **values: Any) -> dict[str, Any]:
    told = {KEY: key, 'Email__c': f'p{key}@people.example'} if key else {}
    return {'attributes': {'type': kind}, **told, **values}


def of(*records: Any, **more: Any) -> dict[str, Any]:
    return {'records': list(records), **more}


def codes(items: Any) -> list[str]:
    return ['' if one['success'] else one['errors'][0]['statusCode'] for one in items]


def keys(caller: Caller) -> list[str]:
    rows = caller.world.salesforce.state()['objects'][USER]
    return [row[KEY] for row in rows if not row['IsDeleted']]


async def test_two_hundred_are_upserted_in_one_call(caller: Caller) -> None:
    told = [record(str(number)) for number in range(200)]
    items = await caller.ok('PATCH', UPSERTS, of(*told))
    assert all(one['success'] and one['created'] and one['errors'] == [] for one in items)
    again = await caller.ok('PATCH', UPSERTS, of(*reversed(told)))
    assert [one['id'] for one in reversed(again)] == [one['id'] for one in items]
    assert not any(one['created'] for one in again)
    assert caller.world.salesforce.ledger.used == 2
    assert await caller.refused('PATCH', UPSERTS, of(*told, record('x'))) == (400, 'EXCEEDED_ID_LIMIT')
    ids = ','.join([NOBODY] * 201)
    assert await caller.refused('DELETE', COLLECTION, ids=ids) == (400, 'EXCEEDED_ID_LIMIT')


async def test_items_fail_one_by_one_and_http_says_200(caller: Caller) -> None:
    await caller.upsert('1', Email__c='one@people.example')
    items = await caller.ok(
        'PATCH',
        UPSERTS,
        of(
            record('1', Language__c='he'),
            record('2', Email__c='nobody'),
            record('3', Nonsense__c=1),
            record('4'),
            record('4', Language__c='he'),
            record(),
            record('5', kind=EMAIL),
            {KEY: '6'},
            record('7'),
            allOrNone=False,
        ),
    )
    assert codes(items) == [
        '', 'INVALID_EMAIL_ADDRESS', 'INVALID_FIELD', 'DUPLICATE_VALUE', 'DUPLICATE_VALUE', 'MISSING_ARGUMENT',
        'INVALID_TYPE', 'INVALID_TYPE', '',
    ]  # fmt: skip
    assert (items[0]['created'], items[-1]['created']) == (False, True)
    assert set(items[1]['errors'][0]) == {'statusCode', 'message', 'fields'}
    assert keys(caller) == ['1', '7']


async def test_all_or_none_leaves_nothing_behind(caller: Caller) -> None:
    await caller.upsert('1', Email__c='one@people.example')
    before = caller.world.salesforce.state()['objects']
    told = of(record('1', Language__c='he'), record('2'), record('3', Email__c='nobody'), allOrNone=True)
    items = await caller.ok('PATCH', UPSERTS, told)
    rolled_back = 'ALL_OR_NONE_OPERATION_ROLLED_BACK'
    assert codes(items) == [rolled_back, rolled_back, 'INVALID_EMAIL_ADDRESS']
    assert caller.world.salesforce.state()['objects'] == before
    found = await caller.ok('GET', 'queryAll', q="SELECT Id FROM Contact WHERE Email = 'p2@people.example'")
    assert found['totalSize'] == 0
    assert codes(await caller.ok('PATCH', UPSERTS, told | {'allOrNone': False})) == ['', '', 'INVALID_EMAIL_ADDRESS']


async def test_several_matches_fail_their_item_only(caller: Caller) -> None:
    caller.world.salesforce.load_legacy_people(2, twice=[1])
    path = f'{COLLECTION}/{USER}/Legacy_Id__c'
    told = [record(Legacy_Id__c=one, Language__c='he') for one in ('100001', '100002')]
    items = await caller.ok('PATCH', path, of(*told))
    assert codes(items) == ['DUPLICATE_EXTERNAL_ID', '']
    assert 'more than one record found' in items[0]['errors'][0]['message']


async def test_many_are_made_changed_read_and_deleted(caller: Caller) -> None:
    made = await caller.ok('POST', COLLECTION, of(record('1'), record('2', kind=EMAIL), record('3', kind='Nothing')))
    assert codes(made) == ['', '', 'INVALID_TYPE']
    user, email = made[0]['id'], made[1]['id']
    changes = [record(id=user[:15], Language__c='he'), record(Id=email, kind=EMAIL, Email__c='new@people.example')]
    items = await caller.ok('PATCH', COLLECTION, of(*changes, record(id=NOBODY), record(), record(id='x')))
    assert codes(items) == ['', '', 'NOT_FOUND', 'MISSING_ARGUMENT', 'NOT_FOUND']
    rows = await caller.ok('GET', f'{COLLECTION}/{USER}', ids=f'{user},{NOBODY}', fields=f'{KEY},Language__c')
    assert [row and (row[KEY], row['Language__c']) for row in rows] == [('1', 'he'), None]
    told = {'ids': [email], 'fields': ['Email__c']}
    assert (await caller.ok('POST', f'{COLLECTION}/{EMAIL}', told))[0]['Email__c'] == 'new@people.example'
    assert await caller.refused('GET', f'{COLLECTION}/{USER}', ids=user) == (400, 'MISSING_ARGUMENT')
    items = await caller.ok('DELETE', COLLECTION, ids=f'{user},{NOBODY},x', allOrNone='true')
    assert codes(items)[1:] == ['INVALID_CROSS_REFERENCE_KEY', 'MALFORMED_ID']
    assert keys(caller) == ['1']
    items = await caller.ok('DELETE', COLLECTION, ids=f'{user},{email}')
    assert [one['id'] for one in items] == [user, email]
    assert codes(await caller.ok('DELETE', COLLECTION, ids=user)) == ['ENTITY_IS_DELETED']


@pytest.mark.parametrize('body', [{}, {'records': 7}, {'records': ['x']}])
async def test_a_body_that_is_no_collection(caller: Caller, body: Any) -> None:
    for method, path in (('POST', COLLECTION), ('PATCH', COLLECTION), ('PATCH', UPSERTS)):
        assert await caller.refused(method, path, body) == (400, 'JSON_PARSER_ERROR')


async def test_a_locked_record_fails_and_is_free_the_next_time(caller: Caller) -> None:
    caller.world.salesforce.break_things(locks=2)
    told = of(record('1'), record('2'), record('3'))
    assert codes(await caller.ok('PATCH', UPSERTS, told)) == ['UNABLE_TO_LOCK_ROW', 'UNABLE_TO_LOCK_ROW', '']
    assert codes(await caller.ok('PATCH', UPSERTS, told)) == ['', '', '']
    caller.world.salesforce.break_things(locks=1)
    assert await caller.refused('PATCH', f'sobjects/{USER}/{KEY}/1', {}) == (400, 'UNABLE_TO_LOCK_ROW')


def part(name: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    return {'method': method, 'url': f'/services/data/v64.0/{path}', 'referenceId': name, 'body': body}


async def test_several_calls_in_one_refer_to_one_another(caller: Caller) -> None:
    calls = [
        part('made', 'PATCH', f'sobjects/{USER}/{KEY}/1', {'Email__c': 'one@people.example'}),
        part('read', 'GET', f'sobjects/{USER}/@{{made.id}}'),
        part('wrong', 'PATCH', f'sobjects/{USER}/{KEY}/2', {'Email__c': 'nobody'}),
        part('lost', 'GET', f'sobjects/{USER}/@{{wrong.id}}'),
    ]
    told = await caller.ok('POST', 'composite', {'compositeRequest': calls})
    parts = {one['referenceId']: one for one in told['compositeResponse']}
    assert [one['httpStatusCode'] for one in parts.values()] == [201, 200, 400, 400]
    assert parts['read']['body']['Email__c'] == 'one@people.example'
    assert parts['wrong']['body'][0]['errorCode'] == 'INVALID_EMAIL_ADDRESS'
    assert parts['lost']['body'][0]['errorCode'] == 'PROCESSING_HALTED'
    assert parts['made']['httpHeaders']['Location'].endswith(parts['made']['body']['id'])
    assert caller.world.salesforce.ledger.used == 1


async def test_several_calls_in_one_may_be_all_or_none(caller: Caller) -> None:
    calls = [
        part('made', 'PATCH', f'sobjects/{USER}/{KEY}/1', {'Email__c': 'one@people.example'}),
        part('wrong', 'PATCH', f'sobjects/{USER}/{KEY}/2', {'Email__c': 'nobody'}),
    ]
    told = await caller.ok('POST', 'composite', {'allOrNone': True, 'compositeRequest': calls})
    made, wrong = told['compositeResponse']
    assert (made['httpStatusCode'], made['body'][0]['errorCode']) == (400, 'PROCESSING_HALTED')
    assert (wrong['httpStatusCode'], wrong['body'][0]['errorCode']) == (400, 'INVALID_EMAIL_ADDRESS')
    assert keys(caller) == []


async def test_a_part_has_to_lead_somewhere(caller: Caller) -> None:
    caller.world.salesforce.load_legacy_people(1, twice=[1])
    calls = [
        part('several', 'GET', f'sobjects/{USER}/Legacy_Id__c/100001'),
        part('itself', 'POST', 'composite', {}),
        {**part('other', 'GET', 'limits'), 'url': '/services/data/v60.0/limits'},
        part('many', 'PATCH', UPSERTS, of(record('1'), record('2', Email__c='nobody'))),
    ]
    told = await caller.ok('POST', 'composite', {'compositeRequest': calls})
    parts = {one['referenceId']: one for one in told['compositeResponse']}
    assert [one['httpStatusCode'] for one in parts.values()] == [300, 400, 400, 200]
    assert all(one.startswith('/services/data/v64.0/sobjects/') for one in parts['several']['body'])
    assert codes(parts['many']['body']) == ['', 'INVALID_EMAIL_ADDRESS']


async def test_a_composite_that_is_none(caller: Caller) -> None:
    one = part('a', 'GET', 'limits')
    for calls in (None, [7], [{**one, 'referenceId': None}], [one, one]):
        assert await caller.refused('POST', 'composite', {'compositeRequest': calls}) == (400, 'JSON_PARSER_ERROR')
    many = [part(f'a{number}', 'GET', 'limits') for number in range(26)]
    assert await caller.refused('POST', 'composite', {'compositeRequest': many}) == (400, 'LIMIT_EXCEEDED')
