"""Users of the desk as they stand. Reads only."""

from typing import Any

from psycopg import Connection

from hermes.db.reads.lookup import Row, rows

LIST = """
    select id, email, name, role, totp_secret is not null as second_factor,
           case when disabled_at is not null then 'disabled' when password_hash = '' then 'invited' else 'active' end as
             state
    from desk_user order by disabled_at is not null, lower(email)
"""


def list_users(connection: Connection[Any]) -> list[Row]:
    """Everybody who may log in, and those who might once, by their addresses."""
    return rows(connection, LIST)
