"""What no sender should send, from both senders: every place of a delivery filled with every kind of rubbish, one at a
time, and whole bodies of the wrong shape. Nothing is lost, nothing fails, nobody else is harmed.
"""

import copy
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.flows import faults
from tests.flows.companies import client, deliver, event, iso, later, sign_up
from tests.flows.house import PRIYA_PD, House

DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]
RUBBISH: tuple[Any, ...] = (
    None, True, False, 0, -1, 7, 2**31, 2**63, 2**70, -(2**70), 0.5, -0.0, 1e308, float('nan'), float('inf'),
    '', ' ', '-', '7', '-7', '7.0', '1e5', 'null', '\x00', 'a\x00b', '\ud800', '\udfff\ud800', 'x' * 70_000,
    '9' * 400, '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z', '2026-13-45', 'Mon, 02 Mar 2026 09:00:00 GMT',
    [], [None], [[]], [{}], ['a', 1, None], {}, {'id': None}, {'id': 2**70}, {'value': {'value': []}},
    {'\x00': '\ud800'}, DEEP,
)  # fmt: skip


def places(told: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, the whole included; of a list its first element only."""
    yield path
    items = told.items() if isinstance(told, dict) else list(enumerate(told))[:1] if isinstance(told, list) else ()
    for key, part in items:
        yield from places(part, (*path, key))


def put(told: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with `value` at `path`."""
    if not path:
        return value
    out = copy.copy(told)
    out[path[0]] = put(told[path[0]], path[1:], value)
    return out


async def in_order(house: House, source: str) -> dict[str, int]:
    """How the deliveries of one sender ended; none may have failed on the way or be left."""
    rows = await house.rows(
        "select id, state, reason, attempts, body from event where source = %s and kind = 'webhook' order by id", source
    )
    bad = [
        (row['state'], row['reason'], bytes(row['body'])[:1500])
        for row in rows
        if row['state'] not in ('done', 'parked') or row['attempts'] > 1 or ' while it was ' in (row['reason'] or '')
    ]
    assert bad == []
    parked = [row['reason'] for row in rows if row['state'] == 'parked']
    assert all(reason and reason.endswith('.') for reason in parked), set(parked)
    return {state: sum(row['state'] == state for row in rows) for state in ('done', 'parked')}


async def still_works(house: House) -> None:
    """A company that signs up now stands in the CRM as if nothing had been."""
    house.mark()
    sign_up(house, 'Juniper Tutors', recipients=[])
    await later(house, 600)
    [made] = [item for item in house.organizations() if item['name'] == 'Juniper Tutors']
    edited = house.pd.act_update('organization', made['id'], {'name': 'Juniper Tuition'}, PRIYA_PD)
    await later(house)
    assert [row['name'] for row in await house.rows("select name from company where name like 'Juniper%%'")] == [
        edited['name']
    ]


async def test_rubbish_anywhere_in_a_client_harms_nobody(house: House) -> None:
    told = client(
        501,
        bdr_person={'id': 3},
        associated_admin={'id': 4},
        agency={
            'pay0_dt': '2026-03-01',
            'narc': False,
            'website': 'https://x.example',
            'signup_questionnaire': {'a': 1},
        },
        extra_attrs=[{'machine_name': 'utm_source', 'value': 'x'}, {'machine_name': 'pipedrive_id', 'value': '7'}],
    )
    number = 0
    whole = {'events': [event(told)], 'request_time': 1772442000}
    for path in places(whole):
        for value in RUBBISH:
            number += 1
            body = put(whole, path, value)
            if path and isinstance(body.get('events'), list) and body['events'] and isinstance(body['events'][0], dict):
                body['events'][0] = {
                    'timestamp': iso(house.clock.now() + timedelta(seconds=number)),
                    **body['events'][0],
                }
            answer = await house.send_tc2(json.dumps(body).encode())
            assert answer.status_code == 200, (path, repr(value)[:60], answer.text)
    await house.settle()
    counts = await in_order(house, 'tutorcruncher')
    assert counts['done'] > counts['parked'] > 0
    house.clock.move_to(house.clock.now() + timedelta(seconds=number))
    await deliver(house, event(client(501, agency={'name': 'Ember Tutors at Last'}), at=house.clock.now()))
    assert {'Ember Tutors at Last'} <= {item['name'] for item in house.organizations()}
    await still_works(house)


@pytest.mark.behaviour('VERSION-1')
@pytest.mark.parametrize('told', ['9999-12-31T23:59:59Z', 253_402_300_799, 4_102_444_800_000, '2026-03-04T09:00:00Z'])
async def test_a_time_that_is_still_to_come_silences_no_later_news(house: House, told: Any) -> None:
    await deliver(house, event(client(501), at=told), _request_time=told)
    await later(house, 60)
    await deliver(house, event(client(501, agency={'name': 'Juniper Tutors'}), at=house.clock.now()))
    assert [item['name'] for item in house.organizations()] == ['Juniper Tutors']


@pytest.mark.parametrize('entity', ['organization', 'person', 'deal', 'pipeline', 'stage', 'user'])
async def test_rubbish_anywhere_in_a_delivery_of_the_crm_harms_nobody(house: House, entity: str) -> None:
    sign_up(house)
    await later(house)
    if entity == 'user':
        house.pd.act_deactivate_user(PRIYA_PD, active=True)
    if entity in ('pipeline', 'stage'):
        house.pd.act_update(entity, 1, {'name': 'Renamed'}, PRIYA_PD)
    else:
        await later(house)
    await later(house)
    rows = await house.rows("select body from event where source = 'pipedrive' and kind = 'webhook' order by id desc")
    told = [json.loads(bytes(row['body'])) for row in rows]
    mine = [one for one in told if one['meta']['entity'] == entity] or [made_up(entity)]
    codes: set[str] = set()
    for path in places(mine[0]):
        if path[:2] == ('data', 'custom_fields') and len(path) > 2:
            codes.add(path[2])
            if len(codes) > 4 and path[2] not in list(codes)[:4]:
                continue
        for value in RUBBISH:
            answer = await house.send_pd(json.dumps(put(mine[0], path, value)).encode())
            assert answer.status_code == 200, (path, repr(value)[:60], answer.text)
    await house.settle()
    await in_order(house, 'pipedrive')


@pytest.mark.behaviour('VERSION-1')
@pytest.mark.parametrize('place', [('data', 'update_time'), ('meta', 'timestamp')], ids=['its own', 'the delivery'])
async def test_a_time_of_the_crm_that_is_still_to_come_silences_no_later_news(
    house: House, place: tuple[str, str]
) -> None:
    made = house.pd.act_create('organization', {'name': 'Ember Tutors'}, PRIYA_PD)
    await later(house)
    [row] = await house.rows("select body from event where source = 'pipedrive' and kind = 'webhook' limit 1")
    told = json.loads(bytes(row['body']))
    told['data']['name'] = 'From Another Time'
    told['meta']['timestamp'] = told['meta']['timestamp'].replace(':00.', ':01.')
    assert (await house.send_pd(json.dumps(put(told, place, '9999-12-31T23:59:59Z')).encode())).status_code == 200
    await later(house)
    house.pd.act_update('organization', made['id'], {'name': 'Juniper Tutors'}, PRIYA_PD)
    await later(house)
    assert [row['name'] for row in await house.rows('select name from company')] == ['Juniper Tutors']


def made_up(entity: str) -> dict[str, Any]:
    return {
        'meta': {
            'action': 'change', 'entity': entity, 'entity_id': '1', 'id': '1', 'timestamp': '2026-03-02T09:00:00.123Z',
            'version': '2.0', 'change_source': 'app', 'user_id': '1', 'correlation_id': 'x', 'company_id': '1',
        },
        'data': {'id': 1, 'name': 'x', 'update_time': '2026-03-02T09:00:00Z', 'active_flag': True, 'pipeline_id': 1},
        'previous': {'name': 'y'},
    }  # fmt: skip


PROPER = '{"success": true, "data": %s}'
ODD_ANSWERS = {
    'nothing': b'',
    'a page': b'<!DOCTYPE html><html><body>All is well</body></html>',
    'half of it': b'{"success": true, "data": {"id": 1, "na',
    'a list': b'[]',
    'a text': b'"ok"',
    'no success': b'{"success": false, "error": "maybe"}',
    'no data': b'{"success": true}',
    'NaN': (PROPER % 'NaN').encode(),
    'no object': (PROPER % '[1]').encode(),
    'no id': (PROPER % '{}').encode(),
    'an id of nobody': (PROPER % '{"id": "x"}').encode(),
    'an id that is null': (PROPER % '{"id": null, "name": "x"}').encode(),
    'an endless id': (PROPER % f'{{"id": {"9" * 40}}}').encode(),
    'another alphabet': (PROPER % '{"id": 1}').encode('utf-16'),
}


@pytest.mark.behaviour('OUT-4')
@pytest.mark.lesson('F-9')
@pytest.mark.invariant('I4')
@pytest.mark.parametrize('heard', [True, False], ids=['with webhooks', 'without'])
async def test_an_answer_that_says_nothing_makes_nothing_twice_and_loses_nothing(house: House, heard: bool) -> None:
    house.pd.act_webhooks(on=heard)
    broken = faults.on(house)
    made = {}
    for name, body in ODD_ANSWERS.items():
        broken.add('POST', '/organizations', faults.carried_out(200, body))
        made[name] = sign_up(house, f'{name.title()} Tutors', recipients=[])
        await later(house, 120)
    assert sorted(item['name'] for item in house.organizations()) == sorted(f'{name.title()} Tutors' for name in made)
    for name, body in ODD_ANSWERS.items():
        broken.add('PATCH', '/organizations', faults.carried_out(200, body))
        house.tc2.edit_client(made[name].id, website=f'https://{name.replace(" ", "-")}.example')
        await later(house, 120)
    assert broken.met == 2 * len(ODD_ANSWERS)
    assert len(house.organizations()) == len(house.deals()) == len(ODD_ANSWERS)
    assert {house.custom('organization', item)['website'] for item in house.organizations()} == {
        f'https://{name.replace(" ", "-")}.example' for name in ODD_ANSWERS
    }
    assert await house.rows('select 1 from push where wanted > done or intent is not null') == []
