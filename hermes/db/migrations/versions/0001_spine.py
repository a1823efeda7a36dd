"""The spine: events, records, mirrors, pushes."""

from pathlib import Path

from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in split(Path(__file__).with_suffix('.sql').read_text()):
        op.get_bind().exec_driver_sql(statement)


def split(script: str) -> list[str]:
    """The statements of a script; a semicolon inside $$ ... $$ ends nothing."""
    parts, inside, current = [], False, ''
    for line in script.splitlines(keepends=True):
        inside ^= line.count('$$') % 2 == 1
        current += line
        if line.rstrip().endswith(';') and not inside:
            parts.append(current)
            current = ''
    return parts


TABLES = [
    'revision',
    'decision',
    'refusal',
    'worker',
    'sweep',
    'reservation',
    'budget',
    'system_state',
    'account',
    'custom_field',
    'setting',
    'call',
    'push',
    'link',
    'mirror',
    'change',
    'deal',
    'contact',
    'company',
    'stage',
    'pipeline',
    'admin',
    'event',
]


def downgrade() -> None:
    for table in TABLES:
        op.get_bind().exec_driver_sql(f'drop table {table}')
    op.get_bind().exec_driver_sql('drop sequence applied_seq')
    op.get_bind().exec_driver_sql('drop sequence record_id')
    op.get_bind().exec_driver_sql('drop function hermes_now()')
