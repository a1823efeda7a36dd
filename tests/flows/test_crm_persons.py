"""Persons that people make, change, move and delete in the CRM (PD-PER, MATCH-3)."""

import json
from typing import Any

import pytest

from tests.flows.companies import later, notes, quiet, sign_up
from tests.flows.crm import add_deal, add_organization, add_person, change, item, known, linked, shown, writes
from tests.flows.house import PRIYA_PD, House

ONE = {'first_name': 'Sam', 'last_name': 'Okafor', 'email': 'sam@ember.example'}
MAIL = {'value': 'ana@brook.example', 'label': 'work', 'primary': True}


@pytest.mark.behaviour('PD-PER-1')
@pytest.mark.lesson('E-22')
@pytest.mark.parametrize(
    ('name', 'first', 'last'),
    [('Ana Maria de Brook', 'Ana', 'Maria de Brook'), ('Cher', None, 'Cher'), (' Ana  Brook ', 'Ana', 'Brook')],
)
async def test_a_known_person_follows_by_name_and_primary_entries(
    house: House, name: str, first: str | None, last: str
) -> None:
    sign_up(house, recipients=[ONE])
    await later(house)
    [person] = house.persons()
    house.mark()
    home = {'value': 'home@ember.example', 'label': 'home', 'primary': False}
    phones = [{'value': '+44 1', 'label': 'home', 'primary': False}, {'value': '+44 2', 'primary': True}]
    change(house, 'person', person['id'], name=name, emails=[home, MAIL], phones=phones)
    await later(house)
    contact = await known(house, 'person', person['id'])
    assert (contact['first_name'], contact['last_name']) == (first, last)
    assert (contact['email'], contact['phone']) == ('ana@brook.example', '+44 2')
    assert writes(house) == []
    assert len(await house.rows('select 1 from contact')) == 1
    await quiet(house)


@pytest.mark.behaviour('PD-PER-2', 'OUT-12')
async def test_an_unknown_person_becomes_a_contact_of_its_organisation(house: House) -> None:
    number = add_organization(house)
    await later(house)
    house.mark()
    person = add_person(house, number, emails=[MAIL])
    await later(house)
    company, contact = await known(house, 'organization', number), await known(house, 'person', person)
    assert (contact['company_id'], contact['email']) == (company['id'], 'ana@brook.example')
    assert writes(house) == [('PATCH', f'persons/{person}')]
    assert shown(house, 'person', person) == {'hermes_id': str(contact['id'])}
    await quiet(house)


@pytest.mark.behaviour('PD-PER-2', 'D-3')
@pytest.mark.lesson('B-1')
async def test_an_unknown_organisation_is_fetched_for_its_person(house: House) -> None:
    house.pd.act_webhooks(on=False)
    number = add_organization(house)
    house.pd.act_webhooks(on=True)
    house.clock.advance(30)
    person = add_person(house, number)
    await later(house)
    company, contact = await known(house, 'organization', number), await known(house, 'person', person)
    assert contact['company_id'] == company['id']
    assert house.calls('GET')[0].path.rsplit('/', 2)[-2:] == ['organizations', str(number)]
    assert shown(house, 'organization', number)['hermes_id'] == str(company['id'])
    await quiet(house)


@pytest.mark.behaviour('PD-PER-3')
async def test_a_person_without_an_organisation_is_ignored_until_it_has_one(house: House) -> None:
    person = add_person(house, None)
    await later(house)
    assert await linked(house, 'person', person) is None
    assert 'ignored: person without an organisation' in await notes(house)
    assert house.calls() == []
    number = add_organization(house)
    change(house, 'person', person, org_id=number)
    await later(house)
    assert (await known(house, 'person', person))['company_id'] == (await known(house, 'organization', number))['id']


@pytest.mark.behaviour('PD-PER-4')
@pytest.mark.parametrize('target_known', [True, False])
async def test_a_person_that_moves_takes_its_contact_along(house: House, target_known: bool) -> None:
    one = add_organization(house, 'One')
    person, deal = add_person(house, one), add_deal(house, one)
    change(house, 'deal', deal, person_id=person)
    await later(house)
    house.pd.act_webhooks(on=target_known)
    two = add_organization(house, 'Two')
    house.pd.act_webhooks(on=True)
    house.clock.advance(30)
    await house.settle()
    house.mark()
    change(house, 'person', person, org_id=two)
    await later(house)
    contact = await known(house, 'person', person)
    assert contact['company_id'] == (await known(house, 'organization', two))['id']
    assert (await known(house, 'deal', deal))['company_id'] == (await known(house, 'organization', one))['id']
    assert {path.split('/')[0] for _, path in writes(house)} <= {'organizations'}
    assert item(house, 'person', person)['org_id'] == two
    await quiet(house)


@pytest.mark.behaviour('PD-OLD-1', 'D-3')
async def test_an_older_delivery_has_nothing_read_again_that_does_not_exist(house: House) -> None:
    one = add_organization(house, 'One')
    person = add_person(house, one)
    await later(house)
    change(house, 'person', person, name='Ana Older')
    [old] = house.world.outbox.take_due()
    house.clock.advance(5)
    house.pd.act_webhooks(on=False)
    two = add_organization(house, 'Two')
    house.pd.act_webhooks(on=True)
    change(house, 'person', person, name='Ana Newer', org_id=two)
    house.pd.tables['organization'].pop(two)
    await later(house)
    assert len(house.calls('GET', f'/organizations/{two}')) == 1
    house.mark()
    assert await house.post(old) == 200
    await later(house)
    contact = await known(house, 'person', person)
    assert contact['company_id'] == (await known(house, 'organization', one))['id']
    assert (contact['last_name'], house.calls()) == ('Newer', [])


@pytest.mark.behaviour('PD-PER-5')
async def test_a_deleted_person_leaves_deals_alone(house: House) -> None:
    number = add_organization(house)
    person = add_person(house, number)
    deal = add_deal(house, number, person_id=person)
    await later(house)
    house.mark()
    house.pd.act_delete('person', person, PRIYA_PD)
    await later(house)
    contact, kept = await known(house, 'person', person), await known(house, 'deal', deal)
    assert (contact['tombstone']['kind'], kept['tombstone'], kept['contact_id']) == ('crm', None, contact['id'])
    assert house.calls() == []
    house.pd.act_webhooks(on=False)
    other = add_person(house, number, 'Nobody Known')
    house.pd.act_webhooks(on=True)
    house.pd.act_delete('person', other, PRIYA_PD)
    await later(house)
    assert await linked(house, 'person', other) is None
    assert house.calls() == []


@pytest.mark.behaviour('MATCH-3', 'D-4')
@pytest.mark.parametrize(
    ('theirs', 'name', 'same'),
    [
        ('SAM@ember.example', 'Samuel O', True),
        ('other@ember.example', 'Sam Okafor', False),
        (None, 'sam  OKAFOR', False),
    ],
)
async def test_a_person_made_by_hand_is_the_contact_of_its_e_mail(
    house: House, theirs: str | None, name: str, same: bool
) -> None:
    await before_the_push(house, ONE)
    await made_by_hand(house, theirs, name)
    assert len(await house.rows('select 1 from contact')) == len(house.persons()) == (1 if same else 2)
    assert len(house.organizations()) == 1
    await quiet(house)


@pytest.mark.behaviour('MATCH-3')
@pytest.mark.parametrize(('theirs', 'same'), [(None, True), ('new@ember.example', False)])
async def test_without_an_e_mail_on_either_side_the_whole_name_counts(
    house: House, theirs: str | None, same: bool
) -> None:
    await before_the_push(house, ONE, {'first_name': 'Ada', 'last_name': 'Lund', 'email': None})
    await made_by_hand(house, theirs, ' ada LUND')
    contacts = await house.rows('select 1 from contact')
    assert len(contacts) == len(house.persons()) == (2 if same else 3)


@pytest.mark.behaviour('MATCH-3')
async def test_hermes_id_names_the_contact_before_its_e_mail_does(house: House) -> None:
    await before_the_push(house, ONE, {'first_name': 'Ada', 'last_name': 'Lund', 'email': 'ada@ember.example'})
    ada = (await house.rows("select id from contact where first_name = 'Ada'"))[0]['id']
    number = await made_by_hand(house, 'sam@ember.example', 'Who Else', custom={'hermes_id': str(ada)})
    assert (await known(house, 'person', number))['id'] == ada
    assert len(await house.rows('select 1 from contact')) == len(house.persons()) == 2


@pytest.mark.behaviour('MATCH-3')
async def test_nobody_of_another_company_is_taken_for_an_e_mail(house: House) -> None:
    sign_up(house, recipients=[ONE])
    await later(house)
    number = add_organization(house, 'Elsewhere')
    person = add_person(house, number, emails=[{'value': ONE['email'], 'primary': True}])
    await later(house)
    contacts = await house.rows('select company_id from contact')
    assert len({row['company_id'] for row in contacts}) == len(house.persons()) == 2
    assert (await known(house, 'person', person))['company_id'] == (await known(house, 'organization', number))['id']


async def before_the_push(house: House, *recipients: Any) -> None:
    """A company with these recipients, linked to an organisation made by hand, whose persons were not sent yet."""
    await house.act('system.pause', system='pipedrive')
    sign_up(house, recipients=list(recipients), created=house.clock.now().replace(year=2024))
    await house.settle()
    add_organization(house, 'Ember Tutors')
    await house.settle()


async def made_by_hand(house: House, email: str | None, name: str, **values: Any) -> int:
    [organization] = house.organizations()
    emails = [{'value': email, 'primary': True}] if email else []
    number = add_person(house, organization['id'], name, emails=emails, **values)
    await house.settle()
    await house.act('system.resume', system='pipedrive')
    await later(house)
    return number


@pytest.mark.lesson('E-24', 'E-10')
async def test_a_person_whose_delivery_tells_no_name_keeps_it(house: House) -> None:
    number = add_organization(house)
    person = add_person(house, number, emails=[MAIL])
    await later(house)
    house.mark()
    at = house.clock.now().isoformat(timespec='milliseconds').replace('+00:00', 'Z')
    meta = {'action': 'change', 'entity': 'person', 'entity_id': str(person), 'id': 'x', 'timestamp': at}
    told = {'meta': meta, 'data': {'id': person, 'org_id': number, 'phones': []}, 'previous': {'phones': None}}
    assert (await house.send_pd(json.dumps(told).encode())).status_code == 200
    await later(house)
    contact = await known(house, 'person', person)
    assert (contact['first_name'], contact['last_name'], contact['email']) == ('Ana', 'Brook', 'ana@brook.example')
    assert house.calls() == []


@pytest.mark.lesson('E-26', 'E-21')
async def test_nobody_is_sent_with_an_empty_address(house: House) -> None:
    bare = {'first_name': 'Ada', 'last_name': 'Lund', 'email': None}
    client = sign_up(house, recipients=[{**ONE, 'email': 'sam@ember.example'}, bare], phone=None)
    await later(house)
    made = {call.request['name']: call.request for call in house.calls('POST', 'persons')}
    assert made['Sam Okafor']['emails'] == [{'value': 'sam@ember.example', 'label': 'work', 'primary': True}]
    assert 'emails' not in made['Ada Lund']
    assert all('phones' not in request for request in made.values())
    house.mark()
    sam = next(one for one in client.recipients if one.first_name == 'Sam')
    house.tc2.edit_recipient(client.id, sam.id, email='sam2@ember.example')
    await later(house)
    [patch] = house.calls('PATCH', 'persons')
    assert [entry['value'] for entry in patch.request['emails']] == ['sam2@ember.example']
    second = next(one for one in client.recipients if one.first_name == 'Ada')
    for email in ('ada@ember.example', None):
        house.tc2.edit_recipient(client.id, second.id, email=email)
        await later(house)
    sent = [entry for call in house.calls('PATCH', 'persons') for entry in call.request['emails']]
    assert [entry['value'] for entry in sent] == ['sam2@ember.example', 'ada@ember.example']
    [ada] = [person for person in house.persons() if person['name'] == 'Ada Lund']
    assert ada['emails'] == []
    assert all(call.status == 200 for call in house.calls())
