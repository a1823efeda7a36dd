"""Bookings: meetings, what admins' time is taken by, holds, the rota's ledger, letters, followed calendars."""

from pathlib import Path

from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

TABLES = (
    'followed_calendar',
    'letter',
    'spent_challenge',
    'allowance',
    'turn',
    'occupancy',
    'hold',
    'meeting',
)
COLUMNS = ('working_hours', 'days_off', 'meeting_dur_mins', 'meeting_buffer_mins', 'daily_cap', 'bookable')


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix('.sql').read_text())


def downgrade() -> None:
    for table in TABLES:
        op.get_bind().exec_driver_sql(f'drop table {table}')
    op.get_bind().exec_driver_sql('drop index contact_phone')
    op.get_bind().exec_driver_sql("update event set state = 'parked' where state = 'refused'")
    op.get_bind().exec_driver_sql('alter table event drop constraint event_state_check')
    op.get_bind().exec_driver_sql(
        "alter table event add constraint event_state_check check (state in ('new', 'waiting', 'done', 'parked'))"
    )
    for column in COLUMNS:
        op.get_bind().exec_driver_sql(f'alter table admin drop column {column}')
