"""How often a secret was begun to be renewed, and why it is of no use any more."""

from alembic import op

revision = '0028'
down_revision = '0027'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "alter table vault add column tries bigint not null default 0, add column broken text not null default ''"
    )


def downgrade() -> None:
    op.execute('alter table vault drop column tries, drop column broken')
