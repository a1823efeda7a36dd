"""The journal of a record, or of one of its fields, a page at a time (ADM-4, I25): who wrote what, when, through which
event, under which rule, from what to what. Reads only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.adoption import OVERWRITTEN
from hermes.domain.errors import NotFound
from hermes.domain.model import RecordRef

ROWS: Final = 50
PAGE: Final = """
    select c.*, e.source, e.kind, coalesce(e.headers ->> 'by', '') as by from (
      select id, field, old, new, system, rule, note, event_id, at from change
      where record_type = %(type)s and record_id = %(id)s {more} order by id {way} limit %(limit)s
    ) c join event e on e.id = c.event_id order by c.id desc
"""
ONE: Final = """
    select id, field, old, new, system, rule, note, event_id, at from change
    where id = %(change)s and record_type = %(type)s and record_id = %(id)s
"""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page, the newest line first. `older`, `newer`: where the next and the last page begin, 0 for none."""

    lines: Sequence[Row]
    older: int = 0
    newer: int = 0


def read_timeline(
    connection: Connection[Any],
    ref: RecordRef,
    field: str = '',
    *,
    before: int = 0,
    after: int = 0,
    until: datetime | None = None,
    limit: int = ROWS,
) -> Timeline:
    """A page of the journal of a record (of one `field`), `before` or `after` a line of it. Each line says whether it
    was a value of the record (`own`), or only what a write of ours replaced elsewhere.
    """
    more = ' and field = %(field)s' if field else ''
    more += ' and id < %(before)s' if before else ' and id > %(after)s' if after else ''
    more += ' and at <= %(until)s' if until else ''
    upwards = bool(after and not before)
    given = {**ref._asdict(), 'field': field, 'before': before, 'after': after, 'until': until, 'limit': limit + 1}
    found = rows(connection, PAGE.format(more=more, way='asc' if upwards else 'desc'), given)
    is_more = len(found) > limit
    if is_more:
        found = found[1:] if upwards else found[:-1]
    for line in found:
        line['own'] = line['rule'] != OVERWRITTEN
    if not found:
        return Timeline([])
    older = found[-1]['id'] if is_more or upwards else 0
    newer = found[0]['id'] if before or (upwards and is_more) else 0
    return Timeline(found, older, newer)


def read_change(connection: Connection[Any], ref: RecordRef, number: int) -> Row:
    """One line of the journal of a record. Raises NotFound."""
    found = row(connection, ONE, {**ref._asdict(), 'change': number})
    if found is None:
        raise NotFound(f'The journal of this {ref.type} has no line {number}.')
    return found
