"""Operators write, make, delete and take back records by the command line (D-22, ADM-13)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hermes.cli import app
from tests.flows.companies import later, sign_up
from tests.flows.house import House, open_house

MINE, OURS = 'https://tc2.example', 'https://decreed.example'


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url) as opened:
        yield opened


async def hermes(house: House, *arguments: str) -> Result:
    """The command, in a thread of its own, on the house's database."""
    env = {'DATABASE_URL': house.settings.database_url}
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(arguments), env=env, catch_exceptions=False))


async def said(house: House, *arguments: str) -> str:
    """What it says, when it is done; the act that it submitted is applied."""
    done = await hermes(house, *arguments)
    assert done.exit_code == 0, done.output
    [row] = await house.rows('select max(due_at) as at from event')
    house.clock.move_to(max(row['at'], house.clock.now()))
    await later(house)
    return ' '.join(done.output.split())


async def refused(house: House, *arguments: str) -> str:
    done = await hermes(house, *arguments)
    assert done.exit_code == 1
    return ' '.join(done.output.split())


async def last_event(house: House) -> str:
    [row] = await house.rows("select max(id) as id from event where kind = 'act'")
    return str(row['id'])


async def signed_up(house: House) -> str:
    sign_up(house, website=MINE)
    await later(house)
    [company] = await house.rows('select id from company')
    return f'company:{company["id"]}'


def site(house: House) -> Any:
    return house.custom('organization', house.organizations()[0]).get('website')


@pytest.mark.behaviour('D-22')
@pytest.mark.invariant('I25')
async def test_blame_shows_a_decree_with_who_said_it_and_why(house: House) -> None:
    company = await signed_up(house)
    await said(
        house,
        'record',
        'set',
        company,
        f'website={OURS}',
        'price_plan=enterprise',
        '--reason',
        'by phone',
        '--by',
        'Ada',
    )
    event = await last_event(house)
    assert site(house) == OURS
    told = await said(house, 'blame', company, 'website')
    assert f'(event {event}): by phone' in told
    assert 'decreed by Ada' in told
    assert f'tutorcruncher says {MINE}' in told
    assert f'held back by the decree of event {event}' in told
    shown = json.loads((await hermes(house, 'record', 'show', company, '--json')).stdout)
    assert shown['decrees']['price_plan']['reason'] == 'by phone'
    assert 'HELD BY' in await said(house, 'record', 'show', company)
    await said(house, 'release', company, 'price_plan')
    assert 'price_plan' not in json.loads((await hermes(house, 'record', 'show', company, '--json')).stdout)['decrees']
    assert 'computed by Hermes' not in await refused(house, 'release', company, 'price_plan')


@pytest.mark.behaviour('D-22', 'ADM-13')
async def test_an_old_value_is_put_back_and_that_is_undone(house: House) -> None:
    company = await signed_up(house)
    await said(house, 'record', 'set', company, f'website={OURS}')
    event = await last_event(house)
    await said(house, 'record', 'restore', company, 'website', '--event', event)
    assert site(house) == MINE
    assert f'Event {event} cannot be undone' in await refused(house, 'undo', event)
    again = await last_event(house)
    assert 'can be undone' in await said(house, 'undo', again, '--look')
    await said(house, 'undo', again, '--by', 'Ada')
    assert site(house) == OURS
    assert 'Which value' in await refused(house, 'record', 'restore', company, 'website')
    assert 'did not write' in await refused(house, 'record', 'restore', company, 'website', '--event', '1')


@pytest.mark.behaviour('D-2')
async def test_a_deletion_says_first_what_goes_and_is_taken_back(house: House) -> None:
    company = await signed_up(house)
    told = await said(house, 'record', 'delete', company)
    assert 'Goes: 1 company, 1 contact, 1 deal; 3 objects in the CRM' in told
    assert 'Nothing was done' in told
    assert len(house.organizations()) == 1
    await said(house, 'record', 'delete', company, '--yes')
    assert house.organizations() == []
    assert 'deleted: operator' in await said(house, 'record', 'show', company)
    assert 'is deleted (here' in await refused(house, 'record', 'delete', company)
    await said(house, 'record', 'restore', company)
    assert len(house.organizations()) == 1


@pytest.mark.behaviour('D-2')
async def test_the_preview_says_what_speaks_against_it(house: House) -> None:
    client = sign_up(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    [row] = await house.rows('select id from company')
    told = json.loads((await hermes(house, 'record', 'delete', str(row['id']), '--json')).stdout)
    assert (told['counts'], told['kept'], told['in_crm']) == (
        {'company': 1, 'contact': 1, 'deal': 1}, 'it has paid invoices', 0,
    )  # fmt: skip


async def test_records_are_made_fetched_and_pushed(house: House) -> None:
    await said(house, 'record', 'create', 'company', 'name=Ember Tutors')
    [row] = await house.rows('select id from company')
    company = f'company:{row["id"]}'
    await said(house, 'record', 'create', 'contact', 'last_name=Okafor', '--under', company)
    assert [one['name'] for one in house.persons()] == ['Okafor']
    house.mark()
    await said(house, 'record', 'fetch', company)
    assert len(house.calls('GET')) == 1
    assert 'A company goes into no contact' in await refused(
        house, 'record', 'merge', company, f'contact:{(await house.rows("select id from contact"))[0]["id"]}'
    )
    assert 'is not FIELD=VALUE' in await refused(house, 'record', 'set', company, 'website')
    assert 'is said twice' in await refused(house, 'record', 'set', company, 'name=A', 'name=B')
    await said(house, 'push', 'now', company)
    assert (
        'is to be sent'
        in (await house.rows("select reason from event where kind = 'act' order by id desc limit 1"))[0]['reason']
    )
