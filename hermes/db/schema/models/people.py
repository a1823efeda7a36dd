"""What stands beside app users: by what the host knows them, their checks, what the host is told, tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from hermes.db.schema.models.table import Moment, Table, Whole, column


class PersonKey(Table, table=True):
    """By what the host names somebody -> the record that is, or will be, theirs. `key`: `user:` and its id, or `email:`
    and the folded address; of a subscription `list:` and the folded address.
    """

    __tablename__ = 'person_key'
    __table_args__ = (Index('person_key_record', 'record_id'),)
    key: str = column(Text, key=True)
    record_id: int = column(Whole, null=False)


class CrmCheck(Table, table=True):
    """One step of an app user from state to state in a target (AU-9). `excerpt`: of the answer, without secrets."""

    __tablename__ = 'crm_check'
    __table_args__ = (
        Index('crm_check_record', 'record_type', 'record_id', 'id'),
        Index('crm_check_run', 'run_id', 'id', postgresql_where=text('run_id is not null')),
    )
    id: int | None = column(Whole, key=True, identity=True)
    record_type: str = column(Text, null=False)
    record_id: int = column(Whole, null=False)
    target: str = column(Text, null=False)
    state: str = column(Text, null=False)
    status: int | None = column(Whole)
    code: str = column(Text, null=False, server="''")
    excerpt: str = column(Text, null=False, server="''")
    run_id: int | None = column(Whole)
    event_id: int = column(Whole, null=False, server='0')
    at: datetime = column(Moment, null=False, server='hermes_now()')


class Feed(Table, table=True):
    """What the host is told, in order (AU-18). `number`: its place, given when it is first read, so that none is
    missed.
    """

    __tablename__ = 'feed'
    __table_args__ = (
        Index('feed_number', 'number', unique=True),
        Index('feed_fresh', 'id', postgresql_where=text('number is null')),
        Index('feed_record', 'record_id', 'id'),
    )
    id: int | None = column(Whole, key=True, identity=True)
    number: int | None = column(Whole)
    record_id: int = column(Whole, null=False)
    says: Any = column(JSONB, null=False)
    at: datetime = column(Moment, null=False, server='hermes_now()')


class Vault(Table, table=True):
    """A secret that rotates, sealed under SECRET_KEY, and who renews it now (AU-16)."""

    __tablename__ = 'vault'
    name: str = column(Text, key=True)
    sealed: bytes = column(LargeBinary, null=False)
    version: int = column(Whole, null=False, server='1')
    expires_at: datetime | None = column(Moment)
    leased_by: str | None = column(Text)
    leased_until: datetime | None = column(Moment)
    changed_at: datetime = column(Moment, null=False, server='hermes_now()')
    tries: int = column(Whole, null=False, server='0')
    broken: str = column(Text, null=False, server="''")


class PeopleRun(Table, table=True):
    """A run over many app users. `cursor`: the last one that it came to."""

    __tablename__ = 'people_run'
    id: int | None = column(Whole, key=True, identity=True)
    kind: str = column(Text, null=False)
    target: str = column(Text, null=False)
    states: Any = column(JSONB, null=False, server="'[]'")
    cursor: int = column(Whole, null=False, server='0')
    counts: Any = column(JSONB, null=False, server="'{}'")
    by: str = column(Text, null=False, server="''")
    begun_at: datetime = column(Moment, null=False, server='hermes_now()')
    ended_at: datetime | None = column(Moment)


class PeopleCallback(Table, table=True):
    """One row: up to which number of the feed the host was called (`told`), and the call that is on its way to it
    (AU-18).
    """

    __tablename__ = 'people_callback'
    id: int = column(Whole, key=True)
    told: int = column(Whole, null=False, server='0')
    number: int = column(Whole, null=False, server='0')
    message_id: str = column(Text, null=False, server="''")
    attempts: int = column(Whole, null=False, server='0')
    due_at: datetime = column(Moment, null=False, server='hermes_now()')
    leased_until: datetime | None = column(Moment)
