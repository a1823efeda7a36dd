"""Workers: who is alive."""

from hermes.db.pool import Connection

BEAT = """
    insert into worker (id, started_at, seen_at, host, pid) values (%s, hermes_now(), hermes_now(), %s, %s)
    on conflict (id) do update set seen_at = excluded.seen_at
"""


async def beat(connection: Connection, worker: str, host: str, pid: int) -> None:
    """A worker is here."""
    await connection.execute(BEAT, (worker, host, pid))


async def leave(connection: Connection, worker: str) -> None:
    """A worker is gone."""
    await connection.execute('delete from worker where id = %s', (worker,))


async def forget_lost(connection: Connection) -> None:
    """Those that nobody has seen for an hour."""
    await connection.execute("delete from worker where seen_at < hermes_now() - interval '1 hour'")
