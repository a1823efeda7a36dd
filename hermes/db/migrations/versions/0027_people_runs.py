"""Runs over many app users, which can be resumed and taken back."""

from alembic import op

revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table people_run (
          id bigint generated always as identity primary key, kind text not null, target text not null,
          states jsonb not null default '[]', cursor bigint not null default 0, counts jsonb not null default '{}',
          by text not null default '', begun_at timestamptz not null default hermes_now(), ended_at timestamptz
        )
        """
    )


def downgrade() -> None:
    op.execute('drop table people_run')
