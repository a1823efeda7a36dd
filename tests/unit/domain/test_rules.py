"""Rules over a company: when a deal is made, when deals are lost, and that a second run changes nothing."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain.model import NO_CLAIMS, Record, RecordRef, Value
from hermes.domain.rules import Ruled, rules
from tests.thorough import examples
from tests.unit.domain.office import CLIENT, COMPANY, ORG, SOLD_BY, context, graph_of, mirror_of, sight

NEW = {
    'name': 'Ember',
    'tc2_status': 'trial',
    'paid_invoice_count': 0,
    'created': '2026-02-20',
    'sales_person_id': SOLD_BY,
    'price_plan': 'payg',
    'narc': False,
}
HERE = context(default_sales_person_id=2)


def product(**said: Value):
    return mirror_of(CLIENT, COMPANY, sight(CLIENT, 100, **said))


def deal(number: int, status: str, **fields: Value) -> Record:
    return Record(
        RecordRef('deal', number), {'status': status, 'company_id': COMPANY.id, **fields}, company_id=COMPANY.id
    )


def statuses(graph) -> list[Value]:
    return [each.fields['status'] for each in graph.children(COMPANY.id, 'deal')]


@pytest.mark.behaviour('TC-5')
@pytest.mark.parametrize(
    ('fields', 'made'),
    [
        ({}, 1),
        ({'tc2_status': 'pending_email_conf'}, 1),
        ({'tc2_status': 'live'}, 0),
        ({'tc2_status': None}, 0),
        ({'paid_invoice_count': 1}, 0),
        ({'paid_invoice_count': None}, 1),
        ({'created': '2025-12-03'}, 1),
        ({'created': '2025-12-02'}, 0),
        ({'created': None}, 0),
        ({'sales_person_id': None}, 0),
        ({'narc': True}, 0),
    ],
)
def test_when_a_new_company_gets_a_deal(fields: dict[str, Value], made: int) -> None:
    record = Record(COMPANY, {**NEW, **fields})
    graph = graph_of(record, product())
    rules(graph, COMPANY.id, None, True, HERE)
    assert len(statuses(graph)) == made
    assert rules(graph, COMPANY.id, graph.records[COMPANY], True, HERE).changes == []


@pytest.mark.behaviour('TC-5', 'TC-6')
@pytest.mark.parametrize('status', ['open', 'lost', 'won', 'deleted'])
def test_no_second_deal_whatever_became_of_the_first(status: str) -> None:
    graph = graph_of(Record(COMPANY, NEW), product(), deal(1_002, status))
    rules(graph, COMPANY.id, None, True, HERE)
    assert statuses(graph) == [status]


@pytest.mark.behaviour('TC-5')
def test_no_deal_for_a_company_that_is_not_new_here_or_not_from_tc2() -> None:
    graph = graph_of(Record(COMPANY, NEW), product())
    rules(graph, COMPANY.id, None, False, HERE)
    assert statuses(graph) == []
    graph = graph_of(Record(COMPANY, NEW))
    rules(graph, COMPANY.id, None, True, HERE)
    assert statuses(graph) == []


@pytest.mark.behaviour('TC-5')
def test_the_deal_says_what_it_should() -> None:
    contact = Record(RecordRef('contact', 1_001), {'last_name': 'Okafor'}, company_id=COMPANY.id)
    graph = graph_of(Record(COMPANY, NEW), contact, product())
    rules(graph, COMPANY.id, None, True, HERE)
    [made] = graph.children(COMPANY.id, 'deal')
    place = {name: made.fields[name] for name in ('title', 'pipeline_id', 'stage_id', 'admin_id', 'contact_id')}
    assert place == {'title': 'Ember', 'pipeline_id': 20, 'stage_id': 30, 'admin_id': SOLD_BY, 'contact_id': 1_001}


@pytest.mark.behaviour('D-8')
def test_a_missing_pipeline_is_named_instead_of_guessed() -> None:
    graph = graph_of(Record(COMPANY, NEW), product())
    told = rules(graph, COMPANY.id, None, True, context(payg_pipeline_id=99))
    assert statuses(graph) == []
    assert 'payg_pipeline_id' in told.warnings[0]


@pytest.mark.behaviour('TC-7')
def test_termination_loses_open_deals_once_at_the_change() -> None:
    ended = Record(COMPANY, {**NEW, 'tc2_status': 'terminated', 'paid_invoice_count': 3})
    graph = graph_of(ended, product(), deal(1_002, 'open'), deal(1_003, 'won'))
    rules(graph, COMPANY.id, Record(COMPANY, NEW), False, HERE)
    assert statuses(graph) == ['lost', 'won']
    reopened = replace(graph.records[RecordRef('deal', 1_002)], fields={'status': 'open'}, claims=NO_CLAIMS)
    graph.put_record(reopened)
    told = rules(graph, COMPANY.id, graph.records[COMPANY], False, HERE)
    assert statuses(graph) == ['open', 'won']
    assert not [change for change in told.changes if change.field == 'status']


@pytest.mark.behaviour('D-6')
@pytest.mark.parametrize(('paid', 'asked'), [(0, []), (2, ['narc'])])
def test_the_mark_loses_open_deals_and_asks_where_money_flowed(paid: int, asked: list[str]) -> None:
    marked = Record(COMPANY, {**NEW, 'narc': True, 'paid_invoice_count': paid})
    graph = graph_of(marked, product(), deal(1_002, 'open'))
    told = rules(graph, COMPANY.id, Record(COMPANY, NEW), False, HERE)
    assert statuses(graph) == ['lost']
    assert [decision.kind for decision in told.decisions] == asked


@pytest.mark.behaviour('D-16', 'D-17')
def test_what_nobody_knows_is_substituted_and_said_once() -> None:
    unknown = Record(COMPANY, {**NEW, 'sales_person_id': None})
    graph = graph_of(unknown, product(sales_person_id=999, price_plan_unknown='gold'))
    told = rules(graph, COMPANY.id, None, False, HERE)
    assert graph.records[COMPANY].fields['sales_person_id'] == 2
    assert graph.records[COMPANY].claims.substituted == {
        'sales_person_id': 'tutorcruncher 999',
        'price_plan': 'gold',
    }
    assert len(told.warnings) == 2
    assert rules(graph, COMPANY.id, unknown, False, HERE) == Ruled()


@pytest.mark.behaviour('FIELD-6', 'OUT-9')
def test_open_deals_show_their_own_companys_fields_and_closed_ones_keep_theirs() -> None:
    other = RecordRef('company', 2_000)
    strange = Record(RecordRef('deal', 2_002), {'status': 'open', 'company_id': other.id}, company_id=other.id)
    shown = Record(COMPANY, {**NEW, 'website': 'w', 'support_person_id': 2})
    graph = graph_of(
        shown, Record(other, {'website': 'o'}), deal(1_002, 'open'), deal(1_003, 'lost', website='old'), strange
    )
    rules(graph, COMPANY.id, shown, False, HERE)
    found = {
        record.ref.id: record.fields.get('website') for record in graph.records.values() if record.ref.type == 'deal'
    }
    assert found == {1_002: 'w', 1_003: 'old', 2_002: None}
    assert graph.records[RecordRef('deal', 1_002)].fields['support_person_id'] == 200


texts = st.sampled_from([None, 'a', 'terminated', 'trial'])


@settings(max_examples=examples(80), deadline=None)
@given(
    st.fixed_dictionaries({name: texts for name in ('name', 'tc2_status', 'website', 'price_plan')}),
    st.sampled_from([None, 1, 2, 9]),
    st.booleans(),
    st.lists(st.sampled_from(['open', 'lost', 'won']), max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_a_second_run_changes_nothing(
    fields: dict[str, Value], sold: int | None, narc: bool, deals: list[str], born: bool, linked: bool
) -> None:
    record = Record(COMPANY, {**NEW, **fields, 'sales_person_id': sold, 'narc': narc})
    mirrors = [product(sales_person_id=99), *([mirror_of(ORG, COMPANY, sight(ORG, 100, name='x'))] if linked else [])]
    graph = graph_of(record, *mirrors, *(deal(1_002 + place, status) for place, status in enumerate(deals)))
    rules(graph, COMPANY.id, None, born, HERE)
    again = rules(graph, COMPANY.id, graph.records[COMPANY], born, HERE)
    assert (again.changes, again.warnings) == ([], [])
