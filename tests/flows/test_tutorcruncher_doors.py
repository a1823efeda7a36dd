"""Who may deliver, and that what arrives twice or is refused leaves nothing behind (S1, D-20, TC-9, D-13)."""

import json

import pytest

from hermes.sync import connect
from tests.flows.companies import client, deliver, envelope, event, later, sign_up
from tests.flows.house import HERMES, SECRETS, House, open_house

CALLBACK = f'{HERMES}/pipedrive/callback/'


async def events_of(house: House, source: str) -> int:
    [row] = await house.rows("select count(*) as n from event where source = %s and kind = 'webhook'", source)
    return int(row['n'])


@pytest.mark.behaviour('D-20')
@pytest.mark.lesson('K-3')
async def test_a_subscription_without_auth_is_replaced(house: House) -> None:
    system = house.engine.systems['pipedrive']
    [subscription] = (
        house.pd.state()['subscriptions'].values()
        if isinstance(house.pd.state()['subscriptions'], dict)
        else house.pd.state()['subscriptions']
    )
    subscription['http_auth_user'] = subscription['http_auth_password'] = None
    await connect.subscribe(house.engine, system, CALLBACK, SECRETS.pd_webhook_user, SECRETS.pd_webhook_password)
    assert [call.method for call in house.calls(path='/webhooks')] == ['GET', 'DELETE', 'POST']
    house.mark()
    await connect.subscribe(house.engine, system, CALLBACK, SECRETS.pd_webhook_user, SECRETS.pd_webhook_password)
    assert [call.method for call in house.calls(path='/webhooks')] == ['GET']
    house.pd.act_create('organization', {'name': 'Heard Again'})
    await house.settle()
    assert [row['name'] for row in await house.rows('select name from company')] == ['Heard Again']


@pytest.mark.behaviour('D-20')
@pytest.mark.invariant('S1')
async def test_a_delivery_of_the_crm_without_credentials_is_refused(house: House) -> None:
    body = json.dumps({'meta': {'entity': 'organization', 'action': 'create'}, 'data': {'id': 1, 'name': 'x'}}).encode()
    before = await events_of(house, 'pipedrive')
    assert (await house.web.post('/pipedrive/callback/', content=body)).status_code == 401
    assert (await house.send_pd(body, password='wrong')).status_code == 401
    assert await events_of(house, 'pipedrive') == before


@pytest.mark.lesson('K-1', 'K-2')
@pytest.mark.invariant('S1')
async def test_a_signature_over_the_raw_bytes_by_either_live_secret(database_url: str) -> None:
    async with open_house(database_url, tc2_api_key='tc2-secret-key,old-secret') as house:
        told = event(client(501, agency={'name': 'Ünder Tutors ✓'}))
        spaced = json.dumps({'events': [told], 'request_time': 1772442000}, indent=3, ensure_ascii=False).encode()
        assert (await house.send_tc2(spaced, secret='old-secret')).status_code == 200
        assert (await house.send_tc2(envelope(told, request_time=1772442000))).status_code == 200
        stored = await events_of(house, 'tutorcruncher')
        assert (await house.send_tc2(spaced, secret='nobody')).status_code == 403
        assert (await house.send_tc2(spaced + b' ', **{'Webhook-Signature': 'f' * 64})).status_code == 403
        assert (await house.web.post('/tc2/callback/', content=spaced)).status_code == 403
        assert await events_of(house, 'tutorcruncher') == stored == 2
        await house.settle()
        assert [item['name'] for item in house.organizations()] == ['Ünder Tutors ✓']


@pytest.mark.behaviour('TC-9')
@pytest.mark.invariant('I2', 'I3', 'I9')
async def test_the_same_news_in_every_dress_costs_nothing(house: House) -> None:
    made = sign_up(
        house, plan='startup', website='https://ember.example', signup_questionnaire={'b': 1, 'a': 2}, narc=None
    )
    await later(house)
    house.mark()
    rows = await house.rows('select count(*) as n from change')
    house.tc2.resend_last(50)
    for shape in ('user', 'both', 'user'):
        house.tc2.client(made.id).shape = shape
        house.tc2.client(made.id).agency.signup_questionnaire = {'a': 2, 'b': 1}
        house.tc2.send_snapshot(made.id)
        await later(house, 10_800)
    assert house.calls() == house.calls(system='tutorcruncher') == []
    assert await house.rows('select count(*) as n from change') == rows


@pytest.mark.lesson('L-3')
@pytest.mark.behaviour('TC-4')
@pytest.mark.parametrize(
    'body',
    ['{}', '{"events": {}}', '{"events": null}', '[]', '"x"', '7', '{"events": []}', '{"name": "public profile"}'],
)
async def test_bodies_that_are_no_delivery_are_kept_and_harm_nobody(house: House, body: str) -> None:
    assert (await house.send_tc2(body.encode())).status_code == 200
    await deliver(house, event(client(501)))
    assert len(house.organizations()) == 1
    rows = await house.rows(
        "select state, reason from event where source = 'tutorcruncher' and kind = 'webhook' order by id"
    )
    assert rows[0]['state'] == ('done' if body == '{"events": []}' else 'parked')


@pytest.mark.lesson('A-1', 'A-10')
async def test_a_record_that_is_deleted_between_news_and_work_is_a_normal_outcome(house: House) -> None:
    made = sign_up(house)
    house.tc2.pay_invoice(made.id)
    house.tc2.delete(made.id)
    house.tc2.pay_invoice(made.id)
    await later(house)
    aside = await house.rows("select reason from event where state = 'parked'")
    assert aside == []
    rows = await house.rows("select tombstone ->> 'kind' as kind from company")
    assert [row['kind'] for row in rows] in ([], ['tc2'])


@pytest.mark.lesson('A-4', 'A-3', 'A-6')
async def test_news_of_one_company_at_once_to_four_workers_makes_one_of_each(database_url: str) -> None:
    async with open_house(database_url, workers=4) as house:
        made = sign_up(house)
        for number in range(6):
            house.tc2.edit_client(made.id, website=f'https://{number}.example')
        await later(house)
        assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1
        assert house.custom('organization', house.organizations()[0])['website'] == 'https://5.example'
