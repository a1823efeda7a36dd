"""An operator erases people while everything goes on (S10): whoever was erased stays away, whatever still says their
name afterwards and in whatever order, and the log is folded without them (I14).
"""

import random
from dataclasses import replace
from typing import Any

from hermes.db import connections
from hermes.db.catalogue import KnowledgeCache
from hermes.db.reads import privacy
from hermes.domain.acts import ErasePerson
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef
from hermes.parts.secrets import hash_key
from hermes.sync.acts.commands import carry_out
from tests.sim import checks
from tests.sim.testbed import Testbed, pick

LIVING = "select id from {} where alias_of is null and tombstone ->> 'kind' is distinct from 'erased' order by id"
WHOLE_P = 0.15
"""How often a company goes with all of its people."""


async def erase(testbed: Testbed, chance: random.Random) -> str:
    """Somebody is erased; '' where nobody is there."""
    kind = 'company' if chance.random() < WHOLE_P else 'contact'
    row = pick(chance, await testbed.looking.fetch(LIVING.format(kind)))
    if row is None:
        return ''
    house = testbed.house
    operator = replace(
        house.engines[0], database=testbed.looking, worker='operator', knowledge=KnowledgeCache(), ids=[], tables={}
    )
    try:
        await carry_out(operator, ErasePerson(RecordRef(kind, row['id'])), source='operator', by='the simulator')
    except Refused as refused:
        return f'{kind} {row["id"]} is not erased: {refused}'
    return f'{kind} {row["id"]} is erased'


async def check(testbed: Testbed) -> list[str]:
    """What is wrong when everything has come to rest."""
    house, wrong = testbed.house, []
    with connections.opened(house.settings.database_url) as connection, connections.one_moment(connection):
        for receipt in privacy.list_receipts(connection):
            found = privacy.check(connection, hash_key(house.settings), receipt['id']).found
            wrong += [f'S10: receipt {receipt["id"]}: {one}' for one in found]
    query = (
        'select record_type, record_id from erasure where not exists (select from contact where id = record_id and '
        "tombstone ->> 'kind' = 'erased') and not exists (select from company where id = record_id and "
        "tombstone ->> 'kind' = 'erased')"
    )
    wrong += [f'S10: {row} lives again' for row in await testbed.looking.fetch(query)]
    wrong += await _events(testbed)
    return wrong or await checks.check_fold(testbed)


async def _events(testbed: Testbed) -> list[str]:
    """Nothing waits for somebody who does not come any more."""
    rows: list[dict[str, Any]] = await testbed.looking.fetch(
        "select id, source, kind, state, reason from event where state not in ('done', 'refused') order by id"
    )
    return [f'event {row["id"]} is {row["state"]}: {row["reason"]}' for row in rows]
