"""What `hermes doctor` says about calendars: whether they can be read, how changes come back, who lacks what (CB-8,
CB-15).
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from hermes.cli.findings import Finding
from hermes.cli.output import show, show_duration
from hermes.domain.errors import HermesError
from hermes.parts.roles import CALENDAR, CALENDAR_TITLE

if TYPE_CHECKING:
    from hermes.cli.session import Session
    from hermes.db.connections import Connection
    from hermes.settings import Settings
    from hermes.sync.engine import Engine

CLOSED = 'no time of this person is offered'
CREDENTIALS = f'{CALENDAR} credentials'


def examine_calendars(
    connection: 'Connection', settings: 'Settings', reached: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    """What can be seen without asking the calendar."""
    if not settings.g_client_email:
        yield Finding('calendar', 'skipped', 'off: no service account is set (G_CLIENT_EMAIL, G_PRIVATE_KEY)')
        return
    if not settings.g_private_key.get_secret_value():
        yield Finding('calendar', 'todo', 'the service account has no key', 'set G_PRIVATE_KEY_ID and G_PRIVATE_KEY')
        return
    yield _account(connection, settings, CREDENTIALS in reached)
    yield from _people(connection, settings, reached)


def ask_calendars(session: 'Session', variables: str) -> Iterator[Finding]:
    """Whether the account signs in, and whether each calendar says when it is taken. `variables`: the settings to look
    at where it does not.
    """
    from hermes.db import connections
    from hermes.db.reads import checks
    from hermes.ports import Calendar
    from hermes.sync import connect

    system = cast(Calendar, session.engine.systems[CALENDAR])
    try:
        session.do(system.sign_in())
        session.do(connect.belong(session.engine, system.name, system.account))
    except HermesError as error:
        yield Finding(CREDENTIALS, 'todo', str(error), f'check {variables}')
        return
    yield Finding(CREDENTIALS, 'ok', 'they work')
    with connections.opened(session.settings.database_url) as connection:
        people = [one for one in checks.read_bookable(connection) if one['email']]
    now = session.engine.clock.now()
    for one in people:
        label = f'calendar of admin {one["id"]}'
        try:
            taken = session.do(system.busy(one['email'].lower(), now, now + timedelta(days=7)))
        except HermesError as error:
            mend = 'see that the address is right and that the account may act for it (delegation, scope calendar)'
            yield Finding(label, 'todo', f'{CLOSED}: {error}', mend)
            continue
        if one['problem']:
            session.do(_hurry(session.engine, one['email'].lower()))
        times = 'time is' if len(taken) == 1 else 'times are'
        yield Finding(label, 'ok', f'it can be read; {len(taken)} {times} taken in the next seven days')


def _account(connection: 'Connection', settings: 'Settings', reached: bool) -> Finding:
    from hermes.db.reads.checks import read_standing

    standing = read_standing(connection, [CALENDAR])[CALENDAR]
    if standing['paused']:
        reason = standing['reason'] or 'no reason given'
        return Finding('calendar', 'todo', f'paused: {reason}', 'mend it; credentials that work again are noticed')
    account = f', {standing["account"]}' if standing['account'] else ''
    said = f'service account {settings.g_client_email}{account}'
    return (
        Finding('calendar', 'ok', said)
        if reached
        else Finding('calendar', 'skipped', f'{said}; it was not reached now')
    )


async def _hurry(engine: 'Engine', calendar: str) -> None:
    from hermes.db import calendars

    async with engine.database.transaction() as connection:
        await calendars.hurry(connection, calendar)


def _people(connection: 'Connection', settings: 'Settings', reached: frozenset[str]) -> Iterator[Finding]:
    from hermes.db.reads.checks import read_bookable
    from hermes.domain.status import tried_again

    people = read_bookable(connection)
    if not people:
        mend = 'run "hermes setup admins"; sales and support people are bookable unless you say no'
        yield Finding('bookable admins', 'todo', 'nobody can be booked', mend)
        return
    yield from _lacking(people, settings)
    yield _changes(people, settings)
    for one in people:
        if one['problem']:
            said = f'it could not be read for its changes: {one["problem"]}{tried_again(one["due_at"])}'
            if f'calendar of admin {one["id"]}' in reached:
                yield Finding(f'changes of admin {one["id"]}', 'skipped', f'{said}; it can be read now')
            else:
                yield Finding(f'changes of admin {one["id"]}', 'todo', said, 'a worker goes on trying')


def _lacking(people: list[dict[str, Any]], settings: 'Settings') -> Iterator[Finding]:
    """What a bookable admin needs: an address, which names the calendar, and a time zone that is known."""
    from hermes.domain.timetable import find_zone

    lacks = {
        f'have no e-mail address, so no calendar: {CLOSED}': [one for one in people if not one['email']],
        f'have no time zone; {settings.dft_timezone} is taken for it': [one for one in people if not one['zone']],
        'have a time zone that nobody knows': [one for one in people if one['zone'] and not find_zone(one['zone'])],
    }
    for said, found in lacks.items():
        if found:
            names = ', '.join(str(one['id']) for one in found)
            mend = 'run "hermes admins edit ADMIN" with --email or --timezone'
            yield Finding('bookable admins', 'todo', f'{names} {said}', mend)
    if not any(lacks.values()):
        yield Finding('bookable admins', 'ok', f'{len(people)}, each with calendar and time zone')


def _changes(people: list[dict[str, Any]], settings: 'Settings') -> Finding:
    """How Hermes learns what people do in their calendars."""
    from hermes.db.calendars import LEASE_S
    from hermes.parts.assembly import following

    label, how = 'calendar changes', following(settings)
    known = [one for one in people if one['followed']]
    if not known:
        return Finding(label, 'todo', 'no calendar was ever read', 'start a worker')
    if not how.address:
        address = settings.hermes_url or 'HERMES_URL is not set'
        unreached = f'{CALENDAR_TITLE} cannot reach Hermes ({address})'
        said = f'each calendar is asked every {show_duration(how.poll_s)}: {unreached}'
        return Finding(label, 'ok', f'{said}; a public https address and SIGNING_KEY would let it tell at once')
    told = sum(bool(one['told']) for one in known)
    if told < len(known):
        said = f'{told} of {len(known)} calendars tell at once at {show(how.address)}; the others are asked'
        mend = f'wait {show_duration(LEASE_S)}; if it stays, see whether {CALENDAR_TITLE} reaches that address'
        return Finding(label, 'todo', said, mend)
    return Finding(label, 'ok', f'all {told} calendars tell at once at {show(how.address)}')
