"""Whose a booking is, and what it makes: MATCH-5, CB-1, CB-2, D-2, D-9 and S22, over graphs without a database."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.db.codec import read_claims
from hermes.domain.acts import BookMeeting
from hermes.domain.booking import Booked, amend, book
from hermes.domain.enquiry import Booking, find_bdr, moment, read, split_name
from hermes.domain.errors import NotFound, Refused
from hermes.domain.graph import Context, Directory, Graph
from hermes.domain.model import Record, RecordRef, Tombstone, Value
from tests.thorough import examples
from tests.unit.domain.office import COMPANY, NOW, OTHER, SOLD_BY, context, directory, graph_of

FORM = {
    'name': 'Ada Lovelace', 'email': 'Ada@Ember.example', 'phone': '+442079460011', 'company_name': 'Ember Tutors',
    'website': 'https://ember.example', 'country': 'GB', 'estimated_income': '50-150k', 'currency': 'GBP',
    'price_plan': 'startup', 'utm_source': 'news', 'utm_campaign': 'spring', 'gclid': 'g-1',
}  # fmt: skip
HERE = context()
ELSEWHERE = RecordRef('company', 2_000)


def asked(kind: str = 'sales', **more: Any) -> Booking:
    form = {**FORM, **more.pop('form', {})}
    told = {
        'kind': kind, 'admin': OTHER, 'start_at': '2026-03-03T10:00:00+00:00', 'end_at': '2026-03-03T10:30:00+00:00',
        'buffer_s': 900, 'uid': 'u-1', 'zone': 'Europe/London', 'form': form, **more,
    }  # fmt: skip
    return read(BookMeeting(**told))


def company(ref: RecordRef = COMPANY, **fields: Value) -> Record:
    return Record(ref, {'name': 'Cinder Tutors', 'sales_person_id': SOLD_BY, 'price_plan': 'payg', **fields})


def contact(number: int, of: RecordRef = COMPANY, **fields: Value) -> Record:
    return Record(RecordRef('contact', number), {'company_id': of.id, **fields}, company_id=of.id)


def stone(kind: str, event_id: int = 9) -> Tombstone:
    return Tombstone(kind, NOW - timedelta(hours=1), event_id)


def created(booked: Booked) -> list[str]:
    return sorted(ref.type for ref in booked.done.created)


def test_a_stranger_makes_everything_in_one_order() -> None:
    graph = graph_of()
    booked = book(graph, asked(), HERE)
    made = [change.record.type for change in booked.done.changes if change.field == 'born']
    assert made == ['company', 'contact', 'deal', 'meeting']
    assert [change.record.id for change in booked.done.changes if change.field == 'born'] == [5000, 5001, 5002, 5003]
    firm = graph.records[booked.company]
    assert {**firm.fields} | {
        'name': 'Ember Tutors', 'country': 'GB', 'website': 'https://ember.example', 'estimated_income': '50-150k',
        'currency': 'GBP', 'price_plan': 'startup', 'sales_person_id': OTHER, 'utm_source': 'news',
        'utm_campaign': 'spring', 'gclid': 'g-1', 'has_booked_call': True, 'sales_call_count': 1,
        'support_call_count': 0,
    } == firm.fields  # fmt: skip
    person = graph.records[booked.contact]
    assert (person.fields['first_name'], person.fields['last_name']) == ('Ada', 'Lovelace')
    assert (person.fields['email'], person.fields['phone']) == ('Ada@Ember.example', '+442079460011')
    assert booked.deal is not None
    deal = graph.records[booked.deal].fields
    assert (deal['title'], deal['pipeline_id'], deal['stage_id']) == ('Ember Tutors', 20, 30)
    assert (deal['admin_id'], deal['contact_id'], deal['status']) == (OTHER, person.ref.id, 'open')
    meeting = graph.records[booked.meeting]
    assert (meeting.fields['deal_id'], meeting.company_id) == (booked.deal.id, firm.ref.id)
    assert {change.system for change in booked.done.changes if change.field == 'name'} == {'website'}


@pytest.mark.behaviour('MATCH-5')
def test_a_signed_company_comes_first() -> None:
    graph = graph_of(company(), company(ELSEWHERE), contact(3_000, ELSEWHERE, email='ada@ember.example'))
    booked = book(graph, asked(company=COMPANY.id, signed=True), HERE)
    assert (booked.company, booked.rule) == (COMPANY, 'MATCH-5 company_id')
    assert created(booked) == ['contact', 'deal', 'meeting']


@pytest.mark.behaviour('MATCH-5')
def test_an_unsigned_company_counts_only_where_the_email_belongs_to_it() -> None:
    stranger = graph_of(company())
    assert book(stranger, asked(company=COMPANY.id), HERE).company != COMPANY
    theirs = contact(3_000, email='ada@ember.example')
    newer = contact(4_000, ELSEWHERE, email='ada@ember.example')
    graph = graph_of(company(), company(ELSEWHERE), theirs, newer)
    booked = book(graph, asked(company=COMPANY.id), HERE)
    assert (booked.company, booked.contact) == (COMPANY, theirs.ref)
    assert book(graph_of(company(), company(ELSEWHERE), theirs, newer), asked(), HERE).contact == newer.ref


@pytest.mark.behaviour('MATCH-5')
def test_email_comes_before_phone_and_phone_before_name() -> None:
    by_name = company(RecordRef('company', 2_001), name=' ember  TUTORS ')
    by_phone, by_email = company(ELSEWHERE), company()
    calls = contact(3_001, ELSEWHERE, phone='+44 20 7946 0011', email='other@ember.example')
    writes = contact(3_000, email='ada@ember.EXAMPLE')
    booked = book(graph_of(by_name, by_phone, calls, by_email, writes), asked(), HERE)
    assert (booked.company, booked.contact, booked.flags) == (COMPANY, writes.ref, ())
    booked = book(graph_of(by_name, by_phone, calls), asked(), HERE)
    assert (booked.company, booked.rule, booked.flags) == (ELSEWHERE, 'MATCH-5 phone', ())
    graph = graph_of(by_name)
    booked = book(graph, asked(), HERE)
    assert (booked.company, booked.flags) == (by_name.ref, ('by name only',))
    assert graph.records[booked.meeting].fields['flags'] == ['by name only']


@pytest.mark.behaviour('MATCH-5')
@pytest.mark.parametrize('phone', ['', None, '12'])
def test_no_phone_is_nobodys_phone(phone: str | None) -> None:
    silent = contact(3_000, email='other@ember.example', phone=phone)
    booked = book(graph_of(company(), silent), asked(form={'phone': phone}), HERE)
    assert booked.company != COMPANY


@pytest.mark.behaviour('MATCH-5')
def test_the_newest_of_several_and_the_living_before_the_dead() -> None:
    one, two = contact(3_000, email='ada@ember.example'), contact(3_001, ELSEWHERE, email='ada@ember.example')
    assert book(graph_of(company(), company(ELSEWHERE), one, two), asked(), HERE).contact == two.ref
    dead = replace(two, tombstone=stone('crm'))
    assert book(graph_of(company(), company(ELSEWHERE), one, dead), asked(), HERE).contact == one.ref
    firms = company(name='Ember Tutors'), company(ELSEWHERE, name='ember tutors')
    assert book(graph_of(*firms), asked(), HERE).company == ELSEWHERE


@pytest.mark.behaviour('D-2', 'MATCH-5')
def test_a_sales_booking_takes_back_what_the_crm_deleted() -> None:
    buried = [replace(one, tombstone=stone('crm')) for one in (company(), contact(3_000, email='ada@ember.example'))]
    graph = graph_of(*buried)
    booked = book(graph, asked(), HERE)
    assert (booked.company, booked.contact) == (COMPANY, buried[1].ref)
    assert not graph.records[COMPANY].gone
    assert not graph.records[booked.contact].gone
    support = asked('support', company=COMPANY.id, signed=True)
    with pytest.raises(NotFound):
        book(graph_of(*buried), support, HERE)


@pytest.mark.behaviour('D-2')
def test_only_one_of_its_contacts_takes_back_what_tc2_deleted() -> None:
    buried = [
        replace(one, tombstone=stone('tc2'))
        for one in (company(name='Ember Tutors'), contact(3_000, email='ada@ember.example'))
    ]
    for kind in ('sales', 'support'):
        graph = graph_of(*buried)
        assert book(graph, asked(kind, company=COMPANY.id, signed=True), HERE).company == COMPANY
        assert not graph.records[COMPANY].gone
    stranger = asked(form={'email': 'eve@elsewhere.example', 'phone': None})
    assert book(graph_of(*buried), stranger, HERE).company != COMPANY


@pytest.mark.behaviour('D-2', 'MATCH-5')
@pytest.mark.parametrize('signed', [True, False])
def test_nothing_takes_back_what_was_erased(signed: bool) -> None:
    erased = [
        replace(one, tombstone=stone('erased'))
        for one in (company(name='Ember Tutors'), contact(3_000, email='ada@ember.example', phone='+442079460011'))
    ]
    graph = graph_of(*erased)
    assert book(graph, asked(company=COMPANY.id, signed=signed), HERE).company != COMPANY
    assert graph.records[COMPANY].gone


@pytest.mark.behaviour('CB-1')
def test_what_exists_is_not_overwritten() -> None:
    firm = company(name='Ember', website='https://old.example', country='US', currency='USD')
    person = contact(3_000, email='ada@ember.example', first_name='A.', last_name='L.')
    graph = graph_of(firm, person)
    booked = book(graph, asked(), HERE)
    after = graph.records[COMPANY].fields
    assert {name: after.get(name) for name in firm.fields} == firm.fields
    assert 'utm_source' not in after
    assert graph.records[booked.contact].fields == person.fields
    assert booked.deal is not None
    assert graph.records[booked.deal].fields['admin_id'] == SOLD_BY


@pytest.mark.behaviour('CB-1')
def test_a_deal_only_where_none_is_open() -> None:
    still_open, lost = (
        Record(RecordRef('deal', number), {'status': status, 'company_id': COMPANY.id}, company_id=COMPANY.id)
        for number, status in ((4_000, 'open'), (4_001, 'lost'))
    )
    person = contact(3_000, email='ada@ember.example')
    assert book(graph_of(company(), person, still_open, lost), asked(), HERE).deal == still_open.ref
    booked = book(graph_of(company(), person, lost), asked(), HERE)
    assert (booked.deal != lost.ref, created(booked)) == (True, ['deal', 'meeting'])


def test_without_a_pipeline_the_booking_stands_and_somebody_is_asked() -> None:
    booked = book(graph_of(), asked(), context(startup_pipeline_id=None))
    assert (booked.deal, created(booked)) == (None, ['company', 'contact', 'meeting'])
    assert [decision.kind for decision in booked.done.decisions] == ['no-pipeline']


@given(
    known=st.sampled_from([{}, {'email': 'other@ember.example'}, {'email': 'ada@ember.example'}]),
    phone=st.sampled_from([None, '+442079460011', '+15550100100']),
    named=st.booleans(),
)
@settings(max_examples=examples(60))
def test_a_strangers_words_never_reach_an_existing_contact(
    known: dict[str, Value], phone: str | None, named: bool
) -> None:
    person = contact(3_000, first_name='Ada', last_name='Lovelace', phone=phone, **known)
    graph = graph_of(company(), person)
    booked = book(graph, asked(company=COMPANY.id if named else None), HERE)
    assert graph.records[person.ref].fields == person.fields
    assert str(graph.records[booked.contact].fields['email']).lower() == 'ada@ember.example'


@pytest.mark.behaviour('CB-2', 'D-7')
def test_a_support_call_fills_the_missing_email_and_makes_no_deal() -> None:
    person = contact(3_000, first_name='Ada', last_name='LOVELACE')
    graph = graph_of(company(), person)
    booked = book(graph, asked('support', company=COMPANY.id, signed=True), HERE)
    assert (booked.contact, booked.deal, created(booked)) == (person.ref, None, ['meeting'])
    assert graph.records[person.ref].fields['email'] == 'Ada@Ember.example'
    assert (graph.records[COMPANY].fields['support_call_count'], booked.done.changes[0].rule) == (1, 'CB-2')
    other = contact(3_001, first_name='Ada', last_name='Lovelace', email='x@ember.example')
    assert created(book(graph_of(company(), other), asked('support', company=COMPANY.id, signed=True), HERE)) == [
        'contact', 'meeting',
    ]  # fmt: skip


@pytest.mark.behaviour('D-19')
@pytest.mark.parametrize('named', [None, 77])
def test_a_support_call_needs_a_company_that_is_known(named: int | None) -> None:
    with pytest.raises(NotFound):
        book(graph_of(company(name='Ember Tutors')), asked('support', company=named, signed=True), HERE)


def bdrs(**fields: dict[str, Value]) -> Directory:
    known = directory()
    admins = {
        number: replace(admin, fields={**admin.fields, **fields.get(f'a{number}', {})})
        for number, admin in known.admins.items()
    }
    return replace(known, admins=admins)


@pytest.mark.behaviour('D-9')
def test_how_a_bdr_is_read() -> None:
    both = bdrs(a1={'is_bdr_person': True}, a2={'is_bdr_person': True})
    assert [find_bdr(raw, both)[0] for raw in (1, '2', 10, ' 20 ')] == [1, 2, 1, 2]
    assert [find_bdr(raw, both) for raw in (None, '', 0, '0')] == [(None, '')] * 4
    for nobody in (3, 'x', '-1', '1e3', '٣', '9' * 30):
        found, remark = find_bdr(nobody, both)
        assert (found, 'no active BDR' in remark) == (None, True)
    crossed = replace(both, by_tc2={1: 2, 2: 2})
    assert find_bdr(1, crossed) == (None, 'D-9: bdr_person_id 1 could be two people')
    assert find_bdr(2, crossed)[0] == 2
    left = bdrs(a1={'is_bdr_person': True, 'active': False}, a2={'is_bdr_person': False})
    assert [find_bdr(raw, left)[0] for raw in (1, 2, 10)] == [None, None, None]
    assert find_bdr(1, replace(bdrs(a2={'is_bdr_person': True}), by_tc2={1: 2}))[0] == 2


@pytest.mark.behaviour('D-9')
def test_a_bdr_who_is_unclear_flags_the_booking() -> None:
    known: Context = replace(HERE, directory=bdrs(a1={'is_bdr_person': True}))
    graph = graph_of()
    booked = book(graph, asked(bdr='10'), known)
    assert (graph.records[booked.company].fields['bdr_person_id'], booked.flags) == (1, ())
    graph = graph_of()
    booked = book(graph, asked(bdr='2'), known)
    assert 'bdr_person_id' not in graph.records[booked.company].fields
    assert booked.flags == ('D-9: bdr_person_id 2 is no active BDR',)


def test_counts_are_of_meetings_that_are_not_canceled() -> None:
    counted = {'sales_call_count': {'value': 4, 'system': 'legacy', 'rule': 'import'}}
    older = replace(company(sales_call_count=4), claims=read_claims({'fallback': counted}))
    graph = graph_of(older, contact(3_000, email='ada@ember.example'))
    first = book(graph, asked(), HERE)
    book(graph, asked(uid='u-2'), HERE)
    assert graph.records[COMPANY].fields['sales_call_count'] == 6
    amend(graph, first.meeting, {'status': 'canceled', 'canceled_by': 'visitor'}, ('website', 'CB-13'), HERE)
    assert graph.records[COMPANY].fields['sales_call_count'] == 5
    assert graph.records[first.meeting].fields['sequence'] == 1


@given(words=st.lists(st.text(min_size=1), min_size=2, max_size=4), gap=st.sampled_from([' ', '\u00a0', '  ']))
def test_a_name_is_split_at_its_first_space(words: list[str], gap: str) -> None:
    whole = gap.join(words)
    parts = whole.split()
    if len(parts) < 2:
        with pytest.raises(Refused):
            split_name(whole)
        return
    first, last = split_name(f' {whole} ')
    assert (first, last.split()) == (parts[0], parts[1:])


def test_case_is_kept_and_one_word_is_no_name() -> None:
    assert split_name(' Ronald\u00a0McDonald  III ') == ('Ronald', 'McDonald III')
    with pytest.raises(Refused):
        split_name('Prince')


def test_a_moment_is_in_utc_and_has_a_zone() -> None:
    assert moment('2026-03-03T12:00:00.9+02:00') == '2026-03-03T10:00:00+00:00'
    for wrong in ('2026-03-03T12:00:00', 'soon', ''):
        with pytest.raises(Refused):
            moment(wrong)


people = st.fixed_dictionaries(
    {
        'email': st.sampled_from([None, 'ada@ember.example', 'bea@ember.example']),
        'phone': st.sampled_from([None, '+442079460011', '+15550100100']),
        'dead': st.sampled_from([None, None, 'crm', 'tc2', 'erased']),
        'of': st.sampled_from([COMPANY, ELSEWHERE]),
    }
)


@given(st.lists(people, max_size=5), st.booleans(), st.sampled_from([None, COMPANY.id, 99]), st.booleans())
@settings(max_examples=examples(150), deadline=None)
def test_whatever_is_there_a_booking_lands_once_and_among_the_living(
    crowd: list[dict[str, Any]], signed: bool, named: int | None, buried: bool
) -> None:
    firms = [company(name='Ember Tutors'), company(ELSEWHERE)]
    if buried:
        firms[0] = replace(firms[0], tombstone=stone('crm'))
    records = [
        replace(
            contact(3_000 + number, one['of'], email=one['email'], phone=one['phone']),
            tombstone=stone(one['dead'], 50 + number) if one['dead'] else None,
        )
        for number, one in enumerate(crowd)
    ]
    graph: Graph = graph_of(*firms, *records)
    booked = book(graph, asked(company=named, signed=signed), HERE)
    assert not graph.records[booked.company].gone
    assert not graph.records[booked.contact].gone
    assert graph.records[booked.contact].company_id == booked.company.id
    assert graph.records[booked.contact].fields['email'].lower() == 'ada@ember.example'
    assert len([one for one in graph.records.values() if one.ref.type == 'meeting']) == 1
    for record in records:
        if record.tombstone and record.tombstone.kind == 'erased':
            assert graph.records[record.ref] == record
