"""The list of what arrived: each event with what it speaks of, and with the records that this belongs to. Reads only.

An event names its subjects itself, whether it changed anything or not (`outcome`: `about`); an act is known by its
name.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from hermes.db.event_filter import ACT, KNOWN_PAIRS, PARTS, matching
from hermes.db.reads.halving import EVENTS, first_since
from hermes.db.reads.listing import MOST, RUBBISH, Cursor, Page, read_cursor
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

SHOWN: Final = f"""
    select id, received_at, source, kind, state, attempts, coalesce(reason, '') as reason, applied_at, cause_id,
           coalesce(octet_length(body), 0) as size_bytes, {ACT} ->> 'act' as act, {ACT} -> 'record' as record,
           (select jsonb_agg(distinct told) from {PARTS}, jsonb_array_elements_text(part -> 'about') as told) as about,
           (select jsonb_agg(distinct told) from {PARTS}, jsonb_array_elements(part -> 'records') as told) as changed,
           (select coalesce(sum((part -> 'changes')::int), 0) from {PARTS} where jsonb_typeof(part -> 'changes') =
             'number')::int as changes
    from event where id = any(%(found)s) order by id desc
"""
OUTCOMES: Final = {
    'changed': "jsonb_path_exists(outcome, '$[*].changes ? (@ > 0)')",
    'ignored': "state = 'done' and not coalesce(jsonb_path_exists(outcome, '$[*].changes ? (@ > 0)'), false)",
}
PLAIN: Final = 'select event.id from event where {where} order by event.id {way} limit %(limit)s'
OF_PAIRS: Final = """
    select f.id from unnest(%(sources)s::text[], %(kinds)s::text[]) as p(of_source, of_kind), lateral (
      select event.id from event where event.source = p.of_source and event.kind = p.of_kind and {where}
      order by event.id {way} limit %(limit)s
    ) f order by f.id {way} limit %(limit)s
"""
"""Of each source and kind its own newest, from its own part of an index."""
PAIRS: Final = f'select source, kind from ({KNOWN_PAIRS}) k'
NO_VIEW: Final = "event.kind <> 'view'"
AHEAD: Final = timedelta(minutes=5)
"""Clocks of several machines, and commits that overtake each other: nobody is so far before his number."""
LATE: Final = timedelta(hours=1)
"""An event may be stored so much later than it is said to have been received: a part of another that was set apart."""
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
    return page_events(connection, wanted, limit=limit, counting=False).rows


def page_events(
    connection: Connection[Any],
    wanted: EventFilter,
    *,
    outcome: str | None = None,
    newer_than: int | None = None,
    cursor: str = '',
    limit: int = 50,
    counting: bool = True,
    views: bool = True,
) -> Page:
    """A page of the events of a filter, the newest first. `outcome`: changed or ignored. `newer_than`: an event's
    number, for whoever looks again. `cursor`: `next` or `previous` of another page. `views`: also that somebody looked
    at something. Raises Refused for an unknown state
    or outcome, and for a cursor that is none.
    """
    if outcome is not None and outcome not in OUTCOMES:
        raise Refused(f'There is no outcome "{outcome}". The outcomes are: {", ".join(OUTCOMES)}.')
    at = read_cursor(cursor, '-id') if cursor else None
    condition, values = matching(check(wanted))
    conditions = [condition, *([OUTCOMES[outcome]] if outcome else []), *_within(connection, wanted, values)]
    if not views:
        conditions.append(NO_VIEW)
    if newer_than is not None:
        values['newer_than'] = newer_than
        conditions.append('event.id > %(newer_than)s')
    query = _query(connection, wanted, values)
    back, there = at is not None and at.back, list(conditions)
    if at is not None:
        values['at'] = at.key
        there.append('event.id > %(at)s' if back else 'event.id < %(at)s')
    try:
        found = _find(connection, query, there, values, limit + 1, back=back)
    except RUBBISH:
        raise Refused('That is no place in this list: go to its first page.') from None
    more, found = len(found) > limit, sorted(found[:limit], reverse=True)
    count = len(_find(connection, query, conditions, values, MOST + 1, back=False)) if counting else 0
    following = Cursor('-id', None, found[-1]).write() if found and (back or more) else ''
    previous = Cursor('-id', None, found[0], True).write() if found and (more if back else at is not None) else ''
    return Page(_read_shown(connection, found), following, previous, min(count, MOST), count > MOST)


def list_kinds(connection: Connection[Any]) -> list[tuple[str, str]]:
    """Every source with every kind of events that ever came from it."""
    return [(item['source'], item['kind']) for item in rows(connection, PAIRS)]


def _find(
    connection: Connection[Any],
    query: str,
    conditions: Sequence[str],
    values: dict[str, Any],
    limit: int,
    *,
    back: bool,
) -> list[int]:
    told = query.format(where=' and '.join(conditions), way='asc' if back else 'desc')
    return [item['id'] for item in rows(connection, told, values | {'limit': limit})]


def _query(connection: Connection[Any], wanted: EventFilter, values: dict[str, Any]) -> str:
    """The statement by which events are found: what names a few of them finds them itself (`matching`); of a source or
    a kind alone its own are walked.
    """
    if wanted.record or wanted.subject or wanted.state not in (None, 'done') or not (wanted.source or wanted.kind):
        return PLAIN
    pairs = [
        (source, kind)
        for source, kind in list_kinds(connection)
        if wanted.source in (None, source) and wanted.kind in (None, kind)
    ]
    values |= {'sources': [source for source, _ in pairs], 'kinds': [kind for _, kind in pairs]}
    return OF_PAIRS


def _within(connection: Connection[Any], wanted: EventFilter, values: dict[str, Any]) -> list[str]:
    """The stretch of time: events are numbered in its order, nearly, so that its ends are found by halving."""
    told = []
    if wanted.after is not None:
        values['first'] = first_since(connection, EVENTS, wanted.after - AHEAD)
        told.append('event.id >= %(first)s')
    if wanted.before is not None:
        values['last'] = first_since(connection, EVENTS, wanted.before + LATE)
        told.append('event.id <= %(last)s')
    return told


def _read_shown(connection: Connection[Any], found: Sequence[int]) -> list[Row]:
    shown = rows(connection, SHOWN, {'found': list(found)}) if found else []
    owners = _owners(connection, (told for item in shown for told in item['about'] or ()))
    return [_shown(item, owners) for item in shown]


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
