"""P13: sign-ups by the API while the CRM is alive and while it is dead, how long and how many calls until everybody
stands there, and what a sign-up costs in statements. And AU-10: an import of 10 000 and their validation.

Everything in real processes over loopback; the import and the validation run in this one, as a command does.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import httpx2

from bench.booking import told
from bench.table import Row
from bench.world import Stage, running
from hermes.parts import assembly as parts
from hermes.people.importing import import_users
from hermes.people.validation import validate
from hermes.settings import Settings, load
from hermes.sync.engine import Engine

MANY: Final = 2_000
AT_ONCE: Final = 20
FEW: Final = 100
OLD: Final = 10_000
KEY: Final = 'a-key-of-the-bench-for-people'
PATIENCE_S: Final = 400.0
CALLS: Final = "select count(*) from call where system = 'salesforce'"
STANDING: Final = "select count(*) from app_user where crm_id is not null and user_id like 'new-%'"
STATEMENTS: Final = "select coalesce(sum(calls), 0) from pg_stat_statements where query not like '%pg_stat_statements%'"


def run(duration_s: float = 5.0) -> list[Row]:
    """So many sign-ups with the CRM alive, and as many with it dead; then 10 000 who were there before."""
    many = max(FEW, min(MANY, int(duration_s * MANY / 5)))
    with running(counting=True, PEOPLE_API_KEY=KEY, CRM_TYPE='SALESFORCE') as stage:
        stage.await_true("select exists (select 1 from setting where key = 'people_target')")
        asyncio.run(_sign_up(stage, range(FEW)))
        alive, alive_s, alive_calls = _measure(stage, range(FEW, FEW + many))
        stage.change_weather(error_before_p=1.0)
        dead, dead_s, dead_calls = _measure(
            stage, range(FEW + many, FEW + 2 * many), lambda: stage.change_weather(error_before_p=0.0)
        )
        stage.stop('worker')
        before = int(stage.query(STATEMENTS)[0])
        asyncio.run(_sign_up(stage, range(FEW + 2 * many, FEW + 2 * many + FEW)))
        statements = (int(stage.query(STATEMENTS)[0]) - before) / FEW
        return [
            Row('P13', f'{many} sign-ups, {AT_ONCE} at a time, the CRM alive', told(alive),
                'dead and alive within 20 %', f'{statements:.0f} statements a sign-up'),
            Row('P13', 'the same, the CRM dead', told(dead), 'dead and alive within 20 %', ''),
            Row('P13', 'from the last sign-up until all stand there', f'{alive_s:.1f} s, {alive_calls} calls', '', ''),
            Row('P13', 'from its revival until all stand there', f'{dead_s:.1f} s, {dead_calls} calls', '',
                'a wait of up to 5 minutes between two tries'),
            *asyncio.run(_old(stage)),
        ]  # fmt: skip


def _measure(stage: Stage, numbers: range, revive: Callable[[], None] = lambda: None) -> tuple[list[float], float, int]:
    """Milliseconds of each sign-up; seconds and calls until all stand there."""
    calls = int(stage.query(CALLS)[0])
    took = asyncio.run(_sign_up(stage, numbers))
    revive()
    standing_s = stage.await_true(f'select ({STANDING}) >= {numbers.stop}', PATIENCE_S)
    return took, standing_s, int(stage.query(CALLS)[0]) - calls


async def _sign_up(stage: Stage, numbers: range) -> list[float]:
    took: list[float] = []
    places = iter(numbers)
    async with httpx2.AsyncClient(
        base_url=f'http://127.0.0.1:{stage.web_port}', headers={'authorization': f'token {KEY}'}, trust_env=False,
        timeout=60,
    ) as client:  # fmt: skip

        async def work() -> None:
            for number in places:
                body = {'email': f'new{number}@readers.example', 'user_id': f'new-{number}', 'last_name': 'Reader'}
                began = time.perf_counter()
                (await client.post('/people/', json=body)).raise_for_status()
                took.append((time.perf_counter() - began) * 1000)

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return took


async def _old(stage: Stage) -> list[Row]:
    """AU-10, AU-19: those who were there before."""
    httpx2.post(
        f'http://127.0.0.1:{stage.sandbox_port}/_world/act',
        json={'system': 'salesforce', 'act': 'load_legacy_people', 'count': OLD},
        trust_env=False,
        timeout=120,
    ).raise_for_status()
    engine = _engine(stage)
    lines = [
        (
            number,
            {'email': f'person{number}@legacy.example', 'user_id': f'old-{number}', 'legacy_id': f'{100_000 + number}'},
        )
        for number in range(1, OLD + 1)
    ]
    await engine.database.open()
    try:
        began = time.monotonic()
        done = await import_users(engine, lines, dry=False, by='bench')
        imported_s = time.monotonic() - began
        began = time.monotonic()
        run = await validate(engine)
        validated_s = time.monotonic() - began
    finally:
        await engine.database.close()
    return [
        Row('AU-19', f'an import of {done.made}', f'{imported_s:.1f} s', '', ''),
        Row('AU-10', f'validation of {run.looked}', f'{validated_s:.1f} s, {run.calls} calls: {dict(run.states)}',
            '< 120 s, <= 60 calls', ''),
    ]  # fmt: skip


def _engine(stage: Stage) -> Engine:
    known: dict[str, Any] = {
        name.lower(): value for name, value in stage.environment.items() if name.lower() in Settings.model_fields
    }
    return parts.build_engine(load({'_env_file': None, **known}))
