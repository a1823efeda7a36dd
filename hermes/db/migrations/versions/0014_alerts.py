"""Alerts: what was wrong since when, how often it was told, and each message over each channel with its own id."""

from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

UP = """
create table alert (
  id bigint generated always as identity primary key, name text not null, kind text not null,
  about text not null default '', said text not null, look text not null, since timestamptz not null,
  away_at timestamptz, told_at timestamptz, told int not null default 0, well_at timestamptz, ended_at timestamptz
);
create index alert_name on alert (name, id);
create table alert_message (
  id bigint generated always as identity primary key, alert_id bigint not null references alert on delete cascade,
  channel text not null, target text not null default '', message_id text not null, body jsonb not null,
  at timestamptz not null, due_at timestamptz not null, state text not null default 'due',
  attempts int not null default 0, leased_until timestamptz, sent_at timestamptz, reason text not null default '',
  constraint alert_message_once unique (message_id),
  constraint alert_message_state_check check (state in ('due', 'sent', 'refused', 'replaced'))
);
create index alert_message_due on alert_message (due_at) where state = 'due';
create index alert_message_alert on alert_message (alert_id);
"""


def upgrade() -> None:
    _run(UP)


def downgrade() -> None:
    _run('drop table alert_message; drop table alert;')


def _run(script: str) -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(script)
