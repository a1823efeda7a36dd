"""What goes out to Pipedrive and what does not (OUT-1 to OUT-3, OUT-9, OUT-11 to OUT-13, MATCH-6, MATCH-8, I9, I10)."""

import httpx2
import pytest

from hermes.sandbox.scenarios import demo
from hermes.sync import connect
from hermes.sync.ingest import ingest_step
from tests.flows import faults
from tests.flows.companies import later, quiet, sign_up
from tests.flows.house import MARCUS, MARCUS_PD, PRIYA_PD, House, open_house

ONE = {'first_name': 'Sam', 'last_name': 'Okafor', 'email': 'sam@ember.example'}
TWO = {'first_name': 'Ada', 'last_name': 'Lund', 'email': 'ada@ember.example'}


@pytest.mark.behaviour('OUT-1')
async def test_emails_go_whole_with_only_our_entry_changed(house: House) -> None:
    client = sign_up(house)
    await later(house)
    [person] = house.persons()
    added = [*person['emails'], {'value': 'home@ember.example', 'label': 'home', 'primary': False}]
    house.pd.act_update('person', person['id'], {'emails': added}, PRIYA_PD)
    await later(house)
    house.mark()
    [recipient] = client.recipients
    house.tc2.edit_recipient(client.id, recipient.id, email='new@ember.example')
    await house.settle()
    [patch] = house.calls('PATCH')
    assert set(patch.request) == {'emails'}
    assert [item['value'] for item in patch.request['emails']] == ['new@ember.example', 'home@ember.example']
    assert patch.request['emails'][1]['label'] == 'home'


@pytest.mark.behaviour('OUT-1')
async def test_the_address_is_written_on_creation_only(house: House) -> None:
    client = sign_up(house, country='GB')
    await later(house)
    [made] = house.calls('POST', 'organizations')
    assert 'address' in made.request
    house.mark()
    house.tc2.edit_client(client.id, country='US')
    await house.settle()
    assert all('address' not in call.request for call in house.calls('PATCH'))


@pytest.mark.behaviour('OUT-3')
async def test_a_deal_waits_for_its_person_and_the_other_persons_do_not(house: House) -> None:
    broken = faults.on(house)
    broken.add('POST', '/persons', faults.lose_request)
    house.pd.act_webhooks(on=False)
    sign_up(house, recipients=[ONE, TWO])
    await house.settle(5)
    assert len(house.persons()) == 1
    assert house.deals() == []
    await house.settle()
    names = {person['name'] for person in house.persons()}
    [deal] = house.deals()
    assert names == {'Sam Okafor', 'Ada Lund'}
    assert deal['person_id'] is not None
    assert len(house.persons()) == 2
    await quiet(house)


@pytest.mark.behaviour('OUT-9')
async def test_an_open_deal_of_a_paying_company_follows_and_a_closed_one_receives_nothing(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    house.mark()
    house.tc2.pay_invoice(client.id)
    await later(house)
    assert len(house.calls('PATCH', 'deals')) == 1
    [deal] = house.deals()
    house.pd.act_update('deal', deal['id'], {'status': 'won'}, PRIYA_PD)
    await later(house)
    house.mark()
    house.tc2.pay_invoice(client.id)
    await later(house)
    assert len(house.calls('PATCH', 'organizations')) == 1
    assert house.calls('', 'deals') == []
    assert house.deals()[0]['status'] == 'won'


@pytest.mark.behaviour('OUT-11', 'PD-DEAL-5')
@pytest.mark.lesson('B-6')
async def test_owner_pipeline_stage_and_status_of_a_deal_belong_to_the_crm_once_it_stands(house: House) -> None:
    client = sign_up(house)
    await later(house)
    [deal] = house.deals()
    stage = next(
        item['id']
        for item in house.pd.state()['stages']
        if item['pipeline_id'] == deal['pipeline_id'] and item['id'] != deal['stage_id']
    )
    house.pd.act_update('deal', deal['id'], {'owner_id': MARCUS_PD, 'stage_id': stage}, PRIYA_PD)
    await later(house)
    house.mark()
    house.tc2.pay_invoice(client.id)
    await house.settle()
    [patch] = house.calls('PATCH', 'deals')
    assert patch.request == {'custom_fields': {house.code('deal', 'paid_invoice_count'): 1}}
    [after] = house.deals()
    assert (after['owner_id'], after['stage_id']) == (MARCUS_PD, stage)


@pytest.mark.behaviour('OUT-12')
async def test_what_was_born_in_the_crm_gets_its_hermes_id(house: House) -> None:
    made = house.pd.act_create('organization', {'name': 'Born There'}, PRIYA_PD)
    await house.settle()
    [patch] = house.calls('PATCH')
    [company] = await house.rows('select id from company')
    shown = house.custom('organization', house.organizations()[0])
    assert shown['hermes_id'] == str(company['id'])
    assert str(made['id']) in patch.path
    await quiet(house)


@pytest.mark.behaviour('OUT-13')
@pytest.mark.invariant('I10')
async def test_a_hundred_edits_within_the_spacing_are_one_write_of_the_latest_value(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.mark()
    house.tc2.edit_client(client.id, website='https://ember.example/0')
    await house.settle(1)
    assert len(house.calls('PATCH', 'organizations')) == 1
    for number in range(1, 101):
        house.tc2.edit_client(client.id, website=f'https://ember.example/{number}')
    await house.settle(0)
    while await house.step():
        pass
    await house.settle()
    first, second = house.calls('PATCH', 'organizations')
    assert (second.at - first.at).total_seconds() >= 5
    assert house.custom('organization', house.organizations()[0])['website'] == 'https://ember.example/100'
    await quiet(house)


@pytest.mark.invariant('I10')
async def test_a_change_that_comes_while_a_write_is_in_the_air_follows_it(house: House) -> None:
    """Nobody else tells of it: no webhook comes back of what was written, and nothing else is."""
    client = sign_up(house)
    await later(house)
    house.pd.act_webhooks(on=False)

    async def change_first(send: faults.Send, request: httpx2.Request) -> httpx2.Response:
        house.tc2.edit_client(client.id, name='Ember Second')
        await house.world.outbox.deliver_due(house.post)
        assert await ingest_step(house.engine) == 1
        return await send(request)

    faults.on(house).add('PATCH', '/organizations/', change_first)
    house.tc2.edit_client(client.id, name='Ember First')
    await house.settle()
    assert house.organizations()[0]['name'] == 'Ember Second'
    await quiet(house)


@pytest.mark.behaviour('OUT-13')
async def test_the_first_change_after_a_quiet_spell_goes_at_once(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.mark()
    before = house.clock.now()
    house.tc2.edit_client(client.id, website='https://ember.example')
    await house.settle()
    assert (house.calls('PATCH', 'organizations')[0].at - before).total_seconds() < 1


@pytest.mark.behaviour('MATCH-6')
async def test_creates_wait_for_the_first_full_listing_and_a_miss_is_the_answer(database_url: str) -> None:
    async with open_house(database_url, scenario=demo.build) as house:
        listings = [call for call in house.world.calls if call.method == 'GET' and '/organizations' in call.path]
        assert listings
        sign_up(house)
        await house.settle()
        assert len([item for item in house.organizations() if item['name'] == 'Ember Tutors']) == 1
        assert house.calls('GET') == []
        assert not [call for call in house.world.calls if 'search' in call.path.lower()]


@pytest.mark.behaviour('MATCH-6')
async def test_nothing_is_made_while_a_type_was_not_listed(house: House) -> None:
    await house.rows(
        "update sweep set state = 'running', cursor = null, finished_at = hermes_now() + interval '1 hour' where "
        "type = 'organization' returning id"
    )
    sign_up(house)
    for _ in range(30):
        await house.step()
    assert house.calls('POST') == []
    [push] = await house.rows("select reason from push where record_type = 'company'")
    assert 'first full listing' in push['reason']
    await house.rows("update sweep set state = 'done' where type = 'organization' returning id")
    await house.settle()
    assert len(house.organizations()) == 1


@pytest.mark.behaviour('OUT-4')
async def test_nothing_is_made_while_the_hermes_id_field_is_unknown(house: House) -> None:
    house.pd.delete_field('organization', house.code('organization', 'hermes_id'))
    await connect.learn_fields(house.engine, house.engine.systems['pipedrive'], 'organization')
    house.mark()
    sign_up(house)
    for _ in range(30):
        await house.step()
    assert house.calls('POST') == []
    [push] = await house.rows("select reason from push where record_type = 'company'")
    assert 'hermes_id field is unknown' in push['reason']


async def test_plan_mode_sends_nothing(database_url: str) -> None:
    async with open_house(database_url, push_mode='plan') as house:
        sign_up(house)
        await house.settle()
        assert house.calls() == []
        [push] = await house.rows("select state, wanted > done as due, detail from push where record_type = 'company'")
        assert (push['state'], push['due']) == ('ready', True)
        assert push['detail']['plan']['fields']['name'] == 'Ember Tutors'


@pytest.mark.invariant('I9')
@pytest.mark.behaviour('OUT-2')
async def test_webhooks_without_news_cost_nothing(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.mark()
    for _ in range(20):
        house.tc2.send_snapshot(client.id)
    await house.settle()
    assert house.calls() == []


@pytest.mark.behaviour('MATCH-8')
async def test_a_record_with_an_open_create_is_no_candidate_by_name(house: House) -> None:
    broken = faults.on(house)
    broken.add('POST', '/organizations', faults.lose_request)
    sign_up(house)
    await house.settle(1)
    house.pd.act_create('organization', {'name': 'Ember Tutors'}, PRIYA_PD)
    await house.settle()
    companies = await house.rows('select id, name from company where alias_of is null')
    assert len(companies) == 2
    assert len(house.organizations()) == 2


@pytest.mark.lesson('A-6', 'A-7')
async def test_a_linked_company_is_never_made_again(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.mark()
    house.tc2.set_admins(client.id, sales_person=MARCUS)
    house.tc2.edit_client(client.id, name='Ember Tuition')
    await house.settle()
    assert house.calls('POST') == []
    assert house.organizations()[0]['name'] == 'Ember Tuition'
