"""A file is taken over as a whole or not at all; what is wrong is told with its file, its entry and its key."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hermes.cli.setup_files import write_toml
from tests.cli.outside import Office, Outside, outside

pytestmark = [pytest.mark.lesson('M-49')]
STATE = ' union all '.join(
    f"select '{table}', to_jsonb(t) from {table} t" for table in ('admin', 'custom_field', 'setting', 'pipeline')
)
PRIYA, MARCUS = 12_000_011, 12_000_012


@pytest.fixture(scope='module')
def world() -> Iterator[Outside]:
    with outside() as here:
        here.begin()
        yield here


@pytest.fixture
def office(world: Outside, database_url: str, tmp_path: Path) -> Office:
    made = Office(database_url, world, tmp_path)
    made.does('setup', 'pipelines', '--yes')
    return made


class Desk:
    """The set-up of an office as a file, and the file taken over again after it was changed."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.file = office.folder / 'set up.toml'
        self.told: dict[str, Any] = tomllib.loads(office.does('setup', 'export', '-'))
        self.told.setdefault('admin', [])

    def write(self) -> str:
        self.file.write_text(write_toml(self.told))
        return str(self.file)

    def state(self) -> list[Any]:
        acts = self.office.rows("select count(*) from event where kind = 'act'")
        return [*self.office.rows(f'{STATE} order by 1, 2'), *acts]

    def refused(self) -> str:
        """The refusal, after which everything stands as before, to the last event."""
        before = (
            self.office.rows(f'{STATE} order by 1, 2'),
            self.office.rows("select count(*) from event where kind = 'act'"),
        )
        told = self.office.refuses('setup', 'import', self.write())
        assert (
            self.office.rows(f'{STATE} order by 1, 2'),
            self.office.rows("select count(*) from event where kind = 'act'"),
        ) == before
        assert told.startswith(f'{self.file}: ')
        assert told.endswith('Nothing was changed.')
        return told.removeprefix(f'{self.file}: ')


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


def bo(**more: Any) -> dict[str, Any]:
    return {'email': 'bo@office.example', 'first_name': 'Bo', 'tc2_admin_id': 21, 'is_sales_person': True, **more}


def test_one_wrong_entry_leaves_nothing_of_the_others(desk: Desk) -> None:
    desk.told['admin'] = [bo(), bo(email='cy@office.example', tc2_admin_id='many')]
    desk.told['settings'] = {**desk.told['settings'], 'deal_max_age_days': 30}
    assert desk.refused() == (
        "[[admin]] 2 (cy@office.example): tc2_admin_id: is a whole number, not 'many'. Nothing was changed."
    )
    desk.told['admin'][1]['tc2_admin_id'] = 22
    said = desk.office.does('setup', 'import', desk.write())
    for part in ('✓ admin Bo: added', '✓ admin Bo: added', '✓ deal_max_age_days = 30'):
        assert part in said
    assert desk.office.rows('select email, tc2_admin_id from admin order by id') == [
        ('bo@office.example', 21), ('cy@office.example', 22),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('part', 'changes', 'says'),
    [
        ('admin', bo(colour='red'), '[[admin]] 1 (bo@office.example): colour: an admin has no such field.'),
        ('admin', bo(is_sales_person='yes'), "is_sales_person: is true or false, not 'yes'."),
        ('admin', bo(timezone='Mars'), 'timezone: "Mars" is no time zone'),
        ('admin', bo(working_hours={'moon': []}), 'working_hours: "moon" is no day of the week'),
        ('admin', bo(email='bo'), 'email: "bo" is no e-mail address.'),
        ('settings', {'colour': 'red'}, '[settings]: colour: There is no setting "colour".'),
        ('settings', {'deal_max_age_days': 0}, '[settings]: deal_max_age_days: deal_max_age_days is between 1 and'),
        ('settings', {'payg_pipeline_id': 99}, '[settings]: payg_pipeline_id: this account has no pipeline 99.'),
        ('settings', {'default_sales_person_id': 'no@body.example'}, 'there is no admin no@body.example'),
        ('settings', {'meeting_min_start': '18:00'}, 'The day would end'),
        ('pipeline', {'pd_pipeline_id': 99}, '[[pipeline]] 1 (99): pd_pipeline_id: this account has no such pipeline'),
        ('pipeline', {'pd_pipeline_id': 1, 'colour': 'red'}, 'colour: a pipeline has no such key.'),
        ('pipeline', {'pd_pipeline_id': 1, 'entry_pd_stage_id': 9}, 'entry_pd_stage_id: this pipeline has no such'),
        ('pipeline', {'pd_pipeline_id': 1, 'name': 'Mine'}, 'name: the CRM calls it "PAYG", and its name is the CRM'),
        ('field', {'machine_name': 'utm_medium'}, '[[field]] 1 (utm_medium): linked_object_type: is missing.'),
        ('field', {'colour': 'red'}, 'colour: a field has no such key.'),
        ('field', {'remote_type': 'text'}, "remote_type: is the CRM's to say: it is read from there."),
        ('colour', {'red': 1}, '[colour]: there is no such part.'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(desk: Desk, part: str, changes: dict[str, Any], says: str) -> None:
    whole = part in ('settings', 'colour')
    desk.told = {part: changes if whole else [changes]}
    assert says in desk.refused()


def test_a_new_field_is_checked_like_one_that_is_typed(desk: Desk) -> None:
    new = {'linked_object_type': 'Company', 'machine_name': 'utm_medium', 'field_type': 'str', 'policy': 'tc2'}
    desk.told = {'admin': [bo()], 'field': [{**new, 'tc2_machine_name': 'utm_medium', 'pd_field_id': 'nowhere'}]}
    assert '[[field]] 1 (utm_medium): The CRM has no organization field with the id nowhere.' in desk.refused()
    desk.told['field'] = [{**new, 'policy': 'gold'}]
    assert 'A policy is one of' in desk.refused()
    desk.told['field'] = [{**new, 'tc2_machine_name': 'utm_medium'}, {**new, 'machine_name': 'website'}]
    assert '[[field]] 2 (website)' in desk.refused()
    desk.told['field'] = [{**new, 'tc2_machine_name': 'utm_medium'}]
    said = desk.office.does('setup', 'import', desk.write())
    assert 'Company field utm_medium: added' in said
    assert 'admin Bo: added' in said


@pytest.mark.behaviour('PD-USER-1')
def test_who_is_there_is_said_by_the_crm_alone(desk: Desk) -> None:
    desk.told['admin'] = [bo(pd_owner_id=PRIYA, active=False)]
    assert (
        f'active: follows the user {PRIYA} of the CRM, who is active; its next word would undo this' in desk.refused()
    )
    desk.told['admin'] = [bo(pd_owner_id=PRIYA, active=True, bookable=False), bo(email='d@o.example', active=False)]
    desk.told['admin'][1]['tc2_admin_id'] = 22
    desk.office.does('setup', 'import', desk.write())
    assert desk.office.rows('select active, bookable from admin order by id') == [(True, False), (False, True)]


def test_no_two_entries_are_one_person_and_no_id_is_taken_from_anybody(desk: Desk) -> None:
    desk.told['admin'] = [bo(), bo(email='BO@office.example', tc2_admin_id=22)]
    assert '[[admin]] 2 (BO@office.example): is the same person as [[admin]] 1' in desk.refused()
    desk.told['admin'] = [bo(), bo(email='cy@office.example')]
    assert 'is the same person as [[admin]] 1 (bo@office.example)' in desk.refused()
    desk.told['admin'] = [bo(pd_owner_id=PRIYA), bo(email='cy@office.example', tc2_admin_id=22, pd_owner_id=MARCUS)]
    desk.office.does('setup', 'import', desk.write())
    desk.told['admin'] = [bo(email='cy@office.example', tc2_admin_id=21)]
    assert 'tc2_admin_id: the TutorCruncher id 21 belongs to Bo' in desk.refused()


def test_a_setting_may_name_an_admin_of_the_same_file(desk: Desk) -> None:
    desk.told = {'admin': [bo()], 'settings': {'default_sales_person_id': 'bo@office.example'}}
    desk.office.does('setup', 'import', desk.write())
    [(number,)] = desk.office.rows('select id from admin')
    assert desk.office.rows("select value from setting where key = 'default_sales_person_id'") == [(number,)]
    acts = desk.office.rows("select count(*) from event where kind = 'act'")
    assert desk.office.does('setup', 'import', desk.write()) == '✓ The set-up was taken over!\n'
    assert desk.office.rows("select count(*) from event where kind = 'act'") == acts


def test_several_complaints_are_told_at_once(desk: Desk) -> None:
    desk.told = {'admin': [bo(colour='red'), bo(email='cy')], 'settings': {'colour': 'red'}}
    told = desk.refused()
    for part in ('colour: an admin has no such field.', '[[admin]] 2 (cy)', '[settings]: colour'):
        assert part in told


def test_fields_alone_refuse_the_rest_of_a_set_up(desk: Desk) -> None:
    told = desk.office.refuses('fields', 'import', desk.write())
    assert '"hermes setup import" takes a whole set-up' in told
    desk.told = {'field': desk.told['field']}
    assert desk.office.does('fields', 'import', desk.write()) == 'nothing changed\n'


@pytest.mark.parametrize('text', ['[[admin]\n', 'admin = 1\n', '\xff'])
def test_what_is_no_set_up_is_refused_with_the_file_named(desk: Desk, text: str) -> None:
    desk.file.write_text(text, encoding='latin-1')
    assert str(desk.file) in desk.office.refuses('setup', 'import', str(desk.file))
