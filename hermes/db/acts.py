"""Acts as rows: how one is written and read, stored once for its key, submitted for the workers, and waited for.

An act is an event like any other: `submit` stores one for the ingest loop and `wait` asks the database what became of
it, by the database's own clock; whoever needs the answer at once applies it in the transaction that stores it
(sync/acts).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter, ValidationError

from hermes.db import pool
from hermes.db.codec import dump
from hermes.db.events import EVENT_COLUMNS, read_event
from hermes.domain.acts import NAME_OF, NAMES, Act, TakeOver
from hermes.domain.errors import Refused
from hermes.domain.model import Event, RecordRef, Value
from hermes.kit.ids import new_id, system_chance

SOURCE = 'operator'
LEGACY = 'legacy.'
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
POLL_S = 0.05


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(NAMES[name])


def name_of(act: Act) -> str:
    """What an act is called in the log: `meeting.book`."""
    return f'{LEGACY}{act.step}' if isinstance(act, TakeOver) else NAME_OF[type(act)]


def encode(act: Act) -> bytes:
    """An act as its event's body."""
    if isinstance(act, TakeOver):
        told: Mapping[str, Any] = act.told
    else:
        told_not = {each.name for each in fields(act) if not each.default and getattr(act, each.name) == each.default}
        told = _adapter(name_of(act)).dump_python(act, mode='json', exclude=told_not)
    return json.dumps({'act': name_of(act), **told}, ensure_ascii=False, sort_keys=True).encode()


def about(act: Act) -> list[str]:
    """The records that an act names, as events say what they speak of."""
    told = [getattr(act, each.name) for each in fields(act)]
    return list(dict.fromkeys(f'{ref.type}:{ref.id}' for ref in told if isinstance(ref, RecordRef)))


def named(body: bytes) -> list[str]:
    """The same of an act as it stands in an event; none where that is no act."""
    try:
        return about(decode(body))
    except Refused:
        return []


def read(name: str, told: Mapping[str, Any]) -> Act:
    """The act of a name with what is told about it. Raises Refused, naming what is wrong."""
    if name.startswith(LEGACY):
        return TakeOver(name.removeprefix(LEGACY), told)
    kind = NAMES.get(name)
    if kind is None:
        raise Refused(f'The act "{name}" is unknown; nothing was done.')
    strange = sorted(told.keys() - {each.name for each in fields(kind)})
    if strange:
        raise Refused(f'The act {name} has no {", ".join(strange)}; nothing was done.')
    try:
        act: Act = _adapter(name).validate_python(dict(told))
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        where = '.'.join(str(part) for part in wrong['loc'])
        choices = wrong.get('ctx', {}).get('expected')
        problem = f'is one of {choices}' if choices else wrong['msg'][:1].lower() + wrong['msg'][1:]
        raise Refused(f'The act {name}: {where} {problem}; nothing was done.') from None
    return act


def decode(body: bytes) -> Act:
    """The act that an event's body says. Raises Refused."""
    try:
        told = json.loads(body)
        name = str(told.pop('act'))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused('This is no act; nothing was done.') from None
    return read(name, told)


async def add_once(
    connection: pool.Connection,
    source: str,
    act: Act,
    key: bytes,
    by: str,
    *,
    refused: tuple[str, str] | None = None,
    withheld: bool = False,
) -> Event | None:
    """The event of an act; None when there is one of this key. Whoever is carrying that one out at this moment is
    waited for. `refused`: its code and sentence, where it was refused; `withheld`: what it said is not kept (S10).
    """
    outcome = None if refused is None else dump([{'refused': refused[0], 'message': refused[1], 'about': about(act)}])
    rows = await connection.execute(
        'insert into event (source, kind, dedupe_key, headers, body, state, reason, outcome) '
        "values (%s, 'act', %s, %s, %s, %s, %s, %s) on conflict (source, dedupe_key) do nothing "
        f'returning {EVENT_COLUMNS}',
        (
            source, key, dump({'by': by} if by else {}), None if withheld else encode(act),
            'new' if refused is None else 'refused',
            None if refused is None else refused[1], outcome,
        ),
    )  # fmt: skip
    row = await rows.fetchone()
    return read_event(row) if row else None


async def find_outcome(connection: pool.Connection, source: str, key: bytes) -> pool.Row | None:
    """What became of the event of a key: id, state, reason, outcome (of its one element)."""
    rows = await connection.execute(
        'select id, state, reason, outcome -> 0 as outcome from event where source = %s and dedupe_key = %s',
        (source, key),
    )
    return await rows.fetchone()


async def find_notes(connection: pool.Connection, event_id: int) -> list[str] | None:
    """What an operator's act that was carried out says of itself; None where there is none such."""
    rows = await connection.execute(
        "select outcome -> 0 -> 'notes' as notes from event where id = %s and source = %s and state = 'done'",
        (event_id, SOURCE),
    )
    row = await rows.fetchone()
    return None if row is None else list(row['notes'] or ())


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


def submit(connection: Connection[Any], act: Act, by: str = 'command line') -> int:
    """Store `act` as an event of its own (twice the same act is two events) and ring for the workers; the event's
    id.
    """
    row = {'source': SOURCE, 'kind': 'act', 'key': _fresh_key(), 'headers': Jsonb({'by': by}), 'body': encode(act)}
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


def _fresh_key() -> bytes:
    return bytes.fromhex(new_id(system_chance()))
