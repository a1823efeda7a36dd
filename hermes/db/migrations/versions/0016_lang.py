"""A meeting knows in which language its visitor is written to; none is English."""

from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute('alter table meeting add column lang text')


def downgrade() -> None:
    op.execute('alter table meeting drop column lang')
