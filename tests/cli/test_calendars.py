"""What an operator learns about calendars: why a time is not offered, what doctor says, whose project it is."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from hermes.sandbox.google.service_account import draw_service_account
from tests.cli.outside import Office, Outside, outside

ACCOUNT = draw_service_account()
ADA = 'ada@office.example'
TEN = (datetime.now(UTC) + timedelta(days=7)).replace(hour=10, minute=0, second=0, microsecond=0)
TEN += timedelta(days=(2 - TEN.weekday()) % 7)
"""A Wednesday that lies ahead far enough."""


@pytest.fixture(scope='module')
def world() -> Iterator[Outside]:
    with outside(ACCOUNT['G_PRIVATE_KEY']) as here:
        yield here


@pytest.fixture
def office(world: Outside, database_url: str, tmp_path: Path) -> Office:
    """Ada sells, in UTC, from Monday to Friday 10:00 to 17:30."""
    world.begin()
    does(world, 'add_person', email=ADA, name='Ada Bell', zone='UTC')
    here = f'http://127.0.0.1:{world.port}/google'
    more = {**ACCOUNT, 'G_API_ROOT': here, 'G_TOKEN_URI': f'{here}/token'}
    made = Office(database_url, world, tmp_path, more)
    made.rows(
        'insert into admin (first_name, last_name, email, timezone, is_sales_person, active, bookable) values '
        "('Ada', 'Bell', %s, 'UTC', true, true, true)",
        ADA,
    )
    return made


def does(world: Outside, act: str, **told: Any) -> None:
    world.ask('act', {'system': 'google', 'act': act, **told})


def reasons(office: Office, when: str) -> dict[str, str]:
    told = json.loads(office.does('slots', 'explain', 'ada', when, '--json'))
    assert told['offered'] == (not told['reasons'])
    return {each['code']: each['said'] for each in told['reasons']}


def findings(office: Office) -> list[tuple[str, str, str]]:
    told = json.loads(office.does('doctor', '--json'))['findings']
    return [(each['name'], each['state'], each['said']) for each in told]


@pytest.mark.behaviour('CB-19')
def test_every_reason_is_told(office: Office) -> None:
    when = f'{TEN:%Y-%m-%dT%H:%M}'
    assert reasons(office, when) == {}
    assert 'it can be booked' in office.does('slots', 'explain', ADA, when)
    does(office.world, 'block', email=ADA, start=TEN.isoformat(), end=(TEN + timedelta(hours=1)).isoformat())
    assert 'from 10:00 to 11:00' in reasons(office, when)['busy']
    office.rows('update admin set days_off = %s', Jsonb([[f'{TEN:%Y-%m-%d}'] * 2]))
    assert set(reasons(office, when)) == {'busy', 'day_off'}
    assert set(reasons(office, f'{TEN + timedelta(days=3, hours=9):%Y-%m-%dT%H:%M}')) == {'weekend'}
    assert 'notice' in reasons(office, f'{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%MZ}')
    assert 'horizon' in reasons(office, f'{TEN + timedelta(days=98):%Y-%m-%dT%H:%MZ}')
    assert 'is no moment' in office.refuses('slots', 'explain', 'ada', 'soon')
    assert 'is no whole minute' in office.refuses('slots', 'explain', 'ada', '2026-12-01T10:00:30Z')


@pytest.mark.behaviour('CB-19')
def test_a_calendar_that_cannot_be_read_is_a_reason(office: Office) -> None:
    does(office.world, 'leave', email=ADA)
    assert 'could not be read' in reasons(office, f'{TEN:%Y-%m-%dT%H:%M}')['calendar']


def test_who_cannot_be_booked_at_all_is_told_so(office: Office) -> None:
    office.rows('update admin set bookable = false')
    assert reasons(office, f'{TEN:%Y-%m-%dT%H:%M}') == {'not bookable': 'Ada Bell takes no calls (bookable is false).'}


@pytest.mark.behaviour('SETUP-6')
def test_doctor_looks_into_every_calendar(office: Office) -> None:
    [(number,)] = office.rows('select id from admin')
    found = findings(office)
    assert ('google credentials', 'ok', 'they work') in found
    assert [state for name, state, _ in found if name == f'calendar of admin {number}'] == ['ok']
    assert [state for name, state, _ in found if name == 'bookable admins'] == ['ok']
    does(office.world, 'leave', email=ADA)
    [said] = [said for name, _, said in findings(office) if name == f'calendar of admin {number}']
    assert 'its owner left' in said
    does(office.world, 'add_person', email=ADA, name='Ada Bell', zone='UTC')
    does(office.world, 'delegate', on=False)
    [said] = [said for name, _, said in findings(office) if name == f'calendar of admin {number}']
    assert 'unauthorized_client' in said
    does(office.world, 'delegate')


@pytest.mark.behaviour('SETUP-6')
@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ("timezone = ''", 'have no time zone; Europe/London is taken for it'),
        ("timezone = 'Mars/Olympus'", 'have a time zone that nobody knows'),
        ("email = ''", 'have no e-mail address, so no calendar'),
        ('bookable = false', 'nobody can be booked'),
    ],
)
def test_doctor_says_what_a_bookable_admin_lacks(office: Office, change: str, said: str) -> None:
    office.rows(f'update admin set {change}')
    assert any(state == 'todo' and said in told for name, state, told in findings(office) if name == 'bookable admins')


@pytest.mark.behaviour('SETUP-12')
def test_a_database_belongs_to_its_google_project(office: Office) -> None:
    assert ('google credentials', 'ok', 'they work') in findings(office)
    office.more['G_PROJECT_ID'] = 'another-project'
    [(state, said)] = [(state, said) for name, state, said in findings(office) if name == 'google credentials']
    assert state == 'todo'
    assert 'This database belongs to Google project hermes-sandbox' in said
    assert 'This database belongs to Google project hermes-sandbox' in office.refuses('sweep')


@pytest.mark.behaviour('CB-20')
def test_a_day_begins_before_it_ends_wherever_its_ends_come_from(office: Office) -> None:
    assert 'before it starts' in office.refuses('config', 'set', 'meeting_min_start', '18:00')
    office.more |= {'MEETING_MAX_END': '20:00', 'PUSH_SPACING_S': '2'}
    told = {each['key']: each for each in json.loads(office.does('config', 'show', '--json'))}
    assert (told['meeting_max_end']['value'], told['meeting_max_end']['source']) == ('20:00', 'environment')
    assert (told['push_spacing_s']['value'], told['push_spacing_s']['source']) == (2.0, 'environment')
    assert told['meeting_min_start']['source'] == 'default'
    office.does('config', 'set', 'meeting_min_start', '18:00')
    office.rows("insert into setting values ('meeting_min_start', %s)", Jsonb('18:00'))
    assert 'before it starts' in office.refuses('config', 'set', 'meeting_max_end', '17:00')


@pytest.mark.behaviour('CB-13', 'CB-16', 'CB-22')
def test_a_call_is_moved_and_given_away_on_behalf_of_somebody_and_a_link_is_made(office: Office) -> None:
    office.rows(
        'insert into admin (first_name, last_name, email, timezone, is_sales_person, is_support_person, active, '
        "bookable) values ('Bo', 'Lind', 'bo@office.example', 'UTC', true, true, true, true)"
    )
    office.rows("insert into company (name, name_key) values ('Ember Tutors', 'ember tutors')")
    office.rows(
        'insert into meeting (uid, kind, status, admin_id, company_id, start_at, end_at, buffer_s, zone) '
        "select 'uid-1', 'sales', 'planned', a.id, c.id, %s, %s, 900, 'UTC' from admin a, company c "
        "where a.first_name = 'Ada'",
        TEN,
        TEN + timedelta(minutes=30),
    )
    [(number,)] = office.rows('select id from meeting')
    does(office.world, 'block', email=ADA, start=(TEN + timedelta(hours=1)).isoformat(),
         end=(TEN + timedelta(hours=2)).isoformat())  # fmt: skip
    taken = f'{TEN + timedelta(hours=1):%Y-%m-%dT%H:%M}'
    assert 'just taken' in office.refuses('bookings', 'move', str(number), taken)
    free = TEN + timedelta(hours=3)
    assert 'done' in office.does('bookings', 'move', str(number), f'{free:%Y-%m-%dT%H:%M}')
    assert office.rows('select start_at, status from meeting') == [(free, 'planned')]
    assert 'Ada Bell takes no support calls' in office.refuses('bookings', 'link', 'Ember Tutors', 'ada')
    made = office.does('bookings', 'link', 'ember  tutors', 'bo', '--express', '--days', '3').strip()
    assert ('&x=1' in made, made.startswith('http')) == (True, True)
    assert 'no company of the name' in office.refuses('bookings', 'link', 'Nobody', 'bo')
    assert 'done' in office.does('bookings', 'reassign', str(number), 'Bo Lind')
    assert office.rows('select a.first_name from meeting m join admin a on a.id = m.admin_id') == [('Bo',)]
    by = office.rows("select headers ->> 'by' from event where kind = 'act' and state = 'done'")
    assert by == [('command line',)] * 2
