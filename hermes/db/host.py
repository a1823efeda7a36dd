"""What the host stores within a transaction of its own: an act, like one that came by the API, with the number that is
drawn for the host's key (AU-17). Synchronous, over whatever connection the host has to this database.
"""

from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hermes.db.acts import INSERT_ACT, RING, encode
from hermes.db.people import CLAIM
from hermes.domain.acts import Act
from hermes.kit.ids import new_id, system_chance

HostConnection = Connection[Any]
"""A connection of the host's own."""
SOURCE: Final = 'host'
FIND_KEY: Final = 'select record_id as id from person_key where key = %(told)s'
FIND_CRM_ID: Final = """
    select id from app_user where crm_id = %(told)s and target = (select value #>> '{}' from setting where key =
      'people_target') and tombstone is null
"""
FIND_STATE: Final = "select coalesce(state, '') as state, crm_id from app_user where id = %(id)s"


def claim(connection: Connection[Any], key: str) -> int:
    """The number of whoever has this key, drawn where nobody has it yet."""
    with connection.cursor(row_factory=dict_row) as cursor:
        while True:
            row = cursor.execute(CLAIM, {'key': key, 'id': None}).fetchone()
            if row is not None:
                return int(row['record_id'])


def find(connection: Connection[Any], query: str, told: str) -> int | None:
    """The number that a key, or an id of the CRM, stands for."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query, {'told': told}).fetchone()
    return int(row['id']) if row else None


def submit(connection: Connection[Any], act: Act) -> None:
    """Store an act; the workers are rung for when the host commits."""
    row = {
        'source': SOURCE, 'kind': 'act', 'key': bytes.fromhex(new_id(system_chance())), 'headers': Jsonb({}),
        'body': encode(act),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(INSERT_ACT, row)
        cursor.execute(RING)


def standing(connection: Connection[Any], number: int) -> tuple[str, str | None]:
    """(state, the CRM's id) of an app user as they are known now; ('', None) of one who is not yet."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(FIND_STATE, {'id': number}).fetchone()
    return (row['state'], row['crm_id']) if row else ('', None)
