"""What a demanding operator expects of a command line: help, completion, a word for a mistyped command, exit codes that
mean something, tables that fit, and a way to find anybody.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb
from typer.main import get_command
from typer.testing import CliRunner

from hermes.cli import app
from hermes.cli.output import Column
from hermes.cli.tables import blocks, is_narrow, is_wrong
from hermes.cli.watching import look_again
from hermes.setup.promises import promises
from tests.cli.desk import World
from tests.whole.every_command import commands
from tools.behaviours import read_lists

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.lesson('M-53')


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.connection.close()


def test_every_command_says_what_it_does_to_h() -> None:
    runner = CliRunner()
    for path, _ in commands(get_command(app)):
        shown, long = runner.invoke(app, [*path, '-h']), runner.invoke(app, [*path, '--help'])
        assert shown.exit_code == 0
        assert shown.stdout == long.stdout
        assert 'Usage:' in shown.stdout


@pytest.mark.parametrize(
    ('words', 'near'),
    [('statsu', 'status'), ('evnts list', 'events'), ('db strat', 'start'), ('setup piplines', 'pipelines')],
)
def test_a_mistyped_command_is_refused_and_the_near_one_is_named(words: str, near: str) -> None:
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 1
    assert re.search(rf'Did you mean ["\']{near}["\']\?', done.stderr)


@pytest.mark.parametrize(
    'words', [['status', '--nonsense'], ['trace'], ['trace', 'many'], ['events', 'list', '--limit', '0']]
)
def test_what_is_not_understood_is_refused_with_one_and_not_taken_for_a_to_do(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 1


def test_bash_completes_commands_options_and_words(tmp_path: Path) -> None:
    hermes = Path(sys.executable).parent / 'hermes'
    script = subprocess.run([hermes, 'completion', 'bash'], capture_output=True, text=True, check=True).stdout

    def complete(*words: str) -> list[str]:
        typed = ' '.join(words)
        asked = f'{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _hermes_completion {hermes}\n'
        asked += 'printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(['bash', '-c', asked], capture_output=True, text=True, check=True, cwd=tmp_path)
        return done.stdout.split()

    assert complete('hermes', 'sta') == ['status']
    assert complete('hermes', 'events', 're') == ['replay']
    assert '--since' in complete('hermes', 'events', 'list', '--s')
    assert complete('hermes', 'completion', '""') == ['bash', 'zsh', 'fish']


@pytest.mark.parametrize('shell', ['zsh', 'fish'])
def test_zsh_and_fish_are_told_where_this_installation_is(shell: str) -> None:
    hermes = str(Path(sys.executable).parent / 'hermes')
    script = subprocess.run([hermes, 'completion', shell], capture_output=True, text=True, check=True).stdout
    assert f' {hermes})' in script
    environment = {**os.environ, '_HERMES_COMPLETE': f'complete_{shell}', '_TYPER_COMPLETE_ARGS': 'hermes stat'}
    environment['_TYPER_COMPLETE_FISH_ACTION'] = 'get-args'
    told = subprocess.run([hermes], env=environment, capture_output=True, text=True, check=False)
    assert 'status' in told.stdout


def test_doctor_ends_with_two_while_there_is_something_to_do(world: World) -> None:
    done = world.run('doctor', '--offline')
    assert 'to do' in done.stdout
    assert done.exit_code == 2
    assert world.run('doctor', '--offline', '--json').exit_code == 2


def test_anybody_is_found_by_name_address_phone_or_any_id(world: World) -> None:
    company = world.company(name='Château Tutors', website='https://chateau.example', tc2_cligency_id=4711)
    contact = world.execute(
        "insert into contact (company_id, first_name, last_name, email, phone) values "
        "(%s, 'Ada', 'Okafor', 'Ada@Chateau.example', '+44 20 7946 0018') returning id", company,
    )[0][0]  # fmt: skip
    deal = world.execute("insert into deal (company_id, title) values (%s, 'Spring %%_ offer') returning id", company)[
        0
    ][0]
    admin = world.execute(
        "insert into admin (first_name, last_name, email) values ('Priya', 'Raman', 'p@office.example') returning id"
    )[0][0]
    world.mirror('pipedrive', 'organization', '88', company, {})
    world.mirror('pipedrive', 'person', '99', None, {'name': [['Nobody Known', [1, 0], [1, 0]]]})
    event = world.event()

    def found(*words: str) -> list[str]:
        return [f'{item["type"]}:{item["id"]}' for item in world.told('find', *words)]

    person, firm = f'contact:{contact}', f'company:{company}'
    assert found('okafor') == found('Ada Okafor') == found('ada', 'okafor') == [person]
    assert found('ada@chateau.example') == [person]
    assert found('020 7946 0018') == found('+442079460018') == [person]
    assert found('château') == [firm]
    assert found('4711') == found('pd:organization:88') == found(firm) == [firm]
    assert firm in found('88')
    assert found('%_') == [f'deal:{deal}']
    assert found('p@office') == [f'admin:{admin}']
    assert found('nobody known') == ['remote object:pipedrive:person:99']
    assert f'event:{event}' in found(str(event))
    assert found('somebody else') == []
    assert world.refused('find', '  ').startswith('Find what?')
    shown = world.run('find', 'okafor').stdout
    assert 'Ada Okafor' in shown
    world.execute('update contact set tombstone = %s', Jsonb({'kind': 'tc2', 'at': 0, 'event_id': event}))
    assert found('okafor') == []
    assert found('okafor', '--deleted') == [person]


def test_every_id_of_every_list_is_explained() -> None:
    listed = read_lists(ROOT / 'docs' / 'reference')
    assert {(each.kind, each.id) for each in promises()} == {(each.kind, each.id) for each in listed}
    assert all(any(text for _, text in each.told) for each in promises())
    shown = CliRunner().invoke(app, ['explain', 'tc-9']).stdout
    assert 'no change, no API call' in shown
    assert '**' not in CliRunner().invoke(app, ['explain', 'FIELD', 'D-2']).stdout
    refused = CliRunner().invoke(app, ['explain', 'TC-99'])
    assert refused.exit_code == 1
    assert 'Near to it: TC-9' in refused.stderr


def test_a_record_is_made_and_nothing_is_born(world: World) -> None:
    company, event = world.company(name='Marigold Tutors'), world.event()
    world.change(company, 'born', None, 'TC-1', event)
    shown = world.run('trace', str(event)).stdout
    assert f'company:{company} is made  [tutorcruncher, FIELD-2]' in shown
    assert 'born' not in shown
    assert 'element' not in shown


COLUMNS = [Column('id', 'EVENT', True), Column('state', 'STATE'), Column('reason', 'REASON'), Column('who', 'WHO')]
ROWS = [['12', 'parked', 'the sales person (tutorcruncher 9) is nobody we know', '—'], ['13', 'done', '', 'Ada']]


def test_a_table_that_would_not_fit_is_told_line_by_line() -> None:
    assert is_narrow(COLUMNS, ROWS, 40)
    assert not is_narrow(COLUMNS, ROWS, 100)
    assert not is_narrow(COLUMNS[:2], [row[:2] for row in ROWS], 20)
    assert blocks(COLUMNS, ROWS) == [
        'EVENT   12', 'STATE   parked', 'REASON  the sales person (tutorcruncher 9) is nobody we know', '',
        'EVENT   13', 'STATE   done', 'WHO     Ada',
    ]  # fmt: skip


def test_what_is_wrong_is_seen() -> None:
    assert is_wrong(COLUMNS[1], 'parked')
    assert is_wrong(COLUMNS[1], 'blocked until 2026-03-02')
    assert is_wrong(Column('problem', 'PROBLEM'), 'it is gone from the CRM')
    assert not is_wrong(COLUMNS[1], 'done')
    assert not is_wrong(Column('problem', 'PROBLEM'), '')


def test_watching_looks_again_until_it_is_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt

    result = CliRunner().invoke(app, ['status', '--watch', '--every', '0'])
    assert result.exit_code == 1
    with pytest.raises(Exception) as ended:  # noqa: PT011 - Typer's own way to end
        look_again(look, 0)
    assert getattr(ended.value, 'exit_code', None) == 0
    assert len(looks) == 3
    assert capsys.readouterr().out.count('Ctrl-C ends it') == 3
