"""The CRM's access that is lent to the host: to whoever has the key for it, journalled, and never written down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests

from hermes.crm import CrmError, CrmFactory, WrongUse
from hermes.db.server.embedded import Server
from hermes.parts.assembly import set_limits
from hermes.settings import SettingsError, load
from tests import postgres
from tests.flows.house import SANDBOX, House, open_house
from tests.flows.nation import NATION, allow, begin, open_nation
from tests.flows.served import serve
from tests.flows.test_salesforce import CLIENT_ID, CLIENT_SECRET, KEY, WHO

LENT_KEY = 'a-key-for-connections-only'
BORROWER = {'authorization': f'token {LENT_KEY}'}


@asynccontextmanager
async def opened(server: Server, folder: Path, target: str, **more: Any) -> AsyncIterator[House]:
    told: dict[str, Any] = {
        'people_api_key': KEY, 'people_connection_key': LENT_KEY, 'data_dir': folder,
        'secret_key': 'a-secret-of-thirty-two-characters-or-more', 'salesforce_base_url': f'{SANDBOX}/salesforce',
        'salesforce_client_id': CLIENT_ID, 'salesforce_client_secret': CLIENT_SECRET, **more,
    }  # fmt: skip
    with postgres.fresh_database(server) as url:
        async with open_house(url, connected=False, **told) as house:
            object.__setattr__(house.world.secrets, 'sf_client_id', CLIENT_ID)
            object.__setattr__(house.world.secrets, 'sf_client_secret', CLIENT_SECRET)
            await set_limits(house.engine, house.settings)
            if target:
                await house.act('people.target', target=target, phase='interim_target')
            yield house


@pytest.fixture
async def house(migrated_server: Server, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(migrated_server, tmp_path, 'salesforce') as house:
        yield house


def crm(url: str, **more: str) -> Any:
    told = {'CRM_TYPE': 'SALESFORCE', 'HERMES_URL': url, 'PEOPLE_API_KEY': KEY, **more}
    return CrmFactory(told).get_connection_manager()


async def at_the_crm(house: House, session: requests.Session, url: str) -> int:
    """What the CRM says to this session, asked without a socket: it is emulated."""
    sent = session.prepare_request(requests.Request('GET', url))
    async with httpx2.AsyncClient(transport=house.transport) as client:
        return (
            await client.get(url, headers=httpx2.Headers({name: str(told) for name, told in sent.headers.items()}))
        ).status_code


async def test_a_session_is_let_in_at_the_crm_and_shows_its_token_nowhere_else(house: House) -> None:
    with serve(house) as served:
        session = await asyncio.to_thread(crm(served.url, PEOPLE_CONNECTION_KEY=LENT_KEY).get_connection)
    there = f'{session.base_url}/services/data/v62.0/sobjects/Sefaria_App_User__c/describe'
    assert session.base_url.startswith(f'{SANDBOX}/salesforce')
    assert await at_the_crm(house, session, there) == 200
    elsewhere = session.prepare_request(requests.Request('GET', 'http://127.0.0.1:1/'))
    assert 'Authorization' not in elsewhere.headers


async def test_a_nations_access_is_lent_too_once_it_is_connected(migrated_server: Server, tmp_path: Path) -> None:
    with postgres.fresh_database(migrated_server) as url:
        async with open_nation(url, tmp_path, people_connection_key=LENT_KEY, connected=False) as house:
            assert (await house.web.post('/people/connection/', headers=BORROWER)).status_code == 503
            assert (await allow(house, await begin(house))).status_code == 200
            told = (await house.web.post('/people/connection/', headers=BORROWER)).json()
            assert (told['target'], told['url']) == (NATION, f'{SANDBOX}/{NATION}')
            async with httpx2.AsyncClient(transport=house.transport, headers=told['headers']) as client:
                assert (await client.get(f'{told["url"]}/api/v2/signups/me')).status_code == 200


async def test_an_access_that_ended_is_not_lent(house: House) -> None:
    before = (await house.web.post('/people/connection/', headers=BORROWER)).json()['headers']
    house.world.salesforce.end_sessions()
    after = (await house.web.post('/people/connection/', headers=BORROWER)).json()['headers']
    assert after != before


async def test_it_is_journalled_and_the_token_stands_nowhere(house: House) -> None:
    answer = await house.web.post('/people/connection/', headers=BORROWER)
    assert answer.headers['cache-control'] == 'no-store'
    token = answer.json()['headers']['Authorization'].removeprefix('Bearer ')
    [event] = await house.rows("select convert_from(body, 'utf8') as body, headers from event where kind = 'security'")
    assert ('connection.lent' in event['body'], 'salesforce' in event['body']) == (True, True)
    assert event['headers'] == {'by': 'the host application'}
    for row in await house.rows(
        "select table_name as name from information_schema.tables where table_schema = 'public'"
    ):
        assert await house.rows(f'select 1 from "{row["name"]}" t where t::text like %s', f'%{token}%') == []


@pytest.mark.parametrize(
    ('given', 'status', 'said'),
    [(WHO, 403, 'PEOPLE_CONNECTION_KEY'), ({}, 401, 'key'), ({'authorization': f'basic {LENT_KEY}'}, 401, 'key')],
)
async def test_no_other_key_borrows(house: House, given: dict[str, str], status: int, said: str) -> None:
    answer = await house.web.post('/people/connection/', headers=given)
    assert (answer.status_code, said in answer.json()['message']) == (status, True)
    assert await house.rows("select 1 from event where kind = 'security'") == []


async def test_the_key_for_connections_opens_nothing_else(house: House) -> None:
    assert (await house.web.get('/people/changes/', headers=BORROWER)).status_code == 401


async def test_without_a_key_nothing_is_lent(migrated_server: Server, tmp_path: Path) -> None:
    async with opened(migrated_server, tmp_path, 'salesforce', people_connection_key='') as house:
        answer = await house.web.post('/people/connection/', headers=WHO)
        assert (answer.status_code, 'PEOPLE_CONNECTION_KEY' in answer.json()['message']) == (503, True)
        with serve(house) as served:
            with pytest.raises(WrongUse, match='PEOPLE_CONNECTION_KEY is not set'):
                await asyncio.to_thread(crm(served.url).get_connection)
            with pytest.raises(CrmError, match='PEOPLE_CONNECTION_KEY'):
                await asyncio.to_thread(crm(served.url, PEOPLE_CONNECTION_KEY=LENT_KEY).get_connection)


@pytest.mark.parametrize('target', ['', 'journal'])
async def test_where_there_is_no_crm_there_is_no_connection(
    migrated_server: Server, tmp_path: Path, target: str
) -> None:
    more: dict[str, Any] = {} if target else {'salesforce_base_url': '', 'salesforce_client_id': ''}
    async with opened(migrated_server, tmp_path, target, **more) as house:
        answer = await house.web.post('/people/connection/', headers=BORROWER)
        assert (answer.status_code, answer.json()['code']) == (400, 'no_connection')


async def test_while_the_crm_is_away_that_is_said(house: House) -> None:
    house.world.weather.change(error_before_p=1.0)
    answer = await house.web.post('/people/connection/', headers=BORROWER)
    assert answer.status_code == 503
    house.world.weather.change(error_before_p=0.0)


def test_both_keys_must_differ() -> None:
    with pytest.raises(SettingsError, match='PEOPLE_CONNECTION_KEY: must be another key'):
        load({'people_api_key': KEY, 'people_connection_key': f'{LENT_KEY},{KEY}', '_env_file': None})
