"""A fourth system is a folder and one line in `parts`: it is listed, followed and pushed to like all others."""

import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hermes.db.server.embedded import Server
from hermes.parts.assembly import set_limits
from hermes.parts.systems import SYSTEMS, doors, names, profiles
from hermes.sync import sweep
from hermes.web.metrics import Metrics
from tests import postgres
from tests.flows.companies import later, sign_up
from tests.flows.crm import change
from tests.flows.house import House, open_house
from tests.toy.wiring import WIRING, WORD

WITH_TOY = (*SYSTEMS, WIRING)
TOY = WIRING.profile.name


@pytest.fixture
async def house(migrated_server: Server, connected: tuple[str, dict[str, Any]]) -> AsyncIterator[House]:
    """A connected Hermes, and a toy beside the systems that everybody has."""
    template, kept = connected
    with postgres.fresh_database(migrated_server, template) as url:
        async with open_house(url, kept=copy.deepcopy(kept), systems=WITH_TOY) as opened:
            await set_limits(opened.engine, opened.settings, WITH_TOY)
            yield opened


def toy(house: House) -> Any:
    """The world of the toy."""
    return house.engine.systems[TOY].world  # type: ignore[attr-defined]


async def tell(house: House, account: dict[str, Any], word: str = WORD) -> int:
    """A delivery of the toy; how our door answers."""
    answer = await house.web.post('/toybox/callback/', content=json.dumps(account), headers={'x-toy-word': word})
    return answer.status_code


async def told_of(house: House, number: str = '1') -> list[dict[str, Any]]:
    return await house.rows(
        'select m.*, l.record_type, l.state from mirror m left join link l using (system, type, remote_id) '
        'where m.system = %s and m.remote_id = %s', TOY, number,
    )  # fmt: skip


async def test_what_hermes_knows_is_made_there_and_kept_there(house: House) -> None:
    sign_up(house)
    await later(house)
    [made] = toy(house).accounts.values()
    assert made['name'] == 'Ember Tutors'
    [organization] = house.organizations()
    change(house, 'organization', organization['id'], name='Ember and Ash')
    await later(house)
    [kept] = toy(house).accounts.values()
    assert kept['name'] == 'Ember and Ash'
    assert [request.op for request in toy(house).asked] == ['create', 'update']
    [known] = await told_of(house)
    assert (known['record_type'], known['state']) == ('company', 'live')


async def test_what_people_do_there_is_heard_and_put_right(house: House) -> None:
    sign_up(house)
    await later(house)
    assert await tell(house, toy(house).act_save('1', name='Written over')) == 200
    await later(house)
    assert toy(house).accounts['1']['name'] == 'Ember Tutors'
    [organization] = house.organizations()
    assert organization['name'] == 'Ember Tutors', 'nobody else hears of it'
    assert await tell(house, toy(house).accounts['1'], word='guessed') == 403


async def test_it_is_listed_to_the_end_and_what_is_nobody_of_ours_is_left_alone(house: House) -> None:
    sign_up(house)
    await later(house)
    toy(house).act_save('1', name='Written over while nobody listened')
    toy(house).act_save('2', name='A stranger')
    async with house.engine.database.transaction() as connection:
        await sweep.open_everything(connection, WIRING.profile, 'by hand')
    await later(house)
    [proof] = await house.rows('select * from proof where system = %s', TOY)
    assert (proof['state'], proof['listed']) == ('proven', 2)
    assert toy(house).accounts['1']['name'] == 'Ember Tutors'
    assert toy(house).accounts['2'] == toy(house).accounts['2'] | {'name': 'A stranger'}
    assert len(await house.rows('select from company')) == 1


async def test_it_has_a_budget_a_name_and_figures_like_all_others(house: House) -> None:
    [budget] = await house.rows('select daily_limit from budget where system = %s', TOY)
    assert budget['daily_limit'] == 100_000
    assert names(WITH_TOY)['toy'] == TOY
    assert list(profiles(WITH_TOY)) == [*profiles(), TOY]
    assert TOY not in doors(house.settings, WITH_TOY), 'its address is entered by hand'
    shown = Metrics({TOY: WIRING.profile.listings.full}).render(None).decode()
    assert f'hermes_events_repeated_total{{source="{TOY}"}} 0.0' in shown
