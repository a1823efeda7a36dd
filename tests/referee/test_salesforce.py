"""`simple-salesforce`, a client of other people's, walks the emulated Salesforce over a real socket.

It signs in, names hosts of the vendor and insists on https: `Detour` leads that to the sandbox. What it makes of the
answers (its exceptions, its counts, its pages) is the judgement.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import pytest_asyncio
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import exceptions
from simple_salesforce.api import Salesforce, SFType

from hermes.sandbox.world import World
from tests.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, EMAIL, KEY, SECRETS, USER

COLLECTION = 'composite/sobjects'


class Detour(HTTPAdapter):
    """Whatever host of the vendor is asked over https, the sandbox is, over http."""

    def __init__(self, sandbox: str) -> None:
        super().__init__()
        self.host = urlsplit(sandbox).netloc

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        address = urlsplit(str(request.url))
        path = address.path if address.netloc == self.host else f'/salesforce{address.path}'
        request.url = urlunsplit(('http', self.host, path, address.query, ''))
        return super().send(request, *args, **more)


@pytest_asyncio.fixture
async def crm(sandbox_url: str, world: World) -> Callable[..., Salesforce]:
    """Sign in there as the connected app. Blocks: call it beside the loop."""
    world.secrets = SECRETS

    def sign_in(secret: str = CLIENT_SECRET, version: str = '64.0') -> Salesforce:
        session = requests.Session()
        session.trust_env = False
        session.mount('https://', Detour(sandbox_url))
        return Salesforce(
            consumer_key=CLIENT_ID, consumer_secret=secret, domain='acme.my', session=session, version=version
        )

    return sign_in


def records(sf: Salesforce, name: str) -> SFType:
    found = getattr(sf, name)
    assert isinstance(found, SFType)
    return found


def code_of(refused: pytest.ExceptionInfo[exceptions.SalesforceError]) -> str:
    told: Any = refused.value.content
    [error] = told
    return str(error['errorCode'])


async def beside(play: Callable[..., None], *args: Any) -> None:
    await asyncio.to_thread(play, *args)


async def test_it_signs_in_and_its_session_ends(crm: Callable[..., Salesforce], sandbox_url: str, world: World) -> None:
    def play() -> None:
        with pytest.raises(exceptions.SalesforceAuthenticationFailed) as refused:
            crm('wrong')
        assert refused.value.code == 'invalid_client'
        sf = crm()
        assert sf.limits()['DailyApiRequests'] == {'Max': 15_000, 'Remaining': 14_999}
        assert (sf.api_usage['api-usage'].used, sf.api_usage['api-usage'].total) == (1, 15_000)
        other = Salesforce(session_id=sf.session_id, instance_url=sandbox_url, session=sf.session)
        assert other.query(f'SELECT Id FROM {USER}')['totalSize'] == 0
        world.salesforce.end_sessions()
        with pytest.raises(exceptions.SalesforceExpiredSession) as expired:
            other.query(f'SELECT Id FROM {USER}')
        assert code_of(expired) == 'INVALID_SESSION_ID'
        old = sf.session_id
        assert sf.query(f'SELECT Id FROM {USER}')['totalSize'] == 0
        assert sf.session_id != old  # it has signed in again by itself

    await beside(play)


async def test_it_writes_and_reads_records(crm: Callable[..., Salesforce]) -> None:
    def play() -> None:
        sf = crm()
        users = records(sf, USER)
        made = users.create({'Email__c': "o'brien@people.example", 'Last_Name__c': "O'Brien"})
        assert made['success']
        read = users.get(made['id'])
        assert (read['Last_Name__c'], read['attributes']['type']) == ("O'Brien", USER)
        assert users.update(made['id'], {'First_Name__c': 'Síle'}) == 204
        assert users.get(made['id'])['First_Name__c'] == 'Síle'
        assert users.delete(made['id']) == 204
        with pytest.raises(exceptions.SalesforceResourceNotFound) as gone:
            users.get(made['id'])
        assert code_of(gone) == 'NOT_FOUND'
        with pytest.raises(exceptions.SalesforceResourceNotFound) as gone:
            users.update(made['id'], {})
        assert code_of(gone) == 'ENTITY_IS_DELETED'

    await beside(play)


async def test_it_upserts_by_external_id(crm: Callable[..., Salesforce], world: World) -> None:
    world.salesforce.load_legacy_people(1, twice=[1])

    def play() -> None:
        users = records(crm(), USER)
        assert users.upsert(f'{KEY}/7', {'Email__c': 'ada@people.example'}) == 201
        assert users.upsert(f'{KEY}/7', {'Language__c': 'he'}) == 200
        assert users.get_by_custom_id(KEY, '7')['Language__c'] == 'he'
        told = users.upsert(f'{KEY}/8', {}, raw_response=True)
        assert (told.status_code, told.json()['created']) == (201, True)
        with pytest.raises(exceptions.SalesforceMoreThanOneRecord) as several:
            users.upsert('Legacy_Id__c/100001', {'Language__c': 'he'})
        addresses: Any = several.value.content
        assert len(addresses) == 2
        assert all(one.startswith(f'/services/data/v64.0/sobjects/{USER}/a0U') for one in addresses)
        with pytest.raises(exceptions.SalesforceMoreThanOneRecord):
            users.get_by_custom_id('Legacy_Id__c', '100001')

    await beside(play)


async def test_it_sorts_refusals_into_its_exceptions(crm: Callable[..., Salesforce], world: World) -> None:
    def play() -> None:
        sf = crm()
        users = records(sf, USER)
        malformed: list[tuple[Callable[[], Any], str]] = [
            (lambda: sf.query('SELECT * FROM Contact'), 'MALFORMED_QUERY'),
            (lambda: sf.query('SELECT Nothing FROM Contact'), 'INVALID_FIELD'),
            (lambda: sf.query('SELECT Id FROM Nothing'), 'INVALID_TYPE'),
            (lambda: records(sf, EMAIL).create({}), 'REQUIRED_FIELD_MISSING'),
            (lambda: users.create({'Email__c': 'x'}), 'INVALID_EMAIL_ADDRESS'),
            (lambda: users.create({'Language__c': 'x' * 300, 'First_Name__c': 'x' * 81}), 'STRING_TOO_LONG'),
            (lambda: users.upsert(f'{KEY}/1', {KEY: '1'}), 'INVALID_FIELD'),
        ]
        for call, code in malformed:
            with pytest.raises(exceptions.SalesforceMalformedRequest) as refused:
                call()
            assert code_of(refused) == code
        world.salesforce.break_things(locks=1)
        with pytest.raises(exceptions.SalesforceMalformedRequest) as refused:
            users.create({})
        assert code_of(refused) == 'UNABLE_TO_LOCK_ROW'
        with pytest.raises(exceptions.SalesforceRefusedRequest) as denied:
            records(sf, 'Contact').create({'LastName': 'x'})
        assert code_of(denied) == 'INSUFFICIENT_ACCESS'
        with pytest.raises(exceptions.SalesforceGeneralError) as wrong:
            sf.restful('limits', method='PUT')
        assert wrong.value.status == 405
        world.salesforce.set_calls(daily=10, used=10)
        with pytest.raises(exceptions.SalesforceRefusedRequest) as denied:
            sf.limits()
        assert code_of(denied) == 'REQUEST_LIMIT_EXCEEDED'

    await beside(play)


async def test_it_follows_a_query_to_its_end(crm: Callable[..., Salesforce], world: World) -> None:
    world.salesforce.load_legacy_people(4500, sustained_every=50)

    def play() -> None:
        sf = crm()
        text = f'SELECT Id, Is_Sustainer__c, Contact__r.Legacy_Id__c FROM {USER} ORDER BY CreatedDate, Id'
        seen = list(sf.query_all_iter(text))
        assert [row['Contact__r']['Legacy_Id__c'] for row in seen] == [str(100_001 + one) for one in range(4500)]
        assert sum(row['Is_Sustainer__c'] for row in seen) == 90
        whole = sf.query_all(text)
        assert (whole['totalSize'], whole['done'], len(whole['records'])) == (4500, True, 4500)
        few = sf.query_all(f"SELECT Id FROM {USER} WHERE Legacy_Id__c IN ('100001', '100002', 'x')")
        assert few['totalSize'] == 2
        assert sf.api_usage['api-usage'].used == 7
        found = sf.query(f'SELECT Id FROM {USER}', include_deleted=True)
        assert sf.query_more(found['nextRecordsUrl'], identifier_is_url=True)['totalSize'] == 4500

    await beside(play)


async def test_it_reads_the_metadata(crm: Callable[..., Salesforce]) -> None:
    def play() -> None:
        sf = crm(version='59.0')
        told = sf.describe()
        assert told is not None
        assert {one['name'] for one in told['sobjects']} == {USER, EMAIL, 'Contact'}
        fields = {one['name']: one for one in records(sf, USER).describe()['fields']}
        assert (fields[KEY]['externalId'], fields[KEY]['unique']) == (True, True)
        assert 'Newsletter' in [one['value'] for one in fields['Mailing_Lists__c']['picklistValues']]
        assert records(sf, 'Contact').metadata()['objectDescribe']['name'] == 'Contact'

    await beside(play)


async def test_it_writes_many_at_once(crm: Callable[..., Salesforce], world: World) -> None:
    def play() -> None:
        sf = crm()
        records = [
            {'attributes': {'type': USER}, KEY: str(number), 'Email__c': f'p{number}@people.example'}
            for number in range(200)
        ]
        told: Any = {'allOrNone': False, 'records': records}
        items = sf.restful(f'{COLLECTION}/{USER}/{KEY}', method='PATCH', json=told)
        assert items is not None
        assert all(one['success'] and one['created'] for one in items)
        again: Any = {'allOrNone': True, 'records': [*records[:2], records[2] | {'Email__c': 'nobody'}]}
        items = sf.restful(f'{COLLECTION}/{USER}/{KEY}', method='PATCH', json=again)
        assert items is not None
        assert [one['errors'][0]['statusCode'] for one in items] == [
            *['ALL_OR_NONE_OPERATION_ROLLED_BACK'] * 2, 'INVALID_EMAIL_ADDRESS',
        ]  # fmt: skip
        ids = [row['Id'] for row in sf.query_all_iter(f'SELECT Id FROM {USER}')]
        rows = sf.restful(f'{COLLECTION}/{USER}', params={'ids': ','.join(ids[:3]), 'fields': KEY})
        assert rows is not None
        assert [row[KEY] for row in rows] == ['0', '1', '2']
        gone = sf.restful(COLLECTION, params={'ids': ','.join(ids[:150]), 'allOrNone': 'true'}, method='DELETE')
        assert gone is not None
        assert all(one['success'] for one in gone)
        assert sf.query(f'SELECT Id FROM {USER}')['totalSize'] == 50

    await beside(play)
