"""A mirror is a function of the set of its observations, and says whose values it holds (I2, I5, EDIT-1 to EDIT-3)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.domain.history import KEPT_SEEN, KEPT_SENT, absorbed, edits, equal, fold, is_empty, send, settle
from hermes.domain.model import SETTLED, UNSETTLED, Mirror, Observation, Run, Sent, Value, Version
from tests.unit.domain.histories import NOW, ORG, state, written

NAMES = ('name', 'website', 'emails')

versions = st.builds(Version, st.integers(100, 112), st.sampled_from([UNSETTLED, 100, 500, SETTLED]))
values = st.sampled_from([None, 'a', 'b', 'c'])
contents = st.dictionaries(st.sampled_from(NAMES), values, min_size=1)


@st.composite
def sightings(draw: st.DrawFn) -> Observation:
    kind: Literal['state', 'deleted'] = 'state' if draw(st.sampled_from([True] * 9 + [False])) else 'deleted'
    merged_from = draw(st.sampled_from([None] * 6 + ['99']))
    fields = draw(contents) if kind == 'state' else {}
    return Observation(ORG, kind, draw(versions), fields, merged_from=merged_from if kind == 'state' else None)


def folded(told: Sequence[Observation], mirror: Mirror | None = None) -> Mirror:
    result = reduce(lambda known, seen: fold(known, seen, NOW), told, mirror)
    assert result is not None
    return result


def timeless(mirror: Mirror) -> Mirror:
    """Without the time at which it is read again, which belongs to the arrival."""
    return replace(mirror, reread_at=None)


def by_definition(told: Sequence[Observation], name: str) -> list[Run]:
    """The runs as the words define them: sightings in the order of versions, neighbours of equal value joined."""
    points: dict[Version, Value] = {}
    for seen in told:
        if seen.kind == 'state' and name in seen.fields:
            known = points.get(seen.version, seen.fields[name])
            points[seen.version] = max(
                known, seen.fields[name], key=lambda value: 'null' if value is None else f'"{value}"'
            )
    runs: list[Run] = []
    for version in sorted(points):
        if runs and runs[-1].value == points[version]:
            runs[-1] = runs[-1]._replace(last=version)
        else:
            runs.append(Run(points[version], version, version))
    return runs


@pytest.mark.invariant('I5', 'I2')
@given(st.data(), st.lists(sightings(), min_size=1, max_size=10))
def test_any_order_and_any_multiplicity_give_the_same_mirror(data: st.DataObject, told: list[Observation]) -> None:
    extra = data.draw(st.lists(st.sampled_from(told), max_size=6))
    shuffled = data.draw(st.permutations(told + extra))
    assert timeless(folded(shuffled)) == timeless(folded(told))
    for name in ('name', 'website'):
        assert list(folded(shuffled).runs.get(name, ())) == by_definition(told, name)


@pytest.mark.invariant('I2')
@given(st.lists(sightings(), min_size=1, max_size=10))
def test_a_second_time_changes_nothing(told: list[Observation]) -> None:
    once = folded(told)
    assert timeless(folded(told, once)) == timeless(once)


@pytest.mark.behaviour('PD-OLD-1', 'TC-15', 'EDIT-2')
@given(st.lists(sightings(), min_size=1, max_size=8), sightings())
def test_what_is_older_moves_no_mirror(told: list[Observation], late: Observation) -> None:
    before = folded([state(200, name='z', website='z'), *told])
    after = fold(before, late, NOW)
    assert (after.version, after.current('name'), after.current('website')) == (Version(200, 0), 'z', 'z')


@pytest.mark.behaviour('EDIT-2')
def test_a_value_that_arrives_late_in_the_middle_splits_its_run() -> None:
    told = [state(101, name='a'), state(102, name='a'), state(104, name='a'), state(103, name='b')]
    first, middle, last = folded(told).runs['name']
    assert (first.last, middle.value, last.first) == (Version(102, 0), 'b', Version(104, 0))


@pytest.mark.behaviour('VERSION-1')
@pytest.mark.parametrize(
    ('one', 'other', 'doubtful'),
    [
        (state(100, 5, name='a'), state(100, 5, name='b'), True),
        (state(100, UNSETTLED, name='a'), state(100, 5, name='b'), True),
        (state(100, 4, name='a'), state(100, 5, name='b'), False),
        (state(100, 5, name='a'), state(100, SETTLED, name='b'), False),
        (state(100, 5, name='a'), state(100, 5, name='a'), False),
        (state(100, UNSETTLED, name='a'), state(101, UNSETTLED, name='b'), False),
    ],
)
def test_two_values_in_one_second_are_read_again(one: Observation, other: Observation, doubtful: bool) -> None:
    for told in ([one, other], [other, one]):
        assert (folded(told).reread_at is not None) is doubtful


@pytest.mark.behaviour('VERSION-1')
@pytest.mark.invariant('I3')
def test_once_read_the_tie_is_over() -> None:
    tied = [state(100, 5, name='a'), state(100, 5, name='b')]
    read = replace(folded([*tied, state(100, SETTLED, 'read', name='a')]), reread_at=None)
    assert read.current('name') == 'a'
    assert folded([*tied, state(100, SETTLED, 'read', name='a')], read) == read


@given(st.data(), st.integers(KEPT_SENT + 1, KEPT_SENT + 8))
@pytest.mark.behaviour('EDIT-1')
def test_our_own_old_values_never_turn_into_edits(data: st.DataObject, times: int) -> None:
    mirror = replace(folded([state(1000, name='first')]), ours=True)
    for number in range(1, times + 1):
        at_s = 1000 + 100 * number
        mirror = written(mirror, at_s, f'value {number}', intent=number)
    assert edits(mirror, 'name') == []


def names(mirror: Mirror) -> list[Value]:
    return [run.value for run, _ in edits(mirror, 'name')]


@pytest.mark.behaviour('EDIT-1', 'PD-ECHO-1')
@given(st.permutations(['answer', 'echo', 'settled', 'page']), st.integers(-50, 50))
def test_our_value_is_nobodys_edit_in_whatever_order_its_echoes_come(order: list[str], skew_s: int) -> None:
    at_s = 1000 + skew_s
    mirror = send(folded([state(900, name='a')]), {'name': 'b'}, datetime.fromtimestamp(1000, UTC), 7)
    for step in order:
        if step == 'settled':
            mirror = settle(mirror, 7, Version(at_s, UNSETTLED))
        else:
            sub = {'answer': UNSETTLED, 'echo': 250, 'page': SETTLED}[step]
            mirror = fold(mirror, state(at_s, sub, 'answer' if step == 'answer' else 'webhook', name='b'), NOW)
        assert names(mirror) == ['a']
    assert mirror.current('name') == 'b'


@pytest.mark.behaviour('EDIT-1')
@given(st.permutations([(1100, 'c'), (1200, 'b')]))
def test_our_value_written_again_by_a_person_is_an_edit(people: list[tuple[int, str]]) -> None:
    mirror = written(folded([state(900, name='a')]), 1000, 'b')
    told = folded([state(at_s, 5, name=value) for at_s, value in people], mirror)
    assert names(told) == ['a', 'c', 'b']


@pytest.mark.behaviour('EDIT-1')
def test_a_persons_value_stays_theirs_when_we_write_the_same_later() -> None:
    mirror = folded([state(960, 5, name='b'), state(970, 5, name='c')])
    mirror = send(mirror, {'name': 'b'}, datetime.fromtimestamp(1000, UTC), 7)
    mirror = fold(mirror, state(1001, 5, name='b'), NOW)
    mirror = settle(fold(mirror, state(1090, 5, name='d'), NOW), 7, Version(1090, 5))
    assert names(mirror) == ['b', 'c', 'd']


@pytest.mark.behaviour('EDIT-1', 'OUT-4')
def test_what_was_never_sent_explains_nothing() -> None:
    mirror = send(folded([state(900, name='a')]), {'name': 'b'}, datetime.fromtimestamp(1000, UTC), 7)
    mirror = fold(mirror, state(1001, 5, name='b'), NOW)
    assert names(mirror) == ['a']
    assert names(settle(mirror, 7, None)) == ['a', 'b']


@pytest.mark.behaviour('EDIT-3')
def test_a_normalised_value_is_ours_and_equal() -> None:
    mirror = written(folded([state(900, name='a')]), 1000, ' b', got='b')
    assert names(mirror) == ['a']
    assert equal(mirror, 'name', ' b')
    assert not equal(mirror, 'name', 'z')
    again = folded([state(1100, 5, name='c'), state(1200, 5, name='b')], mirror)
    assert names(again) == ['a', 'c', 'b']


@pytest.mark.behaviour('EDIT-1')
@given(st.lists(values, min_size=1, max_size=6))
def test_null_counts_only_after_a_value(told: list[Value]) -> None:
    mirror = folded([state(100 + place, name=value) for place, value in enumerate(told)])
    found = names(mirror)
    filled = [place for place, value in enumerate(told) if not is_empty(value)]
    assert (None in found) == bool(filled and None in told[filled[0] :])


@pytest.mark.behaviour('EDIT-1')
def test_the_first_sight_of_an_object_of_ours_is_no_edit() -> None:
    foreign = folded([state(100, name='a')])
    assert [(run.value, first) for run, first in edits(foreign, 'name')] == [('a', True)]
    assert edits(replace(foreign, ours=True), 'name') == []


@pytest.mark.behaviour('PD-MERGE-2', 'EDIT-1')
@given(st.permutations(range(5)), st.sampled_from([UNSETTLED, SETTLED]))
def test_values_that_come_with_a_merge_are_no_edit(order: list[int], sub: int) -> None:
    merged = replace(state(200, 5, name='a, b'), merged_from='13')
    told = [
        state(100, name='a'), merged, merged, state(200, sub, 'read', name='a, b'), state(200, 9, name='a, b'),
    ]  # fmt: skip
    mirror = folded([told[place] for place in order])
    assert names(mirror) == ['a']
    assert names(fold(mirror, state(300, name='b'), NOW)) == ['a', 'b']
    many_later = [state(201 + at, website=f'{at}', name='a, b') for at in range(3 * KEPT_SEEN)]
    assert names(folded(many_later, mirror)) == ['a']


@pytest.mark.behaviour('PD-MERGE-2', 'EDIT-1')
@given(st.permutations(range(4)), st.sampled_from([4, 6, SETTLED]), st.booleans())
def test_what_a_person_wrote_in_the_second_of_a_merge_is_an_edit(order: list[int], sub: int, read: bool) -> None:
    """Before it, after it, or so that only a read shows it; the merge's own value of another field is none."""
    merged = replace(state(200, 5, name='a' if sub > 5 else 'by hand', website='w, v'), merged_from='13')
    renamed = state(200, sub, name='by hand', website='w, v' if sub > 5 else 'w')
    again = state(200, UNSETTLED, 'answer', name='by hand', website='w, v') if read else renamed
    told = [state(100, name='a', website='w'), merged, renamed, again]
    mirror = folded([told[place] for place in order])
    assert names(mirror)[-1] == 'by hand'
    assert [run.value for run, _ in edits(mirror, 'website')] == ['w']


@pytest.mark.behaviour('PD-MERGE-2', 'EDIT-1')
@given(st.permutations(range(4)))
def test_of_a_merge_that_only_the_loser_told_a_read_shows_the_values(order: list[int]) -> None:
    told = [state(100, name='a', website='w'), state(200, SETTLED, 'read', name='by hand', website='w, v')]
    within = (Version(199, UNSETTLED), Version(200, UNSETTLED))

    def play(*acts: Observation | None) -> Mirror:
        mirror = Mirror(ORG, Version(-1, UNSETTLED))
        for act in acts:
            mirror = absorbed(mirror, '13', within) if act is None else folded([act], mirror)
        return mirror

    assert names(play(told[1], None, told[0])) == names(play(None, *told)) == ['a']
    renamed = state(200, 4, name='by hand', website='w')
    acts = [*told, renamed, None]
    mirror = play(*(acts[place] for place in order))
    assert names(mirror) == ['a', 'by hand']
    assert [run.value for run, _ in edits(mirror, 'website')] == ['w']
    own = replace(state(200, 5, name='by hand', website='w, v'), merged_from='13')
    assert play(*(acts[place] for place in order), own).merges == play(own, None).merges
    assert play(None, *told, own, state(199, SETTLED, name='x')).merges == play(own).merges


@pytest.mark.behaviour('EDIT-1')
def test_what_the_remote_chose_at_our_creation_is_no_edit_when_we_write_it_later() -> None:
    born = replace(
        folded([state(100, name='chosen by the CRM')]), ours=True, sent={'hermes_id': (Sent([1], 99, intent=1),)}
    )
    later = written(born, 200, 'ours', intent=2)
    assert names(later) == []
    said = replace(born, sent={**born.sent, 'name': (Sent('ours', 99, intent=1),)})
    assert names(said) == ['chosen by the CRM']
