"""What the host was called about: how far the feed was told, and the call that is on its way."""

from alembic import op

revision = '0029'
down_revision = '0028'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table people_callback (
          id bigint primary key, told bigint not null default 0, number bigint not null default 0,
          message_id text not null default '', attempts bigint not null default 0,
          due_at timestamptz not null default hermes_now(), leased_until timestamptz
        )
        """
    )


def downgrade() -> None:
    op.execute('drop table people_callback')
