"""Merges in the CRM and what Hermes knows then: what the flows about them share."""

import json
from typing import Any

from hermes.parts import assembly as parts
from tests import folding
from tests.flows.companies import later, quiet, sign_up
from tests.flows.crm import shown
from tests.flows.house import PRIYA_PD, House, settings_for

FLINT = {
    'email': 'owner@flint.example',
    'recipients': [{'first_name': 'Ada', 'last_name': 'Flint', 'email': 'ada@flint.example'}],
}


async def two_companies(house: House, **of_loser: Any) -> tuple[Any, Any, int, int]:
    """Two sign-ups, each with an organisation, a person and a deal: their clients and their organisations, the loser's
    first.
    """
    loser = sign_up(house, **of_loser)
    await later(house)
    survivor = sign_up(house, 'Flint Tutors', **FLINT)
    await later(house)
    return loser, survivor, named(house, loser.agency.name), named(house, 'Flint Tutors')


def named(house: House, name: str) -> int:
    return next(int(one['id']) for one in house.organizations() if one['name'] == name)


def merge(house: House, kind: str, loser: int, survivor: int) -> dict[str, Any]:
    """A person merges two objects; the two webhooks by their action, not delivered yet."""
    house.pd.act_merge(kind, loser, survivor, PRIYA_PD)
    return {json.loads(one.body)['meta']['action']: one for one in house.world.outbox.take_due()}


async def live(house: House, table: str) -> list[dict[str, Any]]:
    return await house.rows(f'select * from {table} where alias_of is null and tombstone is null order by id')


async def clients(house: House) -> dict[str, tuple[bool, str, int]]:
    """TC2 client -> whether it is primary, the link's state, the company."""
    rows = await house.rows("select * from link where type = 'client' order by remote_id")
    return {row['remote_id']: (row['is_primary'], row['state'], row['record_id']) for row in rows}


async def assert_one_company(house: House, survivor: int, loser: int) -> dict[str, Any]:
    """One company with everything of both, the CRM told so once, and nothing made."""
    [company] = await live(house, 'company')
    assert company['pd_org_id'] == survivor
    assert {row['company_id'] for row in await live(house, 'contact')} == {company['id']}
    assert {row['company_id'] for row in await live(house, 'deal')} == {company['id']}
    links = await house.rows("select remote_id, state, record_id from link where type = 'organization'")
    found = {row['remote_id']: (row['state'], row['record_id']) for row in links}
    assert found == {str(survivor): ('live', company['id']), str(loser): ('merged', company['id'])}
    assert shown(house, 'organization', survivor)['hermes_id'] == str(company['id'])
    assert house.calls('POST') == house.calls('DELETE') == []
    await quiet(house)
    return company


ORDERS = [
    ('delete', 'change'),
    ('change', 'delete'),
    ('delete',),
    ('change',),
    ('delete', 'delete', 'change'),
    ('change', 'delete', 'change', 'delete'),
]


async def assert_replays(house: House, second_url: str) -> None:
    """I14: the log, answers included, folded into an empty database."""
    engine = parts.build_engine(settings_for(second_url), clock=house.clock, transport=house.transport, worker='fold')
    await engine.database.open()
    try:
        await folding.copy_log(house.engine.database, engine.database)
        await folding.fold(engine)
        assert await folding.digest(engine.database) == await folding.digest(house.engine.database)
    finally:
        await engine.database.close()
