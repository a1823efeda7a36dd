"""Two sides that name one another are one company, whichever came first (MATCH-1, MATCH-2, MATCH-9)."""

from typing import Any

import pytest

from hermes.domain.fields import CustomField
from hermes.sync import cataloguing
from tests.flows.companies import client, decisions, deliver, event, later
from tests.flows.crm import add_organization, change, shown
from tests.flows.house import House

CLIENT = 77
UNLIKE: dict[str, Any] = {
    'agency': {'id': 9577, 'name': 'Called Otherwise', 'country': 'France'},
    'user': {'email': 'nobody@else.example', 'first_name': 'No', 'last_name': 'Body', 'phone': None},
    'paid_recipients': [],
}
WRITTEN = {
    'a whole address': 'https://account.example/clients/77/',
    'without its end': 'https://account.example/clients/77',
    'with a query': 'https://account.example/clients/77/?tab=notes',
    'of old': 'https://account.example/cligency/77',
    'the id': '77',
    'a list after a merge': 'https://account.example/clients/77/, https://account.example/clients/70/',
    'with something invisible': '\u200bhttps://account.example/clients/77/\u2060',
}


async def rules(house: House) -> list[str]:
    """By which rule companies got their links, in order."""
    found = await house.rows(
        "select rule from change where record_type = 'company' and field in ('tutorcruncher link', 'pipedrive link') "
        'order by id'
    )
    return [row['rule'] for row in found]


async def hold_back(house: House) -> None:
    """Nothing is written to the CRM for now."""
    await house.act('system.pause', system='pipedrive', reason='nothing is written there meanwhile')


async def go_on(house: House) -> None:
    await house.act('system.resume', system='pipedrive')
    await later(house)


async def later_sign_up(house: House, **more: Any) -> None:
    await deliver(house, event(client(CLIENT, **{**UNLIKE, **more})))
    await later(house)


async def one_company(house: House, organization: int) -> dict[str, Any]:
    """The only company there is, with both objects."""
    assert [item['id'] for item in house.organizations()] == [organization]
    [found] = await house.rows('select * from company where alias_of is null')
    assert (found['pd_org_id'], found['tc2_cligency_id']) == (organization, CLIENT)
    return found


@pytest.mark.lesson('M-62')
@pytest.mark.behaviour('MATCH-1', 'MATCH-9')
@pytest.mark.parametrize('written', WRITTEN.values(), ids=WRITTEN)
async def test_a_client_is_the_organisation_that_names_it(house: House, written: str) -> None:
    organization = add_organization(house, custom={'tc2_cligency_url': written})
    await later(house)
    await later_sign_up(house)
    await one_company(house, organization)
    assert await rules(house) == ['PD-ORG-2', 'MATCH-1 tc2_cligency_url']
    assert '/clients/77/' in shown(house, 'organization', organization)['tc2_cligency_url']


@pytest.mark.lesson('M-62')
@pytest.mark.behaviour('MATCH-2', 'MATCH-9')
@pytest.mark.parametrize('written', WRITTEN.values(), ids=WRITTEN)
async def test_an_organisation_is_the_client_that_it_names(house: House, written: str) -> None:
    await hold_back(house)
    await later_sign_up(house)
    organization = add_organization(house, custom={'tc2_cligency_url': written})
    await later(house)
    await one_company(house, organization)
    assert await rules(house) == ['TC-1', 'MATCH-2 tc2_cligency_url']


@pytest.mark.lesson('M-62')
@pytest.mark.behaviour('MATCH-1', 'MATCH-9')
async def test_the_address_may_be_written_later(house: House) -> None:
    """A person names the client of a company that has none yet: its first event finds it."""
    organization = add_organization(house)
    await later(house)
    change(house, 'organization', organization, custom={'tc2_cligency_url': 'https://account.example/clients/77/'})
    await later(house)
    await later_sign_up(house)
    await one_company(house, organization)


@pytest.mark.lesson('M-62')
@pytest.mark.behaviour('TC-16', 'MATCH-9')
@pytest.mark.parametrize(
    'told',
    [
        {'machine_name': 'pipedrive_id', 'value': '1'},
        {'machine_name': 'pipedrive-id', 'value': 1},
        {'machine_name': 'pipedrive_url', 'value': 'https://acme.pipedrive.example/organization/1'},
    ],
)
@pytest.mark.parametrize('first', ['organisation', 'client'])
async def test_a_client_names_its_organisation(house: House, told: dict[str, Any], first: str) -> None:
    if first == 'client':
        await hold_back(house)
        await later_sign_up(house, extra_attrs=[told])
    organization = add_organization(house)
    assert organization == 1
    await later(house)
    if first == 'organisation':
        await later_sign_up(house, extra_attrs=[told])
    await go_on(house)
    await one_company(house, organization)


@pytest.mark.lesson('M-62')
@pytest.mark.behaviour('MATCH-1', 'MATCH-9')
async def test_a_client_names_its_record(house: House) -> None:
    organization = add_organization(house)
    await later(house)
    [company] = await house.rows('select id from company')
    await later_sign_up(house, extra_attrs=[{'machine_name': 'hermes_id', 'value': str(company['id'])}])
    await one_company(house, organization)
    assert await rules(house) == ['PD-ORG-2', 'MATCH-1 hermes_id']


@pytest.mark.lesson('M-62')
@pytest.mark.behaviour('MATCH-1', 'MATCH-2')
@pytest.mark.parametrize('first', ['organisation', 'client'])
@pytest.mark.parametrize(('name', 'value'), [('tc2_agency_id', 9577), ('tc2_cligency_id', 77)])
async def test_the_agency_or_the_client_stands_in_a_field_of_the_crm(
    house: House, first: str, name: str, value: int
) -> None:
    """Where an account keeps ids instead of addresses."""
    item = CustomField(name, name, 'int', 'Company', hermes_field_name=name)
    await cataloguing.add(house.engine, item, house.engine.systems['pipedrive'], create=True)
    await later(house)
    if first == 'client':
        await hold_back(house)
        await later_sign_up(house)
    organization = add_organization(house, custom={name: value})
    await later(house)
    if first == 'organisation':
        await later_sign_up(house)
    await one_company(house, organization)


@pytest.mark.lesson('M-62')
@pytest.mark.behaviour('MATCH-1', 'MATCH-2')
@pytest.mark.parametrize('first', ['organisation', 'client'])
@pytest.mark.parametrize(('there', 'here', 'one'), [(None, 'United Kingdom (GB)', True), ('France', None, True),
                                                    ('France', 'United Kingdom (GB)', False)])  # fmt: skip
async def test_a_country_that_is_not_known_is_no_difference(
    house: House, first: str, there: str | None, here: str | None, *, one: bool
) -> None:
    agency = {'name': 'Brook Tutors', 'country': here}
    address: dict[str, Any] = {'address': {'value': there, 'country': there}} if there else {}
    if first == 'client':
        await hold_back(house)
        await later_sign_up(house, agency=agency)
    add_organization(house, **address)
    await later(house)
    if first == 'organisation':
        await later_sign_up(house, agency=agency)
    await go_on(house)
    assert len(house.organizations()) == (1 if one else 2)


@pytest.mark.lesson('M-62')
@pytest.mark.behaviour('MATCH-1', 'MATCH-9')
async def test_of_two_of_one_name_the_one_of_the_same_country_is_meant(house: House) -> None:
    """A country that is known says more than one that is not."""
    add_organization(house)
    organization = add_organization(house, address={'value': 'United Kingdom', 'country': 'United Kingdom'})
    await later(house)
    await later_sign_up(house, agency={'name': 'Brook Tutors', 'country': 'United Kingdom (GB)'})
    [row] = await house.rows('select pd_org_id from company where tc2_cligency_id is not null')
    assert row['pd_org_id'] == organization


@pytest.mark.lesson('M-62')
@pytest.mark.behaviour('MATCH-7')
async def test_two_organisations_that_name_one_client_are_a_question(house: House) -> None:
    for name in ('One', 'Two'):
        add_organization(house, name, custom={'tc2_cligency_url': WRITTEN['a whole address']})
    await later(house)
    await later_sign_up(house)
    [asked] = await decisions(house)
    assert (asked['kind'], len(asked['detail']['candidates'])) == ('match', 2)
    assert len(house.organizations()) == 2
