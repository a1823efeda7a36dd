"""docs/how-to/back-up-and-restore.md, followed: all is lost but the file, and afterwards the world is in step."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.waiting import PATIENCE_S
from tests.whole.run import Home, Running

pytestmark = pytest.mark.lesson('M-54')


def sign_up(run: Running, name: str) -> None:
    """A client signs up, and arrives in the CRM."""
    act = {'system': 'tutorcruncher', 'act': 'sign_up', 'name': name, 'email': f'{name.lower()}@x.example'}
    run.sandbox('/_world/act', act)
    run.wait_for(f'{name} at the CRM', lambda: organizations(run, name))


def ask(run: Running, path: str, body: Any = None) -> Any:
    """Ask Hermes, as the website does."""
    request = Request(
        f'http://127.0.0.1:{run.home.ports[0]}{path}', data=None if body is None else json.dumps(body).encode(),
        headers={'Content-Type': 'application/json'},
    )  # fmt: skip
    with urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def offered(run: Running, admin: int) -> list[str]:
    """The times of the next two weeks."""
    now = datetime.now(UTC)
    span = urlencode({'start_dt': now.isoformat(), 'end_dt': (now + timedelta(days=14)).isoformat()})
    return [slot[0] for slot in ask(run, f'/callbooker/availability/?admin_id={admin}&{span}')['slots']]


def calls(run: Running) -> list[Any]:
    """The events of calls that stand in somebody's calendar."""
    calendars = run.sandbox('/_world/state')['google']['calendars'].values()
    events = [event for calendar in calendars for event in calendar['events']]
    return [event for event in events if 'lee@customer' in str(event) and event.get('status') != 'cancelled']


def organizations(run: Running, name: str) -> list[int]:
    """The living organisations of this name in the CRM."""
    found = run.sandbox('/_world/state')['pipedrive']['organizations']
    return [item['id'] for item in found if item['name'] == name and not item['is_deleted']]


def test_what_happened_after_the_backup_is_read_before_anything_is_sent(home: Home) -> None:
    file = home.folder / 'monday.backup'
    with home.running() as run:
        run.await_ready()
        sign_up(run, 'Marigold')
        done = home.hermes('db', 'backup', str(file))
        assert done.returncode == 0, done.stderr
        sign_up(run, 'Thistle')
        admin = ask(run, '/choose-roundrobin/sales/?plan=payg&country_code=GB')['id']
        slot = offered(run, admin)[-1]
        ask(run, '/callbooker/sales/book/', {
            'admin_id': admin, 'meeting_dt': slot, 'name': 'Lee Adams', 'email': 'lee@customer.example',
            'company_name': 'Adams Tuition', 'country': 'GB', 'estimated_income': '50-150k', 'currency': 'GBP',
            'price_plan': 'payg',
        })  # fmt: skip
        run.wait_for('the call in the calendar', lambda: calls(run))
        [marigold] = organizations(run, 'Marigold')
        change = {'kind': 'organization', 'id': marigold, 'values': {'name': 'Marigold Tutors'}}
        run.sandbox('/_world/act', {'system': 'pipedrive', 'act': 'update', **change})
        assert run.interrupt() == 0
    shutil.rmtree(home.data / 'sandbox' / 'postgres')
    done = home.hermes('db', 'restore', str(file))
    assert done.returncode == 0, done.stderr
    assert 'Every system is paused' in done.stdout
    home.variables['PUSH_MODE'] = 'plan'
    with home.running() as run:
        run.await_ready()
        before = len(run.sandbox('/_world/calls'))
        standing = {item['system']: item for item in home.told('status')['systems']}
        assert all(item['paused'] for item in standing.values() if item['account'])
        for system in ('pipedrive', 'tutorcruncher', 'google'):
            account = standing.get(system, {}).get('account') or 'the one of these credentials'
            done = home.hermes('resume', system, '--account', account)
            assert done.returncode == 0, done.stdout + done.stderr
        for system in ('tutorcruncher', 'pipedrive'):
            done = home.hermes('sweep', system, '--full')
            assert done.returncode == 0, done.stdout + done.stderr
        sent = [call for call in run.sandbox('/_world/calls')[before:] if call['method'] != 'GET']
        assert [call for call in sent if call['system'] == 'pipedrive'] == []
        assert 'nothing is sent (PUSH_MODE=plan)' in home.hermes('plan').stdout
        run.interrupt()
    del home.variables['PUSH_MODE']
    with home.running() as run:
        run.await_ready()
        assert home.hermes('setup', 'webhooks').returncode == 0
        sign_up(run, 'Clover')
        run.wait_for('no drift', lambda: home.hermes('drift').returncode == 0)
        assert organizations(run, 'Marigold Tutors') == [marigold]
        assert organizations(run, 'Marigold') == []
        assert len(organizations(run, 'Thistle')) == 1
        assert len(calls(run)) == 1, 'what was promised after the backup stands'
        assert slot not in offered(run, admin)
        assert run.interrupt() == 0
