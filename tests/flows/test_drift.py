"""What the CRM shows against what Hermes wants: found exactly, healed exactly, at the cost that was announced."""

import random
from typing import Any

import pytest

from hermes.cli import drift as command
from hermes.sync import drift
from hermes.sync.inline_worker import HEALING, run_until
from tests.flows.companies import later, sign_up
from tests.flows.house import PRIYA_PD, House

HOUR_S = 3600
SEEDED = 100
COMPANIES = 40
OURS = ('has_signed_up', 'hermes_id', 'tc2_status', 'price_plan', 'paid_invoice_count')
"""Fields that people in the CRM do not own: computed ones, and TutorCruncher's."""


async def look(house: House) -> drift.Drift:
    return await drift.look(house.engine, house.engine.systems['pipedrive'])


def writes(house: House) -> list[Any]:
    return [call for call in house.calls() if call.method != 'GET']


async def full_house(house: House, count: int) -> None:
    """So many companies of TutorCruncher stand in the CRM, and nothing differs."""
    for number in range(count):
        sign_up(house, f'Tutors {number:03d}', email=f'owner{number}@tutors.example', recipients=[])
    await later(house, HOUR_S)


def seed(house: House, chance: random.Random) -> set[tuple[str, str]]:
    """SEEDED fields of ours, changed by people while nobody heard it: (remote id, field)."""
    house.pd.act_webhooks(on=False)
    places = [(item['id'], name) for item in house.organizations() for name in OURS]
    chosen = chance.sample(places, SEEDED)
    for number, name in chosen:
        value: Any = 977 if name == 'paid_invoice_count' else 'nonsense' if name != 'hermes_id' else None
        house.pd.act_update(
            'organization', number, {'custom_fields': {house.code('organization', name): value}}, PRIYA_PD
        )
    house.pd.act_webhooks(on=True)
    house.clock.advance(HOUR_S)
    return {(str(number), name) for number, name in chosen}


@pytest.mark.invariant('I7')
@pytest.mark.behaviour('FIELD-3')
async def test_a_hundred_drifted_fields_are_found_and_healed_exactly(house: House) -> None:
    await full_house(house, COMPANIES)
    seeded = seed(house, random.Random(7))
    house.mark()
    found = await look(house)
    assert {(each.remote_id, each.field) for each in found.differences} == seeded
    objects = {number for number, _ in seeded}
    assert (len(found.objects), found.tokens) == (len(objects), 5 * len(objects))
    assert writes(house) == []
    spent = house.pd.ledger.spent_total
    house.mark()
    healed = await command._heal(house.engine, found)
    assert (healed.left, healed.stuck, healed.written, healed.tokens) == (0, (), len(objects), found.tokens)
    assert house.pd.ledger.spent_total - spent == found.tokens
    written = {(call.path.rpartition('/')[2], code) for call in writes(house) for code in call.request['custom_fields']}
    assert written == {(number, house.code('organization', name)) for number, name in seeded}
    house.clock.advance(HOUR_S)
    again = await look(house)
    assert (again.differences, again.tokens) == ([], 0)


@pytest.mark.behaviour('FIELD-2', 'TC-10')
async def test_what_people_own_is_learned_and_never_overwritten(house: House) -> None:
    await full_house(house, 1)
    [item] = house.organizations()
    house.pd.act_webhooks(on=False)
    house.pd.act_update('organization', item['id'], {'name': 'As people call it'}, PRIYA_PD)
    house.pd.act_update(
        'organization', item['id'], {'custom_fields': {house.code('organization', 'tc2_status'): 'nonsense'}}, PRIYA_PD
    )
    house.clock.advance(HOUR_S)
    found = await look(house)
    assert [each.field for each in found.differences] == ['tc2_status']
    assert ('name', 'As people call it') in [(each.field, each.shows) for each in found.learned]
    [company] = await house.rows('select name from company')
    assert company['name'] == 'Tutors 000', 'a look changes nothing'
    await command._heal(house.engine, found)
    [company] = await house.rows('select name from company')
    [item] = house.organizations()
    assert company['name'] == item['name'] == 'As people call it'
    assert house.custom('organization', item)['tc2_status'] != 'nonsense'


async def test_a_look_leaves_nothing_but_its_calls(house: House) -> None:
    await full_house(house, 2)
    seed_one = house.organizations()[0]['id']
    house.pd.act_webhooks(on=False)
    house.pd.act_update('organization', seed_one, {'name': 'Another'}, PRIYA_PD)
    house.clock.advance(HOUR_S)
    [before] = await house.rows(
        'select (select count(*) from change) as changes, (select max(wanted) from push) as top'
    )
    found = await look(house)
    [after] = await house.rows('select (select count(*) from change) as changes, (select max(wanted) from push) as top')
    assert before == after
    assert found.spent == 30
    kinds = await house.rows('select distinct kind, state, applied_seq from event where id = any(%s)', found.pages)
    assert kinds == [{'kind': 'look', 'state': 'done', 'applied_seq': None}]


async def test_somebody_who_waits_in_vain_is_told(house: House) -> None:
    async def never() -> bool:
        return False

    assert not await run_until(house.engine, HEALING, never, 5.0)
