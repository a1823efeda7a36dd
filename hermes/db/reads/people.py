"""App users for whoever looks after them: how many stand where, and everybody in a state. Reads only."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.errors import NotFound
from hermes.domain.model import RecordRef

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


CHECKS: Final = """
    select target, state, status, code, excerpt, run_id, event_id, at from crm_check
    where record_type = %(type)s and record_id = %(id)s order by id desc limit %(limit)s
"""
OVERALL: Final = """
    select count(*) as all, count(legacy_id) as legacy, count(crm_id) as known
    from app_user where tombstone is null and alias_of is null
"""
MOVES: Final = """
    select id, at, by, outcome from (
      select id, received_at as at, coalesce(headers ->> 'by', '') as by, convert_from(body, 'UTF8') as body, outcome
      from event where source = 'operator' and kind = 'act' and state = 'done' and body is not null
      order by id desc limit 2000
    ) acts where body like '%%"people.target"%%' or body like '%%"people.confirm"%%' or body like '%%"people.retire"%%'
    order by id desc limit %(limit)s
"""


def find_user(connection: Connection[Any], number: int) -> Row:
    """A live app user. Raises NotFound."""
    found = row(connection, 'select * from app_user where id = %(id)s and tombstone is null', {'id': number})
    if found is None:
        raise NotFound(f'There is no app user {number}.')
    return found


def list_checks(connection: Connection[Any], ref: RecordRef, limit: int = 100) -> list[Row]:
    """The states that somebody went through, newest first."""
    return rows(connection, CHECKS, {'type': ref.type, 'id': ref.id, 'limit': limit})


def count_overall(connection: Connection[Any]) -> Row:
    """How many live app users there are, with an old id, and with one of the target."""
    return rows(connection, OVERALL)[0]


def list_moves(connection: Connection[Any], limit: int = 30) -> list[Row]:
    """Who moved the migration, and confirmed what, newest first."""
    return rows(connection, MOVES, {'limit': limit})


def count_states(connection: Connection[Any], target: str) -> dict[str, int]:
    """How many live app users of a target stand in each state."""
    return {row['state']: row['n'] for row in rows(connection, COUNT, {'target': target})}


def list_people(connection: Connection[Any], states: Sequence[str]) -> list[Row]:
    """Everybody in some states (none named: everybody), with what was answered last, and who else has their address."""
    return rows(connection, LIST, {'states': list(states)})
