"""A deal that people put into the CRM's archive: no open deal for any rule, nothing is sent, and it comes back."""

from typing import Any

import pytest

from tests.flows import faults
from tests.flows.bookings import book
from tests.flows.companies import later, sign_up
from tests.flows.crm import SITE, add_deal, add_organization, add_person, change, known, shown, stage, writes
from tests.flows.house import PRIYA_PD, House
from tests.flows.listings import list_all
from tests.flows.merging import assert_replays

pytestmark = [pytest.mark.behaviour('PD-DEAL-8'), pytest.mark.lesson('M-35')]


async def put_away(house: House, *, told: bool = False, lost: bool = False) -> tuple[Any, dict[str, Any]]:
    """A client and its deal, which a person has archived. `told`: the delivery says so; `lost`: there is none."""
    client = sign_up(house, website=SITE)
    await later(house)
    [deal] = house.deals()
    house.pd.hooks_tell_archive = told
    house.pd.act_webhooks(on=not lost)
    house.pd.act_archive(deal['id'], user_id=PRIYA_PD)
    house.pd.act_webhooks(on=True)
    await later(house)
    house.mark()
    return client, deal


async def stuck(house: House) -> list[dict[str, Any]]:
    return await house.rows("select record_type, state, reason from push where state <> 'ready' or wanted > done")


@pytest.mark.parametrize('told', [True, False])
async def test_nothing_is_sent_to_it_and_it_catches_up_when_it_comes_back(house: House, told: bool) -> None:
    client, deal = await put_away(house, told=told)
    assert (await known(house, 'deal', deal['id']))['archived'] is True
    house.tc2.edit_client(client.id, website='https://new.example')
    await later(house)
    assert [path for _, path in writes(house) if 'deals' in path] == []
    assert await stuck(house) == []
    assert shown(house, 'deal', deal['id'])['website'] == SITE
    house.mark()
    house.pd.act_archive(deal['id'], archived=False, user_id=PRIYA_PD)
    await later(house)
    ours = await known(house, 'deal', deal['id'])
    assert (ours['archived'], ours['status']) == (None, 'open')
    assert shown(house, 'deal', deal['id'])['website'] == 'https://new.example'
    assert writes(house) == [('PATCH', f'deals/{deal["id"]}')]
    assert await stuck(house) == []


async def test_a_delivery_that_tells_nothing_costs_one_reading_and_others_none(house: House) -> None:
    sign_up(house)
    await later(house)
    [deal] = house.deals()
    house.mark()
    change(house, 'deal', deal['id'], title='Renamed')
    house.pd.act_move(deal['id'], stage(house, 'PAYG - Demo done')['id'])
    await later(house)
    assert house.calls('GET') == []
    house.pd.act_archive(deal['id'])
    await later(house)
    assert [call.path.rsplit('/', 1)[-1] for call in house.calls('GET')] == [str(deal['id'])]


async def test_an_archiving_that_was_not_heard_of_is_learned_from_the_refusal(house: House) -> None:
    client, deal = await put_away(house, lost=True)
    assert not (await known(house, 'deal', deal['id']))['archived']
    house.tc2.edit_client(client.id, website='https://new.example')
    await later(house)
    assert (await known(house, 'deal', deal['id']))['archived'] is True
    assert [path for _, path in writes(house) if 'deals' in path] == [f'deals/{deal["id"]}']
    assert await stuck(house) == []


async def test_an_archiving_that_was_not_heard_of_is_found_by_the_night(house: House) -> None:
    _, deal = await put_away(house, lost=True)
    await list_all(house)
    assert (await known(house, 'deal', deal['id']))['archived'] is True
    house.pd.act_webhooks(on=False)
    house.pd.act_archive(deal['id'], archived=False)
    house.pd.act_webhooks(on=True)
    await later(house)
    await list_all(house)
    assert (await known(house, 'deal', deal['id']))['archived'] is None


async def test_another_refusal_parks_and_the_deal_is_read_once(house: House) -> None:
    client = sign_up(house)
    await later(house)
    [deal] = house.deals()
    broken = faults.on(house)
    broken.add('PATCH', '/deals/', faults.answer(400, {'success': False, 'error': 'No'}), 10)
    house.mark()
    house.tc2.edit_client(client.id, website=SITE)
    await later(house)
    assert broken.met == 1
    assert [call.path.rsplit('/', 1)[-1] for call in house.calls('GET')] == [str(deal['id'])]
    assert [(row['record_type'], row['state']) for row in await stuck(house)] == [('deal', 'parked')]
    assert deal['id'] == house.deals()[0]['id']


async def test_a_booking_hangs_its_call_on_a_deal_that_people_see(house: House) -> None:
    _, hidden = await put_away(house)
    await book(house, form={'email': 'sam@ember.example', 'name': 'Sam Okafor'})
    await later(house)
    [activity] = [item for item in house.pd.state()['activities'] if not item['is_deleted']]
    fresh = next(deal for deal in house.deals() if deal['id'] != hidden['id'])
    assert (activity['deal_id'], fresh['status'], fresh['is_archived']) == (fresh['id'], 'open', False)


async def test_a_call_whose_deal_was_put_away_before_it_reached_the_crm_stands_without_it(house: House) -> None:
    _, hidden = await put_away(house)
    house.pd.act_archive(hidden['id'], archived=False)
    await later(house)
    await house.act('system.pause', system='pipedrive')
    await book(house, form={'email': 'sam@ember.example', 'name': 'Sam Okafor'})
    house.pd.act_archive(hidden['id'])
    await later(house)
    await house.act('system.resume', system='pipedrive')
    await later(house)
    [activity] = [item for item in house.pd.state()['activities'] if not item['is_deleted']]
    assert (activity['deal_id'], len(house.deals())) == (None, 1)


async def test_no_rule_closes_it(house: House) -> None:
    client, deal = await put_away(house)
    house.tc2.change_status(client.id, 'terminated')
    await later(house)
    assert (await known(house, 'deal', deal['id']))['status'] == 'open'
    assert [path for _, path in writes(house) if 'deals' in path] == []
    assert await stuck(house) == []


async def test_of_a_company_that_is_no_customer_it_stays_where_it_is(house: House) -> None:
    client, deal = await put_away(house)
    house.tc2.edit_client(client.id, narc=True)
    await later(house)
    assert [path for _, path in writes(house) if 'deals' in path] == []
    assert [item['is_deleted'] for item in house.pd.state()['deals']] == [False]
    assert house.organizations() == []
    assert await stuck(house) == []
    assert deal['id'] == 1


async def test_one_that_was_made_by_hand_and_archived_takes_no_deal_of_ours(house: House) -> None:
    number = add_organization(house, 'Brook Tutors')
    add_person(house, number)
    house.pd.act_webhooks(on=False)
    hidden = add_deal(house, number)
    house.pd.act_archive(hidden)
    house.pd.act_webhooks(on=True)
    await later(house)
    await list_all(house)
    assert (await known(house, 'deal', hidden))['archived'] is True
    house.mark()
    change(house, 'organization', number, custom={'website': SITE})
    await later(house)
    assert writes(house) == []


@pytest.mark.invariant('I14')
async def test_the_log_folds_to_the_same_state(house: House, second_url: str) -> None:
    await put_away(house)
    await assert_replays(house, second_url)
