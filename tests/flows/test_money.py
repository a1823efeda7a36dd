"""Money is an amount and its currency: what a person chose stays, and Hermes writes the company's, else the account's
(FIELD-2, FIELD-4).
"""

from typing import Any

import pytest

from hermes.domain.fields import CustomField
from hermes.sync import cataloguing, connect
from tests.flows.companies import later, sign_up
from tests.flows.crm import add_deal, add_organization, change, known, shown, writes
from tests.flows.house import House
from tests.flows.listings import list_all

pytestmark = [pytest.mark.behaviour('FIELD-2'), pytest.mark.lesson('M-34')]


async def add_field(house: House, kind: str = 'organization', linked: Any = 'Company', **more: Any) -> None:
    house.pd.catalogues[kind].create({'field_name': 'budget', 'field_type': 'monetary'})
    item = CustomField('budget', 'budget', 'str', linked, **more)
    await cataloguing.add(house.engine, item, house.engine.systems['pipedrive'], create=False)


async def add_fields(house: House, **more: Any) -> None:
    """A monetary field of companies, which their deals show."""
    await add_field(house, **more)
    await add_field(house, 'deal', 'Deal', policy='hermes')


def money(value: float, currency: str) -> dict[str, Any]:
    return {'value': value, 'currency': currency}


async def test_a_person_s_currency_is_read_shown_on_deals_and_never_written_over(house: House) -> None:
    await add_fields(house)
    number = add_organization(house, custom={'budget': money(500, 'USD')})
    deal = add_deal(house, number)
    await later(house)
    extra = (await known(house, 'organization', number))['extra']
    assert (extra['budget'], extra['budget.currency']) == ('500', 'USD')
    assert shown(house, 'organization', number)['budget'] == money(500, 'USD')
    assert shown(house, 'deal', deal)['budget'] == money(500, 'USD')
    house.mark()
    change(house, 'organization', number, custom={'budget': money(500, 'EUR')})
    await later(house)
    assert shown(house, 'deal', deal)['budget'] == money(500, 'EUR')
    assert writes(house) == [('PATCH', f'deals/{deal}')]
    house.mark()
    await list_all(house)
    assert writes(house) == []


@pytest.mark.parametrize(('theirs', 'expected'), [('EUR', 'EUR'), ('eur ', 'EUR'), (None, 'SEK'), ('coins', 'SEK')])
async def test_an_amount_of_ours_gets_the_company_s_currency_else_the_account_s(
    house: House, theirs: str | None, expected: str
) -> None:
    house.pd.currency = 'SEK'
    await connect.connect(house.engine, house.engine.systems['pipedrive'])
    house.tc2.define_attribute('budget', 'Budget')
    await add_fields(house, tc2_machine_name='budget')
    sign_up(house, extra_attrs={'budget': '1000', **({'currency': theirs} if theirs else {})})
    await later(house)
    [organization], [deal] = house.organizations(), house.deals()
    assert house.custom('organization', organization)['budget'] == money(1000, expected)
    assert house.custom('deal', deal)['budget'] == money(1000, expected)
    house.mark()
    await list_all(house)
    assert writes(house) == []


async def test_a_change_of_the_currency_alone_is_a_person_s_edit(house: House) -> None:
    house.tc2.define_attribute('budget', 'Budget')
    await add_fields(house, tc2_machine_name='budget', policy='tc2')
    client = sign_up(house, extra_attrs={'budget': '1000', 'currency': 'GBP'})
    await later(house)
    [organization], [deal] = house.organizations(), house.deals()
    change(house, 'organization', organization['id'], custom={'budget': money(1000, 'USD')})
    await later(house)
    assert shown(house, 'organization', organization['id'])['budget'] == money(1000, 'USD')
    assert shown(house, 'deal', deal['id'])['budget'] == money(1000, 'USD')
    house.tc2.set_extra_attr(client.id, 'budget', '1200')
    await later(house)
    assert shown(house, 'organization', organization['id'])['budget'] == money(1200, 'USD')
    [line] = await house.rows("select old, new, system from change where field = 'budget.currency'")
    assert (line['new'], line['system']) == ('USD', 'pipedrive')


async def test_the_company_s_currency_corrects_what_hermes_wrote(house: House) -> None:
    house.tc2.define_attribute('budget', 'Budget')
    await add_fields(house, tc2_machine_name='budget')
    client = sign_up(house, extra_attrs={'budget': '1000'})
    await later(house)
    house.tc2.set_extra_attr(client.id, 'currency', 'EUR')
    await later(house)
    [organization], [deal] = house.organizations(), house.deals()
    assert house.custom('organization', organization)['budget'] == money(1000, 'EUR')
    assert house.custom('deal', deal)['budget'] == money(1000, 'EUR')


async def test_a_currency_that_somebody_changes_on_a_deal_is_corrected_there(house: House) -> None:
    await add_fields(house)
    number = add_organization(house, custom={'budget': money(500, 'USD')})
    deal = add_deal(house, number)
    await later(house)
    change(house, 'deal', deal, custom={'budget': money(500, 'GBP')})
    await later(house)
    assert shown(house, 'deal', deal)['budget'] == money(500, 'USD')
    change(house, 'organization', number, custom={'budget': None})
    await later(house)
    assert 'budget' not in shown(house, 'deal', deal)
