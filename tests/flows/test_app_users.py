"""App users: what the host says becomes a record at once, goes to the target in force, and comes back by the feed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hermes.db.server.embedded import Server
from hermes.parts.assembly import set_limits
from hermes.systems.journal.files import Journal
from tests import postgres
from tests.flows.desk import logged_in, text
from tests.flows.house import House, open_house
from tests.folding import copy_log, digest, fold, state

KEY = 'a-key-of-the-host-for-tests'
SECRET = 'a-secret-of-thirty-two-characters-or-more'
WHO = {'authorization': f'token {KEY}'}


def settings_of(folder: Path) -> dict[str, Any]:
    return {'people_api_key': KEY, 'secret_key': SECRET, 'data_dir': folder}


@pytest.fixture
async def house(migrated_server: Server, tmp_path: Path) -> AsyncIterator[House]:
    """A Hermes whose app users go to the journal."""
    with postgres.fresh_database(migrated_server) as url:
        async with open_house(url, connected=False, **settings_of(tmp_path)) as opened:
            await set_limits(opened.engine, opened.settings)
            await opened.act('people.target', target='journal', phase='interim_log')
            yield opened


async def sign_up(house: House, **told: Any) -> httpx2.Response:
    body = {'email': 'ada@readers.example', 'first_name': 'Ada', 'last_name': "O'Brien", **told}
    return await house.web.post('/people/', json=body, headers=WHO)


def journal_of(house: House) -> Journal:
    return Journal(house.settings.world_dir / 'journal', SECRET)


async def test_somebody_signs_up_and_stands_in_the_journal(house: House) -> None:
    answer = await sign_up(house, user_id='u-1', lists=['News', 'Events'])
    assert answer.status_code == 202
    told = answer.json()
    assert (told['state'], told['crm_id']) == ('UserCreated', None)
    await house.settle()
    [entry] = journal_of(house).read()
    assert entry.says['record'] == ['app_user', told['id']]
    assert entry.says['fields']['last_name'] == "O'Brien"
    assert entry.says['fields']['lists'] == ['Events', 'News']
    shown = (await house.web.get('/people/host:u-1/', headers=WHO)).json()
    assert (shown['state'], shown['crm_id'], shown['id']) == ('LoggedForLater', None, told['id'])


async def test_the_same_sign_up_twice_is_one_user_and_one_line(house: House) -> None:
    first, second = [await sign_up(house) for _ in range(2)]
    assert first.json()['id'] == second.json()['id']
    await house.settle()
    assert len(list(journal_of(house).read())) == 1
    assert len(await house.rows('select 1 from app_user')) == 1


async def test_the_feed_tells_how_everybody_stands_from_the_beginning(house: House) -> None:
    for number in range(3):
        await sign_up(house, email=f'reader{number}@readers.example')
    await house.settle()
    answer = (await house.web.get('/people/changes/?limit=2', headers=WHO)).json()
    assert answer['more']
    seen = list(answer['changes'])
    while answer['more']:
        answer = (await house.web.get(f'/people/changes/?limit=2&after={answer["next"]}', headers=WHO)).json()
        seen += answer['changes']
    assert [each['number'] for each in seen] == sorted({each['number'] for each in seen})
    states = {each['id']: each['state'] for each in seen}
    assert set(states.values()) == {'LoggedForLater'}


async def test_an_address_of_somebody_else_is_refused_in_words(house: House) -> None:
    await sign_up(house, user_id='u-1')
    other = await sign_up(house, user_id='u-2', email='bea@readers.example')
    answer = await house.web.patch('/people/host:u-2/', json={'email': 'ADA@readers.example'}, headers=WHO)
    assert (answer.status_code, answer.json()['code']) == (409, 'email_taken')
    assert (await house.web.get(f'/people/{other.json()["id"]}/', headers=WHO)).json()['email'] == 'bea@readers.example'


@pytest.mark.parametrize('given', [{}, {'authorization': 'token wrong'}, {'authorization': f'basic {KEY}'}])
async def test_nobody_without_the_key_is_listened_to(house: House, given: dict[str, str]) -> None:
    answer = await house.web.post('/people/', content=b'not even json', headers=given)
    assert answer.status_code == 401
    assert await house.rows('select 1 from app_user') == []


@pytest.mark.behaviour('AU-18')
async def test_a_reader_of_the_desk_sees_an_app_user_like_any_record(house: House) -> None:
    number = (await sign_up(house, user_id='u-1')).json()['id']
    await house.settle()
    async with logged_in(house, 'viewer') as reader:
        assert 'ada@readers.example' in text(await reader.see('/desk/app_users/'))
        assert 'LoggedForLater' in text(await reader.see(f'/desk/records/app_user/{number}/'))
        [event] = await house.rows("select id from event where source = 'host'")
        assert 'Ada' in text(await reader.see(f'/desk/events/{event["id"]}/'))


@pytest.mark.invariant('I14')
async def test_a_fold_of_the_log_makes_the_same_users(house: House, migrated_server: Server) -> None:
    await sign_up(house, user_id='u-1', lists=['News'])
    await house.settle()
    await house.web.patch('/people/host:u-1/', json={'email': 'ada@other.example', 'lang': 'he'}, headers=WHO)
    await house.web.post('/people/host:u-1/moderation/', json={'action': 'review'}, headers=WHO)
    await house.web.post('/people/subscriptions/', json={'email': 'cy@x.example', 'lists': ['News']}, headers=WHO)
    await house.settle()
    before, was = await digest(house.engine.database), await state(house.engine.database)
    with postgres.fresh_database(migrated_server) as url:
        async with open_house(url, connected=False, **settings_of(house.settings.data_dir)) as other:
            await copy_log(house.engine.database, other.engine.database)
            await fold(other.engine)
            assert await state(other.engine.database) == was
            assert await digest(other.engine.database) == before
