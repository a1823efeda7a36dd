"""The page about moving app users, word for word: its commands are typed one after the other beside a Hermes that
runs, while people load the new CRM and others go on signing up.
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.thorough import THOROUGH
from tests.waiting import PATIENCE_S, wait_for
from tests.whole.run import Home

PAGE = Path(__file__).parents[2] / 'docs' / 'how-to' / 'move-app-users.md'
KEY = 'a-key-of-the-host-for-tests'
OLD, TWICE, MISSING, NEW = (2000 if THOROUGH else 300), 4, 6, 5
pytestmark = [pytest.mark.behaviour('AU-11', 'AU-12', 'AU-13', 'AU-19'), pytest.mark.slow]


def sections() -> Iterator[tuple[int, list[str]]]:
    """The steps of the page: number, and the commands that stand in blocks."""
    for part in re.split(r'^## ', PAGE.read_text(), flags=re.MULTILINE)[1:]:
        if found := re.match(r'(\d+)\.', part):
            blocks = re.findall(r'^```\n(.*?)^```', part, flags=re.MULTILINE | re.DOTALL)
            yield int(found[1]), [line for block in blocks for line in block.splitlines()]


class Story:
    """Whoever reads the page, and everybody else."""

    def __init__(self, home: Home) -> None:
        self.home, self.new = home, 0

    def ask(self, port: int, path: str, body: Any = None, **headers: str) -> Any:
        request = Request(
            f'http://127.0.0.1:{port}{path}',
            data=None if body is None else json.dumps(body).encode(),
            headers={'Content-Type': 'application/json', **headers},
        )
        with urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def people(self, path: str, body: Any = None) -> Any:
        return self.ask(self.home.ports[0], f'/people{path}', body, Authorization=f'token {KEY}')

    def world(self, act: str, **told: Any) -> Any:
        return self.ask(self.home.ports[1], '/_world/act', {'system': 'salesforce', 'act': act, **told})['result']

    def sign_up(self) -> None:
        for _ in range(NEW):
            self.new += 1
            self.people('/', {'email': f'new{self.new}@readers.example', 'user_id': f'n-{self.new}'})

    def users(self) -> list[dict[str, Any]]:
        """The app users that stand in the new CRM."""
        told = self.ask(self.home.ports[1], '/_world/state')['salesforce']['objects']
        return [row for row in told['Sefaria_App_User__c'] if not row['IsDeleted']]

    def states(self) -> dict[str, int]:
        return dict(self.home.told('people', 'report')['states'])

    def before(self, step: int) -> None:
        if step == 1:
            with (self.home.folder / 'users.csv').open('w', newline='') as out:
                written = csv.writer(out)
                written.writerow(['email', 'user_id', 'legacy_id', 'lists'])
                for number in range(1, OLD + 1):
                    written.writerow([f'person{number}@legacy.example', f'u-{number}', 100_000 + number, 'Newsletter'])
        if step == 4:
            self.sign_up()
            wait_for('the journal', lambda: self.states().get('LoggedForLater') == NEW)
            self.world('load_legacy_people', count=OLD - MISSING, twice=list(range(1, TWICE + 1)))

    def after(self, step: int) -> None:
        if step == 5:
            self.sign_up()
            said = self.states()
            assert (said['Ambiguous'], said['WroteNotFound']) == (TWICE, MISSING)
        if step == 7:
            wait_for('everybody stands there', lambda: set(self.states()) == {'WroteSalesforceAppUserUid'})

    def type(self, line: str) -> None:
        words = line.split()[1:]
        if words[:2] == ['people', 'import-decisions']:
            self.decide()
        done = self.home.hermes(*words)
        assert done.returncode == 0, (line, done.stdout, done.stderr)

    def decide(self) -> None:
        file = self.home.folder / 'undecided.csv'
        with file.open(newline='') as told:
            rows = list(csv.DictReader(told))
        assert len(rows) == TWICE + MISSING
        twins = {row['id']: re.findall(r'\ba0\w{16}\b', row['said']) for row in rows}
        for row in rows:
            row['decision'] = 'link' if twins[row['id']] else 'create'
            row['crm_id'] = (twins[row['id']] or [''])[0]
        with file.open('w', newline='') as out:
            written = csv.DictWriter(out, list(rows[0]))
            written.writeheader()
            written.writerows(rows)


def numbers(rows: list[dict[str, Any]]) -> list[str]:
    """Our numbers, as they stand there."""
    return [row['Hermes_Id__c'] for row in rows if row['Hermes_Id__c']]


def test_the_page_moves_everybody_and_makes_nobody_twice(tmp_path: Path) -> None:
    home = Home(tmp_path, variables={'PEOPLE_API_KEY': KEY})
    with home.running() as run:
        run.await_ready()
        story = Story(home)
        for step, commands in sections():
            story.before(step)
            for line in commands:
                story.type(line)
            story.after(step)
        wait_for('our numbers', lambda: len(numbers(story.users())) == OLD + 2 * NEW)
        rows = story.users()
        assert len(rows) == OLD - MISSING + TWICE + MISSING + 2 * NEW
        ours = numbers(rows)
        assert len(ours) == len(set(ours)) == OLD + 2 * NEW
        feed: dict[str | None, str | None] = {}
        after = 0
        while (told := story.people(f'/changes/?after={after}'))['changes']:
            feed |= {each['user_id']: each['crm_id'] for each in told['changes']}
            after = told['next']
        assert set(feed.values()) == {row['Id'] for row in rows if row['Hermes_Id__c']}
        assert story.people('/host:u-7/')['legacy_id'] is None
