"""The clients that TutorCruncher has already are offered at set-up, with their number and the cost, and taken over;
whatever interrupts it, it goes on where it stopped.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.outside import Office, Outside, outside
from tests.waiting import wait_for

pytestmark = [pytest.mark.lesson('M-56'), pytest.mark.behaviour('SETUP-16')]
CLIENTS = 23


@pytest.fixture(scope='module')
def world() -> Iterator[Outside]:
    with outside() as here:
        yield here


@pytest.fixture
def office(world: Outside, database_url: str, tmp_path: Path) -> Office:
    world.begin()
    for number in range(CLIENTS):
        act = {'system': 'tutorcruncher', 'act': 'sign_up', 'name': f'Tutors {number}', 'sales_person': 11}
        world.ask('act', {**act, 'email': f'owner{number}@tutors.example'})
    made = Office(database_url, world, tmp_path)
    made.does('setup', 'admins', '--users', 'priya.raman@office.example', '--tc2', 'priya.raman@office.example=11')
    return made


def readings(office: Office) -> list[str]:
    """Each client that was read by its id."""
    return [call['path'] for call in office.world.calls('GET') if '/tc2/api/clients/' in call['path'] and
            call['path'].rstrip('/').rpartition('/')[2].isdigit()]  # fmt: skip


def known(office: Office) -> int:
    [(count,)] = office.rows("select count(*) from mirror where type = 'client' and runs <> '{}'")
    return int(count)


def test_set_up_offers_them_with_number_and_cost_and_takes_them(office: Office) -> None:
    with office.terminal('setup', 'clients') as person:
        person.expect(f'TutorCruncher has {CLIENTS} clients, and {CLIENTS} of them are not known here.')
        person.expect(f'To take them over costs {CLIENTS + 1} calls, some seconds at what TutorCruncher allows.')
        person.answer('Take them over now? (y/n) [y]: ', '')
        person.expect(f'✓ {CLIENTS} clients of TutorCruncher were read')
        assert person.end() == 0
    assert known(office) == CLIENTS
    assert office.rows("select count(*) from event where state in ('new', 'waiting') and kind = 'read'") == [(0,)]
    assert len(readings(office)) == CLIENTS
    assert f'All {CLIENTS} clients of TutorCruncher were read' in office.does('setup', 'clients', '--yes')
    assert len(readings(office)) == CLIENTS, 'nobody is read twice'


def test_unattended_it_is_told_and_not_begun_unless_somebody_says_so(office: Office) -> None:
    said = office.does('setup', 'clients')
    assert 'Say "hermes setup clients --take" for it now; else it happens at night.' in said
    assert 'They are taken over at night' in office.does('setup', 'clients', '--no-take')
    assert known(office) == 0
    assert readings(office) == []
    assert f'✓ {CLIENTS} clients of TutorCruncher were read' in office.does('setup', 'clients', '--take')


def test_what_cannot_be_applied_is_told(office: Office) -> None:
    office.rows('update admin set tc2_admin_id = 99')
    said = office.does('setup', 'clients', '--take')
    assert f'{CLIENTS} of them were put aside: "hermes events list --state parked" says why' in said
    assert f'All {CLIENTS} clients of TutorCruncher were read' in office.does('setup', 'clients')


def test_all_of_set_up_ends_with_the_offer(office: Office) -> None:
    said = office.does('setup', 'all', '--yes')
    assert said.index('with basic auth') < said.index(f'TutorCruncher has {CLIENTS} clients')
    assert f'✓ {CLIENTS} clients of TutorCruncher were read' in said


def test_interrupted_it_goes_on_where_it_stopped(office: Office) -> None:
    office.world.ask('weather', {'latency_p': 1.0, 'latency_min_s': 0.3, 'latency_max_s': 0.3})
    with office.terminal('setup', 'clients', '--take') as person:
        person.expect('To take them over costs')
        wait_for('some are read', lambda: known(office) >= 3)
        assert person.interrupt() != 0
        person.expect(f'of {CLIENTS} clients were read. "hermes setup clients" goes on from here')
    office.world.ask('weather', {'name': 'calm'})
    before = known(office)
    assert 0 < before < CLIENTS
    said = office.does('setup', 'clients', '--take')
    assert f'and {CLIENTS - before} of them are not known here' in said
    assert known(office) == CLIENTS
    assert len(set(readings(office))) == CLIENTS
    assert len(readings(office)) <= CLIENTS + 5, 'only what was under way is read again'
