"""`python -m tests.chaos.flood`: a flood of strangers over real sockets, while deliveries and visitors come as always.

What is counted is asserted: honest requests are all answered, calendars are hardly asked, strangers leave few rows, and
the web process stays small (P9). Nothing is timed: how quick it is, says `python -m bench hostile`.
"""

import argparse
import json
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from hermes.booking.limits import LOOKS_INTO_ONE, LOOKS_OF_ALL
from tests import postgres
from tests.chaos.testbed import Testbed, children, open_testbed

MARKS = '\u0301\u0316\u0323\u0307'
LIMIT_MB = 200
ROWS_OF_BOOKINGS = 30
"""Three visitors, ten that a client may book, and a refusal a minute."""
SECRET = 'a-flood-of-strangers-that-nobody-guesses'
FIELDS = ('name', 'email', 'company_name', 'website', 'phone', 'estimated_income', 'utm_source', 'gclid', 'zone')
ROWS = """
    select (select count(*) from event where kind = 'act' and source = 'website') as bookings,
      (select count(*) from event where kind = 'webhook') as deliveries,
      (select count(*) from hold) as holds, (select count(*) from turn where why = 'drawn') as draws,
      (select count(*) from allowance) as allowances, (select count(*) from meeting) as meetings
"""


@dataclass
class Flood:
    """What strangers and honest people got."""

    testbed: Testbed
    size: int
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    looks: int = 0
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    peak_mb: float = 0.0
    honest: int = 0
    booked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, status: int) -> None:
        with self.lock:
            self.answers.setdefault(what, Counter())[status] += 1

    def ask(self, what: str, client: str, method: str, path: str, **more: Any) -> httpx2.Response | None:
        """A request of a client, who is known by the address that the proxy tells."""
        headers = {'X-Forwarded-For': client, **more.pop('headers', {})}
        with suppress(httpx2.HTTPError):
            answer = httpx2.request(
                method, f'{self.testbed.web_url}{path}', headers=headers, timeout=30, trust_env=False, **more
            )
            self.note(what, answer.status_code)
            return answer
        self.note(what, 0)
        return None

    def wrong(self) -> list[str]:
        """What a flood must not do."""
        grown = {name: self.after[name] - self.before[name] for name in self.before}
        bad = {what: status for what, told in self.answers.items() for status in told if status >= 500 or status == 0}
        checks = {
            f'{len(self.testbed.acked)} of {self.honest} deliveries answered': len(self.testbed.acked) == self.honest,
            f'{grown["deliveries"]} deliveries stored': grown['deliveries'] >= self.honest,
            f'{self.booked} of 3 visitors booked': self.booked == 3,
            f'calendars asked {self.looks} times': self.looks <= 2 * LOOKS_INTO_ONE + 2 * LOOKS_OF_ALL,
            f'{grown["holds"]} holds of strangers': grown['holds'] <= 3,
            f'{grown["bookings"]} rows of bookings': grown['bookings'] <= ROWS_OF_BOOKINGS,
            f'{grown["draws"]} draws': grown['draws'] <= self.size + 3,
            f'{grown["allowances"]} allowances': grown['allowances'] <= 2 * ROWS_OF_BOOKINGS,
            f'answers {bad}': not bad.keys() - {'held bodies'},
            f'{self.peak_mb:.0f} MB at most': self.peak_mb < LIMIT_MB,
        }
        return [told for told, good in checks.items() if not good]

    def show(self) -> None:
        print(f'{len(self.testbed.acked)} of {self.honest} deliveries answered, {self.booked} of 3 visitors booked')
        print(f'calendars were asked {self.looks} times; the web process had {self.peak_mb:.0f} MB at most')
        print('rows: ' + ', '.join(f'{name} {self.before[name]} -> {self.after[name]}' for name in self.before))
        for what, told in sorted(self.answers.items()):
            print(f'{what}: ' + ', '.join(f'{count} x {status or "cut off"}' for status, count in sorted(told.items())))


def run(testbed: Testbed, size: int) -> Flood:
    """`size` requests of each sort by strangers, from several threads, and meanwhile honest ones."""
    flood = Flood(testbed, size)
    [admin] = testbed.rows('select id from admin where is_sales_person order by id limit 1')
    flood.before = testbed.rows(ROWS)[0]
    seen = looks(testbed)
    sorts: list[Callable[[Flood, int], None]] = [write_marks, hold_and_book, keep_bodies, draw, deliver]
    threads = [threading.Thread(target=sort, args=(flood, admin['id'])) for sort in sorts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    visit(flood, admin['id'])
    flood.looks = looks(testbed) - seen
    flood.after = testbed.rows(ROWS)[0]
    flood.peak_mb = peak_mb(testbed)
    return flood


def write_marks(flood: Flood, admin: int) -> None:
    """M-1: 32 KB of unordered marks in every field."""
    for n in range(flood.size):
        form = {**form_of(admin, n), FIELDS[n % len(FIELDS)]: MARKS * 1_200}
        flood.ask('marks', f'198.51.100.{n % 250}', 'POST', '/callbooker/sales/book/', json=form)


def hold_and_book(flood: Flood, admin: int) -> None:
    """M-3: one client tries times that nobody offers and times that are offered, with rubbish for a proof."""
    day = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    for n in range(flood.size):
        at = (day.replace(year=1980 if n % 3 else 2099) if n % 2 else day + timedelta(hours=n)).isoformat()
        told = {'X-Altcha': 'garbage', 'Idempotency-Key': f'{n}'}
        flood.ask('holds', '198.51.100.251', 'POST', '/callbooker/hold/', json={'admin_id': admin, 'start': at})
        form = {**form_of(admin, 0), 'meeting_dt': at}
        flood.ask('bookings', '198.51.100.251', 'POST', '/callbooker/sales/book/', json=form, headers=told)


def keep_bodies(flood: Flood, admin: int) -> None:
    """M-6: connections that announce two megabytes and never send the last byte."""
    length = 2 * 1024 * 1024
    port = int(flood.testbed.web_url.rpartition(':')[2])
    held = []
    for signed in [True] * 60 + [False] * 20:
        signature = f'Webhook-Signature: {"0" * 64}\r\n' if signed else ''
        head = f'POST /tc2/callback/ HTTP/1.1\r\nHost: 127.0.0.1\r\n{signature}Content-Length: {length}\r\n\r\n'
        connection = socket.create_connection(('127.0.0.1', port), 10)
        connection.settimeout(15)
        with suppress(OSError):
            connection.sendall(head.encode() + b'x' * (length - 1))
        held.append(connection)
    for connection in held:
        status = 0
        with suppress(OSError, IndexError, ValueError):
            status = int(connection.recv(200).split()[1])
        flood.note('held bodies', status)
        connection.close()


def draw(flood: Flood, admin: int) -> None:
    """M-7: one client who asks again and again, and many networks that ask once."""
    for n in range(flood.size):
        path = f'/choose-roundrobin/sales/?plan={("payg", "startup", "enterprise")[n % 3]}&country_code=GB'
        flood.ask('draws of one network', f'2001:db8::{n:x}', 'GET', path)
        flood.ask('draws of many', f'2001:db8:{n:x}::1', 'GET', path)


def deliver(flood: Flood, admin: int) -> None:
    """What TutorCruncher sends meanwhile."""
    for number in range(flood.size // 4):
        flood.honest += 1
        flood.testbed.sign_up(number)


def visit(flood: Flood, admin: int) -> None:
    """Visitors come to the calendar that was flooded, find times, and book."""
    for n in range(3):
        now = datetime.now(UTC)
        window = {'start_dt': now.isoformat(), 'end_dt': (now + timedelta(days=20)).isoformat()}
        found = flood.ask('visitors', f'203.0.113.{n}', 'GET', '/callbooker/availability/',
                          params={'admin_id': admin, **window})  # fmt: skip
        slots = found.json().get('slots', []) if found is not None and found.status_code == 200 else []
        if len(slots) > 9 * n:
            form = {**form_of(admin, 1000 + n), 'meeting_dt': slots[9 * n][0]}
            answer = flood.ask('visitors', f'203.0.113.{n}', 'POST', '/callbooker/sales/book/', json=form)
            flood.booked += answer is not None and answer.status_code == 200


def form_of(admin: int, number: int) -> dict[str, Any]:
    return {
        'admin_id': admin, 'name': 'Lee Adams', 'email': f'lee{number}@customer.example', 'country': 'GB',
        'company_name': f'Adams Tuition {number}', 'estimated_income': '50-150k', 'currency': 'GBP',
        'price_plan': 'payg', 'meeting_dt': (datetime.now(UTC) + timedelta(days=2)).isoformat(),
    }  # fmt: skip


def looks(testbed: Testbed) -> int:
    """How often calendars were asked."""
    told = httpx2.get(f'{testbed.sandbox_url}/_world/calls', params={'system': 'google'}, timeout=20, trust_env=False)
    return sum('freeBusy' in json.dumps(call) for call in told.json())


def peak_mb(testbed: Testbed) -> float:
    """The most memory that the web process, or what it started, ever held."""
    assert testbed.web.process is not None
    told = [
        Path(f'/proc/{pid}/status').read_text() for pid in (testbed.web.process.pid, *children(testbed.web.process.pid))
    ]
    return max(int(line.split()[1]) / 1024 for text in told for line in text.splitlines() if line.startswith('VmHWM'))


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m tests.chaos.flood', description=__doc__)
    parser.add_argument('--size', type=int, default=640)
    options = parser.parse_args()
    with postgres.start_server() as server, tempfile.TemporaryDirectory() as folder:
        postgres.make_template(server)
        with (
            postgres.fresh_database(server) as url,
            open_testbed(url, Path(folder), RATE_LIMITS='on', TRUSTED_PROXIES='127.0.0.1') as testbed,
        ):
            began = time.monotonic()
            flood = run(testbed, options.size)
    flood.show()
    print(f'{time.monotonic() - began:.0f} s')
    for line in flood.wrong():
        print(f'   {line}')
    sys.exit(1 if flood.wrong() else 0)


if __name__ == '__main__':
    main()
