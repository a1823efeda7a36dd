"""A Hermes whose app users are kept in the emulated NationBuilder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from hermes.parts.assembly import set_limits
from hermes.parts.granting import callback_of, grants
from hermes.sync.grants import VaultGrant
from tests.flows.house import HERMES, SANDBOX, House, open_house

KEY = 'a-key-of-the-host-for-tests'
SECRET = 'a-secret-of-thirty-two-characters-or-more'
WHO = {'authorization': f'token {KEY}'}
NATION = 'nationbuilder'
LISTS = ('Educators', 'News')


@asynccontextmanager
async def open_nation(database_url: str, folder: Path, *, connected: bool = True, **more: Any) -> AsyncIterator[House]:
    """`connected`: somebody allowed Hermes to speak with the nation."""
    told = {
        'people_api_key': KEY, 'secret_key': SECRET, 'data_dir': folder, 'nationbuilder_slug': 'brightwell',
        'nationbuilder_base_url': f'{SANDBOX}/{NATION}', 'nationbuilder_client_id': 'hermes-sandbox',
        'nationbuilder_client_secret': 'nation-secret', **more,
    }  # fmt: skip
    async with open_house(database_url, connected=False, **told) as house:
        house.world.nationbuilder.desk.client_secret = 'nation-secret'
        for name in LISTS:
            if name.lower() not in {one['slug'] for one in house.world.nationbuilder.state()['lists']}:
                house.world.nationbuilder.add_list(name)
        await set_limits(house.engine, house.settings)
        await house.act('people.target', target=NATION, phase='legacy')
        if connected:
            assert (await allow(house, await begin(house))).status_code == 200
        yield house


def grant_of(house: House, number: int = 0) -> VaultGrant:
    return grants(house.engines[number], house.settings)[NATION]


async def begin(house: House) -> str:
    """The page on which a person allows it."""
    return await grant_of(house).begin(callback_of(house.settings, NATION))


async def allow(house: House, page: str, decision: str = 'allow') -> httpx2.Response:
    """A person opens the page and decides; the browser follows to our callback."""
    query = dict(httpx2.URL(page).params)
    async with httpx2.AsyncClient(transport=house.transport, base_url=SANDBOX) as browser:
        told = await browser.post(f'/{NATION}/oauth/authorize', data={**query, 'decision': decision})
    assert told.status_code == 303, told.text
    return await come_back(house, told.headers['location'])


async def come_back(house: House, place: str) -> httpx2.Response:
    await house.web.get('/people/changes/', headers=WHO)
    return await house.web.get(place.removeprefix(HERMES))


async def sign_up(house: House, **told: Any) -> int:
    body = {'email': 'ada@readers.example', 'first_name': 'Ada', 'last_name': "O'Brien", **told}
    answer = await house.web.post('/people/', json=body, headers=WHO)
    assert answer.status_code == 202, answer.text
    return int(answer.json()['id'])


async def shown(house: House, number: int) -> dict[str, Any]:
    return dict((await house.web.get(f'/people/{number}/', headers=WHO)).json())


def people(house: House) -> list[dict[str, Any]]:
    """Everybody in the nation but its owner."""
    nation = house.world.nationbuilder
    return [one for one in nation.state()['signups'] if one['id'] != nation.owner]
