"""The desk's users and their sessions."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from hermes.db.schema.models.table import Moment, Table, Whole, column


class DeskUser(Table, table=True):
    """Who may log in."""

    __table_args__ = (
        CheckConstraint("role in ('viewer', 'operator', 'admin')", name='desk_user_role_check'),
        Index('desk_user_email', text('lower(email)'), unique=True),
        Index('desk_user_invite', 'invite_hash', unique=True),
    )
    id: int | None = column(Whole, key=True, identity=True)
    email: str = column(Text, null=False)
    name: str = column(Text, null=False, server="''")
    role: str = column(Text, null=False)
    password_hash: str = column(Text, null=False, server="''")
    password_at: datetime | None = column(Moment)
    totp_secret: bytes | None = column(LargeBinary)
    totp_step: int = column(Whole, null=False, server='0')
    recovery: Any = column(JSONB, null=False, server="'[]'")
    invite_hash: bytes | None = column(LargeBinary)
    invited_until: datetime | None = column(Moment)
    disabled_at: datetime | None = column(Moment)
    made_at: datetime = column(Moment, null=False, server='hermes_now()')


class DeskSession(Table, table=True):
    """One login."""

    __table_args__ = (
        UniqueConstraint('token_hash', name='desk_session_once'),
        Index('desk_session_user', 'user_id'),
    )
    id: int | None = column(Whole, key=True, identity=True)
    token_hash: bytes = column(LargeBinary, null=False)
    user_id: int = column(Whole, null=False, to='desk_user.id', ondelete='CASCADE')
    verified: bool = column(Boolean, null=False, server='true')
    made_at: datetime = column(Moment, null=False, server='hermes_now()')
    seen_at: datetime = column(Moment, null=False, server='hermes_now()')
    agent: str = column(Text, null=False, server="''")


class FirstCode(Table, table=True):
    """A one-time code with which the first user is made (S16)."""

    digest: bytes = column(LargeBinary, key=True)
    made_at: datetime = column(Moment, null=False, server='hermes_now()')
