"""Sustainers (AU-6): who gives regularly, as the CRM says. Everybody is read to the end first, and only then compared:
what is not whole, empty, or would unmark more than a fifth, changes nobody.
"""

from dataclasses import dataclass
from typing import Final

from hermes.db import people
from hermes.domain.acts import SetSustainers
from hermes.domain.app_user import TARGET
from hermes.domain.errors import Refused, Unreadable
from hermes.ports import PeopleTarget, Request
from hermes.sync import calls
from hermes.sync.acts.commands import carry_out
from hermes.sync.acts.registry import ENGINE
from hermes.sync.calls import Denied
from hermes.sync.engine import Engine

LARGEST_LOSS: Final = 0.2
FEW: Final = 5
"""So many may always be unmarked."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What changed: our numbers."""

    read: int
    on: tuple[int, ...]
    off: tuple[int, ...]


async def sync_sustainers(engine: Engine, *, force: bool = False, by: str = '', source: str = ENGINE) -> Synced:
    """Bring everybody's status to what the CRM says. Raises Refused where that cannot be believed, Unreadable where it
    cannot be read whole.
    """
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    target = str(known.settings.get(TARGET) or '')
    system = engine.systems.get(target)
    if system is None or not system.profile.looks_up:
        raise Refused(f'The target is {target or "none"}: it knows no sustainers.')
    told = await _read(engine, system)  # type: ignore[arg-type]
    async with engine.database.transaction() as connection:
        ours = await people.crm_ids(connection, target)
    now = {number for crm_id, (number, _) in ours.items() if told.get(crm_id)}
    before = {number for number, was in ours.values() if was}
    on, off = tuple(sorted(now - before)), tuple(sorted(before - now))
    if not force:
        if not told:
            raise Refused('The CRM named nobody at all; nothing was changed. --force believes it.')
        if len(off) > max(FEW, LARGEST_LOSS * len(before)):
            raise Refused(
                f'{len(off)} of {len(before)} sustainers would no longer be; nothing was changed. --force believes it.'
            )
    if on or off:
        await carry_out(engine, SetSustainers(on, off, target), source=source, by=by)
    return Synced(len(told), on, off)


async def _read(engine: Engine, system: PeopleTarget) -> dict[str, bool]:
    """The target's app users, page by page to the end: its id -> whether they are a sustainer. Raises Unreadable."""
    found: dict[str, bool] = {}
    cursor: str | None = None
    while True:
        asked = await calls.ask(
            engine, system, Request('sustainers', 'app_user', params={'cursor': cursor}), 'backfill', 'AU-6'
        )
        if isinstance(asked, Denied):
            at = asked.grant.retry_at
            await engine.clock.sleep(max(0.1, (at - engine.clock.now()).total_seconds()) if at else 1.0)
            continue
        async with engine.database.transaction() as connection:
            await calls.close(engine, connection, asked)
        if asked.reaction is not None:
            raise Unreadable(f'The CRM could not be read to the end ({asked.reaction}); nothing was changed.')
        found |= system.sustainers(asked.answer)
        cursor = system.next_cursor(asked.answer)
        if not cursor:
            return found
