"""Kill -9 at random moments: sign-ups arrive over sockets while web and workers die and come back (I1, I4)."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.chaos.testbed import Testbed, at_rest, pick_victim
from tests.waiting import wait_for


@dataclass(frozen=True)
class Outcome:
    """What was acknowledged, what is a row, what stands in the CRM."""

    acked: int
    rows: int
    applied: int
    organizations: Counter[str]
    persons: Counter[str]
    deals: Counter[str]
    kills: dict[str, int]

    def wrong(self) -> list[str]:
        """Everything that was lost or made twice."""
        found = (
            [f'{self.acked} acknowledged, {self.rows} rows, {self.applied} applied']
            if not self.acked == self.rows == self.applied
            else []
        )
        for kind, names in (('organisation', self.organizations), ('person', self.persons), ('deal', self.deals)):
            found += [f'{count} times the {kind} {name}' for name, count in names.items() if count > 1]
            if len(names) != self.acked:
                found.append(f'{self.acked} sign-ups, {len(names)} {kind}s')
        return found


def run(testbed: Testbed, seed: int, sign_ups: int, kills: int, duration_s: float) -> Outcome:
    """`sign_ups` over `duration_s` seconds, with `kills` among them; then wait for rest."""
    chance = random.Random(seed)
    testbed.weather(latency_p=0.5, latency_min_s=0.01, latency_max_s=0.15, lost_answer_p=0.03, error_after_p=0.02)
    senders = [
        threading.Thread(target=_send, args=(testbed, range(lane, sign_ups, 4), duration_s * 4 / sign_ups))
        for lane in range(4)
    ]
    for sender in senders:
        sender.start()
    moments = sorted(chance.uniform(0.3, duration_s) for _ in range(kills))
    started = time.monotonic()
    for moment in moments:
        time.sleep(max(0.0, started + moment - time.monotonic()))
        pick_victim(testbed, chance).kill()
        testbed.keep_alive()
    while any(sender.is_alive() for sender in senders):
        testbed.keep_alive()
        time.sleep(0.2)
    testbed.weather(name='calm')

    def rested() -> bool:
        testbed.keep_alive()
        return at_rest(testbed)

    wait_for('Hermes comes to rest', rested, testbed.said)
    return look(testbed)


def _send(testbed: Testbed, numbers: range, pause_s: float) -> None:
    for number in numbers:
        testbed.sign_up(number)
        time.sleep(pause_s)


def look(testbed: Testbed) -> Outcome:
    """The end, in the database and in the CRM."""
    state = testbed.crm()
    ours: Any = {
        kind: [item for item in state[kind] if not item['is_deleted']] for kind in ('organizations', 'persons', 'deals')
    }
    [rows] = testbed.rows(
        "select count(*) as rows, count(*) filter (where state = 'done') as applied from event "
        "where source = 'tutorcruncher' and kind = 'webhook'"
    )
    return Outcome(
        len(set(testbed.acked)),
        rows['rows'],
        rows['applied'],
        Counter(item['name'] for item in ours['organizations'] if item['name'].startswith('Chaos')),
        Counter(item['name'] for item in ours['persons'] if 'Chaos' in item['name']),
        Counter(item['title'] for item in ours['deals'] if item['title'].startswith('Chaos')),
        {part.name: part.kills for part in (testbed.web, *testbed.workers)},
    )
