"""A lead is never lost for an optional field: what cannot be read is kept, told, and books the call all the same."""

from typing import Any

import pytest

from tests.flows.companies import later, sign_up
from tests.flows.house import House
from tests.flows.visitors import TEN, book, left, link

HOPELESS: dict[str, Any] = {
    'phone': 'call me maybe',
    'website': 'my site, ask Jo',
    'country': 'Atlantis',
    'estimated_income': {'from': 50_000, 'to': 150_000},
    'currency': 'doubloons',
    'price_plan': 'gold',
    'bdr_person_id': ['a', 'b'],
    'utm_campaign': 'spring ' * 100,
    'utm_source': [],
    'gclid': 'g' * 3000,
    'zone': 'Nowhere/Land',
}
COMPANY = (
    'select name, phone, website, country, estimated_income, currency, price_plan, utm_campaign, utm_source, gclid '
    'from company c join contact p on p.company_id = c.id'
)


def note(house: House) -> str:
    """The note of the one activity in the CRM."""
    [activity] = [each for each in house.pd.state()['activities'] if not each['is_deleted']]
    return str(activity['note'])


@pytest.mark.lesson('M-63')
@pytest.mark.parametrize(('field', 'given', 'kept'), [
    ('estimated_income', 1000, '1000'),
    ('estimated_income', 1000.0, '1000'),
    ('estimated_income', True, 'true'),
    ('phone', 2079460011, '+442079460011'),
    ('country', 'United Kingdom', 'GB'),
    ('country', 'Germany', 'DE'),
    ('country', 'uk', 'GB'),
    ('utm_source', 7, '7'),
    ('utm_campaign', 2.5, '2.5'),
    ('name', 1984, '1984'),
])  # fmt: skip
async def test_numbers_and_booleans_are_read_as_text(house: House, field: str, given: Any, kept: str) -> None:
    answer = await book(house, **{'company_name' if field == 'name' else field: given})
    assert (answer.status_code, answer.json().get('warnings')) == (200, []), answer.text
    [company] = await house.rows(COMPANY)
    assert company[field] == kept


@pytest.mark.lesson('M-63')
@pytest.mark.parametrize('field', HOPELESS)
async def test_what_cannot_be_read_is_kept_for_colleagues_and_told(house: House, field: str) -> None:
    raw = HOPELESS[field]
    answer = await book(house, **{field: raw})
    assert answer.status_code == 200, answer.text
    assert [warning['field'] for warning in answer.json()['warnings']] == [field]
    assert str(raw) not in answer.text
    [company] = await house.rows(COMPANY)
    assert company.get(field) is None
    await later(house)
    shown = (
        raw if isinstance(raw, str) else ', '.join(raw) if isinstance(raw, list) else '{"from": 50000, "to": 150000}'
    )
    assert shown[:400].strip() in note(house)


@pytest.mark.lesson('M-63')
async def test_everything_wrong_at_once_is_still_a_call(house: House) -> None:
    answer = await book(house, **HOPELESS, hold=['no', 'token'], company_id='ours', headers={'Idempotency-Key': 'k'})
    assert answer.status_code == 200, answer.text
    fields = {warning['field'] for warning in answer.json()['warnings']}
    assert fields == {*HOPELESS, 'hold', 'company_id'}
    again = await book(house, **HOPELESS, hold=['no', 'token'], company_id='ours', headers={'Idempotency-Key': 'k'})
    assert again.json() == answer.json(), 'the same request is the same answer'
    other = await book(house, **{**HOPELESS, 'phone': 'else'}, hold=['no', 'token'], company_id='ours',
                       headers={'Idempotency-Key': 'k'})  # fmt: skip
    assert other.json()['code'] == 'idempotency'
    await later(house)
    assert (len(house.organizations()), len(house.persons()), len(house.deals())) == (1, 1, 1)
    assert 'no, token' not in note(house)


@pytest.mark.lesson('M-63')
async def test_what_is_missing_is_told(house: House) -> None:
    missing: dict[str, Any] = dict.fromkeys(('country', 'estimated_income', 'currency', 'price_plan'), ...)
    answer = await book(house, **missing)
    assert answer.status_code == 200, answer.text
    assert [warning['field'] for warning in answer.json()['warnings']] == list(missing)
    none_given: dict[str, Any] = {'utm_source': None, 'phone': '', 'website': '  '}
    assert (await book(house, TEN.replace(hour=14), email='b@b.example', **none_given)).json()['warnings'] == []


@pytest.mark.lesson('M-63')
@pytest.mark.parametrize(('field', 'given'), [
    ('admin_id', 'Priya'), ('admin_id', True), ('admin_id', [1]), ('name', 'Prince'), ('name', ['Lee', 'Adams']),
    ('name', ...), ('email', 'lee'), ('email', 5), ('email', ...), ('meeting_dt', 'soon'), ('meeting_dt', ...),
    ('company_name', '  '), ('company_name', ...), ('company_name', {}),
])  # fmt: skip
async def test_what_makes_a_booking_impossible_is_refused_by_its_field(house: House, field: str, given: Any) -> None:
    answer = await book(house, **{field: given})
    assert answer.status_code == 422, answer.text
    assert [problem['field'] for problem in answer.json()['problems']] == [field]
    all_wrong = (await book(house, **{**HOPELESS, field: given})).json()
    assert all_wrong['message'].startswith(f'{field}: '), 'the message names what is needed'
    assert {problem['field'] for problem in all_wrong['problems']} == {field, *HOPELESS}
    assert (await left(house))['meeting'] == 0


@pytest.mark.lesson('M-63')
async def test_long_names_are_cut_and_flagged(house: House) -> None:
    name, company = 'Maximiliana ' + 'von ' * 100 + 'Hohenfels', 'The Academy of ' + 'Very ' * 100 + 'Long Names'
    answer = await book(house, name=name, company_name=company)
    assert answer.status_code == 200, answer.text
    assert [warning['field'] for warning in answer.json()['warnings']] == ['name', 'company_name']
    [kept] = await house.rows('select first_name, last_name from contact')
    whole = f'{kept["first_name"]} {kept["last_name"]}'
    assert len(whole) <= 255
    assert name.startswith(whole)
    [row] = await house.rows("select c.name, m.extra -> 'flags' as flags from company c, meeting m")
    assert company.startswith(row['name'])
    assert len(row['name']) in (254, 255)
    assert [flag.split()[0] for flag in row['flags']] == ['name', 'company_name']
    endless = await book(house, TEN.replace(hour=14), email='b@b.example', name='x' * 300 + ' ' + 'y' * 300)
    assert endless.status_code == 200, endless.text


@pytest.mark.lesson('M-63')
async def test_a_support_call_is_not_lost_either(house: House) -> None:
    client = sign_up(house)
    await later(house)
    query = (await link(house, client.id)).json()['link'].partition('?')[2]
    given = dict(part.split('=') for part in query.split('&'))
    form = {'name': 'Kim Sato', 'email': 'kim@ember.example', 'meeting_dt': TEN.isoformat(), 'zone': 5, **given}
    answer = await house.web.post('/callbooker/support/book/', json=form)
    assert (answer.status_code, [each['field'] for each in answer.json()['warnings']]) == (200, ['zone']), answer.text


@pytest.mark.lesson('M-63')
async def test_an_empty_key_is_none(house: House) -> None:
    answers = [
        await book(house, at, email=email, headers={'Idempotency-Key': ''})
        for at, email in ((TEN, 'a@a.example'), (TEN.replace(hour=14), 'b@b.example'))
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()['manage'] != answers[1].json()['manage']
