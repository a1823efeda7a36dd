"""ADM-10: what pages and commands read, at the size of a big office: 100 000 companies and a million events.

`DATABASE` names a database that `make demo-big` filled; without it one is filled first, which takes minutes.
"""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from bench.place import filled
from bench.table import Row
from hermes.db.reads import blame, decisions, events, meetings, pushes, records, search, spending, status, trace
from hermes.db.reads.lists import list_named
from hermes.domain.event_filter import EventFilter
from hermes.domain.model import RecordRef

TIMES: Final = 25
DAY: Final = timedelta(days=1)
Read = Callable[[psycopg.Connection[Any], random.Random], Any]


def run(duration_s: float = 10.0) -> list[Row]:
    """Every read over and over, each time of another record, page or moment."""
    with filled() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return [_measure(connection, name, read, limit_ms) for name, (read, limit_ms) in _reads(connection).items()]


def _measure(connection: psycopg.Connection[Any], name: str, read: Read, limit_ms: int) -> Row:
    chance, took = random.Random(3), []
    for _ in range(TIMES):
        began = time.perf_counter()
        read(connection, chance)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    figure = f'p50 {took[TIMES // 2]:.0f} ms, p95 {took[int(TIMES * 0.95)]:.0f} ms'
    return Row('ADM-10', name, figure, f'p95 < {limit_ms} ms')


def _reads(connection: psycopg.Connection[Any]) -> dict[str, tuple[Read, int]]:
    newest, until = connection.execute('select max(id), max(received_at) from event').fetchone() or (
        0,
        datetime.now(UTC),
    )
    ids: dict[str, list[int]] = {
        kind: [number for (number,) in connection.execute(query.encode())]
        for kind, query in {
            'company': 'select id from company tablesample bernoulli (1) repeatable (1) where tombstone is null',
            'contact': 'select id from contact tablesample bernoulli (1) repeatable (1)',
            'deal': 'select id from deal tablesample bernoulli (2) repeatable (1)',
        }.items()
    }

    def some(chance: random.Random, kind: str = 'company') -> RecordRef:
        return RecordRef(kind, chance.choice(ids[kind]))

    def moment(chance: random.Random) -> Any:
        return until - chance.uniform(2, 55) * DAY

    def days(chance: random.Random, **more: Any) -> EventFilter:
        at = moment(chance)
        return EventFilter(after=at, before=at + DAY, **more)

    lists: dict[str, tuple[Read, int]] = {
        'companies, newest': (lambda it, _: list_named(it, 'companies'), 200),
        'companies by name': (lambda it, _: list_named(it, 'companies', sort='name'), 200),
        'companies, their second page': (
            lambda it, _: list_named(it, 'companies', cursor=list_named(it, 'companies').next), 200,
        ),
        'companies by sign-up, latest': (lambda it, _: list_named(it, 'companies', sort='-created'), 200),
        'companies of a country and plan': (
            lambda it, _: list_named(it, 'companies', filters={'country': ['GB'], 'price_plan': ['startup']}), 200),
        'companies, a part of a name': (
            lambda it, c: list_named(it, 'companies', search=c.choice(('north', 'chess', 'harbour mus', 'oak'))), 200),
        'contacts by name': (lambda it, _: list_named(it, 'contacts', sort='last_name'), 200),
        'contacts, a part of an address': (
            lambda it, c: list_named(it, 'contacts', search=c.choice(('ruth.sato', 'ada.', 'elm-chess'))), 200),
        'deals by title': (lambda it, _: list_named(it, 'deals', sort='title'), 200),
        'meetings by start': (lambda it, _: list_named(it, 'meetings', sort='-start_at'), 200),
        'events, newest': (lambda it, _: events.page_events(it, EventFilter()), 200),
        'events of a source': (lambda it, _: events.page_events(it, EventFilter(source='tutorcruncher')), 200),
        'events of a kind (acts)': (lambda it, _: events.page_events(it, EventFilter(kind='act')), 200),
        'parked events': (lambda it, _: events.page_events(it, EventFilter(state='parked')), 200),
        'ignored events': (lambda it, _: events.page_events(it, EventFilter(), outcome='ignored'), 200),
        'events of a day': (lambda it, c: events.page_events(it, days(c)), 200),
        'webhooks of a day': (lambda it, c: events.page_events(it, days(c, kind='webhook')), 200),
        'events of a company': (lambda it, c: events.page_events(it, EventFilter(record=some(c))), 200),
        'events of a contact': (lambda it, c: events.page_events(it, EventFilter(record=some(c, 'contact'))), 200),
        'events of an object by its id': (
            lambda it, c: events.page_events(it, EventFilter(subject=str(c.randrange(1, 90_000)))), 200),
        'pushes': (lambda it, _: pushes.list_pushes(it), 200),
        'decisions': (lambda it, _: decisions.list_decisions(it), 200),
        'meetings ahead': (lambda it, _: meetings.list_meetings(it), 200),
    }  # fmt: skip
    pages: dict[str, tuple[Read, int]] = {
        'a search for a name': (lambda it, c: search.search(it, c.choice(('north', 'chess tut', 'sato'))), 300),
        'a search for a number': (lambda it, c: search.search(it, str(c.randrange(1, 90_000))), 300),
        'a record: sides, timeline, cost, related': (lambda it, c: _record(it, some(c)), 300),
        'a record as it was': (lambda it, c: records.read_as_of(it, some(c), moment(c)), 300),
        'blame': (lambda it, c: blame.read_blame(it, some(c)), 300),
        'the story of an event': (lambda it, c: trace.read_trace(it, c.randrange(1, newest)), 300),
        'status': (lambda it, _: status.read_status(it, counting=False), 300),
        'spending of a day': (lambda it, _: spending.read_spending(it, {}), 300),
    }
    return lists | pages


def _record(connection: psycopg.Connection[Any], ref: RecordRef) -> None:
    records.read_sides(connection, ref)
    records.page_changes(connection, ref)
    records.page_calls(connection, ref)
    records.read_cost(connection, ref)
    records.read_related(connection, ref)
    records.list_record_pushes(connection, ref)
