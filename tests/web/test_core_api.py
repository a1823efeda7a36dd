"""The core API over a real database: whose turn it is, where a visitor is, which company is which."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import psycopg
import pytest

from hermes.db.inbox import Inbox
from hermes.db.pool import Database
from hermes.db.reads.health import Vitals
from hermes.kit.clock import SystemClock
from hermes.web.application import create_app
from hermes.web.core_api import CoreParts, core_routes
from hermes.web.security import trusted_networks

KEY = 'canary-api-key'
WITH_KEY = {'Authorization': f'token {KEY}'}
PROXY = '10.0.0.1'
SALES = '/choose-roundrobin/sales/'
ADMINS = (
    # id, names, plan sold, regions sold, sales, support
    (1, 'Ada', 'payg', ('gb', 'us'), True, False),
    (2, 'Bea', 'payg', ('gb', 'eu'), True, False),
    (3, 'Cyd', 'startup', ('gb',), True, True),
)
COMPANIES = (
    "(71, 'Ember Tutors', 'GB', 'payg', 501, 9501, 31, null)",
    "(72, 'Ember  tutors', 'US', 'startup', 502, 9502, 32, null)",
    '(73, \'Gone Tutors\', \'GB\', \'payg\', 503, 9503, 33, \'{"kind": "crm", "at": "2026-03-01T00:00:00+00:00"}\')',
)

Open = Callable[..., AbstractAsyncContextManager['Web']]


class Web:
    """A running application, its database, and whoever calls."""

    def __init__(self, http: httpx2.AsyncClient, database: Database) -> None:
        self.http = http
        self.database = database

    async def get(self, path: str, visitor: str = '192.0.2.1', **headers: str) -> httpx2.Response:
        return await self.http.get(path, headers={'X-Forwarded-For': visitor, **headers})

    async def choose(self, plan: str = 'payg', country: str = 'GB', visitor: str = '192.0.2.1', **headers: str) -> Any:
        answer = await self.get(f'{SALES}?plan={plan}&country_code={country}', visitor, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def open_web(database_url: str) -> Open:
    @asynccontextmanager
    async def opened(peer: str = PROXY, cors: tuple[str, ...] = (), **desk: Any) -> AsyncIterator[Web]:
        database = Database(database_url)
        await database.open()
        given = {'api_key': KEY, 'trusted': trusted_networks([PROXY]), **desk}
        routes = core_routes(CoreParts(database, lambda told: hashlib.sha256(told.encode()).digest(), **given))
        app = create_app(
            Inbox(database_url, SystemClock()), [], Vitals(database_url), SystemClock(),
            trusted_proxies=[PROXY], cors_origins=cors, routers=[routes],
        )  # fmt: skip
        transport = httpx2.ASGITransport(app=app, client=(peer, 4711), raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url='http://hermes', trust_env=False) as http,
        ):
            yield Web(http, database)
        await database.close()

    with psycopg.connect(database_url, autocommit=True) as connection:
        for number, name, plan, regions, sales, support in ADMINS:
            told = {f'sells_{region}': True for region in regions} | {f'sells_{plan}': True}
            row = {
                'id': number, 'first_name': name, 'last_name': 'Hale', 'email': f'{name}@office.example'.lower(),
                'tc2_admin_id': 10 + number, 'pd_owner_id': 20 + number, 'active': True, 'bookable': True,
                'is_sales_person': sales, 'is_support_person': support, 'extra': {}, 'claims': {},
                'born_event': 0, **told,
            }  # fmt: skip
            columns = ', '.join(row)
            connection.execute(
                f'insert into admin ({columns}) select {columns} from jsonb_populate_record(null::admin, %s)',
                (json.dumps(row),),
            )
        connection.execute("update revision set number = number + 1 where name = 'directory'")
        for values in COMPANIES:
            connection.execute(
                'insert into company (id, name, country, price_plan, tc2_cligency_id, tc2_agency_id, pd_org_id, '
                f'tombstone) values {values}'
            )
        connection.execute(
            "insert into contact (id, company_id, first_name, last_name, email) values (81, 71, 'Sam', 'Okafor', "
            "'sam@ember.example')"
        )
    return opened


@pytest.fixture
async def web(open_web: Open) -> AsyncIterator[Web]:
    async with open_web() as opened:
        yield opened


@pytest.mark.behaviour('API-1')
async def test_the_next_person_is_named_and_more_is_told_with_the_key(web: Web) -> None:
    told = await web.choose()
    assert told == {'id': 1, 'first_name': 'Ada', 'last_name': 'Hale'}
    more = await web.choose(**WITH_KEY)
    assert more == {**told, 'email': 'ada@office.example', 'tc2_admin_id': 11, 'pd_owner_id': 21}
    for wrong in ('token', 'token wrong', f'Bearer {KEY}', f'token {KEY}x', KEY, f'Basic {KEY}'):
        assert await web.choose(Authorization=wrong) == told


@pytest.mark.behaviour('API-1')
@pytest.mark.lesson('J-4')
async def test_a_wrong_plan_is_422_and_nobody_at_all_404(web: Web) -> None:
    for plan in ('', 'gold', 'PAYG'):
        answer = await web.get(f'{SALES}?plan={plan}&country_code=GB')
        assert answer.status_code == 422
        assert 'payg, startup, enterprise' in answer.json()['message']
    nobody = await web.get(f'{SALES}?plan=enterprise&country_code=GB')
    assert (nobody.status_code, nobody.json()['status']) == (404, 'error')
    assert 'Nobody can be chosen' in nobody.json()['message']


@pytest.mark.behaviour('API-2')
async def test_the_country_chooses_the_region_and_an_unsold_region_is_anybodys(web: Web) -> None:
    assert [(await web.choose(country=code))['id'] for code in ('US', 'DE', 'de')] == [1, 2, 2]
    assert [(await web.choose(country=code, visitor=f'192.0.2.{n}'))['id'] for n, code in enumerate(('AU', 'AU'))] == [
        1,
        2,
    ]
    assert (await web.choose(country='')) == (await web.choose(country='RU')), 'both are the rest of the world'


@pytest.mark.behaviour('API-3')
@pytest.mark.lesson('J-1', 'J-2')
async def test_each_queue_counts_for_itself_and_a_visitor_gets_the_same_person_again(web: Web) -> None:
    drawn = [(await web.choose(visitor=f'192.0.2.{number}'))['id'] for number in range(1, 6)]
    assert drawn == [1, 2, 1, 2, 1]
    assert [(await web.choose(visitor='192.0.2.2'))['id'] for _ in range(3)] == [2, 2, 2]
    assert (await web.choose(visitor='192.0.2.9', country='AU'))['id'] == 1, 'another region, another queue'
    assert (await web.choose(visitor='192.0.2.7'))['id'] == 2
    [row] = await web.database.fetch('select count(*) as n, count(distinct client_hash) as clients from turn')
    assert (row['n'], row['clients']) == (7, 7)


@pytest.mark.behaviour('API-4')
async def test_support_people_take_turns_too(web: Web) -> None:
    answer = await web.get('/choose-roundrobin/support/')
    assert answer.json() == {'id': 3, 'first_name': 'Cyd', 'last_name': 'Hale'}
    await web.database.execute('update admin set is_support_person = true where id = 2')
    await web.database.execute("update revision set number = number + 1 where name = 'directory'")
    assert [(await web.get('/choose-roundrobin/support/', f'192.0.2.{n}')).json()['id'] for n in (2, 3)] == [2, 3]


@pytest.mark.behaviour('API-5')
@pytest.mark.parametrize(
    ('header', 'country'),
    [
        (None, 'GB'),
        ('DE', 'DE'),
        ('de', 'DE'),
        ('XX', None),
        ('T1', None),
        ('', None),
        ('Germany', None),
        ('<b>', None),
        *(pytest.param(code, None, marks=pytest.mark.lesson('M-25')) for code in ('EU', 'AP', 'QQ', 'ZZ', 'XK', 'AA')),
        *(pytest.param(code, 'GB', marks=pytest.mark.lesson('M-25')) for code in ('UK', 'uk', ' GB ')),
    ],
)
async def test_the_country_is_the_proxys_word(web: Web, header: str | None, country: str | None) -> None:
    told = await web.get('/loc/', **({} if header is None else {'CF-IPCountry': header}))
    assert (told.status_code, told.json()) == (200, {'country_code': country})


@pytest.mark.behaviour('API-5')
@pytest.mark.invariant('S14')
@pytest.mark.parametrize(
    ('peer', 'trusted', 'country'),
    [('203.0.113.9', [PROXY], 'GB'), ('127.0.0.1', [PROXY], 'GB'), ('203.0.113.9', [], 'GB'), ('127.0.0.1', [], 'DE')],
)
async def test_a_strangers_word_about_the_country_is_not_believed(
    open_web: Open, peer: str, trusted: list[str], country: str
) -> None:
    async with open_web(peer, trusted=trusted_networks(trusted)) as web:
        assert (await web.get('/loc/', **{'CF-IPCountry': 'DE'})).json() == {'country_code': country}


@pytest.mark.invariant('S14')
async def test_a_stranger_cannot_be_many_visitors(open_web: Open) -> None:
    async with open_web('203.0.113.9') as web:
        assert {(await web.choose(visitor=f'192.0.2.{number}'))['id'] for number in range(6)} == {1}


@pytest.mark.behaviour('API-6')
@pytest.mark.lesson('K-4')
async def test_companies_are_found_by_listed_filters_with_the_key_only(web: Web) -> None:
    ember = {
        'id': 71, 'name': 'Ember Tutors', 'pd_org_id': 31, 'tc2_cligency_id': 501, 'tc2_agency_id': 9501,
        'country': 'GB', 'price_plan': 'payg',
    }  # fmt: skip
    for query in (
        'id=71',
        'tc2_cligency_id=501',
        'tc2_agency_id=9501',
        'pd_org_id=31',
        'country=gb',
        'price_plan=payg',
    ):
        found = await web.get(f'/companies/?{query}', **WITH_KEY)
        assert (found.status_code, found.json()) == (200, [ember]), query
    by_name = await web.get('/companies/?name=EMBER%20tutors', **WITH_KEY)
    assert [company['id'] for company in by_name.json()] == [71, 72]
    both = await web.get('/companies/?name=ember%20tutors&country=US', **WITH_KEY)
    assert [company['id'] for company in both.json()] == [72]
    for wrong in ({}, {'Authorization': 'token wrong'}, {'Authorization': f'Basic {KEY}'}):
        for query in ('id=71', 'nonsense=1', ''):
            refused = await web.get(f'/companies/?{query}', **wrong)
            assert refused.status_code == 401
            assert 'Ember' not in refused.text


@pytest.mark.behaviour('API-6')
@pytest.mark.lesson('K-4')
async def test_what_is_no_filter_is_refused_and_what_is_deleted_is_not_there(web: Web) -> None:
    for query in (
        '', 'email=sam@ember.example', 'contacts__email=s', 'password=x', 'tombstone=1', 'id=71&id=72', 'id=', 'id=7x',
        'id=-1', 'id=9999999999999999999999', 'name=', 'name=%00', "id=71&1=1;drop", 'sales_person_id=1',
        'country__like=G',
    ):  # fmt: skip
        refused = await web.get(f'/companies/?{query}', **WITH_KEY)
        assert refused.status_code == 422, query
        assert refused.json()['status'] == 'error'
    assert (await web.get('/companies/?id=73', **WITH_KEY)).json() == []
    assert [row['id'] for row in (await web.get('/companies/?country=GB', **WITH_KEY)).json()] == [71]


@pytest.mark.behaviour('API-6')
async def test_at_most_ten_companies_are_shown(web: Web) -> None:
    await web.database.execute("insert into company (id, name) select 100 + n, 'Twin' from generate_series(1, 25) n")
    found = (await web.get('/companies/?name=twin', **WITH_KEY)).json()
    assert [row['id'] for row in found] == list(range(101, 111))


@pytest.mark.behaviour('API-6')
async def test_without_a_key_in_the_settings_companies_are_closed(open_web: Open) -> None:
    async with open_web(api_key='') as web:
        for header in ('token ', 'token', f'token {KEY}', ''):
            assert (await web.get('/companies/?id=71', Authorization=header)).status_code == 503
            assert 'email' not in await web.choose(Authorization=header)


@pytest.mark.behaviour('API-1', 'API-4', 'API-5', 'API-6')
async def test_every_path_answers_with_and_without_its_last_slash(web: Web) -> None:
    for path in ('/choose-roundrobin/sales?plan=payg', '/choose-roundrobin/support', '/loc', '/companies?id=71'):
        bare, _, query = path.partition('?')
        answers = [await web.get(f'{form}?{query}', **WITH_KEY) for form in (bare, f'{bare}/')]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()


@pytest.mark.invariant('S7')
@pytest.mark.lesson('K-5')
async def test_only_the_listed_origins_may_read_answers_in_a_browser(open_web: Open) -> None:
    site = 'https://www.site.example'
    async with open_web(cors=(site,)) as web:
        ask = {
            'Access-Control-Request-Method': 'POST',
            'Access-Control-Request-Headers': 'content-type,idempotency-key',
        }
        allowed = await web.http.options('/loc/', headers={'Origin': site, **ask})
        assert (allowed.status_code, allowed.headers['access-control-allow-origin']) == (200, site)
        assert (await web.get('/loc/', Origin=site)).headers['access-control-allow-origin'] == site
        for other in ('http://localhost:3000', 'https://site.example', f'{site}.evil.example', 'null', f'{site}/'):
            assert 'access-control-allow-origin' not in (await web.get('/loc/', Origin=other)).headers
            assert (await web.http.options('/loc/', headers={'Origin': other, **ask})).status_code == 400
        keyed = {**ask, 'Access-Control-Request-Headers': 'authorization'}
        assert (await web.http.options('/companies/', headers={'Origin': site, **keyed})).status_code == 400
    async with open_web() as web:
        assert 'access-control-allow-origin' not in (await web.get('/loc/', Origin=site)).headers
