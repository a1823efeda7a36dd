"""Listings for people who look after Hermes: events, pushes, settings. Named SQL, reads only."""

from typing import Any, Final

from psycopg import Connection

from hermes.db.finding import Row, row, rows
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef, Value
from hermes.domain.record_types import NAMES
from hermes.kit.tracing import trace_of

EVENT_STATES: Final = ('new', 'waiting', 'done', 'parked', 'refused', 'dismissed')
PUSH_STATES: Final = ('due', 'waiting', 'parked', 'held', 'intent')

FIND_EVENT = """
    select id, received_at, source, kind, state, attempts, coalesce(reason, '') as reason, applied_at, applied_seq,
      cause_id,
           due_at, headers, outcome, body, dedupe_key
    from event where id = %(id)s
"""
PARKED_EVENTS = "select id from event where state = 'parked' order by id"
LIST_PUSHES = """
    select record_type, record_id, system, graph_id, wanted - done as behind, due_at, lane, state, reason, detail,
      attempts,
           ignored, intent, leased_until, last_write_at, dirty_at,
           case when state <> 'ready' then state
                when intent is not null and (leased_until is null or leased_until < hermes_now()) then 'intent'
                when wanted > done and due_at <= hermes_now() then 'due'
                when wanted > done then 'waiting' else 'done' end as shown
    from push
    where (wanted > done or state <> 'ready' or intent is not null)
"""
SELECT_PUSHES = f"""
    select * from ({LIST_PUSHES}) as p
    where (%(shown)s::text is null or shown = %(shown)s) and (%(system)s::text is null or system = %(system)s)
    order by shown = 'due', due_at, record_type, record_id limit %(limit)s
"""
FIND_PUSHES = """
    select system, wanted > done as dirty, state, reason, ignored from push
    where record_type = %(type)s and record_id = %(id)s order by system
"""
FIND_SYSTEM = """
    select coalesce(s.paused, false) as paused, coalesce(s.reason, '') as reason, a.identity as account
    from (select %(system)s::text as system) as asked left join system_state s using (system) left join account a
      using (system)
"""
READ_SETTINGS = 'select key, value from setting order by key'


def read_event(connection: Connection[Any], event_id: int) -> Row:
    """One event with its body (bytes, None when it was dropped by the retention time). Raises Refused if there is
    none.
    """
    found = row(connection, FIND_EVENT, {'id': event_id}) if 0 < event_id < 2**63 else None
    if found is None:
        raise Refused(f'There is no event {event_id}.')
    if found['body'] is not None:
        found['body'] = bytes(found['body'])
    found['trace_id'] = f'{trace_of(found["source"], bytes(found.pop("dedupe_key"))).trace_id:032x}'
    return found


def list_parked(connection: Connection[Any]) -> list[int]:
    """The ids of all parked events, oldest first."""
    return [item['id'] for item in rows(connection, PARKED_EVENTS)]


def list_pushes(
    connection: Connection[Any], *, shown: str | None = None, system: str | None = None, limit: int = 50
) -> list[Row]:
    """Pushes that are not finished: due, waiting (for their time), parked, held, or with an unknown outcome
    ('intent').
    """
    if shown is not None and shown not in PUSH_STATES:
        raise Refused(f'There is no push state "{shown}". The states are: {", ".join(PUSH_STATES)}.')
    return rows(connection, SELECT_PUSHES, {'shown': shown, 'system': system, 'limit': limit})


def read_pushes(connection: Connection[Any], ref: RecordRef) -> list[Row]:
    """The push rows of one record: system, dirty, state, reason, ignored."""
    return rows(connection, FIND_PUSHES, ref._asdict())


def read_settings(connection: Connection[Any]) -> dict[str, Value]:
    """Every stored setting."""
    return {item['key']: item['value'] for item in rows(connection, READ_SETTINGS)}


def read_system(connection: Connection[Any], system: str) -> Row:
    """How a system stands: paused, reason, account (None before the first contact)."""
    found = row(connection, FIND_SYSTEM, {'system': system})
    assert found is not None
    return found


def read_live(connection: Connection[Any], ref: RecordRef) -> Row | None:
    """A pipeline or an admin as a setting may point at it: `name`, and `problem` when it should not ('' if all is
    well).
    """
    if ref.type not in NAMES or not 0 < ref.id < 2**63:
        return None
    return row(connection, {'pipeline': FIND_PIPELINE, 'admin': FIND_ADMIN}[ref.type], {'id': ref.id})


FIND_PIPELINE = """
    select coalesce(p.name, '') as name,
           case when p.alias_of is not null or p.tombstone is not null or p.archived then 'archived'
                when s.id is null then 'no default entry stage'
                when s.archived or s.tombstone is not null then 'its entry stage is archived' else '' end as problem
    from pipeline p left join stage s on s.id = p.dft_entry_stage_id where p.id = %(id)s
"""
FIND_ADMIN = """
    select concat_ws(' ', first_name, last_name) as name,
           case when tombstone is not null or not active then 'not active'
                when not is_sales_person then 'no sales person' else '' end as problem
    from admin where id = %(id)s
"""
