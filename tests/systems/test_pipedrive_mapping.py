"""What goes to Pipedrive, and that everything that goes there reads back equal."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain.fields import ABSENT, Catalogue, CustomField, CustomType
from hermes.kit.texts import tidy
from hermes.systems.pipedrive import mapping, objects, rest, webhook
from tests.systems.support import CATALOGUE, CODES, Plain
from tests.thorough import examples

CODE = 'c' * 40
OPTIONS = {'11': 'Red', '12': 'Red, dark', '13': 'yes', '14': 'No', '15': ' ', '16': 'Ünïcode 🎈'}


def catalogue_with(field_type: CustomType, remote_type: str) -> Catalogue:
    return Catalogue(
        (CustomField('thing', 'Thing', field_type, 'Company', '', '', CODE, 'follow', remote_type, OPTIONS),)
    )


def vendor_rest(remote_type: str, sent: Any) -> Any:
    """What the vendor's REST v2 answers for what was sent, with the decorations that it adds."""
    if isinstance(sent, dict) and 'timezone_id' in sent:
        return sent | {'timezone_name': 'Europe/London'}
    if remote_type == 'address' and sent:
        return sent | {'formatted_address': 'somewhere', 'subpremise': None}
    return sent


def vendor_webhook(remote_type: str, sent: Any) -> Any:
    """The same value as the vendor's webhook v2 tells it."""
    if sent is None:
        return None
    if remote_type == 'enum' or remote_type in ('user', 'org', 'people'):
        return {'type': remote_type, 'id': sent}
    if remote_type == 'set':
        return {'type': remote_type, 'values': [{'id': option} for option in sent]}
    if remote_type in ('daterange', 'timerange'):
        renamed = {{'value': 'from'}.get(key, key): part for key, part in sent.items()}
        return {'type': remote_type} | renamed
    if remote_type in ('monetary', 'time', 'address'):
        return {'type': remote_type, **sent}
    return {'type': remote_type, 'value': sent}


TEXT = st.text(st.characters(exclude_categories=('Cs', 'Cc')), max_size=300).map(tidy)
IDS = st.integers(min_value=1, max_value=2**53)
DAYS = st.dates().map(lambda day: day.isoformat())
AMOUNTS = st.integers(-(10**9), 10**9).map(str) | st.integers(-(10**7), 10**7).map(lambda n: f'{n / 100:g}').filter(
    lambda told: 'e' not in told
)  # fmt: skip
ZONE = st.integers(1, 400)
CLOCKS = st.times().map(lambda at: at.strftime('%H:%M:%S'))


def as_json(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return st.fixed_dictionaries(dict(parts)).map(lambda told: json.dumps(told, ensure_ascii=False, sort_keys=True))


SETS = st.sets(st.sampled_from(list(OPTIONS)), min_size=1).map(
    lambda chosen: ', '.join(OPTIONS[option].strip() or option for option in OPTIONS if option in chosen)
)
CASES: dict[tuple[CustomType, str], st.SearchStrategy[Any]] = {
    **{('str', remote): TEXT for remote in ('varchar', 'text', 'phone', 'varchar_auto')},
    **{('int', remote): st.integers(-(10**14), 10**14) for remote in ('varchar', 'text', 'double', 'monetary')},
    **{('bool', remote): st.booleans() for remote in ('varchar', 'text', 'double', 'enum')},
    **{('date', remote): DAYS for remote in ('date', 'varchar', 'text')},
    **{('fk_field', remote): IDS for remote in ('user', 'double', 'varchar', 'org', 'people')},
    ('str', 'double'): AMOUNTS,
    ('str', 'monetary'): AMOUNTS,
    ('str', 'date'): DAYS,
    ('str', 'user'): IDS.map(str),
    ('str', 'org'): IDS.map(str),
    ('str', 'people'): IDS.map(str),
    ('str', 'enum'): st.sampled_from([label.strip() or option for option, label in OPTIONS.items()]),
    ('str', 'set'): SETS,
    ('str', 'daterange'): as_json(**{'from': DAYS, 'until': DAYS}),
    ('str', 'time'): as_json(value=CLOCKS, timezone_id=ZONE),
    ('str', 'timerange'): as_json(**{'from': CLOCKS, 'until': CLOCKS, 'timezone_id': ZONE}),
    ('str', 'address'): as_json(value=TEXT.filter(bool), country=TEXT.filter(bool)),
}


@pytest.mark.behaviour('FIELD-4')
@pytest.mark.lesson('E-28', 'H-9', 'C-5')
@pytest.mark.parametrize('case', list(CASES), ids=lambda case: f'{case[0]}-{case[1]}')
@given(data=st.data())
@settings(max_examples=examples(60), deadline=None)
def test_what_is_written_reads_back_equal(case: tuple[CustomType, str], data: st.DataObject) -> None:
    field_type, remote_type = case
    value = data.draw(st.none() | CASES[case])
    catalogue = catalogue_with(field_type, remote_type)
    body = mapping.encode('update', 'organization', {'thing': value}, {}, catalogue)
    sent = json.loads(json.dumps(body))['custom_fields'][CODE]
    expected = None if value == '' else value
    for told, read in ((vendor_rest(remote_type, sent), rest.read), (vendor_webhook(remote_type, sent), webhook.read)):
        answer = {'id': 1, 'custom_fields': {CODE: told}}
        assert objects.read_object('organization', answer, catalogue, read) == {'thing': expected}


@pytest.mark.behaviour('FIELD-4')
@given(
    name=TEXT,
    emails=st.lists(st.emails(), max_size=3, unique=True),
    email=st.none() | st.emails(),
    ids=st.lists(IDS, min_size=1, unique=True),
)
@settings(max_examples=examples(80), deadline=None)
def test_native_fields_read_back_equal(name: str, emails: list[str], email: str | None, ids: list[int]) -> None:
    entries = [{'value': one, 'label': 'home', 'primary': at == 0} for at, one in enumerate(emails)]
    basis = {'emails': entries, 'email': emails[0] if emails else None}
    view = Plain({'first_name': name, 'last_name': 'Ng', 'email': email})
    sent = {one.key: one.compute(view) for one in mapping.outgoing('contact', CATALOGUE) if one.when == 'always'}
    body = mapping.encode('update', 'person', sent, basis, CATALOGUE)
    seen = objects.read_object('person', body, CATALOGUE, rest.read)
    assert (seen['first_name'], seen['last_name']) == (sent['first_name'], sent['last_name'])
    if email:
        assert seen['email'] == email
        assert [entry for entry in entries[1:] if entry['value'] != email] == [
            entry for entry in seen['emails'] if entry['value'] != email
        ]
    deal = mapping.encode('create', 'deal', {'hermes_id': ids, 'company_id': '9'}, {}, CATALOGUE)
    read = objects.read_object('deal', deal, CATALOGUE, rest.read)
    assert (read['hermes_id'], read['company_id']) == (ids, '9')


def compute(record_type: str, view: Plain) -> dict[str, Any]:
    return {one.key: one.compute(view) for one in mapping.outgoing(record_type, CATALOGUE)}


def test_an_organisation_goes_out() -> None:
    view = Plain(
        {'name': ' Brightwell ', 'country': 'GB', 'website': None, 'paid_invoice_count': 5, 'has_signed_up': True,
         'price_plan': 'startup', 'pay0_dt': '2026-03-01', 'utm_campaign': 'not a number'},
        admins={'sales_person_id': 31},
    )  # fmt: skip
    fields = compute('company', view)
    assert fields == {
        'name': 'Brightwell', 'sales_person_id': 31, 'country': 'GB', 'website': None, 'hermes_id': [55],
        'paid_invoice_count': 5, 'support_person_id': None, 'price_plan': 'startup', 'pay0_dt': '2026-03-01',
        'has_signed_up': True, 'utm_campaign': ABSENT,
    }  # fmt: skip
    assert mapping.encode('create', 'organization', fields, {}, CATALOGUE) == {
        'name': 'Brightwell',
        'owner_id': 31,
        'address': {'value': 'United Kingdom'},
        'custom_fields': {
            CODES['hermes_id']: '55', CODES['paid_invoice_count']: '5', CODES['price_plan']: 17,
            CODES['pay0_dt']: '2026-03-01', CODES['has_signed_up']: 'true',
        },
    }  # fmt: skip


@pytest.mark.lesson('E-29')
def test_what_is_unset_is_never_zero() -> None:
    fields = compute('company', Plain({'name': 'Brightwell'}))
    assert mapping.encode('create', 'organization', fields, {}, CATALOGUE) == {
        'name': 'Brightwell', 'custom_fields': {CODES['hermes_id']: '55'},
    }  # fmt: skip


def test_the_address_is_written_on_creation_only() -> None:
    assert mapping.encode('update', 'organization', {'country': 'FR', 'name': 'B'}, {}, CATALOGUE) == {'name': 'B'}


@pytest.mark.lesson('E-14')
def test_references_go_out_as_numbers() -> None:
    view = Plain({'title': 'B', 'status': 'open'}, remotes={'company_id': '12', 'pipeline_id': '2', 'stage_id': '7'})
    assert mapping.encode('create', 'deal', compute('deal', view), {}, CATALOGUE) == {
        'title': 'B', 'status': 'open', 'org_id': 12, 'pipeline_id': 2, 'stage_id': 7,
        'custom_fields': {CODES['deal_hermes_id']: '55'},
    }  # fmt: skip


@pytest.mark.lesson('B-6')
def test_owner_pipeline_stage_and_title_are_written_on_creation_only() -> None:
    later = {one.key for one in mapping.outgoing('deal', CATALOGUE) if one.when != 'create'}
    assert later == {'status', 'hermes_id', 'website', 'support_person_id'}


def test_inherited_fields_reach_open_deals_only() -> None:
    told = {'website': 'https://b.example', 'status': 'open', 'support_person_id': 40}
    fields = compute('deal', Plain(told))
    assert (fields['website'], fields['support_person_id']) == ('https://b.example', 40)
    nobody = Plain(told | {'support_person_id': None})
    assert compute('deal', nobody)['support_person_id'] is None
    without_id = Plain(told | {'company.support_person_id': 7})
    assert compute('deal', without_id)['support_person_id'] == ABSENT
    closed = compute('deal', Plain(told | {'status': 'won'}))
    assert (closed['website'], closed['support_person_id']) == (ABSENT, ABSENT)


EMAILS = [
    {'value': 'home@ada.example', 'label': 'home', 'primary': False},
    {'value': 'ada@old.example', 'label': 'work', 'primary': True},
]


@pytest.mark.lesson('E-21', 'C-6')
def test_lists_go_whole_with_only_our_entry_changed() -> None:
    basis = {'emails': EMAILS, 'email': 'ada@old.example', 'phones': [], 'phone': None}
    body = mapping.encode('update', 'person', {'email': 'ada@new.example', 'phone': '1'}, basis, CATALOGUE)
    assert body == {
        'emails': [EMAILS[0], EMAILS[1] | {'value': 'ada@new.example'}],
        'phones': [{'value': '1', 'label': 'work', 'primary': True}],
    }


@pytest.mark.lesson('E-26')
def test_no_null_goes_out_for_a_missing_email() -> None:
    assert mapping.encode('create', 'person', {'last_name': 'Ng', 'email': None, 'phone': None}, {}, CATALOGUE) == {
        'name': 'Ng'
    }
    basis = {'emails': EMAILS, 'email': 'ada@old.example'}
    assert mapping.encode('update', 'person', {'email': None}, basis, CATALOGUE) == {
        'emails': [EMAILS[0] | {'primary': True}]
    }


def test_one_name_part_goes_out_with_the_other() -> None:
    basis = {'first_name': 'Ada', 'last_name': 'Lopez'}
    assert mapping.encode('update', 'person', {'last_name': 'Ito'}, basis, CATALOGUE) == {'name': 'Ada Ito'}


def test_a_new_person_has_a_name_without_an_email() -> None:
    fields = compute('contact', Plain({'first_name': 'Mary Ann', 'last_name': 'Lee'}, remotes={'company_id': '12'}))
    assert (fields['name'], fields['first_name'], fields['last_name']) == ('Mary Ann Lee', 'Mary', 'Ann Lee')
    assert mapping.encode('create', 'person', fields, {}, CATALOGUE) == {
        'name': 'Mary Ann Lee', 'org_id': 12, 'custom_fields': {CODES['contact_id']: 55},
    }  # fmt: skip
    assert mapping.encode('create', 'person', {'name': 'a@b.example'}, {}, CATALOGUE) == {'name': 'a@b.example'}


def test_every_read_is_declared() -> None:
    for record_type, linked in (('company', 'Company'), ('contact', 'Contact'), ('deal', 'Deal')):
        for one in mapping.outgoing(record_type, CATALOGUE):
            view = Plain({'status': 'open', 'name': 'x'})
            one.compute(view)
            for name in view.read:
                told = name.replace('company.', 'Company.') if '.' in name else f'{linked}.{name}'
                assert told in one.inputs, (record_type, one.key, told)


def test_a_field_with_a_problem_is_skipped() -> None:
    broken = Catalogue((CustomField('x', 'X', 'str', 'Company', '', '', CODE, problem='gone from the CRM'),))
    assert 'x' not in {one.key for one in mapping.outgoing('company', broken)}
    assert mapping.encode('update', 'organization', {'x': 'y'}, {}, broken) == {}
