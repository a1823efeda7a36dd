"""Looking: something is done in a transaction, looked at, and taken back. Nothing of it is kept, and no bell rings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hermes.db.pool import Connection, DatabaseError, give_way, is_busy
from hermes.domain.errors import Refused
from hermes.sync.engine import Engine


class _Over(Exception):
    """Takes everything back."""


@asynccontextmanager
async def taken_back(engine: Engine) -> AsyncIterator[Connection]:
    """A transaction that is taken back at its end. Raises Refused where somebody else is at work on what it needs."""
    try:
        async with engine.database.transaction() as connection:
            await give_way(connection)
            yield connection
            raise _Over
    except _Over:
        return
    except DatabaseError as error:
        if not is_busy(error):
            raise
        raise Refused('What this is about is being worked on; ask again in a moment.', 'busy') from None
