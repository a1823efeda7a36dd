"""The spine: what arrived, what remote objects say and whose they are, what goes out and what it cost."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hermes.db.schema.models.table import Moment, Table, Whole, column


class Event(Table, table=True):
    """What arrived, byte for byte; one row a delivery."""

    __table_args__ = (
        UniqueConstraint('source', 'dedupe_key', name='event_once'),
        CheckConstraint(
            "state in ('new', 'waiting', 'done', 'parked', 'refused', 'dismissed')", name='event_state_check'
        ),
        Index('event_due', 'due_at', 'id', postgresql_where=text("state in ('new', 'waiting')")),
        Index('event_waiting', 'reason', postgresql_using='hash', postgresql_where=text("state = 'waiting'")),
        Index('event_source', 'source', 'kind', 'id'),
        Index('event_cause', 'cause_id', postgresql_where=text('cause_id IS NOT NULL')),
        Index(
            'event_aside', 'state', 'id', postgresql_where=text("state = ANY (ARRAY['parked', 'refused', 'dismissed'])")
        ),
        Index(
            'event_about',
            text("jsonb_path_query_array(outcome, '$[*].about[*]'::jsonpath)"),
            postgresql_using='gin',
            postgresql_where=text('outcome IS NOT NULL'),
        ),
        Index('event_applied', 'applied_seq', postgresql_where=text('applied_seq IS NOT NULL')),
        Index('event_received', 'received_at', postgresql_using='brin', postgresql_with={'autosummarize': 'on'}),
    )
    id: int | None = column(Whole, key=True, identity=True)
    source: str = column(Text, null=False)
    kind: str = column(Text, null=False)
    dedupe_key: bytes = column(LargeBinary, null=False)
    received_at: datetime = column(Moment, null=False, server='hermes_now()')
    headers: Any = column(JSONB, null=False, server="'{}'")
    body: bytes | None = column(LargeBinary)
    state: str = column(Text, null=False, server="'new'")
    due_at: datetime = column(Moment, null=False, server='hermes_now()')
    attempts: int = column(Integer, null=False, server='0')
    reason: str | None = column(Text)
    applied_seq: int | None = column(Whole)
    applied_at: datetime | None = column(Moment)
    outcome: Any = column(JSONB)
    cause_id: int | None = column(Whole, to='event.id')
    waited: Any = column(ARRAY(Whole), null=False, server="'{}'")


class Change(Table, table=True):
    """The journal of every field."""

    __table_args__ = (
        Index('change_record', 'record_type', 'record_id', 'id'),
        Index('change_event', 'event_id'),
        Index('change_at', 'at', postgresql_using='brin', postgresql_with={'autosummarize': 'on'}),
    )
    id: int | None = column(Whole, key=True, identity=True)
    record_type: str = column(Text, null=False)
    record_id: int = column(Whole, null=False)
    field: str = column(Text, null=False)
    old: Any = column(JSONB)
    new: Any = column(JSONB)
    system: str = column(Text, null=False)
    rule: str = column(Text, null=False)
    note: str = column(Text, null=False, server="''")
    event_id: int = column(Whole, null=False, to='event.id')
    at: datetime = column(Moment, null=False)


class Mirror(Table, table=True):
    """What a remote object last said."""

    __table_args__ = (
        Index('mirror_reread', 'reread_at', postgresql_where=text('reread_at IS NOT NULL')),
        Index(
            'mirror_contact',
            text("(runs #>> '{contact_id,-1,0}'::text[])"),
            postgresql_where=text("type = 'deal'::text"),
        ),
        Index(
            'mirror_company',
            text("(runs #>> '{company_id,-1,0}'::text[])"),
            postgresql_where=text("type = ANY (ARRAY['person'::text, 'deal'::text])"),
        ),
        Index('mirror_names', 'names', postgresql_using='gin', postgresql_where=text("names <> '{}'::text[]")),
        Index('mirror_nobodys', 'system', 'type', 'remote_id', postgresql_where=text('NOT owned')),
    )
    system: str = column(Text, key=True)
    type: str = column(Text, key=True)
    remote_id: str = column(Text, key=True)
    version: Any = column(JSONB, null=False)
    runs: Any = column(JSONB, null=False, server="'{}'")
    sent: Any = column(JSONB, null=False, server="'{}'")
    merges: Any = column(JSONB, null=False, server="'[]'")
    ours: bool = column(Boolean, null=False, server='false')
    deleted: Any = column(JSONB)
    deleted_by: str = column(Text, null=False, server="''")
    merged_into: str | None = column(Text)
    reread_at: datetime | None = column(Moment)
    corrections: Any = column(JSONB, null=False, server="'{}'")
    event_id: int = column(Whole, null=False, server='0')
    seen: Any = column(JSONB, null=False, server="'[]'")
    names: Any = column(ARRAY(Text), null=False, server="'{}'")
    owned: bool = column(Boolean, null=False, server='false')


class Link(Table, table=True):
    """Whose a remote object is."""

    __table_args__ = (
        CheckConstraint("state in ('live', 'merged', 'deleted', 'erased')", name='link_state_check'),
        ForeignKeyConstraint(['system', 'type', 'remote_id'], ['mirror.system', 'mirror.type', 'mirror.remote_id']),
        Index(
            'link_primary',
            'system',
            'record_type',
            'record_id',
            unique=True,
            postgresql_where=text("is_primary AND state = 'live'"),
        ),
        Index('link_record', 'record_type', 'record_id'),
        Index('link_remote', 'remote_id'),
    )
    system: str = column(Text, key=True)
    type: str = column(Text, key=True)
    remote_id: str = column(Text, key=True)
    record_type: str = column(Text, null=False)
    record_id: int = column(Whole, null=False)
    is_primary: bool = column(Boolean, null=False)
    state: str = column(Text, null=False)


class Push(Table, table=True):
    """Record R is dirty for system S."""

    __table_args__ = (
        CheckConstraint("lane in ('interactive', 'webhook', 'backfill')", name='push_lane_check'),
        CheckConstraint("state in ('ready', 'parked', 'held')", name='push_state_check'),
        Index('push_intent', 'system', postgresql_where=text('intent IS NOT NULL')),
        Index('push_graph', 'graph_id', 'system'),
        Index('push_due', 'system', 'lane', 'due_at', postgresql_where=text("wanted > done AND state = 'ready'")),
        Index('push_shown', 'state', postgresql_where=text("state <> 'ready'")),
    )
    record_type: str = column(Text, key=True)
    record_id: int = column(Whole, key=True)
    system: str = column(Text, key=True)
    graph_id: int = column(Whole, null=False)
    rank: int = column(Integer, null=False)
    wanted: int = column(Whole, null=False, server='1')
    done: int = column(Whole, null=False, server='0')
    due_at: datetime = column(Moment, null=False)
    lane: str = column(Text, null=False, server="'webhook'")
    state: str = column(Text, null=False, server="'ready'")
    reason: str = column(Text, null=False, server="''")
    detail: Any = column(JSONB, null=False, server="'{}'")
    attempts: int = column(Integer, null=False, server='0')
    ignored: Any = column(JSONB, null=False, server="'[]'")
    intent: Any = column(JSONB)
    leased_by: str | None = column(Text)
    leased_until: datetime | None = column(Moment)
    fence: int = column(Whole, null=False, server='0')
    last_write_at: datetime | None = column(Moment)
    dirty_at: datetime | None = column(Moment)


class Call(Table, table=True):
    """The ledger of every API request."""

    __table_args__ = (
        Index('call_started', 'system', 'started_at'),
        Index('call_record', 'record_type', 'record_id', 'id'),
        Index('call_failed', 'started_at', postgresql_where=text("reaction <> ''")),
    )
    id: int | None = column(Whole, key=True, identity=True)
    system: str = column(Text, null=False)
    op: str = column(Text, null=False)
    type: str = column(Text, null=False, server="''")
    remote_id: str = column(Text, null=False, server="''")
    record_type: str | None = column(Text)
    record_id: int | None = column(Whole)
    lane: str = column(Text, null=False)
    tokens: int = column(Integer, null=False)
    intent_event: int | None = column(Whole, to='event.id')
    answer_event: int | None = column(Whole, to='event.id')
    status: int | None = column(Integer)
    reaction: str = column(Text, null=False, server="''")
    started_at: datetime = column(Moment, null=False)
    ended_at: datetime | None = column(Moment)
    rule: str = column(Text, null=False, server="''")
