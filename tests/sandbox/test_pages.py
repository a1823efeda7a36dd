"""The sandbox's pages: a person acts by form, is sent back, and sees what travelled."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html import escape

import httpx2
import pytest

from hermes.kit.clock import ManualClock
from hermes.sandbox.app import create_app
from hermes.sandbox.outbox import Delivery
from hermes.sandbox.scenarios import demo
from hermes.sandbox.world import Secrets, World


@pytest.fixture
def world() -> World:
    clock = ManualClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    made = World(clock, random.Random(7), 'http://127.0.0.1:8000', Secrets('tk', 'pk', 'hook', 'password'))
    demo.build(made)
    hook = {'event_action': '*', 'event_object': '*', 'subscription_url': 'http://127.0.0.1:8000/pipedrive/callback/'}
    made.pipedrive.subscriptions.add({**hook, 'name': 'Hermes'}, made.pipedrive.first_user_id)
    return made


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(create_app(world))
    async with httpx2.AsyncClient(
        transport=transport, base_url='http://127.0.0.1:8100', follow_redirects=True
    ) as client:
        yield client


async def accept(delivery: Delivery) -> int:
    return 200


@pytest.mark.parametrize(
    'path',
    [
        '/',
        '/pages/tutorcruncher',
        '/pages/pipedrive',
        '/pages/google',
        '/pages/salesforce',
        '/pages/lists',
        '/pages/travel',
        '/pages/static/sandbox.css',
    ],
)
async def test_every_page_shows_without_foreign_parts(browser: httpx2.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 200
    assert 'https://cdn' not in answer.text
    assert '<style' not in answer.text


async def test_one_click_signs_a_company_up(browser: httpx2.AsyncClient, world: World) -> None:
    form = {'act': 'sign_up', 'name': 'Hill <b> Tutors', 'last_name': 'Dube', 'plan': 'startup', 'sales_person': '11'}
    answer = await browser.post('/pages/tutorcruncher', data=form)
    assert [one.status_code for one in answer.history] == [303]
    assert 'Hill &lt;b&gt; Tutors has signed up.' in answer.text
    assert 'has signed up' not in (await browser.get('/pages/tutorcruncher')).text
    await world.outbox.deliver_due(accept)
    assert 'CREATED_A_CLIENT' in (await browser.get('/pages/travel')).text


@pytest.mark.parametrize(
    'act', ['pay_invoice', 'terminate', 'mark_narc', 'unmark_narc', 'delete', 'recover', 'send_snapshot', 'agree_terms']
)
async def test_each_act_on_a_company_sends_one_webhook(browser: httpx2.AsyncClient, world: World, act: str) -> None:
    answer = await browser.post('/pages/tutorcruncher', data={'act': act, 'client': '101'})
    assert answer.status_code == 200
    assert len(world.outbox.waiting) == 1


async def test_the_same_webhook_a_hundred_times(browser: httpx2.AsyncClient, world: World) -> None:
    await browser.post('/pages/tutorcruncher', data={'act': 'send_snapshot', 'client': '101'})
    await browser.post('/pages/tutorcruncher', data={'act': 'repeat', 'client': '101'})
    assert len({one.body for one in world.outbox.waiting}) == 1
    assert len(world.outbox.waiting) == 101


async def test_a_person_works_in_pipedrive(browser: httpx2.AsyncClient, world: World) -> None:
    account = world.pipedrive
    stage = next(one for one in account.live('stage').values() if one['name'] == 'PAYG - Negotiation')
    field = account.catalogues['organization'].named('paid_invoice_count')['field_code']
    forms = [
        {'act': 'move', 'kind': 'deal', 'id': '2', 'stage_id': str(stage['id'])},
        {'act': 'lost', 'kind': 'deal', 'id': '2'},
        {'act': 'set_field', 'kind': 'organization', 'id': '1', 'field': field, 'value': '12'},
        {'act': 'edit', 'kind': 'organization', 'id': '1', 'name': 'Northgate Ltd'},
        {'act': 'merge', 'kind': 'organization', 'id': '4', 'merge_with_id': '3'},
        {'act': 'delete', 'kind': 'organization', 'id': '2'},
        {'act': 'create', 'kind': 'person', 'org_id': '3', 'name': 'New Person', 'emails': 'new@person.example'},
    ]
    for form in forms:
        assert (await browser.post('/pages/pipedrive', data=form)).status_code == 200
    page = (await browser.get('/pages/pipedrive')).text
    assert account.tables['deal'][2]['stage_id'] == stage['id']
    assert account.tables['deal'][2]['status'] == 'lost'
    assert 'merged into 3' in page
    assert 'Northgate Ltd' in page
    assert 'paid_invoice_count' in page
    assert 'new@person.example' in page
    undone = await browser.post('/pages/pipedrive', data={'act': 'undelete', 'kind': 'organization', 'id': '2'})
    assert 'is back' in undone.text


async def test_a_refused_act_is_told_and_changes_nothing(browser: httpx2.AsyncClient, world: World) -> None:
    field = world.pipedrive.catalogues['organization'].named('paid_invoice_count')['field_code']
    form = {'act': 'set_field', 'kind': 'organization', 'id': '1', 'field': field, 'value': 'many'}
    assert 'paid_invoice_count is a number' in (await browser.post('/pages/pipedrive', data=form)).text
    assert 'no client 999' in (await browser.post('/pages/tutorcruncher', data={'act': 'delete', 'client': '999'})).text
    assert world.outbox.waiting == []


async def test_calls_are_shown_with_their_cost_and_fields_by_name(browser: httpx2.AsyncClient, world: World) -> None:
    field = world.pipedrive.catalogues['organization'].named('tc2_status')['field_code']
    written = {'custom_fields': {field: 'trial'}}
    await browser.patch('/pipedrive/api/v2/organizations/1', json=written, headers={'x-api-token': 'pk'})
    page = (await browser.get('/pages/pipedrive')).text
    assert 'PATCH /organizations/1' in page
    assert 'tc2_status · 5 tokens' in page


@pytest.mark.parametrize(
    'headers',
    [
        {'origin': 'https://evil.example'},
        {'origin': 'http://127.0.0.1:9999'},
        {'origin': 'null'},
        {'sec-fetch-site': 'cross-site'},
        {'host': 'rebound.example'},
    ],
)
async def test_forms_of_strangers_are_refused(
    browser: httpx2.AsyncClient, world: World, headers: dict[str, str]
) -> None:
    form = {'act': 'delete', 'client': '101'}
    assert (await browser.post('/pages/tutorcruncher', data=form, headers=headers)).status_code == 403
    assert not world.tutorcruncher.client(101).deleted


async def test_the_weather_is_set_by_hand(browser: httpx2.AsyncClient, world: World) -> None:
    await browser.post('/pages/weather', data={'name': 'storm'})
    assert world.weather.name == 'storm'


async def test_a_big_world_is_shown_in_pages() -> None:
    clock = ManualClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    world = World(clock, random.Random(7), 'http://127.0.0.1:8000', Secrets('tk', 'pk', 'hook', 'password'))
    demo.big(world, 45)
    transport = httpx2.ASGITransport(create_app(world))
    async with httpx2.AsyncClient(transport=transport, base_url='http://127.0.0.1:8100') as browser:
        assert (await browser.get('/pages/pipedrive')).text.count('Alex Person') >= 20
        page = (await browser.get('/pages/pipedrive', params={'page': 3})).text
        assert 'Tutors 000001' in page
        assert '3 of 3' in page


# The link to a support call, which Hermes makes


def answering(world: World, status: int, told: object) -> list[httpx2.Request]:
    """Hermes answers so; what it was asked."""
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(status, json=told)

    world.way_to_hermes = httpx2.MockTransport(answer)
    return asked


LINK = 'http://127.0.0.1:8000/support-call/4/?admin_id=4&company_id=7&e=1&s=<x>'


@pytest.mark.parametrize('express', [False, True])
async def test_a_support_link_is_made_with_the_key_and_stands_on_the_clients_page(
    browser: httpx2.AsyncClient, world: World, express: bool
) -> None:
    asked = answering(world, 200, {'status': 'ok', 'link': LINK})
    form = {'client': '101', 'admin': '14', **({'express': 'true'} if express else {})}
    answer = await browser.post('/pages/tutorcruncher/support-link', data=form)
    [request] = asked
    assert str(request.url).startswith('http://127.0.0.1:8000/callbooker/support-link/generate/tc2/?')
    told = {'tc2_admin_id': '14', 'tc2_cligency_id': '101', **({'express': 'true'} if express else {})}
    assert dict(request.url.params) == told
    assert request.headers['authorization'].split()[-1] == 'tk'
    assert f'Open the {"express " if express else ""}link to Tom Whitfield' in answer.text
    assert escape(LINK) in answer.text
    assert answer.history[0].headers['location'].endswith('#company-101')
    assert escape(LINK) in (await browser.get('/pages/tutorcruncher?q=Northgate')).text
    assert escape(LINK) not in (await browser.get('/pages/tutorcruncher?q=Lakeside')).text


@pytest.mark.parametrize(
    ('status', 'answer', 'said'),
    [
        (403, {'status': 'error', 'message': 'Wrong key.'}, 'Hermes makes no link (403): Wrong key.'),
        (404, {'message': 'There is no <b>such</b> client.'}, 'Hermes makes no link (404): There is no &lt;b&gt;such'),
        (500, [], 'Hermes makes no link (500): without a reason'),
        (200, {'link': 'javascript:alert(1)'}, 'Hermes makes no link (200): without a reason'),
    ],
)  # fmt: skip
async def test_a_refusal_of_hermes_is_told_plainly(
    browser: httpx2.AsyncClient, world: World, status: int, answer: object, said: str
) -> None:
    answering(world, status, answer)
    page = await browser.post('/pages/tutorcruncher/support-link', data={'client': '101', 'admin': '14'})
    assert said in page.text
    assert 'data-testid="made-link"' not in page.text


async def test_a_hermes_that_is_away_is_told_plainly(browser: httpx2.AsyncClient, world: World) -> None:
    def lose(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError('refused')

    world.way_to_hermes = httpx2.MockTransport(lose)
    page = await browser.post('/pages/tutorcruncher/support-link', data={'client': '101', 'admin': '14'})
    assert 'Hermes does not answer at http://127.0.0.1:8000' in page.text
    for form in ({'client': '999', 'admin': '14'}, {'client': '101', 'admin': '99'}, {'client': '101'}, {}):
        answer = await browser.post('/pages/tutorcruncher/support-link', data=form)
        assert 'class="said failed"' in answer.text
