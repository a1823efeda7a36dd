"""What a target answers may come late: in whatever state somebody is by then, its event is applied (AU-9)."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import pytest

from hermes.domain import app_user_states as states
from hermes.domain.app_user import TARGET
from hermes.domain.apply import apply
from hermes.domain.errors import Refused
from hermes.domain.graph import Context, Graph
from hermes.domain.model import (
    SETTLED,
    Element,
    Intent,
    Lookup,
    Mirror,
    Observation,
    Record,
    RecordRef,
    RemoteRef,
    Version,
)
from tests.unit.domain.office import context as office_context

CRM, ADA, BEA = 'crm', RecordRef('app_user', 1), RecordRef('app_user', 2)
ONE, OTHER = RemoteRef(CRM, 'app_user', 'a-1'), RemoteRef(CRM, 'app_user', 'a-2')
NEW = RemoteRef(CRM, 'app_user', '')


def seen(ref: RemoteRef, kind: Any = 'state', action: str = 'create') -> Observation:
    return Observation(ref, kind, Version(9, SETTLED), {'external_id': '1'}, 'answer', action, record=ADA)


ANSWERS: Mapping[str, Element] = {
    'nobody': Element(lookup=Lookup(ADA, CRM, (), 'external_id')),
    'nobody by the legacy id': Element(lookup=Lookup(ADA, CRM, (), 'legacy_id', 7)),
    'one': Element((seen(ONE, action='lookup'),), lookup=Lookup(ADA, CRM, ('a-1',), 'email')),
    'one by the legacy id': Element((seen(ONE, action='lookup'),), lookup=Lookup(ADA, CRM, ('a-1',), 'legacy_id', 7)),
    'one of somebody else': Element((seen(OTHER, action='lookup'),), lookup=Lookup(ADA, CRM, ('a-2',), 'legacy_id')),
    'several': Element(lookup=Lookup(ADA, CRM, ('a-1', 'a-2'), 'email')),
    'several by the legacy id': Element(lookup=Lookup(ADA, CRM, ('a-1', 'a-2'), 'legacy_id', 7)),
    'made': Element((seen(ONE),)),
    'made, another object': Element((seen(OTHER),)),
    'gone': Element((seen(ONE, 'deleted', 'delete'),)),
    'about to be made': Element(intent=Intent('open', 'create', 5, NEW, ADA)),
    'not made': Element(intent=Intent('void', 'create', 5, NEW, ADA)),
    'refused': Element(intent=Intent('void', 'create', 5, NEW, ADA, refused='no')),
}


def context() -> Context:
    made = office_context()
    return replace(made, settings={**made.settings, TARGET: CRM}, types={(CRM, 'app_user'): 'app_user'})


def graph_of(state: str, *, known: bool) -> Graph:
    """Ada in a state, `known` there or not; and Bea, who stands there as another object."""
    graph = Graph()
    crm_id = {'crm_id': 'a-1'} if known else {}
    graph.put_record(Record(ADA, {'email': 'ada@readers.example', 'target': CRM, 'state': state, **crm_id}))
    graph.put_record(Record(BEA, {'email': 'bea@readers.example', 'target': CRM, 'state': states.WROTE}))
    if known:
        graph.put_mirror(Mirror(ONE, Version(1, SETTLED), record=ADA, primary=True))
    graph.put_mirror(Mirror(OTHER, Version(1, SETTLED), record=BEA, primary=True))
    return graph


@pytest.mark.behaviour('AU-9')
@pytest.mark.parametrize('answer', ANSWERS)
def test_no_answer_is_refused_for_a_state(answer: str) -> None:
    refused = []
    for state, known in product(sorted(states.FOLLOWS), (False, True)):
        try:
            done = apply(graph_of(state, known=known), ANSWERS[answer], context())
        except Refused as error:
            refused.append(str(error))
            continue
        passed = [state, *(check.state for check in done.checks)]
        for before, into in pairwise(passed):
            assert states.follow(before, into) == into
    assert refused == []


@pytest.mark.behaviour('AU-9', 'AU-13')
@pytest.mark.parametrize('answer', ['nobody', 'one', 'one of somebody else', 'several'])
def test_after_a_look_up_somebody_is_cleared_known_or_held(answer: str) -> None:
    """Else they would be looked for again at once, for ever."""
    asked_for = set(states.FOLLOWS) - states.HELD - {'', states.WROTE, states.LOGGED}
    for state in sorted(asked_for):
        graph = graph_of(state, known=False)
        apply(graph, ANSWERS[answer], context())
        says = graph.records[ADA].fields
        assert says.get('cleared') == CRM or says['state'] in states.HELD, state


@pytest.mark.behaviour('AU-9', 'AU-11')
@pytest.mark.parametrize('state', sorted(states.OPEN))
def test_whoever_waits_for_a_person_can_be_decided(state: str) -> None:
    for into in (states.OK, states.CREATED, states.NOT_CHECKED, states.REQUESTED):
        assert states.follow(state, into) == into
