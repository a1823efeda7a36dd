"""The call that says "look" to the host: signed, again until it was heard, one at a time, and after a kill too."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hermes.crm import WrongUse, read_callback
from hermes.db import callbacks
from hermes.db.server.embedded import Server
from hermes.parts.assembly import build_callback, set_limits
from hermes.people.callback import callback_step
from hermes.ports import Courier
from hermes.settings import Settings
from tests import postgres
from tests.flows.alerts import WHSEC, Listener
from tests.flows.house import House, open_house
from tests.flows.test_app_users import WHO, settings_of, sign_up

HOST = 'https://host.example/hermes?token=of-the-host'
DAY_S = 86_400


@dataclass
class Calls:
    """A Hermes that calls the host."""

    house: House
    listener: Listener
    courier: Courier

    async def turn(self, horizon_s: float = 0.0) -> None:
        """What the worker does, until nothing is due."""
        await self.house.settle()
        self.house.clock.advance(horizon_s)
        for engine in self.house.engines:
            while await callback_step(engine, self.courier):
                pass

    async def newest(self) -> int:
        answer = await self.house.web.get('/people/changes/', headers=WHO)
        return int(answer.json()['next'])

    def numbers(self) -> list[int]:
        return [body['data']['number'] for _, body in self.listener.tries]


@pytest.fixture
async def calls(migrated_server: Server, tmp_path: Path) -> AsyncIterator[Calls]:
    with postgres.fresh_database(migrated_server) as url:
        async with open_house(url, connected=False, workers=2, **settings_of(tmp_path)) as house:
            await set_limits(house.engine, house.settings)
            await house.act('people.target', target='journal', phase='interim_log')
            told: dict[str, Any] = {**house.settings.model_dump(), '_env_file': None, 'hermes_sandbox': False}
            told |= {'people_callback_url': HOST, 'people_callback_secret': WHSEC}
            listener = Listener()
            courier = build_callback(Settings(**told), house.clock, httpx2.ASGITransport(app=listener))
            assert courier is not None
            yield Calls(house, listener, courier)


@pytest.mark.behaviour('AU-18')
async def test_the_host_is_called_once_about_everything_that_is_new(calls: Calls) -> None:
    await calls.turn()
    assert calls.listener.tries == [], 'nothing is new'
    for name in ('ada', 'bea', 'cy'):
        await sign_up(calls.house, email=f'{name}@readers.example')
    await calls.turn()
    [(_, body)] = calls.listener.tries
    assert body == {
        'type': 'people.changed', 'timestamp': body['timestamp'], 'data': {'number': await calls.newest()},
    }  # fmt: skip
    assert 'ada' not in json.dumps(body)
    await calls.turn(DAY_S)
    assert len(calls.listener.tries) == 1, 'there is nothing newer'
    await sign_up(calls.house, email='dee@readers.example')
    await calls.turn()
    assert calls.numbers()[1:] == [await calls.newest()]


@pytest.mark.behaviour('AU-18')
async def test_a_call_that_was_not_heard_is_made_again_under_its_id_ever_more_rarely(calls: Calls) -> None:
    calls.listener.status = 503
    await sign_up(calls.house)
    for _ in range(50):
        await calls.turn(60)
    tries = [message for message, _ in calls.listener.tries]
    assert 6 < len(tries) < 15
    assert len(set(tries)) == 1
    await sign_up(calls.house, email='bea@readers.example')
    calls.listener.status = 204
    await calls.turn(3600)
    assert calls.numbers()[-1] == await calls.newest(), 'it tells the newest'
    assert calls.listener.tries[-1][0] != tries[0]
    before = len(calls.listener.tries)
    await calls.turn(DAY_S)
    assert len(calls.listener.tries) == before


@pytest.mark.behaviour('AU-18')
async def test_a_worker_that_is_killed_while_it_calls_costs_its_lease(calls: Calls) -> None:
    await sign_up(calls.house)
    await calls.house.settle()
    async with calls.house.engine.database.transaction() as connection:
        lost = await callbacks.claim(connection, 'msg_of_the_killed')
    assert lost is not None
    await calls.turn()
    assert calls.listener.tries == [], 'it may still be calling'
    await calls.turn(callbacks.LEASE_S + 1)
    assert [message for message, _ in calls.listener.tries] == ['msg_of_the_killed']
    async with calls.house.engine.database.transaction() as connection:
        assert not await callbacks.end(connection, lost, calls.house.clock.now())
    await calls.turn(DAY_S)
    assert len(calls.listener.tries) == 1


@pytest.mark.behaviour('AU-18')
async def test_in_plan_mode_nobody_is_called(calls: Calls) -> None:
    await sign_up(calls.house)
    for engine in calls.house.engines:
        engine.push_mode = 'plan'
    await calls.turn()
    assert calls.listener.tries == []


@pytest.mark.behaviour('AU-18')
async def test_the_host_believes_only_what_hermes_signed_now(calls: Calls) -> None:
    await sign_up(calls.house)
    await calls.turn()
    [(_, body)] = calls.listener.tries
    headers, now_s = calls.listener.headers, calls.house.clock.now().timestamp()
    sent = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
    assert read_callback(headers, sent, [WHSEC], now_s) == body['data']['number']
    other = 'whsec_' + 'b3RoZXIgc2VjcmV0IG9mIHRoaXJ0eSBieXRlcyE='
    for given, told, secrets, at_s in (
        (headers, sent + b' ', [WHSEC], now_s),
        (headers, sent, [other], now_s),
        (headers, sent, [], now_s),
        (headers, sent, [WHSEC], now_s + 301),
        (headers, sent, [WHSEC], now_s - 301),
        ({**headers, 'webhook-id': 'msg_else'}, sent, [WHSEC], now_s),
        ({**headers, 'webhook-signature': ''}, sent, [], now_s),
        ({**headers, 'webhook-signature': ''}, sent, [WHSEC], now_s),
        ({}, sent, [WHSEC], now_s),
    ):
        with pytest.raises(WrongUse, match='not signed'):
            read_callback(given, told, secrets, at_s)
