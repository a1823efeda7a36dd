"""Salesforce's ids, the mapping file, values both ways, and what an organisation lacks of it."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.domain.errors import Refused
from hermes.systems.salesforce import metadata, values
from hermes.systems.salesforce.ids import long_id, try_id
from hermes.systems.salesforce.mapping import SHIPPED, Words, load, read
from tests.systems.salesforce import build, description, field, vendor
from tests.systems.support import CATALOGUE, Plain

USER = load().kinds['app_user']


def shipped() -> dict[str, Any]:
    told: dict[str, Any] = tomllib.loads(SHIPPED.read_text())['salesforce']
    return told


@pytest.mark.behaviour('AU-14')
@pytest.mark.parametrize(
    ('short', 'long'),
    [('0015f00000AbCdE', '0015f00000AbCdEAAV'), ('001000000000000', '001000000000000AAA'),
     ('ABCDEABCDEABCDE', 'ABCDEABCDEABCDE555'), ('a0u000000000zzz', 'a0u000000000zzzAAA')],
)  # fmt: skip
def test_both_forms_are_the_same_id(short: str, long: str) -> None:
    assert long_id(short) == long_id(long) == long
    assert long_id(long[:15] + long[15:].lower()) == long


@pytest.mark.behaviour('AU-14')
@pytest.mark.parametrize(
    'told', ['', 'abc', '0015f00000AbCd-', '0015f00000AbCdEAA', '0015f00000AbCdEAAA', '0015f00000ÁbCdE', None, 15]
)  # fmt: skip
def test_what_is_no_id_is_refused(told: object) -> None:
    assert try_id(told) is None


@pytest.mark.behaviour('AU-14')
@given(st.text('abcABC019', min_size=15, max_size=15))
def test_ids_that_differ_in_case_differ_in_any_case(short: str) -> None:
    assert try_id(long_id(short)) == long_id(short)
    swapped = short.swapcase()
    assert (swapped == short) is (long_id(swapped).casefold() == long_id(short).casefold())


def test_the_shipped_mapping_has_every_field() -> None:
    told = load()
    assert USER.source == 'Sefaria_App_User__c'
    assert told.kinds['subscription'].source == 'Sefaria_App_Email__c'
    assert list(USER.keys.items()) == [
        ('external_id', 'Hermes_Id__c'), ('legacy_id', 'Legacy_Id__c'), ('email', 'Email__c'),
    ]  # fmt: skip
    assert 'legacy_id' not in told.kinds['subscription'].keys


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda told: told.pop('app_user'), 'salesforce.app_user: the table is missing'),
        (lambda told: told['app_user'].pop('external_id'), 'salesforce.app_user.external_id: must be the API name'),
        (lambda told: told['app_user'].update(object="X' OR 1"), 'salesforce.app_user.object: must be the API name'),
        (lambda told: told['app_user']['fields'].update(email='E mail'), 'salesforce.app_user.fields.email: must be'),
        (lambda told: told['app_user']['fields'].update(phone='P__c'), 'salesforce.app_user.fields.phone: is not'),
        (lambda told: told['app_user']['fields'].pop('email'), 'salesforce.app_user.fields.email: is missing'),
        (lambda told: told['app_user'].update(legacy_id='Contact__r.'), 'salesforce.app_user.legacy_id: must be'),
        (lambda told: told['subscription'].update(legacy_id='A__c'), 'salesforce.subscription.legacy_id: is not known'),
        (lambda told: told['app_user']['fields'].update(lang='EMAIL__c'), 'two things stand in the field email__c'),
        (lambda told: told['app_user']['lengths'].update(first_name=0), 'lengths.first_name: must be a number'),
        (lambda told: told['app_user'].update(legacy_id_is_number='no'), 'must be true or false'),
        (lambda told: told.update(api_version='64'), 'salesforce.api_version: must be a text such as "64.0"'),
        (lambda told: told.update(lists={'a': 'X', 'b': 'X'}), 'salesforce.lists: two of ours have one name there'),
        (lambda told: told.update(lists={'a': 'X;Y'}), 'salesforce.lists: a name must not hold ";"'),
        (lambda told: told.update(languages={'en': 7}), 'salesforce.languages: must be a table of texts'),
        (lambda told: told.update(lists_of_language={'en': 'News'}), 'salesforce.lists_of_language.en: must be a list'),
        (lambda told: told.update(colour='red'), 'salesforce.colour: is not known here'),
    ],
)  # fmt: skip
def test_a_wrong_mapping_names_the_place(change: Any, said: str) -> None:
    told = shipped()
    change(told)
    with pytest.raises(ValueError, match=r'^salesforce') as caught:
        read(told)
    assert said in str(caught.value)


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / 'people.toml'
    with pytest.raises(Refused, match=r'people\.toml: cannot be read \(FileNotFoundError\); PEOPLE_FILE names it'):
        load(file)
    file.write_text('[salesforce')
    with pytest.raises(Refused, match=r'people\.toml: is not TOML'):
        load(file)
    file.write_text('[salesforce]\napi_version = "x"')
    with pytest.raises(Refused, match=r'people\.toml: salesforce\.api_version'):
        load(file)
    file.write_text('[another]\n')
    assert load(file) == load()


def test_our_words_and_theirs() -> None:
    words = Words({'en': 'English'}, {'news': 'Newsletter'}, {'spam': 'Is spam'})
    fields = {
        'lang': 'en',
        'lists': ['a', 'news'],
        'review': 'spam',
        'educator': None,
        'first_name': '',
        'email': 'a@b.c',
    }
    body = values.encode(fields, USER, words, with_key=True)
    assert body == {
        'Language__c': 'English', 'Mailing_Lists__c': 'a;Newsletter', 'Review_Reason__c': 'Is spam',
        'Is_Educator__c': False, 'First_Name__c': None, 'Email__c': 'a@b.c',
    }  # fmt: skip
    back = values.decode({**body, 'Hermes_Id__c': '7'}, USER, words)
    assert back == {**fields, 'educator': False, 'first_name': None, 'external_id': '7'}


def test_an_emptied_field_is_empty_and_an_absent_one_absent() -> None:
    row = {'Mailing_Lists__c': None, 'Review_Reason__c': None, 'Is_Educator__c': 'perhaps', 'Email__c': ['x']}
    assert values.decode(row, USER, Words()) == {'lists': [], 'review': ''}


def test_a_language_picks_its_lists_and_long_names_are_cut() -> None:
    told = shipped()
    told['lists_of_language'] = {'he': ['Hebrew news']}
    told['app_user']['fields'].pop('user_id')
    system = build(vendor(), read(told))
    table = {item.key: item for item in system.outgoing('app_user', CATALOGUE)}
    assert 'user_id' not in table
    assert (table['first_name'].limit, table['email'].limit) == (80, None)
    assert table['lists'].compute(Plain({'lists': ['b'], 'lang': 'he'})) == ['Hebrew news', 'b']


def described(**objects: Any) -> bytes:
    both = {'Sefaria_App_User__c': description(), 'Sefaria_App_Email__c': description()}
    told = {name: said and metadata.kept(said) for name, said in {**both, **objects}.items()}
    return json.dumps({'objects': told}).encode()


def without(*names: str, **more: Any) -> dict[str, Any]:
    said = description()
    said['fields'] = [each for each in said['fields'] if each['name'] not in names]
    return {**said, **more}


def test_an_organisation_that_has_everything_lacks_nothing() -> None:
    assert list(metadata.lacks(described(), load())) == []


@pytest.mark.parametrize(
    ('said', 'told'),
    [
        (None, 'There is no object Sefaria_App_User__c, or it is not shown to us.'),
        (without('Language__c'), 'There is no field Sefaria_App_User__c.Language__c, or it is not shown to us.'),
        (without('Hermes_Id__c'), 'There is no field Sefaria_App_User__c.Hermes_Id__c, or it is not shown to us.'),
        (without('Legacy_Id__c'), 'There is no field Sefaria_App_User__c.Legacy_Id__c, or it is not shown to us.'),
        (without(createable=False), 'Objects of Sefaria_App_User__c may not be made or changed by us.'),
    ],
)
def test_what_is_missing_is_told(said: Any, told: str) -> None:
    assert list(metadata.lacks(described(Sefaria_App_User__c=said), load())) == [told]


@pytest.mark.parametrize(
    ('name', 'changes', 'told'),
    [
        ('Hermes_Id__c', {'externalId': False}, 'is no external id: nothing can be written under it.'),
        ('Hermes_Id__c', {'unique': False}, 'is not unique: there could be two objects for one person.'),
        ('Hermes_Id__c', {'length': 10}, 'holds 10 characters; it should hold 19.'),
        ('First_Name__c', {'length': 40}, 'holds 40 characters; it should hold 80.'),
        ('Email__c', {'updateable': False}, 'may not be written by us.'),
        ('Mailing_Lists__c', {'type': 'string'}, 'is of the type string, and should be multipicklist.'),
    ],
)
def test_what_does_not_fit_is_told(name: str, changes: dict[str, Any], told: str) -> None:
    said = description()
    said['fields'] = [each | changes if each['name'] == name else each for each in said['fields']]
    found = list(metadata.lacks(described(Sefaria_App_User__c=said), load()))
    assert found == [f'Sefaria_App_User__c.{name} {told}']


def test_a_list_that_is_not_there_is_told() -> None:
    told = shipped()
    told['lists'] = {'weekly': 'Weekly letter', 'news': 'Newsletter'}
    assert (
        metadata.lacks(described(), read(told))[0]
        == 'Sefaria_App_User__c.Mailing_Lists__c has no list "Weekly letter".'
    )


def test_a_joined_legacy_id() -> None:
    told = shipped()
    told['app_user']['legacy_id'] = 'Contact__r.NationBuilder_Id__c'
    mapped = read(told)
    said = description()
    [sentence] = metadata.lacks(described(), mapped)
    assert sentence == 'Sefaria_App_User__c has no relation Contact__r.'
    said['fields'].append(field('Contact__c', 'reference', relationshipName='Contact__r', referenceTo=['Contact']))
    assert metadata.joined('Sefaria_App_User__c', metadata.kept(said), mapped) == ['Contact']
    contact = {'fields': [field('Email')]}
    [sentence] = metadata.lacks(described(Sefaria_App_User__c=said, Contact=contact), mapped)
    assert sentence == 'There is no field Contact.NationBuilder_Id__c, or it is not shown to us.'
    contact['fields'].append(field('NationBuilder_Id__c'))
    assert list(metadata.lacks(described(Sefaria_App_User__c=said, Contact=contact), mapped)) == []
