"""PUSH_MODE=plan: everything is planned and shown, nothing is sent; what was shown is what goes out when it is live."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from hermes.parts.roles import CRM, PRODUCT
from hermes.ports import Request
from hermes.sync import calls
from hermes.sync.planned import Planned, foresee, total
from tests.flows import faults
from tests.flows.companies import later, sign_up
from tests.flows.house import PRIYA_PD, House, open_house


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """A connected Hermes with one company, that plans from now on."""
    async with open_house(database_url, tc2_write_back=True) as opened:
        sign_up(opened, 'Known Tutors', recipients=[], phone='1')
        await later(opened)
        switch(opened, 'plan')
        opened.mark()
        yield opened


def switch(house: House, mode: str) -> None:
    """The worker is started again with another PUSH_MODE."""
    for engine in house.engines:
        engine.push_mode = mode


async def listed(house: House) -> list[Planned]:
    async with house.engine.database.transaction() as connection:
        return await foresee(house.engine, connection)


def written(house: House) -> list[Any]:
    return [call for name in (CRM, PRODUCT) for call in house.calls(system=name) if call.method != 'GET']


def lines(found: list[Planned]) -> dict[tuple[str, str, str], tuple[Any, Any, str]]:
    return {
        (item.system, item.type, each.field): (each.shows, each.would_be, each.rule)
        for item in found
        for each in item.differences
    }


async def test_nothing_is_sent_and_everything_is_listed_beside_what_the_remote_shows(house: House) -> None:
    client = next(iter(house.tc2.clients.values()))
    house.tc2.edit_client(client.id, name='New Name', website='https://new.example')
    sign_up(house, 'Second Tutors')
    await later(house, 600)
    house.tc2.send_all_snapshots()
    await later(house, 600)
    assert written(house) == []
    found = await listed(house)
    assert [(item.system, item.op, item.type) for item in found] == [
        (CRM, 'update', 'organization'), (CRM, 'update', 'deal'),
        (CRM, 'create', 'organization'), (CRM, 'create', 'person'), (CRM, 'create', 'deal'),
    ]  # fmt: skip
    told = lines(found[:2])
    assert told[CRM, 'organization', 'name'] == ('Known Tutors', 'New Name', 'FIELD-2')
    assert told[CRM, 'organization', 'website'][1:] == ('https://new.example', 'FIELD-2')
    assert told[CRM, 'deal', 'website'][1:] == ('https://new.example', 'FIELD-6')
    assert {item.waits for item in found if item.type == 'person'} == {'waits for its organization'}
    sums = {(line['op'], line['type']): (line['calls'], line['tokens']) for line in total(found)}
    assert sums['update', 'organization'] == sums['create', 'deal'] == (1, 5)
    assert sum(tokens for _, tokens in sums.values()) == 25


async def test_live_again_sends_exactly_what_was_listed(house: House) -> None:
    client = next(iter(house.tc2.clients.values()))
    house.tc2.edit_client(client.id, name='New Name')
    [deal] = house.deals()
    house.pd.act_update('deal', deal['id'], {'status': 'won'}, PRIYA_PD)
    sign_up(house, 'Second Tutors')
    await later(house)
    before = await listed(house)
    switch(house, 'live')
    house.mark()
    await later(house)
    made = written(house)
    methods = {'create': 'POST', 'update': 'PATCH'}
    crm = [(methods[item.op], item.type) for item in before if item.system == CRM]
    assert sorted((call.method, call.path.split('/')[4].rstrip('s')) for call in made if call.system == CRM) == sorted(
        crm
    )
    assert await listed(house) == []
    shown = {item['name'] for item in house.organizations()}
    assert {'New Name', 'Second Tutors'} <= shown
    known = client.attributes
    told = lines([item for item in before if item.system == PRODUCT])
    assert told == {
        (PRODUCT, 'client', 'extra_attrs.pipedrive_deal_stage'): ('PAYG - Contacted', None, 'PD-DEAL-6'),
        (PRODUCT, 'client', 'extra_attrs.pipedrive_pipeline'): ('PAYG', None, 'PD-DEAL-6'),
    }
    assert 'pipedrive_pipeline' not in known


async def test_listings_and_parents_are_still_read(house: House) -> None:
    house.pd.act_webhooks(on=False)
    organization = house.pd.act_create('organization', {'name': 'Unheard'}, PRIYA_PD)
    house.pd.act_webhooks(on=True)
    house.pd.act_create('person', {'name': 'Ana Ito', 'org_id': organization['id']}, PRIYA_PD)
    await later(house)
    assert [call.method for call in house.calls()] == ['GET']
    names = {row['name'] for row in await house.rows('select name from company')}
    assert names == {'Known Tutors', 'Unheard'}
    rules = {line[2] for line in lines(await listed(house)).values()}
    assert rules == {'OUT-12', 'FIELD-2'}


@pytest.mark.behaviour('OUT-4')
async def test_what_went_out_before_is_still_resolved(house: House) -> None:
    switch(house, 'live')
    way = faults.on(house)
    way.add('POST', '/api/v2/organizations', faults.lose_answer)
    sign_up(house, 'Lost Tutors', recipients=[])
    while not way.met:
        await house.step()
    switch(house, 'plan')
    house.mark()
    await later(house, 600)
    assert written(house) == []
    assert await house.rows('select 1 from push where intent is not null') == []
    assert [item.op for item in await listed(house) if item.type == 'organization'] == []


async def test_no_write_leaves_whoever_asks_for_it(house: House) -> None:
    system = house.engine.systems[CRM]
    async with house.engine.database.transaction() as connection:
        for op in ('create', 'update', 'delete'):
            request = replace(Request('read', 'organization', '1'), op=op)
            with pytest.raises(calls.PlanModeError):
                await calls.allow(house.engine, connection, system, request, 'interactive')
