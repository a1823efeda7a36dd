"""The ledger says which rule made each call; the budget knows what was spent in each hour of the last day."""

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table call add column rule text not null default ''")
    op.execute("alter table budget add column hours jsonb not null default '{}'")


def downgrade() -> None:
    op.execute('alter table budget drop column hours')
    op.execute('alter table call drop column rule')
