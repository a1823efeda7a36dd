"""Silence is suspicious: what is lost on its way to us is noticed by what does not come back (PD-GAP-2)."""

from datetime import timedelta

import pytest

from hermes.db.reads.health import Vitals
from hermes.parts.systems import profiles
from hermes.web.metrics import Metrics
from tests.flows.companies import later, sign_up
from tests.flows.house import PRIYA_PD, House
from tests.flows.listings import HOUR_S, calendar, organization
from tests.flows.listings import statement as everything_said

pytestmark = [pytest.mark.lesson('M-65'), pytest.mark.behaviour('PD-GAP-2')]
SIGN = 'although 3 writes of ours should have come back'


async def watched(house: House, minutes: int) -> None:
    """So many minutes go by, in each of which the watch looks."""
    for _ in range(minutes):
        house.clock.advance(60)
        await calendar(house).watch()
        await house.settle(30)


async def statement(house: House) -> list[str]:
    """What needs a person, beside a worker: these flows turn its steps themselves."""
    return [line for line in await everything_said(house) if not line.startswith('no worker is alive')]


def changes_listed(house: House) -> int:
    """How often what changed was listed since the mark."""
    calls = [call for call in house.calls('GET', '/organizations') if 'updated_since' in call.query]
    return len(calls)


async def busy(house: House, count: int, every_s: float) -> None:
    """People work in the CRM."""
    for number in range(count):
        organization(house, f'Talk {number}')
        await later(house, every_s)


async def test_writes_that_do_not_come_back_lead_to_a_listing_of_what_changed(house: House) -> None:
    house.pd.act_webhooks(on=False)
    sign_up(house)
    await later(house, 1)
    [made] = house.organizations()
    house.pd.act_update('organization', made['id'], {'name': 'Renamed while deaf'}, PRIYA_PD)
    house.mark()
    await watched(house, 1)
    assert changes_listed(house) == 0, 'an echo has two minutes'
    assert await statement(house) == []
    await watched(house, 2)
    [company] = await house.rows('select name from company')
    assert company['name'] == 'Renamed while deaf'
    assert changes_listed(house) == 1
    [told] = await statement(house)
    assert told.startswith('pipedrive: no webhook came ')
    assert SIGN in told
    await watched(house, 12)
    assert changes_listed(house) == 2, 'again every ten minutes while it lasts'


async def test_it_is_over_when_something_comes_and_is_listed_a_last_time(house: House) -> None:
    house.pd.act_webhooks(on=False)
    sign_up(house)
    await later(house, 1)
    await watched(house, 3)
    lost = organization(house, 'Between the listing and the end')
    await watched(house, 5)
    house.pd.act_webhooks(on=True)
    house.mark()
    organization(house, 'Heard')
    await watched(house, 2)
    assert changes_listed(house) == 1
    names = {row['name'] for row in await house.rows('select name from company')}
    assert names == {'Ember Tutors', 'Between the listing and the end', 'Heard'}, lost
    assert await statement(house) == []
    house.mark()
    await watched(house, 3)
    assert changes_listed(house) == 0


async def test_what_comes_back_is_not_suspicious(house: House) -> None:
    house.mark()
    for number in range(8):
        sign_up(house, f'Company {number}', email=f'o{number}@x.example', recipients=[])
        await later(house, 60)
        await watched(house, 1)
    assert changes_listed(house) == 0
    assert await statement(house) == []


async def test_half_of_the_echoes_are_missed_though_something_comes(house: House) -> None:
    house.pd.act_webhooks(on=False)
    for number in range(4):
        sign_up(house, f'Company {number}', email=f'o{number}@x.example', recipients=[])
    await later(house, 60)
    house.pd.act_webhooks(on=True)
    organization(house, 'The only one that is heard')
    await later(house, 120)
    house.mark()
    await watched(house, 1)
    assert changes_listed(house) == 1
    [row] = await house.rows("select cause from sweep where kind = 'changed' order by id desc limit 1")
    assert 'came back' in row['cause']


async def test_a_quiet_hour_in_a_busy_week(house: House) -> None:
    await busy(house, 110, 1200)
    house.pd.act_webhooks(on=False)
    organization(house, 'Said to nobody')
    house.mark()
    await watched(house, 35)
    assert changes_listed(house) == 0
    await watched(house, 10)
    assert changes_listed(house) == 1
    assert 'Said to nobody' in {row['name'] for row in await house.rows('select name from company')}


async def test_a_quiet_hour_in_which_nothing_was_said_is_one_suspicion_and_needs_nobody(house: House) -> None:
    await busy(house, 110, 1200)
    house.mark()
    await watched(house, 120)
    assert changes_listed(house) == 1
    assert await statement(house) == []


async def test_a_delivery_that_our_door_refused_is_said_until_one_is_taken(house: House) -> None:
    when = house.clock.now().strftime('%Y-%m-%dT%H:%M:%S.000Z')
    house.pd.subscriptions.rows[0] |= {'last_delivery_time': when, 'last_http_status': 503}
    for _ in range(2):
        await calendar(house).check_webhooks()
        assert [line for line in await statement(house) if 'was not accepted at our door' in line]
    house.pd.subscriptions.rows[0] |= {'last_http_status': 200}
    await calendar(house).check_webhooks()
    await house.settle()
    assert await statement(house) == []


async def test_the_figures_say_since_when_nothing_came(house: House) -> None:
    organization(house, 'Heard')
    await later(house, 1)
    house.pd.act_webhooks(on=False)
    sign_up(house)
    await later(house, HOUR_S)
    vitals = Vitals(f"{house.settings.database_url}&options=-c%20hermes.now%3D'{house.clock.now().isoformat()}'")
    figures = await vitals.figures()
    assert figures.unechoed['pipedrive'] == 3
    assert timedelta(seconds=figures.silent_s['pipedrive']) > timedelta(minutes=59)
    shown = Metrics().render(figures).decode()
    assert 'hermes_writes_unechoed{system="pipedrive"} 3.0' in shown
    assert 'hermes_silent_seconds{system="pipedrive"} 3' in shown
    assert {name for name, each in profiles().items() if each.listings.changed} == {'pipedrive'}
