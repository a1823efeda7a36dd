"""Alerts: what is wrong reaches whoever looks after Hermes, by mail over real SMTP and by a webhook whose listener
judges the signature by the published scheme; quietly, and once more when it is well again.
"""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from hermes.db.reads.status import read_status
from hermes.domain.errors import Retry
from hermes.parts.secrets import secrets_of
from hermes.ports import Letter
from hermes.sync import connect
from hermes.sync.alerts import Telling
from tests.flows import faults
from tests.flows.alerts import DAY, HOUR, LISTENER, MINUTE, WHSEC, Listener, Watch, park, telling_of
from tests.flows.companies import sign_up
from tests.flows.letters import Post, open_post

NEXT_WHSEC = 'whsec_' + base64.b64encode(bytes(range(40, 72))).decode()


@pytest.fixture
async def watch(database_url: str) -> AsyncIterator[Watch]:
    async with open_post(database_url) as post:
        listener = Listener()
        yield Watch(post, listener, telling_of(post, listener))


async def mend(post: Post) -> None:
    """Somebody puts away what nobody wants."""
    [row] = await post.house.rows("select min(id) as id from event where state = 'parked'")
    await post.house.act('event.dismiss', event=row['id'], reason='a trial of theirs')


@pytest.mark.behaviour('ALERT-1', 'ALERT-4')
@pytest.mark.lesson('M-54')
async def test_what_is_wrong_is_told_once_over_both_channels_and_then_ever_more_rarely(watch: Watch) -> None:
    await watch.watch(5 * MINUTE)
    assert (watch.mails(), watch.listener.tries) == ([], []), 'nothing is wrong'
    await park(watch.post)
    await watch.look()
    await watch.watch(2 * MINUTE)
    assert (watch.mails(), watch.listener.tries) == ([], []), 'it may be over in a moment'
    await watch.watch(MINUTE)
    [mail], [(_, body)] = watch.mails(), watch.listener.tries
    assert mail['subject'] == 'Hermes needs you: parked events'
    assert '1 event parked' in mail['text']
    assert 'hermes events list --state parked' in mail['text']
    assert body == {
        'type': 'alert.opened',
        'timestamp': body['timestamp'],
        'data': {
            'condition': 'parked', 'about': 'events', 'sentence': '1 event parked',
            'command': 'hermes events list --state parked', 'since': body['data']['since'], 'told': 1,
            'ended_at': None, 'hermes': 'http://127.0.0.1:8000',
        },
    }  # fmt: skip
    told_after: list[timedelta] = []
    start, known = watch.post.house.clock.now(), 1
    for _ in range(4 * 24 * 4):
        await watch.watch(15 * MINUTE, 15 * MINUTE)
        if len(watch.mails()) > known:
            known = len(watch.mails())
            told_after.append(watch.post.house.clock.now() - start)
    assert told_after == [HOUR, 5 * HOUR, 5 * HOUR + DAY, 5 * HOUR + 2 * DAY, 5 * HOUR + 3 * DAY]
    assert watch.listener.types == ['alert.opened', *['alert.repeated'] * 5]
    assert watch.mails()[1]['subject'] == 'Hermes still needs you: parked events'


@pytest.mark.behaviour('ALERT-2')
async def test_what_is_over_before_it_was_told_is_never_told(watch: Watch) -> None:
    for _ in range(3):
        await park(watch.post)
        await watch.look()
        await watch.watch(2 * MINUTE)
        await mend(watch.post)
        await watch.watch(10 * MINUTE)
    assert (watch.mails(), watch.listener.tries) == ([], [])
    assert await watch.post.house.rows('select 1 from alert') == []


@pytest.mark.behaviour('ALERT-2', 'ALERT-3')
async def test_that_it_is_well_again_is_told_once_and_what_comes_and_goes_is_one_alert(watch: Watch) -> None:
    await park(watch.post)
    await watch.look()
    await watch.watch(4 * MINUTE)
    await mend(watch.post)
    await watch.watch(4 * MINUTE)
    await park(watch.post)
    await watch.watch(5 * MINUTE)
    assert watch.listener.types == ['alert.opened'], 'it was away for a moment'
    await mend(watch.post)
    await watch.watch(6 * MINUTE)
    assert watch.listener.types == ['alert.opened', 'alert.ended']
    ended = watch.listener.tries[1][1]['data']
    assert ended['since'] < ended['ended_at']
    assert 'Hermes is well again: parked events' in [mail['subject'] for mail in watch.mails()]
    for _ in range(2):
        await park(watch.post)
        await watch.watch(8 * MINUTE)
        await mend(watch.post)
        await watch.watch(8 * MINUTE)
    assert watch.listener.types == ['alert.opened', 'alert.ended'], 'within the hour nobody hears of it again'
    await park(watch.post)
    await watch.watch(HOUR)
    assert watch.listener.types == ['alert.opened', 'alert.ended', 'alert.repeated'], 'but if it stays'
    assert len(await watch.post.house.rows('select 1 from alert')) == 1


@pytest.mark.behaviour('ALERT-1', 'ALERT-3')
async def test_a_system_that_refuses_our_credentials_is_told_and_that_it_works_again(watch: Watch) -> None:
    house = watch.post.house
    broken = faults.on(house)
    for method in ('GET', 'POST', 'PATCH'):
        broken.add(method, '/pipedrive/', faults.answer(401, {'success': False, 'error': 'unauthorized'}), 1000)
    sign_up(house, 'Marigold Tutors', email='owner@marigold.example')
    await house.settle(30)
    await watch.look()
    await watch.watch(4 * MINUTE)
    [body] = [body for _, body in watch.listener.tries]
    assert (body['data']['condition'], body['data']['about']) == ('paused', 'pipedrive')
    assert body['data']['sentence'].startswith('pipedrive is paused (OUT-7')
    assert body['data']['command'] == 'hermes doctor'
    broken.clear()
    await connect.try_credentials(house.engine)
    await house.settle(30)
    await watch.watch(10 * MINUTE)
    assert watch.listener.types == ['alert.opened', 'alert.ended']
    whole = json.dumps([body for _, body in watch.listener.tries]) + str(watch.mails())
    for word in ('arigold', *secrets_of(house.settings), WHSEC, LISTENER):
        assert word not in whole


@pytest.mark.behaviour('ALERT-6')
async def test_what_a_person_wrote_for_a_reason_is_masked(watch: Watch) -> None:
    house = watch.post.house
    key = house.settings.pd_api_key.get_secret_value()
    reason = f'owner@marigold.example says so, call +44 20 7946 0018, with {key}'
    await house.act('system.pause', system='pipedrive', reason=reason)
    await watch.look()
    await watch.watch(4 * MINUTE)
    [(_, body)] = watch.listener.tries
    assert body['data']['sentence'] == 'pipedrive is paused (*** says so, call ***, with ***)'
    whole = json.dumps(body) + str(watch.mails()) + str(await house.rows('select * from alert'))
    for word in ('marigold', '7946', key):
        assert word not in whole


@pytest.mark.behaviour('ALERT-4')
async def test_while_secrets_are_changed_every_one_of_them_signs(watch: Watch) -> None:
    watch.telling = telling_of(watch.post, watch.listener, alert_webhook_secret=f'{NEXT_WHSEC}, {WHSEC}')
    await park(watch.post)
    await watch.look()
    await watch.watch(4 * MINUTE)
    assert len(watch.listener.tries) == 1
    assert len(watch.listener.headers['webhook-signature'].split(' ')) == 2


@pytest.mark.behaviour('ALERT-5')
async def test_a_listener_that_fails_is_tried_again_with_the_same_id_and_holds_up_no_mail(watch: Watch) -> None:
    watch.listener.status = 500
    await park(watch.post)
    await watch.look()
    await watch.watch(30 * MINUTE)
    assert [mail['subject'] for mail in watch.mails()][:1] == ['Hermes needs you: parked events']
    first = watch.listener.tries[0][0]
    assert 4 <= [number for number, _ in watch.listener.tries].count(first) <= 8, 'ever later'
    with psycopg.connect(watch.post.house.engine.database.url) as connection:
        connection.execute("select set_config('hermes.now', %s, false)", (watch.post.house.clock.now().isoformat(),))
        said = read_status(connection).attention
    assert 'alerts do not get out over webhook: it answers 500: "hermes alerts test"' in said
    assert 'Hermes needs you: untold webhook' in [mail['subject'] for mail in watch.mails()]
    watch.listener.status = 200
    watch.listener.tries.clear()
    await watch.watch(HOUR, 5 * MINUTE)
    assert {body['data']['condition'] for _, body in watch.listener.tries} == {'parked', 'untold'}
    assert await watch.tries('due') == 0


@pytest.mark.behaviour('ALERT-5')
async def test_of_an_alert_that_could_not_be_told_only_the_newest_news_go_out(watch: Watch) -> None:
    watch.listener.status = 503
    await park(watch.post)
    await watch.look()
    await watch.watch(5 * MINUTE)
    await mend(watch.post)
    await watch.watch(10 * MINUTE)
    watch.listener.status = 204
    watch.listener.tries.clear()
    await watch.watch(HOUR, 5 * MINUTE)
    assert [body['type'] for _, body in watch.listener.tries if body['data']['about'] == 'events'] == ['alert.ended']


@pytest.mark.behaviour('ALERT-5')
async def test_a_listener_that_wants_nothing_any_more_is_left_alone(watch: Watch) -> None:
    watch.listener.status = 410
    await park(watch.post)
    await watch.look()
    await watch.watch(30 * MINUTE)
    assert [body['data']['condition'] for _, body in watch.listener.tries] == ['parked', 'untold'], 'each once'


class Died(BaseException):
    """The worker was killed."""


@pytest.mark.behaviour('ALERT-5')
@pytest.mark.parametrize('channel', ['webhook', 'mail'])
async def test_a_worker_killed_between_delivering_and_noting_it_sends_it_once_more_with_the_same_id(
    watch: Watch, channel: str
) -> None:
    await park(watch.post)
    await watch.look()
    watch.post.house.clock.advance(200)
    channels = {key: courier for key, courier in watch.telling.channels.items() if key[0] == channel}
    watch.telling = Telling(channels)
    engine, deaths = watch.post.house.engine, 0

    async def die(moment: str) -> None:
        nonlocal deaths
        sent = len(watch.listener.tries) + sum(mail['count'] for mail in watch.mails())
        if moment == 'before commit' and sent and not deaths:
            deaths += 1
            raise Died

    engine.database.hook = die
    with pytest.raises(Died):
        await watch.look()
    engine.database.hook = None
    await watch.watch(HOUR / 2)
    if channel == 'webhook':
        assert len(watch.listener.tries) == 2
        assert len({number for number, _ in watch.listener.tries}) == 1
    else:
        assert [mail['count'] for mail in watch.mails()] == [2], 'a reader sees it once'
    assert await watch.tries('sent') == 1


@pytest.mark.behaviour('ALERT-4')
async def test_each_channel_is_optional_and_plan_mode_silences_none(watch: Watch) -> None:
    watch.post.house.engine.push_mode = 'plan'
    watch.telling = telling_of(watch.post, watch.listener, alert_webhook_url='', alert_webhook_secret='')
    await park(watch.post)
    await watch.look()
    await watch.watch(4 * MINUTE)
    assert (len(watch.mails()), watch.listener.tries) == (1, [])
    watch.telling = Telling()
    await watch.watch(2 * HOUR, 10 * MINUTE)
    assert len(watch.mails()) == 1, 'nobody is told, and it is kept what is wrong'
    [row] = await watch.post.house.rows('select told, ended_at from alert')
    assert row == {'told': 2, 'ended_at': None}


@pytest.mark.behaviour('ALERT-5')
async def test_a_mail_server_that_is_away_holds_up_no_webhook(watch: Watch) -> None:
    class Away:
        async def send(self, letter: Letter) -> None:
            raise Retry('the mail server does not answer')

    for courier in watch.telling.channels.values():
        if hasattr(courier, '_mailer'):
            courier._mailer = Away()
    await park(watch.post)
    await watch.look()
    await watch.watch(4 * MINUTE)
    assert watch.listener.types == ['alert.opened']
    assert watch.mails() == []
