"""Whose value stands: people's edits in the CRM, races with our own writes, normalisation (EDIT, VERSION-1,
PD-RACE-1).
"""

from datetime import timedelta
from typing import Any

import pytest

from tests.flows import faults
from tests.flows.companies import decisions, later, quiet, sign_up
from tests.flows.house import PRIYA_PD, House

MINE, THEIRS = 'https://ember.example', 'https://person.example'


def website(house: House) -> str | None:
    return house.custom('organization', house.organizations()[0]).get('website')


def edit(house: House, value: str | None) -> None:
    """A person writes the organisation's website in the CRM."""
    [organization] = house.organizations()
    values = {'custom_fields': {house.code('organization', 'website'): value}}
    house.pd.act_update('organization', organization['id'], values, PRIYA_PD)


@pytest.mark.behaviour('EDIT-1', 'FIELD-2', 'TC-10')
@pytest.mark.lesson('B-2')
async def test_a_persons_edit_stands_however_often_the_snapshot_comes(house: House) -> None:
    client = sign_up(house, website=MINE)
    await later(house)
    edit(house, THEIRS)
    await later(house)
    house.mark()
    for _ in range(3):
        house.tc2.send_snapshot(client.id)
        await later(house, 3 * 3600)
    house.tc2.edit_client(client.id, website=f'{MINE}/new')
    await later(house)
    assert website(house) == THEIRS
    assert house.calls('PATCH', 'organizations') == []
    [company] = await house.rows('select id, website from company')
    assert company['website'] == THEIRS
    await house.act('release', record=['company', company['id']], field='website')
    await house.settle()
    assert website(house) == f'{MINE}/new'


@pytest.mark.behaviour('EDIT-1')
async def test_clearing_a_field_that_had_a_value_is_an_edit(house: House) -> None:
    client = sign_up(house, website=MINE)
    await later(house)
    edit(house, None)
    await later(house)
    house.tc2.send_snapshot(client.id)
    await later(house)
    assert website(house) is None
    await quiet(house)


@pytest.mark.behaviour('EDIT-1')
async def test_a_field_that_was_never_set_is_no_edit(house: House) -> None:
    client = sign_up(house)
    await later(house)
    [organization] = house.organizations()
    house.pd.act_update('organization', organization['id'], {'label_ids': []}, PRIYA_PD)
    house.pd.act_update('organization', organization['id'], {'name': 'Ember Tuition'}, PRIYA_PD)
    await later(house)
    house.tc2.edit_client(client.id, website=MINE)
    await later(house)
    assert website(house) == MINE


@pytest.mark.behaviour('PD-RACE-1', 'EDIT-2')
@pytest.mark.parametrize('gap_s', [0.0, 0.4, 3.0])
async def test_an_edit_made_just_before_our_write_is_put_back_once(house: House, gap_s: float) -> None:
    client = sign_up(house)
    await later(house)
    house.mark()
    house.world.weather.change(delayed_p=1.0, delay_max_s=20.0)
    edit(house, THEIRS)
    house.world.weather.change(name='calm')
    house.clock.move_to(house.clock.now() + timedelta(seconds=gap_s))
    house.tc2.edit_client(client.id, website=MINE)
    await later(house)
    assert website(house) == THEIRS
    assert len(house.calls('PATCH', 'organizations')) == 2
    told = await house.rows("select new from change where field = 'website' and record_type = 'company' order by id")
    assert [row['new'] for row in told] == [MINE, THEIRS]
    await quiet(house)


@pytest.mark.behaviour('PD-RACE-1')
async def test_an_edit_made_just_after_our_write_stands(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.edit_client(client.id, website=MINE)
    await house.settle(0.5)
    edit(house, THEIRS)
    await later(house)
    assert website(house) == THEIRS
    assert (await house.rows('select website from company'))[0]['website'] == THEIRS
    await quiet(house)


@pytest.mark.behaviour('VERSION-1')
async def test_two_values_in_one_second_are_read_again(house: House) -> None:
    sign_up(house)
    await later(house)
    house.mark()
    house.world.weather.change(reordered_p=1.0, reorder_max_s=3.0)
    for number in range(4):
        edit(house, f'{THEIRS}/{number}')
    house.world.weather.change(name='calm')
    await later(house)
    assert (await house.rows('select website from company'))[0]['website'] == f'{THEIRS}/3' == website(house)
    assert house.calls('PATCH', 'organizations') == []


@pytest.mark.behaviour('VERSION-1')
async def test_our_own_answer_and_an_edit_of_the_same_second_are_read_again_and_the_edit_stands(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.mark()
    house.pd.act_webhooks(on=True)
    house.tc2.edit_client(client.id, website=MINE)
    while not house.calls('PATCH', 'organizations'):
        if not await house.step():
            house.clock.move_to(house.clock.now() + timedelta(milliseconds=50))
    edit(house, THEIRS)
    await later(house)
    assert website(house) == THEIRS
    assert (await house.rows('select website from company'))[0]['website'] == THEIRS
    await quiet(house)


@pytest.mark.behaviour('EDIT-3', 'FIELD-3')
async def test_a_field_of_tc2_is_corrected_and_the_third_time_in_a_day_left_and_shown(house: House) -> None:
    client = sign_up(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    [organization] = house.organizations()
    code = house.code('organization', 'paid_invoice_count')
    for number in (71, 72):
        house.mark()
        house.pd.act_update('organization', organization['id'], {'custom_fields': {code: number}}, PRIYA_PD)
        await later(house)
        assert house.custom('organization', house.organizations()[0])['paid_invoice_count'] == 1
        assert len(house.calls('PATCH', 'organizations')) == 1
    house.mark()
    house.pd.act_update('organization', organization['id'], {'custom_fields': {code: 73}}, PRIYA_PD)
    await later(house)
    assert house.custom('organization', house.organizations()[0])['paid_invoice_count'] == 73
    assert house.calls('PATCH', 'organizations') == []
    assert [item['kind'] for item in await decisions(house)] == ['fought over']
    house.mark()
    house.tc2.edit_client(client.id, website=MINE)
    await later(house)
    assert website(house) == MINE
    await quiet(house)


@pytest.mark.behaviour('EDIT-3', 'PD-ECHO-1')
@pytest.mark.parametrize('first', [True, False], ids=['when it is made', 'when it is changed'])
async def test_what_the_crm_makes_of_our_value_is_ours_and_equal(house: House, first: bool) -> None:
    code = house.code('organization', 'website')

    def shorten(body: dict[str, Any]) -> None:
        if (body.get('custom_fields') or {}).get(code):
            body['custom_fields'][code] = body['custom_fields'][code].removeprefix('https://')

    broken = faults.on(house)
    for method in ('POST', 'PATCH'):
        broken.add(method, '/organizations', faults.rewrite(shorten), 99)
    client = sign_up(house, website=MINE if first else None)
    await later(house)
    if not first:
        house.tc2.edit_client(client.id, website=MINE)
        await later(house)
    assert website(house) == 'ember.example'
    house.mark()
    for _ in range(4):
        house.tc2.send_snapshot(client.id)
        await later(house, 3 * 3600)
    assert house.calls() == []
    assert [row['website'] for row in await house.rows('select website from company')] == [MINE]
    house.tc2.edit_client(client.id, website='https://juniper.example')
    await later(house)
    assert website(house) == 'juniper.example'
    assert len(house.calls('PATCH', 'organizations')) == 1
    await quiet(house)
