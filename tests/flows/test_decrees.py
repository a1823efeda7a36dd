"""What an operator writes stands as a decree: over every system, until a person in the CRM writes the field afterwards,
or somebody releases it (D-22).
"""

from datetime import timedelta
from typing import Any

import pytest

from hermes.domain.errors import Refused
from tests.flows.companies import company, later, quiet, sign_up
from tests.flows.crm import add_deal, add_organization, admin, change, item, known, shown, stage
from tests.flows.house import MARCUS_PD, PRIYA_PD, House

MINE, OURS, THEIRS = 'https://ember.example', 'https://decreed.example', 'https://person.example'
pytestmark = pytest.mark.behaviour('D-22')


def site(house: House) -> str | None:
    return house.custom('organization', house.organizations()[0]).get('website')


def edit(house: House, value: str | None) -> None:
    """A person writes the organisation's website in the CRM."""
    values = {'custom_fields': {house.code('organization', 'website'): value}}
    house.pd.act_update('organization', house.organizations()[0]['id'], values, PRIYA_PD)


async def decree(house: House, reason: str = '', kind: str = 'company', number: int = 0, **values: Any) -> Any:
    """`hermes record set`, on the only company unless another record is named."""
    ref = [kind, number or (await company(house))['id']]
    return await house.act('record.write', record=ref, values=values, reason=reason)


async def believed(house: House) -> Any:
    return (await company(house))['website']


async def signed_up(house: House) -> Any:
    client = sign_up(house, website=MINE)
    await later(house)
    house.mark()
    return client


async def test_a_decree_is_sent_once_to_the_company_and_its_deal_and_no_snapshot_of_tc2_moves_it(house: House) -> None:
    client = await signed_up(house)
    await decree(house, website=OURS)
    await later(house)
    assert site(house) == OURS
    assert house.custom('deal', house.deals()[0])['website'] == OURS
    assert len(house.calls('PATCH')) == 2
    house.tc2.edit_client(client.id, website=f'{MINE}/new')
    for _ in range(3):
        house.tc2.send_snapshot(client.id)
        await later(house, 3 * 3600)
    assert (site(house), await believed(house)) == (OURS, OURS)
    assert len(house.calls('PATCH')) == 2
    await quiet(house)


async def test_the_echo_of_our_own_push_ends_nothing(house: House) -> None:
    client = await signed_up(house)
    house.world.weather.change(delayed_p=1.0, delay_max_s=40.0, duplicated_p=1.0)
    await decree(house, website=f'{OURS}/first')
    await house.settle(0.5)
    await decree(house, website=OURS)
    assert (await house.rows("select due_at > hermes_now() as later from push where record_type = 'company'"))[0][
        'later'
    ]
    await later(house)
    house.world.weather.change(name='calm')
    house.tc2.edit_client(client.id, website=f'{MINE}/new')
    await later(house)
    assert (site(house), await believed(house)) == (OURS, OURS)


async def test_a_person_who_edits_the_field_in_the_crm_afterwards_is_in_charge(house: House) -> None:
    client = await signed_up(house)
    await decree(house, website=OURS)
    await later(house)
    house.pd.act_update('organization', house.organizations()[0]['id'], {'name': 'Another Field'}, PRIYA_PD)
    await later(house)
    assert site(house) == OURS
    edit(house, THEIRS)
    await later(house)
    house.tc2.send_snapshot(client.id)
    await later(house)
    assert (site(house), await believed(house)) == (THEIRS, THEIRS)
    await quiet(house)


@pytest.mark.invariant('I5')
@pytest.mark.parametrize('before', [True, False], ids=['before the decree', 'after it'])
async def test_an_edit_whose_webhook_is_late_counts_as_when_it_was_made(house: House, before: bool) -> None:
    await signed_up(house)
    if not before:
        await decree(house, website=OURS)
        house.clock.advance(2)
    house.world.weather.change(delayed_p=1.0, delay_max_s=40.0)
    edit(house, THEIRS)
    late = list(house.world.outbox.waiting)
    house.world.outbox.waiting.clear()
    house.world.weather.change(name='calm')
    house.clock.advance(2)
    if before:
        await decree(house, website=OURS)
    await later(house)
    assert site(house) == OURS
    for delivery in (*late, *late):
        await house.post(delivery)
    await later(house)
    stands = OURS if before else THEIRS
    assert (site(house), await believed(house)) == (stands, stands)


async def test_release_gives_the_field_back_to_tc2(house: House) -> None:
    client = await signed_up(house)
    await decree(house, website=OURS)
    await later(house)
    house.tc2.edit_client(client.id, website=f'{MINE}/new')
    await later(house)
    number = (await company(house))['id']
    await house.act('release', record=['company', number], field='website')
    await later(house)
    assert (site(house), await believed(house)) == (f'{MINE}/new', f'{MINE}/new')
    with pytest.raises(Refused, match='nothing to release'):
        await house.act('release', record=['company', number], field='website')


async def test_what_nobody_else_ever_said_is_nothing_again_after_a_release(house: House) -> None:
    sign_up(house)
    await later(house)
    await decree(house, website=OURS)
    await later(house)
    assert site(house) == OURS
    await house.act('release', record=['company', (await company(house))['id']], field='website')
    await later(house)
    assert (site(house), await believed(house)) == (None, None)


async def test_an_edit_from_before_the_decree_holds_again_after_it(house: House) -> None:
    await signed_up(house)
    edit(house, THEIRS)
    await later(house)
    await decree(house, website=OURS)
    await later(house)
    assert site(house) == OURS
    await house.act('release', record=['company', (await company(house))['id']], field='website')
    await later(house)
    assert site(house) == THEIRS


async def test_a_field_of_tc2_needs_a_reason_which_its_line_keeps(house: House) -> None:
    client = await signed_up(house)
    with pytest.raises(Refused, match=r'price_plan .*say a reason'):
        await decree(house, price_plan='enterprise')
    await decree(house, 'agreed by phone', price_plan='enterprise')
    await later(house)
    house.tc2.edit_client(client.id, plan='startup')
    await later(house)
    [organization] = house.organizations()
    assert house.custom('organization', organization)['price_plan'] == 'enterprise'
    [line] = await house.rows(
        "select system, rule, note from change where field = 'price_plan' and rule = 'D-22' and record_type = 'company'"
    )
    assert line == {'system': 'operator', 'rule': 'D-22', 'note': 'agreed by phone'}
    change(house, 'organization', organization['id'], custom={'price_plan': 'nonsense'})
    await later(house)
    assert house.custom('organization', house.organizations()[0])['price_plan'] == 'startup'


@pytest.mark.parametrize(
    ('values', 'why'),
    [
        ({'has_signed_up': False}, 'computed by Hermes'),
        ({'sales_call_count': 3}, 'computed by Hermes'),
        ({'colour': 'red'}, 'has no field'),
        ({'name': ' '}, 'cannot be empty'),
        ({'country': 'Nowhere'}, 'country'),
        ({'sales_person_id': 77}, 'there is no admin 77'),
        ({'support_person_id': 'Priya'}, 'id of a admin|id of an admin'),
        ({'paid_invoice_count': 'many'}, 'whole number'),
        ({'created': 'yesterday'}, 'a day such as'),
        ({}, 'at least one field'),
    ],
)
async def test_what_cannot_be_written_is_refused_with_its_field(house: House, values: dict[str, Any], why: str) -> None:
    await signed_up(house)
    with pytest.raises(Refused, match=why):
        await decree(house, 'a reason', **values)
    await later(house)
    assert house.calls('PATCH') == []


async def test_an_inherited_field_of_a_deal_is_written_at_its_company(house: House) -> None:
    await signed_up(house)
    [deal] = await house.rows('select id from deal')
    with pytest.raises(Refused, match='write that of its company'):
        await decree(house, kind='deal', number=deal['id'], website=OURS)


async def test_a_field_of_the_crm_is_written_until_a_person_writes_it_there(house: House) -> None:
    await signed_up(house)
    [deal] = await house.rows('select id from deal')
    [standing] = house.deals()
    called, contacted = stage(house, 'PAYG - Contacted'), await house.rows('select id, name from stage order by id')
    other = next(one['id'] for one in contacted if one['name'] == called['name'])
    marcus = await admin(house, MARCUS_PD)
    await decree(house, kind='deal', number=deal['id'], title='Big Deal', admin_id=marcus, stage_id=other)
    await later(house)
    there = item(house, 'deal', standing['id'])
    assert (there['title'], there['owner_id'], there['stage_id']) == ('Big Deal', MARCUS_PD, called['id'])
    house.mark()
    house.pd.act_update('deal', standing['id'], {'title': 'Bigger Deal'}, PRIYA_PD)
    await later(house)
    assert item(house, 'deal', standing['id'])['title'] == 'Bigger Deal'
    assert house.calls('PATCH') == []
    [row] = await house.rows('select title, admin_id from deal')
    assert row == {'title': 'Bigger Deal', 'admin_id': marcus}


async def test_a_closed_deal_is_opened_by_a_decree_and_then_gets_what_it_missed(house: House) -> None:
    client = await signed_up(house)
    [standing] = house.deals()
    house.pd.act_update('deal', standing['id'], {'status': 'lost'}, PRIYA_PD)
    await later(house)
    house.tc2.edit_client(client.id, website=f'{MINE}/new')
    await later(house)
    [deal] = await house.rows('select id from deal')
    await decree(house, kind='deal', number=deal['id'], status='open')
    await later(house)
    there = item(house, 'deal', standing['id'])
    assert there['status'] == 'open'
    assert house.custom('deal', there)['website'] == f'{MINE}/new'


async def test_a_decree_clears_what_a_person_entered(house: House) -> None:
    organization = add_organization(house, custom={'website': THEIRS})
    await later(house)
    number = (await known(house, 'organization', organization))['id']
    await decree(house, number=number, website=None)
    await later(house)
    assert 'website' not in shown(house, 'organization', organization)


async def test_a_decree_survives_a_merge_in_the_crm(house: House) -> None:
    await signed_up(house)
    [standing] = house.organizations()
    await decree(house, website=OURS)
    await later(house)
    survivor = add_organization(house, 'Twin Tutors', custom={'website': THEIRS})
    await later(house)
    house.pd.act_merge('organization', standing['id'], survivor, PRIYA_PD)
    await later(house)
    assert shown(house, 'organization', survivor)['website'] == OURS
    change(house, 'organization', survivor, custom={'website': THEIRS})
    await later(house)
    assert shown(house, 'organization', survivor)['website'] == THEIRS


async def test_a_decree_before_the_company_is_known_in_the_crm_stands_over_what_is_found_there(house: House) -> None:
    house.pd.act_webhooks(on=True)
    client = sign_up(house, website=MINE)
    await later(house)
    await decree(house, website=OURS)
    await decree(house, website=f'{OURS}/again')
    house.tc2.send_snapshot(client.id)
    await later(house)
    assert site(house) == f'{OURS}/again'
    add_deal(house, house.organizations()[0]['id'], custom={'website': THEIRS})
    await later(house)
    assert {house.custom('deal', deal)['website'] for deal in house.deals()} == {f'{OURS}/again'}


async def test_three_decrees_of_a_day_are_no_fight(house: House) -> None:
    await signed_up(house)
    for number in range(4):
        edit(house, f'{THEIRS}/{number}')
        await later(house, timedelta(minutes=5).total_seconds())
        await decree(house, website=f'{OURS}/{number}')
        await later(house)
        assert site(house) == f'{OURS}/{number}'
    await quiet(house)
