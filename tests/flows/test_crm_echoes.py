"""Nothing goes round in circles: what Hermes writes comes back and costs nothing (lessons C, I6, I9)."""

from typing import Any

import pytest

from tests.flows.companies import client, deliver, event, later, quiet, sign_up
from tests.flows.crm import SITE, add_deal, add_organization, add_person, change, shown, writes
from tests.flows.house import House


@pytest.mark.lesson('C-1')
@pytest.mark.behaviour('FIELD-3')
async def test_an_edit_of_the_company_reaches_each_deal_once_and_then_there_is_silence(house: House) -> None:
    number = add_organization(house)
    deals = [add_deal(house, number, f'Deal {place}') for place in range(3)]
    await later(house)
    house.mark()
    change(house, 'organization', number, custom={'website': SITE})
    await later(house, 6 * 3600)
    assert sorted(writes(house)) == [('PATCH', f'deals/{deal}') for deal in deals]
    house.mark()
    change(house, 'organization', number, name='Inherited By Nobody')
    await later(house, 6 * 3600)
    assert house.calls() == []
    await quiet(house)


@pytest.mark.lesson('C-5', 'C-6')
@pytest.mark.invariant('I9')
async def test_whole_values_with_parts_of_the_crms_own_are_no_difference(house: House) -> None:
    """The CRM adds parts to addresses, labels to e-mails and fields of its own; nothing of that is a difference."""
    one = sign_up(house, country='GB', phone='+44 20 7946 0011', website=SITE)
    house.tc2.confirm_email(one.id)
    await later(house)
    [organization], [person] = house.organizations(), house.persons()
    address = {'value': '4 Mill Lane, Leeds, United Kingdom', 'country': 'United Kingdom', 'locality': 'Leeds'}
    change(house, 'organization', organization['id'], address=address, label_ids=[])
    change(house, 'person', person['id'], job_title='Owner', emails=[
        {'value': 'home@ember.example', 'label': 'home', 'primary': False}, {**person['emails'][0], 'label': 'other'},
    ])  # fmt: skip
    await later(house)
    house.mark()
    for _ in range(3):
        house.tc2.send_snapshot(one.id)
        await later(house, 3 * 3600)
    assert house.calls() == []
    await quiet(house)


@pytest.mark.lesson('C-3')
@pytest.mark.behaviour('FIELD-2', 'FIELD-3')
async def test_the_questionnaire_is_put_back_and_never_goes_to_tutorcruncher(house: House) -> None:
    sign_up(house, signup_questionnaire={'how-many-tutors': '50+'})
    await later(house)
    [organization] = house.organizations()
    before = shown(house, 'organization', organization['id'])['signup_questionnaire']
    house.mark()
    change(house, 'organization', organization['id'], custom={'signup_questionnaire': 'rewritten'})
    await later(house, 3600)
    assert shown(house, 'organization', organization['id'])['signup_questionnaire'] == before
    assert writes(house) == [('PATCH', f'organizations/{organization["id"]}')]
    assert house.calls('POST', system='tutorcruncher') == []
    assert (await house.rows('select signup_questionnaire from company'))[0]['signup_questionnaire'] == before


@pytest.mark.lesson('E-16', 'C-5')
async def test_a_time_of_tc2_is_its_utc_date_and_no_difference_afterwards(house: House) -> None:
    times = {
        'created': '2026-03-01T23:30:00-05:00', 'pay0_dt': '2026-02-28', 'pay1_dt': 1_772_400_000,
        'card_saved_dt': '2026-03-01T00:30:00+01:00', 'email_confirmed_dt': '2026-03-01T08:00:00.123456Z',
    }  # fmt: skip
    await deliver(house, event(client(agency=times)))
    [organization] = house.organizations()
    custom = shown(house, 'organization', organization['id'])
    assert {name: custom[name] for name in times} == {
        'created': '2026-03-02', 'pay0_dt': '2026-02-28', 'pay1_dt': '2026-03-01', 'card_saved_dt': '2026-02-28',
        'email_confirmed_dt': '2026-03-01',
    }  # fmt: skip
    await later(house)
    house.mark()
    await deliver(house, event(client(agency=times), at=house.clock.now()))
    change(house, 'organization', organization['id'], label_ids=[])
    await later(house)
    assert house.calls() == []


@pytest.mark.lesson('E-14', 'E-15', 'E-29')
@pytest.mark.behaviour('D-21')
async def test_only_plain_values_are_sent_and_nothing_for_what_nobody_said(house: House) -> None:
    number = add_organization(house)
    add_person(house, number)
    deal = add_deal(house, number)
    await deliver(house, event(client(agency={'paid_invoice_count': None, 'price_plan': None})))
    await later(house)
    sent = [call.request for call in house.calls() if call.method in ('POST', 'PATCH')]
    assert len(sent) >= 6
    texts = list(leaves(sent))
    assert not [text for text in texts if 'None' in text or ' object' in text or text.startswith(('<', '{'))]
    unsaid = house.code('deal', 'paid_invoice_count')
    [patch] = [call.request for call in house.calls('PATCH', f'deals/{deal}')]
    assert unsaid not in patch['custom_fields']
    assert shown(house, 'organization', number).get('paid_invoice_count') is None
    assert {call.status for call in house.calls()} <= {200, 201}


def leaves(told: Any) -> Any:
    if isinstance(told, dict):
        for item in told.values():
            yield from leaves(item)
    elif isinstance(told, list):
        for item in told:
            yield from leaves(item)
    elif isinstance(told, str):
        yield told


@pytest.mark.lesson('E-11', 'E-34')
@pytest.mark.behaviour('FIELD-3', 'PD-ORG-2')
async def test_computed_fields_that_were_filled_in_are_taken_over_and_put_right_afterwards(house: House) -> None:
    filled = {
        'tc2_cligency_url': 'https://app.tutorcruncher.com/clients/77/', 'has_signed_up': 'true',
        'has_booked_call': 'yes', 'sales_call_count': 3, 'support_call_count': 2, 'tc2_status': 'active',
    }  # fmt: skip
    number = add_organization(house, custom=filled)
    deal = add_deal(house, number)
    await later(house)
    [company] = await house.rows('select * from company')
    told = [company[name] for name in ('has_signed_up', 'sales_call_count', 'tc2_cligency_url')]
    assert told == [True, 3, filled['tc2_cligency_url']]
    custom = shown(house, 'organization', number)
    assert filled.items() <= custom.items()
    assert await house.rows("select 1 from event where state <> 'done'") == []
    change(house, 'deal', deal, custom={'tc2_cligency_url': 'https://elsewhere.example'})
    await later(house)
    assert shown(house, 'deal', deal).get('tc2_cligency_url') == custom.get('tc2_cligency_url')
    await quiet(house)
