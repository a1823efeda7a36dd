"""Pushes that are not finished, and how those of a record stand. Reads only."""

from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, rows
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef

PUSH_STATES: Final = ('due', 'waiting', 'parked', 'held', 'intent')

LIST_PUSHES = """
    select record_type, record_id, system, graph_id, wanted - done as behind, due_at, lane, state, reason, detail,
      attempts,
           ignored, intent, leased_until, last_write_at, dirty_at,
           case when state <> 'ready' then state
                when intent is not null and (leased_until is null or leased_until < at) then 'intent'
                when wanted > done and due_at <= at then 'due'
                when wanted > done then 'waiting' else 'done' end as shown
    from push, (select hermes_now() as at offset 0) now
    where ((wanted > done and state = 'ready') or state <> 'ready' or intent is not null)
"""
SELECT_PUSHES = f"""
    select * from ({LIST_PUSHES}) as p
    where (%(shown)s::text is null or shown = %(shown)s) and (%(system)s::text is null or system = %(system)s)
    order by shown = 'due', due_at, record_type, record_id limit %(limit)s
"""
FIND_PUSHES = """
    select system, wanted > done as dirty, state, reason, ignored from push
    where record_type = %(type)s and record_id = %(id)s order by system
"""


def list_pushes(
    connection: Connection[Any], *, shown: str | None = None, system: str | None = None, limit: int = 50
) -> list[Row]:
    """Pushes that are not finished: due, waiting (for their time), parked, held, or with an unknown outcome
    ('intent').
    """
    if shown is not None and shown not in PUSH_STATES:
        raise Refused(f'There is no push state "{shown}". The states are: {", ".join(PUSH_STATES)}.')
    return rows(connection, SELECT_PUSHES, {'shown': shown, 'system': system, 'limit': limit})


def read_pushes(connection: Connection[Any], ref: RecordRef) -> list[Row]:
    """The push rows of one record: system, dirty, state, reason, ignored."""
    return rows(connection, FIND_PUSHES, ref._asdict())
