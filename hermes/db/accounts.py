"""The accounts that a database belongs to: remembered once they have answered, compared ever after (SETUP-12)."""

from typing import Final

from hermes.db.pool import Connection
from hermes.domain.errors import Refused

EXCHANGED: Final = """
    select case when exists (select 1 from event where source = %(system)s and kind like 'webhook%%') then 'A delivery'
      when exists (select 1 from mirror where system = %(system)s) then 'What was read'
      when exists (select 1 from link where system = %(system)s) then 'A link'
      when exists (select 1 from call where system = %(system)s and status between 200 and 299 and reaction = ''
        and op <> 'me') then 'The answer to a call' end as what
"""


async def remember_account(connection: Connection, system: str, identity: str) -> str:
    """The account that this database belongs to (SETUP-12): stored at first contact, returned ever after."""
    await connection.execute(
        'insert into account (system, identity, since) values (%s, %s, hermes_now()) on conflict (system) do nothing',
        (system, identity),
    )
    return await find_account(connection, system) or identity


async def find_account(connection: Connection, system: str) -> str:
    """The account of a system that this database belongs to, '' while it belongs to none."""
    row = await (await connection.execute('select identity from account where system = %s', (system,))).fetchone()
    return str(row['identity']) if row else ''


async def forget_account(connection: Connection, system: str) -> str:
    """The account that a database belonged to, which it belongs to no more, '' for none. Raises Refused once anything
    was exchanged with it.
    """
    found = await (await connection.execute(EXCHANGED, {'system': system})).fetchone()
    if found is not None and found['what']:
        raise Refused(
            f'{found["what"]} of {system} stands in this database, so it belongs to that account: use another database '
            '(DATABASE_URL, DATA_DIR).'
        )
    identity = await find_account(connection, system)
    await connection.execute('delete from account where system = %s', (system,))
    return identity
