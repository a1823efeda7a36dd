"""A call whose outcome nobody knows: found out before anything is tried again, never a second object (OUT-4, I4)."""

from datetime import timedelta

import pytest

from tests.flows import faults
from tests.flows.companies import decisions, later, quiet, sign_up
from tests.flows.house import House


@pytest.mark.behaviour('OUT-4')
@pytest.mark.invariant('I4')
@pytest.mark.parametrize('kind', ['organizations', 'persons', 'deals'])
@pytest.mark.parametrize('fault', [faults.lose_answer, faults.carried_out(502, b'<html>'), faults.carried_out(200)])
async def test_a_creation_whose_answer_is_lost_is_found_by_its_own_webhook(
    house: House, kind: str, fault: faults.Act
) -> None:
    broken = faults.on(house)
    broken.add('POST', f'/{kind}', fault)
    sign_up(house)
    await house.settle()
    assert broken.met == 1
    assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1
    assert house.calls('GET') == []
    await quiet(house)


@pytest.mark.behaviour('OUT-4')
@pytest.mark.invariant('I4')
@pytest.mark.lesson('F-9')
@pytest.mark.parametrize('kind', ['organizations', 'persons', 'deals'])
@pytest.mark.parametrize('fault', [faults.lose_answer, faults.carried_out(200)])
async def test_without_webhooks_it_is_found_by_listing_what_was_added(
    house: House, kind: str, fault: faults.Act
) -> None:
    house.pd.act_webhooks(on=False)
    broken = faults.on(house)
    broken.add('POST', f'/{kind}', fault)
    sign_up(house)
    began_at = house.clock.now()
    await house.settle()
    assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1
    [listing] = house.calls('GET', kind)
    assert (listing.at - began_at).total_seconds() >= 18
    since = (began_at - timedelta(seconds=60)).strftime('%Y-%m-%dT%H')
    assert f'updated_since={since[:10]}' in listing.query
    assert [call.method for call in house.calls('POST')] == ['POST'] * 3
    await quiet(house)


@pytest.mark.behaviour('OUT-4')
@pytest.mark.parametrize('kind', ['organizations', 'persons', 'deals'])
async def test_a_creation_that_never_arrived_is_made_once_after_two_looks(house: House, kind: str) -> None:
    broken = faults.on(house)
    broken.add('POST', f'/{kind}', faults.lose_request)
    sign_up(house)
    await house.settle()
    first, second = house.calls('GET', kind)
    assert (second.at - first.at).total_seconds() >= 10
    [made] = house.calls('POST', kind)
    assert made.at >= second.at
    assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1
    await quiet(house)


@pytest.mark.behaviour('OUT-4')
@pytest.mark.parametrize('webhooks', [True, False])
async def test_found_twice_the_older_is_linked_and_there_is_never_a_third(house: House, webhooks: bool) -> None:
    house.pd.act_webhooks(on=webhooks)
    broken = faults.on(house)
    broken.add('POST', '/organizations', faults.carry_out_twice)
    sign_up(house)
    await later(house, 600)
    assert len(house.organizations()) == 2
    older = min(item['id'] for item in house.organizations())
    rows = await house.rows("select remote_id from link where type = 'organization' and is_primary and state = 'live'")
    assert [row['remote_id'] for row in rows] == [str(older)]
    assert house.persons()[0]['org_id'] == house.deals()[0]['org_id'] == older
    assert len(await decisions(house)) == 1
    assert len(await house.rows('select id from company')) == 1
    await quiet(house)


@pytest.mark.behaviour('OUT-4')
@pytest.mark.parametrize(
    'fault', [faults.lose_answer, faults.lose_request, faults.carried_out(500), faults.carried_out(200)]
)
@pytest.mark.parametrize('webhooks', [True, False])
async def test_a_change_whose_answer_is_lost_is_looked_at_and_done(
    house: House, fault: faults.Act, webhooks: bool
) -> None:
    client = sign_up(house)
    await later(house)
    house.pd.act_webhooks(on=webhooks)
    broken = faults.on(house)
    broken.add('PATCH', '/organizations', fault)
    house.tc2.edit_client(client.id, website='https://ember.example')
    await house.settle()
    assert broken.met == 1
    assert house.custom('organization', house.organizations()[0])['website'] == 'https://ember.example'
    assert len(house.organizations()) == 1
    rows = await house.rows('select website from company')
    assert rows[0]['website'] == 'https://ember.example'
    await quiet(house)
    house.mark()
    house.tc2.send_snapshot(client.id)
    await house.settle()
    assert house.calls() == []
    house.tc2.edit_client(client.id, website='https://tutors.example')
    await later(house)
    assert house.custom('organization', house.organizations()[0])['website'] == 'https://tutors.example'


@pytest.mark.behaviour('OUT-4')
@pytest.mark.parametrize('fault', [faults.lose_answer, faults.lose_request, faults.carried_out(200)])
@pytest.mark.parametrize('webhooks', [True, False])
async def test_a_deletion_whose_answer_is_lost_happens_and_rests(
    house: House, fault: faults.Act, webhooks: bool
) -> None:
    client = sign_up(house)
    await later(house)
    house.pd.act_webhooks(on=webhooks)
    broken = faults.on(house)
    broken.add('DELETE', '/persons', fault)
    house.tc2.set_narc(client.id)
    await house.settle()
    assert broken.met == 1
    assert house.persons() == house.organizations() == []
    await quiet(house)


@pytest.mark.behaviour('PD-ECHO-1')
@pytest.mark.parametrize('early', [0.0, 1.0])
async def test_the_webhook_of_our_own_write_changes_nothing_and_calls_nothing(house: House, early: float) -> None:
    house.world.weather.change(webhook_first_p=early)
    client = sign_up(house)
    await later(house)
    assert [call.method for call in house.calls()] == ['POST'] * 3
    house.mark()
    before = await house.rows('select count(*) as n from change')
    house.tc2.edit_client(client.id, website='https://ember.example')
    await later(house)
    assert [call.method for call in house.calls()] == ['PATCH', 'PATCH']
    journal = await house.rows('select record_type, field, rule from change order by id offset %s', before[0]['n'])
    assert [tuple(row.values()) for row in journal] == [
        ('company', 'website', 'FIELD-2'),
        ('deal', 'website', 'FIELD-6'),
    ]
    await quiet(house)
