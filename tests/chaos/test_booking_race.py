"""Everybody wants the same time at the same moment, at two web servers; and one of them is killed with requests in the
air (CB-4, I17, S2).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.rows import dict_row

from hermes.cli.world import sandbox_environment
from hermes.settings import load
from tests.chaos.testbed import Part, free_port, said
from tests.waiting import LOOK_S, PATIENCE_S, PROBE_S, looks, wait_for, wait_in_loop

RUSH = 200
COUNTS = """
    select (select count(*) from meeting) as meetings, (select count(*) from occupancy) as taken,
      (select count(*) from company where name like 'Rush%') as companies,
      (select count(*) from contact where email like '%@rush%') as contacts,
      (select count(*) from deal where title like 'Rush%') as deals,
      (select count(*) from event where source = 'website' and state = 'done') as accepted
"""
REFUSED = "select count(*) as n from event where source = 'website' and state = 'refused'"
RESTLESS = """
    select (select count(*) from event where state in ('new', 'waiting'))
      + (select count(*) from push where wanted > done or intent is not null) as n
"""


@dataclass
class Street:
    """Two web servers and a worker before one database and the emulated world."""

    database_url: str
    sandbox_url: str
    webs: list[Part]
    urls: list[str]
    others: list[Part]

    def said(self) -> str:
        return said(*self.others, *self.webs)

    def row(self, query: str) -> dict[str, Any]:
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            found = connection.execute(query).fetchone()
        assert found is not None
        return found

    def is_up(self, url: str) -> bool:
        with suppress(httpx2.HTTPError):
            return httpx2.get(f'{url}/health', timeout=PROBE_S, trust_env=False).status_code == 200
        return False

    def world(self) -> dict[str, Any]:
        told: dict[str, Any] = httpx2.get(
            f'{self.sandbox_url}/_world/state', timeout=PATIENCE_S, trust_env=False
        ).json()
        return told

    def slots(self, days: int = 12) -> tuple[int, list[datetime]]:
        """Somebody who can be booked, and when."""
        admin = self.row('select id from admin where is_sales_person and bookable order by id limit 1')['id']
        now = datetime.now(UTC)
        window = {'start_dt': (now + timedelta(days=1)).isoformat(), 'end_dt': (now + timedelta(days=days)).isoformat()}
        answer = httpx2.get(
            f'{self.urls[0]}/callbooker/availability/', params={'admin_id': admin, **window}, timeout=PATIENCE_S,
            trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        return admin, [datetime.fromisoformat(slot[0]) for slot in answer.json()['slots']]

    def rest(self) -> None:
        wait_for('Hermes comes to rest', lambda: self.row(RESTLESS)['n'] == 0, self.said)

    def outside(self) -> tuple[int, int, int]:
        """Our events, activities and organisations that stand in the world."""
        state = self.world()
        standing = [event for home in state['google']['calendars'].values() for event in home['events']]
        events = [event for event in standing if event['status'] != 'cancelled' and 'hermes_uid' in str(event)]
        activities = [one for one in state['pipedrive']['activities'] if not one['is_deleted']]
        organizations = [one for one in state['pipedrive']['organizations'] if one['name'].startswith('Rush')]
        return len(events), len([one for one in activities if 'Hermes meeting' in str(one['note'])]), len(organizations)


@pytest.fixture
def street(database_url: str, tmp_path: Path) -> Iterator[Street]:
    """Everything running and acquainted; all of it ended at the end."""
    ports = [free_port() for _ in range(3)]
    environment = {
        'PATH': '/usr/bin:/bin', 'HOME': str(tmp_path),
        **sandbox_environment(load({'data_dir': str(tmp_path)}), ports[0], ports[2]),
        'DATABASE_URL': database_url, 'DATA_DIR': str(tmp_path), 'PYTHONDONTWRITEBYTECODE': '1',
    }  # fmt: skip

    def part(name: str, *arguments: str) -> Part:
        return Part(name, list(arguments), environment, tmp_path / f'{name}.log')

    webs = [part(f'web-{port}', 'web', '--port', str(port)) for port in ports[:2]]
    urls = [f'http://127.0.0.1:{port}' for port in ports]
    others = [part('sandbox', 'sandbox', '--port', str(ports[2])), part('worker', 'worker')]
    found = Street(database_url, urls[2], webs, urls[:2], others)
    with ExitStack() as stack:
        for each in (others[0], *webs, others[1]):
            stack.callback(each.kill)
            each.start()
        done = "select (select count(*) from sweep where state = 'done') >= 3 and exists (select from setting) as done"
        wait_for('Hermes starts', lambda: all(map(found.is_up, found.urls)) and found.row(done)['done'], found.said)
        yield found


async def book(client: httpx2.AsyncClient, url: str, admin: int, at: datetime, number: int) -> httpx2.Response | None:
    """One visitor's request; None where nobody answered."""
    form = {
        'admin_id': admin, 'name': f'Ada Rush{number}', 'email': f'ada{number}@rush{number}.example',
        'company_name': f'Rush Tutors {number}', 'country': 'GB', 'estimated_income': '50-150k', 'currency': 'GBP',
        'price_plan': 'payg', 'meeting_dt': at.isoformat(),
    }  # fmt: skip
    headers = {'Idempotency-Key': f'visitor-{number}'}
    try:
        return await client.post(f'{url}/callbooker/sales/book/', json=form, headers=headers)
    except httpx2.HTTPError:
        return None


async def rush(street: Street, admin: int, wanted: list[datetime], first: int = 0) -> Counter[int]:
    """Everybody at once, each at one of the two servers: how often each status was answered."""
    limits = httpx2.Limits(max_connections=len(wanted))
    async with httpx2.AsyncClient(timeout=PATIENCE_S, trust_env=False, limits=limits) as client:
        asked = [book(client, street.urls[number % 2], admin, at, first + number) for number, at in enumerate(wanted)]
        answers = await asyncio.gather(*asked)
    return Counter(0 if answer is None else answer.status_code for answer in answers)


@pytest.mark.behaviour('CB-4')
@pytest.mark.invariant('I17', 'S2')
def test_one_of_two_hundred_gets_the_time(street: Street) -> None:
    admin, slots = street.slots()
    started = time.monotonic()
    assert asyncio.run(rush(street, admin, [slots[0]] * RUSH)) == {200: 1, 409: RUSH - 1}
    print(f'{RUSH} for one slot: {time.monotonic() - started:.1f} s')
    street.rest()
    assert list(street.row(COUNTS).values()) == [1, 1, 1, 1, 1, 1]
    assert 1 <= street.row(REFUSED)['n'] <= 1 + (time.monotonic() - started) // 60, 'one row a client and minute'
    assert street.outside() == (1, 1, 1)
    overlapping = [slots[12] + timedelta(minutes=number % 40) for number in range(80)]
    assert asyncio.run(rush(street, admin, overlapping, RUSH)) == {200: 1, 409: 79}
    street.rest()
    assert list(street.row(COUNTS).values()) == [2, 2, 2, 2, 2, 2]
    assert street.row(REFUSED)['n'] <= 1 + (time.monotonic() - started) // 60
    assert street.outside() == (2, 2, 2)


@pytest.mark.invariant('I17', 'I18')
def test_a_killed_web_server_loses_no_booking_that_it_acknowledged(street: Street) -> None:
    admin, slots = street.slots(16)
    wanted = [slot for slot in slots if slot.minute in (0, 30)][:24] * 2
    answers: dict[int, int] = {}

    async def act() -> None:
        async with httpx2.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:

            async def visit(number: int) -> None:
                for turn in looks('an answer', street.said):
                    url = street.urls[(number + turn) % 2]
                    answer = await book(client, url, admin, wanted[number], number)
                    if answer is not None and answer.status_code in (200, 409):
                        answers[number] = answer.status_code
                        return
                    failures.append(answer and answer.status_code)
                    await asyncio.sleep(LOOK_S)

            visits = [asyncio.create_task(visit(number)) for number in range(len(wanted))]
            await wait_in_loop('the first answer', lambda: answers)
            street.webs[0].kill()
            await asyncio.gather(*visits)
            street.webs[0].start()

    failures: list[Any] = []
    asyncio.run(act())
    assert failures, 'the server died when nobody was asking'
    street.rest()
    times = len({*wanted})
    assert Counter(answers.values()) == {200: times, 409: len(wanted) - times}
    counts = street.row(COUNTS)
    assert (counts['meetings'], counts['taken'], counts['companies']) == (times, times, times)
    assert street.outside() == (times, times, times)
