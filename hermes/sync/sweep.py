"""Sweeps: listings to the end, whose pages are events like any other.

`changed` lists what was updated since the last listing of a type, with an overlap (PD-GAP-1, I15); `full` lists
everything and proves that it was complete (proof.py). One page a step; a sweep that was interrupted goes on at its
cursor; one that cannot prove that it was complete says so. The first full listing of organisations and persons is what
lets creations trust our own index (MATCH-6).
"""

import hashlib
import json
from datetime import timedelta
from typing import Final

from hermes.db import events, proofs, sweeps
from hermes.db.pool import Connection
from hermes.db.proofs import Seen
from hermes.db.sweeps import Sweep
from hermes.domain.errors import Forbidden, Gone, HermesError, Reaction, Rejected, Retry
from hermes.domain.model import Element, Event, Value
from hermes.kit import wire
from hermes.ports import Listings, Profile, Request, System, encode_answer
from hermes.sync import calls, options, proof, withhold
from hermes.sync.calls import Asked, Denied
from hermes.sync.engine import Engine
from hermes.sync.observe import observe

ARCHIVED: Final = 'archived:'
"""How the cursor begins while the second half of a full listing is read: what was archived."""
PAGE: Final = 500
RESTARTS: Final = 2


async def ensure_first(connection: Connection, system: Profile) -> list[str]:
    """Open the first full listing of each type, once per database. The types that are listed from now on."""
    opened = []
    for remote_type in system.listings.first:
        if not await sweeps.find(connection, system.name, remote_type, 'full', ever=True):
            await open_sweep(connection, system.name, remote_type, 'full', only_first=True)
            opened.append(remote_type)
    return opened


async def open_sweep(
    connection: Connection, system: str, remote_type: str, kind: str, *, only_first: bool = False, cause: str = ''
) -> int:
    """Open a sweep unless one of this kind has not begun yet (or, `only_first`, runs or was ever completed); its id.

    What changed can only be listed of a type that was listed before; else it is listed in full.
    """
    await sweeps.lock_type(connection, system, remote_type)
    since = await sweeps.watermark(connection, system, remote_type) if kind == 'changed' else None
    if kind == 'changed' and since is None:
        kind, only_first = 'full', True
    found = await sweeps.find(connection, system, remote_type, kind, ever=only_first)
    return found or await sweeps.add(connection, system, remote_type, kind, since, cause)


async def open_changes(connection: Connection, system: Profile, cause: str) -> list[int]:
    """List what changed since the last time, of every type that can tell; the ids of the sweeps."""
    types = system.listings.changed
    opened = [await open_sweep(connection, system.name, each, 'changed', cause=cause) for each in types]
    return opened


async def open_everything(connection: Connection, system: Profile, cause: str) -> list[int]:
    """What is due every night and after every gap: pipelines, stages and users, what changed, then everything to the
    end with its proof.
    """
    types, name = system.listings, system.name
    opened = [await open_sweep(connection, name, each, 'full', cause=cause) for each in types.shared]
    opened += await open_changes(connection, system, cause)
    opened += [await open_sweep(connection, name, each, 'full', cause=cause) for each in types.full]
    return opened


async def sweep_step(engine: Engine) -> bool:
    """Fetch one page of one running sweep, or look at one that is listed. False when there is none, or it must
    wait.
    """
    async with engine.database.transaction() as connection:
        sweep = await sweeps.claim(connection, list(engine.systems))
        if sweep is None:
            return False
        system = engine.systems[sweep.system]
        await sweeps.take(connection, sweep.id)
    if sweep.listed_at is not None:
        return await proof.prove(engine, system, sweep, open_sweep)
    return await _fetch(engine, system, sweep)


async def _fetch(engine: Engine, system: System, sweep: Sweep) -> bool:
    asked = await calls.ask(engine, system, request_of(sweep, system.profile.listings), 'backfill')
    if isinstance(asked, Denied):
        async with engine.database.transaction() as connection:
            at = asked.grant.retry_at or engine.clock.now() + timedelta(seconds=1)
            await sweeps.later(connection, sweep.id, at, asked.grant.reason)
        return False
    if asked.reaction is None:
        await options.settle_doubts(engine, system, asked.request, asked.answer)
    async with engine.database.transaction() as connection:
        if asked.reaction is None:
            return await _keep(connection, engine, system, sweep, asked)
        await calls.note(engine, connection, system, asked)
        await _react(connection, engine, sweep, asked.reaction)
    return False


async def _react(connection: Connection, engine: Engine, sweep: Sweep, reaction: Reaction) -> None:
    """A page failed: again a little later; where the listing itself is refused, from the start, at last not at all."""
    if not isinstance(reaction, (Rejected, Forbidden, Gone)):
        pause_s = 1.0 if isinstance(reaction, Retry) else 5.0
        at = engine.clock.now() + timedelta(seconds=pause_s)
        await sweeps.later(connection, sweep.id, at, f'a page failed: {reaction}')
    elif sweep.cursor and sweep.restarts < RESTARTS:
        await sweeps.restart(connection, sweep.id, f'begun again: {reaction}')
    else:
        await proof.give_up(connection, sweep, f'a page was refused: {reaction}')


def request_of(sweep: Sweep, listings: Listings) -> Request:
    """The next page of a listing."""
    cursor = sweep.cursor or ''
    params: dict[str, Value] = {'limit': PAGE, 'cursor': cursor.removeprefix(ARCHIVED) or None}
    if cursor.startswith(ARCHIVED):
        params['archived'] = True
    if sweep.kind == 'changed' and sweep.since is not None:
        params['since'] = sweep.since.isoformat()
        if statuses := listings.statuses.get(sweep.type):
            params['status'] = list(statuses)
    return Request('list', sweep.type, params=params)


def _following(sweep: Sweep, cursor: str | None, listings: Listings) -> str | None:
    """Where the listing goes on; None at its end."""
    archived = (sweep.cursor or '').startswith(ARCHIVED)
    if archived and cursor:
        return ARCHIVED + cursor
    halves = sweep.kind == 'full' and sweep.type in listings.archived
    return cursor or (ARCHIVED if halves and not archived else None)


async def _keep(connection: Connection, engine: Engine, system: System, sweep: Sweep, asked: Asked) -> bool:
    """The page becomes an event; the cursor moves in the same transaction; the last page completes the listing."""
    request, answer = asked.request, asked.answer
    body = encode_answer(request, answer)
    seen, readable, sifted = await _seen(engine, connection, system, body)
    same = await proofs.keep_listed(connection, sweep, seen) if sweep.kind == 'full' else set()
    headers = {'sweep': str(sweep.id)}
    if same:
        headers['news'] = ','.join(one.remote_id for one in seen if one.remote_id not in same)
    nothing_new = readable and len(same) == len(seen)
    page = await events.add(
        connection, system.name, 'page', body, state='done' if nothing_new else 'new', headers=headers
    )
    if sifted.changed:
        await withhold.keep(engine, connection, sifted, page.id)
    if nothing_new:
        await events.finish(connection, [(page.id, [{'notes': [f'{len(seen)} objects, all as they were']}])])
    await calls.close(engine, connection, asked, page.id)
    cursor = _following(sweep, system.next_cursor(answer), system.profile.listings)
    digest = hashlib.sha256((sweep.digest + ','.join(one.remote_id for one in seen)).encode()).hexdigest()
    through = wire.http_date(answer.headers.get('date')) or answer.started_at or engine.clock.now()
    moved = await sweeps.move(
        connection,
        sweep,
        cursor,
        {
            'items': len(seen), 'tokens': system.cost(request).tokens, 'digest': digest, 'through': through,
            'event': page.id,
        },
    )  # fmt: skip
    if moved and cursor is None and sweep.kind != 'full':
        await sweeps.end(connection, sweep.id, 'done')
    return True


async def _seen(
    engine: Engine, connection: Connection, system: System, body: bytes
) -> tuple[list[Seen], bool, withhold.Sifted]:
    """What a page shows, object by object, but for the erased; and whether everything in it could be read."""
    event = Event(0, system.name, 'page', body, engine.clock.now())
    known = await engine.known(connection)
    try:
        elements = await observe(engine, event, known)
    except HermesError:
        return [], False, withhold.Sifted([])
    sifted = await withhold.sift(engine, connection, [(event, elements)], known)
    elements = sifted.batch[0][1]
    found = [one for one in map(_print, elements) if one is not None]
    return found, len(found) == len(elements), sifted


def _print(element: Element) -> Seen | None:
    """The print of one object: the same for the same observation only. One that is yet to be read has no version."""
    for seen in element.observations:
        told = json.dumps([seen.kind, seen.version, seen.fields], sort_keys=True, default=str)
        return Seen(seen.ref.remote_id, *seen.version, hashlib.sha256(told.encode()).hexdigest()[:32])
    for wanted in element.fetch:
        return Seen(wanted.ref.remote_id, -1, -1, '')
    return None
