"""What a visitor is told about their booking, once for the page and for JSON (CB-7, CB-13, CB-14, CB-21), by the same
clocks as the letters.

Nothing internal is in here (K-10), and no link to somebody else's website holds the booking's own token (S19).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hermes.booking import ics
from hermes.booking.book import Invitation
from hermes.booking.letters import LetterWriter
from hermes.booking.manage import Appointment
from hermes.booking.terms import Terms


@dataclass(frozen=True, slots=True)
class Recap:
    """A booking in values and links. [start, end) aware UTC; `zone` is the visitor's, and the admin's where it is not
    known. What is not to be told, or is of no use any more, is ''.
    """

    admin: str
    start: datetime
    end: datetime
    zone: str
    admin_zone: str
    meet_url: str
    invitation: Invitation | Literal['']
    invited_by_mail: bool
    reminders: bool
    ics_url: str
    event_url: str
    outlook_url: str


def recap(at: Appointment, invitation: Invitation, writer: LetterWriter, terms: Terms) -> Recap:
    """Tell a booking as it is now. `invitation`: how far the calendar has been told."""
    notice = at.notice
    meeting = writer.invitation(notice)
    home, office = writer.zones(notice)
    refused = at.canceled_by == 'refused'
    link = writer.manage_url(at.uid)
    return Recap(
        admin=meeting.organizer.name,
        start=at.start,
        end=at.end,
        zone=home.key,
        admin_zone=office.key,
        meet_url=meeting.place if at.planned else '',
        invitation='refused' if refused else invitation,
        invited_by_mail=writer.invites,
        reminders=terms.reminders and at.planned,
        ics_url=f'{link}/invite.ics' if link else '',
        event_url=ics.event_link(meeting) if at.planned else '',
        outlook_url=ics.outlook_link(meeting) if at.planned else '',
    )
