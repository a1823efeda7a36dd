"""Settings as they are stored, what they may point at, and how a system stands. Reads only."""

from typing import Any

from psycopg import Connection

from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.config import ConfigKey
from hermes.domain.model import RecordRef, Value
from hermes.domain.record_types import NAMES

FIND_SYSTEM = """
    select coalesce(s.paused, false) as paused, coalesce(s.reason, '') as reason, a.identity as account
    from (select %(system)s::text as system) as asked left join system_state s using (system) left join account a
      using (system)
"""
READ_SETTINGS = 'select key, value from setting order by key'
FIND_PIPELINE = """
    select coalesce(p.name, '') as name,
           case when p.alias_of is not null or p.tombstone is not null or p.archived then 'archived'
                when s.id is null then 'no default entry stage'
                when s.archived or s.tombstone is not null then 'its entry stage is archived' else '' end as problem
    from pipeline p left join stage s on s.id = p.dft_entry_stage_id where p.id = %(id)s
"""
FIND_ADMIN = """
    select concat_ws(' ', first_name, last_name) as name,
           case when tombstone is not null or not active then 'not active'
                when not is_sales_person then 'no sales person' else '' end as problem
    from admin where id = %(id)s
"""


def read_settings(connection: Connection[Any]) -> dict[str, Value]:
    """Every stored setting."""
    return {item['key']: item['value'] for item in rows(connection, READ_SETTINGS)}


def read_system(connection: Connection[Any], system: str) -> Row:
    """How a system stands: paused, reason, account (None before the first contact)."""
    found = row(connection, FIND_SYSTEM, {'system': system})
    assert found is not None
    return found


def read_live(connection: Connection[Any], ref: RecordRef) -> Row | None:
    """A pipeline or an admin as a setting may point at it: `name`, and `problem` when it should not ('' if all is
    well).
    """
    if ref.type not in NAMES or not 0 < ref.id < 2**63:
        return None
    return row(connection, {'pipeline': FIND_PIPELINE, 'admin': FIND_ADMIN}[ref.type], {'id': ref.id})


def describe(connection: Connection[Any], key: ConfigKey, value: Value) -> tuple[str | None, str | None]:
    """What the record is called that a setting points at, and what is wrong with it (D-8); (None, None) for plain
    values.
    """
    if key.record_type is None or value is None:
        return None, None
    found = read_live(connection, RecordRef(key.record_type, int(value)))
    if found is None:
        return None, 'unknown'
    return found['name'], found['problem'] or None
