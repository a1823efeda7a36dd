"""What waits stands in an index in the order in which it is taken, so that a claim, a company's pushes and what waits
for an object cost the same whatever else waits, and whatever the statistics say.
"""

from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

UP = """
drop index push_due;
create index push_due on push (system, lane, due_at) where wanted > done and state = 'ready';
drop index push_graph;
create index push_graph on push (graph_id, system);
create index event_waiting on event using hash (reason) where state = 'waiting';
"""
DOWN = """
drop index event_waiting;
drop index push_graph;
create index push_graph on push (system, graph_id);
drop index push_due;
create index push_due on push (due_at) where wanted > done and state = 'ready';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
