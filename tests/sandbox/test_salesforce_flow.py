"""What the emulated CRM does by itself and what people do in it: Contacts, merges, legacy people, the lists' reader."""

from typing import Any

import pytest

from hermes.kit.clock import ManualClock
from hermes.sandbox.salesforce.schema import shipped
from hermes.sandbox.salesforce.store import Row
from tests.sandbox.salesforce import EMAIL, KEY, USER, Caller, open_caller

ADA: Any = {'Email__c': 'ada@people.example', 'First_Name__c': 'Ada', 'Last_Name__c': 'Byron'}


@pytest.fixture
def caller() -> Caller:
    return open_caller()


def rows(caller: Caller, kind: str) -> list[Row]:
    return [row for row in caller.world.salesforce.state()['objects'][kind] if not row['IsDeleted']]


async def test_a_new_app_user_gets_a_contact_of_its_own(caller: Caller) -> None:
    made = await caller.upsert('1', **ADA)
    [contact], [user] = rows(caller, 'Contact'), rows(caller, USER)
    assert (user['Id'], user['Contact__c']) == (made['id'], contact['Id'])
    assert (contact['Name'], contact['Email']) == ('Ada Byron', 'ada@people.example')
    await caller.upsert('2', Email__c='nameless@people.example')
    assert rows(caller, 'Contact')[-1]['LastName'] == '[not provided]'
    await caller.upsert('3')
    assert rows(caller, USER)[-1]['Contact__c'] is None


async def test_whoever_has_the_address_is_joined(caller: Caller) -> None:
    known = caller.world.salesforce.create('contact', {'LastName': 'Byron', 'Email': 'Ada@people.example'})
    await caller.upsert('1', **ADA)
    await caller.upsert('s1', kind=EMAIL, Email__c='ADA@people.example')
    assert [row['Id'] for row in rows(caller, 'Contact')] == [known['Id']]
    assert {row['Contact__c'] for kind in (USER, EMAIL) for row in rows(caller, kind)} == {known['Id']}


async def test_a_changed_address_takes_its_contact_along(caller: Caller) -> None:
    made = await caller.upsert('1', **ADA)
    [before] = rows(caller, 'Contact')
    await caller.upsert('1', 200, Email__c='countess@people.example')
    [after] = rows(caller, 'Contact')
    assert (after['Id'], after['Email']) == (before['Id'], 'countess@people.example')
    assert rows(caller, USER)[0]['Id'] == made['id']


async def test_a_changed_address_of_somebody_else_merges_the_two(caller: Caller) -> None:
    await caller.upsert('1', **ADA)
    [own] = rows(caller, 'Contact')
    other = caller.world.salesforce.create(
        'contact', {'LastName': 'Lovelace', 'Email': 'countess@people.example', 'Legacy_Id__c': '7'}
    )
    await caller.upsert('s1', kind=EMAIL, Email__c='ada@people.example')
    await caller.upsert('1', 200, Email__c='countess@people.example')
    [kept] = rows(caller, 'Contact')
    assert (kept['Id'], kept['Name'], kept['Legacy_Id__c']) == (other['Id'], 'Ada Lovelace', '7')
    assert rows(caller, USER)[0]['Contact__c'] == other['Id']
    assert rows(caller, EMAIL)[0]['Contact__c'] == other['Id']
    gone = caller.world.salesforce.contacts.rows[own['Id']]
    assert (gone['IsDeleted'], gone['MasterRecordId']) == (True, other['Id'])
    assert await caller.refused('GET', f'sobjects/Contact/{own["Id"]}') == (404, 'NOT_FOUND')


async def test_an_admin_merges_edits_and_deletes_contacts(caller: Caller) -> None:
    crm = caller.world.salesforce
    await caller.upsert('1', **ADA)
    await caller.upsert('2', Email__c='ben@people.example')
    first, second = rows(caller, 'Contact')
    crm.act('edit', kind='contact', record_id=first['Id'][:15], FirstName='Augusta')
    crm.act('merge', loser=second['Id'], survivor=first['Id'])
    assert {row['Contact__c'] for row in rows(caller, USER)} == {first['Id']}
    crm.act('delete', kind='contact', record_id=first['Id'])
    assert {row['Contact__c'] for row in rows(caller, USER)} == {None}
    back = crm.act('undelete', kind='contact', record_id=second['Id'])
    assert (back['IsDeleted'], back['MasterRecordId']) == (False, None)
    await caller.upsert('2', 200, Language__c='he')
    assert rows(caller, USER)[1]['Contact__c'] == second['Id']
    with pytest.raises(ValueError, match='with itself'):
        crm.act('merge', loser=second['Id'], survivor=second['Id'])


async def test_the_flow_may_come_later_or_not_at_all(caller: Caller) -> None:
    crm, clock = caller.world.salesforce, caller.world.clock
    assert isinstance(clock, ManualClock)
    crm.set_flow(lag_s=30)
    await caller.upsert('1', **ADA)
    made = await caller.upsert('2', Email__c='ben@people.example')
    assert rows(caller, 'Contact') == []
    await caller.ok('DELETE', f'sobjects/{USER}/{made["id"]}', None, 204)
    clock.advance(30)
    [found] = await caller.query(f'SELECT Contact__r.Name FROM {USER}')
    assert found['Contact__r']['Name'] == 'Ada Byron'
    assert len(rows(caller, 'Contact')) == 1
    crm.set_flow(False)
    await caller.upsert('3', Email__c='cleo@people.example')
    assert len(rows(caller, 'Contact')) == 1


@pytest.mark.behaviour('AU-21')
async def test_a_third_party_reads_each_list_from_the_contacts(caller: Caller) -> None:
    crm = caller.world.salesforce
    ada = await caller.upsert('1', **ADA, Mailing_Lists__c='Newsletter;Educators')
    only = await caller.upsert('s1', kind=EMAIL, Email__c='ben@people.example', Mailing_Lists__c='Newsletter')
    twin = await caller.upsert('s2', kind=EMAIL, Email__c='ada@people.example', Mailing_Lists__c='Newsletter')
    crm.set_flow(False)
    await caller.upsert('3', Email__c='unjoined@people.example', Mailing_Lists__c='Newsletter')
    crm.set_flow(True)
    told = (await caller.client.get('/_world/salesforce/lists')).json()
    assert list(told) == ['Newsletter', 'Newsletter Hebrew', 'Educators', 'Weekly Study']
    read = {name: [one['email'] for one in readers] for name, readers in told.items()}
    assert read['Newsletter'] == ['ada@people.example', 'ben@people.example']
    assert (read['Educators'], read['Weekly Study']) == (['ada@people.example'], [])
    assert told['Newsletter'][0]['sources'] == [ada['id'], twin['id']]
    assert told['Newsletter'][1] | {'contact_id': '', 'name': ''} == {
        'contact_id': '', 'email': 'ben@people.example', 'name': '', 'sources': [only['id']],
    }  # fmt: skip
    await caller.upsert('s1', 200, kind=EMAIL, Review_Reason__c='Marked as SPAM by a moderator')
    await caller.upsert('1', 200, Review_Reason__c='Account deleted')
    read = crm.lists()
    assert [one['email'] for one in read['Newsletter']] == ['ada@people.example']
    await caller.ok('DELETE', f'sobjects/{USER}/{ada["id"]}', None, 204)
    assert [one['sources'] for one in crm.lists()['Newsletter']] == [[twin['id']]]
    assert crm.lists()['Educators'] == []


async def test_legacy_people_are_the_same_every_time(caller: Caller) -> None:
    crm = caller.world.salesforce
    assert crm.act('load_legacy_people', count=6, sustained_every=3, twice=[2]) == 6
    users = rows(caller, USER)
    assert [row['Legacy_Id__c'] for row in users] == [str(100_000 + one) for one in (1, 2, 2, 3, 4, 5, 6)]
    assert [row['Email__c'] for row in users][-1] == 'person6@legacy.example'
    assert [row['Is_Sustainer__c'] for row in users] == [False, False, False, True, False, False, True]
    assert len(rows(caller, 'Contact')) == 6
    found = await caller.query(f"SELECT Id FROM {USER} WHERE Contact__r.Legacy_Id__c = '100002'")
    assert [one['Id'] for one in found] == [users[1]['Id'], users[2]['Id']]
    crm.act('flag_sustainer', record_id=users[0]['Id'])
    crm.act('load_legacy_people', count=1, first=9, contacts=False)
    assert [row['Contact__c'] for row in rows(caller, USER)][-1] is None
    assert rows(caller, USER)[0]['Is_Sustainer__c'] is True
    assert [row[KEY] for row in users] == [None] * 7


async def test_another_installations_names_are_loaded(caller: Caller) -> None:
    told: Any = shipped()
    users = told['objects'].pop(USER)
    users['fields'] = {f'Acme_{name}': one for name, one in users['fields'].items()}
    told['objects']['Acme_Member__c'] = users | {'prefix': 'a9Z'}
    answer = await caller.client.post('/_world/act', json={'system': 'salesforce', 'act': 'load_objects', 'told': told})
    assert answer.status_code == 200
    path = f'sobjects/Acme_Member__c/Acme_{KEY}/1'
    made = await caller.ok('PATCH', path, {'Acme_Email__c': 'ada@people.example'}, 201)
    assert made['id'].startswith('a9Z')
    [found] = await caller.query('SELECT Contact__r.Email FROM Acme_Member__c')
    assert found['Contact__r']['Email'] == 'ada@people.example'
    assert await caller.refused('GET', f'sobjects/{USER}/describe') == (404, 'NOT_FOUND')
    caller.world.salesforce.change_field('app_user', 'Acme_Mailing_Lists__c', options=['Nova'])
    await caller.ok('PATCH', path, {'Acme_Mailing_Lists__c': 'nova'}, 200)
    assert [one['email'] for one in caller.world.salesforce.lists()['Nova']] == ['ada@people.example']


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'part': ''}, "one object has the part 'app_user'"),
        ({'prefix': '003'}, 'the same prefix'),
        ({'prefix': 'a'}, 'three letters'),
        ({'colour': 'red'}, 'colour'),
        ({'fields': {'Email__c': {'type': 'email', 'part': 'email'}}}, 'no field has the part'),
        ({'fields': {'X__c': {'type': 'blob'}}}, "there is no type 'blob'"),
        ({'fields': {'X__c': {'type': 'string', 'colour': 'red'}}}, 'colour'),
    ],
)
async def test_names_that_make_no_sense_are_refused(caller: Caller, changes: Any, words: str) -> None:
    told: Any = shipped()
    told['objects'][USER] |= changes
    answer = await caller.client.post('/_world/act', json={'system': 'salesforce', 'act': 'load_objects', 'told': told})
    assert answer.status_code == 422
    assert words in answer.json()['detail']
    assert rows(caller, USER) == []


async def test_an_act_that_makes_no_sense_is_named(caller: Caller) -> None:
    for told, words in (
        ({'act': 'fly'}, 'flag_sustainer'),
        ({'act': 'edit', 'kind': 'nothing', 'record_id': 'x'}, "no object 'nothing'"),
        ({'act': 'edit', 'kind': 'contact', 'record_id': 'x'}, 'does not exist'),
        ({'act': 'break_things', 'nothing': 1}, 'nothing'),
        ({'act': 'create', 'kind': 'contact', 'values': {}}, 'Required fields are missing'),
    ):
        answer = await caller.client.post('/_world/act', json={'system': 'salesforce'} | told)
        assert answer.status_code == 422
        assert words in answer.json()['detail']
