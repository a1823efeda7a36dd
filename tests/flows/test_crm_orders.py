"""The order of arrival does not matter: families of webhooks in every order, twice, together or one by one (PD-ORDER-1,
I5, D-3, PD-OLD-1, VERSION-1).
"""

import itertools
import json
import random
from datetime import timedelta
from typing import Any

import pytest

from hermes.sandbox.outbox import Delivery
from tests.flows.companies import later, quiet
from tests.flows.crm import SITE, add_deal, add_organization, add_person, admin, change, known, linked, shown, writes
from tests.flows.house import MARCUS_PD, PRIYA_PD, House
from tests.thorough import spread

MAIL = {'value': 'ana@brook.example', 'primary': True}


def take(house: House) -> list[Delivery]:
    """What is about to be delivered, oldest first."""
    house.world.outbox.early_post = None
    found = sorted(house.world.outbox.waiting, key=lambda one: one.number)
    house.world.outbox.waiting.clear()
    return found


async def arrive(house: House, told: list[Delivery], *, together: bool) -> None:
    for delivery in told:
        assert await house.post(delivery) == 200
        if not together:
            await house.settle(0)
    await later(house)


@pytest.mark.behaviour('PD-ORDER-1', 'D-3', 'PD-DEAL-2', 'PD-PER-2', 'PD-ORG-2')
@pytest.mark.invariant('I5')
@pytest.mark.lesson('B-1')
@pytest.mark.parametrize('together', [True, False])
@pytest.mark.parametrize('order', spread(itertools.permutations(range(3)), 2))
async def test_a_new_family_ends_alike_in_every_order(house: House, order: tuple[int, ...], together: bool) -> None:
    """Organisation, person and deal, made within one second; every webhook comes twice."""
    number = add_organization(house, custom={'website': SITE})
    person = add_person(house, number, emails=[MAIL])
    deal = add_deal(house, number, person_id=person)
    told = take(house)
    house.clock.advance(30)
    await arrive(house, [told[place] for place in (*order, *reversed(order))], together=together)
    company, contact = await known(house, 'organization', number), await known(house, 'person', person)
    ours = await known(house, 'deal', deal)
    assert (company['name'], company['website']) == ('Brook Tutors', SITE)
    assert (contact['company_id'], contact['email']) == (company['id'], 'ana@brook.example')
    assert (ours['company_id'], ours['contact_id'], ours['status']) == (company['id'], contact['id'], 'open')
    for table in ('company', 'contact', 'deal'):
        assert len(await house.rows(f'select 1 from {table}')) == 1
    assert shown(house, 'deal', deal)['website'] == SITE
    assert [shown(house, kind, one)['hermes_id'] for kind, one in (('organization', number), ('person', person))] == [
        str(company['id']), str(contact['id'])
    ]  # fmt: skip
    assert {method for method, _ in writes(house)} == {'PATCH'}
    assert await house.rows("select 1 from event where state <> 'done'") == []
    await quiet(house)


@pytest.mark.behaviour('PD-ORDER-1', 'PD-OLD-1', 'PD-PER-4', 'PD-DEAL-7', 'PD-DEAL-5')
@pytest.mark.invariant('I5', 'I16')
@pytest.mark.parametrize('seed', spread(range(12), 3))
async def test_a_family_with_a_history_ends_alike_in_any_order(house: House, seed: int) -> None:
    """Both organisations, a person and a deal that move, a deal that is won, a person that is deleted."""
    one, two = add_organization(house, 'One', custom={'website': SITE}), add_organization(house, 'Two')
    person, gone = add_person(house, one), add_person(house, one, 'Gone Soon')
    deal = add_deal(house, one, person_id=person)
    house.clock.advance(2)
    change(house, 'organization', one, name='One Renamed', owner_id=MARCUS_PD)
    house.clock.advance(2)
    change(house, 'person', person, org_id=two, name='Ana Moved')
    change(house, 'deal', deal, org_id=two)
    house.clock.advance(2)
    change(house, 'deal', deal, status='won', title='Won')
    house.pd.act_delete('person', gone, PRIYA_PD)
    told = take(house)
    house.clock.advance(30)
    chance = random.Random(seed)
    order = [*told, *chance.sample(told, 4)]
    chance.shuffle(order)
    await arrive(house, order, together=bool(seed % 2))
    first, second = await known(house, 'organization', one), await known(house, 'organization', two)
    assert (first['name'], second['name']) == ('One Renamed', 'Two')
    assert first['sales_person_id'] == await admin(house, MARCUS_PD)
    contact, ours = await known(house, 'person', person), await known(house, 'deal', deal)
    assert (contact['company_id'], contact['last_name']) == (second['id'], 'Moved')
    assert (ours['company_id'], ours['status'], ours['title']) == (second['id'], 'won', 'Won')
    assert ours['contact_id'] == contact['id']
    deleted = await linked(house, 'person', gone)
    assert deleted is None or deleted['tombstone']['kind'] == 'crm'
    assert len(await house.rows('select 1 from company')) == 2
    assert len(await house.rows('select 1 from contact where tombstone is null')) == 1
    assert await house.rows("select 1 from event where state <> 'done'") == []
    await quiet(house)


@pytest.mark.behaviour('PD-OLD-1')
@pytest.mark.lesson('B-11')
async def test_an_older_delivery_moves_nothing(house: House) -> None:
    number = add_organization(house)
    await later(house)
    change(house, 'organization', number, name='Older', custom={'website': f'{SITE}/old'})
    old = take(house)
    house.clock.advance(10)
    change(house, 'organization', number, name='Newer', custom={'website': f'{SITE}/new'})
    await later(house)
    house.mark()
    for delivery in (*old, *old):
        assert await house.post(delivery) == 200
    await later(house)
    company = await known(house, 'organization', number)
    assert (company['name'], company['website']) == ('Newer', f'{SITE}/new')
    assert house.calls() == []


@pytest.mark.behaviour('VERSION-1')
@pytest.mark.parametrize('turned', [True, False])
async def test_two_values_at_one_version_are_settled_by_reading_a_second_later(house: House, turned: bool) -> None:
    number = add_organization(house, 'Truth')
    await later(house)
    [row] = [one for one in house.pd.state()['organizations'] if one['id'] == number]
    at = house.clock.now().replace(microsecond=0)
    house.pd.tables['organization'][number]['update_time'] = at.isoformat().replace('+00:00', 'Z')
    house.mark()
    names = ['Neither', 'Truth'] if turned else ['Truth', 'Neither']
    for name in names:
        stamp = at.isoformat(timespec='milliseconds').replace('+00:00', 'Z')
        meta = {'action': 'change', 'entity': 'organization', 'entity_id': str(number), 'id': name, 'timestamp': stamp}
        data: dict[str, Any] = {**row, 'name': name, 'update_time': at.isoformat(), 'custom_fields': {}}
        assert (await house.send_pd(json.dumps({'meta': meta, 'data': data}).encode())).status_code == 200
    await house.settle(0.5)
    assert house.calls('GET') == []
    await house.settle(30)
    reads = house.calls('GET', f'/organizations/{number}')
    assert reads
    assert all(call.at - at >= timedelta(seconds=1) for call in reads[:1])
    assert (await known(house, 'organization', number))['name'] == 'Truth'
    assert writes(house) == []
    await quiet(house)
