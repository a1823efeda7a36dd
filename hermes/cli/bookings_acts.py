"""`hermes bookings move|reassign|link`: what is done to a call on behalf of somebody, by the rules of its visitor."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import JsonFlag, print_json, say, show
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from hermes.booking.service import BookingService
    from hermes.db.connections import Connection
    from hermes.sync.acts.commands import Done

    Work = Callable[['BookingService', 'Connection'], Coroutine[Any, Any, 'Done']]
BY = 'command line'
NumberArgument = Annotated[
    int,
    typer.Argument(
        metavar='BOOKING', min=1, help='The number that "list" shows, or the one that its visitor was told.'
    ),
]


def move(
    number: NumberArgument,
    when: Annotated[
        str,
        typer.Argument(metavar='WHEN', help='"tue 10:00" or 2026-12-01T10:00 on the clock of the admin, or 10:00Z.'),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Move a call to another time that is free: event and activity follow, the visitor is told."""

    async def work(service: 'BookingService', connection: 'Connection') -> 'Done':
        from zoneinfo import ZoneInfo

        from hermes.booking.explained import read_start
        from hermes.db.reads import meetings
        from hermes.domain.timetable import find_zone
        from hermes.sync.acts.commands import carry_out
        from hermes.sync.acts.scope import OPERATOR

        found, engine = meetings.read_meeting(connection, number), service.engine
        zone = find_zone(found['admin_zone']) or ZoneInfo(engine.defaults.zone)
        at = await service.appointments.find_by_uid(found['uid'])
        act, check = await service.appointments.prepare_move(at, read_start(when, zone, engine.clock.now()))
        return await carry_out(engine, act, source=OPERATOR, by=BY, check=check)

    _do(work, f'move {number}', as_json)


def reassign(
    number: NumberArgument,
    admin: Annotated[str, typer.Argument(metavar='ADMIN', help='An id, an e-mail address or a name.')],
    as_json: JsonFlag = False,
) -> None:
    """Give a call to another admin at the same time: the event is made anew in that one's calendar (CB-22)."""

    async def work(service: 'BookingService', connection: 'Connection') -> 'Done':
        from hermes.booking.explained import not_bookable
        from hermes.db.reads import meetings
        from hermes.db.reads.admins import find_admin
        from hermes.domain.acts import ReassignMeeting
        from hermes.sync.acts.commands import carry_out
        from hermes.sync.acts.scope import OPERATOR

        found, other = meetings.read_meeting(connection, number), find_admin(connection, admin)
        if against := not_bookable(other):
            raise Refused(against[0][1])
        if not other[f'is_{found["kind"]}_person']:
            raise Refused(f'{other["name"]} takes no {found["kind"]} calls.')
        return await carry_out(service.engine, ReassignMeeting(found['id'], other['id']), source=OPERATOR, by=BY)

    _do(work, f'reassign {number}', as_json)


def link(
    company: Annotated[str, typer.Argument(metavar='COMPANY', help='Its whole name, its id, or company:12.')],
    admin: Annotated[str, typer.Argument(metavar='ADMIN', help='An id, an e-mail address or a name.')],
    express: Annotated[bool, typer.Option('--express', help='The call may begin in 15 minutes.')] = False,
    days: Annotated[int, typer.Option(min=0, max=90, help='Valid for so long; 0: as long as links are.')] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Make a link by which a company books a support call (CB-16)."""
    from datetime import timedelta

    from hermes.cli.session import session
    from hermes.db import connections
    from hermes.db.reads.admins import find_admin
    from hermes.db.reads.companies import find_company
    from hermes.parts.assembly import build_booking_service

    with session(contact=False) as here:
        with connections.opened(here.settings.database_url) as connection:
            whose, who = find_company(connection, company), find_admin(connection, admin)
        service = build_booking_service(here.settings, here.engine)
        until = here.engine.clock.now().replace(microsecond=0) + timedelta(days=days) if days else None
        made = here.do(service.support.make_for(who['id'], whose['id'], express=express, expires_at=until))
    if as_json:
        return print_json({'company': whose['id'], 'admin': who['id'], 'express': express, 'link': made})
    say(made)


def _do(work: 'Work', said: str, as_json: bool) -> None:
    """Carry it out here and now, and report."""
    from hermes.cli.session import session
    from hermes.db import connections
    from hermes.parts.assembly import build_booking_service

    with session(contact=False) as here, connections.opened(here.settings.database_url) as connection:
        service = build_booking_service(here.settings, here.engine)
        done = here.do(work(service, connection))
    told: dict[str, Any] = {'act': said, 'event': done.event_id, 'notes': list(done.outcome.get('notes', ()))}
    if as_json:
        return print_json(told)
    say(f'{show(said)} (event {done.event_id}): done')


COMMANDS = {'move': move, 'reassign': reassign, 'link': link}
