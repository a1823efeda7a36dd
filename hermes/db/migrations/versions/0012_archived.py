"""A deal that was archived in the CRM is known to be."""

from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute('alter table deal add column archived boolean')


def downgrade() -> None:
    op.execute('alter table deal drop column archived')
