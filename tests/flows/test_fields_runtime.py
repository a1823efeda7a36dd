"""Fields that come, change and go while Hermes runs: added by a command, seen by every worker, filled, pushed (D-5)."""

from dataclasses import replace
from typing import Any

import pytest

from hermes.domain.errors import Refused
from hermes.domain.fields import CustomField
from hermes.sync import cataloguing, connect
from tests.flows.companies import later, sign_up
from tests.flows.house import PRIYA_PD, House, open_house
from tests.flows.merging import assert_replays

MEDIUM = CustomField('utm_medium', 'UTM Medium', 'str', 'Company', tc2_machine_name='utm_medium')
ON_DEALS = CustomField('utm_medium', 'UTM Medium', 'str', 'Deal', policy='hermes')


async def add(house: House, item: CustomField = MEDIUM, *, create: bool = True) -> cataloguing.Added:
    return await cataloguing.add(house.engine, item, house.engine.systems['pipedrive'], create=create)


def shown(house: House, kind: str = 'organization') -> list[dict[str, Any]]:
    items = {'organization': house.organizations, 'deal': house.deals}[kind]()
    return [house.custom(kind, item) for item in items]


def by_name(house: House, kind: str, field: str = 'utm_medium') -> dict[str, Any]:
    """The field's value by organisation's or deal's name."""
    items = {'organization': house.organizations, 'deal': house.deals}[kind]()
    return {item.get('name') or item['title']: house.custom(kind, item).get(field) for item in items}


def attribute(house: House, name: str = 'utm_medium') -> None:
    """The office adds a custom field to its clients in TutorCruncher."""
    house.tc2.define_attribute(name, name.title())


@pytest.mark.behaviour('D-5', 'FIELD-8')
async def test_a_field_that_was_just_thought_of_stands_in_the_crm_with_the_values_of_before(house: House) -> None:
    attribute(house)
    client = sign_up(house, extra_attrs={'utm_medium': 'podcast'})
    sign_up(house, 'Plain Tutors', email='plain@plain.example')
    await later(house)
    house.mark()
    added = await add(house)
    await add(house, ON_DEALS)
    await later(house)
    assert (added.values, added.pushes) == (1, 1)
    assert by_name(house, 'organization') == by_name(house, 'deal') == {'Ember Tutors': 'podcast', 'Plain Tutors': None}
    assert house.calls('GET', 'clients', 'tutorcruncher') == []
    house.tc2.set_extra_attr(client.id, 'utm_medium', 'radio')
    await later(house)
    assert by_name(house, 'organization') == by_name(house, 'deal') == {'Ember Tutors': 'radio', 'Plain Tutors': None}


@pytest.mark.behaviour('D-5')
async def test_existing_records_are_pushed_in_the_lane_that_waits_for_all_others(house: House) -> None:
    attribute(house)
    sign_up(house, extra_attrs={'utm_medium': 'podcast'})
    await later(house)
    await add(house)
    [push] = await house.rows("select lane from push where wanted > done and record_type = 'company'")
    assert push['lane'] == 'backfill'


@pytest.mark.behaviour('FIELD-8')
async def test_every_running_worker_reads_a_new_field_with_its_next_batch(database_url: str) -> None:
    async with open_house(database_url, workers=3) as house:
        attribute(house)
        sign_up(house)
        await later(house)
        for engine in house.engines:
            async with engine.database.transaction() as connection:
                assert ('company', 'utm_medium') not in (await engine.known(connection)).catalogue.by_machine_name
        await add(house)
        for engine in house.engines:
            async with engine.database.transaction() as connection:
                assert ('company', 'utm_medium') in (await engine.known(connection)).catalogue.by_machine_name


@pytest.mark.behaviour('D-5')
async def test_what_stands_in_a_field_of_the_crm_already_is_read_before_it_is_written(house: House) -> None:
    attribute(house)
    sign_up(house, extra_attrs={'utm_medium': 'podcast'})
    await later(house)
    code = house.pd.catalogues['organization'].create({'field_name': 'utm_medium', 'field_type': 'text'})['field_code']
    [organization] = house.organizations()
    house.pd.act_update('organization', organization['id'], {'custom_fields': {code: 'by hand'}}, PRIYA_PD)
    await later(house)
    house.mark()
    await add(house, create=False)
    await later(house)
    assert shown(house)[0]['utm_medium'] == 'by hand'
    [company] = await house.rows('select extra from company')
    assert company['extra']['utm_medium'] == 'by hand'
    assert [call.method for call in house.calls(path='organizations') if call.method != 'GET'] == []


@pytest.mark.behaviour('FIELD-5')
@pytest.mark.parametrize(('kind', 'there', 'fits'), [('int', 'text', True), ('date', 'double', False)])
async def test_a_type_is_converted_where_nothing_is_lost_and_refused_by_name_otherwise(
    house: House, kind: Any, there: str, fits: bool
) -> None:
    attribute(house, 'branches')
    sign_up(house, extra_attrs={'branches': '12'})
    await later(house)
    house.pd.catalogues['organization'].create({'field_name': 'branches', 'field_type': there})
    item = CustomField('branches', 'Branches', kind, 'Company', tc2_machine_name='branches')
    if fits:
        await add(house, item, create=False)
        await later(house)
        assert shown(house)[0]['branches'] == '12'
        [company] = await house.rows('select extra from company')
        assert company['extra']['branches'] == 12
        return
    with pytest.raises(Refused, match='our type is date, the CRM has double'):
        await add(house, item, create=False)
    assert await house.rows("select 1 from custom_field where machine_name = 'branches'") == []


@pytest.mark.behaviour('FIELD-7')
async def test_a_field_that_vanishes_between_two_looks_fails_no_write(house: House) -> None:
    client = sign_up(house, website='https://ember.example')
    await later(house)
    house.pd.delete_field('organization', house.code('organization', 'website'))
    house.tc2.edit_client(client.id, website='https://new.example', name='Ember and Daughters')
    await later(house)
    assert house.organizations()[0]['name'] == 'Ember Tutors'
    assert await cataloguing.heal_step(house.engine) == 1
    await later(house)
    assert house.organizations()[0]['name'] == 'Ember and Daughters'
    [field] = await house.rows("select problem from custom_field where machine_name = 'website' and "
                               "linked_object_type = 'Company'")  # fmt: skip
    assert field['problem'] == 'it is gone from the CRM'
    assert await cataloguing.heal_step(house.engine) == 0


@pytest.mark.behaviour('FIELD-7')
async def test_a_field_renamed_in_the_crm_is_named_and_skipped_until_somebody_has_looked(house: House) -> None:
    client = sign_up(house, website='https://ember.example')
    await later(house)
    code = house.code('organization', 'website')
    house.pd.catalogues['organization'].update(code, {'field_name': 'Old page'})
    system = house.engine.systems['pipedrive']
    await connect.learn_fields(house.engine, system, 'organization')
    [field] = await house.rows('select problem from custom_field where pd_field_id = %s', code)
    assert field['problem'] == 'it was renamed in the CRM, to "Old page"'
    house.tc2.edit_client(client.id, website='https://new.example', country='US')
    await later(house)
    assert shown(house)[0]['Old page'] == 'https://ember.example'
    await cataloguing.change(house.engine, 'Company', 'website', {'name': 'Old page'}, system)
    await later(house)
    assert shown(house)[0]['Old page'] == 'https://new.example'


@pytest.mark.behaviour('FIELD-8')
async def test_a_field_is_changed_and_removed_while_hermes_runs(house: House) -> None:
    attribute(house)
    attribute(house, 'channel')
    client = sign_up(house, extra_attrs={'utm_medium': 'podcast', 'channel': 'north'})
    await later(house)
    await add(house)
    await later(house)
    system = house.engine.systems['pipedrive']
    await cataloguing.change(house.engine, 'Company', 'utm_medium', {'tc2_machine_name': 'channel'}, system)
    await later(house)
    assert shown(house)[0]['utm_medium'] == 'north'
    await house.act('field.remove', linked='Company', machine_name='utm_medium')
    house.tc2.set_extra_attr(client.id, 'channel', 'south')
    await later(house)
    assert shown(house)[0]['utm_medium'] == 'north'
    assert 'utm_medium' not in (await house.rows('select extra from company'))[0]['extra']


async def test_an_addition_that_was_cut_off_goes_on_and_sends_nothing_before_it_is_done(house: House) -> None:
    attribute(house)
    client = sign_up(house, extra_attrs={'utm_medium': 'podcast'})
    await later(house)
    bound = await cataloguing.bind(house.engine, MEDIUM, house.engine.systems['pipedrive'], create=True)
    waiting = replace(bound, problem='its values are being gathered: pushes begin when that is done')
    await house.act('field.add', field={**vars_of(waiting)})
    house.tc2.set_extra_attr(client.id, 'utm_medium', 'radio')
    await later(house)
    assert 'utm_medium' not in shown(house)[0]
    await add(house)
    await later(house)
    assert shown(house)[0]['utm_medium'] == 'radio'
    with pytest.raises(Refused, match='differs'):
        await add(house, replace(MEDIUM, field_type='int'))


def vars_of(item: CustomField) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(item)


@pytest.mark.invariant('I14')
async def test_the_log_folds_to_the_same_catalogue_and_the_same_values(house: House, second_url: str) -> None:
    attribute(house)
    sign_up(house, extra_attrs={'utm_medium': 'podcast'})
    await later(house)
    await add(house)
    await add(house, ON_DEALS)
    await later(house)
    await assert_replays(house, second_url)
