"""`hermes alerts`, what `doctor` says of them, and settings of theirs that cannot work."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hermes.cli import app
from hermes.cli.failures import sentence_of
from hermes.settings import SettingsError, load
from hermes.sync.alerts import alert_step
from tests.flows.alerts import OPS, WHSEC, Listener, Watch, park, telling_of
from tests.flows.letters import Post, open_post

pytestmark = pytest.mark.behaviour('ALERT-7')


@pytest.fixture
async def watch(database_url: str) -> AsyncIterator[Watch]:
    async with open_post(database_url) as post:
        listener = Listener()
        yield Watch(post, listener, telling_of(post, listener))


async def hermes(post: Post, *words: str, **env: str) -> Result:
    """One command in the world of a house with a mail server."""
    smtp = post.settings.smtp_url.get_secret_value()
    given = {
        'DATABASE_URL': post.house.settings.database_url, 'HERMES_SANDBOX': '1', 'SMTP_URL': smtp,
        'TC2_BASE_URL': 'http://127.0.0.1:9/tc2', 'PD_BASE_URL': 'http://127.0.0.1:9/pipedrive',
        'MAIL_FROM': post.settings.mail_from, 'HERMES_URL': post.house.settings.hermes_url, **env,
    }  # fmt: skip
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(words), env=given))


async def listen_once(status: int) -> tuple[asyncio.Server, str]:
    """A listener on a real socket that answers `status`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b'\r\n\r\n')
        [size] = [int(line.split(b':')[1]) for line in head.lower().split(b'\r\n') if line[:15] == b'content-length:']
        await reader.readexactly(size)
        writer.write(f'HTTP/1.1 {status} Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, '127.0.0.1', 0)
    return server, f'http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hermes'


@pytest.mark.parametrize(('status', 'code'), [(202, 0), (500, 2)])
async def test_a_trial_says_what_every_channel_answers(watch: Watch, status: int, code: int) -> None:
    server, url = await listen_once(status)
    told = await hermes(
        watch.post, 'alerts', 'test', ALERT_EMAIL=OPS, ALERT_WEBHOOK_URL=url, ALERT_WEBHOOK_SECRET=WHSEC
    )
    server.close()
    await server.wait_closed()
    assert told.exit_code == code, told.output
    assert f'mail to {OPS}: the mail server has taken it' in told.output
    assert f'webhook: it answers {status}' in told.output
    [mail] = watch.mails()
    assert (mail['subject'], 'nothing is wrong' in mail['text']) == ('Hermes tries its alerts', True)


async def test_a_listener_that_is_not_there_is_told_without_its_address(watch: Watch) -> None:
    url = 'http://127.0.0.1:9/of-the-listener'
    told = await hermes(watch.post, 'alerts', 'test', '--json', ALERT_WEBHOOK_URL=url, ALERT_WEBHOOK_SECRET=WHSEC)
    assert told.exit_code == 2
    [answer] = json.loads(told.stdout)
    assert (answer['channel'], answer['ok']) == ('webhook', False)
    assert 'of-the-listener' not in told.output


async def test_without_a_channel_it_is_said_what_to_set(watch: Watch) -> None:
    told = await hermes(watch.post, 'alerts', 'test')
    assert told.exit_code == 1
    assert 'ALERT_EMAIL' in (told.stderr or sentence_of(told.exception))  # type: ignore[arg-type]


async def test_the_list_says_what_is_open_and_when_it_was_told(watch: Watch) -> None:
    assert (await hermes(watch.post, 'alerts', 'list')).stdout.strip() == 'no alerts'
    await park(watch.post)
    watch.listener.status = 500
    await watch.look()
    watch.post.house.clock.advance(200)
    await watch.look()
    [row] = json.loads((await hermes(watch.post, 'alerts', 'list', '--json')).stdout)
    assert (row['name'], row['told'], row['over'], row['ended_at']) == ('parked events', 1, 'mail', None)
    assert row['failed'] == 'webhook: it answers 500'
    shown = (await hermes(watch.post, 'alerts', 'list')).stdout
    assert 'parked events' in shown
    assert 'hermes events list --state parked' in shown


@pytest.mark.parametrize(
    ('env', 'state', 'said'),
    [
        ({}, 'skipped', 'nobody is told'),
        ({'ALERT_EMAIL': OPS}, 'ok', 'told by mail to 1'),
        ({'ALERT_EMAIL': OPS, 'SMTP_URL': ''}, 'todo', 'no mail server'),
    ],
)
async def test_the_doctor_says_whether_anybody_would_hear(
    watch: Watch, env: dict[str, str], state: str, said: str
) -> None:
    told = json.loads((await hermes(watch.post, 'doctor', '--offline', '--json', **env)).stdout)
    [found] = [each for each in told['findings'] if each['name'] == 'alerts']
    assert found['state'] == state
    assert said in found['said']


async def test_the_doctor_says_that_they_do_not_get_out(watch: Watch) -> None:
    watch.listener.status = 410
    await park(watch.post)
    await watch.look()
    watch.post.house.clock.advance(200)
    await watch.look()
    env = {'ALERT_WEBHOOK_URL': 'http://127.0.0.1:9/', 'ALERT_WEBHOOK_SECRET': WHSEC}
    told = json.loads((await hermes(watch.post, 'doctor', '--offline', '--json', **env)).stdout)
    [found] = [each for each in told['findings'] if each['name'] == 'alerts']
    assert found['state'] == 'todo'
    assert 'webhook: it answers 410' in found['said']


LIVE = {
    'secret_key': 'Vq3rT8yLw0Zx5Nf2Kd7Hs9Jb1Mc4Pg6X', 'signing_key': 'Vq3rT8yLw0Zx5Nf2Kd7Hs9Jb1Mc4Pg6X',
    'api_key': 'Vq3rT8yLw0Zx5Nf2Kd7Hs9Jb1Mc4Pg6X', '_env_file': None,
}  # fmt: skip


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        ({'alert_email': 'ops'}, 'ALERT_EMAIL: must be e-mail addresses'),
        ({'alert_email': 'ops@a.example, <b@b.example>'}, 'ALERT_EMAIL: must be e-mail addresses'),
        ({'alert_email': OPS}, 'ALERT_EMAIL: nobody can be mailed without SMTP_URL'),
        ({'alert_webhook_url': 'ftp://here/'}, 'ALERT_WEBHOOK_URL: must be an address'),
        ({'alert_webhook_url': 'https://'}, 'ALERT_WEBHOOK_URL: must be an address'),
        ({'alert_webhook_url': 'https://a.example:99999/'}, 'ALERT_WEBHOOK_URL: must be an address'),
        ({'alert_webhook_url': 'https://a.example/'}, 'ALERT_WEBHOOK_SECRET: must be set beside'),
        ({'alert_webhook_secret': 'a-secret'}, 'ALERT_WEBHOOK_SECRET: must be whsec_'),
        ({'alert_webhook_secret': 'whsec_c2hvcnQ='}, 'ALERT_WEBHOOK_SECRET: must be whsec_'),
        ({'alert_webhook_secret': 'whsec_!!!!'}, 'ALERT_WEBHOOK_SECRET: must be whsec_'),
        ({'alert_webhook_secret': 'whsec_' + 'A' * 32}, 'ALERT_WEBHOOK_SECRET: too easy to guess'),
        ({'people_callback_url': 'https://'}, 'PEOPLE_CALLBACK_URL: must be an address'),
        ({'people_callback_url': 'https://a.example/'}, 'PEOPLE_CALLBACK_SECRET: must be set beside'),
        ({'people_callback_secret': 'whsec_!!!!'}, 'PEOPLE_CALLBACK_SECRET: must be whsec_'),
        ({'database_limit_mb': '0'}, 'DATABASE_LIMIT_MB'),
    ],
)
def test_a_setting_that_cannot_work_is_one_sentence(given: Mapping[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as told:
        load({**LIVE, **given}).require_secrets()
    assert said in str(told.value)
    assert not [value for value in given.values() if len(value) > 10 and value in str(told.value)]


@pytest.mark.parametrize('name', ['alert_webhook', 'people_callback'])
def test_the_sandbox_tells_nobody_outside_this_machine(name: str) -> None:
    given = {f'{name}_url': 'https://a.example/', f'{name}_secret': WHSEC, 'hermes_sandbox': True}
    with pytest.raises(SettingsError, match='must be on this machine'):
        load({**LIVE, 'tc2_base_url': 'http://127.0.0.1:1', 'pd_base_url': 'http://127.0.0.1:1', **given})


@pytest.mark.behaviour('OUT-7')
@pytest.mark.parametrize(
    ('reason', 'mend'),
    [
        ('OUT-7: Pipedrive refuses (401)', 'mend the credentials; it goes on by itself'),
        ('maintenance', 'when it may go on: "hermes resume pipedrive"'),
    ],
)
async def test_the_doctor_asks_for_a_word_only_where_a_pause_does_not_end_by_itself(
    watch: Watch, reason: str, mend: str
) -> None:
    house = watch.post.house
    await house.act('system.pause', system='pipedrive', reason=reason)
    told = json.loads((await hermes(watch.post, 'doctor', '--offline', '--json', PD_API_KEY='a-token')).stdout)
    [found] = [each for each in told['findings'] if each['name'] == 'pipedrive']
    assert (found['said'], found['todo']) == (f'paused: {reason}', mend)


@pytest.mark.behaviour('ALERT-1')
async def test_a_database_that_is_almost_full_is_told(watch: Watch) -> None:
    assert 'almost full' not in (await hermes(watch.post, 'status')).stdout
    told = await hermes(watch.post, 'status', '--check', DATABASE_LIMIT_MB='1')
    assert told.exit_code == 2
    assert 'the database is almost full: 0 MB of 1 MB are free' in told.stdout
    small = replace(watch.telling, limit_bytes=2**20)
    for _ in range(2):
        await alert_step(watch.post.house.engine, small)
        watch.post.house.clock.advance(200)
    [(_, body)] = watch.listener.tries
    assert (body['data']['condition'], body['data']['about']) == ('room', '')
