"""A CRM that was full before Hermes came: what stands there stays, counts on, and whatever is overwritten is kept."""

from datetime import timedelta
from typing import Any

import pytest

from hermes.cli import drift as healing
from hermes.sync import drift, sweep
from tests.flows.bookings import TEN, book
from tests.flows.companies import client, deliver, event, later, quiet, sign_up
from tests.flows.crm import SITE, add_deal, add_organization, add_person, change, item, shown, writes
from tests.flows.house import House
from tests.flows.merging import assert_replays

NAME = 'Ember Tutors'
FULL: dict[str, Any] = {
    'tc2_status': 'active', 'tc2_cligency_url': 'https://old.example/clients/77/', 'paid_invoice_count': 4,
    'website': SITE, 'price_plan': 'startup', 'estimated_income': '50-150k', 'support_person_id': 12_000_014,
    'bdr_person_id': 12_000_015, 'signup_questionnaire': 'asked by phone', 'utm_source': 'fair',
    'utm_campaign': 'spring', 'created': '2024-05-01', 'pay0_dt': '2024-06-01', 'pay1_dt': '2024-07-01',
    'pay3_dt': '2024-09-01', 'gclid': 'g-77', 'gclid_expiry_dt': '2024-12-01', 'email_confirmed_dt': '2024-05-02',
    'card_saved_dt': '2024-05-03',
}  # fmt: skip
"""A value in every field that organisations and deals share."""
OF_COMPANY: dict[str, Any] = {
    **FULL, 'currency': 'EUR', 'referer': 'a friend', 'has_signed_up': 'yes', 'has_booked_call': 'true',
    'sales_call_count': 3, 'support_call_count': 2,
}  # fmt: skip


def without_id(house: House, kind: str, number: int) -> dict[str, Any]:
    return {name: value for name, value in shown(house, kind, number).items() if name != 'hermes_id'}


async def list_again(house: House) -> None:
    """`hermes sweep --full`."""
    async with house.engine.database.transaction() as connection:
        for remote_type in ('organization', 'person', 'deal'):
            await sweep.open_sweep(connection, 'pipedrive', remote_type, 'full')
    await later(house)


async def journal(house: House, name: str, record_type: str = 'company') -> list[tuple[Any, Any, str, str]]:
    rows = await house.rows(
        'select old, new, system, note from change where record_type = %s and field = %s order by id', record_type, name
    )
    return [(row['old'], row['new'], row['system'], row['note']) for row in rows]


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
async def test_what_stands_in_the_crm_before_hermes_is_taken_over_and_stays(house: House) -> None:
    number = add_organization(house, custom=OF_COMPANY)
    deal = add_deal(house, number, custom=FULL)
    bare = add_deal(house, number, 'Nothing in it')
    before = without_id(house, 'organization', number), without_id(house, 'deal', deal)
    await later(house, 6 * 3600)
    await list_again(house)
    assert (without_id(house, 'organization', number), without_id(house, 'deal', deal)) == before
    assert shown(house, 'deal', bare)['utm_source'] == 'fair'
    [company] = await house.rows('select * from company')
    told = [company[name] for name in ('has_signed_up', 'has_booked_call', 'sales_call_count', 'tc2_cligency_url')]
    assert told == [True, True, 3, 'https://old.example/clients/77/']
    for name in ('sales_call_count', 'utm_source', 'has_booked_call', 'tc2_cligency_url'):
        assert (await journal(house, name))[-1][2:] == ('pipedrive', 'adopted: it stood in the CRM'), name
    await quiet(house)


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
async def test_a_deals_own_values_stay_until_the_company_has_one(house: House) -> None:
    number = add_organization(house)
    deal = add_deal(house, number, custom=FULL)
    await later(house, 3600)
    assert without_id(house, 'deal', deal) == FULL
    assert (await journal(house, 'utm_source', 'deal'))[-1] == (
        None, 'fair', 'pipedrive', 'adopted: it stood in the CRM',
    )  # fmt: skip
    change(house, 'deal', deal, custom={'utm_source': 'market'})
    await later(house, 3600)
    assert shown(house, 'deal', deal)['utm_source'] == 'market'
    change(house, 'organization', number, custom={'website': 'https://new.example'})
    await later(house, 3600)
    assert shown(house, 'deal', deal) | {'hermes_id': None} == {
        **FULL, 'utm_source': 'market', 'website': 'https://new.example', 'hermes_id': None,
    }  # fmt: skip
    assert (SITE, 'https://new.example') in [line[:2] for line in await journal(house, 'website', 'deal')]
    await quiet(house)


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12', 'FIELD-6')
async def test_what_was_only_found_in_a_company_replaces_nothing_that_was_found_in_a_deal(house: House) -> None:
    number = add_organization(house, NAME, custom={'utm_source': 'fair', 'website': SITE, 'estimated_income': '9'})
    deal = add_deal(house, number, custom={'utm_source': 'market', 'website': 'https://deal.example'})
    await later(house, 3600)
    custom = without_id(house, 'deal', deal)
    assert (custom['utm_source'], custom['website'], custom['estimated_income']) == (
        'market', 'https://deal.example', '9',
    )  # fmt: skip
    change(house, 'organization', number, custom={'website': 'https://new.example'})
    await later(house)
    assert shown(house, 'deal', deal)['website'] == 'https://new.example', 'a person said so'
    extra = [{'machine_name': 'utm_source', 'value': 'fair'}]
    await deliver(house, event(client(agency={'country': None}, extra_attrs=extra)))
    await later(house)
    assert shown(house, 'deal', deal)['utm_source'] == 'fair', 'now TutorCruncher says it too'
    change(house, 'deal', deal, custom={'utm_source': 'mine'})
    await later(house)
    assert shown(house, 'deal', deal)['utm_source'] == 'fair'


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
@pytest.mark.invariant('I14')
@pytest.mark.parametrize('first', ['organisation', 'booking'])
async def test_calls_are_counted_on_from_what_was_found(house: House, first: str, second_url: str) -> None:
    if first == 'booking':
        await book(house)
        await house.act('system.pause', system='pipedrive')
    number = add_organization(house, NAME, custom={'sales_call_count': 3, 'support_call_count': 2})
    await later(house)
    if first == 'organisation':
        await book(house)
    else:
        await house.act('system.resume', system='pipedrive')
    await later(house, 3600)
    assert len(house.organizations()) == 1
    custom = shown(house, 'organization', number)
    assert (custom['sales_call_count'], custom['support_call_count'], custom['has_booked_call']) == (4, 2, 'true')
    await list_again(house)
    change(house, 'organization', number, custom={'sales_call_count': 9})
    await later(house, 3600)
    assert shown(house, 'organization', number)['sales_call_count'] == 4, 'Hermes counts from now on'
    assert (9, 4) in [line[:2] for line in await journal(house, 'sales_call_count')]
    await assert_replays(house, second_url)


@pytest.mark.lesson('M-61')
async def test_a_count_that_people_correct_before_our_first_call_is_the_one_that_counts(house: House) -> None:
    number = add_organization(house, NAME, custom={'sales_call_count': 3})
    await later(house)
    change(house, 'organization', number, custom={'sales_call_count': 5})
    await later(house)
    assert shown(house, 'organization', number)['sales_call_count'] == 5
    await book(house)
    await later(house)
    assert shown(house, 'organization', number)['sales_call_count'] == 6


@pytest.mark.lesson('M-61')
async def test_the_base_is_remembered_after_many_calls(house: House) -> None:
    number = add_organization(house, NAME, custom={'sales_call_count': 3})
    await later(house)
    for place in range(16):
        await book(house, TEN + timedelta(hours=place))
        await later(house)
    assert shown(house, 'organization', number)['sales_call_count'] == 19


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12', 'FIELD-3')
async def test_what_an_owner_says_is_written_over_it_and_the_old_value_is_kept(house: House) -> None:
    one = sign_up(house, NAME, extra_attrs={'utm_source': 'Newsletter'})
    await house.act('system.pause', system='pipedrive')
    await house.settle()
    url = f'https://app.tutorcruncher.com/clients/{one.id}/'
    custom = {**OF_COMPANY, 'tc2_cligency_url': url, 'has_signed_up': 'perhaps'}
    number = add_organization(house, NAME, custom=custom)
    await later(house)
    await house.act('system.resume', system='pipedrive')
    await later(house, 3600)
    assert len(house.organizations()) == 1
    custom = shown(house, 'organization', number)
    assert (custom['utm_source'], custom['paid_invoice_count'], custom['has_signed_up']) == ('Newsletter', 0, 'true')
    kept = {name for name, value in OF_COMPANY.items() if custom[name] == value}
    assert {'utm_campaign', 'referer', 'gclid', 'sales_call_count', 'has_booked_call', 'website', 'pay0_dt'} <= kept
    for name, old in (('utm_source', 'fair'), ('paid_invoice_count', 4), ('tc2_status', 'active')):
        assert old in [line[0] for line in await journal(house, name)], name
    assert 'perhaps' in [line[0] for line in await journal(house, 'has_signed_up')]
    await quiet(house)


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
async def test_what_cannot_be_read_is_not_written_over_with_nothing(house: House) -> None:
    address = {'value': 'Leeds, United Kingdom', 'country': 'United Kingdom'}
    custom = {'has_booked_call': 'twice', 'has_signed_up': 'by phone', 'paid_invoice_count': 4}
    number = add_organization(house, address=address, custom=custom)
    deal = add_deal(house, number, custom={'paid_invoice_count': 2.5})
    await later(house)
    assert shown(house, 'deal', deal)['paid_invoice_count'] == 2.5
    custom = shown(house, 'organization', number)
    assert (custom['has_booked_call'], custom['has_signed_up']) == ('twice', 'by phone')
    await deliver(house, event(client(agency={'name': 'Brook Tutors'})))
    await later(house)
    assert shown(house, 'organization', number)['has_signed_up'] == 'true'
    assert 'by phone' in [line[0] for line in await journal(house, 'has_signed_up')]
    assert shown(house, 'organization', number)['has_booked_call'] == 'twice'


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
async def test_drift_finds_and_heals_none_of_it(house: House) -> None:
    number = add_organization(house, custom=OF_COMPANY)
    deal = add_deal(house, number, custom=FULL)
    await later(house)
    before = shown(house, 'organization', number), shown(house, 'deal', deal)
    house.mark()
    found = await drift.look(house.engine, house.engine.systems['pipedrive'])
    assert found.differences == []
    assert {**OF_COMPANY, **FULL}.items() <= before[0].items()
    await healing._heal(house.engine, found)
    assert (writes(house), (shown(house, 'organization', number), shown(house, 'deal', deal))) == ([], before)


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('FIELD-3')
async def test_an_edit_of_what_hermes_owns_is_put_back_and_kept_in_the_journal(house: House) -> None:
    one = sign_up(house)
    house.tc2.pay_invoice(one.id)
    await later(house)
    [organization] = house.organizations()
    change(house, 'organization', organization['id'], custom={'paid_invoice_count': 9})
    await later(house, 600)
    assert shown(house, 'organization', organization['id'])['paid_invoice_count'] == 1
    assert (9, 1, 'hermes') in [line[:3] for line in await journal(house, 'paid_invoice_count')]
    rows = await house.rows("select system from change where field = 'paid_invoice_count' order by id")
    assert rows[0]['system'] == 'tutorcruncher'


@pytest.mark.lesson('M-61')
@pytest.mark.parametrize('name', ['Ada', 'Countess Lovelace of Ockham'])
async def test_the_name_of_a_person_is_one_value(house: House, name: str) -> None:
    """The CRM has one name, Hermes two: half of each would be nobody's."""
    number = add_organization(house)
    person = add_person(house, number, name, emails=[{'value': 'ada@brook.example', 'primary': True, 'label': 'work'}])
    await later(house)
    recipients = [{'first_name': 'Ada', 'last_name': 'Lovelace', 'email': 'ada@brook.example'}]
    sign_up(house, 'Brook Tutors', email='ada@brook.example', recipients=recipients)
    await later(house)
    assert len(house.persons()) == 1
    assert item(house, 'person', person)['name'] == name
