"""Who may deliver: nothing unauthenticated is parsed or stored, and what is refused leaves a count and no trace of
itself.
"""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from hermes.kit.logs import configure
from hermes.kit.redaction import MASK, Redaction
from hermes.kit.signing import sign
from hermes.web.webhooks import Refusal, read_body
from tests.waiting import PATIENCE_S
from tests.web.conftest import BODY, PASSWORDS, SECRETS, Open, World, open_world, world

__all__ = ['open_world', 'world']

REFUSALS = 'select source, reason, count from refusal order by source, reason'


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure('DEBUG', stream=stream, pretty=False)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.invariant('S1')
async def test_only_the_right_signature_over_the_raw_bytes_opens(world: World) -> None:
    wrong: tuple[dict[bytes, bytes], ...] = (
        {},
        {b'webhook-signature': b''},
        {b'webhook-signature': 'é'.encode()},
        {b'webhook-signature': sign(BODY, 'another secret').encode()},
        {b'webhook-signature': sign(BODY + b' ', SECRETS[0]).encode()},
        {b'webhook-signature': sign(BODY, SECRETS[0])[:-1].encode()},
    )
    for headers in wrong:
        answer = await world.http.post('/tc2/callback/', content=BODY, headers=headers)
        assert (answer.status_code, answer.json()['status']) == (403, 'error')
    assert await world.rows() == []
    assert (await world.tc2(BODY, secret=SECRETS[1])).status_code == 200


@pytest.mark.invariant('S1')
@pytest.mark.behaviour('D-20')
async def test_pipedrive_needs_the_right_user_and_password(world: World) -> None:
    for user, password in (('hermes', 'wrong'), ('somebody', PASSWORDS[0]), ('', ''), ('hermes', '')):
        answer = await world.pipedrive(b'{}', user=user, password=password)
        assert answer.status_code == 401
        assert answer.headers['www-authenticate'].startswith('Basic ')
    assert (await world.http.post('/pipedrive/callback/', content=b'{}')).status_code == 401
    assert await world.rows() == []
    assert (await world.pipedrive(b'{}', password=PASSWORDS[1])).status_code == 200


@pytest.mark.invariant('S1')
async def test_no_secret_configured_is_closed(open_world: Open) -> None:
    async with open_world(secrets=('',), passwords=()) as world:
        assert (await world.tc2(BODY, secret='')).status_code == 503
        assert (await world.pipedrive(BODY, password='')).status_code == 503
        assert await world.rows() == []


@pytest.mark.invariant('S1')
async def test_what_is_not_signed_is_not_parsed(world: World) -> None:
    answer = await world.http.post('/tc2/callback/', content=b'not json', headers={'webhook-signature': 'wrong'})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    'body', [b'', b'not json', b'{"a": 1,}', b'\xff\xfe\xfa', b'[' * 100_000, b'9' * 5_000, b'\x00']
)
async def test_what_is_not_json_is_refused_and_counted(world: World, body: bytes) -> None:
    answer = await world.tc2(body)
    assert (answer.status_code, answer.json()) == (400, {'status': 'error', 'message': 'The body is not JSON.'})
    assert await world.rows() == []
    await world.app.state.refusals.flush()
    assert await world.rows(REFUSALS) == [('tutorcruncher', 'not JSON', 1)]


async def test_two_megabytes_are_read_and_not_a_byte_more(world: World) -> None:
    assert (await world.tc2(b' ' * 5_000_000)).status_code == 413
    largest = b'"' + b'x' * (2 * 1024 * 1024 - 2) + b'"'
    assert (await world.tc2(largest)).status_code == 200
    taken = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(100):
            taken += 100_000
            yield b' ' * 100_000

    answer = await world.http.post('/tc2/callback/', content=stream(), headers={'webhook-signature': 'x'})
    assert answer.status_code == 413
    assert len(await world.rows()) == 1


async def test_a_truncated_body_is_refused(world: World) -> None:
    answer = await world.tc2(BODY, **{'Content-Length': str(len(BODY) + 1)})
    assert answer.status_code == 400
    assert await world.rows() == []


@pytest.mark.invariant('S18', 'S8')
async def test_refusals_are_counted_written_once_and_logged_once_without_what_was_sent(
    world: World, logged: io.StringIO
) -> None:
    for _ in range(50):
        await world.tc2(b'{"canary": "canary-in-body"}', secret='canary-in-signature')
        await world.pipedrive(b'{}', user='canary-user', password='canary-wrong')
    assert await world.rows(REFUSALS) == []
    await world.app.state.refusals.flush()
    await world.app.state.refusals.flush()
    assert await world.rows(REFUSALS) == [
        ('pipedrive', 'wrong signature', 50),
        ('tutorcruncher', 'wrong signature', 50),
    ]
    lines = logged.getvalue()
    assert lines.count('delivery refused') == 2
    assert 'canary' not in lines


@pytest.mark.invariant('S8')
def test_logs_mask_secrets_and_persons_wherever_they_stand(logged: io.StringIO) -> None:
    configure('INFO', stream=logged, pretty=False, secrets=['canary-live-secret'])
    log = structlog.get_logger('test')
    log.info(
        'asked https://u:canary-pw@host/x?api_token=canary-token', authorization='canary', detail=[{'e-mail': 'canary'}]
    )
    log.info(
        'with canary-live-secret',
        who='canary@example.org',
        phone='canary',
        text='call 0207 1128 953 or +44 20 7112 8953',
    )
    logging.getLogger('library').warning('Bearer %s', 'canary.canary.canary')
    try:
        raise ValueError('Key (email)=(canary@example.org) exists')
    except ValueError:
        log.exception('failed')
        logging.getLogger('library').exception('failed')
    lines = logged.getvalue()
    assert lines.count('\n') == 5
    assert 'canary' not in lines
    assert '953' not in lines
    assert lines.count('ValueError') >= 2


def test_redaction_leaves_plain_facts_alone() -> None:
    plain = {
        'event': 'pushed company 1000012 at 2026-01-02T03:04:05Z',
        'tokens': 5,
        'system': 'pipedrive',
        'event_id': 12,
    }
    assert Redaction()(None, 'info', dict(plain)) == plain
    assert Redaction().entry('signature', 'abc') == MASK


@pytest.mark.parametrize('begun', [False, True])
async def test_a_sender_that_falls_silent_after_its_headers_is_let_go(begun: bool) -> None:
    messages = [{'type': 'http.request', 'body': b'{', 'more_body': True}] if begun else []

    async def receive() -> dict[str, object]:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Refusal) as refused:
            await read_body(receive, {'content-length': '2'}, timeout_s=0.05)
    assert refused.value.status == 408
