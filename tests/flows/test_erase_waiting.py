"""An erasure reads the log before it takes the lock that others wait for, and forgets what came meanwhile (S10)."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from hermes.db.graphs import BIRTHS_LOCK
from tests.flows.companies import later
from tests.flows.dumped import dump, found_in
from tests.flows.house import PRIYA_PD, House
from tests.flows.test_erase import CANARIES, FIRST, LAST, erase, plant
from tests.waiting import LOOK_S

pytestmark = [pytest.mark.invariant('S10'), pytest.mark.lesson('M-95')]
SOON_S = 30
HERE = 'database = (select oid from pg_database where datname = current_database())'
WAITS = f'select 1 from pg_locks where not granted and locktype = %s and {HERE}'
HELD = f"""
    select 1 from pg_locks where granted and locktype = 'advisory' and (classid::bigint << 32) + objid::bigint = %s
      and {HERE}
"""


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not true():
            await asyncio.sleep(LOOK_S)


async def test_nobody_waits_while_the_log_is_read(house: House) -> None:
    planted = await plant(house)
    with (
        psycopg.connect(house.settings.database_url) as other,
        psycopg.connect(house.settings.database_url, autocommit=True) as looking,
    ):
        other.execute('lock table change in access exclusive mode')
        erasing = asyncio.create_task(erase(house, 'contact', planted.contact))
        await until(lambda: looking.execute(WAITS, ('relation',)).fetchone() is not None)
        assert looking.execute(HELD, (BIRTHS_LOCK,)).fetchone() is None
        other.rollback()
        await erasing
    assert found_in(dump(house.settings.database_url), CANARIES) == []


@pytest.mark.parametrize('fresh', [False, True])
async def test_what_comes_while_it_waits_is_forgotten_too(house: House, fresh: bool) -> None:
    """A log longer than what is read twice; then more of her arrives, and by another address."""
    planted = await plant(house)
    await house.rows(
        'insert into event (source, kind, dedupe_key, headers, body, state, applied_at) '
        "select 'pipedrive', 'webhook', sha256(n::text::bytea), '{}', null, 'done', now() "
        'from generate_series(1, 2500) n returning id'
    )
    with (
        psycopg.connect(house.settings.database_url) as other,
        psycopg.connect(house.settings.database_url, autocommit=True) as looking,
    ):
        other.execute('select pg_advisory_xact_lock(%s)', (BIRTHS_LOCK,))
        erasing = asyncio.create_task(erase(house, 'contact', planted.contact))
        await until(lambda: looking.execute(WAITS, ('advisory',)).fetchone() is not None)
        new: dict[str, Any] = {'name': f'{FIRST} {LAST} IV'}
        if fresh:
            new['emails'] = [{'value': 'zephyrine@quill.example', 'primary': True}]
        house.pd.act_update('person', planted.person, new, PRIYA_PD)
        await house.world.outbox.deliver_due(house.post)
        other.rollback()
        await erasing
    await later(house)
    assert found_in(dump(house.settings.database_url), CANARIES) == []
