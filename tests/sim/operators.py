"""What an operator does while everything else goes on: an act of the desk, drawn by a seed, stored as the command line
stores it. Whichever worker comes to it applies it.
"""

import random
from typing import Any

from hermes.db import acts
from hermes.domain.acts import Act, CreateRecord, DeleteRecord, ReleaseField, RestoreRecord, Undo, WriteFields
from hermes.domain.model import RecordRef
from tests.sim.testbed import Testbed, pick

VALUES = {
    'company': ('website', 'name', 'utm_source', 'sales_person_id'),
    'contact': ('first_name', 'last_name', 'phone'),
    'deal': ('title', 'status'),
}
"""What is decreed of each type."""
STANDING = (
    ' union all '.join(
        f"select '{kind}' as type, id, tombstone ->> 'kind' as stone, claims -> 'decree' as decree "
        f'from {kind} where alias_of is null'
        for kind in VALUES
    )
    + ' order by 1, 2'
)
DONE = """
    select id from event where source = 'operator' and kind = 'act' and state = 'done' and headers ->> 'by' = 'desk'
    order by id
"""
WEIGHTS = {'write': 8, 'release': 3, 'undo': 4, 'delete': 1, 'restore': 3, 'create': 1}


async def act(testbed: Testbed, chance: random.Random) -> str:
    """One act of an operator; '' when it made no sense just now."""
    what = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    rows = await testbed.looking.fetch(STANDING)
    asked = _asked(what, rows, await testbed.looking.fetch(DONE), await _admins(testbed), chance)
    if asked is None:
        return ''
    async with testbed.looking.transaction() as connection:
        event = await acts.add_once(connection, acts.SOURCE, asked, chance.randbytes(16), 'desk')
    return f'an operator: {asked} (event {event.id if event else None})'


async def _admins(testbed: Testbed) -> list[int]:
    return [row['id'] for row in await testbed.looking.fetch('select id from admin where pd_owner_id > 0 order by id')]


def _asked(what: str, rows: list[Any], done: list[Any], admins: list[int], chance: random.Random) -> Act | None:
    alive = [row for row in rows if row['stone'] is None]
    if what == 'undo':
        event = pick(chance, done[-3:])
        return Undo(event['id']) if event else None
    if what == 'restore':
        row = pick(chance, [row for row in rows if row['stone'] == 'operator'])
        return RestoreRecord(_ref(row)) if row else None
    if what == 'release':
        row = pick(chance, [row for row in alive if row['decree']])
        return ReleaseField(_ref(row), pick(chance, sorted(row['decree']))) if row else None
    row = pick(chance, alive)
    if row is None:
        return None
    if what == 'delete':
        return DeleteRecord(_ref(row))
    if what == 'create':
        company = pick(chance, [row for row in alive if row['type'] == 'company'])
        name = f'Desk{chance.randrange(10**6)}'
        return CreateRecord('contact', {'last_name': name}, company['id']) if company else None
    name = chance.choice(VALUES[row['type']])
    return WriteFields(_ref(row), {name: _value(name, admins, chance)}, 'because')


def _ref(row: Any) -> RecordRef:
    return RecordRef(row['type'], row['id'])


def _value(name: str, admins: list[int], chance: random.Random) -> Any:
    if name == 'sales_person_id':
        return pick(chance, admins)
    if name == 'status':
        return chance.choice(('open', 'won', 'lost'))
    return f'Desk {chance.randrange(3)}'
