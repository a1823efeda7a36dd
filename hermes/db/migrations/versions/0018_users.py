"""Users of the desk: who may log in, with which role, in which sessions; the one-time codes of the first one."""

from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

UP = """
create table desk_user (
  id bigint generated always as identity primary key, email text not null, name text not null default '',
  role text not null, password_hash text not null default '', password_at timestamptz,
  totp_secret bytea, totp_step bigint not null default 0, recovery jsonb not null default '[]',
  invite_hash bytea, invited_until timestamptz, disabled_at timestamptz,
  made_at timestamptz not null default hermes_now(),
  constraint desk_user_role_check check (role in ('viewer', 'operator', 'admin'))
);
create unique index desk_user_email on desk_user (lower(email));
create unique index desk_user_invite on desk_user (invite_hash);
create table desk_session (
  id bigint generated always as identity primary key, token_hash bytea not null,
  user_id bigint not null references desk_user on delete cascade, verified boolean not null default true,
  made_at timestamptz not null default hermes_now(), seen_at timestamptz not null default hermes_now(),
  agent text not null default '',
  constraint desk_session_once unique (token_hash)
);
create index desk_session_user on desk_session (user_id);
create table first_code (
  digest bytea primary key, made_at timestamptz not null default hermes_now()
);
"""


def upgrade() -> None:
    _run(UP)


def downgrade() -> None:
    _run('drop table first_code; drop table desk_session; drop table desk_user;')


def _run(script: str) -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(script)
