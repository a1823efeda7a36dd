"""What a letter about a booking says: to the visitor, in their language and their time zone, and in the admin's zone
beside it where the two clocks differ.

Nothing internal is said (K-10), and of what strangers wrote only a cleaned name (S22). The calendar file comes along:
as an invitation where the calendar sends none, else as a file to keep, so that no calendar shows a meeting twice; a
cancellation always.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from hermes.booking import ics
from hermes.booking.letters.names import clean_name
from hermes.booking.links import make_letter_token, make_manage_token
from hermes.domain.notice import Notice, Person
from hermes.domain.timetable import find_zone
from hermes.kit.languages import N_, Language, find_language, language
from hermes.ports import Letter

TEMPLATES: Final = Path(__file__).parent / 'templates'
UTC_ZONE: Final = ZoneInfo('UTC')
TITLES: Final = {
    'sales': N_('%(brand)s demo with %(admin)s'),
    'support': N_('%(brand)s support meeting with %(admin)s'),
}
SUBJECTS: Final = {
    'confirmation': N_('Your call is booked: %(day)s, %(start)s'),
    'moved': N_('Your call has a new time: %(day)s, %(start)s'),
    'restored': N_('Your call takes place after all: %(day)s, %(start)s'),
    'cancelled': N_('Your call on %(day)s is cancelled'),
    'reminder': N_('Reminder of your call: %(day)s, %(start)s'),
    'apology': N_('We are sorry: your call on %(day)s cannot take place'),
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

    def write(self, notice: Notice, now: datetime) -> Letter:
        """The letter, said at `now` (aware)."""
        invitation = self.invitation(notice)
        here, there = self.times(notice)
        spoken, said = (
            _spoken(notice),
            self._said(notice, replace(invitation, url=self.letter_url(notice.uid)), here, there),
        )
        off = notice.kind in ('cancelled', 'apology')
        method: ics.Method = 'CANCEL' if off else 'PUBLISH' if self.invites else 'REQUEST'
        host = urlsplit(self.url).hostname or 'localhost'
        return Letter(
            to=notice.visitor.email,
            name=said['visitor'],
            subject=spoken.gettext(SUBJECTS[notice.kind]) % {'day': here.short_day, 'start': here.start},
            text=templates(spoken.code).get_template(f'{notice.kind}.txt').render(said).strip() + '\n',
            html=templates(spoken.code).get_template(f'{notice.kind}.html').render(said),
            message_id=f'{notice.message_id}@{host}',
            at=now,
            reply_to=notice.admin.email,
            calendar=b'' if notice.kind == 'reminder' else ics.encode(invitation, method, now),
            method=method,
        )

    def invitation(self, notice: Notice) -> ics.Invitation:
        """The meeting for its guest's calendar."""
        admin, manage, say = self._admin(notice), self.manage_url(notice.uid), _spoken(notice).gettext
        title = say(TITLES.get(notice.meeting_kind, TITLES['sales'])) % {'brand': self.brand, 'admin': admin}
        meet_url = notice.meet_url if notice.meet_url.startswith('https://') else ''
        text = say(N_('Your call with %(admin)s.')) % {'admin': admin}
        if meet_url:
            text += '\n' + say(N_('To join: %(url)s')) % {'url': meet_url}
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
            hint=say(N_('To choose another time or cancel: %(url)s')) % {'url': manage} if manage else '',
        )

    def manage_url(self, uid: str) -> str:
        """Where the visitor can move the booking or call it off; '' without a key to sign with (CB-13)."""
        return f'{self.url}/booking/{quote(make_manage_token(uid, self.keys))}' if self.keys else ''

    def letter_url(self, uid: str) -> str:
        """`manage_url` with what shows that whoever follows it has read the letter."""
        return f'{self.url}/booking/{quote(make_letter_token(uid, self.keys))}' if self.keys else ''

    def _admin(self, notice: Notice) -> str:
        team = _spoken(notice).gettext(N_('the %(brand)s team')) % {'brand': self.brand}
        return ' '.join(notice.admin.name.split()) or team

    def _said(self, notice: Notice, invitation: ics.Invitation, here: Time, there: Time | None) -> dict[str, Any]:
        return {
            'language': _spoken(notice),
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
    spoken, day = _spoken(notice), notice.start_at.astimezone(zone).date()
    return Time(
        day=spoken.day(day),
        short_day=spoken.short_day(day),
        start=spoken.time(notice.start_at, zone, '24'),
        end=spoken.time(notice.end_at, zone, '24'),
        zone=spoken.zone(notice.start_at, zone),
    )


def _spoken(notice: Notice) -> Language:
    return find_language(notice.lang)


@cache
def templates(code: str) -> Environment:
    """The letters in a language."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(['html'], default_for_string=True, default=False),
        undefined=StrictUndefined,
        extensions=['jinja2.ext.i18n'],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(language(code).translations, newstyle=True)  # type: ignore[attr-defined]
    return made
