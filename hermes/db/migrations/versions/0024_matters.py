"""What needs somebody is found by an index: few among very many."""

from alembic import op

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index decision_open on decision (kind, id) where state = 'open'")
    op.execute("create index company_substituted on company (id) where claims ? 'substituted'")


def downgrade() -> None:
    op.execute('drop index company_substituted')
    op.execute('drop index decision_open')
