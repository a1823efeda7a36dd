"""Merges are a function of the set of what was told: any order, doubles, deletions among them, end alike (I5, I16)."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from hermes.domain.apply import apply
from hermes.domain.graph import Graph
from hermes.domain.model import Element, Observation, RemoteRef, Value, Version
from tests.thorough import spread
from tests.unit.domain.office import context, numbers

HERE = context()


def remote(kind: str, number: int) -> RemoteRef:
    return RemoteRef('tutorcruncher' if kind in ('client', 'recipient') else 'pipedrive', kind, str(number))


def says(kind: str, number: int, at: int, **fields: Value) -> Observation:
    parent = remote('organization', fields['company_id']) if fields.get('company_id') else None
    named = {name: str(value) if name in ('company_id', 'contact_id') else value for name, value in fields.items()}
    return Observation(remote(kind, number), 'state', Version(at, at * 1000), named, parent=parent)


def gone(kind: str, number: int, at: int) -> Observation:
    return Observation(remote(kind, number), 'deleted', Version(at, at * 1000), action='delete')


def merged(kind: str, loser: int, survivor: int, at: int, **fields: Value) -> list[Observation]:
    """The two webhooks of a merge."""
    changed = replace(says(kind, survivor, at, **fields), merged_from=str(loser))
    return [replace(gone(kind, loser, at), kind='merged', merged_into=str(survivor)), changed]


def client(number: int, at: int, name: str) -> Observation:
    told = {'name': name, 'tc2_agency_id': 900 + number, 'tc2_status': 'active', 'sales_person_id': 20}
    return Observation(remote('client', number), 'state', Version(at, 0), told)


def take_in(story: Sequence[Observation], truth: dict[RemoteRef, Observation]) -> Graph:
    """Deliver in this order; what has to be read is read; what waits is tried again."""
    ids = numbers()
    graph = Graph(allocate=lambda: next(ids))
    waiting = list(story)
    for _ in range(20):
        left = []
        for seen in waiting:
            left += [seen] if apply(graph, Element((seen,)), HERE).waits_for else []
            read_all(graph, truth)
        if not left:
            return graph
        waiting = left
    raise AssertionError('something waits for ever')


def read_all(graph: Graph, truth: dict[RemoteRef, Observation]) -> None:
    """What the CRM says now about everything that is to be read."""
    for ref in [ref for ref, mirror in graph.mirrors.items() if mirror.reread_at is not None]:
        last = truth.get(ref)
        missing = Observation(ref, 'missing', Version(9_000, -1))
        told = replace(last, origin='read', merged_from=None, merged_into=None) if last else missing
        if last is not None and last.kind in ('merged', 'deleted'):
            told = replace(told, kind='deleted')
        apply(graph, Element((told,)), HERE)


def state(graph: Graph) -> dict[str, Any]:
    """Without ids of ours: a record is known by its live remote objects."""
    names = {}
    for ref, record in graph.records.items():
        if record.alias_of is None:
            live = [':'.join(one.ref) for one in graph.mirrors_of(ref) if one.merged_into is None]
            names[ref] = min(live, default=f'{ref.type} of nobody')
    by_id = {(ref.type, ref.id): name for ref, name in names.items()}
    found: dict[str, Any] = {}
    for ref, name in names.items():
        record = graph.records[ref]
        told = {key: value for key, value in record.fields.items() if not key.endswith('_id')}
        told['company'] = by_id.get(('company', record.company_id or 0))
        contact = record.fields.get('contact_id')
        owner = graph.record(next((one for one in graph.records if one.id == contact), None))
        told['contact'] = names.get(owner.ref) if owner and not owner.gone else None
        links = {one.ref: (one.primary and one.live, one.live) for one in graph.mirrors_of(ref) if not one.merged_into}
        found[name] = 'gone' if record.tombstone else (told, links)
    return {name: what for name, what in found.items() if what != 'gone'}


CHAIN = [
    says('organization', 1, 100, name='One'),
    says('organization', 2, 110, name='Two'),
    says('organization', 3, 120, name='Three'),
    says('person', 7, 130, name='Ana', first_name='Ana', company_id=1),
    says('deal', 9, 140, title='Deal', status='open', company_id=2, contact_id=7),
]
STORIES = {
    'a merge': [*CHAIN[:2], *CHAIN[3:], *merged('organization', 1, 2, 200, name='Two')],
    'a chain': [
        *CHAIN,
        *merged('organization', 1, 2, 200, name='Two'),
        *merged('organization', 2, 3, 300, name='Three'),
    ],
    'two into one': [
        *CHAIN,
        *merged('organization', 1, 3, 200, name='Three'),
        *merged('organization', 2, 3, 300, name='Three'),
    ],
    'deleted afterwards': [*CHAIN, *merged('organization', 1, 2, 200, name='Two'), gone('organization', 2, 300)],
    'persons': [
        *CHAIN,
        says('person', 8, 150, name='Bo', first_name='Bo', company_id=3),
        *merged('person', 7, 8, 200, name='Bo', first_name='Bo', company_id=3),
    ],
    'deals and persons': [
        *CHAIN,
        says('deal', 10, 150, title='Other', status='won', company_id=3, contact_id=7),
        *merged('deal', 9, 10, 200, title='Other', status='won', company_id=3, contact_id=7),
        *merged('organization', 2, 3, 300, name='Three'),
    ],
    'a person deleted': [*CHAIN, gone('person', 7, 150), *merged('organization', 1, 2, 200, name='Two')],
    'known by name alone': [client(1, 90, 'One'), CHAIN[1], CHAIN[0], *merged('organization', 1, 2, 200, name='Two')],
    'a move before': [
        *CHAIN,
        says('person', 7, 150, name='Ana', first_name='Ana', company_id=3),
        *merged('organization', 3, 2, 200, name='Two'),
    ],
}


def last_said(story: Sequence[Observation]) -> dict[RemoteRef, Observation]:
    return {seen.ref: seen for seen in story}


@pytest.mark.behaviour('PD-ORDER-1', 'PD-MERGE-1', 'PD-MERGE-2')
@pytest.mark.invariant('I5', 'I16')
@pytest.mark.parametrize('name', STORIES)
def test_every_order_of_a_merge_ends_alike(name: str) -> None:
    story = STORIES[name]
    known_first = {'a chain': 3, 'known by name alone': 1}.get(name, 0)
    expected = state(take_in(story, last_said(story)))
    chance = random.Random(5)
    orders = [list(order) for order in itertools.islice(itertools.permutations(story), 0, 5_040, 25)]
    for _ in range(400):
        order = [*story, *chance.sample(story, 2)]
        chance.shuffle(order)
        orders.append(order)
    for order in spread(orders, 4):
        # A middle one that is read after the last merge is only deleted: who waits for it then is nobody's (D-3).
        order = [*story[:known_first], *(seen for seen in order if seen not in story[:known_first])]
        told = [f'{seen.kind} {seen.ref.type} {seen.ref.remote_id}' for seen in order]
        assert state(take_in(order, last_said(story))) == expected, told


@pytest.mark.behaviour('PD-MERGE-1', 'D-2')
@pytest.mark.invariant('I5', 'I16')
@pytest.mark.parametrize('deleted', [(), (1,), (2,), (1, 2)])
def test_clients_that_come_and_go_around_a_merge_end_alike(deleted: tuple[int, ...]) -> None:
    known = [
        says('organization', 1, 100, name='One', tc2_cligency_url='https://x.example/clients/1/'),
        says('organization', 2, 110, name='Two', tc2_cligency_url='https://x.example/clients/2/'),
    ]
    first = [client(1, 90, 'One'), client(2, 91, 'Two')]
    moving = [
        *merged('organization', 1, 2, 200, name='Two'),
        *(gone('client', number, 150) for number in deleted),
        says('person', 7, 130, name='Ana', first_name='Ana', company_id=1),
    ]
    truth = last_said([*known, *moving])
    expected = state(take_in([*first, *known, *moving], truth))
    assert bool(expected) is (len(deleted) < 2)
    for order in itertools.permutations(moving):
        assert state(take_in([*first, *known, *order], truth)) == expected, [seen.ref for seen in order]
