"""The tutorial, word for word, in a fresh clone: its commands are typed, its buttons pressed, its promises looked at.
The folder has a space and a letter beyond ASCII in its name, HOME is empty, and the ports are others than the page's.

The clone borrows this environment; with `TUTORIAL=whole` (make verify) it makes its own, as a newcomer's does.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from hermes.kit.processes import dying_with_parent
from tests.waiting import PATIENCE_S, PROBE_S, wait_for
from tests.whole.reader import Filled, Terminal, blocks, environment, follow, look, press
from tests.whole.run import free_ports, processes_of

ROOT = Path(__file__).parents[2]
PAGE = Path('docs', 'tutorial', 'first-ten-minutes.md')
STAMPS = ('.core', '.observe', '.dev')
"""What tools/bootstrap.sh knows a finished environment by."""
WHOLE = os.environ.get('TUTORIAL') == 'whole'
NAME, RENAMED = 'Foxglove Academy', 'Foxglove & Daughters'
PAIR = ('Summit Tuition', 'Willow Learning')
STORMY = 'Harbour Study Centre'
pytestmark = [pytest.mark.lesson('M-48'), pytest.mark.slow]


def later(start: str) -> str:
    """Three quarters of an hour after what stands in the field."""
    return f'{datetime.fromisoformat(start) + timedelta(minutes=45):%Y-%m-%dT%H:%M}'


class Newcomer:
    """Who reads the page. What is `tried` there is a method of this name."""

    def __init__(self, clone: Path, variables: dict[str, str], log: Path) -> None:
        self.clone, self.variables, self.log = clone, variables, log
        self.web, self.sandbox = free_ports(2)
        self.second = Terminal(clone, variables)
        self.run: subprocess.Popen[bytes] | None = None
        self.commands, self.said = '', ''
        self.page, self.booked_at = '', ''
        self.since = self.count = 0
        self.tried: list[str] = []

    # What the page says to do

    def follow(self, page: str) -> None:
        for block in blocks(page[page.index('## 1.') : page.index('## Where next')]):
            if not block.commands:
                assert block.tried or block.text.endswith(':'), f'nothing tries this paragraph: {block.text}'
                for name in block.tried:
                    getattr(self, name)()
                    self.tried.append(name)
            elif block.text.startswith('make run'):
                self.start('make run')
            else:
                self.commands = self.translate(block.text)
                self.said = self.second.type(self.commands)

    def translate(self, commands: str) -> str:
        """With the ports and ids of this reader."""
        ids: dict[str, int | str] = {'8000': self.web, '8100': self.sandbox}
        if 'pipedrive:organization:ID' in commands:
            ids['ID'] = self.organisation(RENAMED)['id']
        if 'START' in commands:
            ids['START'] = self.booked_at
        if 'EVENT' in commands:
            told = self.second.type('.venv/bin/hermes events list --source tutorcruncher --json')
            ids['EVENT'] = next(each['id'] for each in json.loads(told) if each['kind'] == 'webhook')
        return re.sub(rf'\b({"|".join(ids)})\b', lambda found: str(ids[found[0]]), commands)

    def start(self, command: str) -> None:
        """In the first terminal, as a shell with job control starts it."""
        words = f'{command} PORT={self.web} SANDBOX_PORT={self.sandbox}'
        with self.log.open('ab') as log:
            self.run = subprocess.Popen(
                ['bash', '-c', f'exec {words}'], cwd=self.clone, env=self.variables, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, preexec_fn=dying_with_parent(signal.SIGTERM),
            )  # fmt: skip
        self.await_that('ready', self.is_ready)

    def is_ready(self) -> bool:
        assert self.run
        assert self.run.poll() is None, self.log.read_text()
        try:
            with urlopen(f'http://127.0.0.1:{self.web}/ready', timeout=PROBE_S) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def await_that(self, what: str, told: Callable[[], Any]) -> Any:
        return wait_for(what, told, self.log.read_text)

    def stop(self) -> None:
        """Ctrl-C, as a terminal sends it to all of the foreground."""
        assert self.run
        os.killpg(self.run.pid, signal.SIGINT)
        self.run.wait(PATIENCE_S)
        self.await_that('everything ended', lambda: not self.left())

    def left(self) -> dict[int, str]:
        return {pid: told for pid, told in processes_of(self.clone).items() if ' -m hermes' in told}

    # What it says that is there then

    def world(self, path: str = 'state') -> Any:
        with urlopen(f'http://127.0.0.1:{self.sandbox}/_world/{path}', timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def crm(self, kind: str, key: str, value: Any) -> list[dict[str, Any]]:
        return [each for each in self.world()['pipedrive'][kind] if each[key] == value]

    def organisation(self, name: str) -> dict[str, Any]:
        found = self.await_that(name, lambda: self.crm('organizations', 'name', name))
        assert len(found) == 1
        return dict(found[0])

    def press(self, page: str, label: str, where: dict[str, str] | None = None, **filled: Filled) -> None:
        press(f'http://127.0.0.1:{self.sandbox}{page}', label, where, **filled)

    def client(self, name: str) -> dict[str, str]:
        [found] = [
            each['id']
            for each in self.world()['tutorcruncher']['clients']
            if name in (each.get('meta_agency') or {}).get('name', '')
        ]
        return {'client': str(found)}

    def writes(self, since: int) -> list[dict[str, Any]]:
        return [
            call
            for call in self.world(f'calls?system=pipedrive&since={since}')
            if call['method'] in ('POST', 'PATCH', 'PUT', 'DELETE')
        ]

    def await_quiet(self) -> None:
        """Nothing is left to be done."""

        def is_quiet() -> bool:
            told = json.loads(self.second.type('.venv/bin/hermes status --json'))
            open_ones = sum(
                push[name] for push in told['pushes'] for name in ('due', 'waiting', 'in_flight', 'unknown')
            )
            return not (open_ones or told['events']['new'] or self.world()['outbox'].get('waiting'))

        self.await_that('quiet', is_quiet)
        self.count = self.world()['call_count']

    # The promises, in the order of the page

    def it_starts(self) -> None:
        self.await_that('its addresses', lambda: f':{self.web}/docs' in self.log.read_text())
        told = re.findall(r'http://[^\s"]+', self.log.read_text())
        assert f'http://127.0.0.1:{self.sandbox}/' in told
        for address in told:
            with urlopen(address, timeout=PATIENCE_S) as answer:
                assert answer.status == 200

    def other_ports(self) -> None:
        other = {'DATA_DIR': str(self.clone.parent / 'other')}
        done = subprocess.run(
            [self.clone / '.venv/bin/hermes', 'run'],
            env=self.variables | {**other, 'PORT': str(self.web), 'SANDBOX_PORT': str(self.sandbox)},
            cwd=self.clone.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        for port in (self.web, self.sandbox):
            assert f'Port {port} is taken by the Hermes of {self.clone / "data"} (process ' in done.stderr

    def all_four_are_in_both(self) -> None:
        names = {each['meta_agency']['name'] for each in self.world()['tutorcruncher']['clients']}
        assert len(names) == 4

        def held() -> set[str]:
            return {each['name'] for each in self.world()['pipedrive']['organizations']}

        self.await_that('all of them', lambda: names <= held())
        assert len(held()) == 6
        self.await_quiet()

    def sign_up(self) -> None:
        self.press(
            '/pages/tutorcruncher', 'Sign up', name=NAME, plan='payg', sales_person='11', email='h@foxglove.example'
        )

    def a_company_arrives(self) -> None:
        organisation = self.organisation(NAME)
        assert organisation['owner_id'] == 12_000_011
        [person] = self.await_that('a person', lambda: self.crm('persons', 'org_id', organisation['id']))
        assert [each['value'] for each in person['emails']] == ['h@foxglove.example']
        assert person['phones']
        [deal] = self.await_that('a deal', lambda: self.crm('deals', 'org_id', organisation['id']))
        assert (deal['pipeline_id'], deal['stage_id'], deal['person_id']) == (1, 2, person['id'])

    def its_event_is_told(self) -> None:
        self.await_quiet()
        assert NAME in self.second.type(f'.venv/bin/hermes find {NAME.split()[0]}')

    def an_invoice_is_one_field(self) -> None:
        organisation = self.organisation(NAME)
        since = self.count
        self.press('/pages/tutorcruncher', 'Pay an invoice', self.client(NAME))
        self.await_that('both updates', lambda: len(self.writes(since)) == 2)
        told = {call['path'].rpartition('/api/v2/')[2]: call['request'] for call in self.writes(since)}
        [deal] = self.crm('deals', 'org_id', organisation['id'])
        assert set(told) == {f'organizations/{organisation["id"]}', f'deals/{deal["id"]}'}
        for request in told.values():
            assert list(request) == ['custom_fields']
            assert list(request['custom_fields'].values()) == [1]
        with urlopen(f'http://127.0.0.1:{self.sandbox}/', timeout=PATIENCE_S) as answer:
            assert f'organizations/{organisation["id"]}' in answer.read().decode()

    def snapshots_cost_nothing(self) -> None:
        self.await_quiet()
        before = self.count
        self.send_snapshots()
        assert self.world(f'calls?since={before}') == []

    def send_snapshots(self) -> None:
        before = self.world()['tutorcruncher']['integration']['sent']
        self.press('/pages/tutorcruncher', 'Send a snapshot of every company')
        clients = len(self.world()['tutorcruncher']['clients'])
        assert self.world()['tutorcruncher']['integration']['sent'] == before + clients

        def are_delivered() -> bool:
            newest = self.world()['tutorcruncher']['webhooks'][:clients]
            return {each['state'] for each in newest} == {'delivered'}

        self.await_that('they are delivered', are_delivered)
        self.await_quiet()

    def an_edit_stands(self) -> None:
        organisation = self.organisation(NAME)
        where = {'kind': 'organization', 'id': str(organisation['id'])}
        self.press('/pages/pipedrive', 'Save', where, name=RENAMED)
        self.send_snapshots()
        assert self.organisation(RENAMED)['id'] == organisation['id']

    def it_is_explained(self) -> None:
        assert re.search(rf'name +{re.escape(RENAMED)} +20\S+ \S+ +pipedrive +\d+ +FIELD-2', self.said)
        assert f'tutorcruncher says {NAME}' in self.said
        assert 'held back' in self.said

    def visit(self, path: str = '') -> str:
        """An address of the booking pages."""
        return f'http://127.0.0.1:{self.web}/book-a-call/{path}'

    def a_turn_is_drawn(self) -> None:
        bracket = follow(follow(self.visit(), 'Book a call'), 'No, or I am not sure')
        self.page = press(bracket, 'Continue', bracket='0-50k')
        assert self.page.startswith(self.visit('priya-raman/'))

    def a_call_is_booked(self) -> None:
        label = re.findall(r'data-testid="next-time".*?<time [^>]*>([^<]*)<', look(self.page))[2]
        form = press(self.page, label, {'action': 'hold'})
        typed = {'name': 'Lee Adams', 'email': 'lee@customer.example', 'company_name': 'Adams Tuition', 'country': 'GB'}
        assert '/booked/' in press(form, 'Book the call', None, **typed)
        organisation = self.organisation('Adams Tuition')
        self.await_that('its deal', lambda: self.crm('deals', 'org_id', organisation['id']))
        assert self.event()
        for page in ('google', 'pipedrive'):
            look(f'http://127.0.0.1:{self.sandbox}/pages/{page}')
        letters = self.await_that('the letter', lambda: self.world()['mailbox']['letters'])
        links = re.findall(rf'http://127.0.0.1:{self.web}/booking/[\w.~-]+', letters[0]['text'])
        shown = look(links[0])
        assert 'Choose another time' in shown
        assert 'Cancel the call' in shown

    def event(self) -> tuple[str, dict[str, Any]]:
        """Whose calendar has the call, and the event."""

        def find() -> list[tuple[str, dict[str, Any]]]:
            calendars = self.world()['google']['calendars']
            return [
                (email, event)
                for email, calendar in calendars.items()
                for event in calendar['events']
                if 'lee@customer.example' in json.dumps(event)
            ]

        return tuple(self.await_that('the event', find)[0])

    def the_time_is_taken(self) -> None:
        [booking] = json.loads(self.second.type('.venv/bin/hermes bookings list --json'))
        self.booked_at = booking['start_at']
        shown = look(self.page)
        assert 'name="start"' in shown
        assert f'{datetime.fromisoformat(self.booked_at):%Y-%m-%dT%H:%M:%SZ}' not in shown

    def the_call_moves(self) -> None:
        email, event = self.event()
        assert 'There is a meeting on' in self.said
        day = datetime.fromisoformat(event['start']['dateTime']).date()
        where = {'event': event['id']}
        self.press(f'/pages/google?who={email}&week={day}', 'Move', where, start=later)
        moved = datetime.fromisoformat(self.event()[1]['start']['dateTime'])
        assert moved != datetime.fromisoformat(event['start']['dateTime'])

        def follows() -> bool:
            [booking] = json.loads(self.second.type('.venv/bin/hermes bookings list --json'))
            return datetime.fromisoformat(booking['start_at']) == moved

        self.await_that('the list follows', follows)

    def a_support_link_opens(self) -> None:
        desk = f'http://127.0.0.1:{self.sandbox}/pages/tutorcruncher'
        client = self.client('Northgate Tutors')
        for more, kind in (({}, 'link'), ({'express': 'true'}, 'express link')):
            press(desk, 'Make a support link', client, admin='14', **more)
            shown = look(follow(desk, f'Open the {kind} to Tom Whitfield'))
            assert 'Book a call with Tom Whitfield' in shown
            assert 'For Northgate Tutors' in shown

    def two_sign_up(self) -> None:
        self.old = int(self.second.type('.venv/bin/hermes pids worker'))
        for number, name in enumerate(PAIR):
            self.press('/pages/tutorcruncher', 'Sign up', name=name, email=f'{number}@pair.example')

    def both_are_there_once(self) -> None:
        self.await_that('it says so', lambda: 'hermes worker was killed by signal 9' in self.log.read_text())
        for name in PAIR:
            organisation = self.organisation(name)
            self.await_that('its deal', partial(self.crm, 'deals', 'org_id', organisation['id']))
        self.await_quiet()
        self.await_that('another worker', lambda: self.second.type('.venv/bin/hermes pids worker') != str(self.old))
        for name in PAIR:
            assert len(self.crm('deals', 'org_id', self.organisation(name)['id'])) == 1

    def the_weather_is_bad(self) -> None:
        """Storm, as the page says; in `make test` the other bad weather that it names, which takes less long."""
        weather = 'storm' if WHOLE else 'rough'
        self.press('/', weather)
        assert self.world('weather')['name'] == weather

    def the_result_is_the_same(self) -> None:
        self.press('/pages/tutorcruncher', 'Sign up', name=STORMY, email='s@stormy.example')
        self.organisation(STORMY)
        client = self.client(STORMY)
        self.press('/pages/tutorcruncher', 'Pay an invoice', client)
        self.press('/pages/tutorcruncher', 'Save', client, name=f'{STORMY} 2')

        def is_there() -> bool:
            found = self.crm('organizations', 'name', f'{STORMY} 2')
            return bool(found and 1 in found[0]['custom_fields'].values() and self.deals_of(found[0]))

        self.await_that('all of it', is_there)
        self.press('/', 'calm')
        assert len(self.deals_of(self.organisation(f'{STORMY} 2'))) == 1

    def deals_of(self, organisation: dict[str, Any]) -> list[dict[str, Any]]:
        return self.crm('deals', 'org_id', organisation['id'])

    def its_fate_is_told(self) -> None:
        assert 'received from tutorcruncher' in self.said
        assert 'applied' in self.said

    def it_stops_and_goes_on(self) -> None:
        self.stop()
        assert self.left() == {}
        assert (self.clone / 'data').is_dir()
        self.start("make run ARGS='--weather storm'")
        assert self.world('weather')['name'] == 'storm'
        assert self.organisation(RENAMED)
        assert RENAMED in self.second.type(f'.venv/bin/hermes find {RENAMED.split()[0]}')
        self.stop()


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A fresh clone; what is not committed yet is in it, too."""
    if not (ROOT / '.git').exists():
        pytest.skip('this is no checkout that could be cloned')
    folder = tmp_path / 'a clone für mich'
    git: Callable[..., Any] = partial(subprocess.run, check=True, capture_output=True, text=True, cwd=ROOT)
    git(['git', 'clone', '--quiet', '.', str(folder)])
    for name in git(['git', 'ls-files', '-z', '-m', '-o', '--exclude-standard']).stdout.split('\0'):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    yield folder
    for pid in processes_of(folder):
        os.kill(pid, signal.SIGKILL)


def borrow_environment(clone: Path) -> None:
    """This environment under another name, taken for finished: nothing is installed into it."""
    borrowed = clone / '.venv'
    borrowed.mkdir()
    for each in Path(sys.prefix).iterdir():
        if each.name not in STAMPS:
            (borrowed / each.name).symlink_to(each)
    told = 'cat requirements/core.lock requirements/build.lock pyproject.toml | cksum >.venv/.core'
    subprocess.run(['sh', '-c', told], cwd=clone, check=True)


@pytest.fixture
def newcomer(clone: Path, tmp_path: Path) -> Iterator[Newcomer]:
    """With an environment that is made, or (with the clone's code in it) this one."""
    home = tmp_path / 'home'
    home.mkdir()
    variables = environment(home)
    if not WHOLE:
        borrow_environment(clone)
        variables['PYTHONPATH'] = str(clone)
    newcomer = Newcomer(clone, variables, home / 'first-terminal.log')
    yield newcomer
    newcomer.second.close()
    if newcomer.run and newcomer.run.poll() is None:
        newcomer.stop()


def test_the_tutorial_word_for_word(clone: Path, newcomer: Newcomer) -> None:
    newcomer.follow((clone / PAGE).read_text())
    readme = (clone / 'README.md').read_text()
    named = {name for block in blocks(readme) for name in block.tried}
    assert named
    assert named <= set(newcomer.tried)
    assert 'Traceback' not in newcomer.log.read_text()


def test_the_readmes_commands_are_there(clone: Path) -> None:
    [commands] = [
        each.text for each in blocks((clone / 'README.md').read_text()) if 'make run ' in each.text and each.commands
    ]
    lines = [line.partition('#')[0].strip() for line in commands.splitlines()]
    assert lines == ['make run', 'make test']
    for line, wanted in zip(lines, ('hermes run', 'tools/test.sh'), strict=True):
        told = subprocess.run([*line.split(), '-n'], cwd=clone, capture_output=True, text=True, check=True).stdout
        assert 'tools/bootstrap.sh' in told
        assert wanted in told
