"""The desk's page of health (ADM-7): lags over time, what went wrong, budgets; a system that is paused and resumed."""

import re

import pytest

from hermes.db import figures, workers
from tests.flows.companies import later, sign_up
from tests.flows.desk import logged_in, said, text
from tests.flows.house import House
from tests.flows.test_desk_home import beat, part

pytestmark = pytest.mark.behaviour('ADM-7')
HEALTH = '/desk/health/'
CRM = '/desk/health/pipedrive/'


async def work(house: House, many: int = 4) -> None:
    """Companies that sign up, one every five minutes."""
    for number in range(many):
        sign_up(house, f'Ember {number}', email=f'owner{number}@ember.example', recipients=[])
        await later(house, 300)
    await figures.keep(house.engine.database)


async def test_lags_are_drawn_per_hop_and_system_and_stand_in_a_table(house: House) -> None:
    await work(house)
    async with logged_in(house, 'viewer') as ada:
        page = await ada.see(f'{HEALTH}?range=hour')
        for title in ('TutorCruncher: received to merged', 'Pipedrive: merged to sent', 'Pipedrive: sent to confirmed'):
            [figure] = re.findall(rf'<figure><figcaption>{title}</figcaption>(.*?)</figure>', page, re.DOTALL)
            assert figure.count('<path class="line-') == 3, title
            table = text(figure.partition('<details>')[2])
            assert 'From p50 p95 p99' in table
            assert len(re.findall(r'<time', figure)) >= 3
        short = await ada.see(f'{HEALTH}?from=2026-02-01&to=2026-02-02')
        assert 'Nothing is known of this time yet.' in text(short)
        assert '<svg' not in short.partition('<main')[2]


async def test_a_single_delivery_makes_no_plot_but_its_figures_can_be_read(house: House) -> None:
    await work(house, 1)
    async with logged_in(house, 'viewer') as ada:
        page = await ada.see(f'{HEALTH}?range=hour')
    figure = page.partition('TutorCruncher: received to merged')[2].partition('</figure>')[0]
    assert 'Too little happened for a plot.' in figure
    assert '<td class="right">' in figure


async def test_a_range_stands_in_the_address_and_what_is_none_is_said(house: House) -> None:
    async with logged_in(house, 'viewer') as ada:
        page = await ada.see(f'{HEALTH}?range=week')
        assert f'href="{HEALTH}?range=week" aria-current="true"' in page
        wrong = await ada.get(f'{HEALTH}?from=yesterday')
        assert (wrong.status_code, 'This is no time' in said(wrong.text)) == (422, True)
        assert 'value="yesterday"' in wrong.text


async def test_what_went_wrong_is_counted_by_kind_within_the_range(house: House) -> None:
    before = house.clock.now()
    sign_up(house, 'Nobody Knows Whose', sales_person=999, recipients=[])
    await later(house)
    async with logged_in(house, 'viewer') as ada:
        assert 'events parked TutorCruncher webhook 1' in part(await ada.see(HEALTH), 'errors')
        house.clock.advance(2 * 3600)
        assert part(await ada.see(f'{HEALTH}?range=hour'), 'errors') == ''
        assert 'events parked' in part(await ada.see(f'{HEALTH}?from={before:%Y-%m-%dT%H:%M}'), 'errors')


async def test_budgets_tell_a_forecast_and_what_was_spent_by_rule(house: House) -> None:
    await work(house, 1)
    async with logged_in(house, 'viewer') as ada:
        page = await ada.see(HEALTH)
    [spent] = await house.rows("select sum(tokens) as tokens from call where system = 'pipedrive'")
    budgets = part(page, 'budgets')
    assert re.search(rf'Pipedrive {spent["tokens"]} [\d ]+ lasts until midnight UTC: [\d ]+ by then', budgets)
    rules = await house.rows(
        "select split_part(rule, ', ', 1) as rule, count(*) as calls, sum(tokens) as tokens from call "
        "where system = 'pipedrive' group by 1"
    )
    told = part(page, 'rules-pipedrive')
    assert all(f'{each["rule"]} {each["calls"]} {each["tokens"]} 0' in told for each in rules)


async def test_a_system_is_paused_with_a_reason_and_resumed(house: House) -> None:
    await beat(house)
    async with logged_in(house, 'operator') as ada:
        no_reason = await ada.send(f'{CRM}pause/', CRM, reason=' ')
        assert (no_reason.status_code, 'Say why' in said(no_reason.text)) == (422, True)
        page = await ada.act(f'{CRM}pause/', CRM, reason='they move house')
        assert 'pipedrive is paused: they move house' in part(page, 'flash')
        assert 'Pipedrive paused' in part(page, 'systems')
        sign_up(house, 'Ember Tutors')
        await later(house)
        assert house.organizations() == []
        shown = await ada.see(HEALTH)
        assert 'pipedrive is paused (they move house)' in part(shown, 'troubles')
        page = await ada.act(f'{CRM}resume/', CRM)
        assert 'pipedrive is resumed' in part(page, 'flash')
        await later(house)
        assert [each['name'] for each in house.organizations()] == ['Ember Tutors']
        assert (await ada.get(f'{HEALTH}nowhere/')).status_code == 404
        assert (await ada.send(f'{HEALTH}nowhere/pause/', CRM, reason='why')).status_code == 404
    acts = await house.rows("select headers ->> 'by' as by from event where kind = 'act' and source = 'operator'")
    assert [each['by'] for each in acts][-2:] == ['operator@desk.example'] * 2


async def test_only_an_operator_pauses_and_resumes(house: House) -> None:
    async with logged_in(house, 'viewer') as ada:
        assert 'An operator can pause it.' in text(await ada.see(CRM))
        for act in ('pause', 'resume'):
            assert (await ada.send(f'{CRM}{act}/', CRM, reason='why')).status_code == 403
    assert await house.rows('select 1 from system_state where paused') == []


@pytest.mark.behaviour('SETUP-7')
async def test_after_a_restore_the_account_has_to_be_named(house: House) -> None:
    await house.act('system.pause', system='pipedrive', reason='restored from a copy')
    [row] = await house.rows("select identity from account where system = 'pipedrive'")
    async with logged_in(house, 'operator') as ada:
        assert 'name="account"' in await ada.see(CRM)
        refused = await ada.send(f'{CRM}resume/', CRM, account='another')
        assert (refused.status_code, 'name the account' in said(refused.text)) == (422, True)
        page = await ada.act(f'{CRM}resume/', CRM, account=row['identity'])
        assert 'pipedrive is resumed' in part(page, 'flash')


@pytest.mark.invariant('S8')
async def test_the_report_tells_how_it_is_and_nothing_of_a_person(house: House) -> None:
    await work(house, 2)
    await house.act('system.pause', system='pipedrive', reason='Sam said so: sam@ember.example, +44 20 7946 0018')
    async with house.engine.database.transaction() as connection:
        await workers.beat(connection, 'w', 'north', 1)
    async with logged_in(house, 'viewer') as ada:
        report = part(await ada.see(HEALTH), 'report')
    for words in (
        'needs attention:',
        'pipedrive: paused',
        'events: 0 new',
        'workers: 1 alive',
        'tutorcruncher merged: p50',
    ):
        assert words in report
    assert not re.search(r'@|7946|Ember', report)
