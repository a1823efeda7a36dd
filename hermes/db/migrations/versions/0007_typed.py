"""A meeting keeps what its visitor typed, where no other field says it."""

from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute('alter table meeting add column typed jsonb')


def downgrade() -> None:
    op.execute('alter table meeting drop column typed')
