"""After an import both sides go on as if Hermes had always been there: nobody is made twice, nothing old is new."""

from typing import Any

import pytest

from hermes.db import legacy
from hermes.sync import connect, importing
from tests.flows.companies import later, sign_up
from tests.flows.crm import add_organization
from tests.flows.house import HERMES, PRIYA, PRIYA_PD, SECRETS, House, open_house
from tests.legacy.generate import Older, keep
from tests.legacy.test_first_listing import listed

EMBER = 41


def older_of(client: Any, **company: Any) -> Older:
    """The second version's rows of a client of TutorCruncher."""
    found = Older('second')
    found.add('admin', username='priya@office.example', tc2_admin_id=PRIYA, pd_owner_id=PRIYA_PD, is_sales_person=True)
    agency = client.agency.id
    told = {'name': 'Ember of old', 'country': 'GB', 'price_plan': 'payg', 'tc2_status': 'trial', 'sales_person_id': 1}
    found.add('company', id=EMBER, tc2_cligency_id=client.id, tc2_agency_id=agency, **{**told, **company})
    found.add('contact', id=51, first_name='Samuel', last_name='O', tc2_sr_id=client.recipients[0].id, company_id=EMBER)
    found.add('deal', id=61, name='Ember deal', pd_deal_id=5_005, status='open', company_id=EMBER, admin_id=1,
              contact_id=51)  # fmt: skip
    return found


async def take(house: House, url: str, older: Older) -> None:
    keep(url, older)
    await importing.take_over(house.engine, legacy.read(url))


async def test_a_client_of_tutorcruncher_finds_its_company_and_speaks_louder(database_url: str, older_url: str) -> None:
    async with open_house(database_url, connected=False, push_mode='plan') as house:
        client = sign_up(house)
        await take(house, older_url, older_of(client, website='https://old.example'))
        await listed(house)
        companies = await house.rows('select id, name, website, has_signed_up from company')
        assert [tuple(row.values()) for row in companies] == [(EMBER, 'Ember Tutors', 'https://old.example', True)]
        assert [row['id'] for row in await house.rows('select id from deal')] == [61]
        contacts = await house.rows('select id, first_name, last_name, email from contact')
        assert [tuple(row.values()) for row in contacts] == [(51, 'Sam', 'Okafor', 'sam@ember.example')]


@pytest.mark.behaviour('TC-7')
async def test_who_was_terminated_before_closes_no_deal_by_that(database_url: str, older_url: str) -> None:
    async with open_house(database_url, connected=False, push_mode='plan') as house:
        house.world.weather.change(dropped_p=1.0)
        client = sign_up(house)
        house.tc2.change_status(client.id, 'terminated')
        house.world.weather.change(name='calm')
        await take(house, older_url, older_of(client, tc2_status='terminated'))
        await listed(house)
        house.tc2.send_all_snapshots()
        await later(house)
        [deal] = await house.rows('select id, status from deal')
        assert tuple(deal.values()) == (61, 'open')


@pytest.mark.behaviour('PD-MERGE-1')
async def test_two_of_them_are_merged_in_the_crm(database_url: str, older_url: str) -> None:
    async with open_house(database_url, connected=False, push_mode='plan') as house:
        lost, kept = (add_organization(house, name) for name in ('Lost', 'Kept'))
        older = Older('newest')
        older.add('admin', username='priya@office.example', tc2_admin_id=PRIYA, pd_owner_id=PRIYA_PD)
        for number, organization in ((EMBER, lost), (EMBER + 1, kept)):
            told = {
                'pd_org_id': organization,
                'sales_person_id': 1,
                'currency': 'GBP' if organization == lost else None,
            }
            older.add('company', id=number, name='Two', **told)
            older.add('contact', id=10 + number, first_name='Sam', email=f'{number}@two.example', company_id=number)
        await take(house, older_url, older)
        await listed(house)
        await connect.subscribe(
            house.engine, house.engine.systems['pipedrive'], f'{HERMES}/pipedrive/callback/', SECRETS.pd_webhook_user,
            SECRETS.pd_webhook_password,
        )  # fmt: skip
        house.pd.act_merge('organization', lost, kept, PRIYA_PD)
        await later(house)
        companies = await house.rows('select id, alias_of, currency from company order by id')
        assert [tuple(row.values())[:2] for row in companies] == [(EMBER, EMBER + 1), (EMBER + 1, None)]
        assert companies[1]['currency'] == 'GBP'
        assert {row['company_id'] for row in await house.rows('select company_id from contact')} == {EMBER + 1}


@pytest.mark.behaviour('D-2')
@pytest.mark.parametrize('stands', [True, False])
async def test_what_was_marked_as_deleted_is_back_if_the_crm_still_has_it(
    database_url: str, older_url: str, stands: bool
) -> None:
    async with open_house(database_url, connected=False, push_mode='plan') as house:
        number = add_organization(house, 'Still here') if stands else 77_000
        older = Older('newest')
        older.add('admin', username='priya@office.example', tc2_admin_id=PRIYA, pd_owner_id=PRIYA_PD)
        older.add('company', id=EMBER, name='Gone', pd_org_id=number, sales_person_id=1, is_deleted=True)
        older.add('contact', id=51, first_name='Sam', company_id=EMBER)
        older.add('deal', id=61, name='Old deal', status='open', company_id=EMBER)
        await take(house, older_url, older)
        rows = ' union all '.join(
            f'select id, tombstone is not null as gone from {each}' for each in ('company', 'contact')
        )
        assert {tuple(row.values()) for row in await house.rows(rows)} == {(EMBER, True), (51, True)}
        await listed(house)
        assert {tuple(row.values()) for row in await house.rows(rows)} == {(EMBER, not stands), (51, not stands)}
        house.engine.push_mode = 'live'
        await later(house, 600)
        assert house.deals() == []
