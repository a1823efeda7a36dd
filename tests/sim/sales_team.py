"""A sales team at work for days, drawn by a seed: edits, moves, merges, deletions, deals won and lost and opened again,
while TutorCruncher goes on, webhooks fail for an hour, and a ban comes (`python -m tests.sim --team SEED`).

In the end the weather is calm and one night's listings have run: then Hermes, the CRM and the mirrors are equal field
by field (I7), what a person wrote last still stands (EDIT-1), nothing echoes (I6), the budget was kept (I8).
"""

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hermes.sandbox.pipedrive.answers import Refused as CrmRefused
from hermes.sandbox.tutorcruncher.account import Refused as ClientRefused
from hermes.sync import sweep
from hermes.sync.ingest import ingest_step
from hermes.sync.push import push_step
from hermes.sync.resolve import reread_step
from hermes.sync.schedules import Schedules
from hermes.sync.subscription import Door
from tests import postgres
from tests.flows.house import HERMES, MARCUS, MARCUS_PD, PRIYA, PRIYA_PD, SECRETS
from tests.sim import checks, echo, evidence, shrink
from tests.sim.life import Life, guard, set_weather, settle
from tests.sim.testbed import Testbed, open_testbed, pick

KINDS = ('organization', 'person', 'deal')
CLIENTS, BORN = 10, 14
"""How many clients sign up at most, and how many objects of a kind there are before the team stops making more."""
AT_ONCE = 6
"""Rounds of work between two acts; what is not done by then waits."""
OWNED = ('custom:utm_source',)
"""What TutorCruncher owns: a person's edit is corrected (FIELD-3)."""
HOUR = timedelta(hours=1)
ASKED = "select * from decision where kind = 'merged?' and state = 'open' order by id limit 1"
JOINED = ('emails', 'phones', 'custom:website', 'custom:utm_source')
"""What a merge joins in the survivor instead of keeping its own."""


@dataclass
class Edit:
    """What a person wrote into one field of one object last."""

    value: Any
    at: datetime
    told: bool
    """Whether a webhook of it left. They come in any order and late, but they come."""


@dataclass
class Book:
    """What the team and TutorCruncher did."""

    edits: dict[tuple[str, int, str], Edit] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    deaf_until: datetime | None = None
    calls: Counter[str] = field(default_factory=Counter)
    tokens: int = 0


class Team:
    """The people. `merges`: whether they merge, too."""

    def __init__(self, testbed: Testbed, seed: int, *, merges: bool = True) -> None:
        self.testbed, self.house, self.seed = testbed, testbed.house, seed
        self.book = Book()
        door = Door(f'{HERMES}/pipedrive/callback/', SECRETS.pd_webhook_user, SECRETS.pd_webhook_password)
        self.calendar = Schedules(testbed.house.engine, 400, doors={'pipedrive': door})
        self.merges = merges
        self.next_listing_at = testbed.house.clock.now() + HOUR

    async def act(self, number: int) -> None:
        """The act of this number, and what follows from it within a minute or an hour."""
        chance = random.Random(f'{self.seed}:{number}')
        weights = {
            self.edit: 40, self.move: 8, self.deal: 16, self.make: 8, self.delete: 3, self.undelete: 3,
            self.merge: 4 if self.merges else 0, self.client: 12, self.sign_up: 4, self.snapshots: 3,
            self.deafness: 0.6, self.ban: 0.2,
        }  # fmt: skip
        chosen = chance.choices(list(weights), list(weights.values()))[0]
        try:
            told = chosen(chance)
        except (CrmRefused, ClientRefused) as error:
            told = f'{chosen.__name__}: refused ({error})'
        self.book.done[chosen.__name__] += bool(told)
        if told:
            self.book.lines.append(f'{number} {self.house.clock.now():%d %H:%M:%S}: {told}')
        self.house.clock.advance(chance.choice((0.2, 1.1, 3.0, 20.0, 90.0)))
        await self.work()

    async def work(self) -> None:
        """What Hermes does meanwhile: its two workers take turns, and the calendar goes on."""
        house, now = self.house, self.house.clock.now()
        if self.book.deaf_until is not None and now >= self.book.deaf_until:
            house.pd.act_webhooks(on=True)
            self.book.deaf_until = None
        if now >= self.next_listing_at:
            self.next_listing_at = now + HOUR
            await self.calendar.check_webhooks()
            await self.calendar.watch()
            await self.calendar.list_changes()
        for number in range(AT_ONCE):
            await house.world.outbox.deliver_due(house.post)
            engine = house.engines[number % len(house.engines)]
            worked = False
            for step in (ingest_step, reread_step, push_step, sweep.sweep_step):
                worked |= bool(await guard(step(engine)))
            if not worked and number:
                return

    def _row(self, chance: random.Random, kind: str, *, deleted: bool = False) -> Any:
        rows = self.house.pd.tables[kind].values()
        return pick(chance, [row for row in rows if row['is_deleted'] is deleted and not row.get('_merged_to')])

    def _write(self, kind: str, row: Any, name: str, value: Any) -> str:
        """A person writes one field; the book keeps what then stands there."""
        custom = name.partition('custom:')[2]
        code = self.house.code(kind, custom) if custom else name
        lost, before = self.house.pd.subscriptions.lost, self._stands(kind, row['id'], name)
        self.house.pd.act_update(
            kind, row['id'], {'custom_fields': {code: value}} if custom else {name: value}, PRIYA_PD
        )
        told = self.house.pd.subscriptions.lost == lost and bool(self.house.pd.subscriptions.rows)
        stands = self._stands(kind, row['id'], name)
        if stands != before:
            self.book.edits[kind, row['id'], name] = Edit(stands, self.house.clock.now(), told)
        return f'{kind} {row["id"]}: {name} = {value!r}'

    def _stands(self, kind: str, number: int, name: str) -> Any:
        row, custom = self.house.pd.tables[kind][number], name.partition('custom:')[2]
        return row['custom_fields'].get(self.house.code(kind, custom)) if custom else row[name]

    def edit(self, chance: random.Random) -> str:
        kind = chance.choice(KINDS)
        row = self._row(chance, kind)
        if row is None:
            return ''
        number = self.book.done['edit']
        choices: dict[str, dict[str, Any]] = {
            'organization': {
                'name': f'Org {row["id"]} v{number}',
                'owner_id': chance.choice((PRIYA_PD, MARCUS_PD)),
                'custom:website': f'https://o{number}.example',
                'custom:utm_source': f'u{number}',
            },
            'person': {
                'name': f'Pat V{number}',
                'emails': [{'value': f'v{number}@p{row["id"]}.example', 'primary': True}],
                'phones': [{'value': f'+44 20 7946 0{number % 1000:03d}', 'primary': True}],
            },
            'deal': {'title': f'Deal {row["id"]} v{number}', 'owner_id': chance.choice((PRIYA_PD, MARCUS_PD))},
        }
        name = chance.choice(list(choices[kind]))
        return self._write(kind, row, name, choices[kind][name])

    def move(self, chance: random.Random) -> str:
        """A person or a deal goes to another organisation."""
        kind = chance.choice(('person', 'deal'))
        row, target = self._row(chance, kind), self._row(chance, 'organization')
        return self._write(kind, row, 'org_id', target['id']) if row and target else ''

    def deal(self, chance: random.Random) -> str:
        """A deal is won, lost, opened again, or goes to another stage, perhaps of another pipeline."""
        row = self._row(chance, 'deal')
        if row is None:
            return ''
        if chance.random() < 0.5:
            return self._write('deal', row, 'status', chance.choice(('won', 'lost', 'open')))
        stage = pick(chance, self.house.pd.live('stage').values())
        return self._write('deal', row, 'stage_id', stage['id'])

    def make(self, chance: random.Random) -> str:
        kind = chance.choice(KINDS)
        number, target = self.house.pd.last_ids[kind] + 1, self._row(chance, 'organization')
        if len(self.house.pd.live(kind)) >= BORN or (target is None and kind != 'organization'):
            return ''
        bodies: dict[str, dict[str, Any]] = {
            'organization': {'name': f'Team Org {number}', 'owner_id': PRIYA_PD},
            'person': {'name': f'Team Person{number}', 'emails': [{'value': f'team{number}@t.example'}]},
            'deal': {'title': f'Team Deal {number}', 'owner_id': PRIYA_PD},
        }
        under = {} if kind == 'organization' else {'org_id': target['id']}
        made = self.house.pd.act_create(kind, bodies[kind] | under, PRIYA_PD)
        return f'{kind} {made["id"]}: made'

    def delete(self, chance: random.Random) -> str:
        kind = chance.choice(KINDS)
        row = self._row(chance, kind)
        if row is None or len(self.house.pd.live(kind)) < 3:
            return ''
        self.house.pd.act_delete(kind, row['id'], PRIYA_PD)
        return f'{kind} {row["id"]}: deleted'

    def undelete(self, chance: random.Random) -> str:
        kind = chance.choice(KINDS)
        row = self._row(chance, kind, deleted=True)
        if row is None:
            return ''
        self.house.pd.act_undelete(kind, row['id'], PRIYA_PD)
        return f'{kind} {row["id"]}: undeleted'

    def merge(self, chance: random.Random) -> str:
        kind = chance.choice(KINDS)
        loser, survivor = self._row(chance, kind), self._row(chance, kind)
        if loser is None or loser is survivor or len(self.house.pd.live(kind)) < 4:
            return ''
        self.house.pd.act_merge(kind, loser['id'], survivor['id'], PRIYA_PD)
        for of, number, name in list(self.book.edits):
            if (of, number) == (kind, loser['id']) or ((of, number) == (kind, survivor['id']) and name in JOINED):
                del self.book.edits[of, number, name]
        return f'{kind} {loser["id"]}: merged into {survivor["id"]}'

    def sign_up(self, chance: random.Random) -> str:
        number = len(self.house.tc2.clients) + 1
        if number > CLIENTS:
            return ''
        email = f'owner@office{number}.example'
        people = [{'first_name': 'Ana', 'last_name': f'Office{number}', 'email': f'ana@office{number}.example'}]
        client = self.house.tc2.sign_up(
            f'Office {number} Tutors', sales_person=chance.choice((PRIYA, MARCUS)), email=email, recipients=people
        )
        return f'client {client.id}: signs up'

    def client(self, chance: random.Random) -> str:
        """TutorCruncher goes on by itself."""
        client = pick(chance, [one for one in self.house.tc2.clients.values() if not one.deleted])
        if client is None:
            return self.sign_up(chance)
        what, number = chance.choice(('pay', 'pay', 'website', 'status', 'sales', 'utm')), self.book.done['client']
        if what == 'pay':
            self.house.tc2.pay_invoice(client.id)
            return f'client {client.id}: pays'
        if what == 'website':
            self.house.tc2.edit_client(client.id, website=f'https://tc{number}.example')
        elif what == 'status':
            self.house.tc2.change_status(client.id, chance.choice(('trial', 'active', 'suspended')))
        elif what == 'sales':
            self.house.tc2.set_admins(client.id, sales_person=chance.choice((PRIYA, MARCUS)))
        else:
            self.house.tc2.set_extra_attr(client.id, 'utm_source', f'tc{number}')
        return f'client {client.id}: {what}'

    def snapshots(self, chance: random.Random) -> str:
        self.house.tc2.send_all_snapshots()
        return 'TutorCruncher sends its snapshots'

    def deafness(self, chance: random.Random) -> str:
        if self.book.deaf_until is not None:
            return ''
        self.house.pd.act_webhooks(on=False)
        self.book.deaf_until = self.house.clock.now() + HOUR
        return 'the CRM sends no webhooks for an hour'

    def ban(self, chance: random.Random) -> str:
        self.house.pd.act_ban()
        return 'the CRM bans our webhooks for half an hour'

    async def night(self) -> None:
        """The weather stops; webhooks are on again; TutorCruncher's snapshots come, and the night's listings run."""
        house = self.house
        set_weather(self.testbed, 'calm')
        house.pd.act_webhooks(on=True)
        await settle(self.testbed)
        house.clock.advance(HOUR.total_seconds())
        house.tc2.send_all_snapshots()
        await self.calendar.check_webhooks()
        await self.calendar.list_changes()
        await settle(self.testbed)
        await self.calendar.list_all()
        await settle(self.testbed)
        await self.answer()

    async def answer(self) -> None:
        """An operator answers, truthfully, what no listing tells: whether it was merged in a gap (PD-GAP-1)."""
        while open_now := await self.house.rows(ASKED):
            asked = open_now[0]
            _, kind, number = asked['detail']['object']
            row = self.house.pd.tables[kind][int(number)]
            while row.get('_merged_to'):
                row = self.house.pd.tables[kind][row['_merged_to']]
            alive = {'choice': 'accept', 'value': str(row['id'])}
            choice = {'choice': 'deleted'} if row['is_deleted'] else alive
            record = [asked['record_type'], asked['record_id']] if asked['record_type'] else None
            told = {'kind': asked['kind'], 'key': asked['key'], 'record': record, 'detail': asked['detail']}
            await self.house.act('decision.settle', **told, **choice)
            self.book.lines.append(f'an operator says of {kind} {number}: {choice}')
        await settle(self.testbed)

    async def reverted(self) -> list[str]:
        """EDIT-1, PD-RACE-1: what a person wrote last into a field was not written over by Hermes, unless it is
        TutorCruncher's own (FIELD-3).

        One exemption: the edit's own webhook was lost (the CRM was deaf or had banned us), and nothing else that came
        from the CRM, neither a webhook nor an answer, showed the value before Hermes wrote over it. A write says only
        the fields that Hermes wants changed and no call is conditional, so nobody can know of such an edit, and
        afterwards it stands nowhere: no line of the specification could ask for it. The same goes where the first to
        show it was the webhook of a merge, whose values are no person's by EDIT-1.
        """
        wrong = []
        for (kind, number, name), edit in self.book.edits.items():
            row = self.house.pd.tables[kind][number]
            if name in OWNED or row['is_deleted'] or self._stands(kind, number, name) == edit.value:
                continue
            place = evidence.Place(self.house, kind, number, name)
            written = next((call for call in place.writes() if call.at >= edit.at), None)
            if written is not None and (edit.told or await place.showed(edit.value, edit.at, written)):
                wrong.append(
                    f'EDIT-1: {kind} {number} {name} was {edit.value!r} by a person at {edit.at:%d %H:%M:%S}, '
                    f'Hermes wrote over it at {written.at:%d %H:%M:%S}, {self._stands(kind, number, name)!r} stands'
                )
        return wrong

    def overspent(self) -> list[str]:
        """I8."""
        state = self.house.pd.state()
        return [f'I8: {name} is {state[name]}' for name in ('overruns', 'daily_overruns', 'blocks') if state[name]]


async def play(testbed: Testbed, life: Life, actions: int, *, merges: bool = True) -> tuple[Team, list[str]]:
    """A team's days, and what is wrong in the end."""
    await testbed.begin(life.seed)
    for gate in testbed.gates:
        gate.crash_p = gate.pause_p = 0.0
    team = Team(testbed, life.seed, merges=merges)
    set_weather(testbed, life.weather or 'storm')
    for number in life.moves if life.moves is not None else range(actions):
        await team.act(number)
    await team.night()
    wrong = [*await checks.check(testbed), *await team.reverted(), *team.overspent()]
    wrong += await checks.check_fold(testbed)
    team.book.calls = Counter(call.method for call in testbed.house.calls())
    team.book.tokens = sum(call.token_cost for call in testbed.house.calls())
    return team, wrong or await echo.check(testbed, life.seed)


async def main(text: str, actions: int, *, merges: bool = True, small: bool = True) -> int:
    """Print what a team did and what is wrong. Returns the exit code."""
    began = time.monotonic()
    life = shrink.read(text) or Life(0)
    with postgres.start_server() as server:
        postgres.make_template(server)
        with postgres.fresh_database(server) as url, postgres.fresh_database(server) as shadow:
            async with open_testbed(url, shadow) as testbed:
                team, wrong = await play(testbed, life, actions, merges=merges)
                if wrong and small and life.moves is None:
                    report(team, life, wrong, story=False)
                    kind = wrong[0].split(':')[0]

                    async def fails(less: Life) -> bool:
                        try:
                            _, found = await play(testbed, less, actions, merges=merges)
                        except AssertionError as error:
                            found = [str(error)]
                        return bool(found) and found[0].split(':')[0] == kind

                    life = await shrink.shrink(life, tuple(range(actions)), fails)
                    team, wrong = await play(testbed, life, actions, merges=merges)
                report(team, life, wrong, story=life.moves is not None)
    print(f'{time.monotonic() - began:.0f} s')
    return 1 if wrong else 0


def report(team: Team, life: Life, wrong: list[str], *, story: bool) -> None:
    line = shrink.write(life)
    for told in team.book.lines if story else ():
        print(f'      {told}')
    print(f'acts: {dict(team.book.done.most_common())}')
    print(f'calls: {dict(team.book.calls)}, tokens {team.book.tokens}')
    print(f'{"FAILED" if wrong else "passed"} team {line}  (again: python -m tests.sim --team "{line}")')
    for complaint in wrong[:20]:
        print(f'   {complaint}')
