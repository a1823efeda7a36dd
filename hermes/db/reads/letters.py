"""Letters as they stand: those that did not go out, and all. Reads only."""

from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.errors import Refused

LETTER_STATES: Final = ('due', 'sent', 'dropped', 'parked')

LIST_LETTERS = """
    select id, kind, meeting_id, state, due_at, sent_at, attempts, reason from letter
    where state = any(%(states)s) order by id desc limit %(limit)s
"""
FIND_LETTER = 'select id, kind, meeting_id, state, reason from letter where id = %(id)s'


def list_letters(connection: Connection[Any], *, state: str = '', limit: int = 50) -> list[Row]:
    """Letters, the newest first; those that did not go out, unless a state (or 'all') is named. Raises Refused for an
    unknown state.
    """
    if state not in ('', 'all', *LETTER_STATES):
        raise Refused(f'There is no state "{state}" of a letter. They are: {", ".join(LETTER_STATES)}, all.')
    states = {'': ['due', 'parked'], 'all': list(LETTER_STATES)}.get(state, [state])
    return rows(connection, LIST_LETTERS, {'states': states, 'limit': limit})


def read_letter(connection: Connection[Any], number: int) -> Row:
    """One letter: kind, meeting_id, state, reason. Raises Refused when there is none."""
    found = row(connection, FIND_LETTER, {'id': number}) if 0 < number < 2**63 else None
    if found is None:
        raise Refused(f'There is no letter {number}.')
    return found
