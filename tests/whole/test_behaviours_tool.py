"""The tool that says which test proves which promise: what counts as a proof, what is an error, what is planned."""

import json
from pathlib import Path

import pytest

from tools import behaviours
from tools.behaviours import Promise

BEHAVIOUR = (
    '# Rules\n\n| id | rule |\n|---|---|\n| D-1 | a |\n| TC-1 | b |\n| TC-2 | c |\n| TC-3 | d |\n| PD-ORG-1 | e |\n'
)
INVARIANTS = '| id | rule |\n|---|---|\n| I4 | a |\n| S1 | b |\n'
LESSONS = '| id | symptom |\n|---|---|\n| D-1 | a |\n| I-4 | b |\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    reference = tmp_path / 'docs' / 'reference'
    reference.mkdir(parents=True)
    (tmp_path / 'tests').mkdir()
    (reference / 'behaviour.md').write_text(BEHAVIOUR, encoding='utf-8')
    (reference / 'invariants.md').write_text(INVARIANTS, encoding='utf-8')
    (reference / 'lessons.md').write_text(LESSONS, encoding='utf-8')
    return tmp_path


def write_tests(root: Path, source: str) -> None:
    (root / 'tests' / 'test_it.py').write_text('import pytest\n' + source, encoding='utf-8')


def write_scope(root: Path, text: str) -> None:
    (root / 'docs' / 'reference' / 'scope.toml').write_text(text, encoding='utf-8')


def test_same_id_in_two_lists_is_told_apart_by_the_marker(root: Path) -> None:
    write_tests(root, "@pytest.mark.lesson('D-1')\n@pytest.mark.invariant('I4')\ndef test_a(): ...\n")
    report = behaviours.build_report(root)
    assert report.proofs == {
        Promise('lesson', 'D-1'): ['tests/test_it.py::test_a'],
        Promise('invariant', 'I4'): ['tests/test_it.py::test_a'],
    }
    assert Promise('behaviour', 'D-1') in report.having('unproven')
    assert report.errors == []


def test_one_marker_may_name_several_ids(root: Path) -> None:
    write_tests(root, "@pytest.mark.behaviour('TC-1', 'TC-2')\nasync def test_a(): ...\n")
    assert [one.id for one in behaviours.build_report(root).having('proven')] == ['TC-1', 'TC-2']


def test_markers_of_module_and_class_stand_on_their_tests(root: Path) -> None:
    write_tests(
        root,
        "pytestmark = [pytest.mark.behaviour('TC-1')]\n"
        'class TestX:\n'
        "    pytestmark = pytest.mark.behaviour('TC-2')\n"
        '    def test_a(self): ...\n'
        "@pytest.mark.behaviour('TC-3')\n"
        'class TestY:\n'
        '    def test_b(self): ...\n',
    )
    report = behaviours.build_report(root)
    a, b = 'tests/test_it.py::TestX::test_a', 'tests/test_it.py::TestY::test_b'
    assert report.proofs == {
        Promise('behaviour', 'TC-1'): [a, b],
        Promise('behaviour', 'TC-2'): [a],
        Promise('behaviour', 'TC-3'): [b],
    }


def test_markers_of_parameters_count(root: Path) -> None:
    write_tests(
        root,
        "CASES = [pytest.param(1, marks=pytest.mark.behaviour('TC-1'))]\n"
        "@pytest.mark.parametrize('x', CASES)\ndef test_a(x): ...\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=[pytest.mark.invariant('S1')])])\ndef test_b(x): ...\n",
    )
    report = behaviours.build_report(root)
    assert report.proofs == {
        Promise('behaviour', 'TC-1'): ['tests/test_it.py::test_a'],
        Promise('invariant', 'S1'): ['tests/test_it.py::test_b'],
    }
    assert report.errors == []


def test_a_name_for_the_marker_is_understood(root: Path) -> None:
    write_tests(root, "proves = pytest.mark.behaviour\n@proves('TC-1')\ndef test_a(): ...\n")
    assert [one.id for one in behaviours.build_report(root).having('proven')] == ['TC-1']


@pytest.mark.parametrize('mark', ['skip', "skip(reason='x')", "xfail(reason='x')"])
def test_a_skipped_test_proves_nothing(root: Path, mark: str) -> None:
    write_tests(root, f"@pytest.mark.{mark}\n@pytest.mark.behaviour('TC-1')\ndef test_a(): ...\n")
    report = behaviours.build_report(root)
    assert report.having('proven') == []
    assert report.errors == []


def test_an_unknown_id_is_an_error(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tests(root, "@pytest.mark.behaviour('TC-9')\ndef test_a(): ...\n")
    assert behaviours.main(['--root', str(root)]) == 1
    assert 'tests/test_it.py::test_a: there is no behaviour TC-9' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('source', 'complaint'),
    [
        ("@pytest.mark.behaviour('TC-1')\ndef helper(): ...\n", 'stands on no test'),
        ('@pytest.mark.behaviour()\ndef test_a(): ...\n', 'names no id'),
        ("N = 'TC-1'\n@pytest.mark.behaviour(N)\ndef test_a(): ...\n", 'plain texts'),
    ],
)
def test_a_marker_that_cannot_be_read_is_an_error(root: Path, source: str, complaint: str) -> None:
    write_tests(root, source)
    errors = behaviours.build_report(root).errors
    assert len(errors) == 1
    assert complaint in errors[0]


def test_planned_ids_are_printed_apart_and_their_tests_too(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_scope(
        root,
        "milestone = 'First'\n"
        "[[planned]]\nkind = 'behaviour'\nids = ['TC-2..TC-3', 'PD-ORG-*']\nreason = 'later'\n"
        "[[planned]]\nkind = 'lesson'\nids = ['D-1']\nreason = 'much later'\n",
    )
    write_tests(root, "@pytest.mark.behaviour('TC-1', 'TC-3')\ndef test_a(): ...\n")
    assert behaviours.main(['--root', str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'planned: later' in lines
    assert '  TC-2, TC-3, PD-ORG-1' in lines
    assert '  TC-3 already has tests/test_it.py::test_a' in lines
    assert 'unproven: D-1, I4, S1, lesson I-4' in lines
    assert lines[-2] == '1 of the 5 promises of "First" are proven, 4 are not;'
    assert lines[-1] == '4 more are planned, of which 1 already have a test.'


@pytest.mark.parametrize(
    ('entry', 'complaint'),
    [
        ("kind = 'behaviour'\nids = ['TC-7']\nreason = 'x'", 'behaviour TC-7 names nothing'),
        ("kind = 'behaviour'\nids = ['TC-1', 'TC-*']\nreason = 'x'", 'TC-1 is planned twice'),
        ("kind = 'behaviour'\nids = ['TC-1']\nreason = ' '", 'needs a kind'),
        ("kind = 'wish'\nids = ['TC-1']\nreason = 'x'", 'needs a kind'),
    ],
)
def test_a_wrong_plan_is_an_error(root: Path, entry: str, complaint: str) -> None:
    write_scope(root, f'[[planned]]\n{entry}\n')
    assert any(complaint in error for error in behaviours.build_report(root).errors)


def test_only_and_strict(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tests(root, "@pytest.mark.behaviour('TC-1')\ndef test_a(): ...\n")
    assert behaviours.main(['--root', str(root), '--only', 'TC-1', '--strict']) == 0
    assert behaviours.main(['--root', str(root), '--only', 'TC,PD', '--strict']) == 1
    capsys.readouterr()
    assert behaviours.main(['--root', str(root), '--only', 'lesson:D,PD', '--json']) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(row['kind'], row['id'], row['status']) for row in shown['ids']] == [
        ('behaviour', 'PD-ORG-1', 'unproven'),
        ('lesson', 'D-1', 'unproven'),
    ]
    assert shown['counts'] == {'all': 2, 'proven': 0, 'unproven': 2, 'planned': 0, 'ahead': 0}
    assert behaviours.main(['--root', str(root), '--only', 'NONSENSE']) == 1


def test_an_id_that_stands_twice_is_refused(root: Path) -> None:
    path = root / 'docs' / 'reference' / 'lessons.md'
    path.write_text(LESSONS + '| I-4 | again |\n', encoding='utf-8')
    with pytest.raises(ValueError, match='I-4 stands in lessons'):
        behaviours.build_report(root)


def test_the_projects_own_lists_and_markers_agree() -> None:
    report = behaviours.build_report(Path(__file__).parents[2])
    assert report.errors == []
    assert {'TC-1', 'PD-ORG-1', 'D-6', 'I4', 'S1', 'P1', 'A-1', 'CB-1'} <= {promise.id for promise in report.promises}
