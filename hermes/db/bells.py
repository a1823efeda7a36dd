"""The bells that wake a worker's loops when a transaction commits (decision 0003). Each says what there is to do, so
that only who does that looks; who was not woken looks after a second all the same.
"""

from typing import Final

from hermes.db.pool import Connection

EVENT: Final = 'hermes_event'
"""Something came in."""
READING: Final = 'hermes_reading'
"""An object is to be read by its id."""
PUSH: Final = 'hermes_push'
"""Something differs, and is to be sent; the payload names the company graph and the system, if it is one."""
ERRAND: Final = 'hermes_errand'
"""What is seldom: a letter, a listing, a calendar that is to be read."""
ALL: Final = (EVENT, READING, PUSH, ERRAND)


def rung(bell: str) -> str:
    """As a column that a statement gives: whatever rows it gives, it rings."""
    return f"pg_notify('{bell}', '')::text"


async def ring(connection: Connection, *bells: str) -> None:
    """Wake whoever listens to these."""
    await connection.execute('select pg_notify(bell, %s) from unnest(%s::text[]) bell', ('', list(bells)))
