"""Replays of many events: how far each is, and what became of what could not be applied. Reads only."""

from collections.abc import Iterable
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.errors import Refused

COLUMNS: Final = """
    r.id, r.filter, r.event_id, r.total, r.looked, r.changed, r.changes, r.refused, r.state, r.started_at, r.seen_at,
    r.ended_at, r.worker, coalesce(e.headers ->> 'by', '') as by
"""
LIST: Final = f"""
    select {COLUMNS} from replay r left join event e on e.id = r.event_id
    where %(before)s::bigint is null or r.id < %(before)s order by r.id desc limit %(limit)s
"""
FIND: Final = f'select {COLUMNS}, r.unsettled from replay r left join event e on e.id = r.event_id where r.id = %(id)s'
UNSETTLED: Final = """
    select state, coalesce(reason, '') as reason, count(*) as events, min(id) as first from event
    where id = any(%(ids)s) and state <> 'done' group by 1, 2 order by 3 desc, 4 limit 20
"""


def list_replays(connection: Connection[Any], *, limit: int = 50, before: int | None = None) -> list[Row]:
    """The newest replays first, at most `limit`, of those with a number under `before`."""
    return [_shown(item) for item in rows(connection, LIST, {'limit': limit, 'before': before})]


def read_replay(connection: Connection[Any], replay_id: int) -> Row:
    """One replay; `reasons`: why events of it are not done, each with its state, how many there are and the first of
    them. Raises Refused if there is none.
    """
    found = row(connection, FIND, {'id': replay_id}) if 0 < replay_id < 2**63 else None
    if found is None:
        raise Refused(f'There is no replay {replay_id}.')
    reasons = rows(connection, UNSETTLED, {'ids': found.pop('unsettled')})
    return _shown(found) | {'reasons': reasons}


def say_filter(told: Iterable[tuple[str, Any]]) -> str:
    """A filter in words: `kind webhook, state parked`."""
    return ', '.join(
        f'{name} {":".join(map(str, value)) if isinstance(value, list) else value}' for name, value in told
    )


def _shown(item: Row) -> Row:
    return item | {'wanted': say_filter(item['filter'].items())}
