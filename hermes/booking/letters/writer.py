"""What a letter about a booking says: to the visitor, in the visitor's own time zone, and in the admin's beside it
where the two clocks differ.

Nothing internal is said (K-10), and of what strangers wrote only a cleaned name (S22). The calendar file comes along:
as an invitation where the calendar sends none, else as a file to keep, so that no calendar shows a meeting twice; a
cancellation always.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_name
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from hermes.booking import ics
from hermes.booking.letters.names import clean_name
from hermes.booking.links import make_letter_token, make_manage_token
from hermes.domain.notice import Notice, Person
from hermes.domain.timetable import find_zone
from hermes.ports import Letter

LOCALE: Final = 'en_GB'
TEMPLATES: Final = Path(__file__).parent / 'templates'
UTC_ZONE: Final = ZoneInfo('UTC')
TITLES: Final = {'sales': '{brand} demo with {admin}', 'support': '{brand} support meeting with {admin}'}
SUBJECTS: Final = {
    'confirmation': 'Your call is booked: {day}, {start}',
    'moved': 'Your call has a new time: {day}, {start}',
    'restored': 'Your call takes place after all: {day}, {start}',
    'cancelled': 'Your call on {day} is cancelled',
    'reminder': 'Reminder of your call: {day}, {start}',
    'apology': 'We are sorry: your call on {day} cannot take place',
}


@dataclass(frozen=True, slots=True)
class Time:
    """A stretch of time on somebody's wall clock, in words."""

    day: str
    short_day: str
    start: str
    end: str
    zone: str


def own_uid(uid: str, rounds: int) -> str:
    """A UID where no calendar sends invitations. Not the address of Hermes: that one may change, a UID never does."""
    return f'{uid}@hermes-host'


@dataclass(frozen=True)
class LetterWriter:
    """Writes the letters of one brand. `url`: where Hermes is; `keys` sign the links to a booking; `invites`: the
    calendar sends invitations of its own; `zone` for admins without one; `uid_of` a meeting's own id and its rounds:
    the UID of the invitation.
    """

    brand: str
    url: str
    keys: Sequence[str] = field(default=(), repr=False)
    invites: bool = True
    zone: str = 'UTC'
    uid_of: Callable[[str, int], str] = own_uid
    templates: Environment = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(['html'], default_for_string=True, default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        object.__setattr__(self, 'templates', environment)

    def write(self, notice: Notice, now: datetime) -> Letter:
        """The letter, said at `now` (aware)."""
        invitation = self.invitation(notice)
        here, there = self.times(notice)
        said = self._said(notice, replace(invitation, url=self.letter_url(notice.uid)), here, there)
        off = notice.kind in ('cancelled', 'apology')
        method: ics.Method = 'CANCEL' if off else 'PUBLISH' if self.invites else 'REQUEST'
        host = urlsplit(self.url).hostname or 'localhost'
        return Letter(
            to=notice.visitor.email,
            name=said['visitor'],
            subject=SUBJECTS[notice.kind].format(day=here.short_day, start=here.start),
            text=self.templates.get_template(f'{notice.kind}.txt').render(said).strip() + '\n',
            html=self.templates.get_template(f'{notice.kind}.html').render(said),
            message_id=f'{notice.message_id}@{host}',
            at=now,
            reply_to=notice.admin.email,
            calendar=b'' if notice.kind == 'reminder' else ics.encode(invitation, method, now),
            method=method,
        )

    def invitation(self, notice: Notice) -> ics.Invitation:
        """The meeting for its guest's calendar."""
        admin, manage = self._admin(notice), self.manage_url(notice.uid)
        title = TITLES.get(notice.meeting_kind, TITLES['sales']).format(brand=self.brand, admin=admin)
        meet_url = notice.meet_url if notice.meet_url.startswith('https://') else ''
        text = f'Your call with {admin}.' + (f'\nTo join: {meet_url}' if meet_url else '')
        return ics.Invitation(
            uid=self.uid_of(notice.uid, notice.rounds),
            sequence=notice.sequence,
            planned=notice.planned,
            title=title,
            text=text,
            place=meet_url,
            start_at=notice.start_at,
            end_at=notice.end_at,
            organizer=Person(admin, notice.admin.email),
            attendee=replace(notice.visitor, name=clean_name(notice.visitor.name)),
            url=manage,
        )

    def manage_url(self, uid: str) -> str:
        """Where the visitor can move the booking or call it off; '' without a key to sign with (CB-13)."""
        return f'{self.url}/booking/{quote(make_manage_token(uid, self.keys))}' if self.keys else ''

    def letter_url(self, uid: str) -> str:
        """`manage_url` with what shows that whoever follows it has read the letter."""
        return f'{self.url}/booking/{quote(make_letter_token(uid, self.keys))}' if self.keys else ''

    def _admin(self, notice: Notice) -> str:
        return ' '.join(notice.admin.name.split()) or f'the {self.brand} team'

    def _said(self, notice: Notice, invitation: ics.Invitation, here: Time, there: Time | None) -> dict[str, Any]:
        return {
            'brand': self.brand,
            'visitor': invitation.attendee.name,
            'admin': self._admin(notice),
            'title': invitation.title,
            'here': here,
            'there': there,
            'meet_url': invitation.place,
            'manage_url': invitation.url,
            'again_url': f'{self.url}/book-a-call/' if notice.meeting_kind == 'sales' else '',
            'event_url': ics.event_link(invitation),
            'outlook_url': ics.outlook_link(invitation),
            'invites': self.invites,
            'canceled_by': notice.canceled_by,
        }

    def zones(self, notice: Notice) -> tuple[ZoneInfo, ZoneInfo]:
        """The visitor's zone, which is the admin's where it is not known, and the admin's."""
        office = find_zone(notice.admin.zone) or find_zone(self.zone) or UTC_ZONE
        return find_zone(notice.visitor.zone) or office, office

    def times(self, notice: Notice) -> tuple[Time, Time | None]:
        """The visitor's time, and the admin's if that is another one."""
        home, office = self.zones(notice)
        same = notice.start_at.astimezone(home).utcoffset() == notice.start_at.astimezone(office).utcoffset()
        return time_in(home, notice), None if same else time_in(office, notice)


def time_in(zone: ZoneInfo, notice: Notice) -> Time:
    """When the meeting is, on the wall clocks of a zone."""
    start, end = notice.start_at.astimezone(zone), notice.end_at.astimezone(zone)
    name, place = get_timezone_name(start, locale=LOCALE), (zone.key or 'UTC').replace('_', ' ')
    return Time(
        day=format_date(start.date(), 'full', locale=LOCALE),
        short_day=format_date(start.date(), 'EEE d MMM', locale=LOCALE),
        start=format_time(start, 'HH:mm', tzinfo=zone, locale=LOCALE),
        end=format_time(end, 'HH:mm', tzinfo=zone, locale=LOCALE),
        zone=name if name == place else f'{name}, {place}',
    )
