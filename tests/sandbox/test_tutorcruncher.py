"""The emulated TutorCruncher answers, signs, retries and gives up as the real one is known to."""

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from hermes.kit.clock import ManualClock
from hermes.kit.signing import verify
from hermes.sandbox.app import create_app
from hermes.sandbox.outbox import Delivery
from hermes.sandbox.scenarios import demo
from hermes.sandbox.tutorcruncher import Refused, Unknown
from hermes.sandbox.world import Secrets, World

KEY = 'integration-key'
HEADERS = {'Authorization': f'token {KEY}'}


class Receiver:
    """Answers webhooks with `status` and keeps them."""

    def __init__(self, status: int | None = 200) -> None:
        self.status = status
        self.got: list[Delivery] = []

    async def __call__(self, delivery: Delivery) -> int | None:
        self.got.append(delivery)
        return self.status

    def events(self) -> list[dict]:
        return [event for delivery in self.got for event in json.loads(delivery.body)['events']]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))


@pytest.fixture
def world(clock: ManualClock) -> World:
    secrets = Secrets(KEY, 'pd-key', 'hook', 'hook-password')
    made = World(clock, random.Random(7), 'http://127.0.0.1:8000', secrets)
    demo.build(made)
    return made


@pytest.fixture
async def api(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(create_app(world))
    async with httpx2.AsyncClient(transport=transport, base_url='http://127.0.0.1/tc2/api/') as client:
        yield client


async def test_building_the_demo_world_tells_nobody(world: World) -> None:
    assert world.outbox.waiting == []
    assert len(world.tutorcruncher.clients) == 4


async def test_a_sign_up_is_one_signed_request_of_exact_bytes(world: World) -> None:
    client = world.tutorcruncher.sign_up('Café Tutors', email='a@cafe.example', sales_person=11)
    hermes = Receiver()
    await world.outbox.deliver_due(hermes)
    (delivery,) = hermes.got
    assert delivery.url == 'http://127.0.0.1:8000/tc2/callback/'
    assert verify(delivery.body, delivery.headers['webhook-signature'], [KEY])
    assert delivery.headers['User-Agent'] == 'TutorCruncher'
    assert b'Caf\\u00e9 Tutors' in delivery.body
    assert delivery.body == json.dumps(json.loads(delivery.body)).encode()
    (event,) = hermes.events()
    assert event['action'] == 'CREATED_A_CLIENT'
    assert event['subject']['model'] == 'Client'
    assert event['subject']['meta_agency']['status'] == 'pending_email_conf'
    assert event['subject']['meta_agency']['country'] == 'United Kingdom (GB)'
    assert event['subject']['sales_person']['id'] == 11
    assert event['subject']['user']['email'] == 'a@cafe.example'
    assert client.id == event['subject']['id']


async def test_payments_leave_their_times_and_name_the_client_by_stub(world: World, clock: ManualClock) -> None:
    account = world.tutorcruncher
    client = account.add_client('Payer', email='p@payer.example')
    for _ in range(4):
        account.pay_invoice(client.id)
        clock.advance(60)
    agency = client.agency
    assert agency is not None
    assert agency.paid_invoice_count == 4
    assert agency.pay0_dt is None
    account.close_day(client.id)
    days = [agency.pay0_dt, agency.pay1_dt, agency.pay3_dt]
    assert days == sorted(day for day in days if day is not None and day < clock.now())
    hermes = Receiver()
    await world.outbox.deliver_due(hermes)
    event = hermes.events()[0]
    assert event['action'] == 'MARKED_INVOICE_AS_PAID'
    assert event['subject']['model'] == 'Invoice'
    assert event['subject']['client']['id'] == client.id
    assert 'meta_agency' not in event['subject']['client']


async def test_shapes_differ_from_client_to_client(world: World) -> None:
    account = world.tutorcruncher
    flat = account.full(account.add_client('Flat', email='f@flat.example', shape='flat', created_as_epoch=True))
    bare = account.full(account.add_client('Bare', omitted={'meta_agency.narc', 'user.email'}))
    assert flat['email'] == 'f@flat.example'
    assert 'user' not in flat
    assert isinstance(flat['meta_agency']['created'], int)
    assert 'narc' not in bare['meta_agency']
    assert 'email' not in bare['user']


async def test_retries_after_1_10_100_1000_seconds_then_gives_up(world: World, clock: ManualClock) -> None:
    hermes = Receiver(None)
    world.tutorcruncher.raw({'events': []})
    start, tried = clock.now(), []
    while (due_at := world.outbox.next_due_at()) is not None:
        clock.move_to(due_at)
        tried.append((clock.now() - start).total_seconds())
        await world.outbox.deliver_due(hermes)
    assert tried == [0, 1, 11, 111, 1111]
    assert world.tutorcruncher.integration.newest(1)[0].state == 'given up'


@pytest.mark.parametrize('status', [301, 400, 403, 404, 422])
async def test_no_retry_after_a_final_answer(world: World, status: int) -> None:
    world.tutorcruncher.raw({'events': []})
    await world.outbox.deliver_due(Receiver(status))
    assert world.outbox.waiting == []
    assert world.tutorcruncher.integration.newest(1)[0].state == 'refused'


async def test_ten_failures_switch_it_off_until_a_person_switches_it_on(world: World) -> None:
    account = world.tutorcruncher
    for _ in range(10):
        account.send_snapshot(101)
    await world.outbox.deliver_due(Receiver(403))
    assert not account.integration.enabled
    account.send_snapshot(101)
    assert world.outbox.waiting == []
    assert account.integration.newest(1)[0].state == 'not sent'
    account.enable_integration()
    account.send_snapshot(101)
    assert len(world.outbox.waiting) == 1


async def test_the_same_webhook_again_is_the_same_bytes(world: World, clock: ManualClock) -> None:
    account = world.tutorcruncher
    account.send_snapshot(102)
    clock.advance(5)
    account.resend_last(100, 102)
    hermes = Receiver()
    await world.outbox.deliver_due(hermes)
    assert len(hermes.got) == 101
    assert len({(one.body, one.headers['webhook-signature']) for one in hermes.got}) == 1


async def test_several_events_in_one_request_with_the_other_time_key(world: World) -> None:
    integration = world.tutorcruncher.integration
    integration.split, integration.time_key = False, 'request_time'
    world.tutorcruncher.send_all_snapshots()
    hermes = Receiver()
    await world.outbox.deliver_due(hermes)
    (delivery,) = hermes.got
    assert json.loads(delivery.body)['request_time'] == int(world.clock.now().timestamp())
    assert len(hermes.events()) == 4
    assert all('timestamp' not in event for event in hermes.events())


async def test_a_deletion_is_told_without_the_agency(world: World) -> None:
    world.tutorcruncher.delete(101)
    hermes = Receiver()
    await world.outbox.deliver_due(hermes)
    (event,) = hermes.events()
    assert event['action'] == 'DELETED_A_CLIENT'
    assert 'meta_agency' not in event['subject']


async def test_unsigned_has_no_signature(world: World) -> None:
    world.tutorcruncher.raw_unsigned({'events': []})
    assert 'webhook-signature' not in world.outbox.waiting[0].headers


async def test_an_act_by_name_as_the_control_api_does_it(api: httpx2.AsyncClient, world: World) -> None:
    body = {'system': 'tutorcruncher', 'act': 'sign_up', 'name': 'By Control', 'email': 'c@c.example'}
    answer = await api.post('http://127.0.0.1/_world/act', json=body)
    assert answer.status_code == 200
    assert answer.json()['result']['meta_agency']['name'] == 'By Control'
    with pytest.raises(Unknown):
        world.tutorcruncher.act('full')
    with pytest.raises(Refused):
        world.tutorcruncher.act('edit_client', client_id=101, nonsense=1)


@pytest.mark.parametrize('headers', [{}, {'Authorization': 'token wrong'}, {'Authorization': f'Bearer {KEY}'}])
async def test_the_api_needs_the_token(api: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    assert (await api.get('clients/', headers=headers)).status_code == 401


async def test_listing_is_pages_of_100_stubs(api: httpx2.AsyncClient, world: World) -> None:
    for number in range(200):
        world.tutorcruncher.add_client(f'C{number}', email=f'c{number}@c.example')
    found: list[Any] = []
    page: dict[str, Any] = {}
    url = 'clients/'
    while url:
        page = (await api.get(url, headers=HEADERS)).json()
        found += page['results']
        url = page['next']
    assert page['count'] == len(found) == 204
    assert set(found[0]) == {'id', 'first_name', 'last_name', 'email', 'url'}
    one = await api.get('clients/', params={'user__email': 'c7@c.example'}, headers=HEADERS)
    assert one.json()['count'] == 1
    assert (await api.get('clients/', params={'page': 9}, headers=HEADERS)).status_code == 404


async def test_an_update_is_partial_and_announced(api: httpx2.AsyncClient, world: World) -> None:
    written = {'extra_attrs': {'pipedrive_id': 7, 'termination_category': 'closed-down'}}
    answer = await api.post('clients/101/', json=written, headers=HEADERS)
    assert answer.status_code == 200
    values = {one['machine_name']: one['value'] for one in answer.json()['extra_attrs']}
    assert values['pipedrive_id'] == '7'
    assert values['termination_category'] == 'Closed down'
    assert values['utm_source'] == 'newsletter'
    hermes = Receiver()
    await world.outbox.deliver_due(hermes)
    assert [event['action'] for event in hermes.events()] == ['EDITED_A_CLIENT']


@pytest.mark.parametrize(
    'extra_attrs',
    [{'nobody_knows': 'x'}, {'termination_category': 'Closed down'}, ['pipedrive_id'], {'currency': True}],
)
async def test_a_wrong_write_is_refused_and_changes_nothing(
    api: httpx2.AsyncClient, world: World, extra_attrs: object
) -> None:
    before = world.tutorcruncher.dump()
    answer = await api.post('clients/101/', json={'extra_attrs': extra_attrs}, headers=HEADERS)
    assert answer.status_code == 400
    assert 'extra_attrs' in answer.json()
    assert world.tutorcruncher.dump() == before


async def test_deleted_means_gone_for_the_api_until_recovered(api: httpx2.AsyncClient, world: World) -> None:
    answer = await api.delete('clients/101/', headers=HEADERS)
    assert answer.json() == {'message': 'Successfully deleted role 101: Hannah Price'}
    assert (await api.get('clients/101/', headers=HEADERS)).status_code == 404
    world.tutorcruncher.recover(101)
    assert (await api.get('clients/101/', headers=HEADERS)).json()['id'] == 101


async def test_the_101st_request_of_a_minute_is_refused(api: httpx2.AsyncClient, clock: ManualClock) -> None:
    statuses = [(await api.get('clients/101/', headers=HEADERS)).status_code for _ in range(101)]
    assert statuses == [200] * 100 + [429]
    clock.advance(60)
    assert (await api.get('clients/101/', headers=HEADERS)).status_code == 200


async def test_answers_carry_the_worlds_time(api: httpx2.AsyncClient) -> None:
    assert (await api.get('clients/101/', headers=HEADERS)).headers['date'] == 'Mon, 02 Mar 2026 09:30:00 GMT'


async def test_the_state_survives_being_kept(world: World) -> None:
    world.tutorcruncher.sign_up('Kept', email='k@kept.example', sales_person=11)
    world.tutorcruncher.pay_invoice(101)
    await world.outbox.deliver_due(Receiver(500))
    kept = json.loads(json.dumps(world.dump()))
    other = World(ManualClock(world.clock.now()), random.Random(7), world.hermes_url, world.secrets)
    other.load(kept)
    assert other.tutorcruncher.dump() == world.tutorcruncher.dump()
    assert other.tutorcruncher.state() == world.tutorcruncher.state()
