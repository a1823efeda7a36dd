"""A company is found by each of its numbers in other systems."""

from alembic import op

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute('create index company_cligency on company (tc2_cligency_id)')
    op.execute('create index company_org on company (pd_org_id)')


def downgrade() -> None:
    op.execute('drop index company_org')
    op.execute('drop index company_cligency')
