"""Connecting a CRM that a person signs in once, and what becomes of its tokens (AU-16)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hermes.db import vault
from hermes.db.server.embedded import Server
from hermes.domain.errors import Refused
from hermes.ports.grants import NoGrant
from hermes.sync.grants import LEASE_S
from tests import postgres
from tests.flows.house import House
from tests.flows.nation import NATION, allow, begin, come_back, grant_of, open_nation, people, sign_up

DAY = timedelta(hours=24).total_seconds()
pytestmark = pytest.mark.behaviour('AU-16')


@pytest.fixture
async def house(migrated_server: Server, tmp_path: Path) -> AsyncIterator[House]:
    with postgres.fresh_database(migrated_server) as url:
        async with open_nation(url, tmp_path, workers=2) as opened:
            yield opened


def refreshes(house: House) -> list[int]:
    return [grant['refreshes'] for grant in house.world.nationbuilder.state()['grants']]


async def reason(house: House) -> str:
    rows = await house.rows('select reason from system_state where system = %s and paused', NATION)
    return str(rows[0]['reason']) if rows else ''


async def test_a_token_of_yesterday_is_renewed_once_by_whoever_is_first(house: House) -> None:
    house.clock.advance(DAY + 1)
    grants = [grant_of(house, number) for number in (0, 1)]
    told = await asyncio.gather(*(grant.token() for grant in grants for _ in range(3)), return_exceptions=True)
    given = {each for each in told if isinstance(each, str)}
    assert len(given) == 1
    assert all(isinstance(each, str) or 'being renewed' in str(each) for each in told)
    assert refreshes(house) == [1]


async def test_everybody_goes_on_with_what_another_process_got(house: House) -> None:
    first, second = grant_of(house, 0), grant_of(house, 1)
    old = await second.token()
    house.world.nationbuilder.expire_tokens()
    new = await first.renew(old)
    assert await second.renew(old) == new
    assert refreshes(house) == [1]


async def test_work_goes_on_over_the_days(house: House) -> None:
    for number in range(3):
        house.clock.advance(DAY + 60)
        await sign_up(house, email=f'reader{number}@readers.example')
        await house.settle()
    assert len(people(house)) == 3
    assert len(refreshes(house)) == 1


async def test_a_lost_answer_ends_the_grant_and_says_connect_again(house: House) -> None:
    house.world.nationbuilder.fail('lost', 1, path='/oauth/token')
    house.clock.advance(DAY + 1)
    await sign_up(house)
    await house.settle()
    assert 'connect again (hermes people connect nationbuilder)' in await reason(house)
    assert refreshes(house) == [1]
    asked = len(house.calls('POST', '/oauth/token', system=NATION))
    house.clock.advance(DAY)
    await house.settle()
    assert len(house.calls('POST', '/oauth/token', system=NATION)) == asked
    assert (await allow(house, await begin(house))).status_code == 200
    await house.settle()
    assert len(people(house)) == 1


async def test_a_lost_answer_does_no_harm_while_the_old_token_works(house: House) -> None:
    house.world.nationbuilder.fail('lost', 1, path='/oauth/token')
    house.clock.advance(DAY - 1800)
    grant = grant_of(house)
    old = await grant.token()
    assert [await grant.token(), await grant_of(house, 1).token()] == [old, old]
    assert refreshes(house) == [1]


async def test_a_wrong_secret_of_the_app_does_not_spend_the_grant(house: House) -> None:
    """It is put right in the settings; nobody has to connect again."""
    house.clock.advance(DAY + 1)
    house.world.nationbuilder.desk.client_secret = 'another'
    await sign_up(house)
    await house.settle()
    assert 'invalid_client' in await reason(house)
    house.world.nationbuilder.desk.client_secret = 'nation-secret'
    assert await grant_of(house).token()


async def test_who_was_never_reached_is_asked_again_as_often_as_needed(house: House) -> None:
    house.world.nationbuilder.fail('rate_limited', 5, path='/oauth/token')
    house.clock.advance(DAY + 1)
    await sign_up(house)
    await house.settle()
    assert len(people(house)) == 1


async def test_a_process_that_died_while_it_renewed_leaves_one_last_try(house: House) -> None:
    """Nobody knows whether it asked: while its lease runs nobody asks, then one does, and no other ever."""
    house.clock.advance(DAY + 1)
    async with house.engine.database.transaction() as connection:
        kept = await vault.find(connection, NATION)
        assert kept is not None
        await vault.lease(connection, NATION, kept.version, 'killed', for_s=LEASE_S, most=2)
    grant = grant_of(house)
    with pytest.raises(NoGrant, match='being renewed') as missing:
        await grant.token()
    assert not missing.value.broken
    house.clock.advance(LEASE_S + 1)
    house.world.nationbuilder.fail('lost', 9, path='/oauth/token')
    for _ in range(4):
        with pytest.raises(NoGrant, match='connect again') as missing:
            await grant.token()
        assert missing.value.broken
    assert refreshes(house) == [1]


async def test_a_process_that_died_before_it_asked_does_no_harm(house: House) -> None:
    house.clock.advance(DAY + 1)
    async with house.engine.database.transaction() as connection:
        kept = await vault.find(connection, NATION)
        assert kept is not None
        await vault.lease(connection, NATION, kept.version, 'killed', for_s=LEASE_S, most=2)
    house.clock.advance(LEASE_S + 1)
    assert await grant_of(house).token()
    assert refreshes(house) == [1]


async def test_a_state_is_good_once_for_a_quarter_of_an_hour(house: House) -> None:
    page = await begin(house)
    assert (await come_back(house, '/people/connect/nationbuilder/callback?state=guessed&code=x')).status_code == 400
    assert (await allow(house, page)).status_code == 200
    assert (await allow(house, page)).status_code == 400
    page = await begin(house)
    house.clock.advance(901)
    assert (await allow(house, page)).status_code == 400
    assert (await come_back(house, '/people/connect/pipedrive/callback?state=a&code=x')).status_code == 404


async def test_who_does_not_allow_it_changes_nothing(house: House) -> None:
    told = await allow(house, await begin(house), 'deny')
    assert (told.status_code, 'not allowed' in told.text) == (400, True)
    assert await grant_of(house).token()


async def test_a_token_of_the_old_kind_is_traded_in(house: House) -> None:
    old = house.world.nationbuilder.give_legacy_token()
    await grant_of(house).trade_in(old)
    with pytest.raises(Refused, match='connect again'):
        await grant_of(house).trade_in(old)
    await sign_up(house)
    await house.settle()
    assert len(people(house)) == 1


async def test_no_token_stands_anywhere_but_sealed(house: House) -> None:
    house.clock.advance(DAY + 1)
    await sign_up(house)
    await house.settle()
    nation = house.world.nationbuilder
    secrets = {token for grant in nation.desk.grants for token in (*grant.access, grant.refresh_token)}
    dumped = ''
    for row in await house.rows("select table_name from information_schema.tables where table_schema = 'public'"):
        dumped += str(await house.rows(f'select t::text from "{row["table_name"]}" t'))
        dumped += str(await house.rows("select convert_from(body, 'UTF8') from event"))
    assert secrets
    assert not [secret for secret in secrets if secret in dumped]


async def test_without_a_secret_key_nothing_is_begun(migrated_server: Server, tmp_path: Path) -> None:
    with postgres.fresh_database(migrated_server) as url:
        async with open_nation(url, tmp_path, connected=False, secret_key='') as house:
            with pytest.raises(Refused, match='SECRET_KEY'):
                await begin(house)
            with pytest.raises(NoGrant, match='SECRET_KEY'):
                await grant_of(house).token()
