"""One seed's life: acts, deliveries, steps of two workers, weather, stops and deaths, in an order that chance draws.

Then the weather stops, everything that was lost is healed as in life (snapshots, a sweep), and the world comes to rest.
"""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hermes.sync import sweep
from hermes.sync.ingest import ingest_step
from hermes.sync.push import LostLeaseError, push_step
from hermes.sync.resolve import reread_step
from tests.sim import acts, erasures, operators
from tests.sim.testbed import Testbed, pick

STEPS: list[tuple[Any, int]] = [(ingest_step, 5), (push_step, 5), (reread_step, 2), (sweep.sweep_step, 1)]
BY_NAME = {'ingest': ingest_step, 'push': push_step, 'reread': reread_step, 'sweep': sweep.sweep_step}
REST_S = 1800.0


LENGTHS = (20, 30, 45, 70)
CALM, LATE = 'calm', 'late'
WEATHERS = (CALM, 'rough', 'storm', LATE)
LATE_STORM = {'lost_answer_p': 0.25, 'error_after_p': 0.10, 'delayed_p': 0.8, 'delay_max_s': 60.0}
"""Many outcomes are unknown, and the webhooks that would tell are late."""
SOON_S = 10.0
"""Webhooks that are due within this time arrive in any order."""


@dataclass(frozen=True)
class Life:
    """A seed, or what is left of it: its moves (None: all of them), its weather, and whether workers stop and die."""

    seed: int
    moves: tuple[int, ...] | None = None
    weather: str = ''
    quiet: bool = False
    erasing: float = 0.0
    """How likely an operator erases somebody after a move."""


@dataclass
class Story:
    """What happened, in order, for whoever reads a failing seed."""

    life: Life
    moves: tuple[int, ...] = ()
    lines: list[str] = field(default_factory=list)
    dropped: bool = False

    def tell(self, line: str, number: int | None = None) -> None:
        if line:
            self.lines.append(line if number is None else f'{number}: {line}')


async def live(testbed: Testbed, life: Life) -> Story:
    """Live one seed to the end of its weather and let it come to rest. Every move has a chance of its own, so that the
    others stay what they are when one is left out.
    """
    seed = life.seed
    await testbed.begin(seed)
    chance = random.Random(seed)
    length, drawn = chance.choice(LENGTHS), chance.choice(WEATHERS)
    story = Story(life, tuple(range(length)) if life.moves is None else life.moves)
    set_weather(testbed, life.weather or drawn)
    stormy = chance.random() < 0.8 and not life.quiet
    for gate in testbed.gates:
        gate.crash_p, gate.pause_p = (
            (chance.choice((0.0, 0.02, 0.05)), chance.choice((0.0, 0.1, 0.3))) if stormy else (0.0, 0.0)
        )
    story.tell(f'weather {life.weather or drawn}, gates {[(gate.crash_p, gate.pause_p) for gate in testbed.gates]}')
    for number in story.moves:
        story.tell(await move(testbed, random.Random(f'{seed}:{number}'), story), number)
        luck = random.Random(f'{seed}:{number}:erasing')
        if luck.random() < life.erasing:
            story.tell(await erasures.erase(testbed, luck), number)
    await rest(testbed, story)
    return story


def set_weather(testbed: Testbed, name: str) -> None:
    weather = testbed.house.world.weather
    weather.change(name='storm' if name == LATE else name)
    if name == LATE:
        weather.change(**LATE_STORM)


async def move(testbed: Testbed, chance: random.Random, story: Story) -> str:
    """One move of somebody."""
    luck = chance.random()
    house = testbed.house
    if luck < 0.4 and sum(gate.busy for gate in testbed.gates) == 1:
        return await meanwhile(testbed, chance, story)
    if luck < 0.28:
        return acts.act(house, chance)
    if luck < 0.48:
        return await deliver(testbed, chance, story)
    if luck < 0.52:
        return await operators.act(testbed, chance)
    if luck < 0.60:
        seconds = chance.choice((0.01, 0.3, 1.0, 1.0, 2.5, 6.0, 12.0, 25.0))
        house.clock.advance(seconds)
        return f'{seconds} s pass'
    return await turn(testbed, chance.randrange(len(testbed.gates)), chance)


MOST_AT_ONCE = 6
SENDING = """
select c.tc2_cligency_id as client from push p join company c on c.id = p.graph_id where p.leased_by is not null
group by 1 order by 1
"""


async def meanwhile(testbed: Testbed, chance: random.Random, story: Story) -> str:
    """While one worker stands still, the client changes that it is sending, and the other worker takes that in."""
    [other] = [number for number, gate in enumerate(testbed.gates) if not gate.busy]
    rows = await testbed.looking.fetch(SENDING)
    clients = [testbed.house.tc2.clients.get(row['client']) for row in rows]
    client = pick(chance, [client for client in clients if client is not None and not client.deleted])
    if client is None:
        return ''
    testbed.house.clock.advance(1.0)
    testbed.house.tc2.pay_invoice(client.id)
    for _ in range(MOST_AT_ONCE):
        await deliver(testbed, chance, story)
    await guard(testbed.gates[other].start(ingest_step(testbed.house.engines[other])))
    return f'meanwhile client {client.id} pays; worker {other} takes it in'


async def deliver(testbed: Testbed, chance: random.Random, story: Story) -> str:
    """Carry a webhook that is under way, whichever comes first; or one of the past once more; or lose one."""
    outbox = testbed.house.world.outbox
    luck = chance.random()
    if luck < 0.15 and outbox.sent:
        delivery = pick(chance, outbox.sent)
        await testbed.house.post(delivery)
        return f'delivered once more: {described(delivery.body)}'
    soon = testbed.house.clock.now() + timedelta(seconds=SOON_S)
    waiting = sorted(outbox.waiting, key=lambda one: one.number)
    delivery = pick(chance, [one for one in waiting if one.due_at <= soon])
    if delivery is None:
        return ''
    outbox.waiting.remove(delivery)
    if (
        luck > 0.97
        and b'DELETED_A_CLIENT' not in delivery.body
        and b'RECOVERED' not in delivery.body
        and delivery.system == 'tutorcruncher'
    ):
        story.dropped = True
        return f'lost: {described(delivery.body)}'
    await outbox._deliver(delivery, testbed.house.post)
    return f'delivered: {described(delivery.body)}'


def described(body: bytes) -> str:
    """A delivery in one line."""
    import json

    told = json.loads(body)
    if 'meta' in told:
        meta = told['meta']
        return (
            f'{meta["entity"]} {meta["entity_id"]} {meta["action"]} {meta["timestamp"][14:23]} by '
            f'{meta["change_source"]}'
        )
    first = told['events'][0]
    return f'{first["action"]} {first["subject"].get("id")}'


async def turn(testbed: Testbed, number: int, chance: random.Random) -> str:
    """The next piece of work of one worker: until its step ends, or stands still."""
    gate, engine = testbed.gates[number], testbed.house.engines[number]
    before = len(gate.told)
    if gate.busy:
        what = f'worker {number} goes on from {gate.at}'
        await guard(gate.resume())
    else:
        step = chance.choices([one for one, _ in STEPS], [weight for _, weight in STEPS])[0]
        what = f'worker {number}: {step.__name__}'
        await guard(gate.start(step(engine)))
    return '; '.join([what, *gate.told[before:]])


async def guard(work: Any) -> Any:
    """A worker that lost its lease goes on with something else, as in life."""
    try:
        return await work
    except LostLeaseError:
        return True


async def rest(testbed: Testbed, story: Story) -> None:
    """The weather stops, nobody dies any more, what was lost is healed, and everything comes to rest."""
    house = testbed.house
    for gate in testbed.gates:
        gate.crash_p = gate.pause_p = 0.0
        while gate.busy:
            await guard(gate.resume())
    house.world.weather.change(name='calm')
    if story.dropped:
        house.tc2.send_all_snapshots()
    await settle(testbed)


DUE = """
select
  (select min(due_at) from event where state in ('new', 'waiting')) as ingest,
  (select min(greatest(p.due_at, p.leased_until, s.blocked_until)) from push p left join system_state s using (system)
    where p.wanted > p.done and p.state = 'ready' and not coalesce(s.paused, false)) as push,
  (select min(greatest(m.reread_at, s.blocked_until)) from mirror m left join system_state s using (system)
    where m.reread_at is not null and not coalesce(s.paused, false)) as reread,
  (select min(case when finished_at is null then started_at else finished_at + interval '31 seconds' end) from sweep
    where state = 'running') as sweep
"""
"""When each kind of work is due next: settling turns only the steps that have something to do."""


async def settle(testbed: Testbed) -> None:
    """Go on until nothing is due within REST_S; the two workers take turns."""
    house = testbed.house
    end_at = house.clock.now() + timedelta(seconds=REST_S)
    due: dict[str, Any] = {}
    for number in range(1500):
        await house.world.outbox.deliver_due(house.post)
        [due] = await testbed.looking.fetch(DUE)
        now = house.clock.now()
        engine = house.engines[number % len(house.engines)]
        ready = [name for name, at in due.items() if at is not None and at <= now]
        worked = False
        for name in ready:
            worked |= bool(await guard(BY_NAME[name](engine)))
        if worked or (house.world.outbox.waiting and (house.world.outbox.next_due_at() or now) <= now):
            continue
        times = [at for at in (*due.values(), house.world.outbox.next_due_at()) if at is not None]
        if not times or min(times) > end_at:
            return
        house.clock.move_to(max(min(times), now + timedelta(milliseconds=50)))
    last = [(call.method, call.path, call.status) for call in house.calls()[-3:]]
    raise AssertionError(f'Hermes and its world do not come to rest: {due}, {last}')
