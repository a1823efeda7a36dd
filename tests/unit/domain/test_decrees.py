"""A decree is a function of what was seen, in whatever order it came (D-22, I5)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.db.codec import claims_row, read_claims
from hermes.domain import decrees
from hermes.domain.applied import Applied
from hermes.domain.graph import Graph
from hermes.domain.history import blank, fold, send, settle
from hermes.domain.merge import decreed, settle_fields
from hermes.domain.model import UNSETTLED, Observation, Record, Value, Version
from hermes.domain.remote_merges import unite
from tests.unit.domain.office import CLIENT, COMPANY, NOW, ORG, context, graph_of, mirror_of, sight

pytestmark = pytest.mark.behaviour('D-22')
SAID_S = int(NOW.timestamp())
"""When the operator spoke."""


def seen(after_s: int, value: Value, origin: str = 'webhook') -> Observation:
    at = Version(SAID_S + after_s, UNSETTLED if origin == 'answer' else (SAID_S + after_s) * 1000)
    return Observation(ORG, 'state', at, {'website': value}, origin=origin)  # type: ignore[arg-type]


def company(*told: Observation, ours: bool = True) -> Graph:
    """A company in the CRM, of which TC2 says 'tc2'."""
    organization = mirror_of(ORG, COMPANY, sight(ORG, SAID_S - 500, website='tc2'), *told)
    record = Record(COMPANY, {'name': 'Ember', 'website': 'tc2'})
    return graph_of(
        record, replace(organization, ours=ours), mirror_of(CLIENT, COMPANY, sight(CLIENT, 5, website='tc2'))
    )


def say(graph: Graph, value: Value = 'ours') -> None:
    decrees.write(graph, COMPANY, {'website': value}, 'because', context(), Applied())


def sent(graph: Graph, value: Value, after_s: int) -> None:
    """Hermes writes it, and has no answer yet."""
    started_at = datetime.fromtimestamp(SAID_S + after_s, UTC)
    graph.put_mirror(send(graph.mirrors[ORG], {'website': value}, started_at, 7))


def take_in(graph: Graph, told: Sequence[Observation]) -> Value:
    for each in told:
        graph.put_mirror(fold(graph.mirrors[ORG], each, NOW))
    settle_fields(graph, graph.records[COMPANY], context())
    return graph.records[COMPANY].fields.get('website')


BEFORE, ECHO, ANSWER, ELSE, AFTER = (
    seen(-20, 'before'), seen(6, 'ours'), seen(6, 'ours', 'answer'), seen(9, 'ours'), seen(12, 'after'),
)  # fmt: skip


@pytest.mark.invariant('I5')
@pytest.mark.parametrize('told', [*permutations([BEFORE, ECHO, ANSWER, ELSE])])
def test_neither_what_was_written_before_nor_our_own_echo_ends_it(told: Sequence[Observation]) -> None:
    graph = company()
    say(graph)
    sent(graph, 'ours', 5)
    assert take_in(graph, [*told, *told]) == 'ours'
    graph.put_mirror(settle(graph.mirrors[ORG], 7, ANSWER.version))
    assert take_in(graph, told) == 'ours'


@pytest.mark.invariant('I5')
@pytest.mark.parametrize('told', [*permutations([BEFORE, ECHO, ELSE, AFTER])])
def test_a_later_edit_ends_it_whatever_comes_first(told: Sequence[Observation]) -> None:
    graph = company()
    say(graph)
    sent(graph, 'ours', 5)
    assert take_in(graph, [*told, *told]) == 'after'
    assert decreed(graph, graph.records[COMPANY]) == {}


@pytest.mark.invariant('I5')
@given(st.lists(st.sampled_from([BEFORE, seen(-10, 'a'), seen(-3, None)]), min_size=1), st.integers(0, 9))
def test_when_the_command_is_carried_out_among_older_webhooks_does_not_matter(
    told: list[Observation], place: int
) -> None:
    graph = company(*told[:place])
    say(graph)
    assert take_in(graph, told[place:]) == 'ours'


def test_an_edit_between_the_command_and_our_write_counts() -> None:
    graph = company()
    say(graph)
    sent(graph, 'ours', 5)
    assert take_in(graph, [ECHO, seen(2, 'meanwhile')]) == 'meanwhile'


def test_what_an_object_says_at_first_sight_ends_nothing() -> None:
    graph = company()
    say(graph)
    graph.put_mirror(replace(blank(ORG), record=COMPANY, primary=True))
    assert take_in(graph, [seen(50, 'found')]) == 'ours'
    assert take_in(graph, [seen(60, 'edited')]) == 'edited'


def test_it_survives_its_row() -> None:
    graph = company()
    say(graph)
    claims = graph.records[COMPANY].claims
    assert read_claims(claims_row(claims)) == claims


def both(first: str, second: str) -> Value:
    """Two companies of which each has a decree; one of them is merged into the other."""
    other = COMPANY._replace(id=2_000)
    graph = graph_of(Record(COMPANY, {'name': 'Ember'}), Record(other, {'name': 'Twin'}))
    for ref, value in ((COMPANY, first), (other, second)):
        if value:
            decrees.write(graph, ref, {'website': value}, '', replace(context(), event_id=ref.id), Applied())
    unite(graph, graph.records[COMPANY], graph.records[other], 'PD-MERGE-1', context(), Applied())
    return graph.records[other].fields.get('website')


def test_it_moves_with_its_record_and_of_two_the_newer_one_stands() -> None:
    assert both('loser', '') == 'loser'
    assert both('', 'kept') == 'kept'
    assert both('loser', 'kept') == 'kept'


def test_a_release_gives_back_what_stood_in_the_crm_and_not_what_hermes_put_there() -> None:
    graph = company(ours=False)
    graph.put_mirror(replace(graph.mirrors[CLIENT], runs={}))
    say(graph)
    sent(graph, 'ours', 5)
    assert take_in(graph, [ECHO]) == 'ours'
    assert decrees.release(graph, COMPANY, 'website', context(), Applied()) == 'the decree'
    assert graph.records[COMPANY].fields['website'] == 'tc2'
