"""How a queue of the round robin stands is kept, and a turn knows whether it is part of it."""

from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table standing (
          queue text primary key,
          level bigint not null,
          counts jsonb not null,
          last jsonb not null
        );
        alter table turn add column counted boolean not null default false;
        alter table turn add column given_back boolean not null default false;
        create index turn_new on turn (queue, id) where not counted;
        create index turn_open on turn (queue, at) where counted and not given_back and booked_at is null;
        create index turn_returned on turn (queue, returned_at) where counted and not given_back
          and returned_at is not null
        """
    )


def downgrade() -> None:
    op.execute('alter table turn drop column counted, drop column given_back; drop table standing')
