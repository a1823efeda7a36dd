"""Where a field's value comes from, who may write it, and what is never sent (FIELD-1 to FIELD-7, MATCH-2, PD-ECHO)."""

from typing import Any

import pytest

from hermes.sync import connect
from tests.flows import faults
from tests.flows.companies import decisions, later, quiet, sign_up
from tests.flows.house import PRIYA_PD, House


def shown(house: House, kind: str = 'organization') -> dict[str, Any]:
    items = {'organization': house.organizations, 'deal': house.deals, 'person': house.persons}[kind]()
    return house.custom(kind, items[0])


@pytest.mark.behaviour('FIELD-1', 'TC-13', 'FIELD-6')
async def test_an_extra_attribute_reaches_the_company_and_its_deal_by_its_machine_name(house: House) -> None:
    sign_up(house, extra_attrs={'utm_source': 'Newsletter', 'estimated_monthly_income': '5000-10000'})
    await later(house)
    assert shown(house)['utm_source'] == shown(house, 'deal')['utm_source'] == 'Newsletter'
    [company] = await house.rows('select estimated_income from company')
    assert company['estimated_income'] == '5000-10000'


@pytest.mark.behaviour('FIELD-6')
@pytest.mark.lesson('E-33')
async def test_inherited_fields_reach_every_open_deal_of_the_company_and_no_other(house: House) -> None:
    client = sign_up(house)
    sign_up(house, 'Other Tutors', recipients=[])
    await later(house)
    mine = next(item for item in house.organizations() if item['name'] == 'Ember Tutors')
    [deal] = [item for item in house.deals() if item['org_id'] == mine['id']]
    values = {'title': 'Second', 'org_id': mine['id'], 'pipeline_id': deal['pipeline_id'], 'stage_id': deal['stage_id']}
    second = house.pd.act_create('deal', values, PRIYA_PD)
    await later(house)
    house.mark()
    house.tc2.pay_invoice(client.id)
    await later(house)
    written = {int(call.path.rsplit('/', 1)[1]) for call in house.calls('PATCH', 'deals')}
    assert written == {deal['id'], second['id']}


@pytest.mark.behaviour('FIELD-2', 'FIELD-3')
@pytest.mark.lesson('C-3')
async def test_what_tc2_owns_is_corrected_once_without_a_loop(house: House) -> None:
    client = sign_up(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    [organization] = house.organizations()
    house.mark()
    values = {'custom_fields': {house.code('organization', 'paid_invoice_count'): 9}}
    house.pd.act_update('organization', organization['id'], values, PRIYA_PD)
    await later(house, 600)
    assert shown(house)['paid_invoice_count'] == 1
    assert [call.method for call in house.calls() if call.method != 'GET'] == ['PATCH']
    assert len(house.calls('GET')) <= 1
    assert (await house.rows('select paid_invoice_count from company'))[0]['paid_invoice_count'] == 1


@pytest.mark.behaviour('FIELD-2')
async def test_what_hermes_computes_is_written_back_when_somebody_changes_it(house: House) -> None:
    sign_up(house)
    await later(house)
    [organization] = house.organizations()
    before = shown(house)['tc2_cligency_url']
    values = {'custom_fields': {house.code('organization', 'tc2_cligency_url'): 'https://elsewhere.example'}}
    house.pd.act_update('organization', organization['id'], values, PRIYA_PD)
    await later(house)
    assert shown(house)['tc2_cligency_url'] == before


@pytest.mark.behaviour('FIELD-4')
async def test_everything_that_was_written_reads_back_equal_from_webhooks_and_listings(house: House) -> None:
    client = sign_up(house, website='https://ember.example', extra_attrs={'utm_campaign': 'spring'})
    house.tc2.confirm_email(client.id)
    house.tc2.save_card(client.id)
    house.tc2.pay_invoice(client.id)
    await later(house)
    house.mark()
    [organization] = house.organizations()
    house.pd.act_update('organization', organization['id'], {'owner_id': PRIYA_PD, 'label_ids': []}, PRIYA_PD)
    await house.rows(
        'insert into sweep (system, type, kind, started_at) '
        "values ('pipedrive', 'organization', 'full', hermes_now()) returning 1"
    )
    await later(house)
    assert house.calls('GET', 'organizations')
    assert [call for call in house.calls() if call.method != 'GET'] == []
    await quiet(house)


@pytest.mark.behaviour('FIELD-5')
async def test_a_field_whose_type_cannot_hold_ours_is_refused_with_both_types_named(house: House) -> None:
    code = house.code('organization', 'created')
    house.pd.catalogues['organization'].fields[code]['field_type'] = 'monetary'
    await connect.learn_fields(house.engine, house.engine.systems['pipedrive'], 'organization')
    [found] = await house.rows(
        "select problem from custom_field where machine_name = 'created' and lower(linked_object_type) = 'company'"
    )
    assert 'date' in found['problem']
    assert 'monetary' in found['problem']
    sign_up(house)
    await later(house)
    assert 'created' not in shown(house)
    assert len(house.organizations()) == 1


@pytest.mark.behaviour('FIELD-7')
async def test_a_field_deleted_in_the_crm_is_skipped_and_named(house: House) -> None:
    house.pd.delete_field('organization', house.code('organization', 'website'))
    await connect.learn_fields(house.engine, house.engine.systems['pipedrive'], 'organization')
    [found] = await house.rows(
        "select problem from custom_field where machine_name = 'website' and lower(linked_object_type) = 'company'"
    )
    assert 'gone' in found['problem']
    client = sign_up(house, website='https://ember.example')
    await later(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    assert shown(house)['paid_invoice_count'] == 1
    await quiet(house)


@pytest.mark.behaviour('MATCH-2')
@pytest.mark.parametrize('by', ['hermes_id', 'tc2_cligency_url', 'name'])
async def test_an_organisation_made_by_hand_is_matched_to_the_company(house: House, by: str) -> None:
    await house.act('system.pause', system='pipedrive')
    client = sign_up(house, recipients=[])
    await house.settle()
    [company] = await house.rows('select id from company')
    value = {'hermes_id': str(company['id']), 'tc2_cligency_url': f'https://app.tutorcruncher.com/clients/{client.id}/'}
    fields = {house.code('organization', by): value[by]} if by != 'name' else {}
    name = ' ember   TUTORS ' if by == 'name' else 'Quite Another'
    made = house.pd.act_create('organization', {'name': name, 'custom_fields': fields}, PRIYA_PD)
    await house.settle()
    await house.act('system.resume', system='pipedrive')
    await later(house)
    assert [item['id'] for item in house.organizations()] == [made['id']]
    assert [row['id'] for row in await house.rows('select id from company')] == [company['id']]
    assert shown(house)['hermes_id'] == str(company['id'])
    await quiet(house)


@pytest.mark.behaviour('MATCH-2', 'MATCH-7')
async def test_two_companies_of_one_name_are_never_guessed(house: House) -> None:
    await house.act('system.pause', system='pipedrive')
    sign_up(house, recipients=[], country='GB')
    sign_up(house, recipients=[], country='US', email='other@ember.example')
    await house.settle()
    house.pd.act_create('organization', {'name': 'Ember Tutors'}, PRIYA_PD)
    await house.settle()
    assert len(await house.rows("select 1 from link where type = 'organization'")) <= 1
    assert [item['kind'] for item in await decisions(house)] != []


@pytest.mark.behaviour('MATCH-2')
@pytest.mark.lesson('A-6')
async def test_a_copied_hermes_id_does_not_take_a_linked_company(house: House) -> None:
    sign_up(house)
    await later(house)
    [company] = await house.rows('select id from company')
    copied = {house.code('organization', 'hermes_id'): str(company['id'])}
    house.pd.act_create('organization', {'name': 'A Copy', 'custom_fields': copied}, PRIYA_PD)
    await later(house)
    [link] = await house.rows("select remote_id from link where record_id = %s and system = 'pipedrive'", company['id'])
    assert link['remote_id'] == '1'
    assert (await house.rows('select name from company where id = %s', company['id']))[0]['name'] == 'Ember Tutors'


@pytest.mark.lesson('F-13')
async def test_writes_are_json_with_nested_values(house: House) -> None:
    broken = faults.on(house)
    kept: list[str] = []

    async def keep(send: faults.Send, request: Any) -> Any:
        kept.append(request.headers['content-type'])
        return await send(request)

    broken.add('POST', '/', keep, 9)
    sign_up(house)
    await later(house)
    assert kept == ['application/json'] * 3
    assert isinstance(house.calls('POST', 'organizations')[0].request['custom_fields'], dict)
