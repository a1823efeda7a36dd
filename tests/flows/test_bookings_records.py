"""Bookings and meetings as records: carried out in one transaction, refused without a trace, replayed to the same
state.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from hermes.db.pool import Connection
from hermes.domain.errors import NotFound, Refused, SlotTaken
from hermes.parts import assembly as parts
from hermes.sync.acts.commands import Done
from tests import folding
from tests.flows.acting import carry_out
from tests.flows.bookings import HALF, TEN, admin, book, booking
from tests.flows.house import MARCUS, MARCUS_PD, NOOR, PRIYA, PRIYA_PD, House, settings_for

STATE = ('company', 'contact', 'deal', 'meeting', 'occupancy', 'change')


async def counts(house: House) -> dict[str, int]:
    return {table: (await house.rows(f'select count(*) as n from {table}'))[0]['n'] for table in STATE}


async def meeting(house: House, number: int) -> dict[str, Any]:
    return (await house.rows('select * from meeting where id = %s', number))[0]


@pytest.mark.behaviour('CB-1')
async def test_a_strangers_booking_stands_in_the_crm(house: House) -> None:
    done = await book(house)
    rows = await house.rows('select lane, record_type from push order by record_type')
    assert {row['lane'] for row in rows if row['record_type'] == 'company'} == {'interactive'}
    await house.settle()
    [organization], [person], [deal] = house.organizations(), house.persons(), house.deals()
    assert (organization['name'], organization['owner_id']) == ('Ember Tutors', PRIYA_PD)
    assert (person['name'], person['emails'][0]['value']) == ('Ada Lovelace', 'ada@ember.example')
    assert (deal['title'], deal['owner_id'], deal['person_id']) == ('Ember Tutors', PRIYA_PD, person['id'])
    shown = house.custom('organization', organization)
    assert (shown['website'], shown['price_plan'], shown['utm_source']) == ('https://ember.example', 'startup', 'news')
    assert (shown['has_booked_call'], shown['sales_call_count']) in (('true', 1), (True, 1))
    kept = await meeting(house, done.outcome['meeting'])
    assert (kept['status'], kept['start_at'], kept['deal_id']) == ('planned', TEN, done.outcome['deal'])
    [taken] = await house.rows('select lower(during) as first, upper(during) as last from occupancy')
    assert (taken['first'], taken['last']) == (TEN, TEN + HALF + timedelta(minutes=15))


@pytest.mark.behaviour('CB-1', 'FIELD-2')
async def test_the_bookings_values_hold_until_tutorcruncher_or_a_person_says_otherwise(house: House) -> None:
    await book(house)
    await house.settle()
    [organization] = house.organizations()
    house.pd.act_update('organization', organization['id'], {'name': 'Ember of the CRM'}, MARCUS_PD)
    await house.settle()
    house.tc2.sign_up(
        'Ember in TC2', sales_person=MARCUS, email='ada@ember.example', first_name='Ada', last_name='Lovelace',
        website='https://tc2.example', country='GB', recipients=[
            {'first_name': 'Ada', 'last_name': 'Lovelace', 'email': 'ada@ember.example'},
        ],
    )  # fmt: skip
    await house.settle()
    [row] = await house.rows('select * from company')
    assert (row['name'], row['website'], row['utm_source']) == ('Ember of the CRM', 'https://tc2.example', 'news')
    assert (len(house.organizations()), len(house.persons()), len(house.deals())) == (1, 1, 1)


@pytest.mark.behaviour('CB-1')
async def test_an_existing_company_keeps_what_it_has(house: House) -> None:
    await book(house)
    await house.settle()
    house.mark()
    other = {'website': 'https://else.example', 'name': 'Augusta King', 'phone': '+15550100100'}
    again = await book(house, TEN + timedelta(days=1), who=MARCUS, form=other)
    await house.settle()
    [organization], [person], [deal] = house.organizations(), house.persons(), house.deals()
    assert (organization['owner_id'], deal['owner_id'], person['name']) == (PRIYA_PD, PRIYA_PD, 'Ada Lovelace')
    assert house.custom('organization', organization)['website'] == 'https://ember.example'
    assert [call.path.split('/')[-2] for call in house.calls('PATCH')] == ['organizations']
    assert (await counts(house))['contact'] == 1
    assert again.outcome['rule'] == 'MATCH-5 e-mail'


@pytest.mark.behaviour('CB-2', 'D-7')
async def test_a_support_call_makes_no_deal(house: House) -> None:
    first = await book(house)
    await house.settle()
    house.pd.act_update('deal', house.deals()[0]['id'], {'status': 'won'}, PRIYA_PD)
    await house.settle()
    asked = {'kind': 'support', 'company': first.outcome['company'], 'signed': True}
    await book(house, TEN + timedelta(days=1), form={'email': 'new@ember.example', 'name': 'New Person'}, **asked)
    await house.settle()
    assert (len(house.organizations()), len(house.persons()), len(house.deals())) == (1, 2, 1)
    [row] = await house.rows('select * from company')
    assert (row['sales_call_count'], row['support_call_count']) == (1, 1)


@pytest.mark.behaviour('CB-6', 'D-19')
async def test_a_refused_booking_leaves_its_event_alone(house: House) -> None:
    await book(house)
    before = await counts(house)
    stranger = {'email': 'eve@elsewhere.example', 'company_name': 'Elsewhere', 'phone': None}
    with pytest.raises(SlotTaken):
        await book(house, TEN + timedelta(minutes=44), form=stranger)
    with pytest.raises(NotFound):
        await book(house, TEN + timedelta(days=1), kind='support', company=123, signed=True)

    async def refuse(connection: Connection, known: Any) -> None:
        await connection.execute("insert into allowance (kind, client_hash) values ('x', 'x')")
        raise Refused('Not today.', 'notice')

    act = await booking(house, TEN + timedelta(days=2), form=stranger)
    with pytest.raises(Refused, match='Not today'):
        await carry_out(house.engine, act, check=refuse)
    assert await counts(house) == before
    assert await house.rows('select * from allowance') == []
    rows = await house.rows("select state, outcome from event where source = 'website' order by id")
    assert [row['state'] for row in rows] == ['done', 'refused', 'refused', 'refused']
    assert [row['outcome'][0]['refused'] for row in rows[1:]] == ['slot_taken', 'not_found', 'notice']
    await book(house, TEN + timedelta(minutes=45), form=stranger)


async def test_the_same_key_is_the_same_booking(house: House) -> None:
    act = await booking(house)
    both = await asyncio.gather(*(carry_out(house.engine, act, dedupe_key=b'key') for _ in range(6)))
    assert sorted(done.repeated for done in both) == [False, *[True] * 5]
    assert len({(done.event_id, done.outcome['meeting']) for done in both}) == 1
    third = await carry_out(house.engine, act, dedupe_key=b'key')
    assert (third.repeated, dict(third.outcome)) == (True, dict(both[0].outcome))
    for _ in range(2):
        with pytest.raises(SlotTaken):
            await carry_out(house.engine, act, dedupe_key=b'another')
    assert (await house.rows("select count(*) as n from event where source = 'website'"))[0]['n'] == 2


@pytest.mark.behaviour('CB-4')
@pytest.mark.invariant('I17')
async def test_two_hundred_at_once_for_one_slot_and_one_gets_it(house: House) -> None:
    acts = [
        await booking(
            house,
            TEN + timedelta(minutes=number % 7),
            uid=f'u{number}',
            form={'email': f'v{number}@x.example', 'company_name': f'Tutors {number}', 'phone': None},
        )
        for number in range(200)
    ]
    told = await asyncio.gather(*(carry_out(house.engine, act) for act in acts), return_exceptions=True)
    assert len([one for one in told if isinstance(one, Done)]) == 1
    assert len([one for one in told if isinstance(one, SlotTaken)]) == 199
    after = await counts(house)
    assert [after[table] for table in ('company', 'contact', 'meeting', 'occupancy')] == [1, 1, 1, 1]


@pytest.mark.behaviour('D-2')
async def test_a_sales_booking_makes_a_new_organisation_for_the_same_record(house: House) -> None:
    first = await book(house)
    await house.settle()
    [organization] = house.organizations()
    house.pd.act_delete('organization', organization['id'], PRIYA_PD)
    await house.settle()
    assert (await house.rows('select tombstone from company'))[0]['tombstone']['kind'] == 'crm'
    again = await book(house, TEN + timedelta(days=1))
    await house.settle()
    assert again.outcome['company'] == first.outcome['company']
    [made] = house.organizations()
    assert (made['id'] != organization['id'], made['name']) == (True, 'Ember Tutors')
    assert [one['org_id'] for one in (*house.persons(), *house.deals())] == [made['id']] * 2
    [person] = house.persons()
    house.pd.act_update('person', person['id'], {'org_id': None}, MARCUS_PD)
    await house.settle()
    assert house.persons()[0]['org_id'] is None


async def test_a_meeting_is_moved_canceled_and_given_away(house: House) -> None:
    number = (await book(house)).outcome['meeting']
    later = TEN + timedelta(minutes=10)
    move = {'act': 'meeting.move', 'meeting': number, 'by': 'visitor'}
    moved = {**move, 'start_at': later.isoformat(), 'end_at': (later + HALF).isoformat()}
    await carry_out(house.engine, moved)
    await carry_out(house.engine, moved)
    kept = await meeting(house, number)
    assert (kept['start_at'], kept['sequence'], kept['round']) == (later, 1, 0)
    marcus = await admin(house, MARCUS)
    await carry_out(house.engine, {'act': 'meeting.reassign', 'meeting': number, 'admin': marcus}, source='operator')
    kept = await meeting(house, number)
    assert (kept['admin_id'], kept['sequence'], kept['round']) == (marcus, 2, 1)
    other = {'email': 'eve@elsewhere.example', 'phone': None, 'company_name': 'Elsewhere'}
    blocker = (await book(house, later + timedelta(hours=1), who=MARCUS, form=other)).outcome['meeting']
    with pytest.raises(SlotTaken):
        await carry_out(house.engine, {**moved, 'meeting': blocker})
    await carry_out(house.engine, {'act': 'meeting.rename', 'meeting': number})
    for _ in range(2):
        await carry_out(house.engine, {'act': 'meeting.cancel', 'meeting': number, 'by': 'visitor'})
    kept = await meeting(house, number)
    assert (kept['status'], kept['canceled_by'], kept['sequence'], kept['round']) == ('canceled', 'visitor', 3, 2)
    await carry_out(house.engine, {**moved, 'meeting': blocker})
    for refused in (moved, {'act': 'meeting.reassign', 'meeting': number, 'admin': marcus}):
        with pytest.raises(Refused, match='cancelled'):
            await carry_out(house.engine, refused)
    with pytest.raises(NotFound):
        await carry_out(house.engine, {**moved, 'meeting': 7})
    with pytest.raises(Refused, match='one of'):
        await carry_out(house.engine, {'act': 'meeting.cancel', 'meeting': blocker, 'by': 'nobody'})
    [company] = await house.rows("select sales_call_count from company where name = 'Ember Tutors'")
    assert company['sales_call_count'] == 0


async def test_two_who_want_each_others_time_are_answered(house: House) -> None:
    other = {'email': 'eve@elsewhere.example', 'phone': None, 'company_name': 'Elsewhere'}
    first = (await book(house)).outcome['meeting']
    second = (await book(house, TEN + timedelta(hours=1), form=other)).outcome['meeting']
    for _ in range(5):
        moves = [
            {
                'act': 'meeting.move', 'meeting': number, 'by': 'visitor',
                'start_at': at.isoformat(), 'end_at': (at + HALF).isoformat(),
            }
            for number, at in ((first, TEN + timedelta(hours=1)), (second, TEN))
        ]  # fmt: skip
        told = await asyncio.gather(*(carry_out(house.engine, one) for one in moves), return_exceptions=True)
        assert [type(one) for one in told] == [SlotTaken, SlotTaken]


async def test_an_operators_act_goes_the_same_way(house: House) -> None:
    number = (await book(house)).outcome['meeting']
    outcome = await house.act('meeting.cancel', meeting=number, by='admin')
    assert (outcome['meeting'], (await meeting(house, number))['status']) == (number, 'canceled')


@pytest.fixture
async def folded(second_url: str, house: House) -> AsyncIterator[Any]:
    """An empty second database, to fold the log into."""
    engine = parts.build_engine(settings_for(second_url), clock=house.clock, transport=house.transport, worker='fold')
    await engine.database.open()
    yield engine
    await engine.database.close()


@pytest.mark.invariant('I14')
async def test_bookings_fold_to_the_same_state(house: House, folded: Any) -> None:
    await house.rows("select nextval('record_id')")
    first = await book(house, bdr=99)
    await house.settle()
    [organization] = house.organizations()
    house.pd.act_update('organization', organization['id'], {'name': 'Ember of the CRM'}, PRIYA_PD)
    await house.settle()
    second = await book(house, TEN + timedelta(days=1), who=MARCUS, form={'email': 'bea@ember.example'})
    later = TEN + timedelta(days=2)
    times = {'start_at': later.isoformat(), 'end_at': (later + HALF).isoformat()}
    number = first.outcome['meeting']
    await carry_out(house.engine, {'act': 'meeting.move', 'meeting': number, 'by': 'visitor', **times})
    with pytest.raises(SlotTaken):
        await book(house, later, form={'email': 'eve@elsewhere.example', 'company_name': 'Elsewhere', 'phone': None})
    await carry_out(house.engine, {'act': 'meeting.reassign', 'meeting': number, 'admin': await admin(house, MARCUS)})
    await carry_out(house.engine, {'act': 'meeting.cancel', 'meeting': second.outcome['meeting'], 'by': 'visitor'})
    await house.settle()
    await folding.copy_log(house.engine.database, folded.database)
    await folding.fold(folded)
    assert await folding.digest(folded.database) == await folding.digest(house.engine.database)


@pytest.mark.behaviour('MATCH-5')
async def test_whose_a_booking_is_when_nobody_has_its_email(house: House) -> None:
    organization = house.pd.act_create('organization', {'name': 'Straße  TUTORS'}, MARCUS_PD)
    phones = [{'value': '+44 (20) 7946-0011', 'primary': True}]
    house.pd.act_create('person', {'name': 'Bea Hill', 'phones': phones, 'org_id': organization['id']}, MARCUS_PD)
    await house.settle()
    house.mark()
    by_phone = await book(house)
    silent = {'email': 'carl@ember.example', 'phone': None, 'company_name': ' straße tutors '}
    by_name = await book(house, TEN + timedelta(hours=1), form=silent)
    stranger = {**silent, 'email': 'dan@ember.example', 'company_name': 'Another'}
    nobodys = await book(house, TEN + timedelta(hours=2), form=stranger)
    rules = [(done.outcome['rule'], done.outcome['flags']) for done in (by_phone, by_name, nobodys)]
    assert rules == [('MATCH-5 phone', []), ('MATCH-5 name', ['by name only']), ('MATCH-5', [])]
    assert (await meeting(house, by_name.outcome['meeting']))['extra'] == {'flags': ['by name only']}
    await house.settle()
    people = sorted((person['name'], person['org_id'] == organization['id']) for person in house.persons())
    assert people == [('Ada Lovelace', False), ('Ada Lovelace', True), ('Ada Lovelace', True), ('Bea Hill', True)]
    [bea] = [person for person in house.persons() if person['name'] == 'Bea Hill']
    assert (bea['emails'], house.calls('PATCH', '/persons')) == ([], [])
    [deal] = [deal for deal in house.deals() if deal['org_id'] == organization['id']]
    assert deal['owner_id'] == MARCUS_PD


@pytest.mark.behaviour('D-9')
async def test_an_old_link_names_its_bdr_by_tutorcrunchers_id(house: House) -> None:
    noor = await admin(house, NOOR)
    await book(house, bdr=str(NOOR))
    silent = {'email': 'eve@elsewhere.example', 'phone': None, 'company_name': 'Elsewhere'}
    flagged = await book(house, TEN + timedelta(hours=1), form=silent, bdr=PRIYA)
    rows = await house.rows('select name, bdr_person_id from company order by name')
    assert [row['bdr_person_id'] for row in rows] == [None, noor]
    assert flagged.outcome['flags'] == [f'D-9: bdr_person_id {PRIYA} is no active BDR']
    await house.settle()
    shown = {one['name']: house.custom('organization', one).get('bdr_person_id') for one in house.organizations()}
    [row] = await house.rows('select pd_owner_id from admin where id = %s', noor)
    assert shown == {'Ember Tutors': row['pd_owner_id'], 'Elsewhere': None}
