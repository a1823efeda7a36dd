"""What arrived and what changed since a moment is found without reading what came before it, at next to no cost for
whoever writes: both tables grow in the order of time.
"""

from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute('create index event_received on event using brin (received_at) with (autosummarize = on)')
    op.execute('create index change_at on change using brin (at) with (autosummarize = on)')


def downgrade() -> None:
    op.execute('drop index change_at')
    op.execute('drop index event_received')
