"""A letter keeps what it said, so that nobody is told what they know; what takes place after all is told."""

from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

KINDS = "'confirmation', 'moved', 'cancelled', 'reminder', 'apology'"


def upgrade() -> None:
    op.execute("alter table letter add column says text not null default ''")
    op.execute('alter table letter drop constraint letter_kind_check')
    op.execute(f"alter table letter add constraint letter_kind_check check (kind in ({KINDS}, 'restored'))")


def downgrade() -> None:
    op.execute("delete from letter where kind = 'restored'")
    op.execute('alter table letter drop constraint letter_kind_check')
    op.execute(f'alter table letter add constraint letter_kind_check check (kind in ({KINDS}))')
    op.execute('alter table letter drop column says')
