"""Whatever table says an address or a phone of somebody, an erasure takes it out of there (S10)."""

import json
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from hermes.db.stances import SMALL, STANCES
from tests.flows.companies import later
from tests.flows.dumped import dump, found_in
from tests.flows.house import PRIYA, PRIYA_PD, House
from tests.flows.test_erase import CANARIES, DIGITS, EMAIL, FIRST, LAST, check, erase, plant

SAID = f'spoke with {FIRST} {LAST} ({EMAIL}) on (0044) 20.7946.0958'
ROWS: dict[str, dict[str, Any]] = {
    'decision': {'kind': 'match', 'key': f'match:pipedrive:person:1:{EMAIL}', 'detail': {'reason': SAID}, 'at': 'now'},
    'sweep': {'system': 'pipedrive', 'type': 'lead', 'kind': 'full', 'started_at': 'now', 'reason': SAID,
              'state': 'failed'},
    'proof': {'sweep_id': 1, 'system': 'pipedrive', 'type': 'lead', 'at': 'now', 'state': 'failed', 'reason': SAID},
    'alert': {'name': 'a', 'kind': 'a', 'about': SAID, 'said': SAID, 'look': '', 'since': 'now', 'ended_at': 'now'},
    'refusal': {'source': 'website', 'reason': SAID, 'count': 1, 'at': 'now'},
    'system_state': {'system': 'elsewhere', 'reason': SAID},
    'pulse': {'name': 'somebody', 'at': 'now', 'note': SAID},
    'app_user': {'id': 901, 'email': EMAIL, 'first_name': FIRST, 'state': 'UserCreated'},
    'subscription': {'id': 902, 'email': EMAIL.lower(), 'lists': ['News'], 'last_name': LAST},
    'person_key': {'key': f'list:{EMAIL.lower()}', 'record_id': 902},
    'crm_check': {'record_type': 'app_user', 'record_id': 901, 'target': 'journal', 'state': 'x', 'excerpt': SAID},
    'feed': {'record_id': 901, 'says': {'id': 901, 'user_id': EMAIL}},
    'replay': {'filter': {'text': SAID}, 'event_id': 1, 'upto': 1, 'state': 'done', 'started_at': 'now'},
}  # fmt: skip
"""A row of each small table, with what must go."""
BODIES = (
    ('pipedrive', 'webhook', SAID.encode(), 'parked'),
    ('pipedrive', 'webhook', json.dumps({'meta': {'entity': 'note'}, 'data': {'content': SAID}}).encode(), 'done'),
    ('pipedrive', 'webhook-extension', SAID.encode(), 'done'),
    ('pipedrive', 'metadata', SAID.encode(), 'done'),
    ('pipedrive', 'look', json.dumps({'told': SAID}).encode(), 'done'),
    ('tutorcruncher', 'webhook', ('\ufeff' + SAID).encode('utf-16'), 'done'),
    ('operator', 'act', json.dumps({'act': 'event.park', 'event': 1, 'reason': SAID}).encode(), 'done'),
    ('operator', 'act', json.dumps({'act': 'legacy.contacts', 'rows': [
        {'id': 5, 'first_name': FIRST, 'last_name': LAST, 'email': EMAIL, 'note': 'Wombat-note'},
        {'id': 6, 'email': 'x@y.example'},
    ]}).encode(), 'done'),
    ('website', 'act', json.dumps({'act': 'meeting.book', 'uid': 'x', 'form': {
        'email': EMAIL, 'name': f'{FIRST} {LAST}',
    }}).encode(), 'refused'),
)  # fmt: skip


async def insert(house: House, table: str, row: dict[str, Any]) -> None:
    values = [Jsonb(value) if isinstance(value, (dict, list)) else value for value in row.values()]
    marks = ', '.join(['%s'] * len(row))
    await house.engine.database.execute(f'insert into {table} ({", ".join(row)}) values ({marks})', values)


@pytest.mark.invariant('S10')
async def test_every_table_that_can_say_it_is_gone_over(house: House) -> None:
    planted = await plant(house)
    await later(house)
    for table, row in ROWS.items():
        await insert(house, table, row)
    await house.engine.database.execute(
        "insert into alert_message (alert_id, channel, message_id, body, at, due_at, state, reason) select id, 'mail', "
        "'m', %s, hermes_now(), hermes_now(), 'sent', %s from alert limit 1", (Jsonb({'text': SAID}), SAID),
    )  # fmt: skip
    await house.engine.database.execute(
        "update push set reason = %s, detail = %s where record_type = 'company'", (SAID, Jsonb({'plan': {'x': SAID}}))
    )
    for place, (source, kind, body, state) in enumerate(BODIES):
        await insert(house, 'event', {'source': source, 'kind': kind, 'dedupe_key': bytes([place]) * 16, 'body': body,
                                      'state': state, 'reason': SAID, 'outcome': [{'notes': [SAID]}]})  # fmt: skip
    assert set(ROWS) | {'alert_message', 'push', 'letter'} == set(SMALL)
    told = await erase(house, 'contact', planted.contact)
    assert found_in(dump(house.settings.database_url), CANARIES) == []
    assert check(house, told['receipt']) == []
    [kept] = await house.rows("select convert_from(body, 'UTF8')::jsonb as told from event where kind = 'act' and "
                              "convert_from(body, 'UTF8') like '%%legacy.contacts%%'")  # fmt: skip
    assert kept['told']['rows'][1] == {'id': 6, 'email': 'x@y.example'}


@pytest.mark.invariant('S10')
async def test_a_namesake_and_whoever_shares_a_phone_keep_everything(house: House) -> None:
    planted = await plant(house)
    house.tc2.sign_up(
        'Hazel Tutors',
        sales_person=PRIYA,
        email='office@hazel.example',
        recipients=[{'first_name': FIRST, 'last_name': LAST, 'email': 'the-other@hazel.example'}],
    )
    await later(house)
    [person] = await house.rows(
        "select l.remote_id::int as id from link l join contact c on c.id = l.record_id where l.type = 'person' and "
        "c.email = 'the-other@hazel.example'"
    )
    house.pd.act_update('person', person['id'], {'phones': [{'value': '020 7946 0958', 'primary': True}]}, PRIYA_PD)
    await later(house)
    rows = "select first_name, last_name, email, phone from contact where email = 'the-other@hazel.example'"
    before = await house.rows(rows)
    await erase(house, 'contact', planted.contact)
    house.tc2.send_all_snapshots()
    await later(house)
    assert await house.rows(rows) == before
    assert before[0]['first_name'] == FIRST
    assert found_in(dump(house.settings.database_url), (EMAIL, 'Wombat-note')) == []
    assert DIGITS in dump(house.settings.database_url).replace(' ', '')


@pytest.mark.invariant('S10')
def test_the_rows_of_this_test_are_of_tables_that_are_declared() -> None:
    assert set(ROWS) <= STANCES.keys()
