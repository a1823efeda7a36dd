"""Replays of many events: what is meant, how far it is, and what became of it; worked off by any worker."""

from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

UP = """
create table replay (
  id bigint generated always as identity primary key, filter jsonb not null, event_id bigint not null,
  at bigint not null default 0, upto bigint not null, total int, looked int not null default 0,
  changed int not null default 0, changes int not null default 0, refused int not null default 0,
  unsettled bigint[] not null default '{}', state text not null default 'running',
  started_at timestamptz not null, seen_at timestamptz, ended_at timestamptz, worker text not null default '',
  constraint replay_once unique (event_id),
  constraint replay_state_check check (state in ('running', 'done', 'cancelled'))
);
create index replay_running on replay (seen_at nulls first, id) where state = 'running';
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(UP)


def downgrade() -> None:
    op.execute('drop table replay')
