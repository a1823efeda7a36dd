"""What goes out: the difference only, what was declared only, and nothing once it stands there (OUT-1, OUT-2, I7)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain.fields import ABSENT
from hermes.domain.graph import Graph
from hermes.domain.history import fold
from hermes.domain.model import Claims, Mirror, Record, RecordRef, RemoteRef, Value
from hermes.domain.plan import Create, Delete, Noop, RecordView, Update, Wait, plan
from hermes.domain.record_types import Attribute
from hermes.ports import Outgoing
from hermes.systems.pipedrive.mapping import outgoing
from hermes.systems.tutorcruncher.mapping import outgoing as write_back
from tests.thorough import examples
from tests.unit.domain.histories import written
from tests.unit.domain.office import COMPANY, NOW, ORG, OTHER, SOLD_BY, context, graph_of, mirror_of, sight

CONTACT, DEAL = RecordRef('contact', 1_001), RecordRef('deal', 1_002)
REMOTE = {
    'company': ORG,
    'contact': RemoteRef('pipedrive', 'person', '77'),
    'deal': RemoteRef('pipedrive', 'deal', '88'),
}
HERE = context()
TABLES = {kind: outgoing(kind, HERE.catalogue) for kind in ('company', 'contact', 'deal')}
OWNED_BY_CRM = ('title', 'pipeline_id', 'stage_id', 'admin_id', 'company_id', 'contact_id')


def some(attribute: Attribute) -> st.SearchStrategy[Value]:
    """Values of an attribute, null among them."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        'str': st.sampled_from(['', ' ', 'a', 'Åsa Lind', 'word ' * 80, '2', 'null']),
        'int': st.integers(0, 9),
        'bool': st.booleans(),
        'date': st.dates().map(str),
        'json': st.just('{"a": 1}'),
        'admin': st.sampled_from([SOLD_BY, OTHER, 9]),
        'company': st.just(COMPANY.id),
        'contact': st.sampled_from([CONTACT.id, 9]),
        'pipeline': st.just(20),
        'stage': st.just(30),
    }
    return st.none() | kinds[attribute.type]


@st.composite
def records(draw: st.DrawFn, ref: RecordRef) -> Record:
    attributes = HERE.catalogue.attributes(ref.type)
    fields = {name: draw(some(attribute)) for name, attribute in sorted(attributes.items())}
    if ref.type == 'company':
        fields |= {'narc': False}
    if ref.type == 'deal':
        fields |= {'status': draw(st.sampled_from(['open', 'open', 'won', 'lost', 'deleted']))}
    return Record(ref, fields, company_id=None if ref.type == 'company' else COMPANY.id)


families = st.tuples(records(COMPANY), records(CONTACT), records(DEAL))


def linked(kind: str, *told: Any) -> Mirror:
    ref = {'company': COMPANY, 'contact': CONTACT, 'deal': DEAL}[kind]
    return mirror_of(REMOTE[kind], ref, *(told or (sight(REMOTE[kind], 1),)), ours=True)


def wanted(graph: Graph, ref: RecordRef) -> Any:
    return plan(graph, graph.records[ref], TABLES[ref.type], HERE)


@settings(max_examples=examples(60), deadline=None)
@given(families)
def test_every_input_of_an_outgoing_field_is_declared(family: tuple[Record, Record, Record]) -> None:
    graph = graph_of(*family, *(linked(kind) for kind in REMOTE))
    for record in family:
        for item in TABLES[record.ref.type]:
            view = RecordView(graph, record, HERE)
            item.compute(view)
            assert view.reads <= set(item.inputs), f'{item.key} reads more than it declares'


@settings(max_examples=examples(60), deadline=None)
@given(families)
def test_every_input_of_the_write_back_is_declared(family: tuple[Record, Record, Record]) -> None:
    ref = RemoteRef('tutorcruncher', 'client', '9')
    graph = graph_of(*family, mirror_of(ref, COMPANY, sight(ref, 1, **{'extra_attrs.currency': 'GBP'})))
    for item in write_back('company', HERE.catalogue, 'https://crm.example'):
        view = RecordView(graph, family[0], HERE, 'tutorcruncher')
        item.compute(view)
        assert view.reads <= set(item.inputs), f'{item.key} reads more than it declares'


@pytest.mark.invariant('I7')
@pytest.mark.behaviour('OUT-2', 'OUT-1')
@settings(max_examples=examples(60), deadline=None)
@given(families)
def test_what_was_sent_and_answered_is_not_sent_again(family: tuple[Record, Record, Record]) -> None:
    """A creation, an update: once its fields are folded back as the answer, nothing is left to do."""
    graph = graph_of(*family)
    for place, record in enumerate(family):
        first = wanted(graph, record.ref)
        if isinstance(first, Create):
            graph.put_mirror(linked(record.ref.type, sight(REMOTE[record.ref.type], 100, **first.fields)))
        else:
            graph.put_mirror(linked(record.ref.type, sight(REMOTE[record.ref.type], 100, status='open', name='old')))
        second = wanted(graph, record.ref)
        if isinstance(second, Update):
            answer = sight(REMOTE[record.ref.type], 200 + place, **second.fields)
            graph.put_mirror(fold(graph.mirrors[answer.ref], answer, NOW))
        assert isinstance(wanted(graph, record.ref), Noop)


@pytest.mark.behaviour('OUT-1')
@settings(max_examples=examples(60), deadline=None)
@given(families, st.data())
def test_only_what_differs_goes_out(family: tuple[Record, Record, Record], data: st.DataObject) -> None:
    graph = graph_of(*family, linked('company'))
    whole = wanted(graph, COMPANY)
    sent = dict(whole.fields) if isinstance(whole, Update) else {}
    held = data.draw(st.sets(st.sampled_from(sorted(sent)))) if sent else set()
    graph.put_mirror(linked('company', sight(ORG, 100, **{name: sent[name] for name in held})))
    rest = wanted(graph, COMPANY)
    assert (dict(rest.fields) if isinstance(rest, Update) else {}) == {
        name: value for name, value in sent.items() if name not in held
    }


def deal(**fields: Value) -> Record:
    told = {'title': 'Ember', 'status': 'open', 'pipeline_id': 20, 'stage_id': 30, 'admin_id': SOLD_BY, **fields}
    return Record(DEAL, {'company_id': COMPANY.id, **told}, company_id=COMPANY.id)


def company(**fields: Value) -> Record:
    return Record(COMPANY, {'name': 'Ember', **fields})


@pytest.mark.behaviour('OUT-11')
def test_the_crm_owns_a_deals_place_after_its_creation() -> None:
    graph = graph_of(company(), deal(), linked('company'))
    made = wanted(graph, DEAL)
    assert isinstance(made, Create)
    assert {'title', 'pipeline_id', 'stage_id', 'admin_id', 'company_id'} <= made.fields.keys()
    graph.put_mirror(linked('deal', sight(REMOTE['deal'], 100, status='open', **dict.fromkeys(OWNED_BY_CRM, 'other'))))
    later = wanted(graph, DEAL)
    assert isinstance(later, Update)
    assert not set(OWNED_BY_CRM) & later.fields.keys()


@pytest.mark.behaviour('OUT-9')
@pytest.mark.parametrize('status', ['won', 'lost', 'deleted'])
def test_a_closed_deal_receives_nothing(status: str) -> None:
    graph = graph_of(company(), deal(price_plan='payg'), linked('company'))
    graph.put_mirror(linked('deal', sight(REMOTE['deal'], 100, status=status, price_plan='startup')))
    assert isinstance(wanted(graph, DEAL), Noop)


@pytest.mark.behaviour('OUT-3')
def test_a_child_waits_for_its_parent_and_a_sibling_does_not() -> None:
    contact = Record(CONTACT, {'last_name': 'Okafor', 'company_id': COMPANY.id}, company_id=COMPANY.id)
    graph = graph_of(company(), contact, deal(), replace(deal(contact_id=CONTACT.id), ref=RecordRef('deal', 1_003)))
    assert isinstance(wanted(graph, CONTACT), Wait)
    graph.put_mirror(linked('company'))
    assert isinstance(wanted(graph, CONTACT), Create)
    assert isinstance(wanted(graph, DEAL), Create)
    assert isinstance(wanted(graph, RecordRef('deal', 1_003)), Wait)


@pytest.mark.behaviour('D-14')
@given(st.integers(240, 300))
def test_a_long_text_is_cut_where_the_crm_has_a_limit_and_the_cut_is_marked(length: int) -> None:
    graph = graph_of(company(name='x' * length), linked('company', sight(ORG, 100, name='old')))
    update = wanted(graph, COMPANY)
    assert isinstance(update, Update)
    assert len(update.fields['name']) == min(length, 255)
    assert ('name' in update.cut) == (length > 255)


@pytest.mark.behaviour('D-21')
def test_a_substituted_value_never_goes_out() -> None:
    claims = Claims(substituted={'sales_person_id': 'tutorcruncher 99', 'price_plan': 'gold'})
    guessed = replace(company(sales_person_id=OTHER, price_plan='payg', website='w'), claims=claims)
    graph = graph_of(guessed, linked('company', sight(ORG, 100, sales_person_id=100, price_plan=None, website=None)))
    update = wanted(graph, COMPANY)
    assert isinstance(update, Update)
    assert 'website' in update.fields
    assert not {'sales_person_id', 'price_plan'} & update.fields.keys()
    created = plan(graph_of(guessed), guessed, TABLES['company'], HERE)
    assert isinstance(created, Create)
    assert 'price_plan' not in created.fields
    assert created.fields['sales_person_id'] == 200, 'somebody must own it'


@pytest.mark.behaviour('D-10')
def test_an_admin_without_owner_id_is_never_written() -> None:
    there = {'name': 'x', 'sales_person_id': 100, 'support_person_id': 100}
    graph = graph_of(company(sales_person_id=9, support_person_id=9), linked('company', sight(ORG, 100, **there)))
    update = wanted(graph, COMPANY)
    assert isinstance(update, Update)
    assert not {'sales_person_id', 'support_person_id'} & update.fields.keys()


@pytest.mark.behaviour('D-6', 'TC-8')
def test_a_marked_company_is_deleted_in_the_crm_and_never_made_there() -> None:
    marked = company(narc=True)
    assert isinstance(wanted(graph_of(marked), COMPANY), Noop)
    assert isinstance(wanted(graph_of(marked, linked('company')), COMPANY), Delete)
    paid = company(narc=True, paid_invoice_count=1)
    assert isinstance(wanted(graph_of(paid, linked('company')), COMPANY), Noop)


@pytest.mark.behaviour('EDIT-3')
def test_a_normalised_value_is_not_sent_again() -> None:
    mirror = written(linked('company'), 1000, 'Ember', got='EMBER')
    update = wanted(graph_of(company(), mirror), COMPANY)
    assert isinstance(update, Update)
    assert 'name' not in update.fields
    moved = fold(mirror, sight(ORG, 2000, name='Other'), NOW)
    again = wanted(graph_of(company(), moved), COMPANY)
    assert isinstance(again, Update)
    assert again.fields['name'] == 'Ember'


def test_absent_says_nothing() -> None:
    silent = Outgoing('website', (), lambda view: ABSENT)
    record = company()
    found = plan(graph_of(record, linked('company', sight(ORG, 100, website='x'))), record, [silent], HERE)
    assert isinstance(found, Noop)
