"""Whom Hermes has forgotten: keyed hashes by which they are known again and not taken in, and what each erasure did."""

from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

UP = """
create table erased (
  kind text not null, hash text primary key, record_type text not null, record_id bigint not null,
  event_id bigint not null, at timestamptz not null default hermes_now(),
  constraint erased_kind_check check (kind in ('object', 'email', 'phone', 'name', 'part', 'text', 'record', 'near'))
);
create table erasure (
  id bigint generated always as identity primary key, event_id bigint not null, record_type text not null,
  record_id bigint not null, at timestamptz not null, by text not null default '', gone jsonb not null,
  held jsonb not null, constraint erasure_once unique (event_id)
);
"""


def upgrade() -> None:
    _run(UP)


def downgrade() -> None:
    _run('drop table erasure; drop table erased;')


def _run(script: str) -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(script)
