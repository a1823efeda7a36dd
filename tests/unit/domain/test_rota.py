"""Whose turn it is, as a function of the ledger: fair among equals, without a burst for whoever was away."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain.errors import Refused
from hermes.domain.model import Record, RecordRef, Tombstone
from hermes.domain.regions import COUNTRIES, region_of
from hermes.domain.rota import UNBOOKED, Standing, Turn, candidates, gives_back_at, go_on, queue_of, settle
from tests.thorough import examples

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
ALL = {f'sells_{name}': True for name in ('payg', 'startup', 'enterprise', 'us', 'gb', 'au', 'ca', 'eu', 'row')}


def admin(number: int, **fields: Any) -> Record:
    told = {'active': True, 'bookable': True, 'is_sales_person': True, **ALL, **fields}
    return Record(RecordRef('admin', number), told)


def chosen(queue: str, *admins: Record, now: datetime = NOW) -> list[int]:
    return [one.ref.id for one in candidates(queue, admins, now)]


def drawn(ledger: list[Turn], people: list[int], at: datetime = NOW) -> int:
    """One draw, written into the ledger."""
    who = settle(ledger, at).order(people)[0]
    ledger.append(Turn(who, True, at))
    return who


@pytest.mark.behaviour('API-2')
@pytest.mark.lesson('J-6', 'M-69')
@pytest.mark.parametrize(
    ('region', 'codes'),
    [
        ('us', 'US'),
        ('gb', 'GB gb UK JE GG IM GI'),
        ('au', 'AU'),
        ('ca', 'CA'),
        ('eu', 'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'),
        ('eu', 'AD AL AX BA CH FO IS LI MC MD ME MK NO RS SJ SM UA VA'),
    ],
)
def test_a_country_belongs_to_the_region_of_the_table(region: str, codes: str) -> None:
    assert {code: region_of(code) for code in codes.split()} == dict.fromkeys(codes.split(), region)


@pytest.mark.behaviour('API-2')
@pytest.mark.lesson('J-6')
def test_whatever_the_table_does_not_name_is_the_rest_of_the_world() -> None:
    for elsewhere in ('RU', 'BY', 'TR', 'GE', 'IL', 'IN', 'PR', 'NZ', 'ZZ', '', None, 'United Kingdom', 7):
        assert region_of(elsewhere) == 'row'
    assert len(COUNTRIES) == 3 + 6 + 27 + 18


@pytest.mark.behaviour('API-2')
def test_who_sells_the_region_goes_before_who_sells_the_plan() -> None:
    here, there = admin(1, sells_gb=False), admin(2, sells_us=False)
    other = admin(3, sells_payg=False)
    assert chosen('sales:payg:gb', here, there, other) == [2]
    assert chosen('sales:payg:us', here, there, other) == [1]
    assert chosen('sales:payg:au', here, there, other) == [1, 2]
    nobody_there = [admin(1, sells_eu=False), admin(2, sells_eu=False), other]
    assert chosen('sales:payg:eu', *nobody_there) == [1, 2], 'nobody sells the region: any who sell the plan'
    assert chosen('sales:payg:gb', other) == []


@pytest.mark.behaviour('API-2', 'API-4')
@pytest.mark.lesson('J-4', 'J-5')
@pytest.mark.parametrize(
    'fields',
    [
        {'active': False},
        {'active': None},
        {'bookable': False},
        {'is_sales_person': False, 'is_support_person': False},
        {'days_off': [['2026-03-01', '2026-03-04']]},
        {'days_off': [['2026-03-04', '2026-03-04']], 'timezone': 'Pacific/Auckland'},
    ],
)
def test_who_is_not_there_is_not_drawn(fields: dict[str, Any]) -> None:
    people = [
        admin(1, **{'timezone': 'Europe/London', 'is_support_person': True, **fields}),
        admin(2, is_support_person=True),
    ]
    assert chosen('sales:payg:gb', *people) == chosen('support', *people) == [2]
    assert chosen('sales:payg:gb', people[0]) == []


@pytest.mark.lesson('J-5')
def test_a_day_off_is_a_day_in_ones_own_time_zone_and_a_tombstone_is_for_ever() -> None:
    late = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
    off = [['2026-03-05', '2026-03-05']]
    people = [admin(1, days_off=off, timezone='Europe/London'), admin(2, days_off=off, timezone='Asia/Kolkata')]
    assert chosen('sales:payg:gb', *people, now=late) == [1]
    stone = Tombstone('crm', NOW, 7)
    assert chosen('sales:payg:gb', Record(RecordRef('admin', 1), admin(1).fields, tombstone=stone)) == []


@pytest.mark.behaviour('API-4')
def test_support_is_a_queue_of_its_own_without_plan_and_region() -> None:
    people = [admin(1, is_support_person=True, **dict.fromkeys(ALL, False)), admin(2)]
    assert chosen('support', *people) == [1]
    assert (queue_of('support'), queue_of('sales', 'payg', 'DE')) == ('support', 'sales:payg:eu')
    with pytest.raises(Refused, match='payg, startup, enterprise'):
        queue_of('sales', 'gold', 'GB')


@pytest.mark.behaviour('API-3')
def test_the_least_recent_of_equals_is_next_then_the_lower_id() -> None:
    ledger: list[Turn] = []
    assert [drawn(ledger, [3, 1, 2]) for _ in range(7)] == [1, 2, 3, 1, 2, 3, 1]
    back = [Turn(2, True, NOW), Turn(1, True, NOW)]
    assert settle(back, NOW).order([1, 2]) == [2, 1]


@pytest.mark.behaviour('API-3')
def test_a_draw_without_a_booking_counts_for_a_day() -> None:
    later = NOW + UNBOOKED
    assert gives_back_at(NOW, None, None) == later
    assert gives_back_at(NOW, NOW, None) is None
    ledger = [Turn(1, True, NOW, later), Turn(2, True, NOW), Turn(1, True, NOW)]
    before = settle(ledger, later - timedelta(seconds=1))
    assert (before.count(1), before.count(2), before.order([1, 2])) == (2, 1, [2, 1])
    after = settle(ledger, later)
    assert (after.count(1), after.count(2)) == (1, 1)
    unbooked = [Turn(1, True, NOW, later), Turn(2, True, NOW)]
    assert settle(unbooked, later).order([1, 2]) == [1, 2], 'who got nothing of it is next'


@pytest.mark.behaviour('API-3')
def test_a_turn_from_elsewhere_counts() -> None:
    ledger = [Turn(1, False, NOW), Turn(1, False, NOW)]
    assert [drawn(ledger, [1, 2]) for _ in range(5)] == [2, 2, 1, 2, 1]


@pytest.mark.behaviour('API-3')
def test_who_was_away_and_who_is_new_start_level_with_the_others() -> None:
    ledger: list[Turn] = []
    for _ in range(3):
        drawn(ledger, [1, 2, 3])
    for _ in range(40):
        drawn(ledger, [1, 2])
    after = [drawn(ledger, [1, 2, 3, 4]) for _ in range(40)]
    assert Counter(after) == {1: 10, 2: 10, 3: 10, 4: 10}
    assert after[:4].count(3) == after[:4].count(4) == 1


@pytest.mark.behaviour('API-3')
def test_a_returned_turn_is_owed_and_no_more_than_that() -> None:
    ledger: list[Turn] = []
    for _ in range(10):
        drawn(ledger, [1, 2])
    at = NOW + timedelta(hours=1)
    ledger[-2] = Turn(1, True, NOW, at)
    ledger[-4] = Turn(1, True, NOW, at)
    assert [drawn(ledger, [1, 2], at) for _ in range(2)] == [1, 1]
    counts = Counter(turn.admin_id for turn in ledger if turn.returned_at is None)
    assert abs(counts[1] - counts[2]) <= 1


WHO = st.integers(1, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just('draw'), st.sets(WHO, min_size=1)),
        st.tuples(st.just('elsewhere'), WHO),
        st.tuples(st.just('return'), st.integers(0, 30)),
    ),
    max_size=120,
)


@pytest.mark.invariant('I22')
@pytest.mark.behaviour('API-3')
@settings(max_examples=examples(200), deadline=None)
@given(STEPS, st.sets(WHO, min_size=2))
def test_equals_differ_by_one_at_most_after_any_history(steps: list[Any], present: set[int]) -> None:
    ledger: list[Turn] = []
    at = NOW
    for what, told in steps:
        at += timedelta(minutes=1)
        if what == 'draw':
            drawn(ledger, sorted(told), at)
        elif what == 'elsewhere':
            ledger.append(Turn(told, False, at))
        elif told < len(ledger) and ledger[told].drawn and ledger[told].returned_at is None:
            old = ledger[told]
            ledger[told] = Turn(old.admin_id, True, old.at, at)
    start = settle(ledger, at)
    base = {who: start.count(who) for who in present}
    taken: Counter[int] = Counter()
    for _ in range(60):
        least = min(base[who] + taken[who] for who in present)
        who = drawn(ledger, sorted(present), at)
        assert base[who] + taken[who] == least, 'only whoever had the fewest of all is drawn'
        taken[who] += 1
    tops = [base[who] + taken[who] for who in present if taken[who]]
    assert max(tops) - min(tops) <= 1


@pytest.mark.invariant('I22')
@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.sets(WHO, min_size=1), max_size=80))
def test_nobody_comes_back_to_a_burst(absences: list[set[int]]) -> None:
    """Whoever is there, nobody gets two turns more than another who is there as long as they both are."""
    ledger: list[Turn] = []
    together: dict[tuple[int, int], Counter[int]] = {}
    for present in absences:
        who = drawn(ledger, sorted(present))
        for pair in [(a, b) for a in range(1, 6) for b in range(a + 1, 6)]:
            if not {*pair} <= present:
                together.pop(pair, None)
                continue
            counts = together.setdefault(pair, Counter())
            counts[who] += 1
            assert abs(counts[pair[0]] - counts[pair[1]]) <= 2


TURNS = st.lists(
    st.tuples(st.integers(1, 4), st.booleans(), st.integers(0, 90), st.none() | st.integers(1, 60)), max_size=30
)


@pytest.mark.behaviour('API-3')
@pytest.mark.lesson('M-7')
@settings(max_examples=examples(300), deadline=None)
@given(TURNS, st.lists(st.integers(0, 30), max_size=6))
def test_a_standing_that_goes_on_is_the_one_of_the_whole_ledger(
    told: list[tuple[int, bool, int, int | None]], stops: list[int]
) -> None:
    """Wherever it was kept on the way."""
    at, ledger = NOW, []
    for who, is_drawn, minutes, back in told:
        at += timedelta(minutes=minutes)
        ledger.append(Turn(who, is_drawn, at, at + timedelta(hours=back) if back else None))
    standing, counted, given_back = Standing(), 0, set[int]()
    for stop in sorted({*(stop for stop in stops if stop < len(ledger)), len(ledger)}):
        now = ledger[stop - 1].at if stop else NOW
        news = list(enumerate(ledger))[counted:stop]
        waiting = [(place, turn) for place, turn in enumerate(ledger[:counted]) if place not in given_back]
        given_back |= set(go_on(standing, news, waiting, now))
        counted = stop
        assert standing == settle(ledger[:stop], now)
