"""How it went, in figures of five minutes: lags of each hop as counts between bounds, calls by what became of them,
what was spent by which rule, what waited.
"""

from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table figure (
          name text not null, at timestamptz not null, system text not null, kind text not null, counts jsonb not null,
          primary key (name, at, system, kind)
        )
        """
    )


def downgrade() -> None:
    op.execute('drop table figure')
