"""The checklist of the first run (ADM-1): from a fresh database to everything done, and what becomes of it when
somebody breaks something afterwards.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hermes.db import heartbeats
from hermes.db.connections import opened
from hermes.domain.errors import Refused
from hermes.domain.fields import CustomField
from hermes.parts import assembly as parts
from hermes.parts.site import site_of
from hermes.sandbox.scenarios import demo
from hermes.setup import webhooks
from hermes.setup.admins import make_admin, offer_admins
from hermes.setup.checklist import KINDS, Step, checklist, is_done
from hermes.setup.doctor import ask_systems
from hermes.setup.fields import make_fields, offer_fields
from hermes.setup.hours import offer_hours, set_hours
from hermes.setup.pipelines import choose_pipelines, offer_pipelines
from hermes.setup.site import Site
from hermes.setup.trials import COMPANY, book_trial, offer_booking, travel
from hermes.sync import cataloguing, sweep
from tests.flows.activities import activities
from tests.flows.companies import later, sign_up
from tests.flows.house import House, open_house
from tests.flows.visitors import live

SECRET = 'a-long-enough-secret-of-the-tests-0123456789'


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """Hermes on an account that it has never spoken with."""
    keys: Any = {'secret_key': SECRET, 'api_key': SECRET, 'signing_key': SECRET}
    async with open_house(database_url, connected=False, **keys) as opened_house:
        yield opened_house


def site(house: House, **more: Any) -> Site:
    return site_of(house.settings.model_copy(update=more))


def steps(house: House, **more: Any) -> dict[str, Step]:
    with opened(house.settings.database_url) as connection:
        connection.execute("select set_config('hermes.now', %s, false)", (house.clock.now().isoformat(),))
        return {step.name: step for step in checklist(connection, site(house, **more))}


def states(house: House, **more: Any) -> dict[str, str]:
    return {name: step.state for name, step in steps(house, **more).items()}


async def greet(house: House) -> None:
    """First contact, and our webhook."""
    await parts.set_limits(house.engine, house.settings)
    await webhooks.connect_systems(house.engine, site(house))


async def finish(house: House) -> None:
    """Everything up to the trials, as the acts of the steps do it."""
    await greet(house)
    offer = await offer_fields(house.engine)
    await make_fields(house.engine, offer.needed)
    pipelines = await offer_pipelines(house.engine)
    entries = {each.line.id: each.stages[0].id for each in pipelines.pipelines}
    await choose_pipelines(
        house.engine, entries, {each.name: each.likely.id for each in pipelines.plans if each.likely}
    )
    users = {user.email: user for user in (await offer_admins(house.engine)).users}
    for admin in demo.DEMO_ADMINS:
        if user := users.get(admin['email']):
            await make_admin(house.engine, user, admin['tc2_admin_id'])
    for number in await house.rows('select id from admin order by id'):
        await house.act('admin.save', id=number['id'], fields={'timezone': 'Europe/London'})
    await house.set('default_sales_person_id', (await house.rows('select min(id) as id from admin'))[0]['id'])
    sign_up(house)
    async with house.engine.database.transaction() as connection:
        await sweep.ensure_first(connection, house.engine.systems['pipedrive'].profile)
    await later(house)
    async with house.engine.database.transaction() as connection:
        await connection.execute("insert into worker values ('w1', hermes_now(), hermes_now(), 'host', 1)")


@pytest.mark.behaviour('ADM-1', 'SETUP-18')
async def test_a_fresh_database_has_one_thing_to_do_and_says_why_the_rest_is_not_possible(house: House) -> None:
    told = steps(house)
    assert list(told) == ['connect', 'fields', 'pipelines', 'people', 'hours', 'booking', 'trip']
    assert {name: step.state for name, step in told.items()} == {
        'connect': 'todo',
        **dict.fromkeys(list(told)[1:], 'blocked'),
    }
    assert told['connect'].said == 'Pipedrive has not answered yet.'
    assert told['fields'].said == 'Not possible yet: Pipedrive does not answer yet.'
    assert told['hours'].said == 'Not possible yet: your people are not known.'
    assert house.calls() == []
    assert states(house, pd_api_key=type(house.settings.pd_api_key)(''))['connect'] == 'todo'


@pytest.mark.behaviour('ADM-1', 'SETUP-18')
async def test_each_step_is_done_by_its_act_and_opens_the_next(house: House) -> None:
    await greet(house)
    assert states(house) == {
        'connect': 'todo', 'fields': 'done', 'pipelines': 'todo', 'people': 'todo', 'hours': 'blocked',
        'booking': 'blocked', 'trip': 'todo',
    }  # fmt: skip
    assert 'http://127.0.0.1:8000/tc2/callback/' in steps(house)['connect'].said
    await finish(house)
    told = steps(house)
    assert {name: step.state for name, step in told.items()} == {
        **dict.fromkeys(('connect', 'fields', 'pipelines', 'people', 'hours'), 'done'),
        **dict.fromkeys(('booking', 'trip'), 'todo'),
    }, told
    assert all(finding.state == 'ok' for finding in await travel(house.engine))
    assert steps(house)['trip'].state == 'done'
    assert steps(house)['trip'].at is not None
    assert not is_done(list(steps(house).values()))


@pytest.mark.behaviour('ADM-1', 'SETUP-18')
async def test_the_test_booking_is_seen_in_calendar_and_crm_and_is_gone_afterwards(house: House) -> None:
    await finish(house)
    assert house.office is not None
    [host, *_] = await offer_booking(house.engine)
    seen: list[tuple[int, int]] = []

    async def look() -> None:
        [home] = [row['email'] for row in await house.rows('select email from admin where id = %s', host.id)]
        seen.append((len(live(house, home)), len(activities(house))))

    house.meanwhile = look
    found = await book_trial(house.office, host.id, 'operator@office.example')
    assert [(each.name, each.state, each.said) for each in found] == [
        (f'test booking {name}', 'ok', 'as expected')
        for name in (
            'booked', 'in the calendar', 'in Pipedrive', 'cancelled', 'out of the calendar', 'out of Pipedrive'
        )
    ]  # fmt: skip
    assert (1, 1) in seen
    assert activities(house) == []
    [meeting] = await house.rows('select status, canceled_by from meeting')
    assert meeting == {'status': 'canceled', 'canceled_by': 'visitor'}
    assert [each['name'] for each in house.organizations() if each['name'] == COMPANY] == [COMPANY]
    assert steps(house)['booking'].state == 'done'


@pytest.mark.behaviour('ADM-1', 'SETUP-18')
async def test_a_test_booking_that_goes_wrong_says_where_and_cancels_nothing_else(house: House) -> None:
    await finish(house)
    assert house.office is not None
    [host, *_] = await offer_booking(house.engine)
    house.working = False
    found = await book_trial(house.office, host.id, 'operator@office.example')
    assert next(each.name for each in found if each.state == 'todo') == 'test booking in the calendar'
    told = steps(house)['booking']
    assert told.state == 'failed'
    assert 'see whether a worker runs' in told.said
    assert [row['status'] for row in await house.rows('select status from meeting')] == ['canceled']
    condition = await house.rows('select note from pulse where name = %s', heartbeats.trial('test booking'))
    assert condition[0]['note'] != ''


@pytest.mark.behaviour('ADM-1', 'SETUP-18')
async def test_what_is_broken_afterwards_is_failed_and_mended_again(house: House) -> None:
    await finish(house)
    code = house.code('organization', 'website')
    house.pd.catalogues['organization'].delete(code)
    house.pd.act_delete_subscriptions()
    assert states(house)['fields'] == 'done'
    await ask_systems(house.engine, site(house))
    told = steps(house)
    assert (told['fields'].state, told['connect'].state) == ('failed', 'failed')
    assert 'Company.website: it is gone from the CRM' in told['fields'].said
    assert 'none is registered for' in told['connect'].said
    await webhooks.register(house.engine, site(house))
    await make_fields(house.engine, (await offer_fields(house.engine)).needed)
    told = steps(house)
    assert (told['fields'].state, told['connect'].state) == ('done', 'done'), told


@pytest.mark.behaviour('ADM-1', 'SETUP-18')
@pytest.mark.lesson('M-97')
async def test_a_field_that_is_made_again_has_the_name_that_a_person_gave(house: House) -> None:
    await finish(house)
    tea = CustomField('favourite_tea', 'Favourite tea', 'str', 'Company')
    [crm] = [system for system in house.engine.systems.values() if system.name == 'pipedrive']
    await cataloguing.add(house.engine, tea, crm, create=True, called='Favourite tea')
    for name in ('Favourite tea', 'website'):
        house.pd.catalogues['organization'].delete(house.code('organization', name))
    await ask_systems(house.engine, site(house))
    await make_fields(house.engine, (await offer_fields(house.engine)).needed)
    assert steps(house)['fields'].state == 'done'
    names = {field['field_name'] for field in house.pd.catalogues['organization'].fields.values()}
    assert {'Favourite tea', 'website'} <= names


@pytest.mark.behaviour('ADM-1', 'SETUP-18')
async def test_people_and_pipelines_that_go_away_are_told(house: House) -> None:
    await finish(house)
    [row] = await house.rows("select id, name from pipeline where name = 'PAYG'")
    house.pd.act_delete('pipeline', next(one['id'] for one in house.pd.state()['pipelines'] if one['name'] == 'PAYG'))
    await house.act('admin.save', id=(await offer_booking(house.engine))[0].id, fields={'tc2_admin_id': None})
    await later(house)
    told = steps(house)
    assert (told['pipelines'].state, told['people'].state) == ('failed', 'todo')
    assert f'pipeline {row["id"]}' in told['pipelines'].said
    assert 'without a TutorCruncher id' in told['people'].said


@pytest.mark.behaviour('ADM-1', 'SETUP-18')
async def test_hours_are_chosen_as_a_whole_or_not_at_all(house: House) -> None:
    await finish(house)
    assert await set_hours(house.engine, {'meeting_min_start': '18:00', 'meeting_max_end': '20:00'}) == [
        'meeting_min_start = 18:00', 'meeting_max_end = 20:00'
    ]  # fmt: skip
    assert await set_hours(house.engine, {'meeting_min_start': '07:00', 'meeting_max_end': '09:00'}) != []
    assert await set_hours(house.engine, {'meeting_min_start': '7:00'}) == []
    with pytest.raises(Refused, match='before it starts'):
        await set_hours(house.engine, {'meeting_buffer_mins': '5', 'meeting_max_end': '06:30'})
    offer = await offer_hours(house.engine)
    assert (offer.values['meeting_min_start'], offer.values['meeting_buffer_mins']) == ('07:00', 15)
    assert [one.problem for one in offer.people] == [''] * len(offer.people)


@pytest.mark.behaviour('ADM-1', 'SETUP-18')
async def test_a_trial_is_made_once_at_a_time_and_is_told_while_it_is_made(house: House) -> None:
    await finish(house)
    assert house.office is not None
    office, [host, *_] = house.office, await offer_booking(house.engine)
    told: list[str] = []

    async def look() -> None:
        told.append(steps(house)['booking'].said)
        with pytest.raises(Refused, match='A test booking is under way already'):
            await book_trial(office, host.id, 'somebody@office.example')

    house.meanwhile = look
    assert all(each.state == 'ok' for each in await book_trial(office, host.id, 'operator@office.example'))
    assert set(told) == {'It is under way.'}
    assert [row['n'] for row in await house.rows('select count(*)::int as n from meeting')] == [1]
    async with house.engine.database.transaction() as connection:
        await heartbeats.say(connection, heartbeats.trial('test booking'), heartbeats.UNDER_WAY)
    house.clock.advance(601)
    assert (steps(house)['booking'].state, steps(house)['booking'].said) == ('failed', 'It was broken off.')


async def test_every_step_names_a_command_that_there_is() -> None:
    from typer.main import get_command

    from hermes.cli import app
    from tests.whole.every_command import commands

    known = {' '.join(path) for path, _ in commands(get_command(app))}
    assert {kind.command.removeprefix('hermes ').partition(' --')[0] for kind in KINDS.values()} <= known
