"""Which admin somebody means. Reads only."""

from typing import Any

from psycopg import Connection

from hermes.db.reads.lookup import Row, rows
from hermes.domain.errors import Refused
from hermes.kit.texts import read_number

FIND_ADMINS = """
    select id, concat_ws(' ', first_name, last_name) as name, email, active, bookable, timezone, working_hours,
           days_off, meeting_dur_mins, meeting_buffer_mins, daily_cap, is_sales_person, is_support_person,
           coalesce((select problem from followed_calendar where calendar = lower(trim(email))), '') as problem
    from admin
    where alias_of is null and (id = %(id)s or lower(email) = lower(%(text)s)
      or lower(concat_ws(' ', first_name, last_name)) = lower(%(text)s) or lower(first_name) = lower(%(text)s)
      or lower(last_name) = lower(%(text)s))
    order by tombstone is not null, id
"""


def find_admin(connection: Connection[Any], text: str) -> Row:
    """The admin that `text` means: an id, an e-mail address, or a name. Raises Refused when none or several do."""
    written = ' '.join(text.removeprefix('admin:').split())
    number = read_number(written)
    found = rows(connection, FIND_ADMINS, {'id': number, 'text': written})
    if not found:
        raise Refused(f'There is no admin "{written}". Write an id, an e-mail address or a name.')
    if len(found) > 1:
        told = ', '.join(f'{item["id"]} ({item["name"]})' for item in found)
        raise Refused(f'"{written}" may be any of these: {told}. Write the id.')
    return found[0]
