"""A mirror says whether somebody owns the object, so that the few that are nobody's are found by an index."""

from alembic import op

revision = '0030'
down_revision = '0029'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute('alter table mirror add column owned boolean not null default true')
    op.execute(
        """
        update mirror m set owned = false where not exists (
          select from link l where (l.system, l.type, l.remote_id) = (m.system, m.type, m.remote_id))
        """
    )
    op.execute('alter table mirror alter column owned set default false')
    op.execute('create index mirror_nobodys on mirror (system, type, remote_id) where not owned')


def downgrade() -> None:
    op.execute('alter table mirror drop column owned')
