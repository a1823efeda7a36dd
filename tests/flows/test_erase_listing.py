"""Somebody stands in texts in whatever wrapping, and a listing says no more of them than a name and an address: they
are taken out of there too (S10).
"""

import json
from typing import Any

import pytest

from hermes.sandbox.scenarios import demo
from tests.flows.companies import later
from tests.flows.dumped import dump, found_in
from tests.flows.house import House
from tests.flows.test_erase import check, erase, sweep_all

ADDRESS, NEIGHBOUR = 'hannah@northgate.example', 'dana@lakeside.example'
WRAPPED = (
    f'\\n{ADDRESS}', f'"{ADDRESS}"', f"'{ADDRESS}'", f'**{ADDRESS}**', f'mail={ADDRESS}&x=1', f'/{ADDRESS}/',
    f'{ADDRESS}!', f'x|{ADDRESS}|{NEIGHBOUR}', f'{NEIGHBOUR}/{ADDRESS}', f'{{{ADDRESS}}}', f'{ADDRESS}.Please',
    f'_{ADDRESS}_', f'to={ADDRESS.replace("@", "%40")}', f'\u201c{ADDRESS.upper()}\u201d', f'`{ADDRESS}`?',
    f'a\\{ADDRESS}\\b',
)  # fmt: skip


async def live(house: House) -> int:
    """The demo world, listed twice: what stands there the second time is nothing new."""
    demo.on_both_sides(house.world)
    for _ in range(2):
        await sweep_all(house)
        await later(house)
    [mine] = await house.rows('select id from contact where email = %s', ADDRESS)
    return int(mine['id'])


async def say(house: House, kind: str, source: str, told: Any, place: int) -> None:
    """An event of the log that says something."""
    await house.engine.database.execute(
        "insert into event (source, kind, dedupe_key, body, state) values (%s, %s, %s, %s, 'done')",
        (source, kind, bytes([place]) * 16, json.dumps(told, ensure_ascii=bool(place % 2)).encode()),
    )


@pytest.mark.invariant('S10')
@pytest.mark.lesson('M-96')
async def test_a_listing_whose_outcome_names_nobody_says_nothing_of_them_any_more(house: House) -> None:
    mine = await live(house)
    await house.engine.database.execute(
        'update event set outcome = \'[{"notes": ["2 objects, all as they were"]}]\' where kind = \'page\''
    )
    listed = "select count(*) as n from event where kind = 'page' and position(%s::bytea in body) > 0"
    said = b'"Hannah'.replace(b'"', b'\\"')
    [before] = await house.rows(listed, said)
    assert before['n'] >= 2
    told = await erase(house, 'contact', mine)
    [after] = await house.rows(listed, said)
    assert after['n'] == 0
    assert found_in(dump(house.settings.database_url), (ADDRESS,)) == []
    assert check(house, told['receipt']) == []
    await sweep_all(house)
    await later(house)
    assert found_in(dump(house.settings.database_url), (ADDRESS,)) == []


@pytest.mark.invariant('S10')
@pytest.mark.lesson('M-96')
async def test_an_address_is_found_in_whatever_it_is_wrapped(house: House) -> None:
    mine = await live(house)
    kinds = (('pipedrive', 'webhook'), ('pipedrive', 'read'), ('operator', 'act'), ('tutorcruncher', 'page'))
    for place, wrapped in enumerate(WRAPPED):
        for more, (source, kind) in enumerate(kinds):
            nested = {'act': 'note', 'said': f'so: {wrapped}', 'body': json.dumps({'note': wrapped})}
            await say(house, kind, source, nested, place * len(kinds) + more)
    told = await erase(house, 'contact', mine)
    assert found_in(dump(house.settings.database_url), (ADDRESS, ADDRESS.replace('@', '%40'))) == []
    assert check(house, told['receipt']) == []
    assert found_in(dump(house.settings.database_url), (NEIGHBOUR,)) != []
    await say(house, 'webhook', 'pipedrive', {'body': json.dumps({'note': f'{ADDRESS}!'})}, 250)
    assert check(house, told['receipt']) == ['event.body: 1 rows']
