"""After an import the CRM is listed: it wins, its old `hermes_id`s mislead nobody, and nothing is made twice there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from hermes.legacy import database, importing
from hermes.parts import assembly as parts
from hermes.sync import sweep
from hermes.sync.planned import Planned, foresee
from hermes.systems.pipedrive.profile import PROFILE
from tests.flows.companies import later
from tests.flows.crm import add_deal, add_organization, add_person, known, shown
from tests.flows.house import PRIYA_PD, House, open_house
from tests.legacy.generate import Older, keep
from tests.legacy.listing import listed

ALPHA, BETA, GAMMA = 501, 502, 503
NEW = 'https://new.example'


@dataclass
class Taken:
    """The house after the import, and the ids in the CRM."""

    house: House
    alpha: int
    beta: int
    stranger: int
    deal: int
    stray: int


def older(alpha: int, beta: int, person: int, deal: int) -> Older:
    """A newest version whose ids were given anew: the CRM's `hermes_id`s are of the time before."""
    found = Older('newest')
    found.add('admin', username='priya@office.example', tc2_admin_id=900, pd_owner_id=PRIYA_PD, first_name='Priya',
              is_sales_person=True)  # fmt: skip
    told = {'country': 'GB', 'price_plan': 'payg', 'sales_person_id': 1}
    found.add(
        'company',
        id=ALPHA,
        name='Alpha as it was',
        pd_org_id=alpha,
        website='https://old.example',
        utm_source='old',
        **told,
    )
    found.add('company', id=BETA, name='Beta', pd_org_id=beta, estimated_income='1000', **told)
    found.add('company', id=GAMMA, name='Gamma', **told)
    found.add('contact', id=601, first_name='Ana', last_name='Alpha', pd_person_id=person, company_id=ALPHA)
    deals = {'status': 'open', 'admin_id': 1, 'contact_id': 601}
    found.add('deal', id=701, name='Alpha deal', pd_deal_id=deal, company_id=ALPHA, **deals)
    found.add('deal', id=702, name='An orphan', pd_deal_id=None, company_id=ALPHA, **deals)
    return found


@pytest.fixture
async def taken(database_url: str, older_url: str) -> AsyncIterator[Taken]:
    async with open_house(database_url, connected=False, push_mode='plan') as house:
        alpha = add_organization(house, 'Alpha', custom={'hermes_id': str(BETA), 'website': NEW, 'utm_source': 'new'})
        beta = add_organization(house, 'Beta', custom={'hermes_id': str(ALPHA)})
        stranger = add_organization(house, 'Stranger', custom={'hermes_id': str(GAMMA)})
        person = add_person(house, alpha, 'Ana Alpha')
        deal = add_deal(house, alpha, 'Alpha deal', custom={'hermes_id': '702'})
        stray = add_deal(house, beta, 'Beta deal', custom={'hermes_id': '702'})
        keep(older_url, older(alpha, beta, person, deal))
        await importing.take_over(house.engine, database.read(older_url))
        yield Taken(house, alpha, beta, stranger, deal, stray)


async def planned(house: House) -> list[Planned]:
    async with house.engine.database.transaction() as connection:
        return await foresee(house.engine, connection)


def writes(house: House) -> list[Any]:
    return [call for call in house.calls() if call.method != 'GET']


@pytest.mark.behaviour('PD-MERGE-3')
@pytest.mark.lesson('H-4')
async def test_the_link_holds_against_a_hermes_id_of_another_time(taken: Taken) -> None:
    await listed(taken.house)
    assert (await known(taken.house, 'organization', taken.alpha))['id'] == ALPHA
    assert (await known(taken.house, 'organization', taken.beta))['id'] == BETA
    stranger = await known(taken.house, 'organization', taken.stranger)
    assert (stranger['id'] > 999_999, stranger['name']) == (True, 'Stranger')
    [gamma] = await taken.house.rows('select name, pd_org_id from company where id = %s', GAMMA)
    assert tuple(gamma.values()) == ('Gamma', None)
    assert (await known(taken.house, 'deal', taken.deal))['id'] == 701
    assert (await known(taken.house, 'deal', taken.stray))['id'] > 999_999
    asked = await taken.house.rows("select record_id, detail from decision where kind = 'identity' order by record_id")
    assert [(row['record_id'], row['detail']['names'][1]) for row in asked if row['record_id'] < 600] == [
        (ALPHA, BETA),
        (BETA, ALPHA),
    ]
    links, told = await importing.contradictions(taken.house.engine)
    assert links == 4
    assert {(one['kind'], one['record'], one['detail']) for one in told if 'company' in one['record']} == {
        ('renumbered', f'company:{ALPHA}', f'hermes_id {BETA}'),
        ('renumbered', f'company:{BETA}', f'hermes_id {ALPHA}'),
    }


async def test_the_crm_wins_as_soon_as_it_says_something(taken: Taken) -> None:
    [before] = await taken.house.rows('select name, website, utm_source from company where id = %s', ALPHA)
    assert tuple(before.values()) == ('Alpha as it was', 'https://old.example', 'old')
    await listed(taken.house)
    [after] = await taken.house.rows('select name, website, utm_source from company where id = %s', ALPHA)
    assert tuple(after.values()) == ('Alpha', NEW, 'new')


async def test_the_plan_shows_each_field_beside_what_the_crm_shows_and_sends_nothing(taken: Taken) -> None:
    taken.house.mark()
    await listed(taken.house)
    found = await planned(taken.house)
    lines = {(one.type, one.remote_id, each.field): (each.shows, each.would_be) for one in found
             for each in one.differences if one.op == 'update'}  # fmt: skip
    assert lines['organization', str(taken.alpha), 'hermes_id'] == ([BETA], [ALPHA])
    assert lines['organization', str(taken.beta), 'estimated_income'] == (None, '1000')
    assert not [key for key in lines if key[2] in ('name', 'website') and key[0] == 'organization']
    assert writes(taken.house) == []


@pytest.mark.lesson('H-5', 'H-6')
async def test_a_deal_without_an_id_in_the_crm_is_not_made_there_unasked(taken: Taken) -> None:
    house = taken.house
    await listed(house)
    house.engine.push_mode = 'live'
    await later(house, 600)
    assert sorted(deal['title'] for deal in house.deals()) == ['Alpha deal', 'Beta deal']
    assert [shown(house, 'organization', one)['hermes_id'] for one in (taken.alpha, taken.beta)] == ['501', '502']
    [asked] = await house.rows(
        "select id, kind from decision where state = 'open' and record_id = 702 and kind = 'match'"
    )
    await house.act('decision.settle', decision=asked['id'], choice='separate')
    await later(house, 600)
    assert sorted(deal['title'] for deal in house.deals()) == ['Alpha deal', 'An orphan', 'Beta deal']


async def test_nothing_is_asked_of_anybody_before_a_person_resumes(taken: Taken) -> None:
    house = taken.house
    house.mark()
    await parts.set_limits(house.engine, house.settings)
    async with house.engine.database.transaction() as connection:
        await sweep.ensure_first(connection, PROFILE)
    for _ in range(20):
        await house.step()
    assert house.calls() == []
