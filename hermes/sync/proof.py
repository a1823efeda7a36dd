"""The proof of a full listing: counts and hashes, and what it lacks is looked at before it is believed (PD-GAP-1).

An object that is not listed any more is read by id: deleted there is a deletion; not found there either is one too,
because two places say so. But first its children are looked at: if they point elsewhere now, it was merged, which a
person decides. Nothing is believed when too much is missing at once.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from hermes.db import decisions, events, graphs, proofs, sweeps
from hermes.db.pool import Connection
from hermes.db.proofs import Finding, Missing, Suspicion
from hermes.db.sweeps import Sweep
from hermes.domain.errors import Gone, Reaction
from hermes.domain.graph import Decision
from hermes.kit import wire
from hermes.ports import Request, System
from hermes.sync import ingest, resolve
from hermes.sync.engine import Engine

SOME: Final = 50
SHARE: Final = 0.1
"""More than SOME missing objects, and more than this share of all, are not believed before a person says so; SOME more
than that person accepted still are.
"""
AT_ONCE: Final = 20
LOOKS: Final = 3
Opening = Callable[[Connection, str, str, str], Awaitable[int]]


async def prove(engine: Engine, system: System, sweep: Sweep, open_sweep: Opening) -> bool:
    """Take a listed sweep one step further: look at what it lacks, then compare. False when it has to wait."""
    async with engine.database.transaction() as connection:
        sweep = await sweeps.lock(connection, sweep.id)
        wait = await _unapplied(connection, sweep)
        if wait is not None:
            parked, reason = wait
            if parked:
                await give_up(connection, sweep, reason)
                return True
            await _rest(engine, connection, sweep, 1.0, reason)
            return False
        await proofs.withdraw(connection, sweep)
        lost = await _lost(connection, sweep, _is_partial(system, sweep))
        if isinstance(lost, int):
            await _disbelieve(connection, sweep, lost)
            return True
        if lost:
            stale = await proofs.fresh_children(connection, sweep)
            if stale:
                for child in stale:
                    await open_sweep(connection, sweep.system, child, 'changed')
                await _rest(engine, connection, sweep, 1.0, f'waits for a listing of {" and ".join(stale)}')
                return True
            lost = await _suspect(engine, connection, sweep, lost)
        if not lost:
            return await _conclude(engine, connection, system, sweep)
    return await _read(engine, system, sweep, [one.remote_id for one in lost][:AT_ONCE])


async def give_up(connection: Connection, sweep: Sweep, reason: str) -> None:
    """Completeness cannot be proven: said in red until a later listing proves it."""
    await sweeps.end(connection, sweep.id, 'failed', reason)
    await proofs.write(connection, sweep, Finding(listed=sweep.items, reason=reason))


async def _rest(engine: Engine, connection: Connection, sweep: Sweep, seconds: float, reason: str) -> None:
    await sweeps.later(connection, sweep.id, engine.clock.now() + timedelta(seconds=seconds), reason)


async def _unapplied(connection: Connection, sweep: Sweep) -> tuple[bool, str] | None:
    """(whether it will stay so, why) while not every page is applied, or not every listed client was read."""
    pages = await proofs.pages(connection, sweep)
    if pages.parked:
        return True, f'page {pages.parked_id} is {pages.aside}: "hermes events show {pages.parked_id}"'
    if pages.open:
        return False, pages.reason or f'{pages.open} pages are still to be applied'
    unread = await proofs.unread(connection, sweep)
    return (False, f'{unread} listed objects are still to be read') if unread else None


def _is_partial(system: System, sweep: Sweep) -> bool:
    """Whether a listing does not show everything: what it lacks says nothing."""
    return sweep.type in system.profile.listings.partial


async def _lost(connection: Connection, sweep: Sweep, partial: bool) -> list[Missing] | int:
    """What is missing and was not looked at yet; how many are missing when that is too much to be believed."""
    every = await proofs.missing(connection, sweep)
    found = [one for one in every if one.remote_id not in sweep.looked]
    if found and partial:
        await sweeps.note_looked(connection, sweep.id, {one.remote_id: 'there' for one in found})
        return []
    gone = len(found) + sum(what != 'there' for what in sweep.looked.values())
    if gone > SOME and gone > SHARE * (sweep.items + gone):
        return found if gone <= await proofs.accepted(connection, sweep) + SOME else gone
    return found


async def _disbelieve(connection: Connection, sweep: Sweep, gone: int) -> None:
    """Completeness cannot be proven before a person says that so many are really gone."""
    whole = sweep.items + gone
    await proofs.ask_missing(connection, sweep, gone, whole)
    told = f'{gone} of {whole} are not listed any more: too many to be believed; nothing was done'
    await give_up(connection, sweep, f'{told}. If they are really gone, say so: "hermes decisions list"')


async def _suspect(engine: Engine, connection: Connection, sweep: Sweep, lost: list[Missing]) -> list[Missing]:
    """Ask a person about what looks merged; what is left is to be read."""
    found = await proofs.suspicions(connection, sweep, lost)
    named = [one for one in lost if one.remote_id in found]
    asked = [(_question(sweep, one, found[one.remote_id]), sweep.first_event) for one in named]
    await decisions.ask(connection, asked, engine.clock.now())
    await sweeps.note_looked(connection, sweep.id, {one.remote_id: 'merged?' for one in named})
    return [one for one in lost if one.remote_id not in found]


def _question(sweep: Sweep, lost: Missing, suspicion: Suspicion) -> Decision:
    ref = [sweep.system, sweep.type, lost.remote_id]
    detail: Mapping[str, Any] = {
        'object': ref,
        'survivor': suspicion.survivor,
        'children': [list(child) for child in suspicion.children],
        'by_hermes_id': suspicion.by_hermes_id,
        'reason': f'it is not listed any more, and what belonged to it belongs to {suspicion.survivor} now',
    }
    return Decision('merged?', f'merged?:{":".join(ref)}', lost.record, detail)


async def _read(engine: Engine, system: System, sweep: Sweep, ids: list[str]) -> bool:
    """Read what is missing by id; the answers are events. What is not found is believed to be deleted."""
    for remote_id in ids:
        answer, reaction = await resolve.read(engine, system, Request('read', sweep.type, remote_id), 'backfill')
        async with engine.database.transaction() as connection:
            if answer is None or (reaction is not None and not isinstance(reaction, Gone)):
                await _rest(engine, connection, sweep, 2.0, _why(reaction))
                return False
            await sweeps.note_looked(
                connection, sweep.id, {remote_id: await _verdict(engine, connection, sweep, remote_id, reaction)}
            )
    async with engine.database.transaction() as connection:
        await _rest(engine, connection, sweep, 0.0, '')
    return True


def _why(reaction: Reaction | None) -> str:
    return f'a missing object could not be read: {reaction or "the budget says not now"}'


async def _verdict(
    engine: Engine, connection: Connection, sweep: Sweep, remote_id: str, reaction: Reaction | None
) -> str:
    """What a missing object turned out to be; two absences are an event, which says that it is deleted."""
    if reaction is None:
        return 'there' if await proofs.is_live(connection, sweep, remote_id) else 'deleted'
    seen_s = wire.epoch_s(sweep.tells_until)
    body = json.dumps({'type': sweep.type, 'ids': [remote_id], 'seen_s': seen_s}).encode()
    await graphs.lock_births(connection)
    event = await events.add(connection, sweep.system, 'absence', body, headers={'sweep': str(sweep.id)})
    await ingest.record(engine, connection, event)
    return 'gone'


async def _conclude(engine: Engine, connection: Connection, system: System, sweep: Sweep) -> bool:
    """Compare; what does not fit is looked at again a little later, at last it is said."""
    sweep = await sweeps.lock(connection, sweep.id)
    finding = await proofs.compare(connection, sweep)
    tries = sweep.restarts + 1
    if finding.reason and tries < LOOKS:
        await sweeps.count_tries(connection, sweep.id, tries)
        await _rest(engine, connection, sweep, 2.0, finding.reason)
        return False
    await sweeps.end(connection, sweep.id, 'failed' if finding.reason else 'done', finding.reason)
    if not finding.reason:
        await proofs.settle_missing(connection, sweep)
    looked = sum(what in ('there', 'deleted', 'gone') for what in sweep.looked.values())
    await proofs.write(connection, sweep, finding, 0 if _is_partial(system, sweep) else looked)
    await proofs.forget(connection)
    return True
