"""The list of what arrived: each event with what it speaks of, and with the records that this belongs to. Reads only.

An event names its subjects itself, whether it changed anything or not (`outcome`: `about`); an act is known by its
name.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, find_links, row, rows
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef
from hermes.kit.tracing import trace_of

EVENT_STATES: Final = ('new', 'waiting', 'done', 'parked', 'refused', 'dismissed')
FIND_EVENT = """
    select id, received_at, source, kind, state, attempts, coalesce(reason, '') as reason, applied_at, applied_seq,
      cause_id,
           due_at, headers, outcome, body, dedupe_key
    from event where id = %(id)s
"""
PARKED_EVENTS = "select id from event where state = 'parked' order by id"

PARTS: Final = "jsonb_array_elements(case when jsonb_typeof(outcome) = 'array' then outcome else '[]' end) as part"
ACT: Final = "case when kind = 'act' and body is not null then convert_from(body, 'UTF8')::jsonb end"
LIST: Final = f"""
    select id, received_at, source, kind, state, attempts, coalesce(reason, '') as reason, applied_at, cause_id,
           coalesce(octet_length(body), 0) as size_bytes, {ACT} ->> 'act' as act, {ACT} -> 'record' as record,
           (select jsonb_agg(distinct told) from {PARTS}, jsonb_array_elements_text(part -> 'about') as told) as about,
           (select jsonb_agg(distinct told) from {PARTS}, jsonb_array_elements(part -> 'records') as told) as changed
    from event
    where (%(state)s::text is null or state = %(state)s) and (%(source)s::text is null or source = %(source)s)
      and (%(since_s)s::float8 is null or received_at >= hermes_now() - make_interval(secs => %(since_s)s))
      and (%(after)s::timestamptz is null or received_at >= %(after)s)
      and (%(events)s::bigint[] is null or id = any(%(events)s) or {ACT} -> 'record' = %(record)s
           or exists (select from {PARTS} where part -> 'about' ?| %(about)s))
      and (%(subject)s::text is null or {ACT} ->> 'act' = %(subject)s
           or exists (select from {PARTS}, jsonb_array_elements_text(part -> 'about') as told
                      where told = %(subject)s or told like '%%:' || %(pattern)s))
    order by id desc limit %(limit)s
"""
OF_RECORD: Final = """
    select event_id from change where record_type = %(type)s and record_id = %(id)s
    union select unnest(array[intent_event, answer_event]) from call where record_type = %(type)s and record_id = %(id)s
    union select m.event_id from mirror m join link l using (system, type, remote_id)
    where l.record_type = %(type)s and l.record_id = %(id)s
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


def list_events(
    connection: Connection[Any],
    *,
    state: str | None = None,
    source: str | None = None,
    since_s: float | None = None,
    after: datetime | None = None,
    record: RecordRef | None = None,
    subject: str | None = None,
    limit: int = 50,
) -> list[Row]:
    """The newest events first, at most `limit`, without their bodies; `subjects` and `records` as people write them.
    Raises Refused for an unknown state.
    """
    if state is not None and state not in EVENT_STATES:
        raise Refused(f'There is no event state "{state}". The states are: {", ".join(EVENT_STATES)}.')
    wanted: dict[str, Any] = {'state': state, 'source': source, 'since_s': since_s, 'after': after, 'limit': limit}
    of = _of(connection, record) if record else {'events': None, 'record': None, 'about': []}
    found = rows(connection, LIST, wanted | of | _subject(subject))
    owners = _owners(connection, (told for item in found for told in item['about'] or ()))
    return [_shown(item, owners) for item in found]


def _of(connection: Connection[Any], record: RecordRef) -> dict[str, Any]:
    """The events that changed a record or were about calls for it, and the names under which others speak of it."""
    from psycopg.types.json import Jsonb

    ids = [item['event_id'] for item in rows(connection, OF_RECORD, record._asdict()) if item['event_id']]
    named = [f'{item["system"]}:{item["type"]}:{item["remote_id"]}' for item in find_links(connection, record)]
    return {'events': ids, 'record': Jsonb(list(record)), 'about': [*named, f'{record.type}:{record.id}']}


def _subject(text: str | None) -> dict[str, Any]:
    """A remote object (`system:type:id`, `organization:5`, `5`), or the name of an act."""
    if text is None:
        return {'subject': None, 'pattern': None}
    told = text.strip()
    return {'subject': told, 'pattern': told.replace('\\', r'\\').replace('%', r'\%').replace('_', r'\_')}


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
