"""`hermes bookings`: the calls that were booked, where each stands in calendar and CRM, and calling one off."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli import bookings_acts
from hermes.cli.bookings_acts import NumberArgument
from hermes.cli.output import Column, JsonFlag, print_json, print_pairs, print_rows, say, show
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from hermes.db.reads.lookup import Row

COLUMNS = [
    Column('id', 'BOOKING', True), Column('start_at', 'START'), Column('kind', 'KIND'), Column('status', 'STATUS'),
    Column('admin', 'ADMIN'), Column('company', 'COMPANY'), Column('contact', 'CONTACT'),
    Column('calendar', 'CALENDAR'), Column('activity', 'ACTIVITY'),
]  # fmt: skip
LETTERS = [
    Column('kind', 'LETTER'), Column('state', 'STATE'), Column('due_at', 'DUE'), Column('sent_at', 'SENT'),
    Column('reason', 'REASON'),
]  # fmt: skip


def list_bookings(
    admin: Annotated[str, typer.Option(metavar='ADMIN', help="Only this admin's: an id, an e-mail or a name.")] = '',
    status: Annotated[str, typer.Option(help='planned, cancelled, or all.')] = 'planned',
    past: Annotated[bool, typer.Option('--past', help='Those that are over too.')] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help='At most so many.')] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List bookings, the next first."""
    from hermes.cli.database import reading
    from hermes.db.reads import meetings
    from hermes.db.reads.admins import find_admin

    with reading() as connection:
        found = meetings.list_meetings(
            connection,
            status=None if status == 'all' else 'canceled' if status == 'cancelled' else status,
            admin_id=find_admin(connection, admin)['id'] if admin else None,
            past=past,
            limit=limit,
        )
    if as_json:
        return print_json(found)
    print_rows(COLUMNS, [item | {'status': _status(item)} for item in found], empty='no bookings')


def show_booking(number: NumberArgument, as_json: JsonFlag = False) -> None:
    """Show one booking: who, when, and where it stands in calendar and CRM."""
    from hermes.cli.database import reading
    from hermes.db.reads import meetings
    from hermes.db.reads.lookup import find_links
    from hermes.domain.model import RecordRef

    with reading() as connection:
        found = meetings.read_meeting(connection, number)
        links = find_links(connection, RecordRef('meeting', found['id']))
    if as_json:
        return print_json({**found, 'links': links})
    say(f'booking {found["id"]}: {show(found["kind"])} call, {_status(found)}{_by(found)}')
    print_pairs(_pairs(found) + [(f'in {link["system"]}', f'{link["remote_id"]} ({link["state"]})') for link in links])
    if found['letters']:
        print_rows(LETTERS, found['letters'])
    else:
        say('letters    none')
    for asked in found['decisions']:
        say(f'decision {asked["id"]} ({show(asked["kind"])}): {show(asked["reason"])}')


def cancel(number: NumberArgument, as_json: JsonFlag = False) -> None:
    """Call a booking off: the event and the activity go, the customer is told."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.db.reads import meetings
    from hermes.domain.acts import CancelMeeting

    with writing() as connection:
        found = meetings.read_meeting(connection, number)
        if found['status'] != 'planned':
            raise Refused(f'Booking {number} is {_status(found)} already{_by(found)}.')
        act(connection, [(f'cancel {found["id"]}', CancelMeeting(found['id'], 'admin'))], as_json)


def _pairs(found: 'Row') -> list[tuple[str, Any]]:
    return [
        ('number in answers', found['number']),
        ('start', found['start_at']),
        ('end', found['end_at']),
        ('for the admin', _local(found['start_at'], found['admin_zone'])),
        ('for the visitor', _local(found['start_at'], found['zone'])),
        ('language', found['lang'] or 'en'),
        ('admin', f'{found["admin"]} (ID: {found["admin_id"]})'),
        ('company', f'{found["company"]} (ID: {found["company_id"]})'),
        ('contact', f'{found["contact"]} <{found["contact_email"] or ""}> (ID: {found["contact_id"]})'),
        ('deal', found['deal_id']),
        ('calendar', _stands(found, 'calendar')),
        ('activity', _stands(found, 'activity')),
        *((f'{name} as typed', value) for name, value in (found['typed'] or {}).items()),
        *(('flagged', flag) for flag in found['flags']),
    ]


def _stands(found: 'Row', name: str) -> str:
    reason = found[f'{name}_reason']
    return f'{found[name]}{f": {reason}" if reason else ""}'


def _status(found: 'Row') -> str:
    """As people write it; in JSON it is the value that is stored."""
    return 'cancelled' if found['status'] == 'canceled' else show(found['status'])


def _by(found: 'Row') -> str:
    return f' (by: {found["canceled_by"]})' if found['canceled_by'] else ''


def _local(at: Any, zone: str | None) -> str | None:
    """The time on somebody's wall clock, None where nobody knows it."""
    from hermes.domain.slot_reasons import clock, day
    from hermes.domain.timetable import find_zone

    known = find_zone(zone)
    if known is None or at is None:
        return None
    local = at.astimezone(known)
    return f'{day(local.date())} {clock(local)} ({known.key})'


COMMANDS = {'list': list_bookings, 'show': show_booking, 'cancel': cancel, **bookings_acts.COMMANDS}
