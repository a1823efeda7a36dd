"""Calls that did not go well are found by an index: few among very many."""

from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index call_failed on call (started_at) where reaction <> ''")


def downgrade() -> None:
    op.execute('drop index call_failed')
