"""Whether anything is said to a system.

A pause is begun by a person, by credentials that do not work (OUT-7), or where a database came from elsewhere; it ends
by a person, or as soon as the credentials work again.
"""

from typing import Final

from hermes.db import bells
from hermes.db.pool import Connection, Row
from hermes.domain.status import BROKEN

PAUSE: Final = """
    insert into system_state (system, paused, reason, since) values (%s, true, %s, hermes_now())
      on conflict (system) do update set paused = true, reason = excluded.reason, since = excluded.since
"""
KEEP: Final = f'{PAUSE} where not system_state.paused'
PAUSED: Final = 'select system from system_state where paused and starts_with(reason, %s) order by system'
"""The systems that are paused for a reason that begins so."""
RESUME: Final = """
    update system_state set paused = false, reason = '', since = null, blocked_until = null where system = %s
"""
RESUME_IF: Final = """
    update system_state set paused = false, reason = '', since = null
    where system = %s and starts_with(reason, %s)
"""


async def pause(connection: Connection, system: str, reason: str, *, keep: bool = False) -> None:
    """Nothing is said to the system any more. `keep`: a pause that stands keeps its reason and its time."""
    await connection.execute(KEEP if keep else PAUSE, (system, reason))


async def resume(connection: Connection, system: str, *, only: str = '') -> None:
    """It is spoken with again, at once. `only`: if the pause's reason begins so, and no sooner than the system lets
    anybody in.
    """
    if only:
        await connection.execute(RESUME_IF, (system, only))
    else:
        await connection.execute(RESUME, (system,))
    await bells.ring(connection, bells.PUSH, bells.READING, bells.ERRAND)


async def broken(connection: Connection) -> list[Row]:
    """The systems that are paused because their credentials do not work."""
    return await (await connection.execute(PAUSED, (BROKEN,))).fetchall()


async def find_restored(connection: Connection, system: str) -> str | None:
    """The account of a system that is paused because the database was restored; None where it is not."""
    rows = await connection.execute(
        'select a.identity from system_state s join account a using (system) where s.system = %s and s.paused and '
        "s.reason ilike 'restored%%'",
        (system,),
    )
    row = await rows.fetchone()
    return str(row['identity']) if row else None


async def is_paused(connection: Connection, system: str) -> bool:
    """Whether nothing is said to a system."""
    return await find_reason(connection, system) is not None


async def paused(connection: Connection) -> set[str]:
    """The systems to which nothing is said."""
    rows = await connection.execute('select system from system_state where paused')
    return {row['system'] for row in await rows.fetchall()}


async def find_reason(connection: Connection, system: str) -> str | None:
    """Why a system is paused; None where it is not."""
    rows = await connection.execute('select reason from system_state where system = %s and paused', (system,))
    row = await rows.fetchone()
    return str(row['reason']) if row else None
