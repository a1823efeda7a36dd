"""The list of what arrived: each event with what it speaks of, and with the records that this belongs to. Reads only.

An event names its subjects itself, whether it changed anything or not (`outcome`: `about`); an act is known by its
name.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from psycopg import Connection

from hermes.db.event_filter import ACT, PARTS, matching
from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.errors import Refused
from hermes.domain.event_filter import EventFilter, check
from hermes.kit.tracing import trace_of

FIND_EVENT = """
    select id, received_at, source, kind, state, attempts, coalesce(reason, '') as reason, applied_at, applied_seq,
      cause_id,
           due_at, headers, outcome, body, dedupe_key
    from event where id = %(id)s
"""
PARKED_EVENTS = "select id from event where state = 'parked' order by id"

LIST: Final = f"""
    select id, received_at, source, kind, state, attempts, coalesce(reason, '') as reason, applied_at, cause_id,
           coalesce(octet_length(body), 0) as size_bytes, {ACT} ->> 'act' as act, {ACT} -> 'record' as record,
           (select jsonb_agg(distinct told) from {PARTS}, jsonb_array_elements_text(part -> 'about') as told) as about,
           (select jsonb_agg(distinct told) from {PARTS}, jsonb_array_elements(part -> 'records') as told) as changed
    from event where {{condition}} order by id desc limit %(limit)s
"""
OWNERS: Final = """
    select l.system || ':' || l.type || ':' || l.remote_id as subject, l.record_type || ':' || l.record_id as record
    from link l join unnest(%(systems)s::text[], %(types)s::text[], %(ids)s::text[]) as t(system, type, remote_id)
      using (system, type, remote_id)
"""


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


def list_events(connection: Connection[Any], wanted: EventFilter, limit: int = 50) -> list[Row]:
    """The newest events of a filter first, at most `limit`, without their bodies; `subjects` and `records` as people
    write them. Raises Refused for an unknown state.
    """
    condition, told = matching(check(wanted))
    found = rows(connection, LIST.format(condition=condition), told | {'limit': limit})
    owners = _owners(connection, (told for item in found for told in item['about'] or ()))
    return [_shown(item, owners) for item in found]


def _owners(connection: Connection[Any], subjects: Iterable[str]) -> dict[str, str]:
    """Whose each remote object is."""
    refs = [parts for told in set(subjects) if len(parts := told.split(':', 2)) == 3]
    if not refs:
        return {}
    systems, types, ids = (list(column) for column in zip(*refs, strict=True))
    return {
        item['subject']: item['record']
        for item in rows(connection, OWNERS, {'systems': systems, 'types': types, 'ids': ids})
    }


def _shown(item: Row, owners: Mapping[str, str]) -> Row:
    act, about, record = item.pop('act'), item.pop('about') or [], item.pop('record')
    changed = [':'.join(str(part) for part in ref) for ref in item.pop('changed') or []]
    named = [':'.join(str(part) for part in record)] if isinstance(record, list) else []
    ours = [told for told in about if told.count(':') == 1]
    subjects = [told for told in about if told.count(':') > 1]
    owned = [owners[told] for told in subjects if told in owners]
    records = list(dict.fromkeys([*named, *ours, *owned, *changed]))
    return item | {'subjects': [act] if act else subjects, 'records': records}
