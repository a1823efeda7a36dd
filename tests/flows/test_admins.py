"""`hermes admins`: people are added, changed, removed and taken back; who cannot be booked is shown and not drawn."""

import json
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from hermes.cli import app
from hermes.cli.failures import sentence_of
from hermes.domain.errors import Refused
from tests.flows.calendars import TEN, admin, book
from tests.flows.house import MARCUS, PRIYA, House

pytestmark = pytest.mark.lesson('M-50')
KEYS = {'TC2_API_KEY': 'key', 'PD_API_KEY': 'key', 'G_CLIENT_EMAIL': 'a@b.example', 'G_PRIVATE_KEY': 'key'}


class Office:
    """`hermes` on a database, with every system configured and none of them asked."""

    def __init__(self, url: str) -> None:
        self.url = url

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(app, ['admins', *words], env={'DATABASE_URL': self.url, **KEYS})

    def told(self, *words: str) -> Any:
        done = self.run(*words, '--json')
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)

    def refused(self, *words: str) -> str:
        done = self.run(*words)
        assert done.exit_code == 1, done.output
        return done.stderr.strip() or (sentence_of(done.exception) if isinstance(done.exception, Exception) else '')

    def people(self, *words: str) -> dict[str, Any]:
        return {item['email']: item for item in self.told('list', *words)}

    def add(self, email: str, *words: str) -> Any:
        return self.told('add', '--email', email, *words)


@pytest.fixture
def office(database_url: str) -> Office:
    return Office(database_url)


def test_somebody_is_added_changed_removed_and_taken_back(office: Office) -> None:
    bo = office.add('bo@office.example', '--first-name', 'Bo', '--tc2', '21', '--pd', '31', '--role', 'sales')
    assert (bo['roles'], bo['sells'], bo['state'], bo['problem']) == ('sales', 'every plan everywhere', 'here', None)
    words = ('--role', 'support', '--role', 'bdr', '--plan', 'payg', '--region', 'gb', '--region', 'us')
    assert office.told('edit', 'Bo', *words)['roles'] == 'support, bdr'
    assert office.told('edit', 'bo@office.example', '--role', 'sales')['sells'] == 'payg in us, gb'
    assert 'as it was' in office.run('edit', str(bo['id']), '--role', 'sales').stdout
    office.told('remove', 'Bo')
    assert office.people() == {}
    assert office.people('--all')['bo@office.example']['state'] == 'removed'
    again = office.add('bo@office.example', '--role', 'support')
    assert (again['id'], again['tc2_admin_id'], again['state']) == (bo['id'], 21, 'here')
    with psycopg.connect(office.url) as connection:
        told = connection.execute("select new from change where field = 'tombstone' order by id").fetchall()
    assert told == [('operator',), (None,)]


def test_no_two_are_the_same_person(office: Office) -> None:
    bo = office.add('bo@office.example', '--first-name', 'Bo', '--tc2', '21', '--pd', '31', '--role', 'sales')
    office.add('cy@office.example', '--first-name', 'Cy', '--tc2', '22', '--role', 'sales')
    assert f'hermes admins edit {bo["id"]}' in office.refused('add', '--email', 'BO@office.example', '--role', 'sales')
    assert 'has this CRM user already' in office.refused('add', '--email', 'd@o.example', '--pd', '31', '--role', 'bdr')
    told = office.refused('edit', 'Cy', '--tc2', '21')
    assert told == f'tc2_admin_id: the TutorCruncher id 21 belongs to Bo (ID: {bo["id"]}) already.'
    assert office.people()['cy@office.example']['tc2_admin_id'] == 22


def test_roles_are_asked_for_and_what_is_wrong_is_named(office: Office) -> None:
    assert '--role' in office.refused('add', '--email', 'bo@office.example')
    assert '--email' in office.refused('add', '--role', 'sales')
    assert '"boss" is no role' in office.refused('add', '--email', 'bo@office.example', '--role', 'boss')
    assert '"gold" is no plan' in office.refused('add', '--email', 'b@o.example', '--role', 'sales', '--plan', 'gold')
    assert 'is no e-mail address' in office.refused('add', '--email', 'bo', '--role', 'sales')
    assert 'is no time zone' in office.refused('add', '--email', 'b@o.example', '--role', 'bdr', '--timezone', 'Mars')
    assert office.people() == {}
    office.add('bo@office.example', '--role', 'none')
    assert office.people()['bo@office.example']['roles'] == 'none'
    assert 'Change what?' in office.refused('edit', 'bo@office.example')


def test_who_cannot_be_booked_is_shown_with_the_reason(office: Office) -> None:
    office.add('bo@office.example', '--role', 'sales')
    office.add('cy@office.example', '--role', 'sales', '--tc2', '22')
    office.add('di@office.example', '--role', 'sales', '--tc2', '23')
    with psycopg.connect(office.url, autocommit=True) as connection:
        connection.execute('update admin set email = null where tc2_admin_id = 22')
        connection.execute("insert into followed_calendar (calendar, problem) values ('di@office.example', 'gone')")
        connection.execute("insert into followed_calendar (calendar) values ('bo@office.example')")
    told = {item['tc2_admin_id']: item['problem'] for item in office.told('list')}
    assert told == {
        None: 'no TutorCruncher id', 22: 'no e-mail address, so no calendar', 23: 'the calendar cannot be read: gone',
    }  # fmt: skip
    with psycopg.connect(office.url, autocommit=True) as connection:
        connection.execute("update followed_calendar set problem = 'Google is away'")
    assert {item['tc2_admin_id']: item['problem'] for item in office.told('list')}[23] is None, 'nobody is to blame'


async def test_who_cannot_be_booked_is_not_drawn(house: House) -> None:
    async def drawn() -> set[int]:
        told = await house.web.get('/choose-roundrobin/sales/?plan=payg&country_code=GB')
        return {told.json()['id']} if told.status_code == 200 else set()

    fields = {'email': 'service@office.example', 'is_sales_person': True, 'sells_payg': True, 'sells_gb': True}
    service = (await house.act('admin.save', fields={**fields, 'pd_owner_id': 77}))['id']
    await house.rows('update admin set sells_payg = false where id <> %s returning id', service)
    await house.rows("update revision set number = number + 1 where name = 'directory' returning number")
    assert await drawn() == set()
    await house.act('admin.save', id=service, fields={'tc2_admin_id': 4711})
    assert await drawn() == {service}
    await house.act('admin.remove', id=service)
    assert await drawn() == set()


async def test_nobody_is_removed_while_calls_are_planned_or_a_setting_names_them(house: House) -> None:
    priya, marcus = await admin(house, PRIYA), await admin(house, MARCUS)
    meeting = await book(house, TEN)
    with pytest.raises(Refused, match=rf'\({meeting}\): cancel or move them first'):
        await house.act('admin.remove', id=priya['id'])
    number = marcus['id']
    await house.set('default_sales_person_id', number)
    with pytest.raises(Refused, match='default_sales_person_id names admin'):
        await house.act('admin.remove', id=number)
    assert await house.rows('select id from admin where tombstone is not null') == []
