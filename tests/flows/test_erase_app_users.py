"""App users are erased (S10, AU-20): nothing of them is in a dump of the database, nobody signs them up again, and a
fold of the log ends where life did.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hermes.db.connections import opened
from hermes.db.server.embedded import Server
from hermes.parts.assembly import set_limits
from hermes.people import within
from tests import postgres
from tests.flows.desk import logged_in, text
from tests.flows.dumped import dump, found_in
from tests.flows.house import SANDBOX, House, open_house
from tests.flows.test_erase import check, erase
from tests.flows.test_erase_command import Terminal
from tests.folding import copy_log, fold, state

KEY, SECRET = 'a-key-of-the-host-for-tests', 'a-secret-of-thirty-two-characters-or-more'
WHO = {'authorization': f'token {KEY}'}
FIRST, LAST = 'Zephyrine', "O'Quillfeather"
EMAIL, OLD = 'zephyrine@quill.example', 'Old-Zephyrine@quill.example'
CANARIES = (FIRST, 'Quillfeather', 'zephyrine@', 'host-id-of-zephyrine')
OTHER = {'email': 'bo@hazel.example', 'first_name': 'Bo', 'last_name': 'Hazelnut', 'user_id': 'u-bo'}
SHE = {'email': OLD, 'first_name': FIRST, 'last_name': LAST, 'user_id': 'host-id-of-zephyrine', 'lists': ['Newsletter']}
TARGETS = {'journal': 'interim_log', 'salesforce': ''}
pytestmark = [pytest.mark.invariant('S10'), pytest.mark.behaviour('AU-20')]


def settings_of(folder: Path) -> dict[str, Any]:
    return {
        'people_api_key': KEY, 'secret_key': SECRET, 'data_dir': folder,
        'salesforce_base_url': f'{SANDBOX}/salesforce', 'salesforce_client_id': 'app-1',
        'salesforce_client_secret': 'app-secret-of-tests',
    }  # fmt: skip


@pytest.fixture(params=TARGETS)
async def house(migrated_server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A Hermes whose app users go to the journal, or to the emulated CRM."""
    with postgres.fresh_database(migrated_server) as url:
        async with open_house(url, connected=False, **settings_of(tmp_path)) as opened_house:
            object.__setattr__(opened_house.world.secrets, 'sf_client_id', 'app-1')
            object.__setattr__(opened_house.world.secrets, 'sf_client_secret', 'app-secret-of-tests')
            await set_limits(opened_house.engine, opened_house.settings)
            await opened_house.act('people.target', target=request.param, phase=TARGETS[request.param])
            yield opened_house


async def say(house: House, method: str, path: str, body: dict[str, Any]) -> Any:
    return await house.web.request(method, f'/people{path}', json=body, headers=WHO)


def host_says(house: House, body: dict[str, Any]) -> None:
    """A sign-up in a transaction of the host itself."""
    with opened(house.settings.database_url) as connection:
        connection.execute("select set_config('hermes.now', %s, false)", (house.clock.now().isoformat(),))
        within.say(connection, 'POST', '/', body)
        connection.commit()


async def plant(house: House) -> int:
    """Somebody who changed her address, is on a list by it, was moderated, signed up twice; beside somebody else."""
    number = (await say(house, 'POST', '/', SHE)).json()['id']
    await say(house, 'POST', '/', OTHER)
    await house.settle()
    await say(house, 'PATCH', '/host:host-id-of-zephyrine/', {'email': EMAIL, 'lang': 'fr'})
    await say(house, 'POST', '/subscriptions/', {'email': EMAIL.upper(), 'lists': ['Newsletter'], 'last_name': LAST})
    await say(house, 'POST', f'/{number}/moderation/', {'action': 'review'})
    await house.settle()
    await say(house, 'POST', '/', {**SHE, 'email': EMAIL})
    await say(house, 'POST', '/lookup/', {'email': EMAIL})
    await house.settle()
    return int(number)


async def bo(house: House) -> list[dict[str, Any]]:
    return await house.rows("select * from app_user where user_id = 'u-bo'")


async def test_a_dump_holds_nothing_of_an_app_user_who_was_erased(house: House, second_url: str) -> None:
    number = await plant(house)
    assert found_in(dump(house.settings.database_url), CANARIES)
    before = await bo(house)
    house.mark()
    told = await erase(house, 'app_user', number)
    assert found_in(dump(house.settings.database_url), CANARIES) == []
    assert check(house, told['receipt']) == []
    assert {'app_user', 'subscription', 'person_key', 'feed', 'event', 'change', 'mirror'} <= told['gone'].keys()
    [target] = await house.rows("select value from setting where key = 'people_target'")
    assert {one['system'] for one in told['held']} == {target['value']}
    await house.settle()
    assert await bo(house) == before
    assert house.calls(system='salesforce') == []
    assert await house.rows("select id, state, reason from event where state not in ('done', 'refused')") == []
    async with open_house(second_url, connected=False, **settings_of(house.settings.data_dir)) as other:
        await copy_log(house.engine.database, other.engine.database)
        await fold(other.engine)
        assert await state(other.engine.database) == await state(house.engine.database)


async def test_nobody_signs_her_up_again(house: House) -> None:
    number = await plant(house)
    told = await erase(house, 'app_user', number)
    for body in (SHE, {**SHE, 'user_id': 'another'}, {**SHE, 'user_id': '', 'email': EMAIL.upper()},
                 {**SHE, 'email': 'fresh@quill.example'}):  # fmt: skip
        answer = await say(house, 'POST', '/', body)
        assert (answer.status_code, answer.json()['code']) == (400, 'withheld'), answer.text
    answer = await say(house, 'POST', '/subscriptions/', {'email': EMAIL, 'lists': ['Newsletter']})
    assert answer.json()['code'] == 'withheld'
    answer = await say(house, 'PATCH', '/host:u-bo/', {'email': EMAIL})
    assert answer.json()['code'] == 'withheld'
    host_says(house, {**SHE, 'user_id': ''})
    await house.settle()
    assert found_in(dump(house.settings.database_url), (*CANARIES, 'fresh@quill')) == []
    assert check(house, told['receipt']) == []
    assert len(await house.rows('select 1 from app_user where tombstone is null')) == 1


async def test_what_waited_when_she_was_erased_makes_nobody(house: House) -> None:
    number = await plant(house)
    host_says(house, {**SHE, 'user_id': 'again', 'email': EMAIL})
    await erase(house, 'app_user', number)
    await house.settle()
    assert found_in(dump(house.settings.database_url), CANARIES) == []
    assert len(await house.rows('select 1 from app_user where tombstone is null')) == 1


async def test_she_is_found_exported_and_erased_by_commands(house: House, tmp_path: Path) -> None:
    number = await plant(house)
    terminal = Terminal(house, tmp_path)
    terminal.env['SECRET_KEY'] = SECRET
    for by in (EMAIL.upper(), 'host-id-of-zephyrine', f'app_user:{number}'):
        assert f'app_user:{number}' in await terminal.type('erase', by, '--preview')
    file = tmp_path / 'person.json'
    await terminal.type('export', EMAIL, str(file))
    told = json.loads(file.read_text())
    text_of = json.dumps(told, ensure_ascii=False)
    assert all(canary in text_of for canary in (FIRST, EMAIL, 'host-id-of-zephyrine', 'Newsletter'))
    assert 'Hazelnut' not in text_of
    assert {'states', 'told to the host', 'keys'} <= told.keys()
    said = await terminal.type('erase', EMAIL, '--yes', '--name', f'{FIRST} {LAST}')
    assert 'journal' in said
    assert found_in(dump(house.settings.database_url), CANARIES) == []


async def test_an_admin_erases_her_at_the_desk(house: House) -> None:
    number = await plant(house)
    async with logged_in(house, 'admin') as admin:
        page = await admin.see(f'/desk/privacy/app_user/{number}/')
        assert '1 subscription' in text(page)
        await admin.send(
            f'/desk/privacy/app_user/{number}/erase/', f'/desk/privacy/app_user/{number}/', name=f'{FIRST} {LAST}'
        )
    assert found_in(dump(house.settings.database_url), CANARIES) == []
