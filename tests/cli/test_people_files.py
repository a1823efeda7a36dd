"""The files of people at a terminal: begun, checked, told by doctor, and refused where Hermes starts (WEB-1)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.outside import Office, Outside, outside
from tests.waiting import PATIENCE_S


@pytest.fixture(scope='module')
def world() -> Iterator[Outside]:
    with outside() as here:
        yield here


@pytest.fixture
def office(world: Outside, database_url: str, tmp_path: Path) -> Office:
    """Ada sells, Ben supports, Cem does both, Dee is not bookable."""
    world.begin()
    made = Office(database_url, world, tmp_path)
    for name, sells, supports, bookable in (
        ('Ada', True, False, True), ('Ben', False, True, True), ('Cem', True, True, True), ('Dee', True, True, False),
    ):  # fmt: skip
        made.rows(
            'insert into admin (first_name, last_name, email, is_sales_person, is_support_person, active, bookable) '
            "values (%s, 'Bell', %s, %s, %s, true, %s)",
            name, f'{name}@office.example', sells, supports, bookable,
        )  # fmt: skip
    return made


def folder(office: Office) -> Path:
    return office.folder / 'data' / 'live'


def number(office: Office, name: str) -> int:
    return int(office.rows('select id from admin where first_name = %s', name)[0][0])


def people(office: Office) -> dict[str, str]:
    """What doctor says about the files of people."""
    told = json.loads(office.does('doctor', '--offline', '--json'))['findings']
    return next(each for each in told if each['name'] == 'people')


@pytest.mark.behaviour('WEB-1')
def test_both_files_are_begun_with_whoever_takes_calls_and_never_overwritten(office: Office) -> None:
    assert people(office)['state'] == 'skipped'
    said = office.does('setup', 'people')
    assert said.count('was made, with 2 people') == 2
    sales = (folder(office) / 'sales_reps.yml').read_text()
    assert f'- hermes_admin_id: {number(office, "Ada")}\n  slug: ada-bell\n  name: Ada Bell\n' in sales
    assert 'Ben Bell' not in sales
    assert 'Dee Bell' not in sales
    assert sales.startswith('# Who sells')
    shown = office.does('setup', 'people', '--check')
    assert [name in shown for name in ('Ada Bell', 'Ben Bell', 'Cem Bell', 'Dee Bell')] == [True, True, True, False]
    assert people(office) == {'name': 'people', 'state': 'ok', 'said': '4 in the files, each takes calls', 'todo': ''}
    (folder(office) / 'sales_reps.yml').write_text('# mine\n')
    assert 'sales_reps.yml is there already and stays as it is' in office.does('setup', 'people')
    assert (folder(office) / 'sales_reps.yml').read_text() == '# mine\n'


def test_who_is_not_shown_is_told_with_the_reason(office: Office) -> None:
    office.does('setup', 'people')
    file = folder(office) / 'sales_reps.yml'
    who = {'Dee Bell': number(office, 'Dee'), 'Ben Bell': number(office, 'Ben'), 'Eve Bell': 999}
    line = {name: len(file.read_text().splitlines()) + 1 + 3 * place for place, name in enumerate(who)}
    with file.open('a') as handle:
        for name, at in who.items():
            handle.write(f'- hermes_admin_id: {at}\n  slug: {name[:3].lower()}\n  name: {name}\n')
    done = office.hermes('setup', 'people', '--check')
    assert done.exit_code == 2
    for name, why in {
        'Dee Bell': 'not bookable', 'Ben Bell': 'no sales person', 'Eve Bell': 'there is no such admin',
    }.items():  # fmt: skip
        assert f'{file}, line {line[name]}: {name} (admin {who[name]}) is not shown: {why}' in done.stdout
    told = people(office)
    assert told['state'] == 'todo'
    assert 'Dee Bell' in told['said']
    assert 'and 2 more' in told['said']
    file.write_text(
        f'- hermes_admin_id: {number(office, "Ada")}\n  slug: ada\n  name: Ada\n  alt_hermes_admin_id: 999\n'
    )
    assert 'has no alternative: admin 999: there is no such admin' in office.hermes('setup', 'people', '--check').stdout


@pytest.mark.parametrize('words', [('run',), ('web',), ('doctor',), ('setup', 'people', '--check')])
def test_a_wrong_file_is_one_sentence_with_file_line_and_field(office: Office, words: tuple[str, ...]) -> None:
    folder(office).mkdir(parents=True)
    file = folder(office) / 'support_reps.yml'
    file.write_text('- hermes_admin_id: 1\n  slug: Ada Bell\n  name: Ada Bell\n')
    done = subprocess.run(
        [sys.executable, '-m', 'hermes', *words], env=office.environment, cwd=office.folder, capture_output=True,
        text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    [said] = done.stderr.strip().splitlines()
    assert said.startswith(f'{file}, line 2: slug: must be small letters')


def test_the_folder_is_chosen_by_a_setting(office: Office, tmp_path: Path) -> None:
    office.more['REPS_DIR'] = str(tmp_path / 'people')
    assert (people(office)['state'], 'is no folder' in people(office)['said']) == ('todo', True)
    assert str(tmp_path / 'people' / 'sales_reps.yml') in office.does('setup', 'people')
    assert not folder(office).exists()
