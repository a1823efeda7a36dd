"""The round robin over the real ledger: many processes at once, bookings, companies that come from elsewhere."""

import asyncio
import json
import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from typing import Any

import altcha
import psycopg
import pytest
from typer.testing import CliRunner

from hermes.booking.limits import READS
from hermes.cli import app
from hermes.db import housekeeping, rota
from hermes.db.pool import Connection, Database
from hermes.domain.rota import queue_of, settle
from hermes.sandbox.scenarios import demo
from tests.flows.acting import carry_out
from tests.flows.bookings import TEN, admin, booking
from tests.flows.companies import later, sign_up
from tests.flows.crm import add_organization
from tests.flows.house import MARCUS, MARCUS_PD, PRIYA, TOM, House, open_house
from tests.flows.visitors import book, number

QUEUE = queue_of('sales', 'payg', 'GB')
STARTUP = queue_of('sales', 'startup', 'GB')
PROCESSES, DRAWS = 4, 25


def draw_many(url: str, first: int, people: list[int]) -> list[int]:
    """What one process draws for DRAWS clients of its own, all at once."""

    async def run() -> list[int]:
        database = Database(url, size=8)
        await database.open()

        async def one(number: int) -> int:
            async with database.transaction() as connection:
                chosen = await rota.draw(connection, QUEUE, people, b'client %d' % number)
            assert chosen is not None
            return chosen

        drawn = await asyncio.gather(*(one(first + number) for number in range(DRAWS)))
        await database.close()
        return list(drawn)

    return asyncio.run(run())


@pytest.mark.invariant('I22', 'S2')
@pytest.mark.behaviour('API-3')
@pytest.mark.lesson('J-2')
async def test_a_hundred_draws_at_once_by_several_processes_are_shared_fairly(database_url: str) -> None:
    people = [1, 2, 3]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute('insert into admin (id) values (1), (2), (3)')
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context('spawn')) as pool:
        loop = asyncio.get_running_loop()
        calls = [
            loop.run_in_executor(pool, draw_many, database_url, number * DRAWS, people) for number in range(PROCESSES)
        ]
        drawn = Counter(who for answer in await asyncio.gather(*calls) for who in answer)
    assert sorted(drawn.values()) == [33, 33, 34]


async def draw(house: House, client: str, *people: int, queue: str = QUEUE) -> int:
    async with house.engine.database.transaction() as connection:
        chosen = await rota.draw(connection, queue, people, client.encode())
    assert chosen is not None
    return chosen


async def two(house: House) -> tuple[int, int]:
    """Priya and Marcus, by their ids."""
    return await admin(house, PRIYA), await admin(house, MARCUS)


async def turns(house: House) -> list[tuple[Any, ...]]:
    rows = await house.rows('select queue, why, admin_id, booked_at, returned_at from turn order by id')
    return [
        (row['queue'], row['why'], row['admin_id'], bool(row['booked_at']), bool(row['returned_at'])) for row in rows
    ]


@pytest.mark.behaviour('API-3')
@pytest.mark.lesson('J-2')
async def test_a_draw_is_remembered_for_half_an_hour(house: House) -> None:
    one, other = await two(house)
    first = await draw(house, 'a', one, other)
    house.clock.advance(29 * 60)
    assert await draw(house, 'a', one, other) == first
    assert await draw(house, 'a', other if first == one else one) != first, 'who is not there is not repeated'
    house.clock.advance(31 * 60)
    assert len(await turns(house)) == 2
    await draw(house, 'a', one, other)
    assert len(await turns(house)) == 3


@pytest.mark.behaviour('API-3')
async def test_a_draw_without_a_booking_is_given_back_after_a_day(house: House) -> None:
    one, other = sorted(await two(house))
    assert [await draw(house, client, one, other) for client in 'abcd'] == [one, other, one, other]
    await house.rows("update turn set booked_at = hermes_now() where client_hash in ('b', 'd') returning id")
    house.clock.advance(24 * 3600 - 1)
    async with house.engine.database.transaction() as connection:
        rows = await (await connection.execute(rota.LEDGER, {'queue': QUEUE})).fetchall()
    assert settle(rota.read_ledger(rows), house.clock.now()).counts == {one: 2, other: 2}
    house.clock.advance(1)
    assert [await draw(house, client, one, other) for client in 'ef'] == [one, one], 'two draws led to nothing'
    before = await turns(house)
    assert await housekeeping.forget_visitors(house.engine.database) == 2
    after = await turns(house)
    assert [row[4] for row in before] == [False] * 6
    assert [row[4] for row in after] == [True, False, True, False, False, False]
    house.clock.advance(40 * 86400)
    await housekeeping.forget_visitors(house.engine.database)
    await housekeeping.forget_visitors(house.engine.database)
    assert [row[2] for row in await turns(house)] == [other, other]


@pytest.mark.behaviour('API-3')
@pytest.mark.lesson('J-3')
async def test_a_company_that_gets_its_person_elsewhere_counts_as_a_turn(house: House) -> None:
    one, other = await two(house)
    sign_up(house, country='GB', plan='payg')
    await later(house)
    found = await turns(house)
    assert (QUEUE, 'assigned', one, False, False) in found
    assert await draw(house, 'a', one, other) == other
    [organization] = house.organizations()
    house.pd.act_update('organization', organization['id'], {'owner_id': MARCUS_PD}, MARCUS_PD)
    await later(house)
    assert len([row for row in await turns(house) if row[1] == 'assigned' and row[0] == QUEUE]) == 1, (
        'the first one only'
    )


@pytest.mark.behaviour('API-3')
@pytest.mark.lesson('M-69')
@pytest.mark.parametrize(
    ('plan', 'country', 'queue'),
    [('payg', 'GB', QUEUE), ('payg', 'JE', QUEUE), ('payg', 'Atlantis', None), ('platinum', 'GB', None)],
)
async def test_a_client_counts_only_where_its_plan_and_country_are_known(
    house: House, plan: str, country: str, queue: str | None
) -> None:
    sign_up(house, country=country, plan=plan, support_person=TOM)
    await later(house)
    one, _ = await two(house)
    expected = [(queue, 'assigned', one, False, False)] if queue else []
    assert await turns(house) == [*expected, ('support', 'assigned', await admin(house, TOM), False, False)]


@pytest.mark.behaviour('API-3')
@pytest.mark.lesson('M-69')
async def test_what_a_sales_person_makes_in_the_crm_for_themselves_is_no_turn_of_a_queue_that_nobody_knows(
    house: House,
) -> None:
    add_organization(house, 'Neither')
    add_organization(house, 'Only a plan', custom={'price_plan': 'payg'})
    add_organization(house, 'Only a country', address={'value': 'High Street 1, United Kingdom'})
    await later(house)
    assert [row['sales_person_id'] for row in await house.rows('select * from company')] == [
        await admin(house, PRIYA)
    ] * 3
    assert await turns(house) == []
    add_organization(
        house, 'Both', custom={'price_plan': 'payg'}, address={'value': 'High Street 1', 'country': 'United Kingdom'}
    )
    await later(house)
    assert await turns(house) == [(QUEUE, 'assigned', await admin(house, PRIYA), False, False)]


@pytest.mark.behaviour('API-3')
@pytest.mark.lesson('J-3')
async def test_what_a_listing_brings_is_history_and_counts_for_nobody(database_url: str) -> None:
    async with open_house(database_url, scenario=demo.build) as house:
        assert len(await house.rows('select id from company where sales_person_id is not null')) > 2
        assert await turns(house) == []


async def book_and_confirm(house: House, client: str, who: int, **more: Any) -> dict[str, Any]:
    done = await carry_out(house.engine, await booking(house, who=who, **more))
    async with house.engine.database.transaction() as connection:
        await rota.confirm(connection, client.encode(), done.outcome['company'], await admin(house, who))
    return dict(done.outcome)


@pytest.mark.behaviour('API-3')
async def test_a_booking_keeps_its_clients_draw_and_counts_once(house: House) -> None:
    one, other = sorted(await two(house))
    assert await draw(house, 'a', one, queue=STARTUP) == one
    assert await draw(house, 'a', other, queue=QUEUE) == other
    drawn = {await admin(house, PRIYA): PRIYA, await admin(house, MARCUS): MARCUS}
    await book_and_confirm(house, 'a', drawn[one])
    assert await turns(house) == [(STARTUP, 'drawn', one, True, False), (QUEUE, 'drawn', other, False, True)]
    house.clock.advance(2 * 86400)
    await housekeeping.forget_visitors(house.engine.database)
    assert (await turns(house))[0] == (STARTUP, 'drawn', one, True, False), 'a booked one is never given back'


@pytest.mark.behaviour('API-3')
async def test_a_booking_of_somebody_else_is_a_turn_of_that_one(house: House) -> None:
    one, other = await two(house)
    assert await draw(house, 'a', other, queue=STARTUP) == other
    await book_and_confirm(house, 'a', PRIYA)
    assert await turns(house) == [(STARTUP, 'drawn', other, False, True), (STARTUP, 'booked', one, False, False)]
    house.clock.advance(600)
    assert await draw(house, 'b', other, queue=STARTUP) == other
    await book_and_confirm(house, 'b', PRIYA, start_at=TEN + timedelta(days=1))
    assert (await turns(house))[2:] == [(STARTUP, 'drawn', other, False, True), (STARTUP, 'booked', one, True, False)]


@pytest.mark.behaviour('API-3')
async def test_a_booking_without_a_draw_is_a_turn_where_it_makes_a_company(house: House) -> None:
    one, _ = await two(house)
    await book_and_confirm(house, 'nobody', PRIYA)
    assert await turns(house) == [(STARTUP, 'booked', one, False, False)]
    await book_and_confirm(house, 'nobody', PRIYA, start_at=TEN + timedelta(days=1))
    assert len(await turns(house)) == 1, 'the company had its person already'


@pytest.mark.behaviour('API-1', 'API-3')
async def test_the_website_draws_a_person_and_books(house: House) -> None:
    one, other = sorted(await two(house))
    await house.act('admin.save', id=other, fields={'sells_payg': True})
    await house.act('admin.save', id=one, fields={'sells_payg': True})
    drawn = (await house.web.get('/choose-roundrobin/sales/?plan=payg&country_code=GB')).json()
    assert drawn == {'id': one, 'first_name': drawn['first_name'], 'last_name': drawn['last_name']}
    assert (await book(house, who={await number(house, who): who for who in (PRIYA, MARCUS)}[one])).status_code == 200
    assert await turns(house) == [(QUEUE, 'drawn', one, True, False)], 'drawn and booked is one turn'


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S3')
async def test_who_books_too_often_is_told_when_and_may_prove_work(database_url: str) -> None:
    async with open_house(database_url, rate_limits=True, secret_key='s' * 40) as house:
        for count in range(3):
            answer = await book(house, TEN + timedelta(days=count))
            assert answer.status_code == 200, answer.text
            taken = await book(house, TEN + timedelta(days=count), email=f'other{count}@customer.example')
            assert taken.status_code == 409, 'what is refused counts nothing'
        over = await book(house, TEN + timedelta(days=6))
        assert (over.status_code, over.json()['code']) == (409, 'slot_taken'), 'nobody learns of an address'
        await house.rows(
            "insert into allowance (kind, client_hash) select 'booking', client_hash from allowance, "
            "generate_series(1, 10) where kind = 'booking' returning id"
        )
        [before] = await house.rows('select count(*) as n from event')
        over = await book(house, TEN + timedelta(days=6), email='new@customer.example', company_name='New Tuition')
        assert (over.status_code, over.json()['code']) == (429, 'limit')
        assert await house.rows('select count(*) as n from event') == [before], 'a refusal costs no row'
        given = altcha.Challenge.from_dict(over.json()['challenge'])
        solution = altcha.solve_challenge(given)
        assert solution is not None
        house.web.headers['X-Altcha'] = altcha.Payload(given, solution).to_base64()
        form: dict[str, Any] = {'email': 'new@customer.example', 'company_name': 'New Tuition'}
        proven = await book(house, TEN + timedelta(days=6), **form)
        assert proven.status_code == 200, proven.text
        again: dict[str, Any] = {'email': 'newer@customer.example', 'company_name': 'Newer Tuition'}
        assert (await book(house, TEN + timedelta(days=7), **again)).status_code == 429, 'a proof is good once'


def test_the_desk_shows_who_is_next_in_every_queue(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            'insert into admin (id, first_name, last_name, active, is_sales_person, sells_payg, sells_gb) '
            "values (1, 'Ada', 'Hale', true, true, true, true), (2, 'Bea', 'Moss', true, true, true, true)"
        )
        connection.execute("insert into turn (queue, admin_id, why) values ('sales:payg:gb', 1, 'assigned')")
    asked = ['rota', 'show', '--plan', 'payg', '--country', 'GB']
    shown = CliRunner().invoke(app, [*asked, '--json'], env={'DATABASE_URL': database_url})
    assert shown.exit_code == 0, shown.output
    assert [(row['place'], row['name'], row['turns']) for row in json.loads(shown.stdout)] == [
        (1, 'Bea Moss', 0),
        (2, 'Ada Hale', 1),
    ]
    assert 'Bea Moss' in CliRunner().invoke(app, asked, env={'DATABASE_URL': database_url}).stdout


def vacuum(house: House) -> None:
    """What the server does by itself after many changes."""
    with psycopg.connect(house.settings.database_url, autocommit=True) as connection:
        connection.execute('vacuum analyze turn')


@pytest.mark.behaviour('API-3')
@pytest.mark.lesson('M-7')
async def test_a_draw_reads_as_little_after_a_hundred_thousand_as_after_one(house: House) -> None:
    """How a queue stands is kept: what is behind it is not read again, given back or not."""
    one, other = sorted(await two(house))

    async def count(connection: Connection) -> int:
        """Rows that this connection has read of the ledger."""
        rows = await connection.execute(
            "select seq_tup_read + coalesce(idx_tup_fetch, 0) as n from pg_stat_xact_user_tables where relname = 'turn'"
        )
        row = await rows.fetchone()
        assert row is not None
        return int(row['n'])

    async def rows_read(client: str) -> int:
        async with house.engine.database.transaction() as connection:
            before = await count(connection)
            assert await rota.draw(connection, QUEUE, [one, other], client.encode()) in (one, other)
            return await count(connection) - before

    first = await rows_read('the first')
    await house.rows(
        'insert into turn (queue, admin_id, client_hash, why, at, booked_at) '
        "select %s, case n %% 2 when 0 then %s else %s end, decode(md5(n::text), 'hex'), 'drawn', "
        "hermes_now() - interval '40 days', case when n %% 3 > 0 then hermes_now() end "
        'from generate_series(1, 100000) n returning id',
        QUEUE, one, other,
    )  # fmt: skip
    await rows_read('counts what it never saw, once')
    vacuum(house)
    assert await rows_read('the next') <= first + 3
    async with house.engine.database.transaction() as connection:
        ledger = await (await connection.execute(rota.LEDGER, {'queue': QUEUE})).fetchall()
        kept = await (await connection.execute(rota.STANDING, {'queue': QUEUE})).fetchone()
    assert kept is not None
    assert rota.read_standing(kept).counts == settle(rota.read_ledger(ledger), house.clock.now()).counts
    for _ in range(3):
        await housekeeping.forget_visitors(house.engine.database)
    vacuum(house)
    assert await rows_read('and after it was tidied') <= first + 3


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S3')
@pytest.mark.lesson('M-7')
async def test_public_reads_are_limited_together(database_url: str) -> None:
    async with open_house(database_url, rate_limits=True, trusted_proxies='127.0.0.1') as house:
        link = (await book(house)).json()['manage'].partition('127.0.0.1:8000')[2]
        who = await number(house)
        reads = [
            '/choose-roundrobin/sales/?plan=payg&country_code=GB', '/choose-roundrobin/support', link,
            f'{link}/invite.ics', '/callbooker/support-link/validate/?admin_id=1',
            f'/callbooker/availability/?admin_id={who}&start_dt={TEN.date()}&end_dt={TEN.date()}',
        ]  # fmt: skip
        neighbours = [{'X-Forwarded-For': f'2001:db8:0:7::{n}'} for n in range(READS)]
        seen = [await house.web.get(reads[n % len(reads)], headers=told) for n, told in enumerate(neighbours)]
        assert 429 not in {answer.status_code for answer in seen}
        before = await turns(house)
        for path in reads:
            asked = {'X-Forwarded-For': '2001:db8:0:7:ffff::9', 'Accept': 'application/json'}
            over = await house.web.get(path, headers=asked)
            assert (over.status_code, over.json()['code']) == (429, 'limit'), path
            assert 0 < int(over.headers['retry-after']) <= 60
        assert await turns(house) == before, 'and draws nobody'
        assert (await house.web.get(reads[0], headers={'X-Forwarded-For': '2001:db8:0:8::1'})).status_code == 200
