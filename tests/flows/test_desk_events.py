"""Events at the desk (ADM-5): found by filters, told as a story, applied again with a look first, put aside."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from hermes.sync.replay import replay_step
from tests.flows.companies import later, sign_up
from tests.flows.desk import browser, logged_in, said, text
from tests.flows.house import SECRETS, House
from tests.flows.test_desk_resources import rows_of


async def newest(house: House, where: str) -> int:
    [row] = await house.rows(f'select max(id) as id from event where {where}')
    return int(row['id'])


async def poisoned(house: House) -> int:
    """A delivery whose shape nobody knows: it is parked."""
    subject = {'model': 'Client', 'id': 'one'}
    told = {'events': [{'action': 'EDITED_A_CLIENT', 'verb': 'x', 'subject': subject}], '_request_time': 1}
    body = json.dumps(told).encode()
    answer = await house.send_tc2(body)
    assert answer.status_code == 200, answer.text
    await later(house)
    return await newest(house, "state = 'parked'")


@pytest.mark.behaviour('ADM-5')
async def test_events_are_found_by_what_the_address_says(house: House) -> None:
    sign_up(house)
    await later(house)
    async with logged_in(house, 'viewer') as ada:
        everything = rows_of(await ada.see('/desk/events/'))
        own = rows_of(await ada.see('/desk/events/?source=tutorcruncher'))
        assert 0 < len(own) < len(everything)
        assert all('TutorCruncher' in row for row in own)
        [company] = await house.rows('select id from company')
        of_record = rows_of(await ada.see(f'/desk/events/?record=company:{company["id"]}'))
        assert 0 < len(of_record) <= len(everything)
        assert all('Ember Tutors company' in row for row in of_record if 'TutorCruncher' in row)
        after = (house.clock.now() + timedelta(hours=1)).strftime('%Y-%m-%dT%H:%M')
        assert rows_of(await ada.see(f'/desk/events/?after={after}')) == []
        for wrong in ('after=yesterday', 'state=odd', 'record=company:999', 'outcome=odd', 'at=rubbish'):
            answer = await ada.get(f'/desk/events/?{wrong}')
            assert (answer.status_code, bool(said(answer.text))) == (422, True), wrong
        assert 'name="event"' not in await ada.see('/desk/events/')
        assert (await ada.get('/desk/events/999999999/')).status_code in (400, 404)


@pytest.mark.behaviour('ADM-5')
async def test_looks_and_exports_do_not_hide_what_happened(house: House) -> None:
    sign_up(house)
    await later(house)
    async with logged_in(house) as ada:
        before = rows_of(await ada.see('/desk/events/'))
        await ada.see('/desk/companies/export.csv')
        page = await ada.see('/desk/events/')
        assert rows_of(page) == before
        assert 'looks and exports are left out' in text(page)
        for asked in ('views=yes', 'kind=view', 'source=operator'):
            assert 'operator view' in rows_of(await ada.see(f'/desk/events/?{asked}'))[0], asked
        assert 'operator view' not in await ada.see('/')


@pytest.mark.behaviour('ADM-5')
async def test_one_event_tells_its_whole_story(house: House) -> None:
    sign_up(house)
    await later(house)
    number = await newest(house, "source = 'tutorcruncher' and kind = 'webhook'")
    async with logged_in(house, 'viewer') as ada:
        page = text(await ada.see(f'/desk/events/{number}/'))
        for told in (
            'received from tutorcruncher',
            'Ember Tutors company is made',
            'name: Ember Tutors',
            'create organization',
            'tokens',
            'quiet',
        ):
            assert told in page, told


@pytest.mark.behaviour('ADM-5')
@pytest.mark.invariant('S15')
@pytest.mark.invariant('S17')
async def test_each_view_of_a_raw_body_is_journalled_and_shows_no_secret(house: House) -> None:
    sign_up(house, '<script>alert(1)</script> Tutors')
    await later(house)
    number = await newest(house, "source = 'tutorcruncher' and kind = 'webhook'")
    async with logged_in(house, 'operator') as ada, logged_in(house, 'viewer') as kim:
        shown = await ada.send(f'/desk/events/{number}/body/', f'/desk/events/{number}/')
        assert shown.status_code == 200
        assert 'meta_agency' in shown.text
        assert '<script>alert' not in shown.text
        assert SECRETS.tc2_api_key not in shown.text
        assert 'authorization' not in shown.text.lower()
        assert (await kim.send(f'/desk/events/{number}/body/', '/')).status_code == 403
        assert (await ada.get(f'/desk/events/{number}/body/')).status_code == 405
        for page in ('/desk/events/', f'/desk/events/{number}/', '/desk/companies/', '/desk/search/?q=script'):
            assert '<script>alert' not in await ada.see(page), page
    viewed = await house.rows("select convert_from(body, 'UTF8') as body, headers from event where kind = 'view'")
    told = [(json.loads(row['body'])['event'], row['headers']['by']) for row in viewed if 'event.viewed' in row['body']]
    assert told == [(number, 'operator@desk.example')]


@pytest.mark.behaviour('ADM-5')
async def test_a_filter_is_replayed_after_a_look_by_a_job_that_tells_how_far_it_is(house: House) -> None:
    for n in range(5):
        sign_up(house, f'Tutors {n}', email=f'o{n}@t.example', recipients=[])
    await later(house)
    await house.rows("update company set website = 'lost.example' where name = 'Tutors 3' returning id")
    before = await house.rows('select count(*) as n from change')
    async with logged_in(house, 'operator') as ada:
        looked = await ada.send(
            '/desk/events/replay/', '/desk/events/', source='tutorcruncher', kind='webhook', all='yes'
        )
        assert looked.status_code == 200, said(looked.text)
        assert 'Nothing was changed' in looked.text
        assert await house.rows('select count(*) as n from change') == before
        unbounded = await ada.send('/desk/events/replay/', '/desk/events/', all='yes')
        assert 'narrow the list down' in unbounded.text
        carried = dict(re.findall(r'<input type="hidden" name="(source|kind)" value="([^"]*)"', looked.text))
        assert carried == {'source': 'tutorcruncher', 'kind': 'webhook'}
        page = await ada.act('/desk/events/replay/start/', '/desk/events/', **carried)
        assert 'running' in page
        number = re.search(r'/desk/replays/(\d+)/', page)
        assert number is not None
        while await replay_step(house.engine):
            pass
        told = text(await ada.see(f'/desk/replays/{number[1]}/'))
        assert '5 of 5 applied' in told
        assert 'done' in told


@pytest.mark.behaviour('ADM-5')
async def test_a_replay_is_cancelled_and_a_selection_is_replayed(house: House) -> None:
    for n in range(3):
        sign_up(house, f'Tutors {n}', email=f'o{n}@t.example', recipients=[])
    await later(house)
    rows = await house.rows("select id from event where source = 'tutorcruncher' and kind = 'webhook' order by id")
    async with logged_in(house, 'operator') as ada:
        await ada.act('/desk/events/replay/start/', '/desk/events/', source='tutorcruncher')
        [job] = await house.rows('select id from replay')
        page = await ada.act(f'/desk/replays/{job["id"]}/cancel/', '/desk/events/')
        assert 'cancelled' in text(page)
        ticked: Any = [str(row['id']) for row in rows[:2]]
        looked = await ada.send('/desk/events/replay/', '/desk/events/', event=ticked)
        assert text(looked.text).count('2 events') >= 1
        await ada.act('/desk/events/replay/start/', '/desk/events/', event=ticked)
        again = await house.rows("select convert_from(body, 'UTF8')::jsonb as act from event where kind = 'act'")
        assert [row['act']['event'] for row in again if row['act']['act'] == 'event.replay'] == [int(n) for n in ticked]


@pytest.mark.behaviour('ADM-5')
@pytest.mark.behaviour('ADM-15')
async def test_a_parked_event_is_dismissed_with_a_reason_and_taken_along_as_a_capsule(house: House) -> None:
    number = await poisoned(house)
    async with logged_in(house, 'operator') as ada, browser(house) as nobody:
        page = await ada.see(f'/desk/events/{number}/')
        assert 'parked' in page
        capsule = await ada.send(f'/desk/events/{number}/capsule/', f'/desk/events/{number}/', anonymous='yes')
        told = capsule.json()
        assert (told['about'], told['anonymous']) == (f'event:{number}', True)
        assert 'attachment' in capsule.headers['content-disposition']
        refused = await ada.send(f'/desk/events/{number}/dismiss/', f'/desk/events/{number}/', reason='')
        assert refused.status_code == 400
        await ada.act(f'/desk/events/{number}/dismiss/', f'/desk/events/{number}/', reason='a test of the sender')
        assert 'dismissed' in await ada.see(f'/desk/events/{number}/')
        assert (await nobody.http.post(f'/desk/events/{number}/capsule/')).headers['location'].startswith('/login')
