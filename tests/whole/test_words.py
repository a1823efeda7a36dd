"""The catalogue of sentences is up to date, and complete in every language that is shipped (WEB-19)."""

import re
import tomllib
from pathlib import Path

import pytest
from babel.messages import Message

from hermes.kit import languages
from tools import words

pytestmark = pytest.mark.behaviour('WEB-19')


def test_the_catalogue_is_up_to_date_and_complete() -> None:
    assert list(words.problems()) == []


def test_the_same_sources_make_the_same_catalogue_without_dates_and_line_numbers() -> None:
    first = words.written()
    assert first == words.written()
    for content in first.values():
        assert not re.search(rb'-Date:|^#: .*:\d', content, re.MULTILINE)


@pytest.mark.parametrize(
    ('original', 'translation', 'what'),
    [
        ('Hello %(name)s,', '', 'is not translated'),
        ('Hello %(name)s,', 'Guten Tag,', 'other placeholders'),
        ('Hello %(name)s,', 'Guten Tag %(nam)s,', 'other placeholders'),
        (('%(count)s time', '%(count)s times'), ('%(count)s Termin', ''), 'is not translated'),
        (('%(count)s time', '%(count)s times'), ('ein Termin', '%(count)s Termine'), 'other placeholders'),
        (('one time', '%(count)s times'), ('ein Termin', '%(count)s Termine'), ''),
        ('Read <b>this</b>.', 'Lesen Sie das.', 'other placeholders'),
        ('Hello,', 'Guten Tag,', ''),
    ],
)
def test_a_translation_is_compared_with_its_original(
    original: str | tuple[str, ...], translation: str | tuple[str, ...], what: str
) -> None:
    told = ' '.join(words.wrong(Message(original, translation)))
    assert what in told if what else told == ''


def test_what_is_marked_fuzzy_is_told() -> None:
    assert 'fuzzy' in ' '.join(words.wrong(Message('Hello,', 'Guten Tag,', flags={'fuzzy'})))


@pytest.mark.parametrize('code', languages.LOCALES)
def test_a_shipped_language_speaks_for_itself(code: str) -> None:
    told = languages.language(code).gettext('Your call is booked')
    assert (told == 'Your call is booked') == (code == languages.ENGLISH)


def test_the_files_are_part_of_the_package() -> None:
    folder = Path(languages.__file__).parent
    assert {path.name for path in folder.glob('*.po*')} == {'hermes.pot', *(f'{code}.po' for code in words.SHIPPED)}
    build = tomllib.loads(Path('pyproject.toml').read_text())['tool']['hatch']['build']
    assert build == {'targets': {'wheel': {'packages': ['hermes']}}}, 'everything in the package is shipped'
    ignored = Path('.gitignore').read_text() + Path('.dockerignore').read_text()
    assert '.po' not in ignored
