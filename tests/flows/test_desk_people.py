"""App users at the desk: the migration as a plan, the states of each, and what people do about them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hermes.db.server.embedded import Server
from hermes.parts.assembly import set_limits
from tests import postgres
from tests.flows.desk import logged_in, said, text
from tests.flows.house import House, open_house
from tests.flows.test_app_users import settings_of, sign_up
from tests.flows.test_erase_command import Terminal

MIGRATION = '/desk/migration/'


@pytest.fixture
async def house(migrated_server: Server, tmp_path: Path) -> AsyncIterator[House]:
    """A Hermes whose app users wait to be moved."""
    with postgres.fresh_database(migrated_server) as url:
        async with open_house(url, connected=False, **settings_of(tmp_path)) as opened:
            await set_limits(opened.engine, opened.settings)
            await opened.act('people.target', target='', phase='legacy')
            yield opened


async def phase_of(house: House) -> Any:
    [row] = await house.rows("select value from setting where key = 'people_phase'")
    return row['value']


@pytest.mark.behaviour('AU-13')
async def test_an_admin_leads_the_migration_as_it_was_drawn(house: House) -> None:
    await sign_up(house, user_id='u-1')
    async with logged_in(house, 'admin') as admin:
        page = await admin.see(MIGRATION)
        for phase in ('Legacy', 'Sandbox verified', 'Interim log', 'Interim target', 'Final load', 'Replay', 'Resolve',
                      'Validated', 'Retired'):  # fmt: skip
            assert phase in text(page)
        assert 'aria-current="step"' in page.partition('id="phase-legacy"')[2].partition('>')[0]
        assert 'No: back to' in text(page)
        assert 'nobody confirmed "mock_data_validated"' in text(page)
        refused = await admin.send(f'{MIGRATION}move/', MIGRATION, phase='sandbox_verified', name='sandbox_verified')
        assert (refused.status_code, await phase_of(house)) == (422, 'legacy')
        told = {'step': 'mock_data_validated', 'by': 'Kim Verifier'}
        assert (await admin.send(f'{MIGRATION}confirm/', MIGRATION, **told, on='soon')).status_code == 422
        page = await admin.act(f'{MIGRATION}confirm/', MIGRATION, **told, on='2026-03-01')
        assert 'By Kim Verifier on 2026-03-01' in text(page)
        wrong = await admin.send(f'{MIGRATION}move/', MIGRATION, phase='sandbox_verified', name='yes')
        assert 'Write "sandbox_verified"' in said(wrong.text)
        page = await admin.act(f'{MIGRATION}move/', MIGRATION, phase='sandbox_verified', name='sandbox_verified')
        assert await phase_of(house) == 'sandbox_verified'
        assert 'admin@desk.example' in text(page)
        await admin.act(f'{MIGRATION}move/', MIGRATION, phase='interim_log', name='interim_log')
        await house.settle()
        page = await admin.see(MIGRATION)
        assert 'href="/desk/app_users/?state=UserCreated&amp;target=journal"' in page or 'LoggedForLater' in page
        await admin.act(f'{MIGRATION}move/', MIGRATION, phase='sandbox_verified', name='sandbox_verified')
        assert await phase_of(house) == 'sandbox_verified'
        await admin.act(f'{MIGRATION}confirm/', MIGRATION, step='mock_data_validated', undo='1')
        assert 'By Kim Verifier' not in text(await admin.see(MIGRATION))


@pytest.mark.behaviour('AU-13')
async def test_an_operator_sees_the_plan_and_only_an_admin_moves_it(house: House) -> None:
    async with logged_in(house, 'operator') as operator:
        page = await operator.see(MIGRATION)
        assert f'{MIGRATION}move/' not in page
        for path, fields in (('move/', {'phase': 'sandbox_verified', 'name': 'sandbox_verified'}),
                             ('confirm/', {'step': 'mock_data_validated', 'by': 'x', 'on': '2026-03-01'})):  # fmt: skip
            assert (await operator.send(f'{MIGRATION}{path}', '/', **fields)).status_code == 403
    async with logged_in(house, 'viewer') as viewer:
        assert (await viewer.get(MIGRATION)).status_code == 403
        assert MIGRATION not in (await viewer.get('/')).text
    assert await phase_of(house) == 'legacy'


@pytest.mark.behaviour('AU-4', 'AU-5', 'AU-20')
async def test_an_operator_moderates_merges_and_deletes(house: House) -> None:
    first, second = [
        (await sign_up(house, user_id=f'u-{n}', email=f'r{n}@readers.example', lists=[f'L{n}'])).json()['id']
        for n in (1, 2)
    ]
    path = f'/desk/records/app_user/{first}/'
    async with logged_in(house, 'viewer') as viewer:
        assert f'{path}account/' not in await viewer.see(path)
        assert (await viewer.send(f'{path}account/', '/', act='delete', name='r1@readers.example')).status_code == 403
    async with logged_in(house, 'operator') as operator:
        assert f'{path}account/' in await operator.see(path)
        await operator.act(f'{path}account/', act='moderate', choice='spam')
        [row] = await house.rows('select moderation from app_user where id = %s', first)
        assert row['moderation'] == 'spam'
        refused = await operator.send(f'{path}account/', act='decide', choice='link')
        assert 'there is nothing to decide' in said(refused.text)
        unnamed = await operator.send(f'{path}account/', act='merge', into=str(second))
        assert unnamed.status_code == 422
        page = await operator.act(f'{path}account/', act='merge', into=str(second), name='R1@readers.example')
        assert f'app user {first} went into {second}' in text(page)
        [row] = await house.rows('select lists from app_user where id = %s', second)
        assert row['lists'] == ['L1', 'L2']
        await operator.act(f'/desk/records/app_user/{second}/account/', act='delete', name='r2@readers.example')
    assert await house.rows('select 1 from app_user where tombstone is null') == []


@pytest.mark.behaviour('AU-9', 'AU-11')
async def test_a_users_page_tells_every_state_also_as_the_old_log_did(house: House) -> None:
    number = (await sign_up(house, user_id='u-1')).json()['id']
    await house.rows(
        "insert into crm_check (record_type, record_id, target, state, excerpt, at) values ('app_user', %s, 'journal', "
        "'WroteNotFound', 'no row', '2026-03-01T10:00:00Z') returning id", number,
    )  # fmt: skip
    async with logged_in(house, 'viewer') as viewer:
        page = text(await viewer.see(f'/desk/records/app_user/{number}/'))
    assert 'NbProfileNotFoundInSalesforce-2026-03-01T10:00:00+00:00: no row' in page
    assert 'WroteNotFound' in page


@pytest.mark.behaviour('AU-13')
async def test_the_doctor_says_that_the_environment_wishes_for_another_target(house: House, tmp_path: Path) -> None:
    terminal = Terminal(house, tmp_path)
    assert 'CRM_TYPE wishes' not in await terminal.type('doctor', code=2)
    terminal.env['CRM_TYPE'] = 'LOG'
    assert 'CRM_TYPE wishes for journal' in ' '.join((await terminal.type('doctor', code=2)).split())
