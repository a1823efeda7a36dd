"""Alerts as they stand, each with what became of its messages. Reads only."""

from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, rows

LIST: Final = """
    select a.id, a.name, a.said, a.look, a.since, a.told, a.told_at, a.ended_at,
      (select string_agg(distinct m.channel, ', ') from alert_message m where m.alert_id = a.id and m.state = 'sent')
        as over,
      (select m.channel || ': ' || m.reason from alert_message m
       where m.alert_id = a.id and m.state in ('due', 'refused') and m.reason <> '' order by m.id desc limit 1)
        as failed
    from alert a where %(ended)s or a.ended_at is null order by a.ended_at is not null, a.id desc limit %(limit)s
"""


def list_alerts(connection: Connection[Any], *, ended: bool = False, limit: int = 50) -> list[Row]:
    """Alerts that are open, the newest first; with `ended` the others too."""
    return rows(connection, LIST, {'ended': ended, 'limit': limit})
