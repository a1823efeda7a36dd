"""App users for whoever looks after them: how many stand where, and everybody in a state. Reads only."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, rows

COUNT: Final = """
    select coalesce(state, '') as state, count(*) as n from app_user
    where coalesce(target, '') = %(target)s and tombstone is null and alias_of is null
      and decided is distinct from 'skip'
    group by 1 order by 1
"""
LIST: Final = """
    select u.id, u.user_id, u.email, u.first_name, u.last_name, u.legacy_id, u.crm_id, u.state,
      (select excerpt from crm_check c where c.record_type = 'app_user' and c.record_id = u.id
        order by c.id desc limit 1) as said,
      (select string_agg(o.id::text, ' ') from app_user o where lower(o.email) = lower(u.email) and o.id <> u.id
        and o.tombstone is null) as suggested
    from app_user u
    where u.tombstone is null and u.alias_of is null and (%(states)s::text[] = '{}' or u.state = any(%(states)s))
    order by u.id
"""


def count_states(connection: Connection[Any], target: str) -> dict[str, int]:
    """How many live app users of a target stand in each state."""
    return {row['state']: row['n'] for row in rows(connection, COUNT, {'target': target})}


def list_people(connection: Connection[Any], states: Sequence[str]) -> list[Row]:
    """Everybody in some states (none named: everybody), with what was answered last, and who else has their address."""
    return rows(connection, LIST, {'states': list(states)})
