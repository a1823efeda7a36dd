"""Bookings under whatever happens: visitors hold, book, move and cancel; the calendar refuses; people drag and delete
events; answers are lost. After each of it nobody is booked twice, and calendar and CRM say what Hermes says.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hermes.db.server.embedded import Server
from hermes.sync.calendars import follow_step
from tests import postgres
from tests.flows import faults
from tests.flows.crashing import REFUSAL
from tests.flows.house import MARCUS, PRIYA, House, open_house
from tests.flows.visitors import TEN, admin, book, hold
from tests.thorough import examples

DAY = timedelta(days=1)
PLACES = st.integers(min_value=0, max_value=7)
"""Starts of one afternoon, 15 minutes apart: a meeting takes three of them, its buffer included."""
DAYS = (0, 1, 2, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 19, 20, 21, 22, 23)
WHO = st.sampled_from([PRIYA, PRIYA, MARCUS])
PICK = st.integers(min_value=0, max_value=50)
STATE = """
    select m.id, m.uid, m.admin_id, m.status, m.canceled_by, m.start_at, m.end_at, m.buffer_s, a.email as home,
      exists (select 1 from decision d where d.kind = 'overlap' and d.state = 'open' and d.record_id = m.id) as asked,
      exists (select 1 from occupancy o where o.meeting_id = m.id and o.admin_id = m.admin_id
        and o.during = tstzrange(m.start_at, m.end_at + make_interval(secs => m.buffer_s))) as taken
    from meeting m join admin a on a.id = m.admin_id order by m.id
"""
DONE: Counter[str] = Counter()
Outcome = TypeVar('Outcome')


class Bookings(RuleBasedStateMachine):
    """One house for all runs; each run has a day of its own, and leaves nothing standing in it."""

    loop: asyncio.AbstractEventLoop
    house: House
    faults: faults.Faults
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.day = TEN + timedelta(hours=5) + DAY * DAYS[self.runs % len(DAYS)]
        self.manage: list[str] = []
        self.holds: list[str] = []

    def run_now(self, act: Coroutine[Any, Any, Outcome]) -> Outcome:
        return self.loop.run_until_complete(act)

    def at(self, place: int) -> datetime:
        return self.day + timedelta(minutes=15 * place)

    def note(self, what: str, outcome: object = '') -> None:
        DONE[f'{what} {outcome}'.strip()] += 1

    @rule(place=PLACES, who=WHO)
    def take_hold(self, place: int, who: int) -> None:
        answer = self.run_now(hold(self.house, self.at(place), who=who))
        assert answer.status_code in (200, 400, 409, 429), answer.text
        assert answer.status_code != 429 or len(self.holds) >= 3
        if answer.status_code == 200:
            self.holds.append(answer.json()['hold'])
        self.note('hold', answer.status_code)

    @rule(pick=PICK)
    def release(self, pick: int) -> None:
        if self.holds:
            token = self.holds.pop(pick % len(self.holds))
            assert self.run_now(self.house.web.delete(f'/callbooker/hold/{token}/')).status_code == 200

    @rule(place=PLACES, who=WHO, held=st.booleans(), again=st.booleans())
    def book_call(self, place: int, who: int, held: bool, again: bool) -> None:
        number = len(self.manage) if again else Bookings.runs * 1000 + sum(DONE.values())
        token = self.holds[-1] if held and self.holds else None
        person: dict[str, Any] = {
            'email': f'v{number}@v{number}.example',
            'company_name': f'Visitor {number}',
            'hold': token,
        }
        answer = self.run_now(book(self.house, self.at(place), who=who, **person))
        assert answer.status_code in (200, 400, 409, 503), answer.text
        self.note('book', answer.status_code if answer.status_code != 400 else answer.json()['code'])
        if answer.status_code == 200:
            self.manage.append('/booking/' + answer.json()['manage'].rpartition('/')[2] + '/')

    @rule(pick=PICK, place=PLACES)
    def reschedule(self, pick: int, place: int) -> None:
        if self.manage:
            told = {'action': 'move', 'start': self.at(place).isoformat()}
            answer = self.run_now(self.post(self.manage[pick % len(self.manage)], told))
            assert answer in (200, 400, 409), answer
            self.note('move', answer)

    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        if self.manage:
            answer = self.run_now(self.post(self.manage[pick % len(self.manage)], {'action': 'cancel'}))
            assert answer == 200, answer
            self.note('cancel')

    async def post(self, path: str, told: dict[str, str]) -> int:
        answer = await self.house.web.post(path, json=told, headers={'Accept': 'application/json'})
        return answer.status_code

    @rule(seconds=st.sampled_from([1, 61, 301]))
    def pass_time(self, seconds: int) -> None:
        self.house.clock.advance(seconds)

    @rule(pick=PICK, place=PLACES)
    def drag(self, pick: int, place: int) -> None:
        if found := self.events():
            home, key = found[pick % len(found)]
            self.house.google.move(home, key, self.at(place))
            self.note('dragged by hand')

    @rule(pick=PICK)
    def throw_away(self, pick: int) -> None:
        if found := self.events():
            self.house.google.delete(*found[pick % len(found)])
            self.note('deleted by hand')

    @rule(place=PLACES, said=st.sampled_from(['no', 'nothing']))
    def book_in_bad_weather(self, place: int, said: str) -> None:
        """The calendar refuses for good, or its answers and those of the CRM are lost."""
        self.house.working = False
        self.book_call(place, PRIYA, False, False)
        self.house.working = True
        if said == 'no':
            self.faults.add('POST', '/events', faults.answer(400, REFUSAL))
        else:
            self.house.world.weather.change(error_after_p=0.3, lost_answer_p=0.3)
        self.run_now(self.house.settle(30))
        self.note(f'the calendar says {said}')

    def events(self) -> list[tuple[str, str]]:
        """Live events of ours on this run's day: calendar and id."""
        events = self.house.google.events.items()
        return [
            place for place, event in events
            if event.status != 'cancelled' and 'hermes_uid' in str(self.house.google.show(event, place[0]))
            and datetime.fromisoformat(event.fields['start']['dateTime']).date() == self.day.date()
        ]  # fmt: skip

    async def rest(self) -> None:
        """The weather is calm; everything is carried everywhere and read back."""
        self.faults.clear()
        self.house.world.weather.change(name='calm')
        for _ in range(50):
            await self.house.settle()
            self.house.clock.advance(61)
            if not await follow_step(self.house.engine) and not await self.house.step():
                return
        raise AssertionError('the calendars do not come to rest')

    @invariant()
    def all_is_well(self) -> None:
        wrong = self.run_now(self.look())
        assert wrong == []

    async def look(self) -> list[str]:
        await self.rest()
        rows, now = await self.house.rows(STATE), self.house.clock.now()
        activities = Counter(
            number for one in self.house.pd.state()['activities'] if not one['is_deleted']
            for number in [str(one['note']).rpartition('Hermes meeting ')[2].split('<')[0].strip()]
        )  # fmt: skip
        wrong = [*overlapping(rows)]
        for row in rows:
            planned = row['status'] == 'planned'
            if row['taken'] != planned and not (planned and row['asked']):
                wrong.append(f'meeting {row["id"]} is {row["status"]}, its time taken: {row["taken"]}')
            events = self.standing(row['uid'])
            if row['end_at'] > now and events != ([(row['home'], row['start_at'])] if planned else []):
                wrong.append(f'meeting {row["id"]} is {row["status"]} at {row["start_at"]}, events {events}')
            if activities[str(row['id'])] != planned:
                wrong.append(f'meeting {row["id"]} is {row["status"]}, activities {activities[str(row["id"])]}')
        return wrong + await self.strays()

    def standing(self, uid: str) -> list[tuple[str, datetime]]:
        return [
            (home, datetime.fromisoformat(event.fields['start']['dateTime']))
            for (home, _), event in self.house.google.events.items()
            if event.status != 'cancelled' and uid in str(self.house.google.show(event, home))
        ]

    async def strays(self) -> list[str]:
        """Rows that take time and belong to nothing, and records that were made twice."""
        found = await self.house.rows(
            "select 'occupancy ' || o.id as what from occupancy o left join meeting m on m.id = o.meeting_id "
            "where o.meeting_id is not null and m.status <> 'planned' union all "
            "select 'company ' || name from company where alias_of is null group by name having count(*) > 1 union all "
            "select 'contact ' || email from contact where alias_of is null group by email having count(*) > 1"
        )
        names = Counter(one['name'] for one in self.house.organizations())
        return [row['what'] for row in found] + [f'organisation {name}' for name, count in names.items() if count > 1]

    def teardown(self) -> None:
        """Nothing of this run stands in the next one's way."""
        for token in self.holds:
            self.run_now(self.house.web.delete(f'/callbooker/hold/{token}/'))
        for path in self.manage:
            self.run_now(self.post(path, {'action': 'cancel'}))


def overlapping(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Planned meetings of one admin that take the same time, unless somebody was asked about it."""
    planned = [row for row in rows if row['status'] == 'planned']
    for number, one in enumerate(planned):
        for other in planned[number + 1 :]:
            ends = [each['end_at'] + timedelta(seconds=each['buffer_s']) for each in (one, other)]
            meet = one['start_at'] < ends[1] and other['start_at'] < ends[0]
            if meet and one['admin_id'] == other['admin_id'] and not (one['asked'] or other['asked']):
                yield f'meetings {one["id"]} and {other["id"]} take the same time'


@pytest.mark.behaviour('CB-4')
@pytest.mark.invariant('I17')
def test_whatever_happens_to_bookings_nobody_is_booked_twice(migrated_server: Server) -> None:
    bounded = settings(
        max_examples=examples(20), stateful_step_count=14, deadline=None, derandomize=True, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip

    async def enter(stack: AsyncExitStack, url: str) -> House:
        house = await stack.enter_async_context(open_house(url))
        await admin(house)
        return house

    with postgres.fresh_database(migrated_server) as url, asyncio.Runner() as runner:
        stack = AsyncExitStack()
        Bookings.loop, Bookings.runs = runner.get_loop(), 0
        Bookings.house = runner.run(enter(stack, url))
        Bookings.faults = faults.on(Bookings.house)
        try:
            run_state_machine_as_test(Bookings, settings=bounded)
        finally:
            print(dict(sorted(DONE.items())))
            runner.run(stack.aclose())
