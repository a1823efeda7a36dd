"""The working set: `undo` leads back exactly, and aliases and merged ids lead to the survivor (I12, PD-MERGE-1)."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.domain.graph import Graph
from hermes.domain.history import blank
from hermes.domain.model import Record, RecordRef, RemoteRef

COMPANIES = [RecordRef('company', number) for number in (1, 2)]
CONTACTS = [RecordRef('contact', number) for number in (3, 4, 5)]
ORGS = [RemoteRef('pipedrive', 'organization', str(number)) for number in (1, 2, 3)]

puts = st.one_of(
    st.builds(lambda ref, name: Record(ref, {'name': name}), st.sampled_from(COMPANIES), st.integers(0, 3)),
    st.builds(
        lambda ref, name, under: Record(ref, {'name': name}, company_id=under),
        st.sampled_from(CONTACTS), st.integers(0, 3), st.sampled_from([None, 1, 2]),
    ),
    st.builds(
        lambda ref, of, primary: replace(blank(ref), record=of, primary=primary),
        st.sampled_from(ORGS), st.sampled_from([None, *COMPANIES]), st.booleans(),
    ),
)  # fmt: skip


def put(graph: Graph, thing: Any) -> None:
    graph.put_record(thing) if isinstance(thing, Record) else graph.put_mirror(thing)


def seen(graph: Graph) -> Any:
    """Everything that anybody can ask a graph."""
    return (
        dict(graph.records),
        dict(graph.mirrors),
        {number: graph.children(number, 'contact') for number in (1, 2)},
        {ref: graph.mirrors_of(ref) for ref in COMPANIES},
    )


@pytest.mark.invariant('I12')
@given(st.lists(puts, max_size=6), st.lists(puts, max_size=8))
def test_undo_restores_exactly(kept: list[Any], undone: list[Any]) -> None:
    graph = Graph()
    for thing in kept:
        put(graph, thing)
    before, mark = seen(graph), graph.mark()
    for thing in undone:
        put(graph, thing)
    graph.undo(mark)
    assert seen(graph) == before
    assert graph.touched_records <= graph.records.keys()
    assert graph.touched_mirrors <= graph.mirrors.keys()


@pytest.mark.behaviour('PD-MERGE-1')
@given(st.permutations([1, 2, 3, 4]))
def test_aliases_and_merged_ids_lead_to_the_survivor(chain: list[int]) -> None:
    """Each one of a chain was merged into the next; the last survives."""
    following = dict(pairwise(chain))
    graph = Graph(
        [Record(RecordRef('company', number), alias_of=following.get(number)) for number in chain],
        [
            replace(
                blank(RemoteRef('pipedrive', 'organization', str(number))),
                merged_into=str(following[number]) if number in following else None,
                record=RecordRef('company', number),
            )
            for number in chain
        ],
    )
    last = RecordRef('company', chain[-1])
    for number in chain:
        survivor = graph.record(RecordRef('company', number))
        assert survivor is not None
        assert survivor.ref == last
        assert graph.record_of(RemoteRef('pipedrive', 'organization', str(number))) == survivor


def test_a_ring_of_aliases_ends() -> None:
    ring = Graph([Record(RecordRef('company', 1), alias_of=2), Record(RecordRef('company', 2), alias_of=1)])
    assert ring.record(RecordRef('company', 1)) is not None
