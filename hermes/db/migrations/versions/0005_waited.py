"""An event that has to wait keeps every place in the log at which it moved something: a replay does the same."""

from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table event add column waited bigint[] not null default '{}'")


def downgrade() -> None:
    op.execute('alter table event drop column waited')
