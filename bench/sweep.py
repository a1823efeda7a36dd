"""P7: a full proof of completeness of 10 000 organisations, and the healing of a hundred drifted fields among them.

The CRM is the emulated one, in this process; its tokens are counted there. The listing alone, without Hermes, is the
limit.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx2

from bench.place import own_database
from bench.table import Row
from hermes.db.sweeps import Sweep
from hermes.kit.clock import ManualClock, SystemClock
from hermes.kit.ids import system_chance
from hermes.parts import assembly as parts
from hermes.sandbox.app import SandboxTransport
from hermes.sandbox.app import create_app as create_sandbox
from hermes.sandbox.scenarios import demo
from hermes.sandbox.world import Secrets, World
from hermes.settings import load
from hermes.sync import connect, drift, setup, sweep
from hermes.sync.engine import Engine
from hermes.sync.inline_worker import HEALING, LISTING, run_until

OBJECTS = 10_000
SEEDED = 100
SECRETS = Secrets('tc2-secret-key', 'pd-secret-token', 'hermes', 'pd-hook-password')
SANDBOX = 'http://127.0.0.1:8100'
PATIENCE_S = 30.0


def run(duration_s: float = 10.0) -> list[Row]:
    """The first listing (which learns everything), the proof of a day on which nothing changed, and the drift."""
    with own_database() as (server, _):
        return asyncio.run(_measure(server.url))


async def _measure(url: str) -> list[Row]:
    world = World(ManualClock(SystemClock().now()), random.Random(1), 'http://127.0.0.1:9', SECRETS)
    demo.bare(world)
    actor = world.pipedrive.actor(demo.PRIYA_PD)
    for number in range(1, OBJECTS + 1):
        world.pipedrive.create('organization', {'name': f'Tutors {number:06d}'}, actor)
    world.clock = world.pipedrive.ledger.clock = SystemClock()
    transport = SandboxTransport(create_sandbox(world))
    settings = load(
        {
            '_env_file': None,
            'database_url': url,
            'hermes_sandbox': True,
            'hermes_url': 'http://127.0.0.1:8000',
            'tc2_base_url': f'{SANDBOX}/tc2',
            'pd_api_key': SECRETS.pd_api_key,
            'pd_base_url': f'{SANDBOX}/pipedrive',
            'pd_webhook_user': 'hermes',
            'pd_webhook_password': SECRETS.pd_webhook_password,
            'pd_plan': 'growth',
            'pd_seats': 5,
            'pd_api_max_rate': 40,
        }
    )
    engine = parts.build_engine(settings, chance=system_chance(), transport=transport)
    await engine.database.open()
    try:
        await parts.set_limits(engine, settings)
        await connect.connect(engine, engine.systems['pipedrive'])
        await setup.set_up(engine, [dict(admin) for admin in demo.DEMO_ADMINS], dict(demo.ENTRY_STAGES))
        rows = await _prove(engine, world)
        return [*rows, await _heal(engine, world, transport)]
    finally:
        await engine.database.close()


async def _prove(engine: Engine, world: World) -> list[Row]:
    first_s, first_tokens = await _timed(world, lambda: _list(engine))
    again_s, tokens = await _timed(world, lambda: _list(engine))
    bare_s, _ = await _timed(world, lambda: _bare(engine))
    [proof] = await engine.database.fetch('select state, listed, held from proof order by id desc limit 1')
    what = f'proof of {proof["listed"]} organisations ({proof["state"]}, {proof["held"]} held)'
    return [
        Row('P7', what, f'{again_s:.1f} s, {tokens} tokens', '< 10 s, <= 250 tokens',
            f'{bare_s:.1f} s for the listing alone'),
        Row('P7', 'the first listing, which learns all of them', f'{first_s:.1f} s, {first_tokens} tokens'),
    ]  # fmt: skip


async def _timed(world: World, act: Callable[[], Awaitable[None]]) -> tuple[float, int]:
    """(seconds, tokens that the CRM counted)."""
    before, started = world.pipedrive.ledger.spent_total, time.perf_counter()
    await act()
    return time.perf_counter() - started, world.pipedrive.ledger.spent_total - before


async def _list(engine: Engine) -> None:
    """One full listing of organisations to its proof."""
    async with engine.database.transaction() as connection:
        number = await sweep.open_sweep(connection, 'pipedrive', 'organization', 'full')

    async def is_done() -> bool:
        rows = await engine.database.fetch('select state from sweep where id = %s', (number,))
        return bool(rows[0]['state'] != 'running')

    if not await run_until(engine, LISTING, is_done, PATIENCE_S):
        raise TimeoutError('the listing does not end')


async def _bare(engine: Engine) -> None:
    """The same pages, read by nobody."""
    system = engine.systems['pipedrive']
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    listing = Sweep(0, system.name, 'organization', 'full', engine.clock.now())
    while True:
        request = sweep.request_of(listing, system.profile.listings)
        cursor = system.next_cursor(await system.send(request, known.catalogue))
        if not cursor:
            return
        listing = replace(listing, cursor=cursor)


async def _heal(engine: Engine, world: World, transport: httpx2.AsyncBaseTransport) -> Row:
    """What Hermes wants stands everywhere; a hundred fields are changed behind its back, found and healed."""
    account, system = world.pipedrive, engine.systems['pipedrive']
    code = {name: account.catalogues['organization'].named(name)['field_code'] for name in ('has_signed_up',)}
    wanted = (await drift.look(engine, system)).differences
    actor = account.actor(demo.PRIYA_PD)
    by_object: dict[str, dict[str, Any]] = {}
    for each in wanted:
        by_object.setdefault(each.remote_id, {})[each.field] = each.wanted
    names = {field['field_code']: field['field_name'] for field in account.catalogues['organization'].custom()}
    codes = {name: number for number, name in names.items()}
    for remote_id, fields in by_object.items():
        values = {codes[name]: _shown(value) for name, value in fields.items() if name in codes}
        account.update('organization', int(remote_id), {'custom_fields': values}, actor)
    await asyncio.sleep(2.1)
    await _list(engine)
    chance = random.Random(7)
    seeded = {str(number) for number in chance.sample(sorted(account.live('organization')), SEEDED)}
    for remote_id in seeded:
        account.update('organization', int(remote_id), {'custom_fields': {code['has_signed_up']: 'nonsense'}}, actor)
    await asyncio.sleep(2.1)
    started = time.perf_counter()
    found = await drift.look(engine, system)
    looked_s = time.perf_counter() - started
    exact = {each.remote_id for each in found.differences} == seeded
    first = await drift.newest_call(engine)
    await drift.take(engine, found)

    async def is_done() -> bool:
        return (await drift.progress(engine, found, first)).left == 0

    await run_until(engine, HEALING, is_done, PATIENCE_S)
    healed = await drift.progress(engine, found, first)
    verdict = 'exactly' if exact and len(found.differences) == SEEDED else f'{len(found.differences)} found'
    return Row(
        'I7', f'{SEEDED} fields drifted among {OBJECTS} organisations, found {verdict}',
        f'{healed.written} healed for {healed.tokens} tokens; a look takes {looked_s:.1f} s',
        f'{found.tokens} announced',
    )  # fmt: skip


def _shown(value: Any) -> Any:
    """A wanted value as the CRM's text or number fields take it."""
    if isinstance(value, list):
        return ', '.join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else value
