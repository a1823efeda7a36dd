"""What Pipedrive sends and answers, and what Hermes sees in it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain.errors import Unparseable
from hermes.domain.model import SETTLED, UNSETTLED, Element, Event, Observation, RemoteRef, Version
from hermes.ports import Op, System
from hermes.systems.pipedrive import inbound
from hermes.systems.pipedrive.system import Pipedrive
from tests.systems.support import ANY_JSON, ARRIVED, CATALOGUE, CODES, answered, fixture, seconds, webhook
from tests.thorough import examples

PIPEDRIVE: System = Pipedrive('not-a-token')


def see(told: Any) -> Element:
    (element,) = PIPEDRIVE.observe(told if isinstance(told, Event) else webhook('pipedrive', told), CATALOGUE)
    return element


def only(told: Any) -> Observation:
    element = see(told)
    assert not element.ignored
    assert not element.unparseable
    (observation,) = element.observations
    return observation


def pd(remote_type: str, remote_id: str) -> RemoteRef:
    return RemoteRef('pipedrive', remote_type, remote_id)


ORGANIZATION = {
    'name': 'Brightwell Tutors',
    'country': 'GB',
    'address': {'value': '4 Mill Lane, Leeds, United Kingdom', 'country': 'United Kingdom', 'locality': 'Leeds'},
    'sales_person_id': 31,
    'hermes_id': [55, 53],
    'website': 'https://brightwell.example',
    'paid_invoice_count': 5,
    'price_plan': 'startup',
}


@pytest.mark.lesson('D-1')
def test_an_organisation_changes() -> None:
    seen = only(fixture('pipedrive', 'organization_change'))
    at = seconds('2026-03-02T09:30:05')
    assert seen == Observation(
        pd('organization', '12'), 'state', Version(at, at * 1000 + 812), ORGANIZATION, 'webhook', 'change',
        correlation='c-12',
    )  # fmt: skip


@pytest.mark.behaviour('D-10', 'D-12')
@pytest.mark.parametrize(
    ('told', 'wanted'), [(31, {'support_person_id': 31}), (0, {}), (None, {'support_person_id': None})]
)
def test_an_admins_zero_says_nothing_and_null_clears(told: int | None, wanted: dict[str, Any]) -> None:
    hook, rest = fixture('pipedrive', 'organization_change'), fixture('pipedrive', 'rest_organization')
    code = CODES['support_person_id']
    hook['data']['custom_fields'][code] = None if told is None else {'type': 'user', 'id': told}
    rest['data']['custom_fields'][code] = told
    for seen in (only(hook), only(answered('pipedrive', 'read', 'read', 'organization', rest))):
        assert {key: value for key, value in seen.fields.items() if key == 'support_person_id'} == wanted


@pytest.mark.lesson('D-5')
def test_rest_and_webhook_say_the_same() -> None:
    told = answered('pipedrive', 'read', 'read', 'organization', fixture('pipedrive', 'rest_organization'))
    assert only(told).fields == only(fixture('pipedrive', 'organization_change')).fields


@pytest.mark.parametrize(
    ('date', 'sub'), [('Mon, 02 Mar 2026 09:30:07 GMT', SETTLED), ('Mon, 02 Mar 2026 09:30:06 GMT', UNSETTLED)]
)
def test_a_read_is_settled_when_its_second_is_over(date: str, sub: int) -> None:
    body = fixture('pipedrive', 'rest_organization')
    seen = only(answered('pipedrive', 'read', 'read', 'organization', body, date=date))
    assert (seen.version, seen.origin) == (Version(seconds('2026-03-02T09:30:05'), sub), 'read')


@pytest.mark.parametrize('op', ['create', 'update'])
def test_the_answer_to_a_write_is_never_settled(op: Op) -> None:
    body = fixture('pipedrive', 'rest_organization')
    seen = only(answered('pipedrive', 'answer', op, 'organization', body, date='Mon, 02 Mar 2026 10:30:07 GMT'))
    assert seen.version == Version(seconds('2026-03-02T09:30:05'), UNSETTLED)
    assert (seen.origin, seen.action, seen.by_api) == ('answer', op, True)


@pytest.mark.lesson('B-10')
def test_an_organisation_is_deleted() -> None:
    seen = only(fixture('pipedrive', 'organization_delete'))
    at = seconds('2026-03-02T10:00:00')
    assert (seen.kind, seen.version, seen.fields) == ('deleted', Version(at, at * 1000 + 250), {})


def test_an_organisation_is_merged_into_another() -> None:
    gone = only(fixture('pipedrive', 'organization_merged_away'))
    kept = only(fixture('pipedrive', 'organization_merge_survivor'))
    assert (gone.kind, gone.ref.remote_id, gone.merged_into) == ('merged', '12', '15')
    assert (kept.kind, kept.ref.remote_id, kept.merged_from) == ('state', '15', '12')
    assert kept.fields['address'] is None
    assert 'country' not in kept.fields
    assert 'website' not in kept.fields


@pytest.mark.lesson('E-22')
def test_a_person_is_created() -> None:
    seen = only(fixture('pipedrive', 'person_create'))
    assert (seen.origin, seen.by_api, seen.parent) == ('created', True, pd('organization', '12'))
    assert seen.fields == {
        'name': 'Ada  Lopez Ortiz',
        'first_name': 'Ada',
        'last_name': 'Lopez Ortiz',
        'emails': [
            {'value': 'home@ada.example', 'label': 'home', 'primary': False},
            {'value': 'ada@brightwell.example', 'label': 'work', 'primary': True},
        ],
        'email': 'ada@brightwell.example',
        'phones': [{'value': '+44 113 496 0000', 'label': 'work', 'primary': True}],
        'phone': '+44 113 496 0000',
        'company_id': '12',
        'owner_id': 31,
    }


def test_a_single_word_is_the_last_name() -> None:
    told = fixture('pipedrive', 'person_create')
    told['data']['name'] = 'Cher'
    assert (only(told).fields['first_name'], only(told).fields['last_name']) == (None, 'Cher')


@pytest.mark.lesson('E-24')
def test_a_person_without_a_name_says_nothing_about_it() -> None:
    told = fixture('pipedrive', 'person_create')
    for key in ('name', 'first_name', 'last_name', 'emails'):
        del told['data'][key]
    assert {'name', 'first_name', 'last_name', 'email', 'emails'}.isdisjoint(only(told).fields)


@pytest.mark.lesson('D-8')
def test_a_list_of_one_organisation_is_that_organisation() -> None:
    told = fixture('pipedrive', 'person_create')
    told['data']['org_id'] = [12]
    assert only(told).fields['company_id'] == '12'


def test_a_deal_without_an_update_time_takes_the_delivery_time() -> None:
    seen = only(fixture('pipedrive', 'deal_create'))
    at = seconds('2026-03-02T09:32:10')
    assert (seen.version, seen.parent) == (Version(at, at * 1000 + 500), pd('organization', '12'))
    assert seen.fields == {
        'title': 'Brightwell', 'status': 'open', 'company_id': '12', 'contact_id': None, 'pipeline_id': '2',
        'stage_id': '7', 'admin_id': 31,
    }  # fmt: skip


def test_a_pipeline_is_archived_and_a_stage_deleted() -> None:
    assert only(fixture('pipedrive', 'pipeline_change')).fields == {'name': 'PAYG', 'archived': True}
    stage = only(fixture('pipedrive', 'stage_delete'))
    assert (stage.kind, stage.fields) == ('deleted', {'archived': True})


def test_a_user_leaves() -> None:
    seen = only(fixture('pipedrive', 'user_change'))
    assert (seen.ref, seen.kind) == (pd('user', '31'), 'state')
    assert seen.version == Version(seconds('2026-03-02T09:32:40'), 1772443960000)
    assert seen.fields == {
        'name': 'Rosa Quill', 'first_name': 'Rosa', 'last_name': 'Quill', 'email': 'rosa@hermes.example',
        'active': False,
    }  # fmt: skip


@pytest.mark.lesson('L-4')
def test_what_nobody_needs_is_ignored_with_a_reason() -> None:
    assert '"note"' in see(fixture('pipedrive', 'note_change')).ignored


def test_a_listing_is_one_element_an_item() -> None:
    event = answered('pipedrive', 'page', 'list', 'deal', fixture('pipedrive', 'rest_deals_page'))
    won, gone = (element.observations[0] for element in PIPEDRIVE.observe(event, CATALOGUE))
    assert (won.kind, won.origin, won.fields['status'], won.parent) == (
        'state', 'page', 'won', pd('organization', '12')
    )  # fmt: skip
    assert (gone.kind, gone.fields['status'], gone.parent) == ('deleted', 'deleted', None)
    assert gone.version == Version(seconds('2026-03-01T09:32:10'), SETTLED)


def test_our_deletion_and_a_missing_object() -> None:
    deleted = only(
        answered('pipedrive', 'answer', 'delete', 'deal', {'success': True, 'data': {'id': 91}}, remote_id='91')
    )
    missing = only(answered('pipedrive', 'read', 'read', 'deal', {'success': False}, status=404, remote_id='91'))
    at = Version(seconds('2026-03-02T09:30:06'), UNSETTLED)
    assert (deleted.kind, deleted.ref, deleted.version) == ('deleted', pd('deal', '91'), at)
    assert (missing.kind, missing.ref, missing.version) == ('missing', pd('deal', '91'), at)


@pytest.mark.parametrize('status', [400, 401, 404, 429, 500, None])
def test_a_failed_write_says_nothing_about_the_object(status: int | None) -> None:
    event = answered('pipedrive', 'answer', 'update', 'organization', {'success': False}, status=status)
    assert PIPEDRIVE.observe(event, CATALOGUE) == ()


@pytest.mark.lesson('F-9')
def test_an_empty_body_says_nothing() -> None:
    assert PIPEDRIVE.observe(answered('pipedrive', 'answer', 'create', 'deal', b''), CATALOGUE) == ()


@pytest.mark.lesson('L-5')
def test_format_one_is_still_read() -> None:
    person = only(fixture('pipedrive', 'legacy_person_updated'))
    assert person.fields['email'] == 'ada@brightwell.example'
    assert (person.fields['phone'], person.fields['company_id'], person.fields['hermes_id']) == (None, '12', [55])
    assert person.version == Version(seconds('2026-03-02T09:31:40'), 1772443900000)
    organization = only(fixture('pipedrive', 'legacy_organization_updated'))
    assert organization.fields['country'] == 'FR'
    assert (organization.fields['price_plan'], organization.fields['website']) == ('startup', None)
    assert organization.by_api


@pytest.mark.parametrize(
    ('told', 'ids'),
    [('55, 53', [55, 53]), ('55', [55]), (55, [55]), (55.0, [55]), (None, []), ('', []), ('x', []), ('55;55', [55])],
)
@pytest.mark.lesson('D-1', 'D-4')
def test_a_hub_id_may_be_a_list(told: Any, ids: list[int]) -> None:
    body = fixture('pipedrive', 'rest_organization')
    body['data']['custom_fields'][CODES['hermes_id']] = told
    assert only(answered('pipedrive', 'read', 'read', 'organization', body)).fields['hermes_id'] == ids


def test_absent_null_and_a_value_are_three_things() -> None:
    told = fixture('pipedrive', 'organization_change')
    del told['data']['custom_fields'][CODES['website']]
    assert 'website' not in only(told).fields
    told['data']['custom_fields'][CODES['website']] = None
    assert only(told).fields['website'] is None
    told['data']['custom_fields'][CODES['website']] = {'type': 'varchar', 'value': ' '}
    assert only(told).fields['website'] is None


@pytest.mark.parametrize('missing', ['entity', 'timestamp', 'entity_id', 'action'])
def test_a_delivery_with_a_hole_is_told_plainly(missing: str) -> None:
    told = fixture('pipedrive', 'deal_create')
    del told['meta'][missing]
    if missing == 'entity_id':
        del told['data']['id']
    if missing == 'entity':
        with pytest.raises(Unparseable, match='entity'):
            see(told)
    else:
        element = see(told)
        assert element.unparseable or element.ignored


def test_dedupe_keys() -> None:
    first = fixture('pipedrive', 'organization_change')
    again = json.loads(json.dumps(first))
    again['meta']['attempt'] = 3
    assert inbound.dedupe_key(first) == inbound.dedupe_key(again)
    again['meta']['timestamp'] = '2026-03-02T09:30:05.813Z'
    assert inbound.dedupe_key(first) != inbound.dedupe_key(again)
    user, later = fixture('pipedrive', 'user_change'), fixture('pipedrive', 'user_change')
    later['data']['active_flag'] = True
    assert inbound.dedupe_key(user) != inbound.dedupe_key(later)
    del first['meta']['timestamp']
    assert inbound.dedupe_key(first) is None
    assert inbound.dedupe_key(['nonsense']) is None


KEYS = ['id', 'name', 'owner_id', 'address', 'org_id', 'person_id', 'emails', 'phones', 'update_time', 'modified',
        'status', 'title', 'pipeline_id', 'active_flag', 'is_deleted', 'custom_fields', 'email', 'phone']  # fmt: skip
CUSTOM = st.dictionaries(
    st.sampled_from(list(CODES.values())),
    ANY_JSON
    | st.fixed_dictionaries(
        {'type': st.sampled_from(['varchar', 'double', 'enum', 'set', 'user', 'org', 'time', 'daterange', 'address'])},
        optional={key: ANY_JSON for key in ('value', 'id', 'values', 'from', 'until')},
    ),
    max_size=4,
)
DATA = ANY_JSON | st.builds(
    lambda fields, custom: fields | {'custom_fields': custom},
    st.dictionaries(st.sampled_from(KEYS), ANY_JSON, max_size=8),
    CUSTOM,
)
META = st.fixed_dictionaries(
    {'entity': st.sampled_from(['organization', 'person', 'deal', 'stage', 'user', 'pipeline'])},
    optional={
        'action': st.sampled_from(['create', 'change', 'delete']) | ANY_JSON,
        'timestamp': st.just('2026-03-02T09:30:05.813Z') | ANY_JSON,
        'entity_id': ANY_JSON,
        'merged_to_id': ANY_JSON,
        'correlation_id': ANY_JSON,
    },
)


@given(payload=ANY_JSON | st.fixed_dictionaries({'meta': META | ANY_JSON, 'data': DATA, 'previous': ANY_JSON}))
@settings(max_examples=examples(300), deadline=None)
def test_any_json_is_seen_ignored_or_unparseable(payload: Any) -> None:
    body = json.dumps(payload).encode()
    inbound.dedupe_key(payload)
    try:
        elements = PIPEDRIVE.observe(webhook('pipedrive', body), CATALOGUE)
    except Unparseable:
        return
    for element in elements:
        for seen in element.observations:
            stored = json.dumps(dict(seen.fields), ensure_ascii=False, allow_nan=False)
            stored.encode()
            assert '\x00' not in stored
            assert '\\u0000' not in stored


@given(op=st.sampled_from(['read', 'list', 'create', 'users', 'me']), kind=st.sampled_from(['read', 'page', 'answer']),
       told=ANY_JSON | st.fixed_dictionaries({'data': DATA | st.lists(DATA, max_size=2)}),
       remote_type=st.sampled_from(['organization', 'person', 'user']))  # fmt: skip
@settings(max_examples=examples(200), deadline=None)
def test_any_answer_is_seen_or_unparseable(op: Op, kind: str, told: Any, remote_type: str) -> None:
    try:
        PIPEDRIVE.observe(answered('pipedrive', kind, op, remote_type, told), CATALOGUE)
    except Unparseable:
        return


@given(body=st.binary(max_size=60), kind=st.sampled_from(['webhook', 'answer', 'page', 'other']))
def test_any_bytes_are_unparseable_at_worst(body: bytes, kind: str) -> None:
    try:
        PIPEDRIVE.observe(Event(1, 'pipedrive', kind, body, ARRIVED), CATALOGUE)
    except Unparseable:
        return
