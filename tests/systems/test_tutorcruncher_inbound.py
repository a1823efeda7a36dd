"""What TutorCruncher sends and answers, and what Hermes sees in it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain.errors import Unparseable
from hermes.domain.model import UNSETTLED, Element, Event, Fetch, Observation, RemoteRef, Version
from hermes.ports import System
from hermes.systems.tutorcruncher.door import dedupe_key
from hermes.systems.tutorcruncher.system import TutorCruncher
from tests.systems.support import ANY_JSON, ARRIVED, CATALOGUE, answered, fixture, seconds, webhook
from tests.thorough import examples

TUTORCRUNCHER: System = TutorCruncher('not-a-key')
AT = Version(seconds('2026-03-02T09:30:00'), 250_000)


def observe(told: Any) -> list[Element]:
    event = told if isinstance(told, Event) else webhook('tutorcruncher', told)
    return list(TUTORCRUNCHER.observe(event, CATALOGUE))


def client(**agency: Any) -> dict[str, Any]:
    """Fields of the client of the usual delivery, with some of its `meta_agency` said otherwise."""
    told = fixture('tutorcruncher', 'client_edited')
    told['events'][0]['subject']['meta_agency'] |= agency
    return dict(observe(told)[0].observations[0].fields)


def tc(remote_type: str, remote_id: int) -> RemoteRef:
    return RemoteRef('tutorcruncher', remote_type, str(remote_id))


CLIENT = {
    'tc2_agency_id': 501,
    'name': 'Brightwell Tutors',
    'country': 'GB',
    'website': 'https://Brightwell.example',
    'tc2_status': 'trial',
    'paid_invoice_count': 0,
    'created': '2026-03-02',
    'price_plan': 'startup',
    'price_plan_unknown': None,
    'narc': False,
    'signup_questionnaire': '{"how": "a friend", "subjects": ["maths"]}',
    'pay0_dt': None,
    'card_saved_dt': '2026-03-02',
    'email_confirmed_dt': '2026-03-02',
    'gclid': 'CjwKCAiA',
    'gclid_expiry_dt': None,
    'sales_person_id': 9,
    'support_person_id': None,
    'user_email': 'owner@brightwell.example',
    'user_first_name': 'Ada',
    'user_last_name': 'Lopez',
    'user_phone': '+44 113 496 0001',
    'utm_source': None,
    'utm_campaign': 'Spring-Sale',
    'estimated_income': '1000-5000',
    'pipedrive_id': '12',
    'extra_attrs.estimated_monthly_income': '1000-5000',
    'extra_attrs.pipedrive_id': '12',
    'extra_attrs.website': 'https://Brightwell.example',
}


@pytest.mark.lesson('E-1', 'E-18', 'E-27', 'E-19')
def test_a_client_with_its_recipients() -> None:
    (element,) = observe(fixture('tutorcruncher', 'client_edited'))
    company, ada, ben = element.observations
    assert company == Observation(
        tc('client', 77), 'state', AT, CLIENT, 'webhook', 'EDITED_A_CLIENT',
        children=(tc('recipient', 301), tc('recipient', 302)),
    )  # fmt: skip
    assert (ada.ref, ada.parent, ada.version) == (tc('recipient', 301), tc('client', 77), AT)
    phone = '+44 113 496 0001'
    assert ada.fields == {
        'first_name': 'Ada', 'last_name': 'Lopez', 'email': 'owner@brightwell.example', 'phone': phone,
    }  # fmt: skip
    assert ben.fields == {'first_name': 'Ben', 'last_name': 'Ito', 'email': None, 'phone': phone}


@pytest.mark.lesson('E-4', 'E-6', 'E-7', 'E-8')
def test_every_event_of_a_body_stands_alone() -> None:
    terms, deleted, invoice, service, nameless, nonsense, cobalt, recovered = observe(fixture('tutorcruncher', 'batch'))
    assert 'meta_agency' in terms.ignored
    assert deleted.observations == (Observation(tc('client', 79), 'deleted', AT, action='DELETED_A_CLIENT'),)
    assert invoice.fetch == (Fetch(tc('client', 80), 'an invoice of this client changed'),)
    assert 'Service' in service.ignored
    assert 'model' in nameless.ignored
    assert nonsense.unparseable
    assert cobalt.observations[0].fields == {'tc2_agency_id': 502, 'name': 'Cobalt'}
    assert cobalt.observations[0].children is None
    assert recovered.observations[0].kind == 'recovered'
    assert recovered.observations[0].version == Version(1772443801, 0)


def test_a_fetched_client_is_read_by_the_same_code() -> None:
    body = fixture('tutorcruncher', 'client_fetched')
    (element,) = observe(answered('tutorcruncher', 'read', 'read', 'client', body, remote_id='77'))
    company = element.observations[0]
    assert (company.fields, company.origin) == (CLIENT, 'read')
    assert company.version == Version(seconds('2026-03-02T09:30:06'), UNSETTLED)


def test_a_client_that_is_not_there_and_failed_calls() -> None:
    (missing,) = observe(answered('tutorcruncher', 'read', 'read', 'client', {}, status=404, remote_id='77'))
    assert (missing.observations[0].kind, missing.observations[0].ref) == ('missing', tc('client', 77))
    assert observe(answered('tutorcruncher', 'read', 'read', 'client', {}, status=500)) == []
    assert observe(answered('tutorcruncher', 'read', 'read', 'client', b'')) == []


def test_a_page_asks_for_its_clients() -> None:
    page = answered('tutorcruncher', 'page', 'list', 'client', fixture('tutorcruncher', 'clients_page'))
    assert [element.fetch[0].ref for element in observe(page)] == [tc('client', 77), tc('client', 78)]


@pytest.mark.lesson('E-3')
@pytest.mark.parametrize(
    ('told', 'plan', 'unknown'),
    [
        ('monthly-payg', 'payg', None),
        ('PAYG', 'payg', None),
        ('1-basic', 'payg', '1-basic'),
        ('annual-Enterprise', 'enterprise', None),
    ],
)
def test_price_plans(told: str, plan: str, unknown: str | None) -> None:
    fields = client(price_plan=told)
    assert (fields['price_plan'], fields.get('price_plan_unknown')) == (plan, unknown)


@pytest.mark.parametrize(
    ('told', 'day'),
    [(1772443900, '2026-03-02'), (1772443900123, '2026-03-02'), ('2026-03-01T23:30:00-05:00', '2026-03-02'),
     ('2026-03-02', '2026-03-02'), ('2026-03-02T00:00:00Z', '2026-03-02'), (None, None), ('', None)],
)  # fmt: skip
@pytest.mark.lesson('E-16')
def test_dates_are_utc_dates(told: Any, day: str | None) -> None:
    assert client(created=told)['created'] == day


@pytest.mark.parametrize(
    ('told', 'code'), [('United Kingdom (GB)', 'GB'), ('France', 'FR'), ('us', 'US'), (None, None), ('USA', 'US')]
)
def test_countries(told: str | None, code: str | None) -> None:
    assert client(country=told)['country'] == code


def test_what_cannot_be_read_says_nothing() -> None:
    fields = client(country='Narnia', created='soon', paid_invoice_count=[], name={'x': 1}, narc='perhaps')
    assert {'country', 'created', 'paid_invoice_count', 'name', 'narc'}.isdisjoint(fields)
    assert client(name=2024)['name'] == '2024'
    assert client(name='‏שלום' + 'x' * 300)['name'].endswith('x' * 300)


@pytest.mark.parametrize(
    ('told', 'text'), [('as is ', 'as is'), (None, None), ({'b': 1, 'a': []}, '{"a": [], "b": 1}')]
)
def test_the_questionnaire_is_json_text(told: Any, text: str | None) -> None:
    assert client(signup_questionnaire=told)['signup_questionnaire'] == text


@pytest.mark.lesson('E-5')
@pytest.mark.parametrize('user', [None, {}, {'email': None}, 'nobody', []])
def test_a_user_without_email_is_fine(user: Any) -> None:
    told = fixture('tutorcruncher', 'client_edited')
    told['events'][0]['subject']['user'] = user
    _, ada, _ = observe(told)[0].observations
    assert ada.fields['email'] is None
    assert ada.fields.get('phone') is None
    told['events'][0]['subject']['email'] = 'top@brightwell.example'
    assert observe(told)[0].observations[1].fields['email'] == 'top@brightwell.example'


def test_an_unreadable_recipient_makes_the_list_incomplete() -> None:
    told = fixture('tutorcruncher', 'client_edited')
    told['events'][0]['subject']['paid_recipients'].append({'first_name': 'no id'})
    company, *people = observe(told)[0].observations
    assert company.children is None
    assert len(people) == 2
    told['events'][0]['subject']['paid_recipients'] = []
    assert observe(told)[0].observations[0].children == ()


def test_extra_attributes_never_overrule_the_agency() -> None:
    told = fixture('tutorcruncher', 'client_edited')
    told['events'][0]['subject']['meta_agency']['website'] = 'https://agency.example'
    assert observe(told)[0].observations[0].fields['website'] == 'https://agency.example'


@pytest.mark.parametrize(
    'body', [b'', b'nope', b'[]', b'{}', b'{"events": {}}', b'{"events": NaN}', b'"\xff"', b'[' * 9999]
)
def test_an_unknown_shape_is_unparseable(body: bytes) -> None:
    with pytest.raises(Unparseable):
        observe(Event(1, 'tutorcruncher', 'webhook', body, ARRIVED))


def test_the_same_body_is_the_same_delivery() -> None:
    assert dedupe_key(b'{}', {}) == dedupe_key(b'{}', {}) != dedupe_key(b'{ }', {})


AGENCY_KEYS = ['id', 'name', 'country', 'website', 'status', 'paid_invoice_count', 'created', 'price_plan', 'narc',
               'signup_questionnaire', 'pay0_dt', 'gclid']  # fmt: skip
SUBJECT = st.fixed_dictionaries(
    {'model': st.sampled_from(['Client', 'Invoice', 'Service'])},
    optional={
        'id': st.integers() | ANY_JSON,
        'meta_agency': ANY_JSON | st.dictionaries(st.sampled_from(AGENCY_KEYS), ANY_JSON),
        'user': ANY_JSON,
        'sales_person': ANY_JSON,
        'client': ANY_JSON,
        'paid_recipients': ANY_JSON
        | st.lists(st.fixed_dictionaries({'id': st.integers()}, optional={'email': ANY_JSON})),
        'extra_attrs': ANY_JSON
        | st.lists(
            st.fixed_dictionaries({'machine_name': st.sampled_from(['website', 'pipedrive_id']), 'value': ANY_JSON})
        ),
    },
)
EVENTS = st.lists(
    st.fixed_dictionaries({'subject': SUBJECT | ANY_JSON}, optional={'action': ANY_JSON, 'timestamp': ANY_JSON}),
    max_size=3,
)


@given(payload=ANY_JSON | st.fixed_dictionaries({'events': EVENTS | ANY_JSON}, optional={'request_time': ANY_JSON}))
@settings(max_examples=examples(300), deadline=None)
def test_any_json_is_seen_ignored_or_unparseable(payload: Any) -> None:
    body = json.dumps(payload).encode()
    for event in (
        Event(1, 'tutorcruncher', 'webhook', body, ARRIVED),
        answered('tutorcruncher', 'read', 'read', 'client', payload),
    ):
        try:
            elements = observe(event)
        except Unparseable:
            continue
        for element in elements:
            for seen in element.observations:
                stored = json.dumps(dict(seen.fields), ensure_ascii=False, allow_nan=False)
                stored.encode()
                assert '\\u0000' not in stored
