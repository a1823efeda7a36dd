"""Who was alive when, so that a stretch in which nobody could hear is noticed afterwards (PD-GAP-1).

Whoever is alive beats. A beat that comes later than it may leaves the stretch that was lost in its row, until
somebody has swept it.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo

from hermes.db.pool import Connection, Row, the_row

BEAT_S: Final = 5.0
WEB: Final = 'web'
SET_UP: Final = 'set-up'
"""The demo's set-up, which is done once."""
DOOR: Final = 'door'
"""Our public address, as the workers see it."""
TRIED: Final = 'tried '
"""How the names of trials begin, which nobody waits for."""
UNDER_WAY: Final = 'it is under way'
"""The note of a trial that has not ended."""
LONGEST_TRIAL: Final = timedelta(minutes=10)
"""A trial that is under way for longer was broken off."""
CANNOT: Final = 'it cannot'
"""How a note begins that tells what is not possible at the moment."""
WEB_SILENCE: Final = timedelta(seconds=60)
"""Senders try again for three minutes, but ten first attempts that fail are a ban."""

BEAT = """
    insert into pulse as p (name, at) values (%(name)s, hermes_now()) on conflict (name) do update set
      at = hermes_now(),
      lost_from = case when hermes_now() - p.at > %(limit)s then coalesce(p.lost_from, p.at) else p.lost_from end,
      lost_to = case when hermes_now() - p.at > %(limit)s then hermes_now() else p.lost_to end
"""
LOST = """
    update pulse p set lost_from = null, lost_to = null from (
      select name, lost_from, lost_to from pulse where lost_from is not null for update) l
    where p.name = l.name returning l.name, l.lost_from, l.lost_to
"""
MISS = """
    insert into pulse as p (name, at, lost_from, lost_to, note, noted_at)
    values (%(name)s, hermes_now(), %(since)s, hermes_now(), %(note)s, hermes_now())
    on conflict (name) do update set at = hermes_now(), lost_from = coalesce(p.lost_from, excluded.lost_from),
      lost_to = hermes_now(), note = excluded.note, noted_at = hermes_now()
"""
CLEAR = "update pulse set note = '' where name = %s and (note like 'it cannot%%' or note like 'a delivery%%')"
NOTE = 'update pulse set note = %(note)s, noted_at = hermes_now() where name = %(name)s'
ONCE = """
    insert into pulse as p (name, at) values (%(name)s, %(at)s) on conflict (name) do update set at = excluded.at
    where p.at < excluded.at returning p.name
"""
DUE = """
    insert into pulse as p (name, at) values (%(name)s, hermes_now()) on conflict (name) do update set
      at = excluded.at where p.at < excluded.at - %(every)s returning p.name
"""
SAY = """
    insert into pulse as p (name, at, note, noted_at) values (%(name)s, hermes_now(), %(note)s, hermes_now())
    on conflict (name) do update set note = excluded.note, noted_at = excluded.noted_at
    where p.note <> excluded.note or p.noted_at < hermes_now() - interval '1 minute'
"""
BEGIN = """
    insert into pulse as p (name, at, note, noted_at) values (%(name)s, hermes_now(), %(note)s, hermes_now())
    on conflict (name) do update set note = excluded.note, noted_at = excluded.noted_at
    where p.note <> excluded.note or p.noted_at < hermes_now() - %(within)s returning p.name
"""
SUSPECT = """
    insert into pulse as p (name, at, note) values (%(name)s, hermes_now(), %(why)s)
    on conflict (name) do update set at = hermes_now(), note = excluded.note
    where p.note = '' or (%(again)s::interval is not null and p.at <= hermes_now() - %(again)s) returning p.name
"""
TRUST = "update pulse set note = '' where name = %(name)s and note <> '' returning at"
HEARD_SINCE = """
    select 1 from event where id > coalesce((select max(id) from event), 0) - 10000 and kind like 'webhook%%'
      and received_at > %(since)s limit 1
"""


def trial(name: str) -> str:
    """The pulse of a trial in the accounts: what went wrong is its note, '' for nothing."""
    return f'{TRIED}{name}'


def subscription(system: str) -> str:
    """The pulse of our subscription at a system; it beats when it was found in place."""
    return f'{system} webhooks'


def silence(system: str) -> str:
    """Under which name it is kept that a system's silence is suspicious."""
    return f'{system} silence'


async def beat(connection: Connection, name: str, limit: timedelta) -> None:
    """Say that `name` is alive; after a silence of more than `limit` its row keeps what was lost."""
    await connection.execute(BEAT, {'name': name, 'limit': limit})


async def take_lost(connection: Connection) -> list[Row]:
    """The stretches that were lost (name, lost_from, lost_to), each once."""
    return await (await connection.execute(LOST)).fetchall()


async def miss(connection: Connection, name: str, since: datetime, note: str) -> None:
    """Something was not there: lost since `since`, until now."""
    await connection.execute(MISS, {'name': name, 'since': since, 'note': note})


async def note(connection: Connection, name: str, text: str) -> None:
    """What people should know about it; '' for nothing."""
    await connection.execute(NOTE, {'name': name, 'note': text})


async def clear(connection: Connection, name: str) -> None:
    """What could not be done is possible again."""
    await connection.execute(CLEAR, (name,))


async def forget(connection: Connection, name: str) -> None:
    """Nobody looks after it any more."""
    await connection.execute('delete from pulse where name = %s', (name,))


async def last(connection: Connection, name: str) -> datetime:
    """When `name` last beat; it is known."""
    row = await the_row(connection, 'select at from pulse where name = %s', (name,))
    at: datetime = row['at']
    return at


async def is_known(connection: Connection, name: str) -> bool:
    rows = await connection.execute('select 1 from pulse where name = %s', (name,))
    return await rows.fetchone() is not None


async def is_news(connection: Connection, name: str, at: datetime) -> bool:
    """Whether `at` is later than what was last told under this name; it is remembered."""
    return await (await connection.execute(ONCE, {'name': name, 'at': at})).fetchone() is not None


async def is_due(connection: Connection, name: str, every: timedelta) -> bool:
    """Whether `name` was not told within `every`; it is remembered as told now."""
    found = await connection.execute(DUE, {'name': name, 'every': every})
    return await found.fetchone() is not None


async def say(connection: Connection, name: str, text: str) -> None:
    """What people should know about `name`, as long as it is so; '' for nothing (any more)."""
    await connection.execute(SAY, {'name': name, 'note': text})


async def begin(connection: Connection, name: str, text: str, within: timedelta) -> bool:
    """Say that something is under way; False where that was said `within` so short a time, and nothing else since."""
    key = {'name': name, 'note': text, 'within': within}
    return await (await connection.execute(BEGIN, key)).fetchone() is not None


async def suspect(connection: Connection, name: str, why: str, again: timedelta | None) -> bool:
    """Keep that something is suspicious. True when that is new, or was last said `again` ago or earlier."""
    key = {'name': silence(name), 'why': why, 'again': again}
    return await (await connection.execute(SUSPECT, key)).fetchone() is not None


async def trust(connection: Connection, name: str) -> datetime | None:
    """Nothing is suspicious (any more). When it was last said that something is, None if it was not."""
    row = await (await connection.execute(TRUST, {'name': silence(name)})).fetchone()
    return row['at'] if row else None


async def heard_since(connection: Connection, since: datetime) -> bool:
    """Whether any webhook came after a moment."""
    return await (await connection.execute(HEARD_SINCE, {'since': since})).fetchone() is not None


class Heartbeat:
    """A process says that it is alive, as long as it is. `start` and `stop` as the web application calls them."""

    def __init__(self, conninfo: str, name: str = WEB, limit: timedelta = WEB_SILENCE) -> None:
        self._conninfo = make_conninfo(conninfo, connect_timeout='5', application_name=f'hermes-{name}-pulse')
        self._name, self._limit = name, limit
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        from hermes.kit import endings  # Here alone: most who ask for a pulse have none, and want to be quick.

        name = f'pulse-{self._name}'
        self._task = asyncio.create_task(endings.keep(name, self._beat), name=name)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            with contextlib.suppress(psycopg.Error, OSError):
                async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                    while True:
                        await connection.execute(BEAT, {'name': self._name, 'limit': self._limit})
                        await asyncio.sleep(BEAT_S)
            await asyncio.sleep(BEAT_S)
