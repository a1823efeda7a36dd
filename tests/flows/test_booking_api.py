"""The website books: HTTP in; company, contact, deal, meeting, event and activity out."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.flows.acting import carry_out
from tests.flows.companies import later, sign_up
from tests.flows.house import INES, MARCUS, NOOR, PRIYA, START, TOM, House, open_house
from tests.flows.visitors import FORM, HALF, TEN, admin, book, left, link, live, number, slots, starts

HOUR = timedelta(hours=1)


@pytest.mark.behaviour('CB-1')
@pytest.mark.behaviour('CB-7')
async def test_a_visitor_books_a_slot_that_was_offered(house: House) -> None:
    priya = await admin(house)
    offered = await slots(house)
    assert offered.json()['slots'][0] == ['2026-03-04T10:00:00Z', '2026-03-04T10:30:00Z']
    answer = await book(house, phone='020 7946 0011', website='adams.example')
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told['status'], told['invitation'], told['admin']) == ('ok', 'sent', 'Priya Raman')
    assert (told['start'], told['end']) == ('2026-03-04T10:00:00Z', '2026-03-04T10:30:00Z')
    assert told['manage'].startswith(house.settings.hermes_url + '/booking/')
    [event] = live(house, priya['email'])
    assert event['start']['dateTime'].startswith('2026-03-04T10:00')
    await house.settle()
    [organization], [deal] = house.organizations(), house.deals()
    assert (organization['name'], organization['owner_id']) == ('Adams Tuition', priya['pd_owner_id'])
    assert (deal['title'], deal['owner_id']) == ('Adams Tuition', priya['pd_owner_id'])
    [person] = house.persons()
    assert person['phones'][0]['value'] == '+442079460011'
    [company] = await house.rows('select has_booked_call, website, currency, price_plan from company')
    assert list(company.values()) == [True, 'https://adams.example', 'GBP', 'payg']


@pytest.mark.behaviour('CB-1', 'MATCH-5')
async def test_an_existing_company_keeps_what_it_has(house: House) -> None:
    sign_up(house, sales_person=MARCUS, country='GB')
    await later(house)
    marcus = await admin(house, MARCUS)
    answer = await book(
        house, email='SAM@ember.example', name='Samuel Other', company_name='Quite Another', country='US'
    )
    assert answer.status_code == 200, answer.text
    await house.settle()
    [company] = await house.rows('select name, sales_person_id, has_booked_call from company')
    assert list(company.values()) == ['Ember Tutors', marcus['id'], True]
    assert (await left(house))['contact'] == 1
    assert [deal['owner_id'] for deal in house.deals()] == [marcus['pd_owner_id']]


@pytest.mark.behaviour('CB-2', 'D-7')
async def test_a_support_call_by_its_link(house: House) -> None:
    client = sign_up(house, created=START - timedelta(days=200))
    await later(house)
    before = await left(house)
    assert before['deal'] == 0, 'too old to be sold anything'
    query = (await link(house, client.id)).json()['link'].partition('?')[2]
    given = dict(part.split('=') for part in query.split('&'))
    form = {'name': 'Kim Sato', 'email': 'kim@ember.example', 'meeting_dt': TEN.isoformat(), **given}
    answer = await house.web.post('/callbooker/support/book/', json=form)
    assert answer.status_code == 200, answer.text
    await house.settle()
    assert await left(house) == {**before, 'contact': before['contact'] + 1, 'meeting': 1}
    assert house.deals() == []
    [meeting] = await house.rows('select kind, company_id, admin_id from meeting')
    assert meeting == {'kind': 'support', 'company_id': int(given['company_id']), 'admin_id': await number(house, TOM)}
    assert [each['summary'] for each in live(house, (await admin(house, TOM))['email'])] == [
        'TutorCruncher support meeting with Tom Whitfield'
    ]


@pytest.mark.behaviour('CB-3')
async def test_two_hours_between_the_calls_of_one_contact(house: House) -> None:
    assert (await book(house)).status_code == 200
    before = await left(house)
    close = await book(house, TEN + 2 * HOUR - timedelta(minutes=1), email='LEE@customer.example')
    assert (close.status_code, close.json()['code']) == (409, 'slot_taken'), 'whose address it is, is told nobody'
    assert await left(house) == before
    with_somebody_else = await book(house, TEN + HOUR, company_name='Another One', email='other@customer.example')
    assert with_somebody_else.status_code == 200, with_somebody_else.text
    assert (await book(house, TEN + 2 * HOUR)).status_code == 200, 'exactly two hours are allowed'


@pytest.mark.behaviour('CB-3')
async def test_two_calls_of_one_contact_at_the_same_moment(house: House) -> None:
    at = TEN + timedelta(hours=5)
    answers = await asyncio.gather(*(book(house, at, who=who) for who in (PRIYA, MARCUS)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


@pytest.mark.behaviour('CB-4')
@pytest.mark.invariant('I17')
@pytest.mark.lesson('A-9')
async def test_of_many_at_once_one_gets_the_time(house: House) -> None:
    house.working = False
    wanted = [(TEN + timedelta(minutes=5 * (n % 8)), f'visitor{n}@customer.example') for n in range(40)]
    answers = await asyncio.gather(*(book(house, at, email=email, company_name=email) for at, email in wanted))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] + [409] * 39, [answer.text for answer in answers if answer.status_code not in (200, 409)]
    assert (await left(house)) == {'company': 1, 'contact': 1, 'deal': 1, 'meeting': 1}
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused['status'], refused['code']) == ('error', 'slot_taken')


@pytest.mark.behaviour('CB-5', 'CB-20')
async def test_the_grid_of_a_day(house: House) -> None:
    found = await starts(house, TEN - HOUR)
    assert [f'{at:%H:%M}' for at in found] == [
        '10:00', '10:45', '11:30', '12:15', '13:00', '13:45', '14:30', '15:15', '16:00', '16:45'
    ]  # fmt: skip
    assert await starts(house, TEN + timedelta(days=3), 2) == [], 'nothing on Saturday and Sunday'
    await house.act(
        'admin.save',
        id=await number(house),
        fields={'working_hours': {'sat': [['09:00', '10:30']]}, 'meeting_dur_mins': 45, 'meeting_buffer_mins': 0},
    )
    assert [f'{at:%a %H:%M}' for at in await starts(house, TEN, 6)] == ['Sat 09:00', 'Sat 09:45']


@pytest.mark.behaviour('CB-5')
@pytest.mark.lesson('I-4')
async def test_what_is_offered_is_bookable_and_nothing_else(house: House) -> None:
    priya = await admin(house)
    house.google.block(priya['email'], TEN + HOUR, TEN + 2 * HOUR)
    offered = await starts(house)
    assert TEN + timedelta(minutes=90) not in offered
    ends_where_it_is_busy = TEN + HALF
    assert (await book(house, ends_where_it_is_busy)).status_code == 200, 'half-open: it ends where the other begins'
    assert (await book(house, TEN + timedelta(minutes=65), email='b@b.example')).status_code == 409
    buffer = await book(house, TEN, email='c@c.example')
    assert (buffer.status_code, buffer.json()['code']) == (409, 'slot_taken'), 'a buffer lies between two of ours'
    assert (await book(house, TEN + 2 * HOUR, email='d@d.example')).status_code == 200
    left_over = await starts(house)
    answers = [(await book(house, at, email=f'e{n}@e.example')).status_code for n, at in enumerate(left_over)]
    assert left_over
    assert set(answers) == {200}
    rules = {
        'notice': house.clock.now() + HOUR,
        'past': house.clock.now() - HOUR,
        'horizon': TEN + timedelta(days=63),
        'outside_hours': TEN + timedelta(hours=23, minutes=59),
        'weekend': TEN + timedelta(days=3),
    }
    told = {code: await book(house, at, email='f@f.example') for code, at in rules.items()}
    assert {code: (answer.status_code, answer.json()['code']) for code, answer in told.items()} == {
        **{code: (400, code) for code in rules},
        'past': (422, 'invalid'),
    }


@pytest.mark.behaviour('CB-6')
async def test_a_refused_booking_leaves_nothing(house: House) -> None:
    assert (await book(house)).status_code == 200
    await house.settle()
    before = await left(house)
    house.mark()
    refused = [
        await book(house, TEN, email='a@a.example', company_name='A'),
        await book(house, TEN + timedelta(days=3), email='b@b.example', company_name='B'),
        await book(house, TEN + HOUR, email='c@c.example', company_name='C', who=NOOR),
        await book(house, TEN + HOUR, company_name='D'),
        await book(house, TEN + HOUR, email='nonsense'),
    ]
    assert [answer.status_code for answer in refused] == [409, 400, 404, 409, 422]
    await later(house)
    assert await left(house) == before
    assert not house.calls('POST')
    assert not house.calls('POST', '/events', 'google')


@pytest.mark.behaviour('CB-7')
@pytest.mark.lesson('A-8')
async def test_a_slow_calendar_loses_no_booking(house: House) -> None:
    priya = await admin(house)
    house.working = False
    began = house.clock.now()
    answer = await book(house)
    assert (answer.status_code, answer.json()['invitation']) == (200, 'follows')
    assert (house.clock.now() - began).total_seconds() <= 6
    assert (await left(house))['meeting'] == 1, 'the meeting is there before the calendar knows of it'
    assert live(house, priya['email']) == []
    house.working = True
    await house.settle()
    assert len(live(house, priya['email'])) == 1


@pytest.mark.behaviour('CB-7')
async def test_what_the_calendar_refuses_for_good_is_no_booking(house: House) -> None:
    async def refuse() -> None:
        told = {'act': 'meeting.cancel', 'by': 'refused'}
        for row in await house.rows("select id from meeting where status = 'planned'"):
            await carry_out(house.engine, {**told, 'meeting': row['id']})

    house.working, house.meanwhile = False, refuse
    answer = await book(house)
    assert (answer.status_code, answer.json()['status']) == (503, 'error')
    house.working, house.meanwhile = True, None
    assert (await book(house)).status_code == 200, 'the slot is free again'


@pytest.mark.behaviour('CB-8')
@pytest.mark.invariant('I21')
async def test_an_unreadable_calendar_is_closed(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    priya = await admin(house)
    house.google.fail_free_busy(priya['email'], times=2)
    answer = await slots(house)
    assert (answer.status_code, answer.json()['code']) == (503, 'unreadable'), 'an error inside a 200'
    assert 'try again' in answer.json()['message']
    refused = await book(house)
    assert (refused.status_code, refused.json()['code']) == (503, 'unreadable')
    assert (await left(house))['meeting'] == 0
    assert len(await starts(house)) == 10, 'an error is not remembered'
    house.clock.advance(61)
    house.google.set_away(priya['email'])
    assert (await slots(house)).status_code == 503, 'what was read a minute ago is not believed for ever'


@pytest.mark.behaviour('CB-9')
@pytest.mark.invariant('I21')
async def test_the_calendar_is_asked_rarely_for_browsing_and_always_for_booking(house: House) -> None:
    priya = await admin(house)
    house.mark()
    await asyncio.gather(*(slots(house, TEN - HOUR, 3) for _ in range(10)))
    await slots(house, TEN + HOUR, 1)
    assert len(house.calls('POST', '/freeBusy', 'google')) == 1, 'one question for everybody'
    house.google.block(priya['email'], TEN, TEN + HALF)
    assert TEN in await starts(house), 'browsing may be a minute old'
    answer = await book(house)
    assert (answer.status_code, answer.json()['code']) == (409, 'slot_taken'), 'booking is not'
    assert TEN not in await starts(house), 'and what was just read is used'
    house.clock.advance(61)
    house.mark()
    await slots(house)
    assert len(house.calls('POST', '/freeBusy', 'google')) == 1


@pytest.mark.behaviour('CB-20')
async def test_an_admins_own_days_off_and_cap(house: House) -> None:
    await house.act('admin.save', id=await number(house), fields={'daily_cap': 1, 'days_off': [['2026-03-05'] * 2]})
    days = {f'{at:%d}' for at in await starts(house, TEN, 4)}
    assert days == {'04', '06'}
    assert (await book(house, TEN + timedelta(days=1))).json()['code'] == 'day_off'
    assert (await book(house)).status_code == 200
    assert {f'{at:%d}' for at in await starts(house, TEN, 4)} == {'06'}
    assert (await book(house, TEN + 4 * HOUR)).status_code == 409


@pytest.mark.behaviour('D-9')
async def test_a_bdr_of_an_old_link(house: House) -> None:
    assert (await book(house, bdr_person_id=str(NOOR))).status_code == 200
    [company] = await house.rows('select bdr_person_id from company')
    assert company['bdr_person_id'] == await number(house, NOOR)
    odd = await book(house, TEN + 3 * HOUR, email='b@b.example', company_name='B', bdr_person_id='nobody')
    assert odd.status_code == 200, 'a wrong referrer costs nobody their call'
    rows = await house.rows("select bdr_person_id, (select count(*) from meeting) as n from company where name = 'B'")
    assert rows[0] == {'bdr_person_id': None, 'n': 2}


@pytest.mark.lesson('I-7')
async def test_a_naive_time_is_utc_and_the_invitation_says_so(house: House) -> None:
    marcus = await admin(house, MARCUS)
    answer = await book(house, who=MARCUS, meeting_dt='2026-03-04T16:00:00')
    assert answer.status_code == 200, answer.text
    [event] = live(house, marcus['email'])
    start = event['start']['dateTime']
    assert start.startswith(('2026-03-04T16:00:00Z', '2026-03-04T11:00:00-05:00')), start
    assert event['summary'] == 'TutorCruncher demo with Marcus Hale'
    [row] = await house.rows('select start_at from meeting')
    assert row['start_at'].isoformat() == '2026-03-04T16:00:00+00:00'


@pytest.mark.lesson('I-10')
async def test_times_in_every_form(house: House) -> None:
    admin_id = await number(house)
    epoch = int(TEN.timestamp())
    forms: list[tuple[str | int, str | int]] = [
        ('2026-03-04T10:00:00', '2026-03-05'),
        (epoch, epoch + 86400),
        (epoch * 1000, (epoch + 86400) * 1000),
        ('2026-03-04T10:00:00Z', '2026-03-04T20:00:00-04:00'),
        ('2026-03-04 10:00:00+00:00', '2026-03-05'),
    ]
    for start, end in forms:
        answer = await house.web.get(
            '/callbooker/availability', params={'admin_id': admin_id, 'start_dt': start, 'end_dt': end}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()['slots'][0][0] == '2026-03-04T10:00:00Z'
    wrong = await house.web.get(
        '/callbooker/availability/', params={'admin_id': admin_id, 'start_dt': 'soon', 'end_dt': epoch}
    )
    assert (wrong.status_code, wrong.json()['problems'][0]['field']) == (422, 'start_dt')


@pytest.mark.lesson('K-10')
@pytest.mark.invariant('S22')
async def test_an_invitation_holds_nothing_that_a_stranger_wrote(house: House) -> None:
    told: dict[str, Any] = {
        'name': 'Win Money',
        'company_name': 'Visit evil.example',
        'estimated_income': 'a secret income',
    }
    assert (await book(house, **told)).status_code == 200
    [event] = live(house, (await admin(house))['email'])
    shown = str([event.get(key) for key in ('summary', 'description', 'location')])
    assert not any(word in shown for word in (*told.values(), 'evil.example', 'pipedrive', FORM['company_name']))


@pytest.mark.invariant('S22')
async def test_a_stranger_changes_no_contact(house: House) -> None:
    assert (await book(house, phone='020 7946 0011')).status_code == 200
    before = await house.rows('select id, email, phone, first_name from contact order by id')
    told: dict[str, Any] = {'name': 'Sam Okafor', 'email': 'sam@stranger.example', 'company_name': 'Whatever'}
    answer = await book(house, TEN + 3 * HOUR, phone='+44 20 7946 0011', **told)
    assert answer.status_code == 200
    after = await house.rows('select id, email, phone, first_name from contact order by id')
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    assert (await house.rows('select count(*) as n from company'))[0]['n'] == 1


async def test_two_workers_and_two_offices_share_one_world(database_url: str) -> None:
    async with open_house(database_url, workers=2) as house:
        assert (await book(house)).json()['invitation'] == 'sent'
        assert (await book(house, who=INES)).status_code == 404, 'no sales person'
