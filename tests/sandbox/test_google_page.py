"""The calendars' page: a person looks, acts by form without any script, and sees what travelled."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from hermes.sandbox.app import create_app
from hermes.sandbox.outbox import Delivery
from hermes.sandbox.scenarios import diaries
from hermes.sandbox.world import World
from tests.sandbox.google import MARCUS, PRIYA, SANDBOX, body, make_world, open_caller

PAGE = '/pages/google'


@pytest.fixture
def world() -> World:
    world = make_world()
    diaries.fill_calendars(world)
    return world


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(create_app(world))
    async with httpx2.AsyncClient(transport=transport, base_url=SANDBOX, follow_redirects=True) as client:
        yield client


async def test_the_week_of_everybody_is_shown(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get('/google')
    assert str(answer.url) == f'{SANDBOX}{PAGE}'
    for told in ('Priya Raman', 'Marcus Hale', 'America/New_York', 'Stand-up', 'Mon 02 Mar', 'Nobody watches'):
        assert told in answer.text
    assert '<style' not in answer.text
    later = await browser.get(PAGE, params={'week': '2026-03-19', 'who': PRIYA})
    assert 'Mon 16 Mar' in later.text
    assert 'Day off' in later.text
    assert 'Week of Marcus Hale' not in later.text
    assert (await browser.get(PAGE, params={'week': '9999-99-99'})).status_code == 200


async def test_time_is_blocked_moved_and_freed(browser: httpx2.AsyncClient, world: World) -> None:
    form = {
        'act': 'block',
        'email': MARCUS,
        'start': '2026-03-04T14:00',
        'end': '2026-03-04T15:00',
        'week': '2026-03-02',
    }
    answer = await browser.post(PAGE, data=form | {'summary': 'Lab <b>'})
    assert [one.status_code for one in answer.history] == [303]
    assert 'Lab &lt;b&gt;' in answer.text
    event = next(one for one in world.google.visible(MARCUS) if one.fields['summary'] == 'Lab <b>')
    assert event.fields['start']['dateTime'] == '2026-03-04T19:00:00+00:00'
    told = {'email': MARCUS, 'event': event.id}
    await browser.post(PAGE, data={**told, 'act': 'move', 'start': '2026-03-05T09:00'})
    assert event.fields['start']['dateTime'] == '2026-03-05T14:00:00+00:00'
    await browser.post(PAGE, data={**told, 'act': 'rename', 'summary': 'Laboratory'})
    assert event.fields['summary'] == 'Laboratory'
    await browser.post(PAGE, data={**told, 'act': 'delete'})
    assert event.is_cancelled
    await browser.post(PAGE, data={**told, 'act': 'undelete'})
    assert not event.is_cancelled


async def test_a_guest_answers_and_the_letters_are_listed(browser: httpx2.AsyncClient, world: World) -> None:
    caller = open_caller(world)
    guests = [{'email': 'lead@visitor.example'}]
    told = body(id='abcde', attendees=guests, description='Bring the figures')
    await caller.ok('POST', '/calendars/primary/events', told, sendUpdates='all')
    page = await browser.get(PAGE)
    assert 'invitation' in page.text
    assert 'Bring the figures' in page.text
    form = {'email': PRIYA, 'event': 'abcde', 'guest': 'lead@visitor.example', 'act': 'declined'}
    assert 'lead@visitor.example says declined' in (await browser.post(PAGE, data=form)).text
    assert world.google.events[PRIYA, 'abcde'].guests['lead@visitor.example']['responseStatus'] == 'declined'


@pytest.mark.parametrize(
    'act',
    ['fail_free_busy', 'refuse_insert', 'refuse_insert_made', 'away', 'slow', 'expire_sync_tokens', 'lapse_watches'],
)
async def test_a_calendar_is_broken_and_mended(browser: httpx2.AsyncClient, world: World, act: str) -> None:
    whole = world.google.state()['faults']
    answer = await browser.post(PAGE, data={'act': act, 'email': PRIYA})
    assert 'class="said done"' in answer.text
    changed = world.google.state()['faults'] != whole or world.google.epochs
    assert changed or act == 'lapse_watches'
    await browser.post(PAGE, data={'act': 'mend', 'email': PRIYA})
    faults = world.google.faults
    assert not any((faults.away, faults.slow, faults.free_busy, faults.inserts))


async def test_the_whole_office_is_broken_and_mended(browser: httpx2.AsyncClient, world: World) -> None:
    for act in ('expire_tokens', 'undelegate', 'delegate', 'fail_meet', 'mend_all'):
        assert 'class="said done"' in (await browser.post(PAGE, data={'act': act})).text
    assert world.google.tokens.delegated


@pytest.mark.parametrize(
    'form',
    [
        {'act': 'block', 'email': 'nobody@office.example'},
        {'act': 'block', 'email': PRIYA, 'start': '', 'end': ''},
        {'act': 'block', 'email': PRIYA, 'start': '2026-03-04T15:00', 'end': '2026-03-04T14:00'},
        {'act': 'move', 'email': PRIYA, 'event': 'unknown', 'start': '2026-03-04T15:00'},
        {'act': 'fly', 'email': PRIYA, 'event': 'unknown'},
    ],
)
async def test_what_cannot_be_done_is_said(browser: httpx2.AsyncClient, form: dict[str, str]) -> None:
    answer = await browser.post(PAGE, data=form)
    assert answer.status_code == 200
    assert 'class="said failed"' in answer.text


async def test_calls_and_messages_stand_in_the_feed(browser: httpx2.AsyncClient, world: World) -> None:
    caller = open_caller(world)
    told = {'id': 'c1', 'type': 'web_hook', 'address': 'http://127.0.0.1:8000/google/callback/'}
    await caller.ok('POST', '/calendars/primary/events/watch', told)

    async def accept(delivery: Delivery) -> int:
        return 200

    await world.outbox.deliver_due(accept)
    feed = (await browser.get('/pages/travel')).text
    assert 'POST /calendars/primary/events/watch' in feed
    assert 'calendar sync' in feed
    assert f'{PRIYA}, message 1' in feed
