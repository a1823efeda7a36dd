"""A host application as it is written for developers to read (examples/host), in both ways: over HTTP with its outbox,
and within its own transaction.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from examples.host import accounts
from examples.host.accounts import Account
from examples.host.crm import Crm, Way
from examples.host.host import Host
from hermes.crm import CrmFactory
from hermes.db.server.embedded import Server
from hermes.kit.clock import SystemClock
from hermes.kit.signing import standard_headers
from tests import postgres
from tests.flows.alerts import WHSEC
from tests.flows.house import House
from tests.flows.served import Served, serve
from tests.flows.test_salesforce import KEY, People
from tests.flows.test_salesforce import people as people

BASIC = 'Basic YWRtaW46YS1rZXktb2YtdGhlLWFkbWlu'
EMAIL = 'ada@readers.example'


@dataclass
class Site:
    """The host as its visitors see it."""

    people: People
    served: Served
    crm: Crm
    host: Host
    connect: Callable[[], psycopg.Connection[Any]]
    woken: list[None]

    @property
    def house(self) -> House:
        return self.people.house

    async def ask(self, method: str, path: str, cookie: str = '', **form: Any) -> tuple[str, dict[str, str], str]:
        body = urlencode(form, doseq=True).encode()
        environ = {
            'REQUEST_METHOD': method, 'PATH_INFO': path, 'CONTENT_LENGTH': str(len(body)),
            'wsgi.input': io.BytesIO(body), 'HTTP_COOKIE': cookie, 'HTTP_AUTHORIZATION': BASIC,
        }  # fmt: skip
        status, headers, text = await asyncio.to_thread(self.host.answer, environ)
        return status, dict(headers), text

    async def sign_up(self, email: str = EMAIL, **form: Any) -> str:
        """Somebody signs up; the cookie that knows them again."""
        told = {'email': email, 'first_name': 'Ada', 'last_name': "O'Brien", 'lists': ['Newsletter'], **form}
        status, headers, _ = await self.ask('POST', '/sign-up', **told)
        assert status == '303 See Other'
        return headers['Set-Cookie'].partition(';')[0]

    async def go_on(self) -> None:
        """What the host's loop does, and what Hermes does meanwhile."""
        await asyncio.to_thread(self.crm.send)
        await self.house.settle()
        await asyncio.to_thread(self.crm.learn)

    def accounts(self) -> list[Account]:
        with self.connect() as connection:
            return accounts.everybody(connection)

    def waiting(self) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute('select what, refused from reader_app.outbox order by id').fetchall()


def open_site(people: People, served: Served, url: str, way: Way, role: str = 'none') -> Site:
    def connect() -> psycopg.Connection[Any]:
        connection = psycopg.connect(url)
        connection.execute(f'set role {role}')
        connection.execute("select set_config('hermes.now', %s, false)", (people.house.clock.now().isoformat(),))
        connection.commit()
        return connection

    with connect() as connection:
        accounts.install(connection)
    factory = CrmFactory({'CRM_TYPE': 'SALESFORCE', 'HERMES_URL': served.url, 'PEOPLE_API_KEY': KEY})
    crm = Crm(factory, connect, way)
    woken: list[None] = []
    host = Host(connect, crm, lambda: woken.append(None), 'a-secret-of-the-host', 'a-key-of-the-admin', [WHSEC])
    return Site(people, served, crm, host, connect, woken)


@pytest.fixture
async def over_http(people: People, migrated_server: Server) -> AsyncIterator[Site]:
    """A host with a database of its own."""
    with serve(people.house) as served, postgres.fresh_database(migrated_server) as url:
        yield open_site(people, served, url, 'http')


@pytest.fixture
async def within(people: People) -> AsyncIterator[Site]:
    """A host in Hermes's database."""
    with serve(people.house) as served:
        yield open_site(people, served, people.house.engine.database.url, 'transaction')


@pytest.fixture(params=['over_http', 'within'])
def site(request: pytest.FixtureRequest) -> Site:
    return request.getfixturevalue(request.param)


@pytest.mark.behaviour('AU-1', 'AU-2', 'AU-3', 'AU-18', 'AU-20')
async def test_a_readers_life_reaches_the_crm_and_comes_back(site: Site) -> None:
    cookie = await site.sign_up()
    await site.go_on()
    [row] = site.people.rows()
    [account] = site.accounts()
    assert (row['User_Id__c'], row['Email__c'], row['Last_Name__c']) == (account.user_id, EMAIL, "O'Brien")
    assert (account.crm_id, account.crm_state) == (row['Id'], 'WroteSalesforceAppUserUid')
    assert row['Id'] in (await site.ask('GET', '/admin'))[2]

    await site.ask('POST', '/me/email', cookie, email='new@readers.example')
    await site.ask('POST', '/newsletter', email='bea@letters.example')
    await site.ask('POST', '/admin/moderate', id=account.id, what='is to be looked at')
    await site.go_on()
    [row] = site.people.rows()
    assert (row['Id'], row['Email__c']) == (account.crm_id, 'new@readers.example')
    assert row['Review_Reason__c']
    [subscription] = site.people.rows('Sefaria_App_Email__c')
    assert subscription['Email__c'] == 'bea@letters.example'

    await site.ask('POST', '/me/delete', cookie)
    await site.go_on()
    [told] = await site.house.rows('select tombstone is not null as gone from app_user')
    assert told['gone']
    assert (await site.ask('GET', '/me', cookie))[0] == '303 See Other'


@pytest.mark.behaviour('AU-17')
async def test_a_sign_up_that_fails_leaves_nothing_anywhere(site: Site) -> None:
    await site.sign_up()
    status, *_ = await site.ask('POST', '/sign-up', email=EMAIL.upper(), first_name='Eve', last_name='Else')
    assert status == '409 Conflict'
    with site.connect() as connection:
        account = accounts.add(connection, 'bea@readers.example', 'Bea', 'Else', 'en')
        told = {'email': account.email, 'first_name': 'Bea', 'last_name': 'Else', 'user_id': account.user_id}
        site.crm.say(connection, 'signed up', **told)
        connection.rollback()
    await site.go_on()
    assert [row['Email__c'] for row in site.people.rows()] == [EMAIL]
    assert len(await site.house.rows('select 1 from app_user')) == 1
    assert [account.email for account in site.accounts()] == [EMAIL]


@pytest.mark.behaviour('AU-17')
async def test_while_hermes_is_away_a_visitor_notices_nothing_and_nothing_is_lost(over_http: Site) -> None:
    site = over_http
    site.served.away = True
    cookie = await site.sign_up()
    await site.ask('POST', '/me/email', cookie, email='new@readers.example')
    assert await asyncio.to_thread(site.crm.send) == 0
    assert [what for what, _ in site.waiting()] == ['signed up', 'has another address']
    site.served.away = False
    await site.go_on()
    assert site.waiting() == []
    assert [row['Email__c'] for row in site.people.rows()] == ['new@readers.example']


@pytest.mark.behaviour('AU-17')
async def test_while_the_crm_is_away_signing_up_is_as_quick_and_it_goes_there_later(site: Site) -> None:
    site.house.world.weather.change(error_before_p=1.0)
    await site.sign_up()
    await site.go_on()
    assert [account.crm_id for account in site.accounts()] == [None]
    site.house.world.weather.change(error_before_p=0.0)
    await site.house.settle(3600)
    await site.go_on()
    assert [account.crm_id for account in site.accounts()] == [site.people.rows()[0]['Id']]


async def test_what_hermes_refuses_is_for_a_person_and_holds_nobody_up(over_http: Site) -> None:
    site = over_http
    await site.sign_up('no-address')
    await site.sign_up()
    await site.go_on()
    [(what, refused)] = site.waiting()
    assert (what, 'e-mail address' in refused) == ('signed up', True)
    assert [row['Email__c'] for row in site.people.rows()] == [EMAIL]


async def test_what_hermes_refuses_within_the_transaction_is_told_to_the_visitor(within: Site) -> None:
    status, _, text = await within.ask('POST', '/sign-up', email='no-address')
    assert (status, 'e-mail address' in text) == ('400 Bad Request', True)
    assert within.accounts() == []


@pytest.mark.behaviour('AU-18')
async def test_the_feed_from_the_beginning_rebuilds_every_id_and_state(site: Site) -> None:
    for number in range(3):
        await site.sign_up(f'reader{number}@readers.example')
    await site.go_on()
    before = site.accounts()
    assert all(account.crm_id for account in before)
    with site.connect() as connection:
        connection.execute("update reader_app.account set crm_id = null, crm_state = ''")
    assert await asyncio.to_thread(site.crm.learn) == 0
    assert await asyncio.to_thread(site.crm.learn_anew) > 0
    assert site.accounts() == before


@pytest.mark.behaviour('AU-18')
async def test_a_call_of_hermes_wakes_the_host_and_nobody_elses_does(over_http: Site) -> None:
    body = b'{"data": {"number": 7}}'
    signed = standard_headers('msg_1', int(SystemClock().now().timestamp()), body, [WHSEC])
    for headers, status, woken in ((signed, '204 No Content', 1), ({}, '400 Bad Request', 1)):
        environ = {'REQUEST_METHOD': 'POST', 'PATH_INFO': '/hermes', 'CONTENT_LENGTH': str(len(body))}
        told = {f'HTTP_{name.upper().replace("-", "_")}': value for name, value in headers.items()}
        assert over_http.host.answer({**environ, 'wsgi.input': io.BytesIO(body), **told})[0] == status
        assert len(over_http.woken) == woken


@pytest.mark.behaviour('AU-7', 'AU-8')
async def test_the_classes_tell_what_the_crm_knows(site: Site) -> None:
    await site.sign_up()
    await site.go_on()
    crm = CrmFactory(
        {'CRM_TYPE': 'SALESFORCE', 'HERMES_URL': site.served.url, 'PEOPLE_API_KEY': KEY}
    ).get_connection_manager()
    assert await asyncio.to_thread(crm.find_crm_id, EMAIL) == [site.people.rows()[0]['Id']]
    assert await asyncio.to_thread(crm.find_crm_id, 'nobody@readers.example') == []
    for name in ('Id', 'Hermes_Id__c'):
        assert name in site.people.rows()[0]
    site.people.crm.create('Sefaria_App_User__c', {'Email__c': EMAIL})
    assert len(await asyncio.to_thread(crm.find_crm_id, EMAIL)) == 2
    lists = await asyncio.to_thread(crm.get_available_lists)
    assert 'Newsletter' in lists
    assert lists == sorted(lists)
    await asyncio.to_thread(site.crm.ask_lists)
    assert 'Newsletter' in (await site.ask('GET', '/'))[2]
