"""What happened around security (S15), as events that are done as soon as they are stored: logins, passwords, second
factors, views and exports. None carries a secret; acts (roles, erasures) tell of themselves.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

import psycopg

from hermes.db.codec import dump
from hermes.db.pool import Connection, the_row

VIEWS: Final = frozenset({'event.viewed', 'person.exported', 'list.exported'})
"""What somebody looked at or took along: events of the kind 'view'. All others are of the kind 'security'."""
INSERT: Final = """
    insert into event (source, kind, dedupe_key, headers, body, state, applied_at)
    values ('operator', %(kind)s, %(key)s, %(headers)s, %(body)s, 'done', hermes_now()) returning id
"""


async def note(connection: Connection, what: str, by: str, **told: Any) -> int:
    """Store that `what` ('user.login') happened, by whom; the event's id."""
    return int((await the_row(connection, INSERT, _row(what, by, told)))['id'])


def note_at_once(connection: psycopg.Connection[Any], what: str, by: str = 'command line', **told: Any) -> None:
    """The same for somebody at a terminal, in a transaction of its own."""
    with connection.transaction():
        connection.execute(INSERT, _row(what, by, told))


def _row(what: str, by: str, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        'kind': 'view' if what in VIEWS else 'security',
        'key': secrets.token_bytes(16),
        'headers': dump({'by': by}),
        'body': json.dumps({'act': what, **told}).encode(),
    }
