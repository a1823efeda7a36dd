"""An account is the database's once it has answered, not before; a doctor says ok about what it reached (SETUP-12)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes.sync.inline_worker import TRIES
from tests.cli.outside import Office, Outside, outside
from tests.whole.run import free_ports

pytestmark = [pytest.mark.lesson('M-44'), pytest.mark.behaviour('SETUP-12')]


@pytest.fixture(scope='module')
def world() -> Iterator[Outside]:
    with outside() as here:
        yield here


@pytest.fixture
def office(world: Outside, database_url: str, tmp_path: Path) -> Office:
    world.begin()
    return Office(database_url, world, tmp_path)


def accounts(office: Office) -> dict[str, str]:
    return dict(office.rows('select system, identity from account'))


def findings(office: Office, *words: str) -> dict[str, str]:
    told = json.loads(office.hermes('doctor', '--json', *words).stdout)
    return {each['name']: each['state'] for each in told['findings']}


def test_an_address_at_which_nobody_listens_is_no_account(office: Office) -> None:
    right = office.environment['TC2_BASE_URL']
    office.more['TC2_BASE_URL'] = f'http://127.0.0.1:{free_ports(1)[0]}/tc2'
    told = findings(office)
    assert told['tutorcruncher credentials'] == told['tutorcruncher'] == 'todo'
    assert 'tutorcruncher' not in accounts(office)
    done = office.hermes('sweep', 'tc2')
    assert done.exit_code == 2
    assert 'tutorcruncher client is not finished: a page failed: TutorCruncher could not be reached' in done.output
    assert office.rows("select count(*) from call where op = 'list'") == [(TRIES,)], 'nobody sat and waited'
    assert 'tutorcruncher' not in accounts(office)
    office.more['TC2_BASE_URL'] = right
    told = findings(office)
    assert told['tutorcruncher credentials'] == told['tutorcruncher'] == 'ok'
    assert accounts(office)['tutorcruncher'] == f'TutorCruncher at {right}'


def test_a_wrong_key_is_no_account_either(office: Office) -> None:
    office.more['TC2_API_KEY'] = 'somebody-elses-key-of-tc2'
    findings(office)
    assert 'tutorcruncher' not in accounts(office)


def test_the_doctor_says_ok_only_about_what_it_reached(office: Office) -> None:
    told = findings(office)
    assert (told['pipedrive'], told['tutorcruncher']) == ('ok', 'ok')
    told = findings(office, '--offline')
    assert (told['pipedrive'], told['tutorcruncher']) == ('skipped', 'skipped')
    office.more |= {'PD_BASE_URL': 'http://127.0.0.1:9', 'TC2_BASE_URL': office.environment['TC2_BASE_URL']}
    told = findings(office)
    assert (told['pipedrive credentials'], told['pipedrive']) == ('todo', 'skipped')
    assert told['tutorcruncher'] == 'ok'


def test_an_account_is_forgotten_while_nothing_was_exchanged(office: Office) -> None:
    findings(office)
    first = accounts(office)
    assert set(first) == {'pipedrive', 'tutorcruncher'}
    office.more['TC2_BASE_URL'] = f'http://127.0.0.1:{free_ports(1)[0]}/tc2'
    assert '"hermes forget-account tutorcruncher" lets go' in office.refuses('sweep', 'pipedrive')
    office.rows("insert into worker values ('w', now(), now(), 'host', 12)")
    assert '(worker 12 on host): stop it first' in office.refuses('forget-account', 'tc2')
    office.rows('delete from worker')
    assert office.does('forget-account', 'tc2').startswith(f'{first["tutorcruncher"]} is forgotten')
    assert set(accounts(office)) == {'pipedrive'}
    assert 'there is nothing to forget' in office.refuses('forget-account', 'tc2')
    [(act,)] = office.rows(
        "select convert_from(body, 'UTF8')::jsonb from event where kind = 'act' order by id desc limit 1"
    )
    assert act == {'act': 'account.forget', 'system': 'tutorcruncher'}


def test_an_account_with_which_something_was_exchanged_stays(office: Office) -> None:
    office.does('setup', 'all', '--yes')
    assert 'so it belongs to that account' in office.refuses('forget-account', 'pipedrive')
    assert 'pipedrive' in accounts(office)
