"""From one CRM to another (AU-9 to AU-13): users taken over, sign-ups kept in the journal meanwhile, the old people
loaded into the new CRM, everybody looked up, decided, and the old ids retired.
"""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hermes.db import people as stored
from hermes.db.server.embedded import Server
from hermes.domain.errors import Refused
from hermes.parts.assembly import set_limits
from hermes.people.importing import import_decisions, import_users
from hermes.people.journals import load_log
from hermes.people.validation import Validated, validate
from hermes.systems.journal.files import Journal
from tests import postgres
from tests.flows.house import SANDBOX, House, open_house
from tests.flows.nation import open_nation
from tests.flows.nation import people as everybody

KEY = 'a-key-of-the-host-for-tests'
SECRET = 'a-secret-of-thirty-two-characters-or-more'
WHO = {'authorization': f'token {KEY}'}
OLD, TWICE, MISSING = 450, 2, 3


@pytest.fixture
async def house(migrated_server: Server, tmp_path: Path) -> AsyncIterator[House]:
    more: dict[str, Any] = {
        'people_api_key': KEY, 'secret_key': SECRET, 'data_dir': tmp_path,
        'salesforce_base_url': f'{SANDBOX}/salesforce', 'salesforce_client_id': 'app-1',
        'salesforce_client_secret': 'app-secret-of-tests',
    }  # fmt: skip
    with postgres.fresh_database(migrated_server) as url:
        async with open_house(url, connected=False, **more) as opened:
            object.__setattr__(opened.world.secrets, 'sf_client_id', 'app-1')
            object.__setattr__(opened.world.secrets, 'sf_client_secret', 'app-secret-of-tests')
            await set_limits(opened.engine, opened.settings)
            yield opened


async def phase(house: House, end: str, target: str) -> None:
    await house.act('people.target', target=target, phase=end)


async def confirm(house: House, *steps: str) -> None:
    for step in steps:
        await house.act('people.confirm', step=step, by='Kim', on='2026-03-02')


async def states(house: House) -> Counter[str]:
    rows = await house.rows("select coalesce(state, '') as state, count(*) as n from app_user group by 1")
    return Counter({row['state']: row['n'] for row in rows})


async def sign_up(house: House, number: int) -> None:
    body = {'email': f'new{number}@readers.example', 'user_id': f'n-{number}', 'last_name': f'New{number}'}
    assert (await house.web.post('/people/', json=body, headers=WHO)).status_code == 202


async def looked_up(house: House, **more: Any) -> Validated:
    """A run beside the workers; the clock goes on for whoever waits."""
    return await validate(house.engine, **more)


@pytest.mark.behaviour('AU-9', 'AU-10', 'AU-11', 'AU-12', 'AU-13', 'AU-19')
async def test_the_whole_way_from_the_old_crm_to_the_new_one(house: House) -> None:
    crm = house.world.salesforce
    await phase(house, 'legacy', '')
    old = [
        (
            number,
            {'email': f'person{number}@legacy.example', 'user_id': f'u-{number}', 'legacy_id': str(100_000 + number)},
        )
        for number in range(1, OLD + 1)
    ]
    done = await import_users(house.engine, old, dry=False, by='Kim')
    assert (done.made, done.refused) == (OLD, [])
    again = await import_users(house.engine, old, dry=False, by='Kim')
    assert (again.made, again.known) == (0, OLD)

    with pytest.raises(Refused, match='mock_data_validated'):
        await phase(house, 'sandbox_verified', '')
    await confirm(house, 'mock_data_validated')
    await phase(house, 'sandbox_verified', '')
    await phase(house, 'interim_log', 'journal')
    for number in range(5):
        await sign_up(house, number)
    await house.settle()
    journal = Journal(house.settings.world_dir / 'journal', SECRET)
    assert [entry.says['fields']['email'][:3] for entry in journal.read()] == ['new'] * 5, 'who was there is no news'

    crm.load_legacy_people(OLD - MISSING, twice=range(1, TWICE + 1))
    with pytest.raises(Refused, match='final_data_loaded'):
        await phase(house, 'final_load', 'journal')
    await confirm(house, 'production_created', 'final_data_loaded')
    await phase(house, 'final_load', 'journal')
    await phase(house, 'replay', 'salesforce')

    run = await looked_up(house)
    assert run.looked == OLD
    assert run.calls <= 4
    assert await states(house) >= Counter(
        {'WroteSalesforceAppUserUid': OLD - MISSING - TWICE, 'Ambiguous': TWICE, 'WroteNotFound': MISSING}
    )
    entries = [entry.says for entry in journal.read()]
    first = await load_log(house.engine, entries)
    await house.settle()
    made = len(crm.kind('app_user').rows)
    assert made == OLD - MISSING + TWICE + 5
    assert (await load_log(house.engine, entries))['named'] == first['named']
    await house.settle()
    assert len(crm.kind('app_user').rows) == made

    back = await house.act('people.rollback', run=run.run)
    assert back['taken'] == OLD - MISSING - TWICE
    assert (await states(house))['NotChecked'] == OLD - MISSING - TWICE
    linked = await house.rows("select count(*) as n from link where system = 'salesforce'")
    assert linked[0]['n'] == 5, 'what was taken back belongs to nobody'
    await looked_up(house)

    with pytest.raises(Refused, match='2 Ambiguous'):
        await phase(house, 'validated', 'salesforce')
    rows = await house.rows("select id, state, legacy_id from app_user where state in ('WroteNotFound', 'Ambiguous')")
    twins = crm.kind('app_user').rows.values()
    decided = [
        {'id': row['id'], 'decision': 'create', 'reason': 'a real one'}
        if row['state'] == 'WroteNotFound'
        else {
            'id': row['id'],
            'decision': 'link',
            'crm_id': next(twin['Id'] for twin in twins if row['legacy_id'] in map(str, twin.values())),
        }
        for row in rows
    ]
    taken = await import_decisions(house.engine, list(enumerate(decided, 2)), by='Kim')
    assert (taken.made, taken.refused) == (TWICE + MISSING, [])
    await house.settle()
    assert set(await states(house)) == {'WroteSalesforceAppUserUid'}

    await phase(house, 'validated', 'salesforce')
    await house.act('people.retire')
    assert await house.rows('select 1 from app_user where legacy_id is not null') == []
    async with house.engine.database.transaction() as connection:
        feed = await stored.changes(connection, 0, 100_000)
    last = {news.says['id']: news.says for news in feed if news.says['type'] == 'app_user'}
    for row in await house.rows('select id, crm_id, state from app_user'):
        assert (last[row['id']]['crm_id'], last[row['id']]['state']) == (row['crm_id'], row['state'])


@pytest.mark.behaviour('AU-9', 'AU-13', 'AU-16')
async def test_the_way_begins_in_the_nation_and_goes_back_once(migrated_server: Server, tmp_path: Path) -> None:
    more: dict[str, Any] = {
        'salesforce_base_url': f'{SANDBOX}/salesforce', 'salesforce_client_id': 'app-1',
        'salesforce_client_secret': 'app-secret-of-tests',
    }  # fmt: skip
    with postgres.fresh_database(migrated_server) as url:
        async with open_nation(url, tmp_path, **more) as house:
            object.__setattr__(house.world.secrets, 'sf_client_id', 'app-1')
            object.__setattr__(house.world.secrets, 'sf_client_secret', 'app-secret-of-tests')
            old = house.world.nationbuilder.add_people(40, prefix='reader', external=False)
            known = {one['id']: one['email1'] for one in everybody(house) if one['id'] in set(old)}
            lines = [
                (number, {'email': known[old_id], 'user_id': f'u-{old_id}', 'legacy_id': old_id})
                for number, old_id in enumerate(old, 2)
            ]
            assert (await import_users(house.engine, lines, dry=False, by='Kim')).made == 40
            assert (await looked_up(house)).states['WroteSalesforceAppUserUid'] == 40
            await sign_up(house, 1)
            await house.settle()
            assert set(await states(house)) == {'WroteSalesforceAppUserUid'}
            assert len(everybody(house)) == 41
            [late] = await house.rows("select crm_id from app_user where user_id = 'n-1'")

            await confirm(house, 'mock_data_validated', 'production_created', 'final_data_loaded')
            await phase(house, 'sandbox_verified', 'nationbuilder')
            await phase(house, 'interim_log', 'journal')
            await phase(house, 'sandbox_verified', 'nationbuilder')
            assert set(await states(house)) == {'WroteSalesforceAppUserUid'}, (
                'the way back finds everybody as they were'
            )
            await phase(house, 'interim_log', 'journal')
            await sign_up(house, 2)
            await house.settle()
            assert (await states(house))['LoggedForLater'] == 1

            crm = house.world.salesforce
            for old_id, email in (*known.items(), (late['crm_id'], 'new1@readers.example')):
                table = crm.kind('app_user')
                crm.create('app_user', {table.parts['email']: email, table.parts['legacy']: old_id})
            await phase(house, 'final_load', 'journal')
            await phase(house, 'replay', 'salesforce')
            await looked_up(house)
            await load_log(
                house.engine, [entry.says for entry in Journal(house.settings.world_dir / 'journal', SECRET).read()]
            )
            await house.settle()
            assert set(await states(house)) == {'WroteSalesforceAppUserUid'}
            assert len(crm.kind('app_user').rows) == 42, 'nobody is made twice'
            assert len(everybody(house)) == 41, 'and nobody is written to the nation any more'
            await phase(house, 'validated', 'salesforce')
