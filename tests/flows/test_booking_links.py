"""Links: to a support call (CB-16, CB-17, D-19), and to one's own booking (CB-13)."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.flows.companies import later, sign_up
from tests.flows.house import HERMES, INES, PRIYA, SIGNING_KEY, TOM, House, open_house
from tests.flows.visitors import HALF, TEN, admin, book, left, link, live, number, slots, starts

HOUR = timedelta(hours=1)
INLINE = re.compile(r'<script(?! type="module" src="/)|<style')


async def query(house: House, client: int, **more: Any) -> dict[str, str]:
    answer = await link(house, client, **more)
    assert answer.status_code == 200, answer.text
    return dict(parse_qsl(urlsplit(answer.json()['link']).query))


async def support(house: House, given: dict[str, str], **more: Any) -> httpx2.Response:
    form = {'name': 'Kim Sato', 'email': 'kim@ember.example', 'meeting_dt': TEN.isoformat(), **given, **more}
    return await house.web.post(
        '/callbooker/support/book', json={name: value for name, value in form.items() if value is not ...}
    )


async def validate(house: House, given: dict[str, str]) -> httpx2.Response:
    return await house.web.get('/callbooker/support-link/validate/', params=given)


@pytest.mark.behaviour('CB-16')
@pytest.mark.lesson('K-8')
async def test_a_support_link_is_signed_whole(house: House) -> None:
    client = sign_up(house)
    other = sign_up(house, 'Other Tutors', email='o@other.example', recipients=[])
    await later(house)
    answer = await link(house, client.id)
    tom = await number(house, TOM)
    assert answer.json()['link'].startswith(f'{HERMES}/support-call/{tom}/?')
    given = dict(parse_qsl(urlsplit(answer.json()['link']).query))
    valid = await validate(house, given)
    assert (valid.json()['status'], valid.json()['company_name']) == ('ok', 'Ember Tutors')
    elsewhere = await query(house, other.id)
    forged = [
        {'company_id': elsewhere['company_id']},
        {'admin_id': str(await number(house, INES))},
        {'e': str(int(given['e']) + 1)},
        {'x': '1'},
        {'s': '0' * 64},
        {'s': ''},
    ]
    for change in forged:
        refused = await validate(house, {**given, **change})
        assert (refused.status_code, refused.json()['code']) == (403, 'link_invalid'), change
        assert (await support(house, {**given, **change})).status_code == 403
    assert (await support(house, {'admin_id': given['admin_id'], 'company_id': given['company_id']})).status_code == 403
    house.clock.advance(4 * 86400)
    late = await validate(house, given)
    assert (late.status_code, late.json()['code']) == (403, 'link_expired')
    assert (await left(house))['meeting'] == 0


@pytest.mark.behaviour('CB-16')
async def test_an_express_link_shortens_the_notice(house: House) -> None:
    client = sign_up(house)
    await later(house)
    ordinary, express = await query(house, client.id), await query(house, client.id, express='true')
    assert express['x'] == '1'
    soon = house.clock.now().replace(hour=10, minute=0, second=0)
    assert soon - house.clock.now() < HOUR
    assert (await support(house, ordinary, meeting_dt=soon.isoformat())).json()['code'] == 'notice'
    tokens = [(await validate(house, given)).json()['token'] for given in (ordinary, express)]
    offered = [await starts(house, house.clock.now(), 1, who=TOM, token=token) for token in tokens]
    assert (soon in offered[0], soon in offered[1]) == (False, True)
    another = await slots(house, house.clock.now(), 1, who=INES, token=tokens[1])
    assert another.status_code == 403, 'a link is for one admin'
    assert (await support(house, express, meeting_dt=soon.isoformat())).status_code == 200


@pytest.mark.behaviour('CB-16')
async def test_keys_are_rotated_without_losing_a_link(database_url: str) -> None:
    async with open_house(database_url, signing_key=f'a-newer-signing-key,{SIGNING_KEY}') as house:
        client = sign_up(house)
        await later(house)
        given = await query(house, client.id)
        assert (await validate(house, given)).status_code == 200
        wrong = await link(house, client.id, key='not-the-key')
        assert (wrong.status_code, wrong.json()['status']) == (403, 'error')
        bare = await house.web.get('/callbooker/support-link/generate/tc2', params={'tc2_admin_id': 'x'})
        assert bare.status_code == 403, 'nothing is read before the key is'


@pytest.mark.behaviour('CB-17')
async def test_a_company_that_only_tutorcruncher_knows(house: House) -> None:
    house.world.weather.change(dropped_p=1.0)
    client = sign_up(house)
    await house.settle()
    house.world.weather.change(name='calm')
    assert (await left(house))['company'] == 0
    house.mark()
    given = await query(house, client.id)
    assert len(house.calls('GET', f'/clients/{client.id}', 'tutorcruncher')) == 1
    assert (await left(house)) == {'company': 1, 'contact': 1, 'deal': 0, 'meeting': 0}
    await later(house)
    assert [each['name'] for each in house.organizations()] == ['Ember Tutors']
    assert house.deals() == []
    assert (await support(house, given)).status_code == 200
    house.tc2.change_status(client.id, status='pending')
    await later(house, 3600)
    assert (await left(house))['deal'] == 0, 'nor later'
    nobody = await link(house, 987654)
    assert (nobody.status_code, nobody.json()['code']) == (404, 'not_found')


@pytest.mark.behaviour('D-19')
async def test_a_support_call_needs_a_known_company(database_url: str) -> None:
    async with open_house(database_url, support_booking_needs_link=False) as house:
        before = await left(house)
        asked = {'admin_id': str(await number(house, TOM)), 'company_id': '4711'}
        answer = await support(house, asked)
        assert (answer.status_code, answer.json()['code']) == (404, 'not_found')
        assert await left(house) == before


@pytest.mark.behaviour('CB-13')
async def test_a_booking_is_moved_by_its_link(house: House) -> None:
    priya = await admin(house)
    told = (await book(house)).json()
    await later(house)
    path, json = urlsplit(told['manage']).path, {'Accept': 'application/json'}
    seen = (await house.web.get(path, headers=json)).json()
    assert (seen['state'], seen['start'], seen['admin']) == ('planned', '2026-03-04T10:00:00Z', 'Priya Raman')
    eleven = TEN + HOUR
    moved = await house.web.post(path, json={'action': 'move', 'start': eleven.isoformat()}, headers=json)
    assert (moved.status_code, moved.json()['invitation']) == (200, 'sent'), moved.text
    [event] = live(house, priya['email'])
    assert event['start']['dateTime'].startswith('2026-03-04T11:00')
    await later(house)
    [activity] = [each for each in house.pd.state()['activities'] if not each['is_deleted']]
    assert activity['due_time'].startswith('11:00')
    offered = await starts(house)
    assert TEN in offered
    assert eleven not in offered
    assert (await house.web.get(path, headers=json)).json()['start'] == '2026-03-04T11:00:00Z', 'an old link leads on'
    refused = await house.web.post(path, json={'action': 'move', 'start': (TEN - HOUR).isoformat()}, headers=json)
    assert (refused.status_code, refused.json()['code']) == (400, 'outside_hours')
    overlapping = await house.web.post(
        path, json={'action': 'move', 'start': (eleven + timedelta(minutes=10)).isoformat()}, headers=json
    )
    assert overlapping.status_code == 200, 'a meeting is not in its own way'


@pytest.mark.behaviour('CB-13')
async def test_a_booking_is_canceled_by_its_link_and_only_by_posting(house: House) -> None:
    priya = await admin(house)
    told = (await book(house)).json()
    path = urlsplit(told['manage']).path
    for accept in ('application/json', 'text/html'):
        for form in (path, f'{path}/'):
            assert (await house.web.get(form, headers={'Accept': accept})).status_code == 200
            await house.web.get(form, params={'action': 'cancel'}, headers={'Accept': accept})
    assert (await house.rows('select status from meeting'))[0]['status'] == 'planned'
    for _ in range(2):
        answer = await house.web.post(path, data={'action': 'cancel'})
        assert (answer.status_code, answer.headers['content-type'].split(';')[0]) == (200, 'text/html')
        assert 'is cancelled' in answer.text
    await later(house)
    assert live(house, priya['email']) == []
    assert TEN in await starts(house)
    again = await house.web.post(path, json={'action': 'move', 'start': (TEN + HOUR).isoformat()})
    assert (again.status_code, again.json()['code']) == (400, 'canceled')


@pytest.mark.behaviour('CB-13')
async def test_a_link_is_as_good_as_its_meeting_is_long(house: House) -> None:
    path = urlsplit((await book(house)).json()['manage']).path
    forged = path[:-4] + ('AAAA' if path[-4:] != 'AAAA' else 'BBBB')
    json = {'Accept': 'application/json'}
    assert (await house.web.get(forged, headers=json)).json()['code'] == 'link_invalid'
    house.clock.move_to(TEN + HALF)
    late = await house.web.get(path, headers=json)
    assert (late.status_code, late.json()['code']) == (403, 'link_expired')
    assert (await house.web.post(path, json={'action': 'cancel'}, headers=json)).status_code == 403
    page = await house.web.get(path)
    assert (page.status_code, 'over' in page.text) == (403, True)


@pytest.mark.behaviour('CB-3')
async def test_a_moved_call_keeps_its_distance_too(house: House) -> None:
    first = (await book(house)).json()
    assert (await book(house, TEN + 4 * HOUR)).status_code == 200
    path = urlsplit(first['manage']).path
    close = await house.web.post(path, json={'action': 'move', 'start': (TEN + 5 * HOUR).isoformat()})
    assert (close.status_code, close.json()['code']) == (409, 'slot_taken')
    apart = await house.web.post(path, json={'action': 'move', 'start': (TEN + 2 * HOUR).isoformat()})
    assert apart.status_code == 200, apart.text


@pytest.mark.behaviour('CB-13')
async def test_the_page_offers_other_times_without_a_script(house: House) -> None:
    path = urlsplit((await book(house, zone='Asia/Kolkata')).json()['manage']).path
    page = await house.web.get(path)
    assert 'Asia/Kolkata' in page.text
    assert '15:30' in page.text, 'ten in London'
    assert not INLINE.search(page.text)
    assert "default-src 'none'" in page.headers['content-security-policy']
    assert page.headers['referrer-policy'] == 'no-referrer'
    start = page.text.rpartition('name="start" value="2026')[2].partition('"')[0]
    moved = await house.web.post(path, data={'action': 'move', 'start': f'2026{start}'})
    assert (moved.status_code, 'was moved' in moved.text) == (200, True)
    house.google.set_away((await admin(house, PRIYA))['email'])
    house.clock.advance(61)
    closed = await house.web.get(path)
    assert (closed.status_code, 'cannot be shown' in closed.text) == (200, True)
    assert (await house.web.get('/static/booker.css')).headers['content-type'].startswith('text/css')
