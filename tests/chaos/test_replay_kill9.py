"""A replay of many events goes on where it stopped, however many workers are killed with -9 in the middle of it."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hermes.db import acts
from hermes.domain.acts import ReplayEvents
from hermes.domain.event_filter import EventFilter
from tests.chaos.testbed import iso_now, open_testbed
from tests.flows.companies import client, envelope, event
from tests.waiting import wait_for

MANY = 600


def put_aside(testbed: Any) -> None:
    """Clients that somebody had dismissed, before anything was applied of them."""
    with psycopg.connect(testbed.database_url, autocommit=True) as connection:
        for number in range(MANY):
            agency = {'id': 50_000 + number, 'name': f'Again Tutors {number}', 'created': iso_now()}
            subject = client(40_000 + number, agency=agency, paid_recipients=[])
            body = envelope(event(subject, 'CREATED_A_CLIENT'), _request_time=int(time.time()))
            connection.execute(
                'insert into event (source, kind, dedupe_key, headers, body, state) '
                "values ('tutorcruncher', 'webhook', %s, '{}', %s, 'dismissed')",
                (f'again {number}'.encode(), body),
            )


@pytest.mark.behaviour('ADM-5')
def test_a_replay_is_finished_whoever_is_killed(database_url: str, tmp_path: Path) -> None:
    with open_testbed(database_url, tmp_path) as testbed:
        wait_for(
            'Hermes is acquainted', lambda: testbed.rows("select 1 from pulse where name = 'set-up'"), testbed.said
        )
        put_aside(testbed)
        with psycopg.connect(database_url, autocommit=True) as connection:
            acts.submit(connection, ReplayEvents(EventFilter(state='dismissed', source='tutorcruncher')))

        def looked() -> int:
            rows = testbed.rows('select looked from replay')
            return int(rows[0]['looked']) if rows else 0

        def reached(count: float) -> bool:
            return looked() >= count

        killed_at = []
        for share in (0.1, 0.4, 0.7):
            wait_for(f'{share} of it is done', partial(reached, share * MANY), testbed.said)
            for worker in testbed.workers:
                worker.kill()
            killed_at.append(looked())
            testbed.keep_alive()

        def over() -> bool:
            testbed.keep_alive()
            return bool(testbed.rows("select 1 from replay where state = 'done'"))

        wait_for('the replay is over', over, testbed.said)
        [job] = testbed.rows('select total, looked, changed, refused from replay')
        [stored] = testbed.rows("select count(*) as companies from company where name like 'Again%'")
        [left] = testbed.rows("select count(*) as events from event where state <> 'done' and source = 'tutorcruncher'")
    assert 0 < killed_at[0] < MANY
    assert job == {'total': MANY, 'looked': MANY, 'changed': MANY, 'refused': 0}
    assert (stored['companies'], left['events']) == (MANY, 0)
