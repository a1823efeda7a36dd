"""Records that operators make, delete, take back and merge, and what the CRM is told of it (ADM-3, D-2, S21)."""

from typing import Any

import pytest

from hermes.domain.errors import Refused
from tests.flows.companies import company, decisions, later, quiet, settle, sign_up
from tests.flows.crm import add_organization, admin, change, item, known, writes
from tests.flows.house import PRIYA_PD, House

SITE = 'https://ember.example'


async def make(house: House, kind: str, under: int | None = None, **fields: Any) -> int:
    """`hermes record create`."""
    outcome = await house.act('record.create', type=kind, fields=fields, under=under)
    await later(house)
    return int(outcome['id'])


async def delete(house: House, kind: str, number: int) -> dict[str, Any]:
    done = await house.act('record.delete', record=[kind, number])
    await later(house)
    return done


@pytest.mark.behaviour('D-22')
async def test_a_company_with_its_person_and_its_deal_is_made_in_the_crm(house: House) -> None:
    priya = await admin(house, PRIYA_PD)
    number = await make(
        house, 'company', name='Ember Tutors', website=SITE, country='United Kingdom', sales_person_id=priya
    )
    await make(house, 'contact', number, first_name='Sam', last_name='Okafor', email='sam@ember.example')
    await make(house, 'deal', number, title='Ember rollout')
    [organization], [person], [deal] = house.organizations(), house.persons(), house.deals()
    assert (organization['name'], organization['owner_id']) == ('Ember Tutors', PRIYA_PD)
    assert house.custom('organization', organization)['website'] == SITE
    assert (person['name'], person['org_id'], person['emails'][0]['value']) == (
        'Sam Okafor', organization['id'], 'sam@ember.example',
    )  # fmt: skip
    assert (deal['title'], deal['org_id'], deal['owner_id'], deal['status']) == (
        'Ember rollout', organization['id'], PRIYA_PD, 'open',
    )  # fmt: skip
    assert house.custom('deal', deal)['website'] == SITE
    change(house, 'organization', organization['id'], name='Ember Tuition')
    await later(house)
    assert (await company(house))['name'] == 'Ember Tuition'
    await quiet(house)


@pytest.mark.behaviour('D-22')
async def test_what_cannot_be_made_is_refused_in_words(house: House) -> None:
    number = await make(house, 'company', name='Ember Tutors')
    await make(house, 'contact', number, last_name='Okafor', email='sam@ember.example')
    for kind, under, fields, why in (
        ('company', None, {'website': SITE}, 'needs a name'),
        ('contact', None, {'last_name': 'Okafor'}, 'Under which company'),
        ('contact', number, {'phone': '1'}, 'needs a name or an e-mail'),
        ('contact', number, {'last_name': 'Twice', 'email': 'SAM@ember.example'}, 'has that e-mail address already'),
        ('admin', None, {}, 'hermes admins'),
        ('stage', None, {}, 'changed in the CRM'),
    ):
        with pytest.raises(Refused, match=why):
            await house.act('record.create', type=kind, fields=fields, under=under)
    assert len(house.persons()) == 1


@pytest.mark.behaviour('D-2')
async def test_a_deleted_company_goes_in_the_crm_too_and_stays_away_whatever_tc2_says(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.mark()
    number = (await company(house))['id']
    await delete(house, 'company', number)
    assert (house.organizations(), house.persons(), house.deals()) == ([], [], [])
    assert sorted(path.split('/')[0] for method, path in writes(house) if method == 'DELETE') == [
        'deals', 'organizations', 'persons',
    ]  # fmt: skip
    house.mark()
    house.tc2.edit_client(client.id, website=SITE)
    house.tc2.send_snapshot(client.id)
    await later(house)
    assert (writes(house), house.organizations()) == ([], [])
    assert await decisions(house) == []
    with pytest.raises(Refused, match=r'is deleted \(here'):
        await house.act('record.delete', record=['company', number])
    with pytest.raises(Refused, match=r'is deleted \(here'):
        await house.act('record.write', record=['company', number], values={'name': 'X'})


@pytest.mark.behaviour('D-2')
async def test_a_deleted_company_is_restored_with_what_went_with_it(house: House) -> None:
    sign_up(house)
    await later(house)
    number = (await company(house))['id']
    before = [house.organizations()[0]['name'], house.persons()[0]['name'], house.deals()[0]['title']]
    await delete(house, 'company', number)
    await house.act('record.restore', record=['company', number])
    await later(house)
    [organization], [person], [deal] = house.organizations(), house.persons(), house.deals()
    assert [organization['name'], person['name'], deal['title']] == before
    assert (person['org_id'], deal['org_id'], deal['status']) == (organization['id'], organization['id'], 'open')
    with pytest.raises(Refused, match='is not deleted'):
        await house.act('record.restore', record=['company', number])
    await quiet(house)


@pytest.mark.behaviour('D-2')
async def test_what_speaks_against_it_is_asked_before_the_crm_loses_anything(house: House) -> None:
    client = sign_up(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    house.mark()
    number = (await company(house))['id']
    done = await delete(house, 'company', number)
    assert 'it has paid invoices' in ' '.join(done['notes'])
    assert writes(house) == []
    [asked] = await decisions(house)
    assert (asked['kind'], asked['detail']) == ('deletion', {'reason': 'it has paid invoices'})
    await settle(house, 'delete')
    assert (house.organizations(), house.persons(), house.deals()) == ([], [], [])


@pytest.mark.behaviour('D-2')
async def test_a_won_deal_is_kept_and_a_restored_one_needs_no_answer(house: House) -> None:
    sign_up(house)
    await later(house)
    [deal] = house.deals()
    house.pd.act_update('deal', deal['id'], {'status': 'won'}, PRIYA_PD)
    await later(house)
    [row] = await house.rows('select id from deal')
    await delete(house, 'deal', row['id'])
    assert [one['kind'] for one in await decisions(house)] == ['deletion']
    assert len(house.deals()) == 1
    await house.act('record.restore', record=['deal', row['id']])
    await later(house)
    assert await decisions(house) == []
    assert (await house.rows('select status, tombstone from deal'))[0] == {'status': 'won', 'tombstone': None}


@pytest.mark.behaviour('D-2')
async def test_a_person_who_edits_in_the_crm_afterwards_takes_a_deletion_back_and_an_older_edit_does_not(
    house: House,
) -> None:
    client = sign_up(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    number = (await company(house))['id']
    [organization] = house.organizations()
    house.world.weather.change(delayed_p=1.0, delay_max_s=40.0)
    change(house, 'organization', organization['id'], name='Before')
    house.clock.advance(2)
    await delete(house, 'company', number)
    assert (await company(house))['tombstone']['kind'] == 'operator'
    house.world.weather.change(name='calm')
    change(house, 'organization', organization['id'], name='Afterwards')
    await later(house)
    assert (await company(house))['tombstone'] is None


@pytest.mark.behaviour('D-2')
async def test_a_company_that_the_crm_deleted_is_restored_and_one_of_tc2_is_recovered_there(house: House) -> None:
    organization = add_organization(house)
    client = sign_up(house)
    await later(house)
    gone = await known(house, 'organization', organization)
    house.pd.act_delete('organization', organization, PRIYA_PD)
    house.tc2.delete(client.id)
    await later(house)
    await house.act('record.restore', record=['company', gone['id']])
    await later(house)
    assert 'Brook Tutors' in [one['name'] for one in house.organizations()]
    [theirs] = await house.rows("select id from company where tombstone ->> 'kind' = 'tc2'")
    with pytest.raises(Refused, match='recover it there'):
        await house.act('record.restore', record=['company', theirs['id']])


async def test_two_contacts_of_a_company_become_one(house: House) -> None:
    number = await make(house, 'company', name='Ember Tutors')
    first = await make(house, 'contact', number, last_name='Okafor', email='sam@ember.example')
    async with house.engine.database.transaction() as connection:
        await connection.execute("update system_state set paused = true where system = 'pipedrive'")
    twin = await house.act('record.create', type='contact', fields={'last_name': 'Twin'}, under=number)
    await house.act('record.merge', record=['contact', twin['id']], into=['contact', first])
    [row] = await house.rows('select alias_of from contact where id = %s', twin['id'])
    assert row['alias_of'] == first
    with pytest.raises(Refused, match='not there'):
        await house.act('record.merge', record=['contact', first], into=['contact', 1])


async def test_objects_are_read_again_and_a_push_goes_at_once_when_somebody_asks(house: House) -> None:
    sign_up(house)
    await later(house)
    number = (await company(house))['id']
    house.mark()
    await house.act('record.fetch', record=['company', number])
    await house.settle()
    assert [call.path.split('/')[-2] for call in house.calls('GET')] == ['organizations']
    with pytest.raises(Refused, match='Nothing of company'):
        await house.act('push.now', record=['company', number])
    await house.act('record.write', record=['company', number], values={'website': SITE})
    await house.act('record.write', record=['company', number], values={'website': f'{SITE}/2'})
    await house.act('push.now', record=['company', number])
    [push] = await house.rows("select lane, due_at from push where record_type = 'company'")
    assert (push['lane'], push['due_at'] <= house.clock.now()) == ('interactive', True)
    await house.settle()
    assert (
        item(house, 'organization', house.organizations()[0]['id'])['custom_fields'][
            house.code('organization', 'website')
        ]
        == f'{SITE}/2'
    )


async def test_an_organisation_that_is_another_one_is_a_record_of_its_own(house: House) -> None:
    client = sign_up(house, website=SITE)
    await later(house)
    [organization], [deal] = house.organizations(), house.deals()
    number = (await company(house))['id']
    remote = ['pipedrive', 'organization', str(organization['id'])]
    await house.act('link.remove', record=['company', number], remote=remote)
    await later(house)
    theirs = await known(house, 'organization', organization['id'])
    assert theirs['id'] != number
    assert (theirs['name'], theirs['website'], theirs['tc2_cligency_id']) == ('Ember Tutors', SITE, None)
    assert (await known(house, 'deal', deal['id']))['company_id'] == theirs['id']
    assert house.custom('organization', item(house, 'organization', organization['id']))['hermes_id'] == str(
        theirs['id']
    )
    [anew] = [one for one in house.organizations() if one['id'] != organization['id']]
    assert (await known(house, 'organization', anew['id']))['id'] == number
    house.mark()
    house.tc2.edit_client(client.id, website=f'{SITE}/new')
    change(house, 'organization', organization['id'], name='Another One')
    await later(house)
    assert (await known(house, 'organization', organization['id']))['name'] == 'Another One'
    assert (await known(house, 'organization', anew['id']))['website'] == f'{SITE}/new'
    with pytest.raises(Refused, match='no object of the CRM that company'):
        await house.act('link.remove', record=['company', number], remote=remote)
    await quiet(house)


@pytest.mark.behaviour('D-2')
async def test_what_somebody_decided_to_keep_stays_when_the_reason_is_over(house: House) -> None:
    sign_up(house)
    sign_up(house, 'Twin Tutors', email='twin@twin.example')
    await later(house)
    [first, second] = await house.rows('select id from company order by id')
    await delete(house, 'company', first['id'])
    assert [one['detail']['reason'] for one in await decisions(house)] == [
        'a person of it also belongs to another company'
    ]
    await settle(house, 'keep')
    assert len(house.organizations()) == 2
    [twin] = await house.rows('select id from contact where company_id = %s', second['id'])
    await delete(house, 'contact', twin['id'])
    assert len(house.persons()) == 1
    house.tc2.send_all_snapshots()
    await later(house)
    assert len(house.organizations()) == 2
