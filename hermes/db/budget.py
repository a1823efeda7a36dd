"""The shared rate budget: burst window and daily tokens, reserved by one statement before a call goes out (OUT-8,
OUT-14, I8).

A reservation occupies the burst window from its grant until two seconds after its answer or deadline, by the server's
clock, so that neither a slow call nor a second worker nor a wrong clock can overrun it. The daily budget holds for
every 24 hours, since nobody says when the remote's day begins. Lanes leave room for the more urgent ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hermes.db.codec import dump
from hermes.db.pool import Connection, the_row
from hermes.ports import Allowance

DAY: Final = timedelta(days=1)
SHARE: Final = {'interactive': 1.0, 'webhook': 0.9, 'backfill': 0.5}
"""The part of the burst window that a lane may fill (10 % is kept free for the interactive lane)."""
DAILY_SHARE: Final = {'interactive': 1.0, 'webhook': 0.97, 'backfill': 0.7}


@dataclass(frozen=True, slots=True)
class Grant:
    """A reservation's id, or when to ask again."""

    id: int | None
    retry_at: datetime | None = None
    reason: str = ''
    full: bool = False
    """The burst window is full: whatever else is due will be refused just the same."""


async def ensure(connection: Connection, system: str, allowed: Allowance) -> None:
    """The limits of a system's credential, as configured."""
    await connection.execute(
        'insert into budget (system, burst_limit, burst_window_s, search_limit, daily_limit) '
        'values (%s, %s, %s, %s, %s) on conflict (system) do update set burst_limit = excluded.burst_limit, '
        'burst_window_s = excluded.burst_window_s, search_limit = excluded.search_limit, '
        'daily_limit = excluded.daily_limit',
        (system, allowed.burst, allowed.window_s, allowed.search, allowed.daily),
    )


async def pace_of(connection: Connection, system: str, lane: str = 'webhook') -> float:
    """Calls a second that the burst window allows a lane; 0 where nobody limits them."""
    query = 'select burst_limit / burst_window_s as pace from budget where system = %s'
    row = await (await connection.execute(query, (system,))).fetchone()
    return float(row['pace']) * SHARE[lane] if row else 0.0


async def reserve(
    connection: Connection, system: str, *, tokens: int, search: bool, lane: str, deadline_s: float
) -> Grant:
    """Reserve one call. Denied: when to come again; nobody sleeps on it."""
    rows = await connection.execute('select *, hermes_now() as at from budget where system = %s for update', (system,))
    budget = await rows.fetchone()
    if budget is None:
        return Grant(0)
    at: datetime = budget['at']
    today = at.date()
    spent = budget['spent'] if budget['day'] == today else 0
    hours = _last_day(budget['hours'], at)
    left = budget['daily_limit'] * DAILY_SHARE[lane] - tokens
    if spent > left or sum(hours.values()) > left:
        return Grant(
            None,
            _more_at(hours, at, left),
            f'the daily budget of {budget["daily_limit"]} tokens is spent for the {lane} lane',
        )
    used = await the_row(
        connection,
        'select count(*) as n, count(*) filter (where search) as searches, min(until) as first from reservation '
        'where system = %s and until > %s',
        (system, at),
    )
    full = used['n'] + 1 > max(1, int(budget['burst_limit'] * SHARE[lane]))
    if full or (search and used['searches'] + 1 > budget['search_limit']):
        return Grant(None, max(used['first'] or at, at + timedelta(milliseconds=50)), 'the burst window is full', full)
    row = await the_row(
        connection,
        'with paid as (update budget set day = %s, spent = %s, hours = %s where system = %s) '
        'insert into reservation (system, search, lane, tokens, granted_at, until) values (%s, %s, %s, %s, %s, %s) '
        'returning id',
        (
            today, spent + tokens, dump(hours | {_hour(at): hours.get(_hour(at), 0) + tokens}), system,
            system, search, lane, tokens, at, at + timedelta(seconds=deadline_s + float(budget['burst_window_s'])),
        ),
    )  # fmt: skip
    return Grant(row['id'])


def _hour(at: datetime) -> str:
    return at.astimezone(UTC).strftime('%Y-%m-%dT%H')


def _last_day(hours: Mapping[str, int], at: datetime) -> dict[str, int]:
    """Tokens by hour of the last 24 hours and of the hour that they began in. The remote's midnight lies nobody knows
    where: what is kept within every 24 hours is kept within its day.
    """
    oldest = _hour(at - DAY)
    return {hour: tokens for hour, tokens in hours.items() if hour >= oldest}


def _more_at(hours: Mapping[str, int], at: datetime, left: float) -> datetime:
    """The first full hour at which enough of the last day is over; at the latest a day from now."""
    opening = at.replace(minute=0, second=0, microsecond=0)
    for ahead in range(1, 25):
        later_at = opening + timedelta(hours=ahead)
        if sum(_last_day(hours, later_at).values()) <= left and (
            later_at.date() > at.date() or sum(hours.values()) > left
        ):
            return later_at
    return opening + DAY


async def full(connection: Connection, claimed: int = 0) -> dict[tuple[str, str], float]:
    """The (system, lane)s whose burst window is full, with the seconds until the first place in it is free; `claimed`:
    calls that are about to be reserved. A look without a lock, so that nobody prepares what would be refused:
    `reserve` decides.
    """
    rows = await connection.execute(
        'select b.system, b.burst_limit, count(*) as n, extract(epoch from min(r.until) - hermes_now())::float8 as s '
        'from budget b join reservation r on r.system = b.system and r.until > hermes_now() '
        'group by b.system, b.burst_limit'
    )
    return {
        (row['system'], lane): row['s']
        for row in await rows.fetchall()
        for lane, share in SHARE.items()
        if row['n'] + claimed + 1 > max(1, int(row['burst_limit'] * share))
    }


async def learn(connection: Connection, system: str, *, until: datetime, daily: bool, reason: str) -> None:
    """The remote said no (429, a Cloudflare page): nothing is sent to it until `until`; a spent day is remembered as
    spent.
    """
    await connection.execute(
        'insert into system_state (system, blocked_until, reason) values (%s, %s, %s) on conflict (system) do update '
        'set '
        "blocked_until = greatest(coalesce(system_state.blocked_until, '-infinity'), excluded.blocked_until), reason "
        '= case when system_state.paused then system_state.reason else excluded.reason end',
        (system, until, reason),
    )
    if daily:
        await connection.execute(
            'update budget set day = hermes_now()::date, spent = daily_limit where system = %s', (system,)
        )


async def learn_usage(connection: Connection, system: str, spent: int, limit: int) -> None:
    """The remote said how much of its day is spent, by others too, and how much there is: neither is taken for less."""
    await connection.execute(
        'update budget set daily_limit = least(daily_limit, %(limit)s), day = hermes_now()::date, '
        'spent = greatest(case when day = hermes_now()::date then spent else 0 end, %(spent)s) '
        'where system = %(system)s and (daily_limit > %(limit)s or %(spent)s > '
        'case when day = hermes_now()::date then spent else 0 end)',
        {'system': system, 'spent': spent, 'limit': limit},
    )


async def forget(connection: Connection) -> None:
    """Drop reservations that ended a while ago."""
    await connection.execute("delete from reservation where until < hermes_now() - interval '1 minute'")
