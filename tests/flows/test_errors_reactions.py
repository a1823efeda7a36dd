"""Each kind of error has one reaction, one plain sentence, and harms nothing else (OUT-5 to OUT-8, F lessons)."""

import pytest

from hermes.sync import connect
from hermes.sync.held_pushes import held_step
from hermes.sync.push import push_step
from tests.flows import faults
from tests.flows.companies import later, quiet, sign_up
from tests.flows.house import PRIYA_PD, House

PAGE = b'<!DOCTYPE html><html><body><h1>Error 1015</h1>You are being rate limited.</body></html>'


async def push_of(house: House, kind: str = 'company') -> dict:
    [found] = await house.rows('select * from push where record_type = %s', kind)
    return found


@pytest.mark.behaviour('OUT-8')
@pytest.mark.lesson('F-12')
async def test_a_cloudflare_page_means_wait_not_broken_credentials(house: House) -> None:
    broken = faults.on(house)
    broken.add('POST', '/organizations', faults.answer(403, PAGE, content_type='text/html'))
    sign_up(house)
    await house.settle(10)
    [state] = await house.rows("select * from system_state where system = 'pipedrive'")
    assert not state['paused']
    assert 'blocks us' in state['reason']
    assert house.organizations() == []
    assert broken.met == 1
    await house.settle()
    assert len(house.organizations()) == len(house.deals()) == 1
    await quiet(house)


@pytest.mark.behaviour('OUT-8')
@pytest.mark.parametrize(
    'headers', [{}, {'x_ratelimit_remaining': '0', 'x_ratelimit_reset': '2'}, {'retry_after': '7'}]
)
async def test_a_429_waits_as_told_and_goes_on(house: House, headers: dict[str, str]) -> None:
    broken = faults.on(house)
    broken.add(
        'POST', '/organizations', faults.answer(429, {'success': False, 'error': 'Request over limit'}, **headers)
    )
    sign_up(house)
    before = house.clock.now()
    await house.settle()
    [made] = house.calls('POST', 'organizations')
    waited = (made.at - before).total_seconds()
    assert waited >= float(headers.get('retry_after', 2))
    assert waited < 60
    assert len(house.organizations()) == 1
    await quiet(house)


@pytest.mark.behaviour('OUT-8')
async def test_a_429_with_room_in_the_window_is_the_spent_day(house: House) -> None:
    broken = faults.on(house)
    broken.add(
        'POST',
        '/organizations',
        faults.answer(429, {'success': False}, x_ratelimit_remaining='30', x_ratelimit_reset='1'),
    )
    sign_up(house)
    await house.settle(600)
    assert house.calls('POST') == []
    [state] = await house.rows("select * from system_state where system = 'pipedrive'")
    assert "day's token budget" in state['reason']
    await house.settle(2 * 86_400)
    assert len(house.organizations()) == 1


@pytest.mark.behaviour('OUT-7')
async def test_broken_credentials_pause_the_system_and_nothing_is_lost(house: House) -> None:
    broken = faults.on(house)
    unauthorised = faults.answer(401, {'success': False, 'error': 'unauthorized access', 'errorCode': 401})
    for method, part in (('POST', '/organizations'), ('GET', '/users/me')):
        broken.add(method, part, unauthorised, 50)
    sign_up(house)
    await house.settle(600)
    assert broken.met == 1
    [state] = await house.rows("select * from system_state where system = 'pipedrive'")
    assert state['paused']
    assert state['reason'].startswith('OUT-7')
    assert 'unauthorized access' in state['reason']
    await connect.try_credentials(house.engine)
    assert (await house.rows("select paused from system_state where system = 'pipedrive'"))[0]['paused']
    broken.clear()
    await connect.try_credentials(house.engine)
    await house.settle()
    assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1
    await quiet(house)


@pytest.mark.behaviour('OUT-7')
async def test_a_system_paused_by_hand_is_not_resumed_by_working_credentials(house: House) -> None:
    await house.act('system.pause', system='pipedrive')
    await connect.try_credentials(house.engine)
    sign_up(house)
    await house.settle()
    assert house.calls('POST') == []
    await house.act('system.resume', system='pipedrive')
    await house.settle()
    assert len(house.organizations()) == 1


async def test_a_403_with_json_parks_that_push_alone(house: House) -> None:
    broken = faults.on(house)
    broken.add(
        'PATCH', '/organizations', faults.answer(403, {'success': False, 'error': 'Forbidden', 'code': 'no_rights'})
    )
    client = sign_up(house)
    await later(house)
    house.tc2.edit_client(client.id, website='https://ember.example')
    await house.settle()
    push = await push_of(house)
    assert push['state'] == 'parked'
    assert 'Forbidden' in push['reason']
    assert not (await house.rows('select coalesce(bool_or(paused), false) as p from system_state'))[0]['p']
    sign_up(house, 'Second Tutors', recipients=[])
    await house.settle()
    assert len(house.organizations()) == 2


@pytest.mark.behaviour('OUT-6')
@pytest.mark.lesson('F-14', 'A-10')
async def test_a_field_that_is_refused_parks_that_push_and_can_be_retried_or_ignored(house: House) -> None:
    client = sign_up(house)
    await later(house)
    code = house.code('organization', 'website')
    refusal = {
        'success': False,
        'error': f'Validation failed: custom_fields.{code}: Invalid value',
        'code': 'ERR_SCHEMA_VALIDATION_FAILED',
    }
    broken = faults.on(house)
    broken.add('PATCH', '/organizations', faults.answer(400, refusal), 2)
    house.tc2.edit_client(client.id, website='https://ember.example')
    await later(house)
    push = await push_of(house)
    assert (push['state'], push['detail']['fields']) == ('parked', ['website'])
    assert 'Invalid value' in push['reason']
    assert broken.met == 1
    sign_up(house, 'Second Tutors', recipients=[])
    await later(house)
    assert len(house.organizations()) == 2
    [first] = await house.rows("select id from company where name = 'Ember Tutors'")
    await house.act('push.retry', record=['company', first['id']])
    await later(house)
    assert broken.met == 2
    assert (await house.rows('select state from push where record_id = %s', first['id']))[0]['state'] == 'parked'
    await house.act('push.ignore', record=['company', first['id']], fields=['website'])
    await later(house)
    house.mark()
    house.tc2.edit_client(client.id, website='https://ember.example/2', name='Ember Tuition')
    await later(house)
    [patch] = house.calls('PATCH', 'organizations')
    assert patch.request == {'name': 'Ember Tuition'}
    await quiet(house)


@pytest.mark.behaviour('OUT-6')
async def test_retry_sends_it_when_the_crm_takes_it_again(house: House) -> None:
    client = sign_up(house)
    await later(house)
    broken = faults.on(house)
    broken.add('PATCH', '/organizations', faults.answer(400, {'success': False, 'error': 'no'}))
    house.tc2.edit_client(client.id, website='https://ember.example')
    await later(house)
    [first] = await house.rows('select id from company')
    await house.act('push.retry', record=['company', first['id']])
    await house.settle()
    assert house.custom('organization', house.organizations()[0])['website'] == 'https://ember.example'
    await quiet(house)


@pytest.mark.lesson('F-8')
@pytest.mark.parametrize('status', [500, 429])
async def test_a_status_is_a_number_whatever_the_texts_say(house: House, status: int) -> None:
    house.pd.last_ids['organization'] = 404_409
    client = sign_up(house)
    await later(house)
    broken = faults.on(house)
    words = {'success': False, 'error': '404 Not Found: /organizations/404410 is gone (410)'}
    broken.add('PATCH', '/organizations/404410', faults.answer(status, words))
    house.mark()
    house.tc2.edit_client(client.id, website='https://ember.example')
    await house.settle()
    assert house.calls('POST') == []
    assert house.custom('organization', house.organizations()[0])['website'] == 'https://ember.example'
    assert len(house.organizations()) == 1
    await quiet(house)


@pytest.mark.lesson('F-8')
async def test_a_404_for_an_id_that_contains_429_is_a_404(house: House) -> None:
    house.pd.last_ids['organization'] = 4_290_428
    client = sign_up(house)
    await later(house)
    broken = faults.on(house)
    broken.add('PATCH', '/organizations/4290429', faults.answer(404, {'success': False, 'error': '429 is not here'}))
    broken.add('GET', '/organizations/4290429', faults.answer(404, {'success': False}))
    house.mark()
    house.tc2.edit_client(client.id, website='https://ember.example')
    await house.settle()
    push = await push_of(house)
    assert push['state'] == 'held'
    state = await house.rows(
        "select blocked_until from system_state where system = 'pipedrive' and blocked_until > hermes_now()"
    )
    assert state == []


@pytest.mark.behaviour('OUT-5')
@pytest.mark.lesson('F-4', 'F-7')
async def test_an_update_of_what_was_deleted_unheard_is_read_and_believed(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.pd.act_webhooks(on=False)
    [organization] = house.organizations()
    house.pd.act_delete('organization', organization['id'], PRIYA_PD)
    await later(house)
    house.pd.act_webhooks(on=True)
    house.mark()
    house.tc2.edit_client(client.id, website='https://ember.example')
    await house.settle()
    assert house.calls('POST') == []
    assert len(house.calls('GET', 'organizations')) == 1
    [company] = await house.rows('select tombstone from company')
    assert company['tombstone']['kind'] == 'crm'
    house.mark()
    house.tc2.send_snapshot(client.id)
    await house.settle()
    assert house.calls() == []
    await quiet(house)


@pytest.mark.behaviour('OUT-5')
async def test_what_is_gone_for_no_known_reason_is_held_a_day_and_then_decided_by_a_person(house: House) -> None:
    client = sign_up(house)
    await later(house)
    broken = faults.on(house)
    for method in ('PATCH', 'GET'):
        broken.add(
            method, '/organizations/1', faults.answer(404, {'success': False, 'error': 'Organization not found'}), 99
        )
    house.mark()
    house.tc2.edit_client(client.id, website='https://ember.example')
    await later(house)
    push = await push_of(house)
    assert push['state'] == 'held'
    assert 'gone, reason unknown' in push['reason']
    assert await house.rows('select 1 from decision') == []
    await later(house, 12 * 3600)
    await held_step(house.engine)
    assert await house.rows('select 1 from decision') == []
    await later(house, 13 * 3600)
    await held_step(house.engine)
    await held_step(house.engine)
    [decision] = await house.rows('select * from decision')
    assert (decision['kind'], decision['record_type']) == ('gone', 'company')
    assert decision['detail']['ways'] == ['relink', 'recreate', 'drop']
    await house.settle()
    assert house.calls('POST') == []
    assert (await house.rows('select tombstone from company'))[0]['tombstone'] is None


@pytest.mark.behaviour('OUT-5')
async def test_what_was_held_goes_on_when_the_object_shows_itself_again(house: House) -> None:
    client = sign_up(house)
    await later(house)
    broken = faults.on(house)
    for method in ('PATCH', 'GET'):
        broken.add(method, '/organizations/1', faults.answer(404, {'success': False}), 99)
    house.tc2.edit_client(client.id, website='https://ember.example')
    await later(house)
    assert (await push_of(house))['state'] == 'held'
    broken.clear()
    house.pd.act_update('organization', 1, {'label_ids': []}, PRIYA_PD)
    house.pd.act_update('organization', 1, {'name': 'Ember Tuition'}, PRIYA_PD)
    await later(house)
    await held_step(house.engine)
    await house.settle()
    assert house.custom('organization', house.organizations()[0])['website'] == 'https://ember.example'
    await quiet(house)


@pytest.mark.behaviour('OUT-5', 'PD-MERGE-1')
async def test_an_update_of_what_was_merged_unheard_makes_nothing(house: House) -> None:
    client = sign_up(house)
    other = house.pd.act_create('organization', {'name': 'Other Tutors'}, PRIYA_PD)
    await later(house)
    mine = next(item for item in house.organizations() if item['name'] == 'Ember Tutors')
    house.pd.act_webhooks(on=False)
    house.pd.act_merge('organization', mine['id'], other['id'], PRIYA_PD)
    await later(house)
    house.pd.act_webhooks(on=True)
    house.mark()
    house.tc2.edit_client(client.id, website='https://ember.example')
    await house.settle()
    assert house.calls('POST') == []
    assert len(house.organizations()) == 1


@pytest.mark.behaviour('OUT-6')
async def test_what_was_refused_and_is_not_wanted_any_more_needs_nobody(house: House) -> None:
    client = sign_up(house, website='https://old.example')
    await later(house)
    broken = faults.on(house)
    broken.add('PATCH', '/organizations', faults.answer(400, {'success': False, 'error': 'no'}))
    house.tc2.edit_client(client.id, website='https://ember.example')
    await later(house)
    assert (await push_of(house))['state'] == 'parked'
    house.tc2.edit_client(client.id, website='https://old.example')
    await later(house)
    await quiet(house)
    house.tc2.edit_client(client.id, website='https://ember.example')
    await later(house)
    assert house.custom('organization', house.organizations()[0])['website'] == 'https://ember.example'
    await quiet(house)


@pytest.mark.behaviour('OUT-3', 'OUT-6')
async def test_a_parent_that_is_deleted_for_a_moment_is_looked_at_and_nobody_is_asked(house: House) -> None:
    sign_up(house)
    while not house.organizations():
        await house.step()
    [organization] = house.organizations()
    house.pd.act_delete('organization', organization['id'])
    await push_step(house.engine)
    house.pd.act_undelete('organization', organization['id'])
    await later(house)
    assert [person['org_id'] for person in house.persons()] == [organization['id']]
    await quiet(house)
