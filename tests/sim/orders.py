"""I5: the same deliveries in another order, with duplicates, on a database that was set back, end in the same state.

The state is compared without ids of ours: a record is known by the remote objects that are linked to it. What is
deleted or merged away counts as not there: an object whose deletion comes first never becomes a record (PD-ORG-4).
"""

import contextlib
import random
from typing import Any

from hermes.db import graphs
from hermes.domain.model import RemoteRef
from hermes.sandbox.pipedrive.answers import Refused
from hermes.sync.ingest import ingest_step
from hermes.sync.resolve import reread_step
from tests.flows.house import MARCUS_PD, PRIYA_PD
from tests.sim.testbed import Testbed

MOST_ACTS = 3
MERGES = True
"""Whether organisations are merged among the acts."""


def family(testbed: Testbed, chance: random.Random) -> list[Any]:
    """The webhooks about two organisations, a person and a deal, all of them, not delivered yet. None is left out: what
    it tells could come to light by a read, or not, in one order and not in another.
    """
    house, account = testbed.house, testbed.house.pd
    organization = account.act_create('organization', {'name': 'Order Tutors', 'owner_id': PRIYA_PD}, PRIYA_PD)
    house.clock.advance(1.2)
    other = account.act_create('organization', {'name': 'Other Tutors', 'owner_id': MARCUS_PD}, PRIYA_PD)
    house.clock.advance(1.2)
    person = account.act_create('person', {'name': 'Ana Order', 'org_id': organization['id']}, PRIYA_PD)
    house.clock.advance(1.2)
    deal = account.act_create(
        'deal', {'title': 'Order Deal', 'org_id': organization['id'], 'person_id': person['id']}, PRIYA_PD
    )
    acts = [
        lambda: account.act_update(
            'organization', organization['id'], {'name': f'Renamed {chance.randrange(9)}'}, PRIYA_PD
        ),
        lambda: account.act_update('person', person['id'], {'name': f'Bea Order{chance.randrange(9)}'}, PRIYA_PD),
        lambda: account.act_update('person', person['id'], {'org_id': other['id']}, PRIYA_PD),
        lambda: account.act_update('deal', deal['id'], {'status': chance.choice(('won', 'lost'))}, PRIYA_PD),
        lambda: account.act_update('deal', deal['id'], {'title': f'Deal {chance.randrange(9)}'}, PRIYA_PD),
        lambda: account.act_delete('deal', deal['id'], PRIYA_PD),
        lambda: account.act_delete('person', person['id'], PRIYA_PD),
        lambda: account.act_merge('organization', other['id'], organization['id'], PRIYA_PD),
    ]
    if not MERGES:
        acts.pop()
    chance.shuffle(acts)
    for one in acts[: chance.randint(1, MOST_ACTS)]:
        house.clock.advance(chance.choice((1.2, 1.2, 0.1)))
        with contextlib.suppress(Refused):
            one()
    found = list(house.world.outbox.waiting)
    house.world.outbox.waiting.clear()
    return found


async def take_in(testbed: Testbed, deliveries: list[Any], chance: random.Random) -> dict[str, Any]:
    """Deliver in this order, some together; no push is made. The state by remote objects."""
    house = testbed.house
    for delivery in deliveries:
        await house.post(delivery)
        if chance.random() < 0.7:
            await ingest_step(house.engines[0])
            await reread_step(house.engines[0])
    for _ in range(60):
        worked = await ingest_step(house.engines[0])
        worked += await reread_step(house.engines[0])
        if not worked:
            due_at = (
                await testbed.looking.fetch(
                    "select least((select min(due_at) from event where state in ('new', 'waiting')), (select "
                    'min(reread_at) from mirror)) as at'
                )
            )[0]['at']
            if due_at is None:
                break
            house.clock.move_to(max(due_at, house.clock.now()))
            house.clock.advance(0.01)
    return await state(testbed)


async def state(testbed: Testbed) -> dict[str, Any]:
    async with testbed.looking.transaction() as connection:
        rows = await (await connection.execute('select system, type, remote_id from mirror')).fetchall()
        refs = {RemoteRef(row['system'], row['type'], row['remote_id']) for row in rows}
        graph = await graphs.load(connection, graphs.Wanted(refs=refs), lock=False)
    names = {}
    for record in graph.records.values():
        if not record.gone:
            names[record.ref] = min(
                (':'.join(mirror.ref) for mirror in graph.mirrors_of(record.ref)),
                default=f'{record.ref.type} without objects',
            )
    found: dict[str, Any] = {}
    for ref, mirror in graph.mirrors.items():
        owner = graph.record(mirror.record)
        if ref.type in ('pipeline', 'stage', 'user') or not mirror.live:
            continue
        values = {name: mirror.current(name) for name in sorted(mirror.runs)}
        found[':'.join(ref)] = {'record': names.get(owner.ref) if owner else None, 'values': values}
    by_id = {ref.id: name for ref, name in names.items()}
    for record in graph.records.values():
        if record.ref.type in ('pipeline', 'stage', 'admin') or record.gone:
            continue
        found[f'record {names[record.ref]}'] = {
            name: by_id.get(value) if name in ('company_id', 'contact_id') else value
            for name, value in sorted(record.fields.items())
            if (by_id.get(value) if name in ('company_id', 'contact_id') else value) is not None
        }
    return found


async def check(testbed: Testbed, seed: int, permutations: int = 4) -> list[str]:
    """What differs between the order in which it happened and others."""
    chance = random.Random(seed)
    await testbed.begin(seed)
    deliveries = family(testbed, chance)
    world, now = testbed.house.world.dump(), testbed.house.clock.now()
    expected = await take_in(testbed, deliveries, chance)
    wrong = []
    for number in range(permutations):
        order = [*deliveries, *chance.sample(deliveries, min(2, len(deliveries)))]
        chance.shuffle(order)
        await testbed.begin(seed)
        testbed.house.clock.move_to(now)
        testbed.house.world.raise_systems()
        testbed.house.world.load(world)
        testbed.house.world.outbox.waiting.clear()
        other = await take_in(testbed, order, chance)
        if other != expected:
            told = [delivery.number for delivery in order]
            wrong += [
                f'I5: seed {seed} order {told} ({number}): {key}: {other.get(key)} instead of {expected.get(key)}'
                for key in sorted({*expected, *other})
                if other.get(key) != expected.get(key)
            ][:4]
    return wrong
