"""Stretches in which webhooks were lost are noticed afterwards, each once, and swept (PD-GAP-1, I15)."""

import pytest

from hermes.db import heartbeats
from tests.flows.companies import later
from tests.flows.house import SECRETS, House
from tests.flows.listings import HOUR_S, calendar, company_of, listing_tokens, organization, proof_of, statement


@pytest.mark.behaviour('PD-GAP-1', 'D-20')
@pytest.mark.invariant('I15')
async def test_a_subscription_that_was_deleted_is_made_again_and_everything_is_listed(house: House) -> None:
    await later(house, HOUR_S)
    await calendar(house).check_webhooks()
    house.pd.act_delete_subscriptions()
    lost = organization(house, 'Never told', 'Nora Never')
    house.clock.advance(HOUR_S)
    await calendar(house).check_webhooks()
    await house.settle()
    [subscription] = house.pd.subscriptions.rows
    assert subscription['http_auth_user'] == SECRETS.pd_webhook_user
    assert (await company_of(house, lost))['name'] == 'Never told'
    assert (await proof_of(house, 'person'))['state'] == 'proven'
    assert any('it was missing and was registered again' in each for each in await statement(house))
    house.mark()
    await calendar(house).check_webhooks()
    await house.settle()
    assert [call.path.rpartition('/')[2] for call in house.calls()] == ['webhooks']


@pytest.mark.behaviour('D-20')
async def test_a_subscription_without_basic_auth_is_replaced(house: House) -> None:
    house.pd.subscriptions.rows[0] |= {'http_auth_user': None, 'http_auth_password': None}
    await calendar(house).check_webhooks()
    await house.settle()
    [subscription] = house.pd.subscriptions.rows
    assert subscription['http_auth_user'] == SECRETS.pd_webhook_user


@pytest.mark.behaviour('PD-GAP-1')
@pytest.mark.invariant('I15')
async def test_a_ban_of_half_an_hour_is_noticed_by_its_silence(house: House) -> None:
    for number in range(6):
        organization(house, f'Talk {number}')
        await later(house, 60)
    house.pd.act_ban()
    lost = organization(house, 'Said while banned')
    house.clock.advance(31 * 60)
    house.mark()
    await calendar(house).watch()
    await house.settle()
    assert (await company_of(house, lost))['name'] == 'Said while banned'
    assert listing_tokens(house, 'organizations') == 10
    house.mark()
    await calendar(house).watch()
    await house.settle()
    assert house.calls() == [], 'one silence is one suspicion'


@pytest.mark.behaviour('PD-GAP-1')
async def test_a_delivery_that_our_door_did_not_take_is_a_gap(house: House) -> None:
    await later(house, HOUR_S)
    house.pd.act_webhooks(on=False)
    lost = organization(house, 'Not taken')
    house.pd.act_webhooks(on=True)
    house.pd.subscriptions.rows[0] |= {
        'last_delivery_time': house.clock.now().strftime('%Y-%m-%dT%H:%M:%S.000Z'), 'last_http_status': 503,
    }  # fmt: skip
    await calendar(house).check_webhooks()
    await house.settle()
    assert (await company_of(house, lost))['name'] == 'Not taken'
    assert (await proof_of(house, 'organization'))['listed'] == 1
    house.mark()
    await calendar(house).check_webhooks()
    await house.settle()
    assert listing_tokens(house, 'organizations') == 0, 'swept once'


@pytest.mark.behaviour('PD-GAP-1')
@pytest.mark.parametrize('how', ['the web was down', 'the system was paused'])
async def test_a_stretch_in_which_nobody_listened_is_swept(house: House, how: str) -> None:
    async with house.engine.database.transaction() as connection:
        await heartbeats.beat(connection, heartbeats.WEB, heartbeats.WEB_SILENCE)
    await calendar(house).watch()
    house.pd.act_webhooks(on=False)
    lost = organization(house, 'Unheard')
    house.clock.advance(10)
    await calendar(house).watch()
    if how == 'the system was paused':
        await house.act('system.pause', system='pipedrive')
    for _ in range(10):
        house.clock.advance(45)
        if how == 'the system was paused':
            async with house.engine.database.transaction() as connection:
                await heartbeats.beat(connection, heartbeats.WEB, heartbeats.WEB_SILENCE)
        await calendar(house).watch()
    if how == 'the system was paused':
        await house.settle()
        assert await house.rows('select 1 from company') == []
        await house.act('system.resume', system='pipedrive')
    else:
        async with house.engine.database.transaction() as connection:
            await heartbeats.beat(connection, heartbeats.WEB, heartbeats.WEB_SILENCE)
    await calendar(house).watch()
    await house.settle()
    assert (await company_of(house, lost))['name'] == 'Unheard'
    assert (await proof_of(house, 'organization'))['state'] == 'proven'
    [row] = await house.rows("select cause from sweep where type = 'person' and kind = 'full' order by id desc limit 1")
    assert row['cause'].startswith('gap: web' if how == 'the web was down' else 'gap: pipedrive')
