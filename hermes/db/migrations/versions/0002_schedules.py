"""The tables of procrastinate, which runs the schedules (docs/decisions/0003-doorbell.md), in a schema of their own.

They are what the installed package says; a version of it that needs other tables gets a migration here.
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql('create schema procrastinate')
    connection.exec_driver_sql('set local search_path to procrastinate')
    # Many statements with percent signs in them: only the driver itself takes them as they are.
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(SchemaManager.get_schema())
    connection.exec_driver_sql('set local search_path to default')


def downgrade() -> None:
    op.get_bind().exec_driver_sql('drop schema procrastinate cascade')
