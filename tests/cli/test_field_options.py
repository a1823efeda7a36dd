"""Every option of `hermes fields` does what its help says: a case for each, and none without a case (FIELD-8)."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from hermes.cli import app
from tests.cli.outside import Office, Outside, outside

pytestmark = [pytest.mark.lesson('M-70'), pytest.mark.behaviour('FIELD-8')]
KINDS = {'Company': 'organization', 'Contact': 'person', 'Deal': 'deal'}

ADD: dict[str, tuple[list[str], dict[str, Any], dict[str, str]]] = {
    '--create': (['a_create', '--create'], {'name': 'a_create', 'remote_type': 'text'}, {'organization': 'a_create'}),
    '--name': (
        ['a_name', '--create', '--name', 'Where from'], {'name': 'Where from'}, {'organization': 'Where from'},
    ),
    '--deals': (
        ['a_deals', '--create', '--deals', '--name', 'On both'],
        {'linked_object_type': 'Company'}, {'organization': 'On both', 'deal': 'On both'},
    ),
    '--on': (['a_on', '--create', '--on', 'contact'], {'linked_object_type': 'Contact'}, {'person': 'a_on'}),
    '--type': (
        ['a_type', '--create', '--type', 'date'], {'field_type': 'date', 'remote_type': 'date'},
        {'organization': 'a_type'},
    ),
    '--tc2': (['a_tc2', '--tc2', 'a-tc2'], {'tc2_machine_name': 'a-tc2', 'pd_field_id': ''}, {}),
    '--hermes-field': (
        ['a_ours', '--create', '--hermes-field', 'pd_org_id', '--type', 'int', '--policy', 'hermes'],
        {'hermes_field_name': 'pd_org_id', 'remote_type': 'double'}, {'organization': 'a_ours'},
    ),
    '--policy': (['a_policy', '--policy', 'crm'], {'policy': 'crm'}, {}),
    '--id': (['a_id', '--id', '{by hand}'], {'pd_field_id': '{by hand}', 'name': 'By hand'}, {}),
    '--json': (['a_json', '--json'], {'machine_name': 'a_json'}, {}),
}  # fmt: skip
CHANGE: dict[str, tuple[list[str], dict[str, Any]]] = {
    '--tc2': (['a_tc2', '--tc2', ''], {'tc2_machine_name': ''}),
    '--hermes-field': (['a_tc2', '--hermes-field', 'tc2_cligency_id', '--type', 'int'],
                       {'hermes_field_name': 'tc2_cligency_id'}),
    '--type': (['a_policy', '--type', 'int'], {'field_type': 'int'}),
    '--policy': (['a_policy', '--policy', 'follow'], {'policy': 'follow'}),
    '--on': (['a_on', '--on', 'contact', '--policy', 'crm'], {'policy': 'crm'}),
    '--name': (['a_name', '--name', 'Renamed there'], {'name': 'Renamed there', 'problem': ''}),
    '--id': (['a_create', '--id', '{by hand}'], {'pd_field_id': '{by hand}', 'name': 'By hand'}),
    '--json': (['a_type', '--policy', 'crm', '--json'], {'policy': 'crm'}),
    '--preview': (['a_type', '--policy', 'follow', '--preview'], {'policy': 'crm'}),
}  # fmt: skip
OTHERS: dict[str, set[str]] = {
    'list': {'--json'},
    'remove': {'--on', '--name', '--json', '--preview'},
    'export': set(),
    'import': {'--json'},
}


def options(*path: str) -> set[str]:
    """The options that a command offers."""
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.get_command(typer.Context(command), name)
    if not path or hasattr(command, 'commands'):
        return set(command.commands)
    return {option for parameter in command.params for option in parameter.opts if option[:1] == '-'} - {'--help'}


@pytest.fixture(scope='module')
def world() -> Iterator[Outside]:
    with outside() as here:
        yield here


@pytest.fixture
def office(world: Outside, database_url: str, tmp_path: Path) -> Office:
    world.begin()
    return Office(database_url, world, tmp_path)


def catalogue(office: Office) -> dict[tuple[str, str], dict[str, Any]]:
    rows = json.loads(office.does('fields', 'list', '--json'))
    return {(row['linked_object_type'], row['machine_name']): row for row in rows}


def field(office: Office, machine_name: str) -> dict[str, Any]:
    return next(row for key, row in catalogue(office).items() if key[1] == machine_name and key[0] != 'Deal')


def in_crm(office: Office) -> set[tuple[str, str]]:
    fields = office.world.pipedrive['fields']
    return {(kind, each['field_name']) for kind, rows in fields.items() for each in rows}


def by_hand(office: Office, kind: str = 'organization', name: str = 'By hand') -> str:
    """A field that somebody makes in the CRM; its id."""
    return office.world.make_field(kind, name)


def filled(words: list[str], code: str) -> list[str]:
    return [word.replace('{by hand}', code) for word in words]


def test_every_option_has_a_case() -> None:
    assert options('fields') == {'add', 'change', *OTHERS}
    assert options('fields', 'add') == ADD.keys()
    assert options('fields', 'change') == CHANGE.keys()
    for name, told in OTHERS.items():
        assert options('fields', name) == told


def test_what_is_added_stands_in_the_catalogue_and_in_the_crm_as_it_was_said(office: Office) -> None:
    code = by_hand(office)
    for option, (words, expected, made) in ADD.items():
        before = in_crm(office)
        said = office.does('fields', 'add', *filled(words, code))
        found = field(office, words[0])
        assert {key: found[key] for key in expected} == {
            key: value.replace('{by hand}', code) for key, value in expected.items()
        }, option
        assert in_crm(office) - before == set(made.items()), option
        if option == '--json':
            assert json.loads(said)[0]['field']['machine_name'] == 'a_json'
    assert catalogue(office)['Deal', 'a_deals']['pd_field_id'] != catalogue(office)['Company', 'a_deals']['pd_field_id']

    for option, (words, expected) in CHANGE.items():
        if option == '--name':
            office.world.rename_field('organization', field(office, 'a_name')['pd_field_id'], 'Renamed there')
        if option == '--id':
            office.does('fields', 'remove', 'a_id')
        said = office.does('fields', 'change', *filled(words, code))
        found = field(office, words[0])
        assert {key: found[key] for key in expected} == {
            key: value.replace('{by hand}', code) for key, value in expected.items()
        }, option
        if option == '--json':
            assert json.loads(said)['field']['policy'] == 'crm'

    assert 'a_on' in office.does('fields', 'list')
    assert 'removed' in office.does('fields', 'remove', 'a_on', '--on', 'contact')
    assert json.loads(office.does('fields', 'remove', 'a_json', '--json'))['notes']
    assert not {('Contact', 'a_on'), ('Company', 'a_json')} & catalogue(office).keys()

    kept, file = catalogue(office), office.folder / 'fields.toml'
    office.does('fields', 'export', str(file))
    assert tomllib.loads(office.does('fields', 'export', '-')) == tomllib.loads(file.read_text())
    office.does('fields', 'remove', 'a_policy')
    assert json.loads(office.does('fields', 'import', str(file), '--json')) == ['Company field a_policy: added']
    assert catalogue(office) == kept


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (['add', 'x', '--on', 'meeting', '--create'], 'no custom fields for meetings'),
        (['add', 'x', '--on', 'meeting', '--id', 'a' * 40], 'no custom fields for meetings'),
        (['add', 'x', '--id', 'a' * 40], f'no organization field with the id {"a" * 40}'),
        (['add', 'currency', '--on', 'deal', '--policy', 'crm'], 'its policy is hermes, not crm'),
        (['change', 'website', '--id', 'a' * 40], f'no organization field with the id {"a" * 40}'),
        (['change', 'website', '--on', 'deal', '--policy', 'follow'], 'its policy is hermes, not follow'),
        (['change', 'website', '--name', 'Something else'], 'not "Something else"'),
        (['add', 'x', '--id', '{by hand}', '--name', 'Other'], 'calls the field'),
    ],
)
def test_what_cannot_be_done_as_it_was_said_is_refused_and_changes_nothing(
    office: Office, words: list[str], told: str
) -> None:
    office.does('setup', 'fields', '--create')
    code = by_hand(office)
    before = catalogue(office), in_crm(office)
    assert told in office.refuses('fields', *filled(words, code))
    assert (catalogue(office), in_crm(office)) == before


def test_a_name_that_was_said_is_the_one_that_is_looked_for_and_made(office: Office) -> None:
    code, other = by_hand(office, name='Lead source'), by_hand(office, name='source')
    assert 'It stands in no field' in office.does('fields', 'add', 'channel', '--name', 'Channel of sale')
    office.does('fields', 'add', 'source', '--name', 'Lead source')
    assert field(office, 'source')['pd_field_id'] == code != other
    assert 'differs' in office.refuses('fields', 'add', 'source', '--name', 'source')
    before = in_crm(office)
    for _ in range(2):
        office.does('fields', 'add', 'channel', '--create', '--name', 'Channel of sale')
    assert in_crm(office) - before == {('organization', 'Channel of sale')}


@pytest.mark.lesson('M-94')
def test_a_policy_that_would_have_no_effect_is_refused_wherever_it_is_said(office: Office) -> None:
    office.does('fields', 'add', 'agency', '--type', 'int', '--hermes-field', 'tc2_agency_id')
    assert field(office, 'agency')['policy'] == 'tc2'
    for words in (('change', 'agency', '--policy', 'crm'), ('change', 'agency', '--policy', 'crm', '--preview')):
        assert 'whose policy is tc2: it cannot be crm' in office.refuses('fields', *words)
    assert 'whose policy is follow: it cannot be tc2' in office.refuses(
        'fields', 'add', 'land', '--hermes-field', 'country', '--policy', 'tc2'
    )
