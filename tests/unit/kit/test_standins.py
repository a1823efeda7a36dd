"""Stand-ins keep the shape of what they stand for, and are the same for the same within one file."""

import json
import re

import pytest

from hermes.kit.standins import Standins

pytestmark = pytest.mark.behaviour('ADM-15')


@pytest.fixture
def standins() -> Standins:
    return Standins(b'salt', kept=('organization',), hosts=('app.example',))


def test_one_person_is_one_stand_in_however_it_is_written(standins: Standins) -> None:
    told = standins.value({
        'first_name': 'Zadie', 'last_name': 'Quill', 'name': 'ZADIE Quill',
        'emails': [{'value': 'Zadie@Quill.example'}],
        'email': 'zadie@quill.example', 'phone': '+44 20 7946 0018', 'mobile': '020 79460018',
        'website': 'https://www.quill.example/zadie/12?x=quill',
    })  # fmt: skip
    assert told['name'] == f'{told["first_name"].upper()} {told["last_name"]}'
    assert told['emails'][0]['value'] == told['email']
    assert re.fullmatch(r'\w+@\w+\.example', told['email'])
    assert told['phone'][:9] == '+44 20 79'[:9]
    assert re.sub(r'\D', '', told['phone'])[-6:] == re.sub(r'\D', '', told['mobile'])[-6:] != '460018'
    assert told['website'].startswith(f'https://www.{told["email"].partition("@")[2]}/')
    assert '/12?' in told['website']
    assert 'quill' not in json.dumps(told).casefold()


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('id', '1234567890123'), ('version', '2.0'), ('update_time', '2026-03-02 09:00:00'),
        ('at', '2026-03-02T09:00:00Z'),
        ('date', 'Mon, 02 Mar 2026 09:00:00 GMT'), ('status', 'open'), ('price_plan', 'monthly-payg'), ('x', 12.5),
        ('country', 'United Kingdom (GB)'), ('currency', 'GBP'), ('about', 'crm:organization:12'), ('x', 'company:12'),
        ('x', 'organization'), ('x', 'a' * 40), ('x', None), ('x', True), ('rule', 'FIELD-2'), ('x', '2026-03-02'),
        ('url', 'https://app.example/clients/17/'),
    ],
)  # fmt: skip
def test_ids_times_and_words_of_programs_stay(standins: Standins, key: str, value: object) -> None:
    assert standins.value({key: value}) == {key: value}


@pytest.mark.parametrize(
    'value',
    [
        'Zadie',
        'zadie',
        'ZADIE QUILL',
        'Flat 12, Zadie Row',
        '{"note": "Zadie"}',
        'a note: zadie@quill.example',
        'Zadie2',
    ],
)
@pytest.mark.parametrize('key', ['x', 'title', 'value', 'note', 'label'])
def test_whatever_is_not_known_to_be_harmless_is_replaced(standins: Standins, key: str, value: str) -> None:
    assert 'zadie' not in json.dumps(standins.value({key: value})).casefold()


def test_a_sentence_of_ours_keeps_its_words(standins: Standins) -> None:
    name = standins.text('Zadie Quill')
    said = standins.sentence(
        'The sales person 999 of "Zadie Quill" is unknown, and Zadie is told at zadie@quill.example.'
    )
    assert said.startswith(f'The sales person 999 of "{name}" is unknown, and {name.split()[0]} is told at ')
    assert 'zadie' not in said.casefold()


def test_two_files_have_other_stand_ins_and_two_people_never_the_same() -> None:
    one, other = Standins(b'one'), Standins(b'other')
    names = [f'name{chr(97 + number % 26)}{chr(97 + number // 26)}' for number in range(600)]
    assert [one.text(name) for name in names] != [other.text(name) for name in names]
    assert len({one.text(name) for name in names}) == len(names)
