"""What everybody reads (settings, fields, people) is what was committed, whatever a worker once saw (FIELD-8)."""

from contextlib import suppress
from typing import Any

import psycopg
import pytest

from hermes.db import catalogue
from hermes.sync.engine import Engine
from hermes.sync.ingest import ingest_step
from tests.flows.acting import act
from tests.flows.companies import later, sign_up
from tests.flows.house import House, open_house

pytestmark = pytest.mark.lesson('M-37')


async def pipelines(house: House) -> dict[str, int]:
    return {row['name']: row['id'] for row in await house.rows('select id, name from pipeline')}


def placed(house: House) -> str:
    """The name of the pipeline of the only deal."""
    [deal] = house.deals()
    return str(next(row['name'] for row in house.pd.state()['pipelines'] if row['id'] == deal['pipeline_id']))


async def set_and_look(engine: Engine, key: str, value: int) -> None:
    """A transaction that writes a setting and reads what it wrote."""
    async with engine.database.transaction() as connection:
        await catalogue.save_setting(connection, key, value)
        assert (await engine.known(connection)).settings[key] == value


class Deadlock:
    """Takes the next transaction of a worker back at its commit, once."""

    def __init__(self) -> None:
        self.left = 1

    async def __call__(self, moment: str) -> None:
        if moment == 'before commit' and self.left:
            self.left -= 1
            raise psycopg.errors.DeadlockDetected('injected')


@pytest.mark.behaviour('FIELD-8')
async def test_a_value_that_was_taken_back_is_not_believed_when_another_writer_reaches_the_same_revision(
    database_url: str,
) -> None:
    async with open_house(database_url, workers=2) as house:
        ids, (one, other) = await pipelines(house), house.engines
        one.database.hook = Deadlock()
        with pytest.raises(psycopg.errors.DeadlockDetected):
            await set_and_look(one, 'payg_pipeline_id', ids['ENTERPRISE'])
        await act(other, {'act': 'setting.set', 'key': 'payg_pipeline_id', 'value': ids['STARTUP']})
        sign_up(house, plan='payg')
        await later(house)
        assert placed(house) == 'STARTUP'


async def test_a_batch_that_is_taken_back_leaves_nothing_in_the_memory_of_the_worker(database_url: str) -> None:
    """Before its act is applied again alone, it is gone, and somebody else has set something else."""
    async with open_house(database_url, workers=2) as house:
        ids, (one, other) = await pipelines(house), house.engines
        await house.rows(
            "insert into event (source, kind, dedupe_key, body, headers) values ('operator', 'act', 'x', %s, "
            '\'{"by": "desk"}\') returning id',
            f'{{"act": "setting.set", "key": "payg_pipeline_id", "value": {ids["ENTERPRISE"]}}}'.encode(),
        )
        told: list[Any] = []

        async def cut(moment: str) -> None:
            if moment == 'before commit' and not told:
                told.append(moment)
                raise psycopg.errors.DeadlockDetected('injected')
            if moment == 'after commit' and len(told) == 1:
                told.append(await act(other, {'act': 'setting.set', 'key': 'deal_max_age_days', 'value': 50}))
                await house.rows("delete from event where dedupe_key = 'x' returning id")

        one.database.hook = cut
        await ingest_step(one)
        one.database.hook = None
        async with one.database.transaction() as connection:
            settings = (await one.known(connection)).settings
        assert (settings['payg_pipeline_id'], settings['deal_max_age_days']) == (ids['PAYG'], 50)


async def test_a_part_of_a_transaction_that_was_taken_back_is_not_believed_either(database_url: str) -> None:
    async with open_house(database_url, workers=2) as house:
        one, other = house.engines
        async with one.database.transaction() as connection:
            with suppress(ZeroDivisionError):
                async with connection.transaction():
                    await catalogue.save_setting(connection, 'deal_max_age_days', 55)
                    await one.known(connection)
                    raise ZeroDivisionError
        await act(other, {'act': 'setting.set', 'key': 'deal_max_age_days', 'value': 11})
        async with one.database.transaction() as connection:
            assert (await one.known(connection)).settings['deal_max_age_days'] == 11
