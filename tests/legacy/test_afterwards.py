"""After an import both sides go on as if Hermes had always been there: nobody is made twice, nothing old is new."""

from typing import Any

import pytest

from hermes.legacy import database, importing
from hermes.sandbox.scenarios.demo import DEMO_ADMINS
from hermes.sync import connect
from tests.flows.bookings import book
from tests.flows.companies import later, sign_up
from tests.flows.crm import add_deal, add_organization, shown
from tests.flows.house import HERMES, PRIYA, PRIYA_PD, SECRETS, START, House, open_house
from tests.legacy.generate import Older, keep
from tests.legacy.listing import listed

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
    await importing.take_over(house.engine, database.read(url))


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


@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
@pytest.mark.parametrize(('there', 'wanted'), [(3, 3), (1, 2), (None, 2)])
async def test_calls_of_before_are_the_same_calls_on_both_sides(
    database_url: str, older_url: str, there: int | None, wanted: int
) -> None:
    """The older rows know of two calls, the CRM of as many as it says: nobody counts them twice, nobody loses one."""
    async with open_house(database_url, connected=False, push_mode='plan') as house:
        filled = {'has_booked_call': 'true', 'utm_source': 'fair', 'tc2_cligency_url': 'https://old.example/clients/7/'}
        number = add_organization(house, 'Ember', custom={**filled, 'sales_call_count': there})
        deal = add_deal(house, number, custom={'utm_source': 'market', 'gclid': 'g-1'})
        older = Older('newest')
        older.add('admin', username=DEMO_ADMINS[0]['email'], tc2_admin_id=PRIYA, pd_owner_id=PRIYA_PD)
        older.add('company', id=EMBER, name='Ember', pd_org_id=number, sales_person_id=1, utm_campaign='spring')
        older.add('deal', id=61, name='Ember deal', pd_deal_id=deal, status='open', company_id=EMBER, admin_id=1)
        for place in range(3):
            older.add('meeting', company_id=EMBER, meeting_type='sales', status='CANCELED' if place == 2 else 'PLANNED',
                      admin_id=1, start_time=START, end_time=START)  # fmt: skip
        await take(house, older_url, older)
        await listed(house)
        house.engine.push_mode = 'live'
        await later(house, 600)
        custom = shown(house, 'organization', number)
        assert {**filled, 'utm_campaign': 'spring', 'sales_call_count': wanted}.items() <= custom.items()
        of_deal = shown(house, 'deal', deal)
        assert (of_deal['utm_source'], of_deal['utm_campaign'], of_deal['gclid']) == ('market', 'spring', 'g-1')
        await book(house, company=EMBER, signed=True)
        await later(house, 600)
        assert shown(house, 'organization', number)['sales_call_count'] == wanted + 1
