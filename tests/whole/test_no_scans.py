"""No statement that a page or a command sends to read something goes through `event`, `change` or `call` from end to
end (ADM-10): each is planned again, with its own values, at the costs that hold in life.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from hermes.db.reads import (
    audit,
    blame,
    decisions,
    events,
    lookup,
    matters,
    meetings,
    overview,
    privacy,
    pushes,
    record,
    rota,
    search,
    soundness,
    spending,
    status,
    timeline,
    trace,
)
from hermes.db.reads.lists import LISTINGS, list_named
from hermes.domain.event_filter import EventFilter
from hermes.domain.matters import KINDS
from hermes.domain.model import RecordRef
from tests.whole.conftest import UNTIL

LARGE: Final = ('event', 'change', 'call')
OBJECTS: Final = ('mirror', 'link')
FEW = ('event_due', 'event_waiting', 'event_aside', 'mirror_nobodys')
"""Indexes of what is still to be done or was put aside: few rows of many, which may be walked."""
BY_TIME = ('spending', 'health')
"""A stretch of time is found by a BRIN index, for which a table as small as here is too small to bother."""
Big = psycopg.Connection[Any]


class Noting(psycopg.Cursor[Any]):
    """Remembers what was asked."""

    said: list[tuple[Any, Any]] = []  # noqa: RUF012 - one list for all of them

    def execute(self, query: Any, params: Any = None, **more: Any) -> 'Noting':
        self.said.append((query, params))
        return super().execute(query, params, **more)


@pytest.fixture
def noted(big: Big) -> Iterator[Big]:
    Noting.said.clear()
    plain, big.cursor_factory = big.cursor_factory, Noting
    yield big
    big.cursor_factory = plain
    big.execute('reset enable_seqscan')


def scans(connection: Big, *, whole: bool = True, large: Collection[str] = LARGE) -> set[str]:
    """The large tables that a noted statement reads from end to end; not `whole`: because there is no other way."""
    return {told for plan in plans(connection, whole=whole) for told in _whole(plan, large, limited=False)}


def plans(connection: Big, *, whole: bool) -> list[dict[str, Any]]:
    """How the noted statements are carried out."""
    connection.cursor_factory = psycopg.Cursor
    connection.execute(sql.SQL('set enable_seqscan = {}').format(sql.Literal(whole)))
    found = []
    for query, params in Noting.said:
        text = query if isinstance(query, sql.Composable) else sql.SQL(query)
        row = connection.execute(sql.SQL('explain (format json) ') + text, params).fetchone()
        assert row is not None
        found.append(row[0][0]['Plan'])
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get('Plans', ()):
        yield from nodes(part)


def _whole(node: dict[str, Any], large: Collection[str], *, limited: bool) -> Iterator[str]:
    """Tables that a plan reads whole; what walks an index in its order and may stop is not one."""
    stops = limited or node['Node Type'] == 'Limit'
    table = node.get('Relation Name')
    if table in large:
        by_index = node['Node Type'] in ('Index Scan', 'Index Only Scan')
        walked = by_index and 'Index Cond' not in node and node['Index Name'] not in FEW
        if node['Node Type'] == 'Seq Scan' or (walked and not stops):
            yield f'{table} ({node["Node Type"]})'
    sorts = node['Node Type'] in ('Sort', 'Incremental Sort', 'Aggregate', 'Hash')
    for part in node.get('Plans', ()):
        apart = part.get('Subplan Name', '').startswith('CTE')
        yield from _whole(part, large, limited=stops and not sorts and not apart)


def some(connection: Big, record_type: str) -> RecordRef:
    row = connection.execute(
        sql.SQL('select id from {} where tombstone is null order by id limit 1 offset 5').format(
            sql.Identifier(record_type)
        )
    ).fetchone()
    assert row is not None
    return RecordRef(record_type, row[0])


def newest(connection: Big) -> int:
    row = connection.execute('select max(id) from event').fetchone()
    assert row is not None
    return int(row[0])


DAY = timedelta(days=1)
FILTERS = {
    'all': EventFilter(),
    'a state': EventFilter(state='parked'),
    'new ones': EventFilter(state='new'),
    'a source': EventFilter(source='tutorcruncher'),
    'a kind': EventFilter(kind='act'),
    'both': EventFilter(source='tutorcruncher', kind='read', state='done'),
    'a stretch': EventFilter(after=UNTIL - 30 * DAY, before=UNTIL - 28 * DAY),
    'a stretch of a kind': EventFilter(kind='webhook', after=UNTIL - 9 * DAY, before=UNTIL - 8 * DAY),
    'an object': EventFilter(subject='pipedrive:organization:20'),
    'an object by its id': EventFilter(subject='20'),
    'an act': EventFilter(subject='meeting.book'),
}
READS: dict[str, Callable[[Big], Any]] = {
    **{f'events of {name}': (lambda each: lambda it: events.page_events(it, each))(wanted)
       for name, wanted in FILTERS.items()},
    **{f'events of a {kind}': (lambda each: lambda it: events.page_events(it, EventFilter(record=some(it, each))))(kind)
       for kind in ('company', 'contact', 'deal')},
    **{f'the list of {name}': (lambda each: lambda it: list_named(it, each))(name) for name in LISTINGS},
    'what is new': lambda it: events.page_events(it, EventFilter(), newer_than=newest(it) - 10),
    'ignored ones': lambda it: events.page_events(it, EventFilter(), outcome='ignored', counting=False),
    'a search': lambda it: search.search(it, 'north'),
    'a search by number': lambda it: search.search(it, '20'),
    'blame': lambda it: blame.read_blame(it, some(it, 'company')),
    'a trace': lambda it: trace.read_trace(it, newest(it) - 100),
    'an event': lambda it: events.read_event(it, newest(it)),
    'links': lambda it: lookup.find_links(it, some(it, 'company')),
    'pushes': lambda it: pushes.list_pushes(it),
    'decisions': lambda it: decisions.list_decisions(it),
    'meetings': lambda it: meetings.list_meetings(it),
    'a week': lambda it: meetings.list_week(it, UNTIL - 7 * DAY, UNTIL),
    'events without looks': lambda it: events.page_events(it, EventFilter(), views=False),
    'turns': lambda it: rota.list_turns(it),
    'what needs somebody': lambda it: matters.count_matters(it),
    **{f'{kind} that need somebody': (lambda each: lambda it: matters.list_matters(it, each))(kind) for kind in KINDS},
    'calls of a push': lambda it: matters.read_calls(it, some(it, 'company'), 'pipedrive'),
    'status': lambda it: status.read_status(it, counting=False),
    'the overview': lambda it: overview.read_overview(it),
    'health': lambda it: soundness.read_soundness(it, UNTIL - 7 * DAY, UNTIL, ['pipedrive']),
    'the audit log': lambda it: audit.read_audit(it),
    'the audit log of a day': lambda it: audit.read_audit(it, what='user', since=UNTIL - DAY, until=UNTIL),
    'spending': lambda it: spending.read_spending(it, {}),
    'sides': lambda it: record.read_view(it, some(it, 'company')),
    'a timeline': lambda it: timeline.page_changes(it, some(it, 'company')),
    "a field's timeline": lambda it: timeline.page_changes(it, some(it, 'company'), field='name'),
    'as it was': lambda it: record.read_past(it, some(it, 'company'), UNTIL - 3 * DAY),
    'calls': lambda it: timeline.page_calls(it, some(it, 'company')),
    'cost': lambda it: timeline.read_cost(it, some(it, 'company')),
    'related': lambda it: record.read_related(it, record.read_head(it, some(it, 'company'))),
    'what the erasure of a person would take along': lambda it: privacy.preview(it, some(it, 'contact')),
    'the last act': lambda it: record.read_last_act(it, some(it, 'company')),
}  # fmt: skip


@pytest.mark.behaviour('ADM-10')
@pytest.mark.parametrize('name', READS)
def test_nothing_reads_a_large_table_from_end_to_end(noted: Big, name: str) -> None:
    READS[name](noted)
    assert Noting.said
    assert scans(noted, whole=name not in BY_TIME) == set()


@pytest.mark.behaviour('ADM-10')
@pytest.mark.parametrize(
    ('index', 'name'),
    [
        ('event_about', 'events of a company'), ('event_source', 'events of a kind'), ('change_record', 'blame'),
        ('event_cause', 'a trace'), ('call_record', 'calls'), ('event_aside', 'events of a state'),
    ],
)  # fmt: skip
def test_a_missing_index_is_noticed(noted: Big, index: str, name: str) -> None:
    with noted.transaction(force_rollback=True):
        noted.execute(sql.SQL('drop index {}').format(sql.Identifier(index)))
        Noting.said.clear()
        READS[name](noted)
        assert scans(noted) != set()


@pytest.mark.behaviour('ADM-10')
@pytest.mark.parametrize('text', ['what nobody is called', '20', '7700 900', 'ruth.sato@'])
def test_what_belongs_to_nobody_is_found_without_a_look_at_everything(noted: Big, text: str) -> None:
    search.search(noted, text)
    assert scans(noted, whole=False, large=OBJECTS) == set()


@pytest.mark.behaviour('ADM-10')
@pytest.mark.parametrize('name', ['status', 'the overview'])
def test_when_a_system_was_heard_last_is_found_in_its_own_part_of_an_index(noted: Big, name: str) -> None:
    READS[name](noted)
    walked = [node for plan in plans(noted, whole=True) for node in nodes(plan) if node.get('Relation Name') == 'event']
    assert walked
    assert not [node for node in walked if 'source = asked' in node.get('Filter', '')]


@pytest.mark.behaviour('ADM-10')
def test_letters_that_wait_for_their_time_are_not_asked_for_their_calls(noted: Big) -> None:
    READS['status'](noted)
    joined = [
        node for plan in plans(noted, whole=True) for node in nodes(plan) if node.get('Relation Name') == 'letter'
    ]
    assert joined
    assert all('attempts' in node.get('Filter', '') for node in joined if node['Node Type'] == 'Seq Scan')


@pytest.mark.behaviour('ADM-10')
@pytest.mark.parametrize(
    ('name', 'text'),
    [('companies', 'zzyzx-9'), ('contacts', '7700 900'), ('contacts', 'zzyzx-9'), ('deals', 'zzyzx-9')],
)
def test_what_few_are_called_is_not_looked_for_row_by_row(noted: Big, name: str, text: str) -> None:
    list_named(noted, name, search=text)
    table = LISTINGS[name].table
    read = [node for plan in plans(noted, whole=False) for node in nodes(plan) if node.get('Relation Name') == table]
    assert read
    assert all(node['Node Type'] == 'Bitmap Heap Scan' or 'Index Cond' in node for node in read)
