"""The desk's audit log: who did what when, and what was refused at the door (S15, S18)."""

import re

import psycopg
import pytest

from hermes.db import audit, housekeeping
from hermes.domain.acts import WriteFields
from hermes.domain.model import RecordRef
from hermes.sync.acts import commands
from tests.flows.companies import later, sign_up
from tests.flows.desk import add_user, browser, logged_in, said, text
from tests.flows.house import House
from tests.flows.test_desk_home import part
from tests.flows.test_desk_login import whole

pytestmark = pytest.mark.invariant('S15')
AUDIT = '/desk/audit/'
CRM = '/desk/health/pipedrive/'


def lines(page: str) -> list[str]:
    """The lines of the log, as words, without their times."""
    body = page.partition('data-testid="audit"')[2].partition('</tbody>')[0].partition('<tbody>')[2]
    return [re.sub(r'^\S+ \S+ ', '', text(line)) for line in body.split('</tr>') if '<td' in line]


async def test_acts_logins_and_views_stand_there_with_who_and_their_event(house: House) -> None:
    await add_user(house, 'operator', 'kim')
    async with logged_in(house) as ada, browser(house) as kim:
        await kim.login('kim@desk.example')
        await kim.act(f'{CRM}pause/', CRM, reason='they move house')
        [row] = await house.rows("select id from desk_user where email = 'kim@desk.example'")
        await ada.act(f'/desk/users/{row["id"]}/', '/desk/users/', role='viewer')
        page = await ada.see(AUDIT)
        told = lines(page)
        events = [each.split()[-1] for each in told]
        assert told[0].startswith('Admin admin@desk.example user.change')
        assert f'user {row["id"]}, role viewer' in told[0]
        assert told[1].startswith('Kim kim@desk.example system.pause system pipedrive, reason they move house')
        assert 'pipedrive is paused: they move house' in told[1]
        assert told[2].startswith('Kim kim@desk.example user.login')
        assert all(f'href="/desk/events/{event}/"' in page for event in events)
        own = lines(await ada.see(f'{AUDIT}?who={row["id"]}'))
        assert {each.split()[0] for each in own} == {'Kim'}
        assert {each.split()[2] for each in own} == {'system.pause', 'user.login'}
        assert 'kim@desk.example' not in str(ada.http.base_url), 'an address says nobody'


async def test_a_refused_act_and_what_the_command_line_did_are_told_apart(house: House) -> None:
    async with logged_in(house) as ada:
        with psycopg.connect(house.settings.database_url) as connection:
            event = connection.execute('select min(id) from event').fetchone()
            assert event is not None
            audit.note_at_once(connection, 'event.viewed', event=event[0])
        [row] = await house.rows('select id from desk_user')
        refused = await ada.send(f'/desk/users/{row["id"]}/', '/desk/users/', role='viewer')
        assert refused.status_code == 422
        told = lines(await ada.see(AUDIT))
        assert told[0].startswith('Admin admin@desk.example user.change')
        assert 'refused' in told[0]
        terminal = lines(await ada.see(f'{AUDIT}?who=terminal&what=event'))
        assert [each.startswith('command line event.viewed event ') for each in terminal] == [True]


async def test_the_log_is_chosen_by_what_and_when_and_paged_both_ways(house: House) -> None:
    async with logged_in(house) as ada:
        for number in range(60):
            await house.set('push_spacing_s', number)
        house.clock.advance(3600)
        noon = house.clock.now()
        await house.act('system.pause', system='pipedrive', reason='later')
        assert len(lines(await ada.see(f'{AUDIT}?what=system'))) == 1
        assert len(lines(await ada.see(f'{AUDIT}?from={noon:%Y-%m-%dT%H:%M}'))) == 1
        first = await ada.see(f'{AUDIT}?what=setting')
        older = re.search(r'rel="next" href="([^"]+)"', first)
        assert older is not None
        second = await ada.see(older[1].replace('&amp;', '&'))
        made = await house.rows("select 1 from event where convert_from(body, 'UTF8') like '%\"setting.set\"%'")
        assert [len(lines(first)), len(lines(second))] == [50, len(made) - 50]
        assert not {*lines(first)} & {*lines(second)}
        assert 'rel="next"' not in second
        newer = re.search(r'rel="prev" href="([^"]+)"', second)
        assert newer is not None
        again = await ada.see(newer[1].replace('&amp;', '&'))
        assert lines(again) == lines(first)
        assert 'rel="prev"' not in again
        for wrong in ('at=nonsense', 'from=yesterday', 'who=99'):
            answer = await ada.get(f'{AUDIT}?{wrong}')
            assert (answer.status_code, said(answer.text) != '') == (422, True), wrong
        assert 'Nobody did anything of that kind.' in text(await ada.see(f'{AUDIT}?what=person'))


@pytest.mark.invariant('S18')
async def test_what_was_refused_at_the_door_is_counted_there(house: House) -> None:
    sign_up(house, 'Ember Tutors')
    await later(house)
    await house.send_tc2(b'{"events": []}', secret='wrong')
    async with logged_in(house) as ada, browser(house) as eve:
        for _ in range(3):
            await eve.login('admin@desk.example', 'a guess')
        await whole(house).state.refusals.flush()
        page = await ada.see(AUDIT)
        told = part(page, 'refused')
        assert 'desk wrong password 3' in told
        assert 'wrong signature 1' in told
        assert part(await ada.see(f'{AUDIT}?from=2126-01-01'), 'refused') == ''


@pytest.mark.invariant('S11')
async def test_only_an_admin_reads_the_log(house: House) -> None:
    for role in ('viewer', 'operator'):
        async with logged_in(house, role) as ada:
            assert (await ada.get(AUDIT)).status_code == 403
            assert AUDIT not in await ada.see('/')


@pytest.mark.lesson('M-93')
async def test_years_later_it_still_stands_there_who_did_what(house: House) -> None:
    """What was written about somebody goes with the bodies of events; who did it, and to what, stays."""
    sign_up(house)
    await later(house)
    [company] = await house.rows('select id from company')
    async with logged_in(house) as ada:
        await ada.act(f'{CRM}pause/', CRM, reason='Xanthippe says so')
        done = await commands.carry_out(
            house.engine, WriteFields(RecordRef('company', company['id']), {'name': 'Xanthippe'}, 'she said so'),
            source='operator', by='admin@desk.example',
        )  # fmt: skip
        before = lines(await ada.see(AUDIT))
        house.clock.advance(401 * 24 * 3600)
        assert await housekeeping.drop_bodies(house.engine.database, 400) > 0
        assert await housekeeping.drop_bodies(house.engine.database, 400) == 0
        await ada.login('admin@desk.example')
        after = lines(await ada.see(f'{AUDIT}?to=2026-12-01T00:00'))
        assert [line.split()[:3] for line in after] == [line.split()[:3] for line in before]
        assert f'company {company["id"]}' in after[0]
        assert 'system pipedrive' in after[1]
        assert len(lines(await ada.see(f'{AUDIT}?to=2026-12-01T00:00&what=record'))) == 1
        [row] = await house.rows('select body, headers from event where id = %s', done.event_id)
        assert row['body'] is None
        assert 'Xanthippe' not in str(row['headers'])
        assert f'company:{company["id"]}' in text(await ada.see(f'/desk/events/{done.event_id}/'))
    kept = await house.rows("select headers from event where source <> 'operator' and body is null")
    assert {str(row['headers']) for row in kept} == {'{}'}
