"""Bookings at the desk (ADM-8): the week, why a time is not offered, the rota's ledger, and what an operator does to a
call on behalf of somebody: in the calendar and in the CRM, and not only on the page.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.flows.calendars import event_of, meeting
from tests.flows.desk import logged_in, said, text
from tests.flows.house import MARCUS, PRIYA, SIGNING_KEY, TOM, House, open_house
from tests.flows.letters import open_post
from tests.flows.visitors import HALF, TEN, admin, live, number
from tests.flows.visitors import book as visit

PAGE = '/desk/bookings/'


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url, signing_key=SIGNING_KEY) as house:
        yield house


async def booked(house: House, at: datetime = TEN, **more: Any) -> int:
    """A call that a visitor booked, in the calendar; its number."""
    answer = await visit(house, at, **more)
    assert answer.status_code == 200, answer.text
    await house.settle(60)
    [row] = await house.rows('select max(id) as id from meeting')
    return int(row['id'])


async def events(house: House, who: int = PRIYA) -> list[dict[str, Any]]:
    """The live events of ours in somebody's calendar."""
    return live(house, (await admin(house, who))['email'])


def activities(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.pd.state()['activities']
    return [one for one in found if not one.get('is_deleted')]


@pytest.mark.behaviour('ADM-8')
async def test_the_week_is_told_on_everybodys_own_clock(office: House) -> None:
    own = await booked(office)
    await office.act('admin.save', id=await number(office, MARCUS), fields={'timezone': 'Asia/Kolkata'})
    async with logged_in(office, 'viewer') as ann:
        page = await ann.see(f'{PAGE}?week=2026-03-05')
        [priya] = re.findall(r'<section aria-labelledby="who-\d+">.*?</section>', page, re.DOTALL)[:1]
        assert 'Europe/London' in priya
        assert 'Wed 4 Mar 10:00-17:30 10:00 Adams Tuition sales' in text(priya)
        assert f'href="{PAGE}{own}/"' in priya
        assert 'Asia/Kolkata' in page
        assert 'Adams Tuition' not in await ann.see(f'{PAGE}?week=2026-03-12')
        await office.act('meeting.reassign', meeting=own, admin=await number(office, MARCUS))
        marcus = await ann.see(f'{PAGE}?week=2026-03-05&admin={await number(office, MARCUS)}')
        assert '15:30 Adams Tuition' in text(marcus)
        await office.act('admin.save', id=await number(office, MARCUS), fields={'bookable': False})
        assert '15:30 Adams Tuition' in text(await ann.see(f'{PAGE}?week=2026-03-05')), 'the call stands'


@pytest.mark.behaviour('ADM-8', 'CB-19')
async def test_every_reason_against_a_time_is_told(office: House) -> None:
    await booked(office)
    priya = await admin(office)
    async with logged_in(office, 'viewer') as ann:
        page = text(await ann.see(f'{PAGE}why/?admin={priya["id"]}&when=2026-03-04T10:15'))
        assert 'it is not offered' in page
        assert 'There is a meeting on Wednesday 4 Mar 2026 from 10:00 to 10:30' in page
        assert 'it can be booked' in text(await ann.see(f'{PAGE}why/?admin={priya["id"]}&when=thu+10:00'))
        night = text(await ann.see(f'{PAGE}why/?admin={priya["id"]}&when=2026-03-04T20:00'))
        assert 'does not lie within the working hours' in night
        wrong = await ann.get(f'{PAGE}why/?admin={priya["id"]}&when=noon')
        assert (wrong.status_code, 'is no moment' in said(unescape(wrong.text))) == (422, True)


@pytest.mark.behaviour('ADM-8', 'CB-7')
async def test_a_call_that_is_cancelled_at_the_desk_is_gone_from_calendar_and_crm_and_its_visitor_is_told(
    database_url: str,
) -> None:
    async with open_post(database_url) as post:
        house = post.house
        own = await booked(house)
        await post.carry(60)
        assert (len(await events(house)), len(activities(house))) == (1, 1)
        async with logged_in(house, 'operator') as kim:
            before = text(await kim.see(f'{PAGE}{own}/'))
            assert 'confirmation sent' in before
            assert 'Calendar there' in before
            page = text(await kim.see(f'{PAGE}{own}/cancel/'))
            assert 'The event leaves the calendar' in page
            wrong = await kim.send(f'{PAGE}{own}/cancel/', name='Somebody')
            assert (wrong.status_code, 'Type the name' in said(wrong.text)) == (422, True)
            await house.settle(60)
            assert len(await events(house)) == 1
            page = await kim.act(f'{PAGE}{own}/cancel/', name='Adams Tuition', reason='they asked by phone')
            assert 'cancelled by admin' in text(page)
        await post.carry(60)
        assert (await events(house), activities(house)) == ([], [])
        assert [kind for kind, _, state, _ in await post.rows() if state == 'sent'] == ['confirmation', 'cancelled']
        async with logged_in(house, 'viewer') as ann:
            assert 'operator@desk.example' in await ann.see(f'{PAGE}{own}/')
            gone = await ann.get(f'{PAGE}{own}/cancel/')
            assert gone.status_code == 403


@pytest.mark.behaviour('ADM-8')
async def test_a_double_click_cancels_once(office: House) -> None:
    own = await booked(office)
    async with logged_in(office, 'operator') as kim:
        page = await kim.see(f'{PAGE}{own}/cancel/')
        hidden = dict(re.findall(r'name="(csrf|key)" value="([^"]*)"', page))
        data = {**hidden, 'name': 'Adams Tuition'}
        answers = await asyncio.gather(*(kim.http.post(f'{PAGE}{own}/cancel/', data=data) for _ in range(2)))
        assert len({answer.headers['location'] for answer in answers}) == 1
    acts = await office.rows(
        "select 1 from event where kind = 'act' and convert_from(body, 'UTF8') like '%%meeting.cancel%%'"
    )
    assert len(acts) == 1


@pytest.mark.behaviour('ADM-8', 'CB-13')
async def test_a_call_is_moved_to_a_time_that_is_on_offer_and_to_no_other(office: House) -> None:
    own, other = await booked(office), TEN + timedelta(hours=3)
    await booked(office, other, email='kit@other.example', name='Kit Moss', company_name='Moss Maths')
    path = f'{PAGE}{own}/move/'
    async with logged_in(office, 'operator') as kim:
        page = await kim.see(path)
        times = [datetime.fromisoformat(each) for each in re.findall(r'name="start" value="([^"]+)"', page)]
        assert TEN not in times
        assert all(abs(at - other) >= HALF for at in times)
        for start in (other, TEN.replace(hour=3), TEN - timedelta(days=9)):
            refused = await kim.send(path, start=start.isoformat())
            assert refused.status_code == 422, start
        assert (await kim.send(path, start='soon')).status_code == 422
        chosen = next(at for at in times if at.date() == (TEN + timedelta(days=1)).date())
        page = text(await kim.act(path, start=chosen.isoformat()))
        assert 'planned' in page
    await office.settle(60)
    assert (await meeting(office, own))['start_at'] == chosen
    starts = [datetime.fromisoformat(event['start']['dateTime']).astimezone(UTC) for event in await events(office)]
    assert sorted(starts) == sorted([chosen, other])


@pytest.mark.behaviour('ADM-8', 'CB-22')
async def test_a_call_is_given_to_somebody_else_who_is_looked_at_first(office: House) -> None:
    own = await booked(office)
    await office.act('admin.save', id=await number(office, MARCUS), fields={'timezone': 'Europe/London'})
    await booked(office, TEN, who=MARCUS, email='kit@other.example', name='Kit Moss', company_name='Moss Maths')
    free = await booked(office, TEN + 3 * HALF, email='ada@third.example', name='Ada Flint', company_name='Flint')
    path, marcus = f'{PAGE}{own}/reassign/', await number(office, MARCUS)
    async with logged_in(office, 'operator') as kim:
        assert 'There is a meeting' in text(await kim.see(f'{path}?admin={marcus}'))
        taken = await kim.send(path, admin=str(marcus))
        assert (taken.status_code, len(await events(office))) == (422, 2)
        assert (await kim.send(path, admin=str(await number(office, TOM)))).status_code == 422
        path = f'{PAGE}{free}/reassign/'
        assert f'{marcus}">Marcus' in await kim.see(path)
        assert 'free' in text(await kim.see(f'{path}?admin={marcus}'))
        await kim.act(path, admin=str(marcus))
    await office.settle(60)
    assert [len(await events(office, who)) for who in (PRIYA, MARCUS)] == [1, 2]


@pytest.mark.behaviour('ADM-8', 'API-3')
async def test_the_ledger_says_why_somebody_got_a_call(office: House) -> None:
    drawn = (await office.web.get('/choose-roundrobin/sales/?plan=payg&country_code=GB')).json()
    [row] = await office.rows('select tc2_admin_id from admin where id = %s', drawn['id'])
    own = await booked(office, who=row['tc2_admin_id'])
    async with logged_in(office, 'viewer') as ann:
        page = text(await ann.see(f'{PAGE}rota/?queue=sales:payg:gb'))
        assert f'{drawn["first_name"]} {drawn["last_name"]} drawn sales:payg:gb Adams Tuition booked' in page
        page = text(await ann.see(f'{PAGE}{own}/'))
        assert f"It was {drawn['first_name']} {drawn['last_name']}'s turn in sales:payg:gb" in page
        assert 'everybody stood so' in page
        [turn] = await office.rows('select id from turn')
        assert 'Adams Tuition' in await ann.see(f'{PAGE}rota/{turn["id"]}/')


@pytest.mark.behaviour('ADM-8', 'CB-16')
async def test_a_support_link_is_made_for_a_company_and_opens_its_page(office: House) -> None:
    await booked(office)
    tom, path = await number(office, TOM), f'{PAGE}link/'
    async with logged_in(office, 'operator') as kim:
        unknown = await kim.send(path, company='Nobody Ltd', admin=str(tom))
        assert 'There is no company of the name' in said(unknown.text)
        priya = await kim.send(path, company='Adams Tuition', admin=str(await number(office, PRIYA)))
        long = await kim.send(path, company='Adams Tuition', admin=str(tom), days='91')
        assert (priya.status_code, long.status_code) == (422, 422)
        made = await kim.send(path, company=' adams  tuition', admin=str(tom), days='2', express='1')
        found = re.search(r'data-testid="link">([^<]+)<', made.text)
        assert found is not None
        link = urlsplit(unescape(found[1]))
    assert (link.query.endswith('&x=1'), f'/{tom}/' in link.path) == (True, True)
    valid = f'/callbooker/support-link/validate/?{link.query}'
    assert (await office.web.get(valid)).json()['company_name'] == 'Adams Tuition'
    office.clock.advance(timedelta(days=2, minutes=1).total_seconds())
    assert (await office.web.get(valid)).status_code == 403
    kept = await office.rows("select convert_from(body, 'UTF8') as body from event where kind = 'security'")
    assert any('support.link' in row['body'] for row in kept)
    assert parse_signature(link.query) not in str(kept)
    async with logged_in(office, 'viewer') as ann:
        assert (await ann.get(path)).status_code == 403


def parse_signature(query: str) -> str:
    found = re.search(r'&s=([^&]+)', query)
    assert found is not None
    return found[1]


@pytest.mark.behaviour('ADM-8')
@pytest.mark.invariant('S11')
async def test_a_viewer_changes_no_booking(office: House) -> None:
    own = await booked(office)
    async with logged_in(office, 'viewer') as ann:
        page = await ann.see(f'{PAGE}{own}/')
        assert 'Cancel it' not in page
        for what, fields in (
            ('cancel', {'name': 'Adams Tuition'}),
            ('move', {'start': TEN.isoformat()}),
            ('reassign', {'admin': '1'}),
        ):
            refused = await ann.send(f'{PAGE}{own}/{what}/', PAGE, **fields)
            assert refused.status_code == 403
    assert (await meeting(office, own))['status'] == 'planned'
    assert event_of(office, (await admin(office))['email'])
