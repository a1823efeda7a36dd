"""Which company somebody means. Reads only."""

from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, find_record, row, rows
from hermes.domain.errors import Refused
from hermes.kit.spelling import fold

SOME: Final = 5
BY_NAME: Final = """
    select id, coalesce(name, '') as name from company
    where name_key = %(key)s and tombstone is null and alias_of is null order by id desc limit %(some)s
"""


def find_company(connection: Connection[Any], text: str) -> Row:
    """The company that `text` means: its id, `company:12`, an object elsewhere, or its whole name. Raises Refused when
    none or several do.
    """
    written = ' '.join(text.split())
    if not written:
        raise Refused('Which company? Write its name or its id.')
    named = rows(connection, BY_NAME, {'key': fold(written), 'some': SOME})
    if len(named) > 1:
        told = ', '.join(f'{item["id"]} ({item["name"]})' for item in named)
        raise Refused(f'"{written}" may be any of these: {told}. Write the id.')
    if named:
        return named[0]
    if not written.isdigit() and ':' not in written:
        raise Refused(f'There is no company of the name "{written}". Write its whole name, or its id.')
    ref = find_record(connection, written).record
    found = row(
        connection,
        "select id, coalesce(name, '') as name from company where id = %(id)s and tombstone is null",
        ref._asdict(),
    )
    if ref.type != 'company' or found is None:
        raise Refused(f'{ref.type} {ref.id} is no company that is there.')
    return found
