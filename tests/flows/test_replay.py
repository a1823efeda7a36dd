"""The log is the truth: folded into an empty database it gives the same state by hash (I14)."""

import pytest

from hermes.parts import assembly as parts
from hermes.sync import replay
from tests import folding
from tests.flows.companies import later, sign_up
from tests.flows.house import MARCUS, PRIYA_PD, House, settings_for


async def live(house: House) -> None:
    """A little of everything: both sides edit, delete, recover; answers get lost."""
    client = sign_up(house)
    await later(house)
    house.world.weather.change(lost_answer_p=0.3, error_after_p=0.1)
    [organization] = house.organizations()
    house.pd.act_update('organization', organization['id'], {'name': 'Ember of the CRM'}, PRIYA_PD)
    house.tc2.pay_invoice(client.id)
    await later(house)
    house.pd.act_create('person', {'name': 'Born There', 'org_id': organization['id']}, PRIYA_PD)
    house.tc2.set_admins(client.id, sales_person=MARCUS)
    await later(house)
    house.world.weather.change(name='calm')
    house.tc2.delete(client.id)
    await later(house)
    house.tc2.recover(client.id)
    await house.set('push_spacing_s', 7)
    await later(house)


@pytest.mark.invariant('I14')
async def test_the_folded_log_is_the_same_state(house: House, second_url: str) -> None:
    await live(house)
    engine = parts.build_engine(settings_for(second_url), clock=house.clock, transport=house.transport, worker='fold')
    await engine.database.open()
    try:
        copied = await folding.copy_log(house.engine.database, engine.database)
        calls_before = house.world.call_count
        assert await folding.fold(engine) == copied > 40
        assert await folding.digest(engine.database) == await folding.digest(house.engine.database)
        assert house.world.call_count == calls_before
    finally:
        await engine.database.close()


async def operate(house: House) -> None:
    """An operator writes, releases, makes, deletes, restores, merges, undoes, and asks for this and that."""
    client = sign_up(house, website='https://ember.example')
    await later(house)
    [row] = await house.rows('select id from company')
    company = ['company', row['id']]
    values = {'website': 'https://decreed.example', 'price_plan': 'enterprise', 'country': 'Germany'}
    await house.act('record.write', record=company, values=values, reason='agreed')
    await later(house)
    await house.act('undo', event=await newest(house))
    await house.act('record.write', record=company, values={'name': 'Decreed Tutors'})
    await house.act('record.write', record=company, values={'name': 'Decreed Twice'})
    await house.act('undo', event=await newest(house))
    await later(house)
    made = await house.act('record.create', type='contact', fields={'last_name': 'Made'}, under=company[1])
    twin = await house.act('record.create', type='contact', fields={'last_name': 'Twin'}, under=company[1])
    await house.act('record.merge', record=['contact', twin['id']], into=['contact', made['id']])
    await later(house)
    await house.act('record.create', type='deal', fields={'title': 'Second'}, under=company[1])
    await house.act('record.fetch', record=company)
    await later(house)
    house.tc2.edit_client(client.id, website='https://ember.example/new')
    await house.act('record.delete', record=company)
    await later(house)
    await house.act('record.restore', record=company)
    await house.act('record.write', record=company, values={'website': 'https://again.example'})
    await house.act('push.now', record=company)
    await later(house)
    await house.act('release', record=company, field='website')
    await house.act('undo', event=await newest(house))
    await later(house)
    [standing] = house.organizations()
    await house.act('link.remove', record=company, remote=['pipedrive', 'organization', str(standing['id'])])
    await later(house)


async def newest(house: House) -> int:
    [row] = await house.rows("select max(id) as id from event where kind = 'act'")
    return int(row['id'])


@pytest.mark.invariant('I14')
async def test_what_operators_did_folds_to_the_same_state(house: House, second_url: str) -> None:
    await operate(house)
    engine = parts.build_engine(settings_for(second_url), clock=house.clock, transport=house.transport, worker='fold')
    await engine.database.open()
    try:
        await folding.copy_log(house.engine.database, engine.database)
        await folding.fold(engine)
        assert await folding.digest(engine.database) == await folding.digest(house.engine.database)
    finally:
        await engine.database.close()


@pytest.mark.invariant('I14')
async def test_a_replayed_event_previews_as_no_change(house: House) -> None:
    sign_up(house)
    await later(house)
    [row] = await house.rows(
        "select id from event where source = 'tutorcruncher' and state = 'done' order by id limit 1"
    )
    assert await replay.preview(house.engine, row['id']) == []
