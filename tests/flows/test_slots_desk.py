"""Working hours, days off and bookings on the command line: what is typed is an act, what is shown is what holds."""

import json
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hermes.booking.links import public_number
from hermes.cli import app
from hermes.domain.slots import hours_of
from tests.flows.calendars import TEN, admin, book, open_office
from tests.flows.house import House


class Keyboard:
    """The `hermes` command on a house's database."""

    def __init__(self, house: House) -> None:
        self.house = house

    def run(self, *arguments: str) -> Result:
        env = {'DATABASE_URL': self.house.settings.database_url}
        return CliRunner().invoke(app, list(arguments), env=env, catch_exceptions=False)

    def told(self, *arguments: str) -> Any:
        result = self.run(*arguments, '--json')
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    async def done(self, *arguments: str) -> str:
        """Stored by the command, applied by the engine; the refusal, '' if there was none."""
        told = self.told(*arguments)
        number = told['acts'][0]['event']
        # The command goes by the machine's clock, the house by its own.
        await self.house.rows(
            'update event set due_at = hermes_now(), received_at = hermes_now() where id = %s returning id', number
        )
        await self.house.settle()
        (row,) = await self.house.rows('select state, outcome, reason from event where id = %s', number)
        assert row['state'] in ('done', 'parked')
        outcome = json.dumps(row['outcome'])
        return outcome if 'refused' in outcome else row['reason'] or ''

    def refused(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 1, result.output
        assert len(result.stderr.strip().splitlines()) == 1
        return result.stderr.strip()


@pytest.mark.behaviour('CB-20')
async def test_an_admins_hours_are_shown_set_and_taken_back(house: House) -> None:
    desk, priya = Keyboard(house), await admin(house)
    shown = desk.told('slots', 'hours', str(priya['id']))
    assert (shown['working_hours'], shown['own_hours']) == ('mon-fri 10:00-17:30', False)
    written = 'Monday-wed 9:00-12:00, 13:00-17:00; sat 22:00-24:00'
    assert await desk.done('slots', 'hours', priya['email'].upper(), '--set', written) == ''
    stored = (await admin(house))['working_hours']
    assert stored == {
        **{day: [['09:00', '12:00'], ['13:00', '17:00']] for day in ('mon', 'tue', 'wed')},
        'sat': [['22:00', '24:00']],
    }
    shown = desk.told('slots', 'hours', f'{priya["first_name"]} {priya["last_name"]}')
    assert shown['working_hours'] == 'mon-wed 09:00-12:00, 13:00-17:00; sat 22:00-24:00'
    known = await _known(house)
    assert set(hours_of(known, house.engine.defaults).weekly) == {0, 1, 2, 5}
    for text, hours in (('closed', {}), ('default', None)):
        assert await desk.done('slots', 'hours', str(priya['id']), '--set', text) == ''
        assert (await admin(house))['working_hours'] == hours
    assert priya == await admin(house)


async def test_days_off_are_added_and_removed(house: House) -> None:
    desk, number = Keyboard(house), str((await admin(house))['id'])
    added = ('--add', '2026-12-24..2027-01-02', '--add', '2026-05-01')
    assert await desk.done('slots', 'days-off', number, *added) == ''
    assert desk.told('slots', 'days-off', number)['days_off'] == [
        ['2026-05-01', '2026-05-01'],
        ['2026-12-24', '2027-01-02'],
    ]
    assert await desk.done('slots', 'days-off', number, '--remove', '2026-12-28..2026-12-30') == ''
    assert (await admin(house))['days_off'] == [
        ['2026-05-01', '2026-05-01'],
        ['2026-12-24', '2026-12-27'],
        ['2026-12-31', '2027-01-02'],
    ]
    assert 'is no day off' in desk.refused('slots', 'days-off', number, '--remove', '2026-06-01')
    assert '2026-12-31..2027-01-02' in desk.run('slots', 'days-off', number).stdout


async def test_what_cannot_be_understood_is_refused_before_anything_is_stored(house: House) -> None:
    desk, number = Keyboard(house), str((await admin(house))['id'])
    (before,) = await house.rows('select count(*) from event')
    for arguments, said in (
        (('hours', '999999'), 'There is no admin'),
        (('hours', number, '--set', 'noon'), 'is no day with hours'),
        (('hours', number, '--set', 'xyz 10:00-11:00'), 'no day of the week'),
        (('hours', number, '--set', 'mon 10-11'), 'are no hours'),
        (('hours', number, '--set', 'mon 22:00-02:00'), 'written on both days'),
        (('days-off', number, '--add', '2026-13-01'), 'YYYY-MM-DD'),
        (('days-off', number, '--add', '2026-12-02..2026-12-01'), 'end before they begin'),
    ):
        assert said in desk.refused('slots', *arguments)
    assert [before] == await house.rows('select count(*) from event')


async def test_an_admin_with_malformed_hours_is_not_stored(house: House) -> None:
    before = await admin(house)
    for fields in ({'working_hours': {'mon': 'always'}}, {'daily_cap': -1}, {'timezone': 'Mars/Olympus'}):
        told = await _refusal(house, fields)
        assert told, fields
    assert before == await admin(house)


async def test_bookings_are_listed_shown_and_called_off(database_url: str) -> None:
    async with open_office(database_url) as house:
        desk, number = Keyboard(house), await book(house)
        await house.settle()
        assert desk.told('bookings', 'list') == [], 'it lies in the past of the machine'
        (line,) = desk.told('bookings', 'list', '--past', '--admin', 'Priya')
        assert (line['id'], line['company'], line['contact']) == (number, 'Adams Tuition', 'Lee Adams')
        assert (line['start_at'], line['calendar'], line['status']) == (TEN.isoformat(), 'there', 'planned')
        shown = desk.told('bookings', 'show', str(number))
        assert 'google' in {link['system'] for link in shown['links']}
        assert 'confirmation' in [letter['kind'] for letter in shown['letters']]
        assert 'Lee Adams <lee@customer.example>' in desk.run('bookings', 'show', str(number)).stdout
        assert await desk.done('bookings', 'cancel', str(number)) == ''
        (line,) = desk.told('bookings', 'list', '--past', '--status', 'canceled')
        assert (line['canceled_by'], line['calendar']) == ('admin', 'deleted')
        assert line['activity'] in ('none', 'deleted')
        assert 'is cancelled already (by: admin)' in desk.refused('bookings', 'cancel', str(number))
        assert 'no booking' in desk.refused('bookings', 'show', '999999')
        assert 'no status' in desk.refused('bookings', 'list', '--status', 'lost')


async def test_a_booking_is_found_by_the_number_that_its_visitor_was_told(database_url: str) -> None:
    async with open_office(database_url) as house:
        desk, number = Keyboard(house), await book(house)
        await book(house, TEN + timedelta(days=1))
        [row] = await house.rows('select uid from meeting where id = %s', number)
        told = str(public_number(row['uid']))
        shown = desk.told('bookings', 'show', told)
        assert (shown['id'], shown['number']) == (number, int(told))
        assert told in desk.run('bookings', 'show', str(number)).stdout
        assert [(item['type'], item['id'], item['hits']) for item in desk.told('find', told)] == [
            ('meeting', number, ['number'])
        ]
        assert await desk.done('bookings', 'cancel', told) == ''
        assert desk.told('bookings', 'show', told)['canceled_by'] == 'admin'


@pytest.mark.lesson('M-63')
async def test_what_could_not_be_read_is_shown_with_the_booking(house: House) -> None:
    number = await book(house, typed={'phone': 'call me'}, flags=['name was longer than 255 characters and is cut'])
    shown = Keyboard(house).run('bookings', 'show', str(number)).stdout
    assert 'phone as typed' in shown
    assert 'call me' in shown
    assert 'name was longer' in shown


async def _known(house: House) -> dict[str, Any]:
    async with house.engine.database.transaction() as connection:
        known = await house.engine.known(connection)
    (found,) = [each for each in known.directory.admins.values() if each.ref.id == (await admin(house))['id']]
    return dict(found.fields)


async def _refusal(house: House, fields: dict[str, Any]) -> str:
    from hermes.domain.errors import Refused

    number = (await admin(house))['id']
    with pytest.raises(Refused) as refused:
        await house.act('admin.save', id=number, fields=fields)
    return str(refused.value)
