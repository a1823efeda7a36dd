"""The files of people: what can stand in them, and what is told of everything that cannot."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hermes.booking.reps import PAGES, Rep, Reps, why_hidden
from hermes.booking.reps_files import FILES, MOST_BYTES, MOST_PICTURE_BYTES, RepsFiles, RepsRefused, load_reps
from hermes.booking.reps_template import begin_file, entries_of, slug_of
from hermes.domain.errors import Refused
from hermes.domain.model import Record, RecordRef
from tests.thorough import examples

JPEG = b'\xff\xd8\xff\xe0 a picture'
LEE = '- hermes_admin_id: 7\n  slug: lee-adams\n  name: Lee Adams\n'
SELLS: dict[str, Any] = {'active': True, 'bookable': True, 'email': 'lee@office.example', 'is_sales_person': True}


def write(folder: Path, text: str | bytes, name: str = 'sales_reps.yml') -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def sales(folder: Path) -> list[Rep]:
    return list(load_reps(folder).listed['sales'])


def refusal(folder: Path, text: str | bytes) -> str:
    """What is told of a wrong file, without its path."""
    file = write(folder, text)
    with pytest.raises(RepsRefused) as refused:
        load_reps(folder)
    told = str(refused.value)
    assert told.startswith(str(file))
    assert '\n' not in told
    return told.removeprefix(str(file))


def admin(number: int = 7, **fields: Any) -> Record:
    return Record(RecordRef('admin', number), {**SELLS, 'first_name': 'Lee', 'last_name': 'Adams', **fields})


@pytest.mark.behaviour('WEB-1')
def test_everything_of_a_person_is_read(tmp_path: Path) -> None:
    write(tmp_path, JPEG, 'lee.jpg')
    write(tmp_path, JPEG + b' twice as large', 'lee@2x.jpg')
    more = '  title: Head of sales\n  description: >\n    Two lines\n    of text.\n  picture: lee.jpg\n'
    write(tmp_path, f'# A comment\n{LEE}{more}  languages: [en, no, pt-BR]\n  alt_hermes_admin_id: "9"\n')
    [lee] = sales(tmp_path)
    assert (lee.admin_id, lee.slug, lee.name, lee.title) == (7, 'lee-adams', 'Lee Adams', 'Head of sales')
    assert (lee.description, lee.languages, lee.alternative) == ('Two lines of text.', ('en', 'no', 'pt-BR'), 9)
    assert [picture.content for picture in lee.pictures] == [JPEG, JPEG + b' twice as large']
    assert all(re.fullmatch(r'[0-9a-f]{16}\.jpg', picture.name) for picture in lee.pictures)
    assert lee.initials == 'LA'


@pytest.mark.parametrize('text', ['', '# nothing but a comment\n', '---\n', '[]', '\ufeff# with a mark of its order\n'])
def test_an_empty_file_names_nobody(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    assert sales(tmp_path) == []
    assert load_reps(tmp_path / 'nowhere') == Reps({})


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('- hermes_admin_id: 7\n  slug: [\n', ', line 3: this is not YAML'),
        (f'{LEE}---\n{LEE}', ', line 4: this is not YAML'),
        ('people:\n- x', ', line 1: people are a list: each begins with "- ".'),
        ('Lee Adams', ', line 1: people are a list'),
        ('- Lee Adams', ', line 1: a person is fields and values'),
        (f'{LEE}- [1, 2]', ', line 4: a person is fields and values'),
        ('- slug: lee\n  name: Lee', ', line 1: hermes_admin_id: is missing.'),
        (f'{LEE}  colour: red\n', ', line 4: colour: is none of the fields: hermes_admin_id, slug, name,'),
        (f'{LEE}  ? [a, b]\n  : red\n', ', line 1: ?: is none of the fields'),
        (f'{LEE}  7: red\n', ', line 4: 7: is none of the fields'),
        (f'{LEE}  name: Kim\n', ', line 4: name: stands here twice.'),
        (LEE + LEE, ', line 4: hermes_admin_id: 7 stands here twice.'),
        (LEE + LEE.replace('7', '8'), ', line 5: slug: lee-adams stands here twice.'),
        (LEE.replace('7', 'seven'), ', line 1: hermes_admin_id: must be the number of an admin.'),
        (LEE.replace('7', '0'), ', line 1: hermes_admin_id: must be the number of an admin.'),
        (LEE.replace('7', '-7'), ', line 1: hermes_admin_id: must be the number of an admin.'),
        (LEE.replace('7', '9' * 5000), ', line 1: hermes_admin_id: must be the number of an admin.'),
        (LEE.replace('7', '[7]'), ', line 1: hermes_admin_id: must be the number of an admin.'),
        (LEE.replace('7', ''), ', line 1: hermes_admin_id: is missing.'),
        (LEE.replace('Lee Adams', '[Lee, Adams]'), ', line 3: name: must be text.'),
        (LEE.replace('Lee Adams', '" \\u200b "'), ', line 3: name: is empty.'),
        (LEE.replace('Lee Adams', 'L' * 81), ', line 3: name: must have at most 80 characters.'),
        (f'{LEE}  description: {"d" * 601}', ', line 4: description: must have at most 600 characters.'),
        (f'{LEE}  languages: en', ', line 4: languages: must be a list, such as [en, fr].'),
        (f'{LEE}  languages: [en, Frenchish]', ', line 4: languages: must be codes of languages such as en or fr'),
        (f'{LEE}  languages: [{", ".join(["en"] * 11)}]', ', line 4: languages: must have at most 10 entries.'),
        (f'{LEE}  languages: [[en]]', ', line 4: languages: must be text.'),
        (f'{LEE}  alt_hermes_admin_id: me', ', line 4: alt_hermes_admin_id: must be the number of an admin.'),
        (f'{LEE}  title: &boss Boss', ', line 4: this is not YAML: anchors (&) and aliases (*) are not used here'),
        (f'{LEE}  title: *boss', ', line 4: this is not YAML: anchors (&) and aliases (*) are not used here'),
        (f'- &it\n  <<: *it\n{LEE}', ', line 1: this is not YAML: anchors'),
        ('[' * 5000, ' cannot be read: it is nested too deeply.'),
        (LEE.encode('utf-16'), ' cannot be read: it is no UTF-8 text.'),
        (f'{LEE}  title: \0', ' cannot be read: it has a character that nobody can see.'),
        (LEE + '#' * MOST_BYTES, ' cannot be read: it is larger than 256 KB.'),
    ],
)  # fmt: skip
def test_whatever_is_wrong_is_told_with_line_and_field(tmp_path: Path, text: str | bytes, told: str) -> None:
    assert refusal(tmp_path, text).startswith(told)


@pytest.mark.parametrize(
    'slug', [*PAGES, 'Lee', '7', 'lee_adams', '-lee', 'lee-', 'lee--a', 'lé', 'a/b', 'l' * 61, '""']
)
def test_a_slug_is_an_address_and_no_other_pages(tmp_path: Path, slug: str) -> None:
    told = refusal(tmp_path, LEE.replace('lee-adams', slug))
    assert told.startswith(', line 2: slug: ')
    assert ('name of a page' in told) == (slug in PAGES)


@pytest.mark.parametrize(
    ('name', 'content', 'told'),
    [
        ('lee.jpg', None, 'lee.jpg cannot be used: No such file or directory.'),
        ('lee.jpg', JPEG + bytes(MOST_PICTURE_BYTES), 'lee.jpg cannot be used: it is larger than 512 KB.'),
        ('lee.png', JPEG, 'lee.png cannot be used: it is no PNG.'),
        ('lee.jpg', b'<svg>', 'lee.jpg cannot be used: it is no JPEG.'),
        ('lee.svg', b'<svg>', 'must be the name of a .jpg, .png or .webp file that lies beside this one'),
        ('../lee.jpg', None, 'must be the name of a .jpg, .png or .webp file that lies beside this one'),
        ('/etc/lee.jpg', None, 'must be the name of a .jpg, .png or .webp file that lies beside this one'),
        (f'{"l" * 300}.jpg', None, f'{"l" * 300}.jpg cannot be used: File name too long.'),
        ('"lee\\0.jpg"', None, 'lee\0.jpg cannot be used: embedded null byte.'),
    ],
)  # fmt: skip
def test_a_picture_is_a_file_beside_it(tmp_path: Path, name: str, content: bytes | None, told: str) -> None:
    if content is not None:
        write(tmp_path, content, name)
    assert refusal(tmp_path, f'{LEE}  picture: {name}\n').startswith(f', line 4: picture: {told}')


def test_a_picture_that_is_no_file_or_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'there').mkdir()
    write(tmp_path, JPEG, 'lee.jpg')
    (tmp_path / 'there' / 'lee.jpg').symlink_to(tmp_path / 'lee.jpg')
    assert 'picture: lee.jpg cannot be used: it lies elsewhere.' in refusal(
        tmp_path / 'there', f'{LEE}  picture: lee.jpg\n'
    )
    os.mkfifo(tmp_path / 'kim.jpg')
    assert 'kim.jpg cannot be used: it is no file.' in refusal(tmp_path, f'{LEE}  picture: kim.jpg\n')


def test_a_folder_or_a_pipe_is_no_file_of_people(tmp_path: Path) -> None:
    (tmp_path / 'sales_reps.yml').mkdir()
    with pytest.raises(RepsRefused, match='cannot be read: it is no file'):
        load_reps(tmp_path)
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'sales_reps.yml').rmdir()
    (tmp_path / 'pipe').rename(tmp_path / 'sales_reps.yml')
    with pytest.raises(RepsRefused, match='cannot be read: it is no file'):
        load_reps(tmp_path)


@given(st.one_of(st.text(), st.binary(), st.recursive(st.text(), st.lists).map(json.dumps)))
@settings(max_examples=examples(200), deadline=None)
def test_any_file_is_read_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes
) -> None:
    folder = tmp_path_factory.mktemp('reps')
    file = write(folder, text if isinstance(text, bytes) else text.encode('utf-8', 'surrogatepass'))
    told = str(file)
    try:
        load_reps(folder)
    except RepsRefused as refused:
        told = str(refused)
    assert told.startswith(str(file))


@given(st.text(st.characters(codec='utf-8'), max_size=200), st.integers(1, 2**62))
@settings(max_examples=examples(300), deadline=None)
def test_what_is_begun_can_be_read_whatever_people_are_called(
    tmp_path_factory: pytest.TempPathFactory, name: str, number: int
) -> None:
    folder = tmp_path_factory.mktemp('reps')
    admins = {key: admin(key, first_name=name, last_name=None) for key in (number, number + 1)}
    assert begin_file(folder, 'sales', entries_of('sales', admins))
    found = sales(folder)
    assert sorted(rep.admin_id for rep in found) == [number, number + 1]
    assert len({rep.slug for rep in found}) == 2
    assert all(rep.name and len(rep.initials) < 80 for rep in found)


@pytest.mark.parametrize(
    ('name', 'slug', 'initials'),
    [
        ('Lee Adams', 'lee-adams', 'LA'),
        ('José María Núñez', 'jose-maria-nunez', 'JN'),
        ("Siobhán O'Hara", 'siobhan-o-hara', 'SO'),
        ('Łukasz Żak', 'person-7', 'ŁŻ'),
        ('نور حداد', 'person-7', 'نح'),
        ('दीपा शर्मा', 'person-7', 'दीश'),
        ('Madonna', 'madonna', 'M'),
        ('Person 8', 'person-7', 'P8'),
        ('(Ana) "Bo" 3rd', 'ana-bo-3rd', 'A3'),
        ('Choose', 'person-7', 'C'),
        ('7 of Nine', 'person-7', '7N'),
        ('🦊', 'person-7', ''),
    ],
)
def test_names_of_any_script_have_an_address_and_initials(name: str, slug: str, initials: str) -> None:
    assert slug_of(name, 7) == slug
    assert Rep(7, slug, name).initials == initials


def test_a_file_is_begun_once_and_never_touched_again(tmp_path: Path) -> None:
    folder = tmp_path / 'made' / 'here'
    assert begin_file(folder, 'sales', []) == folder / 'sales_reps.yml'
    assert sales(folder) == []
    (folder / 'sales_reps.yml').write_text(LEE)
    assert begin_file(folder, 'sales', entries_of('sales', {9: admin(9)})) is None
    assert (folder / 'sales_reps.yml').read_text() == LEE
    example = ''.join(
        line[2:] + '\n' for line in (begin_file(tmp_path, 'support', []) or tmp_path).read_text().splitlines()[4:]
    )
    write(tmp_path, JPEG, 'lee.jpg')
    write(tmp_path, example.replace('head', 'Head'), 'sales_reps.yml')
    assert sales(tmp_path)[0].alternative == 9


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match='people cannot be made: File exists'):
        begin_file(write(tmp_path, '', 'people'), 'sales', [])


def test_why_somebody_is_not_shown() -> None:
    merged = Record(RecordRef('admin', 7), SELLS, alias_of=3)
    told = {
        '': admin(),
        'there is no such admin': None,
        'not active': admin(active=False),
        'not bookable': admin(bookable=False),
        'no sales person': admin(is_sales_person=False, is_support_person=True),
        'without an e-mail address, so without a calendar': admin(email=''),
    }
    assert {why_hidden(each, 'sales'): each for each in told.values()} == told
    assert why_hidden(merged, 'sales') == 'there is no such admin'


def test_a_change_counts_at_once_and_a_wrong_one_keeps_the_people_of_before(tmp_path: Path) -> None:
    write(tmp_path, JPEG, 'lee.jpg')
    file = write(tmp_path, f'{LEE}  picture: lee.jpg\n')
    files = RepsFiles(tmp_path)
    [before] = files.get().listed['sales']
    write(tmp_path, JPEG + b' of another day', 'lee.jpg')
    [after] = files.get().listed['sales']
    assert after.pictures[0].name != before.pictures[0].name
    file.write_text(LEE.replace('Lee Adams', 'Kim Sato'))
    assert files.get().listed['sales'][0].name == 'Kim Sato'
    file.write_text('- nonsense')
    with capture_logs() as said:
        assert [files.get().listed['sales'][0].name for _ in range(3)] == ['Kim Sato'] * 3
    [line] = said
    assert line['event'].startswith('a file of people is wrong')
    assert f'{file}, line 1' in line['reason']
    assert RepsFiles(tmp_path).get().listed == {}, 'whoever begins now shows names alone'
    file.unlink()
    assert files.get().listed == {}
    assert set(FILES) == {'sales', 'support'}
