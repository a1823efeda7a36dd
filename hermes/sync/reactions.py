"""What a push does about an answer that was no success: one reaction for each class of error."""

from datetime import timedelta
from typing import Final

from hermes.db import mirrors, pushes
from hermes.db.pool import Connection
from hermes.db.pushes import Push
from hermes.domain.acts import CancelMeeting
from hermes.domain.errors import AuthBroken, Forbidden, Gone, RateLimited, Reaction, Rejected, Retry, StrangeOwner
from hermes.domain.model import RemoteRef
from hermes.parts.roles import CALENDAR
from hermes.ports import Profile, Request
from hermes.sync import bookings, calls
from hermes.sync.engine import Engine

PARENT_TRIES: Final = 3
"""So often a write is tried again after its parent was refused and read; then a person is asked (OUT-6)."""

OWNER_WAITS: Final = (timedelta(seconds=40), timedelta(seconds=80))
"""After so many waits a calendar that is closed to us counts as closed for good (CB-7)."""
OWNER_WITHIN: Final = timedelta(minutes=15)
"""Refusals that are older do not count."""


async def react(
    engine: Engine, connection: Connection, push: Push, profile: Profile, request: Request, reaction: Reaction
) -> None:
    """One reaction for each class of error; nothing was done remotely."""
    if isinstance(reaction, RateLimited):
        await pushes.later(connection, push, reaction.until, str(reaction))
    elif isinstance(reaction, AuthBroken):
        await pushes.later(connection, push, timedelta(seconds=1), str(reaction))
    elif isinstance(reaction, StrangeOwner) and (wait := await _owner_wait(connection, push)):
        await pushes.later(connection, push, wait, str(reaction), attempt=True)
    elif request.record and request.op == 'create' and _is_final(push, reaction):
        await bookings.tell(connection, CancelMeeting(request.record.id, 'refused', str(reaction)))
        await pushes.complete(connection, push, push.wanted, wrote=False, spacing_s=0)
    elif isinstance(reaction, Gone):
        await _look(engine, connection, push, request)
    elif (
        isinstance(reaction, Rejected)
        and push.attempts < PARENT_TRIES
        and (parents := _refused(profile, request, reaction))
    ):
        await _look_at(connection, push.system, parents)
        wait = timedelta(seconds=engine.backoff_s(push.attempts))
        await pushes.later(connection, push, wait, str(reaction), attempt=True)
    elif isinstance(reaction, (Rejected, Forbidden)):
        fields = reaction.fields if isinstance(reaction, Rejected) else ()
        await pushes.park(connection, push, str(reaction), {'fields': list(fields), 'sent': sorted(request.fields)})
        if request.type in profile.putting_away and request.op == 'update' and not fields:
            await _look_at(connection, push.system, [(request.type, request.remote_id)])
    elif isinstance(reaction, Retry):
        await pushes.later(
            connection, push, timedelta(seconds=engine.backoff_s(push.attempts)), str(reaction), attempt=True
        )
    else:
        raise TypeError(f'no reaction to {type(reaction).__name__}')


async def _owner_wait(connection: Connection, push: Push) -> timedelta | None:
    """How long to wait for an owner in whose name nothing may be done; None when they were waited for."""
    met = await calls.count(connection, push.record, StrangeOwner, OWNER_WITHIN)
    return OWNER_WAITS[max(met, 1) - 1] if met <= len(OWNER_WAITS) else None


def _is_final(push: Push, reaction: Reaction) -> bool:
    """CB-7: the calendar will never take this event: the meeting is canceled and its slot is free."""
    return push.system == CALENDAR and isinstance(reaction, (Rejected, Forbidden, Gone))


async def _look(engine: Engine, connection: Connection, push: Push, request: Request) -> None:
    """OUT-5: a write met a 404 or 410. The object is read once by id; until that says more, the push is held and
    nothing is made.
    """
    await _look_at(connection, push.system, [(request.type, request.remote_id)])
    await pushes.park(
        connection, push, 'gone, reason unknown: it is read again', {'gone_at': engine.clock.now()}, 'held'
    )


def _refused(profile: Profile, request: Request, reaction: Rejected) -> list[tuple[str, str]]:
    """The parents (type, remote id) that the remote may not have taken, where it named them or no field at all:
    somebody may have deleted one a moment ago, and may take it out of the bin again.
    """
    return [
        (profile.parents[name], str(request.fields[name]))
        for name in reaction.fields or request.fields
        if name in profile.parents and request.fields.get(name)
    ]


async def _look_at(connection: Connection, system: str, objects: list[tuple[str, str]]) -> None:
    """Have objects read again by id."""
    await mirrors.ask(connection, [RemoteRef(system, *each) for each in objects])
