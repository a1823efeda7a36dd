"""Which record an unknown object is: the order of the rules, and never a guess among several (MATCH-1 to MATCH-8)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain.history import blank
from hermes.domain.matching import match
from hermes.domain.model import Intent, Mirror, Observation, Record, RecordRef, RemoteRef, Value, Version
from tests.thorough import examples
from tests.unit.domain.office import context, graph_of, mirror_of, sight

HERE = context()
NEW_ORG, NEW_CLIENT = RemoteRef('pipedrive', 'organization', '900'), RemoteRef('tutorcruncher', 'client', '900')


def company(number: int, **fields: Value) -> Record:
    return Record(RecordRef('company', number), {'name': 'Ember', **fields})


def contact(number: int, under: int, **fields: Value) -> Record:
    return Record(RecordRef('contact', number), fields, company_id=under)


def organization(number: int, **said: Value) -> Mirror:
    ref = RemoteRef('pipedrive', 'organization', str(number))
    return mirror_of(ref, RecordRef('company', number), sight(ref, 100, **said))


def client(number: int, **said: Value) -> Mirror:
    ref = RemoteRef('tutorcruncher', 'client', str(number))
    return mirror_of(ref, RecordRef('company', number), sight(ref, 100, **said))


def org_says(**said: Value) -> Observation:
    return sight(NEW_ORG, 200, **{'name': 'Ember', **said})


@pytest.mark.behaviour('MATCH-2')
def test_an_organisation_is_known_by_its_id_then_hermes_id_then_client_then_name() -> None:
    others: list[Record | Mirror] = [
        company(2, name='Two'),
        company(3, name='Three'),
        client(3),
        company(4, name=' eMBER  '),
    ]
    told = org_says(hermes_id=[2], tc2_cligency_url='https://tc2.example/clients/3/')
    graph = graph_of(*others, company(1), mirror_of(NEW_ORG, RecordRef('company', 1), sight(NEW_ORG, 100, name='x')))
    unlinked = graph_of(*others)
    found = [
        match(graph, told, [], HERE).record,
        match(unlinked, told, [], HERE).record,
        match(unlinked, replace(told, fields={**told.fields, 'hermes_id': []}), [], HERE).record,
        match(unlinked, org_says(), [], HERE).record,
        match(unlinked, org_says(name='Nobody'), [], HERE).record,
    ]
    assert [record and record.ref.id for record in found] == [1, 2, 3, 4, None]


@pytest.mark.behaviour('MATCH-2')
def test_a_linked_company_is_nobodys_by_name_or_hermes_id() -> None:
    graph = graph_of(company(1), organization(1, name='Ember'))
    assert match(graph, org_says(), [], HERE).record is None
    assert match(graph, org_says(hermes_id=[1]), [], HERE).record is None


@pytest.mark.behaviour('MATCH-8')
def test_a_record_with_an_open_create_is_no_candidate() -> None:
    graph = graph_of(company(1))
    assert match(graph, org_says(), [], HERE).record is not None
    ref = RecordRef('company', 1)
    graph.creating[ref, 'pipedrive'] = Intent('open', 'create', 5, RemoteRef('pipedrive', 'organization', ''), ref)
    assert match(graph, org_says(), [], HERE).record is None


@pytest.mark.behaviour('MATCH-7', 'MATCH-2')
@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(['Ember', 'ember ', 'Other']), st.booleans(), st.booleans()), max_size=5))
def test_more_than_one_is_never_a_guess(office: list[tuple[str, bool, bool]]) -> None:
    """Companies of one name, some linked, some merged away: one candidate is the match, several are a question."""
    things: list[Record | Mirror] = []
    free = []
    for number, (name, linked, merged) in enumerate(office, 1):
        things.append(replace(company(number, name=name), alias_of=99 if merged else None))
        if linked:
            things.append(organization(number, name=name))
        if name != 'Other' and not linked and not merged:
            free.append(RecordRef('company', number))
    found = match(graph_of(*things), org_says(), [], HERE)
    assert (found.record.ref if found.record else None) == (free[0] if len(free) == 1 else None)
    assert found.several == (tuple(free) if len(free) > 1 else ())


@pytest.mark.behaviour('MATCH-1')
def test_a_client_is_known_by_its_agency_then_an_e_mail_then_name_and_country() -> None:
    office = [
        company(1, tc2_agency_id=70, name='One'),
        company(2, name='Two'),
        contact(12, 2, email='Sam@ember.example'),
        company(3, country='GB'),
        company(4, country='US'),
    ]
    told = sight(NEW_CLIENT, 200, name='Ember', country='GB', tc2_agency_id=70)
    graph = graph_of(*office)
    stranger = replace(told, fields={**told.fields, 'tc2_agency_id': 71})
    found = [
        match(graph, told, ['sam@ember.example'], HERE).record,
        match(graph, stranger, ['sam@ember.example'], HERE).record,
        match(graph, stranger, ['nobody@ember.example'], HERE).record,
        match(graph, replace(stranger, fields={**stranger.fields, 'country': 'FR'}), [], HERE).record,
    ]
    assert [record and record.ref.id for record in found] == [1, 2, 3, None]


@pytest.mark.behaviour('MATCH-3')
@pytest.mark.parametrize(
    ('said', 'found'),
    [
        ({'email': 'SAM@ember.example', 'last_name': 'Else'}, 11),
        ({'first_name': 'Ida', 'last_name': 'lind'}, 12),
        ({'first_name': 'Ida', 'last_name': 'Lind', 'email': 'ida@ember.example'}, None),
        ({'first_name': 'Sam', 'last_name': 'Okafor'}, None),
        ({'email': 'twin@ember.example'}, None),
    ],
)
def test_a_person_is_known_by_e_mail_else_by_name_without_one(said: dict[str, Value], found: int | None) -> None:
    graph = graph_of(
        company(1),
        organization(1, name='Ember'),
        contact(11, 1, first_name='Sam', last_name='Okafor', email='sam@ember.example'),
        contact(12, 1, first_name='Ida', last_name='Lind'),
        contact(13, 1, email='twin@ember.example'),
        contact(14, 1, email='twin@ember.example'),
        contact(21, 2, email='sam@ember.example'),
    )
    ref = RemoteRef('pipedrive', 'person', '5')
    told = Observation(ref, 'state', Version(200, 5), said, parent=RemoteRef('pipedrive', 'organization', '1'))
    matched = match(graph, told, [], HERE)
    assert (matched.record.ref.id if matched.record else None) == found


@pytest.mark.behaviour('MATCH-4', 'MATCH-7')
@pytest.mark.parametrize(
    ('statuses', 'found'), [(['open'], 31), (['lost'], None), (['open', 'open'], None), (['lost', 'open'], 32)]
)
def test_a_deal_is_the_one_open_deal_of_its_pipeline(statuses: list[str], found: int | None) -> None:
    deals = [
        Record(RecordRef('deal', 31 + place), {'status': status, 'pipeline_id': 20}, company_id=1)
        for place, status in enumerate(statuses)
    ]
    graph = graph_of(company(1), organization(1, name='Ember'), *deals)
    ref = RemoteRef('pipedrive', 'deal', '5')
    parent = RemoteRef('pipedrive', 'organization', '1')
    matched = match(graph, Observation(ref, 'state', Version(200, 5), {'pipeline_id': 2}, parent=parent), [], HERE)
    assert (matched.record.ref.id if matched.record else None) == found
    elsewhere = Observation(ref, 'state', Version(200, 5), {'pipeline_id': 9}, parent=parent)
    assert match(graph, elsewhere, [], HERE).record is None


@pytest.mark.behaviour('PD-MERGE-3')
def test_the_link_wins_over_hermes_id_and_the_conflict_is_shown() -> None:
    graph = graph_of(company(1), company(2), mirror_of(NEW_ORG, RecordRef('company', 1), sight(NEW_ORG, 100, name='x')))
    found = match(graph, org_says(hermes_id=[2]), [], HERE)
    assert found.record is not None
    assert (found.record.ref.id, found.conflict) == (1, RecordRef('company', 2))
    assert match(graph, org_says(hermes_id=[2, 1]), [], HERE).conflict is None


@pytest.mark.behaviour('PD-MERGE-1', 'MATCH-2')
def test_a_merged_away_id_leads_to_the_survivor() -> None:
    loser = RemoteRef('pipedrive', 'organization', '7')
    graph = graph_of(company(1), organization(1, name='Ember'), replace(blank(loser), merged_into='1'))
    found = match(graph, sight(loser, 200, name='Else'), [], HERE).record
    assert found is not None
    assert found.ref.id == 1
