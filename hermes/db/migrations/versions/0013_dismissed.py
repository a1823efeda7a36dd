"""A parked event can be dismissed by a person; acts that were refused are over, and not parked."""

from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

BEFORE = ('new', 'waiting', 'done', 'parked', 'refused')


def upgrade() -> None:
    _allow((*BEFORE, 'dismissed'))
    op.get_bind().exec_driver_sql("update event set state = 'refused' where state = 'parked' and kind = 'act'")


def downgrade() -> None:
    op.get_bind().exec_driver_sql("update event set state = 'parked' where state = 'dismissed'")
    _allow(BEFORE)


def _allow(states: tuple[str, ...]) -> None:
    op.get_bind().exec_driver_sql('alter table event drop constraint event_state_check')
    op.get_bind().exec_driver_sql(f'alter table event add constraint event_state_check check (state in {states})')
