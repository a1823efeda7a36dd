"""After the rest: one outside change causes at most one write per object and then nothing (I6), what changes nothing
costs nothing (I9), and edits in a burst go out as one (I10).
"""

import random
from collections import Counter
from typing import Any

from tests.flows.house import PRIYA_PD
from tests.sim.life import settle
from tests.sim.testbed import Testbed, pick

WRITES = ('POST', 'PATCH', 'DELETE')


async def check(testbed: Testbed, seed: int) -> list[str]:
    """What is wrong with the calls that follow from one change."""
    chance = random.Random(seed + 7)
    return [*await _nothing(testbed), *await _burst(testbed, chance), *await _crm_edit(testbed, chance)]


async def _nothing(testbed: Testbed) -> list[str]:
    """I9: every client's snapshot, and the last webhooks again."""
    testbed.house.mark()
    testbed.house.tc2.send_all_snapshots()
    if testbed.house.tc2.integration.messages:
        testbed.house.tc2.resend_last(2)
    for delivery in list(testbed.house.world.outbox.sent)[-6:]:
        await testbed.house.post(delivery)
    await settle(testbed)
    return [f'I9: nothing changed, and {call.method} {call.path} was called' for call in testbed.house.calls()]


async def _burst(testbed: Testbed, chance: random.Random) -> list[str]:
    """I6, I10: five edits at once in TutorCruncher, one write per object, the latest value."""
    house = testbed.house
    client: Any = pick(chance, [one for one in house.tc2.clients.values() if not one.deleted])
    if client is None:
        return []
    house.clock.advance(60)
    house.mark()
    for number in range(5):
        house.tc2.pay_invoice(client.id)
        house.clock.advance(0.01 * number)
    await settle(testbed)
    return _writes(testbed, 'five edits of TutorCruncher in a burst')


async def _crm_edit(testbed: Testbed, chance: random.Random) -> list[str]:
    """I6: a person's edit of a name, and of a field that TutorCruncher owns, which is corrected once."""
    house = testbed.house
    row = pick(chance, house.pd.live('organization').values())
    if row is None:
        return []
    house.clock.advance(60)
    house.mark()
    code = next(
        code for code, one in house.pd.catalogues['organization'].fields.items() if one['field_name'] == 'tc2_status'
    )
    house.pd.act_update(
        'organization', row['id'], {'name': 'Edited In The End', 'custom_fields': {code: 'nonsense'}}, PRIYA_PD
    )
    await settle(testbed)
    return _writes(testbed, 'an edit of an organisation')


def _writes(testbed: Testbed, what: str) -> list[str]:
    writes = Counter(
        (call.method, call.path, str(call.request) if call.method == 'POST' else '')
        for call in testbed.house.calls()
        if call.method in WRITES
    )
    return [
        f'I6: {what} caused {count} times {method} {path}' for (method, path, _), count in writes.items() if count > 1
    ]
