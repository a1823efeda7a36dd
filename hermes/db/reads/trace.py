"""What became of an event (I25): who sent it, what became of it, what it changed, what was written out because of it,
until it was quiet.

Everything comes from rows that are written anyway (event, change, mirror, push, call). A push carries the changes of
everything that came before it, so a call counts as caused by an event when it is made for one of its records after it
was applied, up to the first write that succeeded. Reads only.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.events import read_event
from hermes.db.reads.lookup import Row, rows
from hermes.domain.model import RecordRef

ROUNDS: Final = 6
"""How often answers to calls are followed to their own changes and calls."""
EVENTS_OF_CALL: Final = (('intent', 'intent_event'), ('answer', 'answer_event'))
BORN: Final = 'born'
"""The field under which the journal says that a record was made."""
WRITES: Final = frozenset({'create', 'update', 'delete'})

FIND_CAUSES = """
    with recursive up as (
      select id, cause_id, source, kind, received_at, 0 as depth from event where id = %(id)s
      union all select e.id, e.cause_id, e.source, e.kind, e.received_at, depth + 1 from event e join up on e.id =
        up.cause_id where depth < 50
    ) select id, source, kind, received_at from up where depth > 0 order by depth
"""
FIND_FOLLOWERS = """
    select id, source, kind, received_at, applied_at, state, coalesce(reason, '') as reason, outcome, cause_id
    from event where cause_id = any(%(ids)s) or id = any(%(answers)s) order by id limit 1000
"""
FIND_CHANGES = """
    select id, record_type, record_id, field, old, new, system, rule, note, event_id, at
    from change where event_id = any(%(ids)s) order by id
"""
FIND_MIRRORS = """
    select m.system, m.type, m.remote_id, m.version, m.event_id, m.deleted is not null as deleted, m.merged_into,
           l.record_type, l.record_id
    from (select distinct split_part(told, ':', 1) as system, split_part(told, ':', 2) as type,
            substr(told, length(split_part(told, ':', 1)) + length(split_part(told, ':', 2)) + 3) as remote_id
          from event e, jsonb_array_elements_text(jsonb_path_query_array(e.outcome, '$[*].about[*]')) as told
          where e.id = any(%(ids)s)
          union select l.system, l.type, l.remote_id from change c join link l using (record_type, record_id)
          where c.event_id = any(%(ids)s)) a
    join mirror m using (system, type, remote_id) left join link l using (system, type, remote_id)
    where m.event_id = any(%(ids)s)
    order by m.event_id, m.system, m.type, m.remote_id
"""
FIND_GRAPH = """
    select p.record_type, p.record_id, p.system, p.wanted > p.done as dirty, p.state, p.reason, p.due_at, p.dirty_at,
      p.attempts,
           p.intent is not null as intent
    from push p
    where p.graph_id in (
      select graph_id from push join jsonb_to_recordset(%(records)s::jsonb) as r(type text, id bigint) on record_type
        = r.type and record_id = r.id)
    order by p.rank, p.record_type, p.record_id, p.system
"""
FIND_CALLS = """
    select c.id, c.system, c.op, c.type, c.remote_id, c.record_type, c.record_id, c.lane, c.tokens, c.status,
      c.reaction,
           c.started_at, c.ended_at, c.intent_event, c.answer_event,
           extract(epoch from c.ended_at - c.started_at)::float8 as took_s
    from call c join jsonb_to_recordset(%(records)s::jsonb) as r(type text, id bigint) on c.record_type = r.type and
      c.record_id = r.id
    where c.started_at >= %(after)s order by c.id limit 5000
"""
FIND_NEXT = """
    select min(c.at) as at from change c
    join jsonb_to_recordset(%(records)s::jsonb) as r(type text, id bigint) on c.record_type = r.type and c.record_id
      = r.id
    where c.at > %(after)s and c.event_id <> all(%(ids)s) and c.event_id > %(id)s
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened; `offset_s` seconds after the event was received. `kind`: received, applied, follow-up,
    change, mirror, call, answer.
    """

    offset_s: float
    at: datetime
    kind: str
    text: str
    detail: Row = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that is known of an event. `quiet`: nothing that it caused is still going on."""

    event: Row
    causes: list[Row]
    steps: list[Step]
    pushes: list[Row]
    quiet: bool
    pending: list[str]


def read_trace(connection: Connection[Any], event_id: int) -> Trace:
    """What became of one event. Raises Refused when there is none."""
    event = read_event(connection, event_id)
    event['size_bytes'] = len(event.pop('body') or b'')
    followers: dict[int, Row] = {}
    calls: dict[int, Row] = {}
    answers: set[int] = set()
    changes: list[Row] = []
    pushes: list[Row] = []
    for _ in range(ROUNDS):
        ids = [event_id, *followers]
        found = rows(connection, FIND_FOLLOWERS, {'ids': ids, 'answers': list(answers)})
        fresh = [item for item in found if item['id'] not in followers and item['id'] != event_id]
        followers.update({item['id']: item for item in fresh})
        changes = rows(connection, FIND_CHANGES, {'ids': [event_id, *followers]})
        touched = {RecordRef(item['record_type'], item['record_id']) for item in changes}
        if touched and event['applied_at']:
            pushes = rows(connection, FIND_GRAPH, {'records': _refs(touched)})
            calls = {
                item['id']: item for item in _read_calls(connection, event, [event_id, *followers], touched, pushes)
            }
        answers = {item['answer_event'] for item in calls.values() if item['answer_event']}
        if not fresh and answers <= followers.keys() | {event_id}:
            break
    mirrors = rows(connection, FIND_MIRRORS, {'ids': [event_id, *followers]})
    causes = rows(connection, FIND_CAUSES, {'id': event_id})
    steps = _tell(event, followers.values(), changes, mirrors, calls.values())
    touched = {RecordRef(item['record_type'], item['record_id']) for item in changes}
    pushes = [
        item
        for item in pushes
        if RecordRef(item['record_type'], item['record_id']) in touched or item['dirty'] or item['state'] != 'ready'
    ]
    pending = _pending(event, followers.values(), pushes)
    return Trace(event, causes, steps, pushes, not pending, pending)


def _read_calls(
    connection: Connection[Any], event: Row, ids: list[int], touched: set[RecordRef], pushes: list[Row]
) -> list[Row]:
    """The calls that this event has a part in (see above); those of siblings only until the next change by somebody
    else.
    """
    siblings = {RecordRef(item['record_type'], item['record_id']) for item in pushes}
    after = {'after': event['applied_at'], 'records': _refs(touched | siblings)}
    following = rows(connection, FIND_NEXT, after | {'ids': ids, 'id': event['id'], 'records': _refs(touched)})
    horizon = following[0]['at'] if following else None
    concluded: set[tuple[str, RecordRef]] = set()
    found = []
    for call in rows(connection, FIND_CALLS, after):
        ref = RecordRef(call['record_type'], call['record_id'])
        late = horizon is not None and call['started_at'] >= horizon
        if (call['system'], ref) in concluded or (late and ref not in touched):
            continue
        found.append(call | {'shared': late})
        if call['op'] in WRITES and call['status'] is not None and 200 <= call['status'] < 300:
            concluded.add((call['system'], ref))
    return found


def _tell(
    event: Row, followers: Iterable[Row], changes: list[Row], mirrors: list[Row], calls: Iterable[Row]
) -> list[Step]:
    """Everything in the order in which it happened."""
    start = event['received_at']
    told: list[tuple[datetime, int, str, str, Row]] = [
        (start, 0, 'received', f'received from {event["source"]} ({event["kind"]})', {})
    ]
    if event['applied_at']:
        told.append(
            (event['applied_at'], 1, 'applied', f'{event["state"]}{_because(event)}', {'outcome': event['outcome']})
        )
    applied = {item['id']: item['applied_at'] or item['received_at'] for item in followers} | {
        event['id']: event['applied_at'] or start
    }
    for item in followers:
        text = f'event {item["id"]} ({item["source"]} {item["kind"]}): {item["state"]}{_because(item)}'
        told.append(
            (
                item['received_at'],
                5,
                'follow-up',
                text,
                {'event': item['id'], 'outcome': item['outcome'], 'cause': item['cause_id']},
            )
        )
    told += [(applied[item['event_id']], 2, 'change', _change_text(item), item) for item in changes]
    told += [(applied[item['event_id']], 3, 'mirror', _mirror_text(item), item) for item in mirrors]
    for item in calls:
        told.append((item['started_at'], 4, 'call', _call_text(item), item))
    told.sort(key=lambda step: (step[0], step[1]))
    return [Step(round((at - start).total_seconds(), 3), at, kind, text, detail) for at, _, kind, text, detail in told]


def _because(event: Row) -> str:
    return f': {event["reason"]}' if event['reason'] else ''


def _change_text(item: Row) -> str:
    note = f' ({item["note"]})' if item['note'] else ''
    moved = say_change(item['field'], _short(item['old']), _short(item['new']))
    return f'{item["record_type"]}:{item["record_id"]} {moved}  [{item["system"]}, {item["rule"]}]{note}'


def say_change(field: str, old: str, new: str) -> str:
    """What became of a field; a record's first line says only that it was made, its rule says why."""
    return 'is made' if field == BORN else f'{field}: {old} -> {new}'


def _mirror_text(item: Row) -> str:
    owner = f' of {item["record_type"]}:{item["record_id"]}' if item['record_type'] else ', which belongs to no record'
    state = f', merged into {item["merged_into"]}' if item['merged_into'] else ', deleted' if item['deleted'] else ''
    return f'{item["system"]}:{item["type"]}:{item["remote_id"]}{owner} last spoke here{state}'


def _call_text(item: Row) -> str:
    there = f' {item["type"]}:{item["remote_id"]}' if item['remote_id'] else f' {item["type"]}'
    status = (
        'no answer yet' if item['ended_at'] is None else 'no answer' if item['status'] is None else str(item['status'])
    )
    events = ', '.join(f'{name} event {item[key]}' for name, key in EVENTS_OF_CALL if item[key])
    took = f' in {item["took_s"] * 1000:.0f} ms' if item['took_s'] is not None else ''
    reaction = f', {item["reaction"]}' if item['reaction'] else ''
    shared = ', together with later changes' if item['shared'] else ''
    record = f'{item["record_type"]}:{item["record_id"]}'
    return (
        f'{item["op"]}{there} in {item["system"]} for {record}: {status}{took}, {item["tokens"]} '
        f'tokens{reaction}{shared}{f" [{events}]" if events else ""}'
    )


def _short(value: Any) -> str:
    text = 'nothing' if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f'{text[:77]}...'


def _pending(event: Row, followers: Iterable[Row], pushes: list[Row]) -> list[str]:
    """What is still going on, one sentence each."""
    told = [
        f'event {item["id"]} is {item["state"]}{_because(item)}'
        for item in (event, *followers)
        if item['state'] in ('new', 'waiting', 'parked')
    ]
    for item in pushes:
        record = f'{item["record_type"]}:{item["record_id"]}'
        if item['state'] != 'ready':
            told.append(f'the push of {record} to {item["system"]} is {item["state"]}: {item["reason"]}')
        elif item['intent']:
            told.append(f'a call to {item["system"]} for {record} has no known outcome yet')
        elif item['dirty']:
            told.append(f'{record} is still to be pushed to {item["system"]}')
    return told


def _refs(refs: Iterable[RecordRef]) -> str:
    return json.dumps([ref._asdict() for ref in sorted(refs)])
