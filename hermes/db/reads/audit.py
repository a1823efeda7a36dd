"""What operators did, and what happened around security (S15): acts, logins, views and exports, each an event of source
`operator`; and what was refused at the door, counted (S18). Reads only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.halving import EVENTS, first_since
from hermes.db.reads.listing import Cursor, read_cursor
from hermes.db.reads.lookup import Row, rows

KINDS: Final = ('act', 'security', 'view')
ORDER: Final = '-id'
TOLD: Final = "case when e.body is null then e.headers -> 'told' else convert_from(e.body, 'UTF8')::jsonb end"
CONDITIONS: Final = {
    'by': "coalesce(e.headers ->> 'by', '') = %(by)s",
    'what': f"({TOLD} ->> 'act' = %(what)s or starts_with({TOLD} ->> 'act', %(what)s || '.'))",
    'first': 'e.id >= %(first)s',
    'end': 'e.id < %(end)s',
    'older': 'e.id < %(older)s',
    'newer': 'e.id > %(newer)s',
}
FIND: Final = f"""
    select e.id, e.received_at as at, e.kind, e.state, coalesce(e.reason, '') as reason,
      coalesce(e.headers ->> 'by', '') as by, {TOLD} as told, coalesce(e.outcome -> 0 -> 'notes', '[]') as notes
    from event e join (
      select found.id from unnest(%(kinds)s::text[]) as k(kind) cross join lateral (
        select e.id from event e where e.source = 'operator' and e.kind = k.kind {{conditions}}
        order by e.id {{order}} limit %(limit)s) found
      order by found.id {{order}} limit %(limit)s) chosen using (id)
    order by e.id desc
"""
"""Each kind is walked in an index of source and kind, as far as a page needs."""
REFUSED: Final = """
    select source, reason, sum(count)::bigint as many, min(at) as first, max(at) as last from refusal
    where at >= %(since)s and (%(until)s::timestamptz is null or at < %(until)s)
    group by source, reason order by many desc, source, reason limit 50
"""


@dataclass(frozen=True, slots=True)
class Audit:
    """A page, the newest first: id, at, kind, state, reason, by, told (what it says), notes. `next` (older) and
    `previous`: cursors, '' where there is nothing more.
    """

    rows: Sequence[Row]
    next: str
    previous: str


def read_audit(
    connection: Connection[Any],
    *,
    by: str | None = None,
    what: str = '',
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str = '',
    limit: int = 50,
) -> Audit:
    """`by`: who, exactly; `what`: an act ('user.change') or a group of them ('user'). Raises Refused for a cursor that
    is none.
    """
    at = read_cursor(cursor, ORDER) if cursor else None
    back = at is not None and at.back
    asked: dict[str, Any] = {} if by is None else {'by': by}
    if what:
        asked['what'] = what
    if since is not None:
        asked['first'] = first_since(connection, EVENTS, since)
    if until is not None:
        asked['end'] = first_since(connection, EVENTS, until)
    if at is not None:
        asked['newer' if back else 'older'] = int(at.key)
    query = FIND.format(
        conditions=''.join(f' and {CONDITIONS[name]}' for name in asked), order='asc' if back else 'desc'
    )
    found = rows(connection, query, asked | {'kinds': list(KINDS), 'limit': limit + 1})
    more = len(found) > limit
    page = (found[-limit:] if back else found[:limit]) if more else found
    older = Cursor(ORDER, None, page[-1]['id']).write() if page and (back or more) else ''
    newer = Cursor(ORDER, None, page[0]['id'], back=True).write() if page and (more if back else at is not None) else ''
    return Audit(page, older, newer)


def read_refused(connection: Connection[Any], since: datetime, until: datetime | None = None) -> list[Row]:
    """What was refused since then, the most frequent first: source, reason, many, first, last."""
    return rows(connection, REFUSED, {'since': since, 'until': until})
