"""Whose value a field shows: policies, holds, releases, absent and null (FIELD-2, D-10, D-12)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.db.codec import read_claims
from hermes.domain.history import fold, send, settle
from hermes.domain.merge import NOTHING, believe
from hermes.domain.model import Mirror, Record, Value, Version
from hermes.domain.record_types import Attribute
from tests.unit.domain.office import CLIENT, COMPANY, NOW, ORG, OTHER, SOLD_BY, context, graph_of, mirror_of, sight

FOLLOWS = Attribute('website', 'str', 'follow')
TC2 = Attribute('website', 'str', 'tc2')
CRM_OWNED = Attribute('website', 'str', 'crm')
SOLD = Attribute('sales_person_id', 'admin', 'follow')
BOOKED = {'initial': {'website': {'value': 'booked', 'system': 'website', 'rule': 'CB'}}}

says = st.lists(st.sampled_from([None, 'a', 'b', 'c']), max_size=4)


def company(**claims: object) -> Record:
    return Record(COMPANY, {'name': 'Ember'}, read_claims(claims))


def client(*told: Value, name: str = 'website') -> Mirror:
    return mirror_of(
        CLIENT, COMPANY, *(sight(CLIENT, 100 + place, **{name: value}) for place, value in enumerate(told))
    )


def organization(*told: Value, ours: bool = False, name: str = 'website') -> Mirror:
    seen = [sight(ORG, 100 + 100 * place, **{name: value}) for place, value in enumerate(told)]
    return mirror_of(ORG, COMPANY, *seen, ours=ours)


def after_us(value: Value, *then: Value) -> Mirror:
    """An organisation that Hermes made, wrote `value` into, and that then said `then`."""
    mirror = send(organization(ours=True), {'website': value}, datetime.fromtimestamp(1000, UTC), 7)
    mirror = settle(fold(mirror, sight(ORG, 1000, website=value), NOW), 7, Version(1000, 5))
    for place, said in enumerate(then):
        mirror = fold(mirror, sight(ORG, 2000 + 100 * place, website=said), NOW)
    return mirror


def value_of(attribute: Attribute, record: Record, *mirrors: Mirror) -> Value:
    return believe(graph_of(record, *mirrors), record, attribute, context()).value


@pytest.mark.behaviour('FIELD-2', 'TC-10')
@pytest.mark.parametrize(
    ('attribute', 'mirrors', 'claims', 'wanted'),
    [
        (FOLLOWS, [client('a')], {}, 'a'),
        (FOLLOWS, [client('a', 'b'), after_us('a')], {}, 'b'),
        (FOLLOWS, [client('a', 'b'), after_us('a', 'x')], {}, 'x'),
        (FOLLOWS, [client('a', 'b'), after_us('a', None)], {}, None),
        (FOLLOWS, [client('a', 'b'), after_us('a', 'x', 'a')], {}, 'a'),
        (FOLLOWS, [client('a'), organization('x')], {}, 'x'),
        (FOLLOWS, [client('a'), organization(None)], {}, 'a'),
        (FOLLOWS, [client('a', 'b'), organization('a')], {}, 'b'),
        (FOLLOWS, [client('a'), after_us('a', 'x')], {'released': {'website': [2000, 5]}}, 'a'),
        (FOLLOWS, [client('a'), after_us('a', 'x', 'y')], {'released': {'website': [2000, 5]}}, 'y'),
        (FOLLOWS, [], BOOKED, 'booked'),
        (FOLLOWS, [client('a')], BOOKED, 'a'),
        (FOLLOWS, [client(None)], BOOKED, 'booked'),
        (FOLLOWS, [client('a', None)], BOOKED, None),
        (FOLLOWS, [organization('x')], {}, 'x'),
        (TC2, [client('a'), after_us('a', 'x')], {}, 'a'),
        (TC2, [client('a', None), after_us('a', 'x')], {}, None),
        (TC2, [client(), organization('x')], BOOKED, 'booked'),
        (TC2, [organization('x')], {}, 'x'),
        (CRM_OWNED, [client('a'), organization('x')], BOOKED, 'x'),
        (CRM_OWNED, [organization()], BOOKED, 'booked'),
        (CRM_OWNED, [organization('x', None)], BOOKED, None),
    ],
)
def test_whose_value_it_is(
    attribute: Attribute, mirrors: list[Mirror], claims: dict[str, object], wanted: Value
) -> None:
    assert value_of(attribute, company(**claims), *mirrors) == wanted


@pytest.mark.behaviour('FIELD-2')
@given(says, st.lists(st.sampled_from(['x', 'y', None]), min_size=1, max_size=3))
def test_a_persons_value_stands_however_often_the_snapshot_comes(told: list[Value], written: list[Value]) -> None:
    """Whatever TC2 says, before or after; only a null that never followed a value is no edit."""
    crm = after_us('a', *written)
    assert value_of(FOLLOWS, company(), client('a', *told), crm) == written[-1]
    assert value_of(TC2, company(), client('a', *told), crm) == ['a', *told][-1]


@pytest.mark.behaviour('D-12')
@given(says)
def test_null_says_something_only_after_a_value(told: list[Value]) -> None:
    belief = believe(graph_of(company(), client(*told)), company(), TC2, context())
    if any(value is not None for value in told):
        assert (belief.value, belief.system) == (told[-1], 'tutorcruncher')
    else:
        assert belief is NOTHING


@pytest.mark.behaviour('D-10')
@pytest.mark.parametrize(('owner', 'wanted'), [(200, OTHER), (0, SOLD_BY), (None, SOLD_BY), (999, SOLD_BY)])
def test_an_owner_of_nobody_says_nothing(owner: Value, wanted: int) -> None:
    crm = organization(100, owner, name='sales_person_id')
    assert value_of(SOLD, company(), client(SOLD_BY * 10, name='sales_person_id'), crm) == wanted


@pytest.mark.behaviour('TC-7', 'D-6')
def test_a_decree_stands_until_a_person_writes() -> None:
    status = replace(CRM_OWNED, name='website')
    decreed = {'decree': {'website': {'value': 'lost', 'after': [1000, 5], 'rule': 'TC-7'}}}
    assert value_of(status, company(**decreed), after_us('open')) == 'lost'
    assert value_of(status, company(**decreed), after_us('open', 'lost')) == 'lost'
    assert value_of(status, company(**decreed), after_us('open', 'lost', 'open')) == 'open'
