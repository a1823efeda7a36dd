"""App users as they stand in the emulated Salesforce: signed up, changed, looked for, moderated; its bad manners."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from hermes.db.server.embedded import Server
from hermes.parts.assembly import set_limits
from hermes.people.importing import import_users
from hermes.people.sustainers import sync_sustainers
from hermes.people.validation import validate
from hermes.ports import PeopleTarget
from hermes.setup.doctor import ask_names
from tests import postgres
from tests.flows.house import SANDBOX, House, open_house

KEY = 'a-key-of-the-host-for-tests'
WHO = {'authorization': f'token {KEY}'}
CLIENT_ID, CLIENT_SECRET = 'app-1', 'app-secret-of-tests'
USER, EMAIL = 'Sefaria_App_User__c', 'Sefaria_App_Email__c'


@dataclass
class People:
    """A Hermes whose app users go to Salesforce."""

    house: House

    @property
    def crm(self) -> Any:
        return self.house.world.salesforce

    async def sign_up(self, email: str, **told: Any) -> dict[str, Any]:
        body = {'email': email, 'first_name': 'Ada', 'last_name': "O'Brien", **told}
        answer = await self.house.web.post('/people/', json=body, headers=WHO)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    async def shown(self, who: object) -> dict[str, Any]:
        return dict((await self.house.web.get(f'/people/{who}/', headers=WHO)).json())

    def rows(self, kind: str = USER) -> list[dict[str, Any]]:
        return [row for row in self.crm.kind(kind).rows.values() if not row['IsDeleted']]

    def calls(self) -> int:
        return len([call for call in self.house.world.calls if call.system == 'salesforce'])

    async def pushes(self) -> list[tuple[str, str]]:
        rows = await self.house.rows("select state, reason from push where wanted > done and system = 'salesforce'")
        return [(row['state'], row['reason']) for row in rows]


@pytest.fixture
async def people(migrated_server: Server, tmp_path: Path) -> AsyncIterator[People]:
    more: dict[str, Any] = {
        'people_api_key': KEY, 'data_dir': tmp_path, 'salesforce_base_url': f'{SANDBOX}/salesforce',
        'salesforce_client_id': CLIENT_ID, 'salesforce_client_secret': CLIENT_SECRET,
    }  # fmt: skip
    with postgres.fresh_database(migrated_server) as url:
        async with open_house(url, connected=False, **more) as house:
            secrets = house.world.secrets
            object.__setattr__(secrets, 'sf_client_id', CLIENT_ID)
            object.__setattr__(secrets, 'sf_client_secret', CLIENT_SECRET)
            await set_limits(house.engine, house.settings)
            await house.act('people.target', target='salesforce', phase='interim_target')
            yield People(house)


@pytest.mark.behaviour('AU-1', 'AU-15')
async def test_who_signs_up_stands_there_and_the_host_learns_the_id(people: People) -> None:
    told = await people.sign_up('ada@readers.example', user_id='u-1', lists=['Newsletter', 'Educators'])
    await people.house.settle()
    [row] = people.rows()
    assert (row['Hermes_Id__c'], row['User_Id__c']) == (str(told['id']), 'u-1')
    assert (row['Email__c'], row['Last_Name__c']) == ('ada@readers.example', "O'Brien")
    assert sorted(row['Mailing_Lists__c'].split(';')) == ['Educators', 'Newsletter']
    shown = await people.shown('host:u-1')
    assert (shown['state'], shown['crm_id']) == ('WroteSalesforceAppUserUid', row['Id'])
    await people.house.settle()
    before = people.calls()
    await people.house.settle()
    assert people.calls() == before


@pytest.mark.behaviour('AU-2')
async def test_another_address_goes_to_the_same_object(people: People) -> None:
    told = await people.sign_up('ada@readers.example')
    await people.house.settle()
    [before] = people.rows()
    answer = await people.house.web.patch(f'/people/{told["id"]}/', json={'email': 'new@readers.example'}, headers=WHO)
    assert answer.status_code == 202
    await people.house.settle()
    [row] = people.rows()
    assert (row['Id'], row['Email__c']) == (before['Id'], 'new@readers.example')


@pytest.mark.behaviour('AU-13')
async def test_who_stands_there_already_is_found_by_address_and_gets_our_number(people: People) -> None:
    people.crm.load_legacy_people(1)
    told = await people.sign_up('person1@legacy.example')
    await people.house.settle()
    [row] = people.rows()
    assert (row['Hermes_Id__c'], row['First_Name__c'], row['Legacy_Id__c']) == (str(told['id']), 'Ada', '100001')
    assert (await people.shown(told['id']))['crm_id'] == row['Id']


@pytest.mark.behaviour('AU-13', 'AU-15')
async def test_several_of_one_address_are_for_a_person(people: People) -> None:
    people.crm.load_legacy_people(1, twice=(1,))
    told = await people.sign_up('person1@legacy.example')
    await people.house.settle()
    assert (await people.shown(told['id']))['state'] == 'Ambiguous'
    assert [row['Hermes_Id__c'] for row in people.rows()] == [None, None]
    assert len(await people.house.rows("select 1 from decision where kind = 'ambiguous'")) == 1


@pytest.mark.behaviour('AU-15')
async def test_several_under_our_own_number_are_for_a_person(people: People) -> None:
    people.crm.change_field(USER, 'Hermes_Id__c', unique=False)
    told = await people.sign_up('ada@readers.example')
    for _ in range(2):
        people.crm.create(USER, {'Hermes_Id__c': str(told['id']), 'Email__c': 'other@b.example'})
    await people.house.settle()
    assert (await people.shown(told['id']))['state'] == 'Ambiguous'
    assert len(people.rows()) == 2


@pytest.mark.behaviour('AU-10', 'AU-15')
async def test_many_who_sign_up_are_few_calls(people: People) -> None:
    for number in range(60):
        await people.sign_up(f'reader{number}@readers.example')
    before = people.calls()
    await people.house.settle()
    assert len(people.rows()) == 60
    assert people.calls() - before < 12
    assert await people.pushes() == []


@pytest.mark.behaviour('AU-17')
async def test_one_whom_it_refuses_keeps_nobody_back(people: People) -> None:
    people.crm.change_field(USER, 'Mailing_Lists__c', restricted=True)
    for number in range(5):
        await people.sign_up(f'reader{number}@readers.example', lists=['Newsletter' if number != 2 else 'Unheard of'])
    await people.house.settle()
    assert len(people.rows()) == 4
    [(state, reason)] = await people.pushes()
    assert state == 'parked'
    assert 'reader2' not in reason


@pytest.mark.behaviour('AU-4')
async def test_spam_is_flagged_and_never_lost(people: People) -> None:
    told = await people.sign_up('ada@readers.example')
    await people.house.settle()
    answer = await people.house.web.post(f'/people/{told["id"]}/moderation/', json={'action': 'spam'}, headers=WHO)
    assert answer.status_code == 202
    await people.house.settle()
    [row] = people.rows()
    assert row['Review_Reason__c'] == 'spam'


@pytest.mark.behaviour('AU-3')
async def test_an_address_without_an_account_gets_its_mail(people: People) -> None:
    body = {'email': 'list@readers.example', 'lists': ['Newsletter']}
    answer = await people.house.web.post('/people/subscriptions/', json=body, headers=WHO)
    assert answer.status_code == 202
    await people.house.settle()
    [row] = people.rows(EMAIL)
    assert (row['Email__c'], row['Mailing_Lists__c']) == ('list@readers.example', 'Newsletter')
    assert row['Hermes_Id__c'] == str(answer.json()['id'])
    assert people.rows() == []


async def test_bad_manners_lose_and_double_nobody(people: People) -> None:
    people.crm.break_things(locks=5)
    for number in range(8):
        await people.sign_up(f'reader{number}@readers.example')
        await people.house.settle(5)
        people.crm.end_sessions()
    await people.house.settle(7200)
    people.crm.mend()
    await people.house.settle(7200)
    assert sorted(row['Email__c'] for row in people.rows()) == [
        f'reader{number}@readers.example' for number in range(8)
    ]
    assert await people.pushes() == []


async def test_storms_lose_and_double_nobody(people: People) -> None:
    people.house.world.weather.change(name='storm')
    for number in range(8):
        await people.sign_up(f'reader{number}@readers.example')
        await people.house.settle(5)
    await people.house.settle(600)
    people.house.world.weather.change(name='calm')
    people.house.clock.move_to(people.house.clock.now() + timedelta(hours=25))
    await people.house.settle(7200)
    print(await people.house.rows('select * from system_state'), await people.pushes())
    assert sorted(row['Email__c'] for row in people.rows()) == [
        f'reader{number}@readers.example' for number in range(8)
    ]
    assert await people.pushes() == []


async def test_a_spent_day_is_waited_for(people: People) -> None:
    people.crm.set_calls(daily=100, used=100)
    await people.sign_up('ada@readers.example')
    await people.house.settle(60)
    assert people.rows() == []
    people.crm.set_calls(daily=100, used=0)
    people.house.clock.move_to(people.house.clock.now() + timedelta(hours=25))
    await people.house.settle(7200)
    assert len(people.rows()) == 1


async def test_what_others_spend_of_the_day_is_left_to_them(people: People) -> None:
    """Each answer says what is spent: Hermes stops by itself, before it is refused."""
    people.crm.set_calls(daily=100, used=90)
    for number in range(20):
        await people.sign_up(f'reader{number}@readers.example')
        await people.house.settle(30)
    told = [call.status for call in people.house.world.calls if call.system == 'salesforce']
    assert 0 < len(told) < 12
    assert 403 not in told
    people.crm.set_calls(daily=15_000, used=0)
    people.house.clock.move_to(people.house.clock.now() + timedelta(hours=49))
    await set_limits(people.house.engine, people.house.settings)
    await people.house.settle(7200)
    assert len(people.rows()) == 20


@pytest.mark.behaviour('AU-7', 'AU-8')
async def test_the_host_asks_who_is_there_and_which_lists(people: People) -> None:
    people.crm.load_legacy_people(2, twice=(2,))
    told = []
    for email in ('person1@legacy.example', 'person2@legacy.example', "o'nobody@legacy.example"):
        answer = await people.house.web.post('/people/lookup/', json={'email': email}, headers=WHO)
        told.append(answer.json())
    assert [len(each['crm_ids']) for each in told] == [1, 2, 0]
    answer = await people.house.web.get('/people/lists/', headers=WHO)
    assert answer.json()['lists'] == ['Educators', 'Newsletter', 'Newsletter Hebrew', 'Weekly Study']


async def test_an_object_that_people_delete_there_is_made_again(people: People) -> None:
    told = await people.sign_up('ada@readers.example')
    await people.house.settle()
    [row] = people.rows()
    people.crm.delete(USER, row['Id'])
    await people.house.web.patch(f'/people/{told["id"]}/', json={'first_name': 'Bea'}, headers=WHO)
    await people.house.settle(7200)
    [row] = people.rows()
    assert (row['First_Name__c'], row['Hermes_Id__c']) == ('Bea', str(told['id']))
    assert (await people.shown(told['id']))['crm_id'] == row['Id']
    assert await people.house.rows("select 1 from event where state = 'parked'") == []


@pytest.mark.behaviour('AU-9', 'AU-10')
async def test_many_are_validated_in_few_calls_and_then_known_by_our_numbers(people: People) -> None:
    people.crm.load_legacy_people(450, contacts=False, twice=(7,))
    people.house.clock.move_to(people.house.clock.now() + timedelta(minutes=1))
    lines = [
        (n, {'email': f'person{n}@legacy.example', 'user_id': f'u-{n}', 'legacy_id': str(100_000 + n)})
        for n in range(1, 461)
    ]
    engine = people.house.engine
    await import_users(engine, lines, dry=False, by='tests')
    before = people.calls()
    done = await validate(engine, by='tests')
    assert people.calls() - before <= 4
    assert done.looked == 460
    assert done.states == {'WroteSalesforceAppUserUid': 449, 'WroteNotFound': 10, 'Ambiguous': 1}
    before = people.calls()
    await people.house.settle()
    assert len([row for row in people.rows() if row['Hermes_Id__c']]) == 449
    assert len(people.rows()) == 451
    assert people.calls() - before <= 6


@pytest.mark.behaviour('AU-6')
async def test_sustainers_are_read_to_the_end(people: People) -> None:
    for number in range(3):
        await people.sign_up(f'reader{number}@readers.example')
    await people.house.settle()
    people.crm.load_legacy_people(4500, contacts=False)
    [first, *_] = people.rows()
    people.crm.flag_sustainer(first['Id'])
    done = await sync_sustainers(people.house.engine)
    assert (done.read, len(done.on), len(done.off)) == (4503, 1, 0)
    assert (await people.shown(done.on[0]))['is_sustainer'] is True


async def test_doctor_compares_the_names(people: People) -> None:
    system = people.house.engine.systems['salesforce']
    assert (await ask_names(people.house.engine, cast(PeopleTarget, system))).state == 'ok'
    people.crm.change_field(USER, 'Hermes_Id__c', unique=False)
    found = await ask_names(people.house.engine, cast(PeopleTarget, system))
    assert (found.name, found.state) == ('salesforce names', 'todo')
    assert found.said == f'{USER}.Hermes_Id__c is not unique: there could be two objects for one person.'


@pytest.mark.behaviour('AU-14')
async def test_who_is_imported_with_the_short_form_of_an_id_is_the_same_object(people: People) -> None:
    people.crm.load_legacy_people(2, contacts=False)
    first, second = people.rows()
    lines = [
        (1, {'email': 'person1@legacy.example', 'user_id': 'u-1', 'crm_id': first['Id'][:15]}),
        (2, {'email': 'person2@legacy.example', 'user_id': 'u-2', 'crm_id': f'{second["Id"][:15]}ZZZ'}),
    ]
    done = await import_users(people.house.engine, lines, dry=False, by='tests')
    assert [number for number, _ in done.refused] == [2]
    await people.house.settle()
    told = [await people.shown(who) for who in ('host:u-1', f'crm:{first["Id"]}', f'crm:{first["Id"][:15]}')]
    assert {each['crm_id'] for each in told} == {first['Id']}
    assert len(people.rows()) == 2
    assert {row['Hermes_Id__c'] for row in people.rows()} == {str(told[0]['id']), None}
    assert await people.house.rows("select 1 from decision where kind = 'conflict'") == []
    answer = await people.house.web.get('/people/crm:nonsense/', headers=WHO)
    assert answer.status_code in (400, 404)
