"""Fields that come, change and go while Hermes runs: added by a command, seen by every worker, filled, pushed (D-5)."""

from dataclasses import replace
from typing import Any

import pytest

from hermes.domain.errors import Refused
from hermes.domain.fields import CustomField
from hermes.sync import cataloguing, connect
from tests.flows.companies import later, sign_up
from tests.flows.crm import add_deal, add_organization, add_person, change, item
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


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12', 'FIELD-8')
async def test_a_field_that_is_found_later_is_read_before_it_is_written(house: House) -> None:
    """A person makes fields of the right names in the CRM and fills them in; the next start of a worker binds them."""
    names = ('sales_call_count', 'has_booked_call', 'referer')
    for name in names:
        house.pd.delete_field('organization', house.code('organization', name))
    system = house.engine.systems['pipedrive']
    await connect.learn_fields(house.engine, system, 'organization')
    filled = add_organization(house, 'Filled Tutors')
    bare = add_organization(house, 'Bare Tutors')
    await later(house)
    fields = house.pd.catalogues['organization']
    types = {'sales_call_count': 'double', 'has_booked_call': 'varchar', 'referer': 'text'}
    codes = {name: fields.create({'field_name': name, 'field_type': types[name]})['field_code'] for name in names}
    values = {'sales_call_count': 7, 'has_booked_call': 'yes', 'referer': 'a friend'}
    house.pd.act_webhooks(on=False)
    change(house, 'organization', filled, custom=values)
    house.pd.act_webhooks(on=True)
    await connect.learn_fields(house.engine, system, 'organization')
    change(house, 'organization', bare, name='Bare and Daughters')
    await later(house)
    custom = house.custom('organization', item(house, 'organization', filled))
    assert values.items() <= custom.items()
    [company] = await house.rows("select * from company where name = 'Filled Tutors'")
    assert [company[name] for name in names] == [7, True, 'a friend']
    assert house.custom('organization', item(house, 'organization', bare))['sales_call_count'] == 0
    assert {field['pd_field_id'] for field in await house.rows(
        "select pd_field_id from custom_field where linked_object_type = 'Company' and machine_name = any(%s)",
        list(names),
    )} == set(codes.values())  # fmt: skip


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
async def test_another_field_of_the_crm_under_the_same_name_is_another_field(house: House) -> None:
    client = sign_up(house, extra_attrs={'utm_source': 'Newsletter'})
    number = add_organization(house, 'Made By Hand')
    await later(house)
    other = house.pd.catalogues['organization'].create({'field_name': 'Source of old', 'field_type': 'text'})
    coded = {'custom_fields': {other['field_code']: 'fair'}}
    house.pd.act_update('organization', number, coded, PRIYA_PD)
    system = house.engine.systems['pipedrive']
    await cataloguing.change(house.engine, 'Company', 'utm_source', {'pd_field_id': other['field_code']}, system)
    await later(house)
    assert by_name(house, 'organization', 'Source of old') == {'Ember Tutors': 'Newsletter', 'Made By Hand': 'fair'}
    house.tc2.set_extra_attr(client.id, 'utm_source', None)
    await later(house)
    assert by_name(house, 'organization', 'Source of old') == {'Ember Tutors': None, 'Made By Hand': 'fair'}


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
async def test_what_stood_in_the_field_of_before_says_nothing_about_the_other(house: House) -> None:
    number = add_organization(house, 'Made By Hand')
    other = house.pd.catalogues['organization'].create({'field_name': 'Source of old', 'field_type': 'text'})
    coded = {house.code('organization', 'utm_source'): 'newsletter', other['field_code']: 'fair'}
    house.pd.act_update('organization', number, {'custom_fields': coded}, PRIYA_PD)
    await later(house)
    system = house.engine.systems['pipedrive']
    await cataloguing.list_again(house.engine, system, 'organization')
    await cataloguing.change(house.engine, 'Company', 'utm_source', {'pd_field_id': other['field_code']}, system)
    await later(house)
    assert await house.rows('select utm_source from company') == [{'utm_source': 'fair'}]
    custom = house.custom('organization', item(house, 'organization', number))
    assert (custom['utm_source'], custom['Source of old']) == ('newsletter', 'fair')


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
@pytest.mark.parametrize('policy', ['tc2', 'crm', 'hermes', 'follow'])
async def test_a_field_of_ones_own_keeps_what_stands_there_under_every_policy(house: House, policy: Any) -> None:
    sign_up(house)
    made = {}
    for kind, name in (('organization', 'branches'), ('deal', 'branches'), ('person', 'shoe_size')):
        made[kind] = house.pd.catalogues[kind].create({'field_name': name, 'field_type': 'double'})['field_code']
    number = add_organization(house, 'Made By Hand')
    person, deal = add_person(house, number), add_deal(house, number)
    for kind, which in (('organization', number), ('person', person), ('deal', deal)):
        house.pd.act_update(kind, which, {'custom_fields': {made[kind]: 9}}, PRIYA_PD)
    await later(house)
    await add(house, CustomField('branches', 'Branches', 'int', 'Company', policy=policy), create=False)
    await add(house, CustomField('branches', 'Branches', 'int', 'Deal', policy='hermes'), create=False)
    await add(house, CustomField('shoe_size', 'Shoe size', 'int', 'Contact', policy=policy), create=False)
    await later(house, 3600)
    assert house.custom('organization', item(house, 'organization', number))['branches'] == 9
    assert house.custom('deal', item(house, 'deal', deal))['branches'] == 9
    assert house.custom('person', item(house, 'person', person))['shoe_size'] == 9
    extras = await house.rows("select extra from company where name = 'Made By Hand' union all "
                              "select extra from contact where extra ? 'shoe_size'")  # fmt: skip
    assert sorted(value for row in extras for value in row['extra'].values()) == [9, 9]


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
