"""An operator's act is an event like any other: stored first, applied by the ingest loop, so that the log tells who
did what.

Nothing here changes a record, a push or a setting; the one row that is written is the event. `wait` asks the database
what became of it, by the database's own clock.
"""

import json
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hermes.domain.model import Value
from hermes.kit.ids import new_id, system_chance

SOURCE = 'operator'
WORKER_SILENCE_S = 15
"""A worker not seen for longer is not counted as alive."""

INSERT_ACT = """
    insert into event (source, kind, dedupe_key, headers, body) values (%(source)s, %(kind)s, %(key)s, %(headers)s,
      %(body)s)
    returning id
"""
RING = "select pg_notify('hermes_event', '')"
FIND_OUTCOME = 'select state, coalesce(reason, %(none)s) as reason, outcome from event where id = %(id)s'
REST = 'select pg_sleep(%(rest_s)s), clock_timestamp() as now'
COUNT_WORKERS = """
    select count(*) as alive from worker where seen_at > hermes_now() - make_interval(secs => %(silence_s)s)
"""
INSERT_VIEW = """
    insert into event (source, kind, dedupe_key, headers, body, state, applied_at)
    values (%(source)s, 'view', %(key)s, %(headers)s, %(body)s, 'done', hermes_now())
"""
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an act: `state` as in the event's row ('new' and 'waiting': not applied yet)."""

    event_id: int
    state: str
    reason: str
    outcome: Value

    @property
    def settled(self) -> bool:
        return self.state in ('done', 'parked', 'refused')


def submit(connection: Connection[Any], act: dict[str, Value], by: str = 'command line') -> int:
    """Store `act` as an event of its own (twice the same act is two events) and ring for the workers; the event's
    id.
    """
    row = {'source': SOURCE, 'kind': 'act', 'key': _fresh_key(), 'headers': Jsonb({'by': by}), 'body': _encode(act)}
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        stored = cursor.execute(INSERT_ACT, row).fetchone()
        cursor.execute(RING)
    assert stored is not None
    return int(stored['id'])


def wait(connection: Connection[Any], event_id: int, timeout_s: float) -> Outcome:
    """Poll until the event is done or parked, at most `timeout_s` seconds; what is known then. The connection is in
    autocommit.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute('select clock_timestamp() as now')
        started_at = cursor.fetchone()
        while True:
            row = cursor.execute(FIND_OUTCOME, {'id': event_id, 'none': ''}).fetchone()
            if row is None:
                return Outcome(event_id, 'parked', 'the event is not in the database any more', None)
            outcome = Outcome(event_id, row['state'], row['reason'], row['outcome'])
            rested = None if outcome.settled else cursor.execute(REST, {'rest_s': POLL_S}).fetchone()
            if rested is None or started_at is None or (rested['now'] - started_at['now']).total_seconds() >= timeout_s:
                return outcome


def count_workers(connection: Connection[Any]) -> int:
    """How many workers have been seen within the last 15 s."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(COUNT_WORKERS, {'silence_s': WORKER_SILENCE_S}).fetchone()
    return int(row['alive']) if row else 0


def note_view(connection: Connection[Any], event_id: int, by: str = 'command line') -> None:
    """Journal that somebody looked at an event's raw bytes (S15): an event that is done as soon as it is stored."""
    row = {
        'source': SOURCE,
        'key': _fresh_key(),
        'headers': Jsonb({'by': by}),
        'body': _encode({'act': 'event.viewed', 'event': event_id}),
    }
    with connection.transaction():
        connection.execute(INSERT_VIEW, row)


def _fresh_key() -> bytes:
    return bytes.fromhex(new_id(system_chance()))


def _encode(act: dict[str, Value]) -> bytes:
    return json.dumps(act, ensure_ascii=False, sort_keys=True).encode()
