"""What is in a database, row by row, to be compared with what is in it later."""

from typing import Any

from hermes.db.pool import Database

TABLES = """
    select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname
"""


async def dumped(database: Database) -> dict[str, list[Any]]:
    """Every row of every table; sequences apart, of which numbers may be drawn for nothing."""
    found = {}
    for table in await database.fetch(TABLES):
        rows = await database.fetch(f'select to_jsonb(t)::text as row from {table["relname"]} t order by 1')
        found[table['relname']] = [row['row'] for row in rows]
    return found
