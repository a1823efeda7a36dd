"""What goes back to TutorCruncher: which fields, as what, and that nothing reads more than it declares."""

from typing import Any

import pytest

from hermes.domain.fields import ABSENT, Catalogue, CustomField, default_catalogue
from hermes.systems.tutorcruncher import mapping
from tests.systems.support import Plain

URL = 'https://app.crm.example'
SEATS = CustomField('seats', 'Seats', 'int', 'Company', tc2_machine_name='Client-Seats')
OWNER = CustomField('owner', 'Owner', 'fk_field', 'Company', 'sales_person', 'account_owner')
OWNED = CustomField('tier', 'Tier', 'str', 'Company', tc2_machine_name='tier', policy='tc2')
BLANK = CustomField('blank', 'Blank', 'str', 'Company', tc2_machine_name=' ')
CATALOGUE = Catalogue((*default_catalogue().custom, SEATS, OWNER, OWNED, BLANK))


def said(view: Plain) -> dict[str, Any]:
    computed = {item.key: item.compute(view) for item in mapping.outgoing('company', CATALOGUE, URL)}
    return {key.removeprefix(mapping.PREFIX): value for key, value in computed.items() if value != ABSENT}


@pytest.mark.lesson('E-23', 'C-3')
def test_what_tutorcruncher_owns_and_what_has_no_name_stands_in_no_table() -> None:
    names = {item.key.removeprefix(mapping.PREFIX) for item in mapping.outgoing('company', CATALOGUE, URL)}
    bound = {'website', 'estimated_monthly_income', 'currency', 'client_seats', 'account_owner'}
    assert names == {*mapping.LINKS, *bound}
    assert all(item.when == 'linked' for item in mapping.outgoing('company', CATALOGUE, URL))


@pytest.mark.behaviour('PD-PER-6')
@pytest.mark.parametrize('record_type', ['contact', 'deal', 'admin', 'pipeline', 'stage'])
def test_only_companies_are_written(record_type: str) -> None:
    assert mapping.outgoing(record_type, CATALOGUE, URL) == []


def test_a_company_without_an_organisation_says_nothing() -> None:
    assert said(Plain({'currency': 'EUR', 'shown extra_attrs.currency': 'GBP'})) == {}


def test_values_as_extra_attributes_hold_them() -> None:
    view = Plain(
        {'pd_org_id': 12, 'latest deal stage': 'New', 'seats': 7, 'shown extra_attrs.client_seats': None,
         'currency': None, 'shown currency': 'GBP', 'shown extra_attrs.currency': 'GBP',
         'website': 'https://a.example', 'shown website': 'https://a.example', 'shown extra_attrs.website': None,
         'shown extra_attrs.account_owner': '4'},
        admins={'sales_person_id': 11},
    )  # fmt: skip
    assert said(view) == {
        'pipedrive_id': '12', 'pipedrive_url': f'{URL}/organization/12', 'pipedrive_deal_stage': 'New',
        'pipedrive_pipeline': None, 'client_seats': '7', 'currency': None, 'account_owner': '11',
    }  # fmt: skip


@pytest.mark.lesson('E-17', 'E-19')
@pytest.mark.parametrize(
    ('value', 'text'),
    [(None, None), (ABSENT, None), (True, 'true'), (0, '0'), ('2026-03-02', '2026-03-02'), (' a - b ', 'a - b'),
     ('----', None), (' - ', None), ('', None), ('self-employed', 'self-employed')],
)  # fmt: skip
def test_a_canonical_value_is_text_or_nothing(value: Any, text: str | None) -> None:
    assert mapping.text(value) == text


@pytest.mark.lesson('E-20')
@pytest.mark.parametrize(
    ('choice', 'slug'),
    [
        ('Closed down', 'closed-down'),
        ('Moved to: A/B', 'moved-to-ab'),
        ('Trop cher é', 'trop-cher-e'),
        ('A - B', 'a-b'),
    ],
)
def test_a_dropdown_is_written_as_its_slug_and_a_text_as_it_is(choice: str, slug: str) -> None:
    fields = {'extra_attrs.why': choice, 'extra_attrs.note': choice, 'name': 'never'}
    assert mapping.encode(fields, {mapping.DROPDOWNS: ['why']}) == {'extra_attrs': {'why': slug, 'note': choice}}
