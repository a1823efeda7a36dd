"""What a TutorCruncher client becomes: company, contacts, people in charge, fields (TC-1 to TC-4, TC-10 to TC-16)."""

import json

import httpx2
import pytest

from hermes.sync.ingest import ingest_step
from hermes.sync.push import push_step
from tests.flows import faults
from tests.flows.companies import client, company, decisions, deliver, event, later, notes, parked, sign_up
from tests.flows.house import INES, MARCUS, MARCUS_PD, NOOR, PRIYA, PRIYA_PD, House

NOOR_PD, TOM_PD = 12_000_015, 0


@pytest.mark.behaviour('TC-1')
async def test_the_people_in_charge_are_found_by_their_tc2_ids(house: House) -> None:
    sign_up(house, sales_person=MARCUS, support_person=INES, bdr_person=NOOR)
    await house.settle()
    admins = {row['tc2_admin_id']: row['id'] for row in await house.rows('select id, tc2_admin_id from admin')}
    kept = await company(house)
    assert (kept['sales_person_id'], kept['support_person_id'], kept['bdr_person_id']) == (
        admins[MARCUS],
        admins[INES],
        admins[NOOR],
    )
    [organization] = house.organizations()
    assert organization['owner_id'] == MARCUS_PD
    assert house.custom('organization', organization)['bdr_person_id'] == NOOR_PD


@pytest.mark.behaviour('TC-1', 'D-18')
async def test_details_of_the_agency_stand_in_the_crm(house: House) -> None:
    sign_up(
        house,
        country='GB',
        website='https://ember.example',
        plan='startup',
        gclid='CjwKCAiA',
        card_saved_dt='2026-02-27T23:30:00+00:00',
    )
    await house.settle()
    kept = await company(house)
    assert (kept['country'], kept['price_plan'], str(kept['card_saved_dt'])) == ('GB', 'startup', '2026-02-27')
    [organization] = house.organizations()
    shown = house.custom('organization', organization)
    assert shown['website'] == 'https://ember.example'
    assert (shown['price_plan'], shown['gclid'], shown['card_saved_dt']) == ('startup', 'CjwKCAiA', '2026-02-27')
    assert organization['address']['value'] == 'United Kingdom'


@pytest.mark.behaviour('TC-2')
async def test_an_invoice_has_its_client_fetched(house: House) -> None:
    client = house.tc2.add_client('Quiet Tutors', sales_person=PRIYA, email='q@quiet.example', status='trial')
    house.tc2.raise_invoice(client.id)
    await house.settle()
    assert [item['name'] for item in house.organizations()] == ['Quiet Tutors']
    [fetched] = house.calls('GET', f'/clients/{client.id}/', system='tutorcruncher')
    assert fetched.status == 200


@pytest.mark.behaviour('TC-2')
async def test_twenty_invoices_cost_one_fetch(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.mark()
    for _ in range(20):
        house.tc2.pay_invoice(client.id)
    await house.settle()
    assert (await company(house))['paid_invoice_count'] == 20
    assert len(house.calls('GET', system='tutorcruncher')) == 1
    assert len(house.calls('PATCH')) == 2


@pytest.mark.behaviour('TC-2', 'VERSION-1')
async def test_an_invoice_in_the_second_of_an_edit_is_not_lost(house: House) -> None:
    client = sign_up(house)
    await later(house, 60.4)
    house.tc2.edit_client(client.id, website='https://ember.example')
    house.clock.advance(0.2)
    house.tc2.pay_invoice(client.id)
    await house.settle()
    kept = await company(house)
    assert (kept['website'], kept['paid_invoice_count']) == ('https://ember.example', 1)


@pytest.mark.behaviour('TC-2', 'TC-4')
async def test_an_invoice_of_a_client_without_agency_is_read_once(house: House) -> None:
    client = house.tc2.add_client('', with_agency=False, email='p@private.example')
    house.tc2.raise_invoice(client.id)
    await house.settle()
    assert house.organizations() == []
    assert len(house.calls('GET', system='tutorcruncher')) == 1
    assert 'has no meta_agency' in await notes(house)


@pytest.mark.behaviour('TC-2')
async def test_an_invoice_of_a_client_that_is_gone_is_read_once(house: House) -> None:
    await deliver(house, event({'model': 'Invoice', 'id': 1, 'client': {'id': 77}}, 'RAISED_INVOICE'))
    assert house.organizations() == []
    assert [call.status for call in house.calls(system='tutorcruncher')] == [404]
    assert await parked(house) == []


@pytest.mark.behaviour('TC-4')
@pytest.mark.lesson('E-4', 'E-6', 'E-8', 'L-4')
async def test_what_hermes_does_not_keep_is_ignored_and_the_rest_goes_on(house: House) -> None:
    await deliver(
        house,
        event({'id': 5}, 'SOMETHING'),
        event(None, 'SOMETHING'),
        'not an event',
        event({'model': 'Job', 'id': 6}, 'CREATED_A_JOB'),
        event({'model': 'Client', 'id': 501, 'first_name': 'Sam'}, 'AGREE_TERMS'),
        event({'model': 'Client', 'id': 502, 'first_name': 'Sam'}, 'CLIENT_ENQUIRY'),
        event({'model': 'Client'}, 'EDITED_A_CLIENT'),
        event(client(503), 'CREATED_A_CLIENT'),
        event({'model': 'Invoice', 'id': 9}, 'RAISED_INVOICE'),
    )
    assert [item['name'] for item in house.organizations()] == ['Ember Tutors']
    told = await notes(house)
    assert 'of model \\"Job\\"' in told
    assert 'Client 501 has no meta_agency (AGREE_TERMS)' in told
    assert 'Client 502 has no meta_agency (CLIENT_ENQUIRY)' in told
    assert 'names no model' in told
    assert 'names no client' in told


@pytest.mark.behaviour('TC-4', 'TC-1')
@pytest.mark.lesson('M-67')
@pytest.mark.parametrize('action', ['AGREE_TERMS', 'CLIENT_ENQUIRY', 'AN_ACTION_OF_TOMORROW'])
async def test_a_whole_client_is_a_snapshot_whichever_event_brings_it(house: House, action: str) -> None:
    await deliver(house, event(client(501), action))
    assert [item['name'] for item in house.organizations()] == ['Ember Tutors']
    await deliver(house, event({'model': 'Client', 'id': 501, 'first_name': 'Sam'}, action))
    assert (await company(house))['name'] == 'Ember Tutors', 'a bare client says nothing'


@pytest.mark.lesson('E-8')
@pytest.mark.behaviour('TC-4')
async def test_a_poisoned_event_leaves_the_others_of_its_delivery_alone(house: House) -> None:
    await deliver(
        house,
        event(client(501, agency={'id': 1, 'name': 'First'})),
        event(client(502, agency={'id': 2, 'name': 'Second'}, sales_person={'id': 999})),
        event({'model': 'Client'}),
        event(client(503, agency={'id': 3, 'name': 'Third'})),
    )
    assert sorted(item['name'] for item in house.organizations()) == ['First', 'Third']
    aside, unreadable = await parked(house)
    assert 'D-16' in aside['reason']
    assert 'has no id' in unreadable['reason']
    await house.set('default_sales_person_id', (await house.rows('select id from admin order by id'))[0]['id'])
    await house.act('event.replay', event=aside['id'])
    await house.settle()
    assert sorted(item['name'] for item in house.organizations()) == ['First', 'Second', 'Third']


@pytest.mark.behaviour('TC-10', 'TC-1')
async def test_what_changes_at_tc2_follows_into_the_crm(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.edit_client(client.id, name='Ember & Oak', website='https://oak.example', plan='enterprise')
    house.tc2.set_admins(client.id, sales_person=MARCUS, bdr_person=NOOR)
    await house.settle()
    [organization] = house.organizations()
    shown = house.custom('organization', organization)
    assert (organization['name'], organization['owner_id']) == ('Ember & Oak', MARCUS_PD)
    assert (shown['website'], shown['price_plan'], shown['bdr_person_id']) == (
        'https://oak.example',
        'enterprise',
        NOOR_PD,
    )


@pytest.mark.behaviour('TC-10', 'FIELD-2')
@pytest.mark.lesson('B-2', 'B-3')
async def test_a_persons_edit_stands_however_often_the_snapshot_comes(house: House) -> None:
    client = sign_up(house, website='https://ember.example')
    await later(house)
    [organization] = house.organizations()
    code = house.code('organization', 'website')
    house.pd.act_update(
        'organization', organization['id'], {'name': 'Ember (VIP)', 'custom_fields': {code: 'https://vip.example'}}
    )
    await later(house)
    house.mark()
    for website in ('https://two.example', 'https://three.example'):
        house.tc2.edit_client(client.id, website=website, name='Ember Ltd')
        await later(house, 10_800)
        house.tc2.send_snapshot(client.id)
        await later(house)
    [organization] = house.organizations()
    assert organization['name'] == 'Ember (VIP)'
    assert house.custom('organization', organization)['website'] == 'https://vip.example'
    assert house.calls('PATCH', 'organizations') == []
    house.tc2.set_admins(client.id, sales_person=MARCUS)
    await house.settle()
    [organization] = house.organizations()
    assert organization['owner_id'] == MARCUS_PD


@pytest.mark.behaviour('TC-12')
async def test_has_signed_up_from_the_first_event_of_tc2(house: House) -> None:
    house.pd.act_create('organization', {'name': 'Only Prospects'}, PRIYA_PD)
    await house.settle()
    assert (await company(house))['has_signed_up'] is False
    house.tc2.sign_up('Only Prospects', country='', email='x@only.example', sales_person=PRIYA)
    await house.settle()
    kept = await company(house)
    assert kept['has_signed_up'] is True
    [organization] = house.organizations()
    assert house.custom('organization', organization)['has_signed_up'].lower() in ('true', 'yes')


@pytest.mark.behaviour('TC-13', 'D-11')
@pytest.mark.lesson('E-18', 'E-19')
async def test_extra_attributes_go_by_the_catalogue(house: House) -> None:
    await deliver(
        house,
        event(
            client(
                501,
                status='live',
                created='1999-01-01',
                narc=True,
                agency={'gclid': ' CjwKCAiA-EAiwA ', 'narc': False},
                extra_attrs=[
                    {'machine_name': 'utm-source', 'value': ' Spring-Sale '},
                    {'machine_name': 'utm_campaign', 'value': '-----'},
                    {'machine_name': 'estimated_monthly_income', 'value': '5000-10000'},
                    {'machine_name': 'currency', 'value': 'GBP'},
                    {'machine_name': 'referer', 'value': ''},
                    {'machine_name': 'status', 'value': 'terminated'},
                    {'machine_name': 'narc', 'value': 'true'},
                    {'machine_name': 'created', 'value': '1998-01-01'},
                    {'machine_name': 'nobody_knows', 'value': 'x'},
                    {'value': 'no name'},
                    'nonsense',
                ],
            )
        ),
    )
    kept = await company(house)
    assert (kept['utm_source'], kept['utm_campaign'], kept['referer']) == ('Spring-Sale', None, None)
    assert (kept['estimated_income'], kept['currency'], kept['gclid']) == ('5000-10000', 'GBP', 'CjwKCAiA-EAiwA')
    assert (kept['tc2_status'], kept['narc'], str(kept['created'])) == ('trial', False, '2026-03-01')
    assert house.custom('organization', house.organizations()[0])['utm_source'] == 'Spring-Sale'


@pytest.mark.behaviour('TC-14')
@pytest.mark.lesson('E-12', 'E-27', 'C-3')
@pytest.mark.parametrize(
    ('told', 'kept'),
    [
        ({'how-many': '50+', 'b': ['x', {'y': None}]}, '{"b": ["x", {"y": null}], "how-many": "50+"}'),
        ('{"a": 1}', '{"a": 1}'),
        ('plain words', 'plain words'),
        ({'long': 'x' * 4000}, json.dumps({'long': 'x' * 4000})),
        (None, None),
    ],
)
async def test_the_questionnaire_is_json_text_that_the_crm_never_overwrites(
    house: House, told: object, kept: str | None
) -> None:
    client = sign_up(house, signup_questionnaire=told)
    await later(house)
    assert (await company(house))['signup_questionnaire'] == kept
    [organization] = house.organizations()
    assert house.custom('organization', organization).get('signup_questionnaire') == kept
    code = house.code('organization', 'signup_questionnaire')
    house.pd.act_update('organization', organization['id'], {'custom_fields': {code: 'edited by sales'}})
    await later(house)
    house.tc2.send_snapshot(client.id)
    await house.settle()
    assert (await company(house))['signup_questionnaire'] == (kept if kept else 'edited by sales')
    assert house.custom('organization', house.organizations()[0]).get('signup_questionnaire') == (
        kept if kept else 'edited by sales'
    )


@pytest.mark.behaviour('TC-15')
async def test_an_older_snapshot_changes_nothing(house: House) -> None:
    old, now = house.clock.now(), house.clock.now().timestamp()
    house.clock.advance(3600)
    await deliver(house, event(client(501, agency={'name': 'New Name', 'price_plan': 'monthly-startup'})))
    house.mark()
    await deliver(
        house, event(client(501, agency={'name': 'Old Name', 'paid_invoice_count': 7}, paid_recipients=[]), at=old)
    )
    await deliver(house, event(client(501, agency={'name': 'Older Name'})), request_time=int(now) - 60)
    kept = await company(house)
    assert (kept['name'], kept['paid_invoice_count'], kept['price_plan']) == ('New Name', 0, 'startup')
    assert house.calls() == []
    [recipient] = await house.rows("select state from link where type = 'recipient'")
    assert recipient['state'] == 'live'


@pytest.mark.behaviour('TC-16')
async def test_the_organisation_that_tc2_names_is_the_companys(house: House) -> None:
    made = house.pd.act_create('organization', {'name': 'Called Otherwise'}, PRIYA_PD)
    await later(house)
    sign_up(house, extra_attrs={'pipedrive_id': str(made['id'])})
    await house.settle()
    [organization] = house.organizations()
    assert organization['id'] == made['id']
    assert (await company(house))['pd_org_id'] == made['id']
    assert house.calls('POST', 'organizations') == []


@pytest.mark.behaviour('TC-16')
async def test_an_organisation_that_hermes_has_not_seen_yet_is_read_and_not_made_again(house: House) -> None:
    house.pd.act_webhooks(on=False)
    made = house.pd.act_create('organization', {'name': 'Called Otherwise', 'owner_id': MARCUS_PD}, MARCUS_PD)
    sign_up(house, extra_attrs={'pipedrive_id': str(made['id'])})
    await house.world.outbox.deliver_due(house.post)
    await ingest_step(house.engine)
    await push_step(house.engine)
    assert house.calls() == []
    await house.settle()
    [organization] = house.organizations()
    assert organization['id'] == made['id']
    assert house.calls('POST', 'organizations') == []
    assert (organization['name'], organization['owner_id']) == ('Called Otherwise', MARCUS_PD)
    assert house.custom('organization', organization)['tc2_status'] == 'pending_email_conf'
    assert house.persons()[0]['org_id'] == made['id']


@pytest.mark.behaviour('TC-16')
async def test_an_organisation_that_does_not_exist_is_made(house: House) -> None:
    sign_up(house, extra_attrs={'pipedrive_id': '4711'})
    await house.settle()
    [organization] = house.organizations()
    assert organization['id'] != 4711
    assert (await company(house))['pd_org_id'] == organization['id']


@pytest.mark.behaviour('TC-16')
async def test_an_organisation_that_was_merged_away_is_its_survivor(house: House) -> None:
    loser = house.pd.act_create('organization', {'name': 'Loser'}, PRIYA_PD)
    survivor = house.pd.act_create('organization', {'name': 'Survivor'}, PRIYA_PD)
    await later(house)
    house.pd.act_merge('organization', loser['id'], survivor['id'])
    await later(house)
    sign_up(house, extra_attrs={'pipedrive_id': str(loser['id'])})
    await house.settle()
    [kept] = await house.rows('select pd_org_id from company where tc2_cligency_id is not null')
    assert kept['pd_org_id'] == survivor['id']
    assert [item for item in house.organizations() if item['name'] == 'Ember Tutors'] == []


@pytest.mark.behaviour('TC-16')
async def test_an_organisation_that_is_linked_elsewhere_is_one_conflict(house: House) -> None:
    first = sign_up(house)
    await later(house)
    [taken] = house.organizations()
    second = sign_up(
        house, 'Other Tutors', email='o@other.example', recipients=[], extra_attrs={'pipedrive_id': str(taken['id'])}
    )
    await later(house)
    for _ in range(3):
        house.tc2.send_snapshot(second.id)
        house.tc2.send_snapshot(first.id)
        await later(house, 10_800)
    [decision] = await decisions(house)
    assert decision['kind'] == 'tc16'
    rows = await house.rows(
        "select record_id from link where system = 'pipedrive' and remote_id = %s and type = 'organization'",
        str(taken['id']),
    )
    assert [row['record_id'] for row in rows] == [
        (await house.rows("select id from company where name = 'Ember Tutors'"))[0]['id']
    ]


@pytest.mark.behaviour('TC-2')
async def test_an_invoice_that_comes_while_the_client_is_being_read_is_read_for_too(house: House) -> None:
    made = sign_up(house)
    await house.settle()

    async def read_meanwhile_paid(send: faults.Send, request: httpx2.Request) -> httpx2.Response:
        answer = await send(request)
        await answer.aread()
        house.clock.advance(2)
        house.tc2.pay_invoice(made.id)
        house.clock.advance(5)
        assert await house.world.outbox.deliver_due(house.post)
        assert await ingest_step(house.engine)
        return answer

    on_the_way = faults.on(house)
    on_the_way.add('GET', f'/clients/{made.id}', read_meanwhile_paid)
    house.clock.advance(60)
    house.tc2.pay_invoice(made.id)
    await house.settle()
    assert on_the_way.met == 1
    [organization] = house.organizations()
    assert house.custom('organization', organization)['paid_invoice_count'] == 2
