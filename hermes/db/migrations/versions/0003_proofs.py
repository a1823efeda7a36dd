"""Sweeps that prove that they were complete: what was listed, the proofs, and the pulses by which gaps are noticed."""

from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

UP = """
alter table sweep add column since timestamptz, add column through timestamptz, add column listed_at timestamptz,
  add column cause text not null default '', add column restarts int not null default 0,
  add column looked jsonb not null default '{}', add column first_event bigint;
-- what the newest full listing of a type showed, object by object: `print` is a hash of all that it said
create table listed (
  sweep_id bigint not null, remote_id text not null, seconds bigint not null, sub bigint not null, print text not null,
  primary key (sweep_id, remote_id)
);
-- whether a full listing was complete, and what was found
create table proof (
  id bigint generated always as identity primary key, sweep_id bigint not null, system text not null,
  type text not null, at timestamptz not null, state text not null, reason text not null default '',
  listed int not null default 0, held int not null default 0, newer int not null default 0,
  unlisted int not null default 0, deleted int not null default 0, undecided int not null default 0,
  remote_digest text not null default '', own_digest text not null default '', tokens int not null default 0,
  took_s double precision not null default 0,
  constraint proof_state_check check (state in ('proven', 'failed'))
);
create index proof_type on proof (system, type, id);
-- who was last alive when; a beat that comes late leaves the stretch that was lost
create table pulse (
  name text primary key, at timestamptz not null, lost_from timestamptz, lost_to timestamptz,
  note text not null default '', noted_at timestamptz
);
"""
DOWN = """
drop table pulse;
drop table proof;
drop table listed;
alter table sweep drop column since, drop column through, drop column listed_at, drop column cause,
  drop column restarts, drop column looked, drop column first_event;
"""


def upgrade() -> None:
    _run(UP)


def downgrade() -> None:
    _run(DOWN)


def _run(script: str) -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(script)
