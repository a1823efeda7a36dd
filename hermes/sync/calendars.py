"""Calendars are followed: what people change there comes back (CB-15).

One calendar at a time is read from where its sync token stands; without one, or when it is wanted no more (410), whole:
everything between yesterday and the end of the booking horizon, and what is planned but not listed is read by id. Where
Hermes has a public address, the calendar tells through a channel when to look; else it is asked every minute.
Each page that shows something of ours is an event; credentials that work again end their pause (OUT-7).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, cast

import structlog

from hermes.db import calendars, events, pauses
from hermes.db.calendars import Followed
from hermes.domain.errors import AuthBroken, Gone, RateLimited, Reaction, Rejected, Retry
from hermes.domain.model import Value
from hermes.domain.status import BROKEN
from hermes.kit.ids import new_id
from hermes.kit.signing import channel_token
from hermes.parts.roles import CALENDAR
from hermes.ports import Answer, Calendar, Request, encode_answer
from hermes.sync import calls
from hermes.sync.calls import Denied
from hermes.sync.engine import Engine

log = structlog.get_logger(__name__)
SAFETY_S: Final = 900.0
"""How often a calendar with a live channel is read all the same: notifications get lost."""
REFUSED_S: Final = 900.0
"""How long a calendar, or a channel, that is refused is left alone."""
CHANNEL: Final = timedelta(days=7)
EARLY: Final = timedelta(days=1)
"""A channel is replaced so long before its end."""
PAST: Final = timedelta(days=1)
LANE: Final = 'webhook'


@dataclass
class Reading:
    """One reading of a calendar, with its lease, and what was listed so far."""

    followed: Followed
    full: bool
    seen: list[str] = field(default_factory=list)


async def follow_step(engine: Engine) -> bool:
    """Read one calendar that is due, to the end of its changes. False when none is."""
    if CALENDAR not in engine.systems:
        return False
    system = cast(Calendar, engine.systems[CALENDAR])
    async with engine.database.transaction() as connection:
        followed = await calendars.claim(connection, BROKEN)
        if followed is None:
            return await calendars.follow(connection) > 0
    if not followed.wanted:
        await _stop_following(engine, system, followed)
        return True
    has_channel = await _keep_channel(engine, system, followed)
    await _read(engine, system, Reading(followed, not followed.sync_token), has_channel=has_channel)
    return True


async def _read(engine: Engine, system: Calendar, reading: Reading, *, has_channel: bool) -> None:
    """Page after page, until it says from where to go on the next time."""
    followed, now = reading.followed, engine.clock.now()
    params: dict[str, Value] = {'calendar': followed.calendar, 'sync_token': followed.sync_token}
    if reading.full:
        until = now + timedelta(days=engine.following.horizon_days)
        params |= {'since': (now - PAST).isoformat(), 'until': until.isoformat()}
    cursor: str | None = None
    while True:
        request = Request('list', 'event', params={**params, 'cursor': cursor})
        answer = await _page(engine, system, request, reading)
        if answer is None:
            return
        cursor = system.next_cursor(answer)
        if cursor is None:
            break
    async with engine.database.transaction() as connection:
        await pauses.resume(connection, CALENDAR, only=BROKEN)
        if reading.full:
            await calendars.reread_missing(connection, followed.calendar, reading.seen)
        pause_s = SAFETY_S if has_channel else engine.following.poll_s
        await calendars.finish(connection, reading.followed, system.sync_token(answer), pause_s)


async def _page(engine: Engine, system: Calendar, request: Request, reading: Reading) -> Answer | None:
    """One page, kept if something of ours is on it. None when it ends here for now."""
    asked = await calls.ask(engine, system, request, LANE, rule='CB-15')
    async with engine.database.transaction() as connection:
        if isinstance(asked, Denied):
            at = asked.grant.retry_at or engine.clock.now() + timedelta(seconds=1)
            await calendars.fail(connection, reading.followed, at, asked.grant.reason)
            return None
        if asked.reaction is not None:
            await calls.note(engine, connection, system, asked)
            at, forget = _again(engine, reading, asked.reaction)
            await calendars.fail(connection, reading.followed, at, str(asked.reaction), forget=forget)
            return None
        ours = system.listed(asked.answer)
        page = None
        if ours:
            body = encode_answer(request, asked.answer)
            page = (await events.add(connection, CALENDAR, 'page', body, state='new')).id
        await calls.close(engine, connection, asked, page)
        renewed = await calendars.renew(connection, reading.followed)
        if renewed is None:
            return None
        reading.followed = renewed
        reading.seen += [f'{reading.followed.calendar}/{identity}' for identity in ours]
    return asked.answer


def _again(engine: Engine, reading: Reading, reaction: Reaction) -> tuple[datetime, bool]:
    """When a calendar that could not be read is tried again, and whether from the beginning."""
    now = engine.clock.now()
    if isinstance(reaction, RateLimited):
        return reaction.until, False
    if isinstance(reaction, (Gone, Rejected)) and not reading.full:
        return now, True
    if isinstance(reaction, AuthBroken):
        return now + timedelta(seconds=engine.following.poll_s), False
    if isinstance(reaction, Retry):
        return now + timedelta(seconds=engine.backoff_s(reading.followed.attempts)), False
    return now + timedelta(seconds=REFUSED_S), False


async def _keep_channel(engine: Engine, system: Calendar, followed: Followed) -> bool:
    """Whether the calendar tells by itself. A channel that is missing is opened, one that nears its end is replaced,
    where Hermes can be reached.
    """
    now, until = engine.clock.now(), followed.channel_until
    open_now = followed.channel_id is not None and until is not None and until > now
    if not engine.following.address or not engine.door_open or engine.push_mode == 'plan':
        return open_now
    if until is not None and until > now + (EARLY if followed.channel_id else timedelta(0)):
        return open_now
    identity = new_id(engine.chance)
    fields = {
        'calendar': followed.calendar,
        'id': identity,
        'address': engine.following.address,
        'token': channel_token(identity, engine.following.secret),
        'until': (now + CHANNEL).isoformat(),
    }
    answer = await _ask(engine, system, Request('add_webhook', 'event', fields=fields))
    if answer is None:
        if not open_now:
            async with engine.database.transaction() as connection:
                await calendars.keep_channel(connection, followed.calendar, None, now + timedelta(seconds=REFUSED_S))
        return open_now
    channel = system.channel(answer)
    async with engine.database.transaction() as connection:
        ends_at = channel.until or now + CHANNEL
        await calendars.keep_channel(connection, followed.calendar, (identity, channel.resource_id), ends_at)
    await _close_channel(engine, system, followed)
    return True


async def _close_channel(engine: Engine, system: Calendar, followed: Followed) -> None:
    """Its channel tells no more. One that cannot be closed ends by itself and is not listened to."""
    if followed.channel_id and followed.resource_id:
        fields = {'calendar': followed.calendar, 'id': followed.channel_id, 'resource_id': followed.resource_id}
        await _ask(engine, system, Request('drop_webhook', 'event', fields=fields))


async def _stop_following(engine: Engine, system: Calendar, followed: Followed) -> None:
    """Nobody can be booked in this calendar any more, and nothing planned stands there."""
    await _close_channel(engine, system, followed)
    async with engine.database.transaction() as connection:
        await calendars.forget(connection, followed.calendar)


async def _ask(engine: Engine, system: Calendar, request: Request) -> Answer | None:
    """A call about a channel; None when it failed (its answer is in the log, without what is secret)."""
    asked = await calls.ask(engine, system, request, LANE, rule='CB-15')
    if isinstance(asked, Denied):
        return None
    async with engine.database.transaction() as connection:
        await calls.note(engine, connection, system, asked)
    if asked.reaction is not None:
        log.warning('a channel of a calendar could not be opened or closed', op=request.op, reason=str(asked.reaction))
        return None
    return asked.answer
