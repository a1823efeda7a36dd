"""Calendars: whether they can be read, how changes come back, who lacks what (CB-8, CB-15)."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, cast

from hermes.db import calendars
from hermes.db.calendars import LEASE_S
from hermes.db.connections import Connection, opened
from hermes.db.reads import checks
from hermes.domain.errors import HermesError
from hermes.domain.status import tried_again
from hermes.domain.timetable import find_zone
from hermes.kit.durations import show_duration
from hermes.parts.roles import CALENDAR, CALENDAR_TITLE
from hermes.ports import Calendar
from hermes.setup.findings import CREDENTIALS, Finding
from hermes.setup.site import Site
from hermes.sync import connect
from hermes.sync.engine import Engine

CLOSED = 'no time of this person is offered'
LABEL = f'{CALENDAR}{CREDENTIALS}'


def examine_calendars(connection: Connection, site: Site, reached: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """What can be seen without asking the calendar."""
    if not site.calendar_account:
        yield Finding('calendar', 'skipped', 'off: no service account is set (G_CLIENT_EMAIL, G_PRIVATE_KEY)')
        return
    if not site.calendar_key:
        yield Finding('calendar', 'todo', 'the service account has no key', 'set G_PRIVATE_KEY_ID and G_PRIVATE_KEY')
        return
    yield _account(connection, site, LABEL in reached)
    people = checks.read_bookable(connection)
    yield from examine_bookable(people, site)
    if not people:
        return
    yield _changes(people, site)
    for one in people:
        if one['problem']:
            said = f'it could not be read for its changes: {one["problem"]}{tried_again(one["due_at"])}'
            if f'calendar of admin {one["id"]}' in reached:
                yield Finding(f'changes of admin {one["id"]}', 'skipped', f'{said}; it can be read now')
            else:
                yield Finding(f'changes of admin {one["id"]}', 'todo', said, 'a worker goes on trying')


def examine_bookable(people: Sequence[dict[str, Any]], site: Site) -> Iterator[Finding]:
    """What a bookable admin needs: an address, which names the calendar, and a time zone that is known."""
    if not people:
        mend = 'run "hermes setup admins"; sales and support people are bookable unless you say no'
        yield Finding('bookable admins', 'todo', 'nobody can be booked', mend)
        return
    lacks = {
        f'have no e-mail address, so no calendar: {CLOSED}': [one for one in people if not one['email']],
        f'have no time zone; {site.zone} is taken for it': [one for one in people if not one['zone']],
        'have a time zone that nobody knows': [one for one in people if one['zone'] and not find_zone(one['zone'])],
    }
    for said, found in lacks.items():
        if found:
            names = ', '.join(str(one['id']) for one in found)
            mend = 'run "hermes admins edit ADMIN" with --email or --timezone'
            yield Finding('bookable admins', 'todo', f'{names} {said}', mend)
    if not any(lacks.values()):
        yield Finding('bookable admins', 'ok', f'{len(people)}, each with calendar and time zone')


async def ask_calendars(engine: Engine, site: Site) -> list[Finding]:
    """Whether the account signs in, and whether each calendar says when it is taken."""
    system = cast(Calendar, engine.systems[CALENDAR])
    try:
        await system.sign_in()
        await connect.belong(engine, system.name, system.account)
    except HermesError as error:
        return [Finding(LABEL, 'todo', str(error), f'check {site.variables[CALENDAR]}')]
    with opened(engine.database.url) as connection:
        people = [one for one in checks.read_bookable(connection) if one['email']]
    return [Finding(LABEL, 'ok', 'they work'), *[await _ask_one(engine, system, one) for one in people]]


async def _ask_one(engine: Engine, system: Calendar, one: dict[str, Any]) -> Finding:
    label, now = f'calendar of admin {one["id"]}', engine.clock.now()
    try:
        taken = await system.busy(one['email'].lower(), now, now + timedelta(days=7))
    except HermesError as error:
        mend = 'see that the address is right and that the account may act for it (delegation, scope calendar)'
        return Finding(label, 'todo', f'{CLOSED}: {error}', mend)
    if one['problem']:
        async with engine.database.transaction() as connection:
            await calendars.hurry(connection, one['email'].lower())
    times = 'time is' if len(taken) == 1 else 'times are'
    return Finding(label, 'ok', f'it can be read; {len(taken)} {times} taken in the next seven days')


def _account(connection: Connection, site: Site, reached: bool) -> Finding:
    standing = checks.read_standing(connection, [CALENDAR])[CALENDAR]
    if standing['paused']:
        reason = standing['reason'] or 'no reason given'
        return Finding('calendar', 'todo', f'paused: {reason}', 'mend it; credentials that work again are noticed')
    account = f', {standing["account"]}' if standing['account'] else ''
    said = f'service account {site.calendar_account}{account}'
    return (
        Finding('calendar', 'ok', said)
        if reached
        else Finding('calendar', 'skipped', f'{said}; it was not reached now')
    )


def _changes(people: Sequence[dict[str, Any]], site: Site) -> Finding:
    """How Hermes learns what people do in their calendars."""
    label, how = 'calendar changes', site.following
    known = [one for one in people if one['followed']]
    if not known:
        return Finding(label, 'todo', 'no calendar was ever read', 'start a worker')
    if not how.address:
        address = site.hermes_url or 'HERMES_URL is not set'
        unreached = f'{CALENDAR_TITLE} cannot reach Hermes ({address})'
        said = f'each calendar is asked every {show_duration(how.poll_s)}: {unreached}'
        return Finding(label, 'ok', f'{said}; a public https address and SIGNING_KEY would let it tell at once')
    told = sum(bool(one['told']) for one in known)
    if told < len(known):
        said = f'{told} of {len(known)} calendars tell at once at {how.address}; the others are asked'
        mend = f'wait {show_duration(LEASE_S)}; if it stays, see whether {CALENDAR_TITLE} reaches that address'
        return Finding(label, 'todo', said, mend)
    return Finding(label, 'ok', f'all {told} calendars tell at once at {how.address}')
