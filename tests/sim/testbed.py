"""A house that is set back to its first day in milliseconds: one database, one world, two workers, a seed each.

The state after first contact is kept (tables in a schema of their own, the world as JSON), so that a seed costs what
it does and not what the set-up does. A second database is there to fold the log into (I14).
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import httpx2

from hermes.db.catalogue import KnowledgeCache
from hermes.db.inbox import Inbox
from hermes.db.pool import Database
from hermes.db.reads.health import Vitals
from hermes.kit.clock import ManualClock
from hermes.parts import assembly as parts
from hermes.parts.systems import sources
from hermes.sandbox.app import SandboxTransport
from hermes.sandbox.app import create_app as create_sandbox
from hermes.sandbox.scenarios import demo
from hermes.sandbox.weather import Weather
from hermes.sandbox.world import World
from hermes.sync.engine import Engine
from hermes.web.application import create_app
from tests import folding
from tests.flows.house import HERMES, SECRETS, START, House, settings_for
from tests.sim.gate import Gate, GateTransport
from tests.sim.swift import SwiftDatabase

KEEP = """
create schema base;
do $$ declare t text; begin
  for t in select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version' loop
    execute format('create table base.%I as table public.%I', t, t);
  end loop; end $$;
create table base_numbers as select (select last_value from record_id) as record_id, (select last_value from
  applied_seq) as applied_seq,
  (select coalesce(max(id), 0) from public.event) as event;
create function set_back() returns void language plpgsql as $$ declare t text; n record; begin
  set local session_replication_role = replica;
  for t in select tablename from pg_tables where schemaname = 'base' loop
    execute format('delete from public.%I', t);
    execute format('insert into public.%I overriding system value select * from base.%I', t, t);
  end loop;
  select * into n from base_numbers;
  perform setval('record_id', n.record_id), setval('applied_seq', n.applied_seq), setval('event_id_seq', n.event + 1,
    false);
end $$;
"""

GUARD = """
create schema simulated;
create table simulated.trespass (what text);
create function simulated.guard() returns trigger language plpgsql as $$ declare me text; begin
  me := current_setting('simulated.worker', true);
  if me <> '' and new.fence = old.fence and old.leased_by is distinct from me
    and (new.done, new.intent, new.leased_by) is distinct from (old.done, old.intent, old.leased_by)
    and not exists (select 1 from company where id = old.record_id and alias_of is not null union all
      select 1 from contact where id = old.record_id and alias_of is not null union all
      select 1 from deal where id = old.record_id and alias_of is not null) then
    insert into simulated.trespass values (format('%s wrote the push of %s %s, which %s holds', me, old.record_type,
      old.record_id, coalesce(old.leased_by, 'nobody')));
  end if;
  return new;
end $$;
create trigger simulated_guard before update on push for each row execute function simulated.guard();
"""
"""I11, at the table itself: whoever records the end of a push holds its lease, unless its record was merged away."""


class WebClock(ManualClock):
    """The testbed's time for whoever waits in the background: waiting takes real time and moves nobody's clock."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock.now())
        self.clock = clock

    def now(self) -> datetime:
        return self.clock.now()

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(duration_s)


@dataclass
class Testbed:
    """A house with two workers, each behind its gate, and everything needed to begin again."""

    __test__ = False
    house: House
    gates: list[Gate]
    shadow: Engine
    """An engine on a second, empty database, for folds."""
    looking: Database
    """The house's own database, for looking without a gate."""
    reached: Counter[str] = field(default_factory=Counter)
    crashed: Counter[str] = field(default_factory=Counter)
    kept_world: str = ''
    folded_to: int = 0
    runs: int = 0

    async def keep(self) -> None:
        """Remember this moment: `begin` leads back to it. The log so far is folded into the shadow."""
        self.kept_world = json.dumps(self.house.world.dump())
        await folding.copy_log(self.house.engine.database, self.shadow.database)
        await folding.fold(self.shadow)
        [row] = await self.house.rows('select coalesce(max(applied_seq), 0) as n from event')
        self.folded_to = row['n']
        for database in (self.house.engine.database, self.shadow.database):
            async with database.transaction() as connection:
                await connection.execute(KEEP)
        await self.house.engine.database.execute(GUARD)

    async def begin(self, seed: int) -> None:
        """Back to the kept moment, with the chance of this seed."""
        house = self.house
        self.runs += 1
        for number, engine in enumerate((*house.engines, self.shadow)):
            engine.knowledge = KnowledgeCache()
            engine.ids.clear()
            engine.chance = random.Random(seed * 10 + number)
        async with house.engine.database.transaction() as connection:
            await connection.execute('select set_back()')
            await connection.execute('delete from simulated.trespass')
        if self.runs % 20 == 0:
            await self._vacuum()
        house.clock._now = START + timedelta(days=1)
        house.world.chance = random.Random(seed)
        house.world.weather = Weather.preset('calm')
        house.world.raise_systems()
        house.world.load(json.loads(self.kept_world))
        house.world.outbox.early_post = house.post
        house.mark()
        for number, gate in enumerate(self.gates):
            gate.chance = random.Random(seed * 100 + number)
            gate.told = []

    async def _vacuum(self) -> None:
        for database in (self.looking, self.shadow.database):
            await cast(SwiftDatabase, database).alone('vacuum')

    async def set_shadow_back(self) -> None:
        async with self.shadow.database.transaction() as connection:
            await connection.execute('select set_back()')
        self.shadow.knowledge = KnowledgeCache()
        self.shadow.ids.clear()


@asynccontextmanager
async def open_testbed(database_url: str, shadow_url: str) -> AsyncIterator[Testbed]:
    """A connected house with two workers and all custom fields, and no companies yet; kept at that moment."""
    clock = ManualClock(START)
    world = World(clock, random.Random(1), HERMES, SECRETS, Weather.preset('calm'))
    demo.bare(world)
    settings = settings_for(database_url)
    transport = SandboxTransport(create_sandbox(world))
    reached: Counter[str] = Counter()
    crashed: Counter[str] = Counter()
    gates = [Gate(clock, reached, crashed) for _ in range(2)]
    engines = [
        parts.build_engine(
            settings,
            clock=clock,
            chance=random.Random(number),
            transport=GateTransport(transport, gate),
            worker=f'worker-{number}',
        )
        for number, gate in enumerate(gates)
    ]
    for engine, gate in zip(engines, gates, strict=True):
        engine.database = SwiftDatabase(database_url, clock, engine.worker)
        engine.database.hook = gate.commit
    shadow = parts.build_engine(
        settings_for(shadow_url), clock=clock, chance=random.Random(3), transport=transport, worker='fold'
    )
    shadow.database = SwiftDatabase(shadow_url, clock, shadow.worker)
    inbox = Inbox(database_url, WebClock(clock))
    application = create_app(inbox, sources(settings), Vitals(database_url), WebClock(clock))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(application.router.lifespan_context(application))
        web = await stack.enter_async_context(
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=application), base_url=HERMES, trust_env=False)
        )
        for engine in (*engines, shadow):
            await engine.database.open()
            stack.push_async_callback(engine.database.close)
        house = House(clock, world, engines[0], web, settings, transport, engines=engines)
        world.outbox.early_post = house.post
        await house.connect()
        look = SwiftDatabase(database_url, clock)
        await look.open()
        stack.push_async_callback(look.close)
        testbed = Testbed(house, gates, shadow, look, reached, crashed)
        await testbed.keep()
        yield testbed


def pick(chance: random.Random, things: Any) -> Any:
    """One of them, in a stable order; None when there is none."""
    found = list(things)
    return found[chance.randrange(len(found))] if found else None
