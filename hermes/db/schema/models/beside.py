"""What stands beside the nouns: configuration, which events change, and what is derived."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Date, Float, Index, Integer, Numeric, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hermes.db.schema.models.table import Moment, Table, Whole, column


class Setting(Table, table=True):
    """What people change while Hermes runs."""

    key: str = column(Text, key=True)
    value: Any = column(JSONB, null=False)


class CustomField(Table, table=True):
    """The field catalogue."""

    __table_args__ = (
        Index(
            'custom_field_code',
            'linked_object_type',
            'pd_field_id',
            unique=True,
            postgresql_where=text("pd_field_id <> ''"),
        ),
    )
    linked_object_type: str = column(Text, key=True)
    machine_name: str = column(Text, key=True)
    name: str = column(Text, null=False)
    field_type: str = column(Text, null=False)
    hermes_field_name: str = column(Text, null=False, server="''")
    tc2_machine_name: str = column(Text, null=False, server="''")
    pd_field_id: str = column(Text, null=False, server="''")
    policy: str = column(Text, null=False)
    remote_type: str = column(Text, null=False, server="''")
    options: Any = column(JSONB, null=False, server="'{}'")
    problem: str = column(Text, null=False, server="''")


class Account(Table, table=True):
    """Whose accounts this database belongs to."""

    system: str = column(Text, key=True)
    identity: str = column(Text, null=False)
    since: datetime = column(Moment, null=False)


class SystemState(Table, table=True):
    """Whether a system is paused or lets nobody in."""

    system: str = column(Text, key=True)
    paused: bool = column(Boolean, null=False, server='false')
    reason: str = column(Text, null=False, server="''")
    since: datetime | None = column(Moment)
    blocked_until: datetime | None = column(Moment)


class Budget(Table, table=True):
    """What a system allows."""

    system: str = column(Text, key=True)
    burst_limit: int = column(Integer, null=False)
    burst_window_s: Decimal = column(Numeric, null=False)
    search_limit: int = column(Integer, null=False)
    daily_limit: int = column(Whole, null=False)
    day: date | None = column(Date)
    spent: int = column(Whole, null=False, server='0')
    hours: Any = column(JSONB, null=False, server="'{}'")


class Reservation(Table, table=True):
    """What is taken of the burst."""

    __table_args__ = (Index('reservation_open', 'system', 'until'),)
    id: int | None = column(Whole, key=True, identity=True)
    system: str = column(Text, null=False)
    search: bool = column(Boolean, null=False, server='false')
    lane: str = column(Text, null=False)
    tokens: int = column(Integer, null=False)
    granted_at: datetime = column(Moment, null=False)
    until: datetime = column(Moment, null=False)


class Sweep(Table, table=True):
    """Listings, to the end."""

    __table_args__ = (Index('sweep_type', 'system', 'type', 'kind', 'id'),)
    id: int | None = column(Whole, key=True, identity=True)
    system: str = column(Text, null=False)
    type: str = column(Text, null=False)
    kind: str = column(Text, null=False)
    started_at: datetime = column(Moment, null=False)
    finished_at: datetime | None = column(Moment)
    cursor: str | None = column(Text)
    pages: int = column(Integer, null=False, server='0')
    items: int = column(Integer, null=False, server='0')
    tokens: int = column(Integer, null=False, server='0')
    state: str = column(Text, null=False, server="'running'")
    digest: str = column(Text, null=False, server="''")
    reason: str = column(Text, null=False, server="''")
    since: datetime | None = column(Moment)
    through: datetime | None = column(Moment)
    listed_at: datetime | None = column(Moment)
    cause: str = column(Text, null=False, server="''")
    restarts: int = column(Integer, null=False, server='0')
    looked: Any = column(JSONB, null=False, server="'{}'")
    first_event: int | None = column(Whole)


class Listed(Table, table=True):
    """What the newest full listing of a type showed."""

    sweep_id: int = column(Whole, key=True)
    remote_id: str = column(Text, key=True)
    seconds: int = column(Whole, null=False)
    sub: int = column(Whole, null=False)
    print: str = column(Text, null=False)


class Proof(Table, table=True):
    """Whether a full listing was complete."""

    __table_args__ = (
        CheckConstraint("state in ('proven', 'failed')", name='proof_state_check'),
        Index('proof_type', 'system', 'type', 'id'),
    )
    id: int | None = column(Whole, key=True, identity=True)
    sweep_id: int = column(Whole, null=False)
    system: str = column(Text, null=False)
    type: str = column(Text, null=False)
    at: datetime = column(Moment, null=False)
    state: str = column(Text, null=False)
    reason: str = column(Text, null=False, server="''")
    listed: int = column(Integer, null=False, server='0')
    held: int = column(Integer, null=False, server='0')
    newer: int = column(Integer, null=False, server='0')
    unlisted: int = column(Integer, null=False, server='0')
    deleted: int = column(Integer, null=False, server='0')
    undecided: int = column(Integer, null=False, server='0')
    remote_digest: str = column(Text, null=False, server="''")
    own_digest: str = column(Text, null=False, server="''")
    tokens: int = column(Integer, null=False, server='0')
    took_s: float = column(Float(53), null=False, server='0')


class Pulse(Table, table=True):
    """Who was last alive when."""

    name: str = column(Text, key=True)
    at: datetime = column(Moment, null=False)
    lost_from: datetime | None = column(Moment)
    lost_to: datetime | None = column(Moment)
    note: str = column(Text, null=False, server="''")
    noted_at: datetime | None = column(Moment)


class Replay(Table, table=True):
    """Many events that are applied again."""

    __table_args__ = (
        UniqueConstraint('event_id', name='replay_once'),
        CheckConstraint("state in ('running', 'done', 'cancelled')", name='replay_state_check'),
        Index('replay_running', text('seen_at NULLS FIRST'), 'id', postgresql_where=text("state = 'running'")),
    )
    id: int | None = column(Whole, key=True, identity=True)
    filter: Any = column(JSONB, null=False)
    event_id: int = column(Whole, null=False)
    at: int = column(Whole, null=False, server='0')
    upto: int = column(Whole, null=False)
    total: int | None = column(Integer)
    looked: int = column(Integer, null=False, server='0')
    changed: int = column(Integer, null=False, server='0')
    changes: int = column(Integer, null=False, server='0')
    refused: int = column(Integer, null=False, server='0')
    unsettled: Any = column(ARRAY(Whole), null=False, server="'{}'")
    state: str = column(Text, null=False, server="'running'")
    started_at: datetime = column(Moment, null=False)
    seen_at: datetime | None = column(Moment)
    ended_at: datetime | None = column(Moment)
    worker: str = column(Text, null=False, server="''")


class Worker(Table, table=True):
    """Who works, and when it was last seen."""

    id: str = column(Text, key=True)
    started_at: datetime = column(Moment, null=False)
    seen_at: datetime = column(Moment, null=False)
    host: str = column(Text, null=False)
    pid: int = column(Integer, null=False)


class Refusal(Table, table=True):
    """What was refused at the door, counted."""

    id: int | None = column(Whole, key=True, identity=True)
    source: str = column(Text, null=False)
    reason: str = column(Text, null=False)
    count: int = column(Integer, null=False)
    at: datetime = column(Moment, null=False)


class Decision(Table, table=True):
    """What needs a person."""

    __table_args__ = (
        UniqueConstraint('kind', 'key', name='decision_once'),
        Index('decision_open', 'kind', 'id', postgresql_where=text("state = 'open'")),
    )
    id: int | None = column(Whole, key=True, identity=True)
    kind: str = column(Text, null=False)
    record_type: str | None = column(Text)
    record_id: int | None = column(Whole)
    key: str = column(Text, null=False)
    detail: Any = column(JSONB, null=False, server="'{}'")
    state: str = column(Text, null=False, server="'open'")
    event_id: int | None = column(Whole)
    at: datetime = column(Moment, null=False)


class Revision(Table, table=True):
    """How often the catalogue and the settings were written."""

    name: str = column(Text, key=True)
    number: int = column(Whole, null=False)


class Erased(Table, table=True):
    """By what somebody is known who was erased: keyed hashes alone (S10)."""

    __table_args__ = (
        CheckConstraint(
            "kind in ('object', 'email', 'phone', 'name', 'part', 'text', 'record', 'near')", name='erased_kind_check'
        ),
    )
    kind: str = column(Text, null=False)
    hash: str = column(Text, key=True)
    record_type: str = column(Text, null=False)
    record_id: int = column(Whole, null=False)
    event_id: int = column(Whole, null=False)
    at: datetime = column(Moment, null=False, server='hermes_now()')


class Erasure(Table, table=True):
    """What one erasure did: how many rows of which table, and what stands elsewhere still. Nobody is named."""

    __table_args__ = (UniqueConstraint('event_id', name='erasure_once'),)
    id: int | None = column(Whole, key=True, identity=True)
    event_id: int = column(Whole, null=False)
    record_type: str = column(Text, null=False)
    record_id: int = column(Whole, null=False)
    at: datetime = column(Moment, null=False)
    by: str = column(Text, null=False, server="''")
    gone: Any = column(JSONB, null=False)
    held: Any = column(JSONB, null=False)


class Alert(Table, table=True):
    """What was wrong, and how often it was told."""

    __table_args__ = (Index('alert_name', 'name', 'id'),)
    id: int | None = column(Whole, key=True, identity=True)
    name: str = column(Text, null=False)
    kind: str = column(Text, null=False)
    about: str = column(Text, null=False, server="''")
    said: str = column(Text, null=False)
    look: str = column(Text, null=False)
    since: datetime = column(Moment, null=False)
    away_at: datetime | None = column(Moment)
    told_at: datetime | None = column(Moment)
    told: int = column(Integer, null=False, server='0')
    well_at: datetime | None = column(Moment)
    ended_at: datetime | None = column(Moment)


class AlertMessage(Table, table=True):
    """What was told of an alert over one channel to one place."""

    __table_args__ = (
        UniqueConstraint('message_id', name='alert_message_once'),
        CheckConstraint("state in ('due', 'sent', 'refused', 'replaced')", name='alert_message_state_check'),
        Index('alert_message_due', 'due_at', postgresql_where=text("state = 'due'")),
        Index('alert_message_alert', 'alert_id'),
    )
    id: int | None = column(Whole, key=True, identity=True)
    alert_id: int = column(Whole, null=False, to='alert.id', ondelete='CASCADE')
    channel: str = column(Text, null=False)
    target: str = column(Text, null=False, server="''")
    message_id: str = column(Text, null=False)
    body: Any = column(JSONB, null=False)
    at: datetime = column(Moment, null=False)
    due_at: datetime = column(Moment, null=False)
    state: str = column(Text, null=False, server="'due'")
    attempts: int = column(Integer, null=False, server='0')
    leased_until: datetime | None = column(Moment)
    sent_at: datetime | None = column(Moment)
    reason: str = column(Text, null=False, server="''")


class Figure(Table, table=True):
    """How it went in five minutes."""

    name: str = column(Text, key=True)
    at: datetime = column(Moment, key=True)
    system: str = column(Text, key=True)
    kind: str = column(Text, key=True)
    counts: Any = column(JSONB, null=False)
