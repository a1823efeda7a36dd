"""App users and subscriptions, their keys and checks, what the host is told, and secrets that rotate."""

from alembic import op

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None

PERSON = """
  email text, first_name text, last_name text, lang text, educator boolean, lists jsonb,
  target text, state text, crm_id text, cleared text
"""
KEPT = """
  extra jsonb not null default '{}', claims jsonb not null default '{}', tombstone jsonb,
  born_event bigint not null default 0
"""
MAKE = (
    f"""
create table app_user (
  id bigint primary key default nextval('record_id'),
  user_id text, {PERSON}, moderation text, legacy_id text, is_sustainer boolean, decided text, {KEPT},
  alias_of bigint references app_user (id)
)
""",
    'create index app_user_email on app_user (lower(email))',
    'create index app_user_legacy on app_user (legacy_id)',
    'create index app_user_state on app_user (target, state, id)',
    'create index app_user_crm on app_user (target, crm_id)',
    f"""
create table subscription (
  id bigint primary key default nextval('record_id'), {PERSON}, {KEPT}, alias_of bigint references subscription (id)
)
""",
    'create index subscription_email on subscription (lower(email))',
    'create index subscription_state on subscription (target, state, id)',
    'create table person_key (key text primary key, record_id bigint not null)',
    'create index person_key_record on person_key (record_id)',
    """
create table crm_check (
  id bigint generated always as identity primary key, record_type text not null, record_id bigint not null,
  target text not null, state text not null, status bigint, code text not null default '',
  excerpt text not null default '', run_id bigint, event_id bigint not null default 0,
  at timestamptz not null default hermes_now()
)
""",
    'create index crm_check_record on crm_check (record_type, record_id, id)',
    'create index crm_check_run on crm_check (run_id, id) where run_id is not null',
    """
create table feed (
  id bigint generated always as identity primary key, number bigint, record_id bigint not null, says jsonb not null,
  at timestamptz not null default hermes_now()
)
""",
    'create unique index feed_number on feed (number)',
    'create index feed_fresh on feed (id) where number is null',
    'create index feed_record on feed (record_id, id)',
    'create sequence feed_place',
    """
create table vault (
  name text primary key, sealed bytea not null, version bigint not null default 1, expires_at timestamptz,
  leased_by text, leased_until timestamptz, changed_at timestamptz not null default hermes_now()
)
""",
)


def upgrade() -> None:
    for statement in MAKE:
        op.execute(statement)


def downgrade() -> None:
    for table in ('vault', 'feed', 'crm_check', 'person_key', 'subscription', 'app_user'):
        op.execute(f'drop table {table}')
    op.execute('drop sequence feed_place')
