"""What we believe: the records, in typed columns; fields made at run time are in `extra`."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, Boolean, Date, Index, Text, UniqueConstraint, literal_column, text
from sqlalchemy.dialects.postgresql import JSONB

from hermes.db.schema.models.table import Moment, Table, Whole, column


class Believed(Table):
    """A record. `extra`: fields made at run time; `claims`: what no remote object says; `born_event`: what made it."""

    id: int | None = column(Whole, key=True, server="nextval('record_id')")
    extra: Any = column(JSONB, null=False, server="'{}'")
    claims: Any = column(JSONB, null=False, server="'{}'")
    tombstone: Any = column(JSONB)
    born_event: int = column(Whole, null=False, server='0')


class Admin(Believed, table=True):
    """A person of ours."""

    __table_args__ = (
        UniqueConstraint('tc2_admin_id', name='admin_tc2_admin_id_key'),
        Index('admin_owner', 'pd_owner_id', unique=True, postgresql_where=text('pd_owner_id > 0')),
    )
    first_name: str | None = column(Text)
    last_name: str | None = column(Text)
    email: str | None = column(Text)
    timezone: str | None = column(Text)
    tc2_admin_id: int | None = column(Whole)
    pd_owner_id: int | None = column(Whole)
    active: bool = column(Boolean, null=False, server='true')
    is_sales_person: bool = column(Boolean, null=False, server='false')
    is_support_person: bool = column(Boolean, null=False, server='false')
    is_bdr_person: bool = column(Boolean, null=False, server='false')
    sells_payg: bool = column(Boolean, null=False, server='false')
    sells_startup: bool = column(Boolean, null=False, server='false')
    sells_enterprise: bool = column(Boolean, null=False, server='false')
    sells_us: bool = column(Boolean, null=False, server='false')
    sells_gb: bool = column(Boolean, null=False, server='false')
    sells_au: bool = column(Boolean, null=False, server='false')
    sells_ca: bool = column(Boolean, null=False, server='false')
    sells_eu: bool = column(Boolean, null=False, server='false')
    sells_row: bool = column(Boolean, null=False, server='false')
    working_hours: Any = column(JSONB)
    days_off: Any = column(JSONB)
    meeting_dur_mins: int | None = column(Whole)
    meeting_buffer_mins: int | None = column(Whole)
    daily_cap: int | None = column(Whole)
    bookable: bool = column(Boolean, null=False, server='true')
    alias_of: int | None = column(Whole)


class Pipeline(Believed, table=True):
    """A pipeline of the CRM."""

    name: str | None = column(Text)
    archived: bool = column(Boolean, null=False, server='false')
    dft_entry_stage_id: int | None = column(Whole)
    alias_of: int | None = column(Whole)


class Stage(Believed, table=True):
    """A stage of a pipeline."""

    name: str | None = column(Text)
    archived: bool = column(Boolean, null=False, server='false')
    pipeline_id: int | None = column(Whole)
    alias_of: int | None = column(Whole)


class Company(Believed, table=True):
    """A company, as we believe it to be."""

    __table_args__ = (
        Index('company_name', 'name_key', 'id'),
        Index('company_substituted', 'id', postgresql_where=text("claims ? 'substituted'")),
        Index('company_agency', 'tc2_agency_id'),
        Index('company_cligency', 'tc2_cligency_id'),
        Index('company_org', 'pd_org_id'),
        Index('company_created', 'created', 'id'),
        Index(
            'company_searched',
            literal_column(
                "lower((((COALESCE(name, ''::text) || ' '::text) || COALESCE(website, ''::text)) || ' '::text) || "
                'extra::text)'
            ).label('searched'),
            postgresql_using='gin',
            postgresql_ops={'searched': 'gin_trgm_ops'},
        ),
    )
    name: str | None = column(Text)
    name_key: str | None = column(Text)
    country: str | None = column(Text)
    website: str | None = column(Text)
    estimated_income: str | None = column(Text)
    currency: str | None = column(Text)
    sales_person_id: int | None = column(Whole, to='admin.id')
    support_person_id: int | None = column(Whole, to='admin.id')
    bdr_person_id: int | None = column(Whole, to='admin.id')
    tc2_status: str | None = column(Text)
    price_plan: str | None = column(Text)
    gclid: str | None = column(Text)
    signup_questionnaire: str | None = column(Text)
    utm_source: str | None = column(Text)
    utm_campaign: str | None = column(Text)
    referer: str | None = column(Text)
    created: date | None = column(Date)
    pay0_dt: date | None = column(Date)
    pay1_dt: date | None = column(Date)
    pay3_dt: date | None = column(Date)
    card_saved_dt: date | None = column(Date)
    email_confirmed_dt: date | None = column(Date)
    gclid_expiry_dt: date | None = column(Date)
    paid_invoice_count: int | None = column(Whole)
    narc: bool | None = column(Boolean)
    tc2_agency_id: int | None = column(Whole)
    tc2_cligency_id: int | None = column(Whole)
    tc2_cligency_url: str | None = column(Text)
    pd_org_id: int | None = column(Whole)
    has_signed_up: bool | None = column(Boolean)
    has_booked_call: bool | None = column(Boolean)
    sales_call_count: int | None = column(Whole)
    support_call_count: int | None = column(Whole)
    alias_of: int | None = column(Whole, to='company.id')


class Contact(Believed, table=True):
    """A person at a company."""

    __table_args__ = (
        Index('contact_company', 'company_id'),
        Index('contact_last_name', 'last_name', 'id'),
        Index(
            'contact_searched',
            literal_column(
                "lower((((((((COALESCE(first_name, ''::text) || ' '::text) || COALESCE(last_name, ''::text)) || "
                "' '::text) || COALESCE(email, ''::text)) || ' '::text) || regexp_replace(COALESCE(phone, ''::text), "
                "'[^0-9]'::text, ''::text, 'g'::text)) || ' '::text) || extra::text)"
            ).label('searched'),
            postgresql_using='gin',
            postgresql_ops={'searched': 'gin_trgm_ops'},
        ),
        Index('contact_email', 'email_keys', postgresql_using='gin'),
        Index('contact_phone', 'phone_keys', postgresql_using='gin'),
    )
    company_id: int | None = column(Whole, to='company.id', ondelete='RESTRICT')
    first_name: str | None = column(Text)
    last_name: str | None = column(Text)
    email: str | None = column(Text)
    email_keys: Any = column(ARRAY(Text), null=False, server="'{}'")
    phone: str | None = column(Text)
    phone_keys: Any = column(ARRAY(Text), null=False, server="'{}'")
    alias_of: int | None = column(Whole, to='contact.id')


class Deal(Believed, table=True):
    """A deal with a company."""

    __table_args__ = (
        Index('deal_company', 'company_id'),
        Index('deal_title', 'title', 'id'),
        Index(
            'deal_searched',
            literal_column("lower((COALESCE(title, ''::text) || ' '::text) || extra::text)").label('searched'),
            postgresql_using='gin',
            postgresql_ops={'searched': 'gin_trgm_ops'},
        ),
    )
    company_id: int | None = column(Whole, to='company.id', ondelete='RESTRICT')
    contact_id: int | None = column(Whole, to='contact.id')
    admin_id: int | None = column(Whole, to='admin.id')
    pipeline_id: int | None = column(Whole, to='pipeline.id')
    stage_id: int | None = column(Whole, to='stage.id')
    title: str | None = column(Text)
    status: str | None = column(Text)
    archived: bool | None = column(Boolean)
    alias_of: int | None = column(Whole, to='deal.id')


class Meeting(Believed, table=True):
    """A planned or past talk with a contact."""

    __table_args__ = (
        Index('meeting_uid', 'uid', unique=True),
        Index('meeting_company', 'company_id'),
        Index('meeting_start', 'start_at', 'id'),
        Index('meeting_contact', 'contact_id', 'start_at', postgresql_where=text("status = 'planned'")),
        Index('meeting_admin', 'admin_id', 'start_at', postgresql_where=text("status = 'planned'")),
    )
    company_id: int | None = column(Whole, to='company.id', ondelete='RESTRICT')
    contact_id: int | None = column(Whole, to='contact.id')
    deal_id: int | None = column(Whole, to='deal.id')
    admin_id: int | None = column(Whole, to='admin.id')
    uid: str = column(Text, null=False)
    kind: str | None = column(Text)
    status: str | None = column(Text)
    start_at: datetime | None = column(Moment)
    end_at: datetime | None = column(Moment)
    buffer_s: int | None = column(Whole)
    sequence: int | None = column(Whole)
    round: int | None = column(Whole)
    canceled_by: str | None = column(Text)
    zone: str | None = column(Text)
    lang: str | None = column(Text)
    typed: Any = column(JSONB)
    alias_of: int | None = column(Whole, to='meeting.id')


class AppUser(Believed, table=True):
    """Somebody with an account in the host's product."""

    __tablename__ = 'app_user'
    __table_args__ = (
        Index('app_user_email', text('lower(email)')),
        Index('app_user_legacy', 'legacy_id'),
        Index('app_user_state', 'target', 'state', 'id'),
        Index('app_user_crm', 'target', 'crm_id'),
    )
    user_id: str | None = column(Text)
    email: str | None = column(Text)
    first_name: str | None = column(Text)
    last_name: str | None = column(Text)
    lang: str | None = column(Text)
    educator: bool | None = column(Boolean)
    lists: Any = column(JSONB)
    target: str | None = column(Text)
    state: str | None = column(Text)
    crm_id: str | None = column(Text)
    cleared: str | None = column(Text)
    moderation: str | None = column(Text)
    legacy_id: str | None = column(Text)
    is_sustainer: bool | None = column(Boolean)
    decided: str | None = column(Text)
    alias_of: int | None = column(Whole, to='app_user.id')


class Subscription(Believed, table=True):
    """An address on mailing lists, without an account."""

    __table_args__ = (
        Index('subscription_email', text('lower(email)')),
        Index('subscription_state', 'target', 'state', 'id'),
    )
    email: str | None = column(Text)
    first_name: str | None = column(Text)
    last_name: str | None = column(Text)
    lang: str | None = column(Text)
    educator: bool | None = column(Boolean)
    lists: Any = column(JSONB)
    target: str | None = column(Text)
    state: str | None = column(Text)
    crm_id: str | None = column(Text)
    cleared: str | None = column(Text)
    alias_of: int | None = column(Whole, to='subscription.id')
