"""The ledger: what every token was spent for, the pace of spending, the lower bound, and what was saved."""

from datetime import timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from hermes.db.reads.health import Vitals
from hermes.db.reads.spending import Spending, forecast, read_spending
from hermes.parts.systems import profiles
from hermes.web.metrics import Metrics
from tests.flows.companies import later, sign_up
from tests.flows.house import PRIYA_PD, START, House

PRICES = {name: profile.prices for name, profile in profiles().items()}


async def spending(house: House, system: str = 'pipedrive', days: int = 1) -> Spending:
    """As `hermes status --budget` reads it, at the house's own time."""
    with psycopg.connect(house.settings.database_url) as connection:
        connection.execute("select set_config('hermes.now', %s, false)", (house.clock.now().isoformat(),))
        return next(item for item in read_spending(connection, PRICES, days) if item.system == system)


def tokens(found: Spending, by: str) -> dict[str, int]:
    return {line['name']: line['tokens'] for line in found.by[by]}


@pytest.mark.invariant('I8')
async def test_every_token_that_pipedrive_counted_stands_in_the_ledger_with_its_rule(fresh_house: House) -> None:
    house = fresh_house
    client = sign_up(house)
    await later(house)
    house.tc2.edit_client(client.id, name='New Name')
    await later(house)
    born = house.pd.act_create('organization', {'name': 'Born There'}, PRIYA_PD)
    await later(house)
    codes = {house.code('organization', 'tc2_cligency_url'): 'https://elsewhere.example'}
    [ember] = [item for item in house.organizations() if item['id'] != born['id']]
    house.pd.act_update('organization', ember['id'], {'custom_fields': codes}, PRIYA_PD)
    await later(house)
    house.tc2.set_narc(client.id)
    await later(house)
    found = await spending(house)
    assert found.tokens == house.pd.state()['tokens_spent_today'] == sum(call.token_cost for call in house.world.calls)
    assert sum(tokens(found, 'lanes').values()) == sum(tokens(found, 'rules').values()) == found.tokens
    rules = tokens(found, 'rules')
    assert 'unknown' not in rules
    assert (rules['TC-5'], rules['FIELD-3'], rules['TC-1'], rules['D-6']) == (5, 5, 10, 9)
    assert len(await house.rows("select 1 from call where rule like '%%OUT-12'")) == 1
    assert tokens(found, 'operations')['delete organization'] == 3
    [company] = await house.rows("select id from company where name = 'New Name'")
    assert tokens(found, 'records')[f'company:{company["id"]}'] == 5 + 5 + 5 + 3


@pytest.mark.invariant('I8', 'I9')
async def test_the_lower_bound_and_what_was_saved(house: House) -> None:
    client = sign_up(house)
    await later(house)
    for number in range(20):
        house.tc2.edit_client(client.id, name=f'Name {number}')
    await later(house)
    for _ in range(5):
        house.tc2.send_all_snapshots()
        await later(house)
    found = await spending(house)
    assert (found.bound.created, found.bound.deleted) == (3, 0)
    assert 1 <= found.bound.changed <= 2
    assert found.bound.ratio == pytest.approx(1.0)
    assert found.saved.unchanged >= 5
    assert found.saved.coalesced >= 15


@pytest.mark.invariant('I8')
async def test_the_forecast_says_when_the_day_is_exhausted(house: House) -> None:
    for number in range(10):
        sign_up(house, f'Tutors {number}', recipients=[], status='live')
        await later(house, 300)
    found = await spending(house)
    assert found.forecast.exhausted_at is None
    spent = found.tokens
    await house.rows("update budget set daily_limit = %s where system = 'pipedrive' returning 1", spent + 20)
    found = await spending(house)
    assert found.forecast.exhausted_at is not None
    ahead_s = (found.forecast.exhausted_at - house.clock.now()).total_seconds()
    assert ahead_s == pytest.approx(20 / found.forecast.per_hour * 3600, abs=1)


def test_without_any_call_there_is_nothing_to_foresee() -> None:
    total = {'tokens': 0, 'recent': 0, 'first_at': None, 'now': START, 'midnight': START + timedelta(hours=15)}
    assert forecast(total, 100).exhausted_at is None
    spent = total | {'tokens': 90, 'recent': 60, 'first_at': START - timedelta(minutes=30)}
    assert forecast(spent, 100).exhausted_at == START + timedelta(minutes=5)


@pytest.mark.invariant('I8')
async def test_the_figures_for_prometheus_agree_with_the_ledger(house: House) -> None:
    sign_up(house)
    await later(house)
    here = make_conninfo(house.settings.database_url, options=f'-c hermes.now={house.clock.now().isoformat()}')
    figures = await Vitals(here).figures()
    assert sum(figures.spent.values()) == sum(figures.tokens.values())
    told = Metrics().render(figures).decode()
    assert 'hermes_tokens_spent_today{lane="webhook",op="create",system="pipedrive"}' in told
    assert f'hermes_tokens_daily_limit{{system="pipedrive"}} {figures.limits["pipedrive"]}.0' in told
