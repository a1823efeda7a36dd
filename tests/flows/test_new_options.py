"""An option that somebody adds in the CRM and chooses: its label is learned before anything is believed, and an id is
never taken for a label (FIELD-5).
"""

from typing import Any

import pytest

from hermes.domain.fields import CustomField
from hermes.sync import cataloguing
from tests.flows.companies import later, sign_up
from tests.flows.crm import add_deal, add_organization, add_person, change, known, shown
from tests.flows.house import House
from tests.flows.listings import list_all

pytestmark = [pytest.mark.behaviour('FIELD-5'), pytest.mark.lesson('M-33')]
OF = {'organization': 'Company', 'person': 'Contact', 'deal': 'Deal'}


async def add_field(house: House, kind: str, field_type: str, **more: Any) -> str:
    """A field with the options Red and Blue, in the CRM and in the catalogue; its code."""
    options = [{'label': label} for label in ('Red', 'Blue')]
    body = {'field_name': 'colour', 'field_type': field_type, 'options': options}
    code = str(house.pd.catalogues[kind].create(body)['field_code'])
    item = CustomField('colour', 'colour', 'str', OF[kind], **more)  # type: ignore[arg-type]
    await cataloguing.add(house.engine, item, house.engine.systems['pipedrive'], create=False)
    return code


def add_option(house: House, kind: str, code: str, label: str) -> int:
    [made] = house.pd.catalogues[kind].add_options(code, [{'label': label}])
    return int(made['id'])


def looks(house: House) -> list[str]:
    """Which fields were read again since the mark."""
    return [call.path.rsplit('/', 1)[-1] for call in house.calls('GET', 'Fields')]


@pytest.mark.parametrize('field_type', ['enum', 'set'])
async def test_an_option_that_was_added_and_chosen_says_its_label_everywhere(house: House, field_type: str) -> None:
    on_company = await add_field(house, 'organization', field_type)
    house.pd.catalogues['deal'].create({'field_name': 'colour', 'field_type': 'text'})
    await cataloguing.add(
        house.engine,
        CustomField('colour', 'colour', 'str', 'Deal', policy='hermes'),
        house.engine.systems['pipedrive'],
        create=False,
    )
    number = add_organization(house)
    deal = add_deal(house, number)
    await later(house)
    house.mark()
    green = add_option(house, 'organization', on_company, 'Green')
    change(house, 'organization', number, custom={'colour': [green] if field_type == 'set' else green})
    await later(house)
    assert (await known(house, 'organization', number))['extra']['colour'] == 'Green'
    assert shown(house, 'deal', deal)['colour'] == 'Green'
    assert looks(house) == ['organizationFields']
    assert [row['new'] for row in await house.rows("select new from change where field = 'colour' order by id")] == [
        'Green', 'Green',
    ]  # fmt: skip


@pytest.mark.parametrize('kind', ['person', 'deal'])
async def test_on_any_object(house: House, kind: str) -> None:
    number = add_organization(house)
    if kind == 'deal':
        await add_field(house, 'organization', 'enum')
    code = await add_field(house, kind, 'enum', **({'policy': 'hermes'} if kind == 'deal' else {}))
    made = add_person(house, number) if kind == 'person' else add_deal(house, number)
    await later(house)
    change(house, kind, made, custom={'colour': add_option(house, kind, code, 'Green')})
    await later(house)
    [mirror] = await house.rows('select runs from mirror where type = %s and remote_id = %s', kind, str(made))
    assert {run[0] for run in mirror['runs']['colour']} <= {None, 'Green'}


async def test_an_option_that_nobody_explains_is_asked_for_once_and_says_nothing(house: House) -> None:
    code = await add_field(house, 'organization', 'enum')
    red = house.pd.catalogues['organization'].options_of(code)[0]['id']
    number = add_organization(house, custom={'colour': red})
    await later(house)
    house.mark()
    gone = add_option(house, 'organization', code, 'Gone')
    change(house, 'organization', number, custom={'colour': gone})
    house.pd.catalogues['organization'].delete_options(code, [{'id': gone}])
    await later(house)
    for name in ('One', 'Two', 'Three'):
        change(house, 'organization', number, name=name)
        await later(house)
    company = await known(house, 'organization', number)
    assert (company['name'], company['extra']['colour']) == ('Three', 'Red')
    assert looks(house) == ['organizationFields']


async def test_a_listing_is_believed_after_one_look(house: House) -> None:
    code = await add_field(house, 'organization', 'enum')
    numbers = [add_organization(house, f'Tutors {number}') for number in range(5)]
    await later(house)
    house.pd.act_webhooks(on=False)
    green = add_option(house, 'organization', code, 'Green')
    for number in numbers:
        change(house, 'organization', number, custom={'colour': green})
    house.pd.act_webhooks(on=True)
    house.clock.advance(3600)
    house.mark()
    await list_all(house)
    rows = await house.rows("select extra ->> 'colour' as colour from company order by id")
    assert [row['colour'] for row in rows] == ['Green'] * 5
    assert looks(house) == ['organizationFields']
    assert [call.path for call in house.calls('GET') if call.path.rsplit('/', 1)[-1].isdecimal()] == []


@pytest.mark.parametrize('field_type', ['enum', 'set'])
async def test_a_text_that_looks_like_an_id_chooses_no_option(house: House, field_type: str) -> None:
    house.tc2.define_attribute('colour', 'Colour')
    code = await add_field(house, 'organization', field_type, tc2_machine_name='colour')
    first = house.pd.catalogues['organization'].options_of(code)[0]['id']
    client = sign_up(house, extra_attrs={'colour': str(first)})
    await later(house)
    [organization] = house.organizations()
    assert 'colour' not in house.custom('organization', organization)
    house.tc2.set_extra_attr(client.id, 'colour', 'Blue')
    await later(house)
    blue = house.pd.catalogues['organization'].options_of(code)[1]['id']
    [organization] = house.organizations()
    assert house.custom('organization', organization)['colour'] == ([blue] if field_type == 'set' else blue)
