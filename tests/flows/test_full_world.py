"""A world that was full before Hermes came: connected, listed, lived in; nothing that stood there is lost."""

import copy
import os
import random
from functools import partial
from typing import Any

import pytest

from hermes.cli import drift as healing
from hermes.parts.roles import CRM
from hermes.sync import drift
from hermes.sync.planned import Planned, foresee
from hermes.systems.pipedrive import objects, rest
from tests.flows.companies import later
from tests.flows.full_world import Full, go_live, live, lost, untold
from tests.flows.house import House, open_house

WHOLE = os.environ.get('WORLD') == 'whole'
COMPANIES, DAYS = (40, 7) if WHOLE else (12, 2)
SEEDS = (1, 2, 3) if WHOLE else (1,)
KINDS = {'organization': 'company', 'person': 'contact', 'deal': 'deal'}


@pytest.mark.slow
@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
@pytest.mark.parametrize('seed', SEEDS)
async def test_nothing_that_stood_there_is_lost_in_a_week(database_url: str, seed: int) -> None:
    full = Full(random.Random(seed))
    scenario = partial(full.build, companies=COMPANIES)
    async with open_house(database_url, seed=seed, scenario=scenario, connected=False) as house:
        before = copy.deepcopy(full.stands)
        await go_live(house)
        assert '\n'.join(lost(house, full)) == ''
        assert '\n'.join(await untold(house, full, before)) == ''
        await live(house, full, DAYS)
        found = await drift.look(house.engine, house.engine.systems['pipedrive'])
        await healing._heal(house.engine, found)
        assert '\n'.join(lost(house, full)) == ''
        assert '\n'.join(await untold(house, full, before)) == ''


@pytest.mark.slow
@pytest.mark.lesson('M-61')
@pytest.mark.behaviour('D-12')
@pytest.mark.parametrize('seed', SEEDS)
async def test_what_plan_mode_announces_is_what_then_happens(database_url: str, seed: int) -> None:
    full = Full(random.Random(seed))
    scenario = partial(full.build, companies=COMPANIES)
    async with open_house(database_url, seed=seed, scenario=scenario, connected=False, push_mode='plan') as house:
        await go_live(house)
        before = await canonical(house)
        announced = [item for item in await listed(house) if item.system == CRM]
        assert all(item.state == 'ready' for item in announced)
        house.engine.push_mode = 'live'
        house.mark()
        await later(house, 3600)
        after = await canonical(house)
        happened = {
            (kind, number, name): (before[kind, number].get(name), value)
            for (kind, number), fields in after.items()
            if (kind, number) in before
            for name, value in fields.items()
            if value != before[kind, number].get(name)
        }
        told = {
            (item.type, item.remote_id, each.field): (each.shows, each.would_be)
            for item in announced
            if item.op == 'update'
            for each in item.differences
        }
        assert happened == told
        made = sorted(kind for kind, number in after.keys() - before.keys())
        assert made == sorted(item.type for item in announced if item.op == 'create')
        assert [call.method for call in house.calls() if call.method == 'DELETE'] == []
        assert [item for item in await listed(house) if item.system == CRM] == []
        assert '\n'.join(lost(house, full)) == ''


async def listed(house: House) -> list[Planned]:
    async with house.engine.database.transaction() as connection:
        return await foresee(house.engine, connection)


async def canonical(house: House) -> dict[tuple[str, str], dict[str, Any]]:
    """Every live object of the CRM in the terms of the plan."""
    from hermes.sandbox.pipedrive import rest as shapes

    async with house.engine.database.transaction() as connection:
        catalogue = (await house.engine.known(connection)).catalogue
    return {
        (kind, str(number)): objects.read_object(kind, shapes.shape(house.pd, kind, row), catalogue, rest.read)
        for kind in KINDS
        for number, row in house.pd.tables[kind].items()
        if not row['is_deleted']
    }
