"""A support call from TutorCruncher's page to Pipedrive's: the link is made in one, followed by the client, and what
was booked stands in the other. Links that are none each say what they are (WEB-15).
"""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest

from hermes.sandbox.app import SandboxTransport, create_app
from tests.flows.companies import later, sign_up
from tests.flows.house import HERMES, SANDBOX, TOM, House
from tests.flows.visitors import admin, link, number

pytestmark = pytest.mark.behaviour('WEB-15')
MINUTE = timedelta(minutes=1)
DESK = '/pages/tutorcruncher'
COMPANY = 'Harbour & Sons <Tuition>'
MADE = re.compile(r'data-testid="made-link"><a href="([^"]*)">')
TIME = re.compile(r'name="start" value="([^"]*)" data-testid="next-time"')
FIELD = re.compile(r'<(?:input|select|textarea) [^>]*data-testid="field-(\w+)"')
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
TYPED = {'name': 'Kim Sato', 'email': 'kim@harbour.example'}


@pytest.fixture
async def sandbox(house: House) -> AsyncIterator[httpx2.AsyncClient]:
    """The pages of the outside world, from which there is a way to Hermes."""

    async def pass_on(request: httpx2.Request) -> httpx2.Response:
        path = str(request.url).removeprefix(HERMES)
        answer = await house.web.get(path, headers={'Authorization': request.headers['authorization']})
        return httpx2.Response(answer.status_code, content=answer.content)

    house.world.way_to_hermes = httpx2.MockTransport(pass_on)
    async with httpx2.AsyncClient(
        transport=SandboxTransport(create_app(house.world)), base_url=SANDBOX, follow_redirects=True
    ) as client:
        yield client


async def make_link(house: House, sandbox: httpx2.AsyncClient, **more: str) -> str:
    """Sign a company up in TutorCruncher, and make a link on its page; the link, without our own address."""
    form = {'act': 'sign_up', 'name': COMPANY, 'last_name': 'Price', 'support_person': str(TOM)}
    assert 'has signed up' in (await sandbox.post(DESK, data=form)).text
    await later(house)
    [client] = [each.id for each in house.tc2.clients.values() if each.name == COMPANY]
    page = await sandbox.post(f'{DESK}/support-link', data={'client': str(client), 'admin': str(TOM), **more})
    [address] = MADE.findall(page.text)
    assert unescape(address).startswith(f'{HERMES}/support-call/')
    return unescape(address).removeprefix(HERMES)


def times(page: httpx2.Response) -> list[datetime]:
    assert page.status_code == 200, page.text
    return [datetime.fromisoformat(each) for each in TIME.findall(page.text)]


def forged(address: str, **changes: str | None) -> str:
    parts = urlsplit(address)
    told = {**dict(parse_qsl(parts.query)), **changes}
    return f'{parts.path}?{urlencode({name: value for name, value in told.items() if value is not None})}'


async def test_a_link_is_made_followed_and_booked_and_stands_in_the_crm(
    house: House, sandbox: httpx2.AsyncClient
) -> None:
    address = await make_link(house, sandbox)
    page = await house.web.get(address)
    assert page.headers['x-robots-tag'] == 'noindex'
    assert f'For {COMPANY}' in unescape(page.text)
    assert '/book-a-call/' not in page.text, 'nothing leads to who sells'
    start = times(page)[0]
    held = await house.web.post(address, data={'action': 'hold', 'start': start.isoformat()})
    assert held.status_code == 303
    form = await house.web.get(held.headers['location'])
    assert FIELD.findall(form.text) == ['name', 'email', 'company_name']
    [company] = re.findall(r'<input id="company_name"[^>]*>', form.text)
    assert 'readonly' in company
    assert f'value="{COMPANY}"' in unescape(company)
    hidden = dict(HIDDEN.findall(form.text))
    told = {**hidden, 'action': 'book', 'company_name': 'Somebody else', **TYPED}
    booked = await house.web.post(held.headers['location'], data=told)
    assert booked.status_code == 303, booked.text
    confirmed = await house.web.get(booked.headers['location'])
    assert (confirmed.status_code, 'Tom Whitfield' in confirmed.text) == (200, True)
    await house.settle()
    shown = (await sandbox.get('/pages/pipedrive?q=Harbour')).text
    assert 'support' in shown.lower()
    [activity] = [each for each in house.pd.state()['activities'] if not each['is_deleted']]
    [organization] = [each for each in house.organizations() if each['name'] == COMPANY]
    assert activity['org_id'] == organization['id']
    assert activity['subject'] in unescape(shown)
    assert 'Somebody else' not in {each['name'] for each in house.organizations()}
    assert [each['name'] for each in house.persons() if each['org_id'] == organization['id']].count('Kim Sato') == 1


async def test_an_express_link_offers_times_from_a_quarter_of_an_hour_on(
    house: House, sandbox: httpx2.AsyncClient
) -> None:
    """It is 10:20 in London: calls begin at 10:45, 11:30, 12:15, 13:00."""
    address = await make_link(house, sandbox, express='true')
    ordinary = (await link(house, next(iter(house.tc2.clients)))).json()['link'].removeprefix(HERMES)
    now = house.clock.now().replace(hour=10, minute=20, second=0, microsecond=0)
    house.clock.move_to(now)
    first = times(await house.web.get(address))[0]
    assert first - now == 25 * MINUTE
    assert times(await house.web.get(ordinary))[0] - now == 160 * MINUTE
    house.clock.move_to(now + 10 * MINUTE)
    assert times(await house.web.get(address))[0] == first, 'a quarter of an hour is enough'
    house.clock.move_to(now + 11 * MINUTE)
    assert times(await house.web.get(address))[0] > first
    typed = {'action': 'book', 'start': (first + 45 * MINUTE).isoformat(), **TYPED}
    assert (await house.web.post(ordinary, data=typed)).status_code == 400
    for refused in (forged(ordinary, x='1'), forged(address, x=None)):
        assert (await house.web.post(refused, data=typed)).status_code == 403
    assert (await house.web.post(address, data=typed)).status_code == 303


@pytest.mark.parametrize('method', ['GET', 'POST'])
async def test_links_that_are_none_each_say_what_they_are(
    house: House, sandbox: httpx2.AsyncClient, method: str
) -> None:
    address = await make_link(house, sandbox)
    bare = urlsplit(address).path
    start = times(await house.web.get(address))[0].isoformat()

    async def told(path: str) -> tuple[int, str]:
        """Status and sentence of a page that says nothing else."""
        data = {'action': 'book', 'start': start, **TYPED} if method == 'POST' else None
        answer = await house.web.request(method, path, data=data)
        [sentence] = re.findall(r'data-testid="alert"><p>([^<]*)</p>', answer.text)
        assert answer.headers['x-robots-tag'] == 'noindex'
        assert 'Harbour' not in answer.text
        assert '/book-a-call/' not in answer.text
        return answer.status_code, str(sentence)

    missing = await told(bare)
    assert missing == (403, 'This link is not whole. Please ask for a new one.')
    for lacking in ('s', 'e', 'company_id', 'admin_id'):
        assert await told(forged(address, **{lacking: None})) == missing
    for odd in ({'e': 'soon'}, {'company_id': '9' * 30}, {'admin_id': '-1'}):
        assert (await told(forged(address, **odd)))[0] == 403
    invalid = (403, 'This link is not valid. Please ask for a new one.')
    for wrong in ({'s': '0' * 64}, {'s': 'é'}, {'company_id': '1'}, {'e': '99999999999'}, {'x': '1'}):
        assert await told(forged(address, **wrong)) == invalid
    await delete(house, COMPANY)
    unknown = (404, 'We do not know this company any more. Please ask whoever sent you this link.')
    assert await told(address) == unknown
    house.clock.advance(4 * 86_400 + 1)
    assert await told(address) == (403, 'This link has expired. Please ask for a new one.')
    assert await house.rows('select id from meeting') == []


async def delete(house: House, name: str) -> None:
    """A company is deleted where it is kept."""
    await house.settle()
    [organization] = [each['id'] for each in house.organizations() if each['name'] == name]
    house.pd.delete('organization', organization, house.pd.actor())
    await later(house)


async def test_a_supporter_who_left_takes_no_calls_by_an_old_link(house: House, sandbox: httpx2.AsyncClient) -> None:
    address = await make_link(house, sandbox)
    await house.act('admin.save', id=await number(house, TOM), fields={'active': False})
    page = await house.web.get(address)
    assert page.status_code == 404
    assert 'Whoever this link leads to takes no calls any more. Please ask for a new one.' in page.text
    client = sign_up(house)
    await later(house)
    desk = await sandbox.post(f'{DESK}/support-link', data={'client': str(client.id), 'admin': str(TOM)})
    assert 'Hermes makes no link (404):' in desk.text
    await house.act('admin.save', id=await number(house, TOM), fields={'active': True})
    house.google.set_away((await admin(house, TOM))['email'])
    away = await house.web.get(address)
    assert (away.status_code, 'data-testid="retry"' in away.text) == (503, True)
