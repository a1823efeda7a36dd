"""What a visitor is told about their booking, once for the page and for JSON (CB-7, CB-13, CB-14, CB-21), with the same
clocks and the same words as the letters.

Nothing internal is in here (K-10), and no link to somebody else's website holds the booking's own token (S19).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hermes.booking import ics
from hermes.booking.book import Invitation
from hermes.booking.letters import LetterWriter, Time
from hermes.booking.manage import Appointment
from hermes.booking.terms import Terms


@dataclass(frozen=True, slots=True)
class Recap:
    """A booking in words and links. [start, end) aware UTC. `here` by the visitor's clock in `zone` (the admin's where
    the visitor's is not known), `there` by the admin's in `admin_zone`, None where both clocks show the same. What is
    not to be told, or is of no use any more, is ''.
    """

    admin: str
    start: datetime
    end: datetime
    zone: str
    admin_zone: str
    here: Time
    there: Time | None
    meet_url: str
    invitation: Invitation | Literal['']
    invited_by_mail: bool
    reminders: bool
    off: str
    ics_url: str
    event_url: str
    outlook_url: str


def recap(at: Appointment, invitation: Invitation, writer: LetterWriter, terms: Terms) -> Recap:
    """Tell a booking as it is now. `invitation`: how far the calendar has been told."""
    notice = at.notice
    meeting = writer.invitation(notice)
    here, there = writer.times(notice)
    home, office = writer.zones(notice)
    refused = at.canceled_by == 'refused'
    link = writer.manage_url(at.uid)
    return Recap(
        admin=meeting.organizer.name,
        start=at.start,
        end=at.end,
        zone=home.key,
        admin_zone=office.key,
        here=here,
        there=there,
        meet_url=meeting.place if at.planned else '',
        invitation='refused' if refused else invitation,
        invited_by_mail=writer.invites,
        reminders=terms.reminders and at.planned,
        off='' if at.planned else _off(at.canceled_by, meeting.organizer.name),
        ics_url=f'{link}/invite.ics' if link else '',
        event_url=ics.event_link(meeting) if at.planned else '',
        outlook_url=ics.outlook_link(meeting) if at.planned else '',
    )


def _off(canceled_by: str, admin: str) -> str:
    """Why there is no call, as the letters say it."""
    if canceled_by == 'refused':
        return 'We are sorry: this call could not be entered into our calendar, so it is cancelled.'
    if canceled_by == 'calendar':
        return f'We are sorry: {admin} cannot make this call, so it is cancelled.'
    return 'This call is cancelled, as you asked.' if canceled_by == 'visitor' else 'We had to cancel this call.'
