"""The journal of a record, or of one of its fields, and what was asked for it of outside systems at which cost: a page
at a time, found by the record's own indexes (ADM-4, I25). Reads only.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.listing import MOST, RUBBISH, Cursor, Page, read_cursor
from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.errors import NotFound, Refused
from hermes.domain.model import RecordRef

CHANGES: Final = """
    select c.id, c.at, c.field, c.old, c.new, c.system, c.rule, c.note, c.event_id, e.source, e.kind,
           coalesce(e.headers ->> 'by', '') as by
    from change c join event e on e.id = c.event_id
    where c.record_type = %(type)s and c.record_id = %(record_id)s and {where}
    order by c.id {way} limit %(limit)s
"""
COUNT_CHANGES: Final = """
    select count(*) as n from (select from change c where c.record_type = %(type)s and c.record_id = %(record_id)s
      and {where} limit %(most)s) n
"""
CALLS: Final = """
    select c.id, c.system, c.op, c.type, c.remote_id, c.lane, c.tokens, c.status, c.reaction, c.rule, c.started_at,
           c.ended_at, extract(epoch from c.ended_at - c.started_at)::float8 as took_s, c.intent_event, c.answer_event
    from call c where c.record_type = %(type)s and c.record_id = %(record_id)s and {where}
    order by c.id {way} limit %(limit)s
"""
COUNT_CALLS: Final = COUNT_CHANGES.replace('from change', 'from call')
COST: Final = """
    select system, op, count(*)::int as calls, sum(tokens)::int as tokens,
           count(*) filter (where status is null or status not between 200 and 299)::int as failed,
           max(started_at) as last_at
    from call where record_type = %(type)s and record_id = %(id)s group by system, op order by system, op
"""
CHANGE: Final = """
    select id, field, old, new, system, rule, note, event_id, at from change
    where id = %(change)s and record_type = %(type)s and record_id = %(id)s
"""


def page_changes(
    connection: Connection[Any],
    ref: RecordRef,
    *,
    field: str = '',
    until: datetime | None = None,
    cursor: str = '',
    limit: int = 50,
) -> Page:
    """The journal of a record, or of one of its fields, the newest line first: at, field, old, new, system, rule, note,
    event_id, and of the event source, kind, by. `until`: as it was then. Raises Refused for a cursor that is none.
    """
    conditions = [*(['c.field = %(field)s'] if field else []), *(['c.at <= %(until)s'] if until else [])]
    given = {'field': field, 'until': until}
    return _page(connection, CHANGES, COUNT_CHANGES, ref, given, conditions, cursor, limit)


def page_calls(connection: Connection[Any], ref: RecordRef, *, cursor: str = '', limit: int = 50) -> Page:
    """What was asked of outside systems for a record, the newest call first. Raises Refused for a cursor that is
    none.
    """
    return _page(connection, CALLS, COUNT_CALLS, ref, {}, [], cursor, limit)


def _page(
    connection: Connection[Any],
    query: str,
    counting: str,
    ref: RecordRef,
    values: Mapping[str, Any],
    conditions: list[str],
    cursor: str,
    limit: int,
) -> Page:
    at = read_cursor(cursor, '-id') if cursor else None
    back = at is not None and at.back
    asked = {**values, 'type': ref.type, 'record_id': ref.id, 'limit': limit + 1, 'most': MOST + 1}
    there = list(conditions)
    if at is not None:
        asked['at'] = at.key
        there.append('c.id > %(at)s' if back else 'c.id < %(at)s')
    try:
        where = ' and '.join(there) or 'true'
        found = rows(connection, query.format(where=where, way='asc' if back else 'desc'), asked)
    except RUBBISH:
        raise Refused('That is no place in this list: go to its first page.') from None
    more, found = len(found) > limit, sorted(found[:limit], key=lambda item: -item['id'])
    counted = row(connection, counting.format(where=' and '.join(conditions) or 'true'), asked)
    count = int(counted['n']) if counted else 0
    return Page(
        found,
        Cursor('-id', None, found[-1]['id']).write() if found and (back or more) else '',
        Cursor('-id', None, found[0]['id'], True).write() if found and (more if back else at is not None) else '',
        min(count, MOST),
        count > MOST,
    )


def read_cost(connection: Connection[Any], ref: RecordRef) -> list[Row]:
    """What a record's calls cost, by system and operation: calls, tokens, failed, last_at."""
    return rows(connection, COST, ref._asdict())


def read_change(connection: Connection[Any], ref: RecordRef, number: int) -> Row:
    """One line of the journal of a record. Raises NotFound."""
    found = row(connection, CHANGE, {**ref._asdict(), 'change': number})
    if found is None:
        raise NotFound(f'The journal of this {ref.type} has no line {number}.')
    return found
