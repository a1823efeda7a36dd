"""Sweeps: listings to the end, whose pages are events like any other.

The first full listing of organisations and persons is what lets creations trust our own index (MATCH-6). One page a
step; a sweep that was interrupted goes on at its cursor; one that cannot prove that it was complete says so.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from hermes.db import events
from hermes.db.pool import Connection, Row
from hermes.domain.errors import Retry
from hermes.domain.model import Value
from hermes.ports import Answer, Request, System, encode_answer
from hermes.sync import calls
from hermes.sync.calls import Denied
from hermes.sync.engine import Engine

FIRST: Final[Mapping[str, tuple[str, ...]]] = {'pipedrive': ('organization', 'person', 'deal')}
PAGE: Final = 500
STALE: Final = timedelta(seconds=30)
"""A page that took longer than this is somebody else's to fetch."""


async def ensure_first(connection: Connection, system: str) -> None:
    """Open the first full listing of each type, once per database."""
    for remote_type in FIRST.get(system, ()):
        await open_sweep(connection, system, remote_type, 'full', only_first=True)


async def open_sweep(
    connection: Connection, system: str, remote_type: str, kind: str, *, only_first: bool = False
) -> None:
    """Open a sweep unless one of this kind is running (or, `only_first`, was ever completed)."""
    await connection.execute(
        'select pg_advisory_xact_lock(hashtext(%s), hashtext(%s))', ('sweep', f'{system} {remote_type}')
    )
    states = ['running', 'done'] if only_first else ['running']
    await connection.execute(
        'insert into sweep (system, type, kind, started_at) select %s, %s, %s, hermes_now() where not exists ('
        'select 1 from sweep where system = %s and type = %s and kind = %s and state = any(%s))',
        (system, remote_type, kind, system, remote_type, kind, states),
    )


async def sweep_step(engine: Engine) -> bool:
    """Fetch one page of one running sweep. False when there is none, or it must wait."""
    async with engine.database.transaction() as connection:
        sweep = await _claim(connection)
        if sweep is None:
            return False
        system = engine.systems.get(sweep['system'])
        if system is None:
            return False
        request = _request(sweep)
        allowed = await calls.allow(engine, connection, system, request, 'backfill')
        if isinstance(allowed, Denied):
            await connection.execute('update sweep set reason = %s where id = %s', (allowed.grant.reason, sweep['id']))
            return False
        await connection.execute(
            "update sweep set reason = 'fetching since ' || hermes_now()::text, finished_at = hermes_now() where id "
            '= %s',
            (sweep['id'],),
        )
        known = await engine.known(connection)
    answer = await calls.make(engine, system, request, known.catalogue)
    reaction = calls.judge(system, request, answer, known.catalogue)
    async with engine.database.transaction() as connection:
        if reaction is None:
            await _keep(connection, engine, system, sweep, request, answer, allowed)
        else:
            await calls.note(engine, connection, system, allowed, request, answer, reaction)
            pause_s = 1.0 if isinstance(reaction, Retry) else 5.0
            await connection.execute(
                'update sweep set reason = %s, finished_at = hermes_now() - %s + make_interval(secs => %s) where id '
                '= %s',
                (str(reaction), STALE, pause_s, sweep['id']),
            )
    return reaction is None


async def _claim(connection: Connection) -> Row | None:
    """A running sweep whose page nobody is fetching (finished_at marks when a fetch began)."""
    rows = await connection.execute(
        "select w.* from sweep w left join system_state s using (system) where w.state = 'running' "
        'and (w.finished_at is null or w.finished_at < hermes_now() - %s) '
        "and not coalesce(s.paused, false) and coalesce(s.blocked_until, '-infinity') <= hermes_now() order by w.id "
        'limit 1 for update of w skip locked',
        (STALE,),
    )
    return await rows.fetchone()


def _request(sweep: Row) -> Request:
    params: dict[str, Value] = {'limit': PAGE, 'cursor': sweep['cursor']}
    if sweep['kind'] == 'deleted':
        params['status'] = 'deleted'
    return Request('list', sweep['type'], params=params)


async def _keep(
    connection: Connection,
    engine: Engine,
    system: System,
    sweep: Row,
    request: Request,
    answer: Answer,
    call: calls.Call,
) -> None:
    """The page becomes an event; the cursor moves in the same transaction; the last page completes the listing."""
    page = await events.add(
        connection,
        system.name,
        'page',
        encode_answer(request, answer),
        state='new',
        headers={'sweep': str(sweep['id'])},
    )
    await calls.close(connection, call, answer, page.id, engine.clock.now())
    cursor = system.next_cursor(answer)
    ids = _ids(answer)
    digest = hashlib.sha256((sweep['digest'] + ','.join(ids)).encode()).hexdigest()
    await connection.execute(
        'update sweep set cursor = %s, pages = pages + 1, items = items + %s, tokens = tokens + %s, digest = %s, '
        'state = %s, reason = %s, '
        "finished_at = case when %s = 'done' then hermes_now() end where id = %s",
        (
            cursor, len(ids), system.cost(request).tokens, digest, 'running' if cursor else 'done', '',
            'running' if cursor else 'done', sweep['id'],
        ),
    )  # fmt: skip


def _ids(answer: Answer) -> list[str]:
    data: Any = json.loads(answer.body).get('data') or []
    return [str(item.get('id')) for item in data]
