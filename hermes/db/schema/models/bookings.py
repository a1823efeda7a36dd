"""What bookings need beside the records: holds, what admins' time is taken by, turns, letters, followed calendars."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint

from hermes.db.schema.models.table import Moment, Table, Whole, column


class Hold(Table, table=True):
    """A slot that is reserved while its form is open (CB-12)."""

    __table_args__ = (
        Index('hold_token', 'token_hash', unique=True),
        Index('hold_client', 'client_hash', 'expires_at'),
        Index('hold_expiry', 'expires_at'),
    )
    id: int | None = column(Whole, key=True, identity=True)
    token_hash: bytes = column(LargeBinary, null=False)
    client_hash: bytes = column(LargeBinary, null=False)
    admin_id: int = column(Whole, null=False, to='admin.id')
    start_at: datetime = column(Moment, null=False)
    end_at: datetime = column(Moment, null=False)
    made_at: datetime = column(Moment, null=False, server='hermes_now()')
    expires_at: datetime = column(Moment, null=False)


class Occupancy(Table, table=True):
    """What an admin's time is taken by (CB-4)."""

    __table_args__ = (
        CheckConstraint('(meeting_id is null) <> (hold_id is null)', name='occupancy_of_one'),
        ExcludeConstraint(('admin_id', '='), ('during', '&&'), name='occupancy_alone', using='gist'),
        Index('occupancy_meeting', 'meeting_id', unique=True),
        Index('occupancy_hold', 'hold_id', unique=True),
    )
    id: int | None = column(Whole, key=True, identity=True)
    admin_id: int = column(Whole, null=False, to='admin.id')
    during: Any = column(TSTZRANGE, null=False)
    meeting_id: int | None = column(Whole, to='meeting.id', ondelete='CASCADE')
    hold_id: int | None = column(Whole, to='hold.id', ondelete='CASCADE')


class Turn(Table, table=True):
    """The ledger of the round robin (API-3)."""

    __table_args__ = (
        CheckConstraint("why in ('drawn', 'assigned', 'booked')", name='turn_why_check'),
        Index('turn_queue', 'queue', 'admin_id', postgresql_where=text('returned_at IS NULL')),
        Index('turn_client', 'client_hash', 'at', postgresql_where=text("why = 'drawn'")),
        Index('turn_company', 'company_id'),
        Index('turn_new', 'queue', 'id', postgresql_where=text('NOT counted')),
        Index('turn_open', 'queue', 'at', postgresql_where=text('counted AND NOT given_back AND booked_at IS NULL')),
        Index(
            'turn_returned', 'queue', 'returned_at',
            postgresql_where=text('counted AND NOT given_back AND returned_at IS NOT NULL'),
        ),
    )  # fmt: skip
    id: int | None = column(Whole, key=True, identity=True)
    queue: str = column(Text, null=False)
    admin_id: int = column(Whole, null=False, to='admin.id')
    client_hash: bytes | None = column(LargeBinary)
    why: str = column(Text, null=False)
    at: datetime = column(Moment, null=False, server='hermes_now()')
    company_id: int | None = column(Whole, to='company.id')
    booked_at: datetime | None = column(Moment)
    returned_at: datetime | None = column(Moment)
    counted: bool = column(Boolean, null=False, server='false')
    given_back: bool = column(Boolean, null=False, server='false')


class Standing(Table, table=True):
    """How a queue of the round robin stands (API-3)."""

    queue: str = column(Text, key=True)
    level: int = column(Whole, null=False)
    counts: Any = column(JSONB, null=False)
    last: Any = column(JSONB, null=False)


class Allowance(Table, table=True):
    """What public visitors have used of what they are allowed (CB-18)."""

    __table_args__ = (Index('allowance_client', 'kind', 'client_hash', 'at'), Index('allowance_at', 'at'))
    id: int | None = column(Whole, key=True, identity=True)
    kind: str = column(Text, null=False)
    client_hash: bytes = column(LargeBinary, null=False)
    at: datetime = column(Moment, null=False, server='hermes_now()')


class SpentChallenge(Table, table=True):
    """Proofs of work that were handed in already."""

    digest: bytes = column(LargeBinary, key=True)
    expires_at: datetime = column(Moment, null=False)


class Letter(Table, table=True):
    """Letters about meetings, each with the moment when it is due."""

    __table_args__ = (
        UniqueConstraint('meeting_id', 'kind', 'sequence', name='letter_once'),
        CheckConstraint("state in ('due', 'sent', 'dropped', 'parked')", name='letter_state_check'),
        CheckConstraint(
            "kind in ('confirmation', 'moved', 'cancelled', 'reminder', 'apology', 'restored')",
            name='letter_kind_check',
        ),
        Index('letter_due', 'due_at', postgresql_where=text("state = 'due'")),
    )
    id: int | None = column(Whole, key=True, identity=True)
    meeting_id: int = column(Whole, null=False, to='meeting.id')
    kind: str = column(Text, null=False)
    sequence: int = column(Whole, null=False)
    due_at: datetime = column(Moment, null=False)
    state: str = column(Text, null=False, server="'due'")
    reason: str = column(Text, null=False, server="''")
    attempts: int = column(Integer, null=False, server='0')
    message_id: str = column(Text, null=False)
    leased_until: datetime | None = column(Moment)
    sent_at: datetime | None = column(Moment)
    says: str = column(Text, null=False, server="''")


class FollowedCalendar(Table, table=True):
    """A calendar that is followed: how far it was read, and the channel that tells of changes (CB-15)."""

    __table_args__ = (Index('followed_calendar_due', 'due_at'),)
    calendar: str = column(Text, key=True)
    sync_token: str | None = column(Text)
    synced_at: datetime | None = column(Moment)
    due_at: datetime | None = column(Moment)
    leased_until: datetime | None = column(Moment)
    channel_id: str | None = column(Text)
    resource_id: str | None = column(Text)
    channel_until: datetime | None = column(Moment)
    attempts: int = column(Integer, null=False, server='0')
    problem: str = column(Text, null=False, server="''")
