"""`hermes slots`: why a time is offered or not, and an admin's working hours and days off (CB-19, CB-20)."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import JsonFlag, print_json, print_pairs, say, show

if TYPE_CHECKING:
    from hermes.db.connections import Connection
    from hermes.db.reads.lookup import Row
    from hermes.domain.model import Value
    from hermes.domain.timetable import Defaults

AdminArgument = Annotated[str, typer.Argument(metavar='ADMIN', help='An id, an e-mail address or a name.')]


def explain(
    admin: AdminArgument,
    when: Annotated[
        str,
        typer.Argument(
            metavar='WHEN',
            help='"tue 10:00" (the next one, on the clock of the admin), 2026-12-01T10:00 (the same clock), or with an '
            'offset: 2026-12-01T10:00Z.',
        ),
    ],
    express: Annotated[bool, typer.Option('--express', help='As an express support link shows it.')] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say everything that speaks against a call at a time, or that it can be booked."""
    from hermes.booking.explained import explain as explain_start
    from hermes.cli.session import session
    from hermes.db import connections
    from hermes.db.reads.admins import find_admin
    from hermes.parts.assembly import build_booking_service

    with session(contact=False) as here:
        with connections.opened(here.settings.database_url) as connection:
            found = find_admin(connection, admin)
        service = build_booking_service(here.settings, here.engine)
        answer = here.do(explain_start(service, found, when, express=express))
    told: dict[str, Any] = {
        'admin': answer.admin, 'name': answer.name, 'start_at': answer.start, 'zone': answer.zone.key,
        'local': answer.local, 'offered': answer.offered,
        'reasons': [{'code': code, 'said': said} for code, said in answer.reasons],
    }  # fmt: skip
    if as_json:
        return print_json(told)
    say(f'{show(told["name"])}, {told["local"]} ({answer.zone.key}): {"it can be booked" if answer.offered else "no"}')
    for code, said in answer.reasons:
        say(f'  {code:<13} {show(said)}')


def hours(
    admin: AdminArgument,
    written: Annotated[
        str,
        typer.Option('--set', metavar='HOURS', help='"mon-fri 10:00-17:30; sat 10:00-12:00", "default" or "closed".'),
    ] = '',
    as_json: JsonFlag = False,
) -> None:
    """Show or set an admin's working hours, on the wall clock of the admin's own time zone."""
    from hermes.booking import timetables
    from hermes.cli.database import writing
    from hermes.db.reads.admins import find_admin

    with writing() as connection:
        found = find_admin(connection, admin)
        if written:
            told: dict[str, Value] = {'working_hours': timetables.parse_hours(written)}
            return _save(connection, found, f'working hours of {found["name"]}: {written.strip()}', told, as_json)
        _show(found, _defaults(connection), as_json)


def days_off(
    admin: AdminArgument,
    added: Annotated[
        list[str] | None, typer.Option('--add', metavar='DAYS', help='2026-12-24..2027-01-02, or one day.')
    ] = None,
    removed: Annotated[
        list[str] | None, typer.Option('--remove', metavar='DAYS', help='These are worked again.')
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show or change an admin's days off; both ends of a stretch are included."""
    from hermes.booking import timetables
    from hermes.cli.database import writing
    from hermes.db.reads.admins import find_admin

    with writing() as connection:
        found = find_admin(connection, admin)
        if not added and not removed:
            return _show(found, _defaults(connection), as_json)
        off = timetables.off_of(found)
        off = timetables.remove_days(off, [part for each in removed or () for part in timetables.parse_days(each)])
        off = timetables.add_days(off, [part for each in added or () for part in timetables.parse_days(each)])
        said = ', '.join([f'+ {each}' for each in added or ()] + [f'- {each}' for each in removed or ()])
        _save(connection, found, f'days off of {found["name"]}: {said}', {'days_off': off}, as_json)


def _save(connection: 'Connection', admin: 'Row', said: str, told: 'dict[str, Value]', as_json: bool) -> None:
    from hermes.cli.acting import act
    from hermes.domain.acts import SaveAdmin

    act(connection, [(said, SaveAdmin(told, admin['id']))], as_json)


def _show(admin: 'Row', defaults: 'Defaults', as_json: bool) -> None:
    """What holds for an admin, and what of it is the default's."""
    from hermes.booking import timetables
    from hermes.domain.timetable import check_days_off, hours_of

    known = hours_of(admin, defaults)
    told: dict[str, Any] = {
        'admin': admin['id'],
        'name': admin['name'],
        'bookable': bool(admin['active'] and admin['bookable']),
        'zone': known.zone.key,
        'working_hours': timetables.show_hours(known),
        'own_hours': admin['working_hours'] is not None,
        'days_off': check_days_off(admin['days_off']) or [],
        'duration_s': known.duration_s,
        'buffer_s': known.buffer_s,
        'daily_cap': known.daily_cap,
    }
    if as_json:
        return print_json(told)
    own = '' if told['own_hours'] else ' (default)'
    off = ', '.join(first if first == last else f'{first}..{last}' for first, last in told['days_off'])
    print_pairs(
        [
            ('admin', f'{told["name"]} (ID: {told["admin"]})'),
            ('bookable', told['bookable']),
            ('time zone', told['zone']),
            ('working hours', f'{told["working_hours"]}{own}'),
            ('days off', off or 'none'),
            ('call', f'{known.duration_s // 60} min, then {known.buffer_s // 60} min free'),
            ('daily cap', 'none' if known.daily_cap is None else show(known.daily_cap)),
        ]
    )


def _defaults(connection: 'Connection') -> 'Defaults':
    """What holds for admins without hours of their own: the environment, under the settings that people change."""
    from hermes.cli.world import load_settings
    from hermes.db.reads.settings import read_settings
    from hermes.domain.timetable import settle_defaults
    from hermes.parts.assembly import meeting_defaults

    return settle_defaults(meeting_defaults(load_settings()), read_settings(connection))


COMMANDS = {'explain': explain, 'hours': hours, 'days-off': days_off}
