"""Records of the emulated Salesforce one by one: made, read, changed, upserted, deleted, and refused."""

from typing import Any

import pytest

from hermes.sandbox.salesforce.ids import make_id, read_id, suffix
from hermes.sandbox.salesforce.schema import shipped
from tests.sandbox.salesforce import EMAIL, KEY, NOBODY, USER, Caller, Json, open_caller

LISTS = 'Mailing_Lists__c'
O_BRIEN: Json = {'Email__c': "o'brien@people.example", 'First_Name__c': 'Síle', 'Last_Name__c': "O'Brien"}


@pytest.fixture
def caller() -> Caller:
    return open_caller()


def test_an_id_says_its_case_again() -> None:
    """The suffix of an id of the vendor's documentation, and any case of 18 characters."""
    assert suffix('001D000000INjVe') == 'IAL'
    assert suffix('001D000000I6fz4') == 'IAB'
    assert read_id('001D000000INjVe') == read_id('001d000000injveial') == '001D000000INjVeIAL'
    for wrong in ('001D000000INjVeBAL', '001D000000INjV', '001D000000INjVe!', '', None, 7):
        assert read_id(wrong) is None
    ids = [make_id('a0U', number) for number in range(4000)]
    assert ids == sorted(set(ids))
    assert len({one.lower() for one in ids}) == len(ids)


async def test_a_record_is_made_read_changed_and_deleted(caller: Caller) -> None:
    answer = await caller.call('POST', f'sobjects/{USER}', O_BRIEN)
    made = answer.json()
    assert (answer.status_code, made['success'], made['errors']) == (201, True, [])
    assert answer.headers['location'] == f'/services/data/v64.0/sobjects/{USER}/{made["id"]}'
    path = f'sobjects/{USER}/{made["id"]}'
    read = await caller.ok('GET', path)
    assert {name: read[name] for name in O_BRIEN} == O_BRIEN
    assert read['attributes'] == {'type': USER, 'url': f'/services/data/v64.0/{path}'}
    assert (read['CreatedDate'], read['Name']) == ('2026-03-02T09:00:00.000+0000', 'AU-000001')
    caller.world.clock.advance(61.5)  # type: ignore[attr-defined]
    await caller.ok('PATCH', path, {'Language__c': 'he'}, 204)
    few = await caller.ok('GET', path, fields='Language__c,lastmodifieddate')
    assert {name: few[name] for name in few if name != 'attributes'} == {
        'Language__c': 'he', 'LastModifiedDate': '2026-03-02T09:01:01.500+0000',
    }  # fmt: skip
    assert (await caller.ok('GET', f'sobjects/{USER.lower()}/{made["id"][:15]}'))['Id'] == made['id']
    await caller.ok('DELETE', path, None, 204)
    assert await caller.refused('GET', path) == (404, 'NOT_FOUND')
    for method, body in (('PATCH', {'Language__c': 'en'}), ('DELETE', None)):
        assert await caller.refused(method, path, body) == (404, 'ENTITY_IS_DELETED')


async def test_an_upsert_makes_once_and_changes_afterwards(caller: Caller) -> None:
    first = await caller.upsert('7', 201, **O_BRIEN)
    again = await caller.upsert('7', 200, Language__c='he')
    assert (first['created'], again['created'], again['id']) == (True, False, first['id'])
    assert again == {'id': first['id'], 'success': True, 'errors': [], 'created': False}
    read = await caller.ok('GET', f'sobjects/{USER}/{KEY}/7')
    assert (read[KEY], read['Language__c'], read['Last_Name__c']) == ('7', 'he', "O'Brien")
    assert len(caller.world.salesforce.state()['objects'][USER]) == 1
    odd = "user+1/2 o'x"
    made = await caller.ok('PATCH', f'sobjects/{USER}/User_Id__c/user%2B1%2F2%20o%27x', O_BRIEN, 201)
    assert (await caller.ok('GET', f'sobjects/{USER}/{made["id"]}'))['User_Id__c'] == odd
    assert (await caller.ok('PATCH', f'sobjects/{USER}/user_id__c/USER%2B1%2F2%20o%27x', {}))['id'] == made['id']
    assert (await caller.ok('PATCH', f'sobjects/{USER}/Id/{made["id"]}', {}))['created'] is False
    await caller.ok('DELETE', f'sobjects/{USER}/{KEY}/7', None, 204)
    assert await caller.refused('GET', f'sobjects/{USER}/{KEY}/7') == (404, 'NOT_FOUND')
    assert (await caller.upsert('7', 201, **O_BRIEN))['id'] != first['id']
    assert await caller.refused('PATCH', f'sobjects/{USER}/{KEY}/8', {}, updateOnly='true') == (404, 'NOT_FOUND')


async def test_several_matches_are_named_and_nothing_changes(caller: Caller) -> None:
    caller.world.salesforce.load_legacy_people(1, twice=[1])
    before = caller.world.salesforce.state()['objects']
    path = f'sobjects/{USER}/Legacy_Id__c/100001'
    addresses = [f'/services/data/v64.0/sobjects/{USER}/{row["Id"]}' for row in before[USER]]
    assert len(addresses) == 2
    for method, body in (('GET', None), ('PATCH', {'Language__c': 'he'}), ('DELETE', None)):
        assert await caller.ok(method, path, body, 300) == addresses
    assert caller.world.salesforce.state()['objects'] == before
    caller.world.salesforce.change_field('app_user', KEY, unique=False)
    for _ in range(2):
        caller.world.salesforce.create('app_user', {KEY: '9', 'Email__c': 'nine@people.example'})
    assert len(await caller.ok('PATCH', f'sobjects/{USER}/{KEY}/9', {}, 300)) == 2


@pytest.mark.parametrize(
    ('values', 'status', 'code', 'fields'),
    [
        ({'Nonsense__c': 1}, 400, 'INVALID_FIELD', None),
        ({KEY: '1'}, 400, 'INVALID_FIELD', [KEY]),
        ({'Id': NOBODY}, 400, 'INVALID_FIELD', None),
        ({'Is_Sustainer__c': True}, 400, 'INVALID_FIELD_FOR_INSERT_UPDATE', ['Is_Sustainer__c']),
        ({'CreatedDate': '2026-03-02T09:00:00Z'}, 400, 'INVALID_FIELD_FOR_INSERT_UPDATE', ['CreatedDate']),
        ({'First_Name__c': 'x' * 81}, 400, 'STRING_TOO_LONG', ['First_Name__c']),
        ({'Email__c': f'{"x" * 70}@people.example'}, 400, 'STRING_TOO_LONG', ['Email__c']),
        ({'Email__c': 'nobody'}, 400, 'INVALID_EMAIL_ADDRESS', ['Email__c']),
        ({'Email__c': 'jörg@people.example'}, 400, 'INVALID_EMAIL_ADDRESS', ['Email__c']),
        ({LISTS: 'Newsletter;Other'}, 400, 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST', [LISTS]),
        ({'Is_Educator__c': 'yes'}, 400, 'JSON_PARSER_ERROR', None),
        ({'First_Name__c': ['x']}, 400, 'JSON_PARSER_ERROR', None),
        ({'Contact__c': 'x'}, 400, 'MALFORMED_ID', ['Contact__c']),
        ({'Contact__c': NOBODY}, 400, 'MALFORMED_ID', ['Contact__c']),
        ({'Contact__c': '003gL000000zzzz'}, 400, 'INVALID_CROSS_REFERENCE_KEY', ['Contact__c']),
    ],
)  # fmt: skip
async def test_what_a_field_does_not_take(
    caller: Caller, values: Any, status: int, code: str, fields: list[str] | None
) -> None:
    answer = await caller.call('PATCH', f'sobjects/{USER}/{KEY}/1', O_BRIEN | values)
    [error] = answer.json()
    assert (answer.status_code, error['errorCode'], error.get('fields')) == (status, code, fields)
    assert caller.world.salesforce.state()['objects'][USER] == []


async def test_values_are_kept_as_the_crm_keeps_them(caller: Caller) -> None:
    told: Json = {
        'Email__c': ' Miriam@People.Example ',
        'First_Name__c': '  ',
        'Last_Name__c': ' מרים ',
        'User_Id__c': 12,
    }
    await caller.upsert('1', Mailing_Lists__c='Weekly Study;newsletter;Weekly Study', Is_Educator__c=None, **told)
    [row] = caller.world.salesforce.state()['objects'][USER]
    assert (row['Email__c'], row['First_Name__c'], row['Last_Name__c']) == ('miriam@people.example', None, 'מרים')
    assert (row['User_Id__c'], row['Is_Educator__c']) == ('12', False)
    assert row['Mailing_Lists__c'] == 'Newsletter;Weekly Study'
    await caller.upsert('1', 200, Mailing_Lists__c='', Last_Name__c=None)
    [row] = caller.world.salesforce.state()['objects'][USER]
    assert (row['Mailing_Lists__c'], row['Last_Name__c']) == (None, None)


async def test_required_and_unique_fields(caller: Caller) -> None:
    assert await caller.refused('POST', f'sobjects/{EMAIL}', {}) == (400, 'REQUIRED_FIELD_MISSING')
    made = await caller.upsert('A1', kind=EMAIL, Email__c='a@people.example')
    path = f'sobjects/{EMAIL}/{made["id"]}'
    assert await caller.refused('PATCH', path, {'Email__c': None}) == (400, 'REQUIRED_FIELD_MISSING')
    await caller.ok('PATCH', path, {KEY: 'A1', 'Email__c': 'a@people.example'}, 204)
    answer = await caller.call('POST', f'sobjects/{EMAIL}', {KEY: 'a1', 'Email__c': 'b@people.example'})
    [error] = answer.json()
    assert (answer.status_code, error['errorCode'], error['fields']) == (400, 'DUPLICATE_VALUE', [KEY])
    assert made['id'] in error['message']


async def test_the_api_may_not_write_contacts_unless_allowed(caller: Caller) -> None:
    contact = caller.world.salesforce.create('contact', {'LastName': 'Levi'})
    path = f'sobjects/Contact/{contact["Id"]}'
    calls: list[tuple[str, str, Any]] = [
        ('POST', 'sobjects/Contact', {'LastName': 'Cohen'}),
        ('PATCH', path, {'LastName': 'Cohen'}),
        ('DELETE', path, None),
    ]
    for method, where, body in calls:
        assert await caller.refused(method, where, body) == (403, 'INSUFFICIENT_ACCESS')
    assert (await caller.ok('GET', path))['Name'] == 'Levi'
    assert not (await caller.ok('GET', 'sobjects/Contact/describe'))['createable']
    caller.world.salesforce.allow_writing('contact')
    await caller.ok('PATCH', path, {'FirstName': 'Dina'}, 204)
    assert (await caller.ok('GET', path))['Name'] == 'Dina Levi'


async def test_the_metadata_tells_fields_and_options(caller: Caller) -> None:
    told = await caller.ok('GET', f'sobjects/{USER}/describe')
    fields = {one['name']: one for one in told['fields']}
    key = fields[KEY]
    assert (key['type'], key['externalId'], key['unique'], key['length']) == ('string', True, True, 64)
    assert (key['createable'], key['updateable']) == (True, True)
    assert (fields['Is_Sustainer__c']['updateable'], fields['Email__c']['type']) == (False, 'email')
    lists = [one['value'] for one in fields['Mailing_Lists__c']['picklistValues']]
    assert lists == ['Newsletter', 'Newsletter Hebrew', 'Educators', 'Weekly Study']
    assert (fields['Contact__c']['referenceTo'], fields['Contact__c']['relationshipName']) == (
        ['Contact'],
        'Contact__r',
    )
    assert {one['name'] for one in (await caller.ok('GET', 'sobjects'))['sobjects']} == {USER, EMAIL, 'Contact'}
    assert (await caller.ok('GET', f'sobjects/{USER}'))['objectDescribe']['keyPrefix'] == 'a0U'
    assert (await caller.ok('GET', 'limits'))['DailyApiRequests']['Max'] == 15_000
    assert 'sobjects' in await caller.ok('GET', '')


@pytest.mark.parametrize(
    ('method', 'path', 'answer'),
    [
        ('GET', 'nowhere', (404, 'NOT_FOUND')),
        ('GET', 'sobjects/Nothing__c', (404, 'NOT_FOUND')),
        ('GET', f'sobjects/{USER}/{NOBODY}', (404, 'NOT_FOUND')),
        ('GET', f'sobjects/{USER}/x', (404, 'NOT_FOUND')),
        ('PATCH', f'sobjects/{USER}/003gL0000000001QAA', (404, 'NOT_FOUND')),
        ('GET', f'sobjects/{USER}/Email__c/a@people.example', (404, 'NOT_FOUND')),
        ('PUT', f'sobjects/{USER}/{NOBODY}', (405, 'METHOD_NOT_ALLOWED')),
        ('DELETE', f'sobjects/{USER}', (405, 'METHOD_NOT_ALLOWED')),
        ('POST', 'limits', (405, 'METHOD_NOT_ALLOWED')),
    ],
)
async def test_what_is_not_there(caller: Caller, method: str, path: str, answer: tuple[int, str]) -> None:
    body: Any = None if method in ('GET', 'DELETE') else {}
    assert await caller.refused(method, path, body) == answer


async def test_a_body_has_to_be_json(caller: Caller) -> None:
    path = f'sobjects/{USER}'
    told: Any = {'content-type': 'text/plain'}
    assert await caller.refused('POST', path, content=b'{}', headers=told) == (415, 'UNSUPPORTED_MEDIA_TYPE')
    told = {'content-type': 'application/json'}
    for content in (b'{', b'[]', b'"x"', b''):
        assert await caller.refused('POST', path, content=content, headers=told) == (400, 'JSON_PARSER_ERROR')


async def test_every_version_from_58_on_is_there(caller: Caller) -> None:
    told = (await caller.client.get('/salesforce/services/data/')).json()
    assert told[0] == {'label': "Summer '23", 'url': '/services/data/v58.0', 'version': '58.0'}
    assert [one['label'] for one in told[1:4]] == ["Winter '24", "Spring '24", "Summer '24"]
    for version, status in (('v58.0', 200), ('v71.0', 200), ('v57.0', 404), ('x', 404)):
        caller.version = version
        assert (await caller.call('GET', 'limits')).status_code == status


async def test_every_type_has_its_form(caller: Caller) -> None:
    """Another installation's fields: numbers, days and moments, which the shipped objects do not have."""
    told: Any = shipped()
    more = {f'A_{kind}__c': {'type': kind} for kind in ('double', 'date', 'datetime')}
    told['objects'][USER]['fields'] |= more
    caller.world.salesforce.load_objects(told)
    await caller.upsert('1', A_double__c=5, A_date__c='2026-03-02', A_datetime__c='2026-03-02T10:00:00+02:00')
    await caller.upsert('2', A_double__c=2.5, First_Name__c=True)
    [first, second] = caller.world.salesforce.state()['objects'][USER]
    assert [first[name] for name in more] == [5.0, '2026-03-02', '2026-03-02T08:00:00.000+0000']
    assert second['First_Name__c'] == 'true'
    for name, value in (
        ('A_double__c', '5'), ('A_double__c', True), ('A_date__c', 'today'), ('A_datetime__c', '2026-03-02'),
        ('A_datetime__c', '2026-03-02T10:00:00'), ('A_datetime__c', 5),
    ):  # fmt: skip
        told = await caller.refused('PATCH', f'sobjects/{USER}/{KEY}/1', {name: value})
        assert told == (400, 'JSON_PARSER_ERROR')
    for where, found in (
        ('A_double__c > 2.5', '1'), ('A_double__c <= 5', '12'), ('A_double__c = 2.5', '2'),
        ('A_date__c = 2026-03-02', '1'), ('A_datetime__c < 2026-03-02T08:00:01Z', '1'), ('A_date__c = null', '2'),
    ):  # fmt: skip
        rows = await caller.query(f'SELECT {KEY} FROM {USER} WHERE {where}')
        assert ''.join(row[KEY] for row in rows) == found


async def test_fields_and_queries_that_are_not_told(caller: Caller) -> None:
    made = await caller.upsert('1')
    path = f'sobjects/{USER}/{made["id"]}'
    assert await caller.refused('GET', path, fields='Nothing__c') == (400, 'INVALID_FIELD')
    assert await caller.refused('GET', 'query') == (400, 'MALFORMED_QUERY')
    ids = ','.join([made['id']] * 600)
    assert len(await caller.ok('GET', f'composite/sobjects/{USER}', ids=ids, fields='Id')) == 600
    told: Json = {'ids': [made['id']] * 2001, 'fields': ['Id']}
    assert await caller.refused('POST', f'composite/sobjects/{USER}', told) == (400, 'EXCEEDED_ID_LIMIT')
    assert await caller.refused('POST', f'composite/sobjects/{USER}', {}) == (400, 'JSON_PARSER_ERROR')
    gone = caller.world.salesforce.create('contact', {'LastName': 'x'})['Id']
    caller.world.salesforce.delete('contact', gone)
    assert await caller.refused('PATCH', path, {'Contact__c': gone}) == (400, 'ENTITY_IS_DELETED')
