"""What happened around security (S15), as events that are done as soon as they are stored: logins, passwords, second
factors, views and exports. None carries a secret; acts (roles, erasures) tell of themselves.
"""

import json
import secrets
from typing import Final

from hermes.db.codec import dump
from hermes.db.pool import Connection, the_row

KIND: Final = 'security'


async def note(connection: Connection, what: str, by: str, **told: int | str) -> int:
    """Store that `what` ('user.login') happened, by whom; the event's id."""
    row = await the_row(
        connection,
        'insert into event (source, kind, dedupe_key, headers, body, state, applied_at) '
        "values ('operator', %s, %s, %s, %s, 'done', hermes_now()) returning id",
        (KIND, secrets.token_bytes(16), dump({'by': by}), json.dumps({'act': what, **told}).encode()),
    )
    return int(row['id'])
