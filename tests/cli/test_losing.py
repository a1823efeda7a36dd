"""No command destroys or hides data by the way: what goes is named, the database's name is asked for, and nobody may be
at work in it.
"""

import os
import socket
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from hermes.db import schema
from hermes.db.schema import landed
from tests.cli.places import Place, standing
from tests.whole.filling import fill

pytestmark = [pytest.mark.lesson('M-40'), pytest.mark.behaviour('SETUP-14')]
NEWEST = landed.landed()[-1].revision
LOSING = [
    ('db', 'downgrade', '-1'),
    ('db', 'downgrade', 'base'),
    ('db', 'reset'),
    ('db', 'restore-from-live'),
    ('patch', 'retry_parked_pushes', '--live'),
    ('import-legacy', '--from', 'the older one'),
]


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    fill(database_url)
    found = Place(database_url, tmp_path)
    found.execute('delete from worker')
    return found


def words_for(place: Place, words: tuple[str, ...], older_url: str) -> tuple[str, ...]:
    return tuple(older_url if word == 'the older one' else word for word in words)


@pytest.fixture
def older(blank_database_url: str) -> str:
    """An older Hermes with one company."""
    from tests.legacy.generate import Older, keep

    found = Older('newest')
    found.add('admin', username='ada@office.example', tc2_admin_id=1, pd_owner_id=2, is_sales_person=True)
    found.add('company', name='One School', tc2_agency_id=5, pd_org_id=77, sales_person_id=1)
    keep(blank_database_url, found)
    return blank_database_url


@pytest.mark.parametrize('words', LOSING, ids=' '.join)
def test_nothing_is_lost_without_the_name_or_under_the_wrong_one(
    place: Place, older: str, words: tuple[str, ...]
) -> None:
    if words[0] == 'import-legacy':
        place.execute('truncate event, link, mirror, company, admin cascade')
    before = standing(place)
    given = words_for(place, words, older)
    assert 'say --name and the name of the database' in place.refuses(*given)
    assert f'The database is called "{place.name}", not "hermes"' in place.refuses(*given, '--name', 'hermes')
    assert standing(place) == before
    assert schema.check(place.url) == 'current'


@pytest.mark.parametrize('words', LOSING, ids=' '.join)
def test_nothing_is_lost_while_somebody_works_in_it(place: Place, older: str, words: tuple[str, ...]) -> None:
    place.execute("insert into worker values ('w', now(), now(), %s, %s)", socket.gethostname(), os.getpid())
    before = standing(place)
    with psycopg.connect(place.url, application_name='hermes-web-pulse'):
        told = place.refuses(*words_for(place, words, older), '--name', place.name)
    assert f'(worker {os.getpid()} on {socket.gethostname()}, web): stop it first' in told
    assert standing(place) == before


def test_a_way_back_says_to_which_version_and_what_goes(place: Place) -> None:
    place.execute('update admin set daily_cap = 3')
    told = place.refuses('db', 'downgrade')
    assert told.startswith(f'Say to which earlier version: this database is at {NEWEST}, before that were 0001, 0002')
    for unknown in ('9999', NEWEST, '-99', 'x', '-0'):
        assert 'Say to which earlier version' in place.refuses('db', 'downgrade', unknown)
    done = place.hermes('db', 'downgrade', '5', '--name', place.name)
    assert done.exit_code == 0, done.output
    assert 'table meeting (1 rows)' in done.stdout
    assert 'column admin.daily_cap (1 values)' in done.stdout
    assert 'The schema has gone back to 0005.' in done.stdout
    assert schema.check(place.url) == 'old'


def test_one_step_back_and_everything(place: Place) -> None:
    done = place.hermes('db', 'downgrade', '-1', '--name', place.name)
    assert f'The schema has gone back to {landed.landed()[-2].revision}.' in done.stdout
    done = place.hermes('db', 'downgrade', 'base', '--name', place.name)
    assert 'table company (1 rows)' in done.stdout
    assert 'The schema has gone back to nothing.' in done.stdout


def test_a_reset_names_every_table_that_has_rows(place: Place) -> None:
    place.execute('create table report (at int); insert into report values (1), (2)')
    done = place.hermes('db', 'reset', '--name', place.name)
    assert done.exit_code == 0, done.output
    assert f'Everything will be lost in the database "{place.name}":' in done.stdout
    for line in ('company (1 rows)', 'event (1 rows)', 'report (2 rows)'):
        assert f'  {line}' in done.stdout


def test_a_patch_says_what_it_will_do_before_it_asks(place: Place) -> None:
    place.execute("update push set state = 'parked', reason = 'refused by them'")
    tried = place.hermes('patch', 'retry_parked_pushes', '--live')
    assert tried.exit_code == 1
    assert 'refused by them' in tried.stdout
    with psycopg.connect(place.url) as connection:
        assert connection.execute("select count(*) from push where state = 'parked'").fetchone() == (1,)


def test_values_of_a_field_are_not_forgotten_unasked(place: Place) -> None:
    place.execute('delete from custom_field')
    place.execute(
        'insert into custom_field (machine_name, name, field_type, linked_object_type, policy) values '
        "('shoe_size', 'Shoe size', 'int', 'Company', 'crm')"
    )
    place.execute('update company set extra = %s', Jsonb({'shoe_size': 44}))
    tried = place.hermes('fields', 'remove', 'shoe_size')
    assert tried.exit_code == 1
    assert 'Company.shoe_size of 1 records' in tried.stdout
    done = place.hermes('fields', 'remove', 'shoe_size', '--name', place.name)
    assert done.exit_code == 0, done.output
