"""The door of the web application: who is let in by the headers alone, under which name, from where, and how much of
what nobody vouches for is held at a time.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message

from hermes.booking.terms import Terms
from hermes.kit.signing import basic_auth, channel_token, sign
from hermes.web.door import faces_the_world
from hermes.web.intake import GaveWay, Gone, Intake, TooLarge
from hermes.web.security import client_address, trusted_networks
from tests.web.conftest import BODY, PASSWORDS, SECRETS, Open, World, open_world, world

__all__ = ['open_world', 'world']

LOCAL_ONLY = ('/metrics', '/docs', '/openapi.json', '/metrics/')
TOKEN = 'a-token-of-the-tests-only'
PROXY = trusted_networks(['10.0.0.0/24'])


# -- M-8: this machine is no identity where proxies stand in front ----


async def seen(world: World, **headers: str) -> set[int]:
    """How /metrics and its like answer."""
    return {(await world.http.get(path, headers=headers)).status_code for path in LOCAL_ONLY[:3]}


@pytest.mark.invariant('S14')
@pytest.mark.lesson('M-8')
async def test_figures_are_for_this_machine_while_nobody_forwards_from_it(open_world: Open) -> None:
    for hosts in (None, ['localhost'], ['127.0.0.1', '::1']):
        async with open_world(hosts=hosts) as world:
            local = {'Host': 'localhost:8000'}
            assert await seen(world, **local) == {200}
            for header in ('X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'Via', 'X-Forwarded-Host'):
                assert await seen(world, **local, **{header: '127.0.0.1'}) == {404}
    async with open_world(peer='203.0.113.9') as world:
        for headers in ({}, {'X-Forwarded-For': '127.0.0.1'}, {'X-Real-IP': '127.0.0.1'}):
            assert await seen(world, **headers) == {404}
            assert (await world.http.get('/metrics/', headers=headers)).status_code == 404


@pytest.mark.lesson('M-8')
@pytest.mark.parametrize(
    'facing',
    [
        {'hosts': ['hermes.example']},
        {'trusted_proxies': ['127.0.0.1']},
        {'trusted_proxies': ['10.0.0.0/24'], 'peer': '10.0.0.5'},
        {'hosts': ['localhost', 'hermes.example']},
    ],
)
async def test_whoever_faces_the_world_shows_figures_for_a_token_only(open_world: Open, facing: dict[str, Any]) -> None:
    """A proxy on this machine may send no header at all, and any Host."""
    async with open_world(**facing, metrics_token=TOKEN) as world:
        named = {'Host': 'localhost'}
        assert await seen(world, **named) == {404}
        assert await seen(world, **named, **{'X-Forwarded-For': '127.0.0.1'}) == {404}
        for wrong in (f'Bearer {TOKEN}x', 'Bearer ', 'Bearer', TOKEN, basic_auth('', TOKEN)):
            assert await seen(world, **named, Authorization=wrong) == {404}
        assert await seen(world, **named, Authorization=f'Bearer {TOKEN}') == {200}
    async with open_world(**facing) as world:
        for nothing in ('', 'Bearer', 'Bearer '):
            assert await seen(world, Host='localhost', Authorization=nothing) == {404}


@pytest.mark.lesson('M-8')
async def test_hermes_answers_to_its_own_names_only(open_world: Open) -> None:
    """A page of another site that points a name of its own at this machine reaches nothing (DNS rebinding)."""
    async with open_world(hosts=['Hermes.example', 'web', '[2001:db8::7]']) as world:
        for path in ('/', '/health', '/metrics', '/tc2/callback/', '/callbooker/availability/', '/nothing'):
            for name in ('rebound.example', 'hermes.example.evil.example', '', 'evil@hermes.example', '10.0.0.7'):
                answer = await world.http.get(path, headers={'Host': name})
                assert (answer.status_code, answer.json()['code']) == (421, 'misdirected')
        for name in ('hermes.example', 'HERMES.example:443', 'web:8000', 'localhost', '127.0.0.1:8000', '127.9.9.9',
                     '[::1]:8000', '[2001:db8::7]', 'hermes.example.'):  # fmt: skip
            assert (await world.http.get('/health', headers={'Host': name})).status_code == 200, name
        twice = [('Host', 'hermes.example'), ('Host', 'rebound.example')]
        assert (await world.http.get('/health', headers=twice)).status_code == 421


def test_who_faces_the_world() -> None:
    assert not faces_the_world(['localhost', '127.0.0.1', '::1'], ())
    assert not faces_the_world([], ())
    assert faces_the_world(['hermes.example'], ())
    assert faces_the_world(['localhost'], PROXY)


def address(peer: str = '10.0.0.5', **headers: str) -> str:
    told = [(name.replace('_', '-').encode(), value.encode()) for name, value in headers.items()]
    return client_address({'type': 'http', 'client': (peer, 1), 'headers': told}, PROXY)


@pytest.mark.invariant('S14')
@pytest.mark.lesson('M-8')
@pytest.mark.parametrize(
    ('headers', 'who'),
    [
        ({'x_real_ip': '203.0.113.9'}, '203.0.113.9'),
        ({'x_real_ip': '2001:db8::9'}, '2001:db8::9'),
        ({'forwarded': 'for=203.0.113.9'}, '203.0.113.9'),
        ({'forwarded': 'for=198.51.100.1, For="203.0.113.9:4711";proto=https;by=10.0.0.5'}, '203.0.113.9'),
        ({'forwarded': 'proto=https;for="[2001:db8::9]:4711", for=10.0.0.6'}, '2001:db8::9'),
        ({'x_forwarded_for': '198.51.100.1, 203.0.113.9, 10.0.0.6'}, '203.0.113.9'),
        ({'x_forwarded_for': '203.0.113.9:80'}, '203.0.113.9'),
        ({'x_forwarded_for': '203.0.113.9', 'x_real_ip': '203.0.113.9'}, '203.0.113.9'),
        ({'x_forwarded_for': '203.0.113.9', 'x_real_ip': '10.0.0.6'}, '203.0.113.9'),
        ({'x_forwarded_for': '::ffff:203.0.113.9'}, '203.0.113.9'),
        ({}, '10.0.0.5'),
        ({'x_forwarded_for': ''}, '10.0.0.5'),
        ({'forwarded': 'for=unknown'}, ''),
        ({'x_real_ip': 'nobody'}, ''),
    ],
)
def test_a_trusted_proxy_says_who_asks_in_any_of_three_headers(headers: dict[str, str], who: str) -> None:
    assert address(**headers) == who
    assert address('198.51.100.7', **headers) == '198.51.100.7', 'nobody else is believed'


@pytest.mark.invariant('S14')
@pytest.mark.lesson('M-8')
def test_what_a_visitor_adds_makes_nobody_else_of_them() -> None:
    """A proxy writes one header and lets the others through: where they do not agree, nobody is believed, and all who
    try share one limit.
    """
    real = '203.0.113.9'
    for number in range(3):
        forged = f'198.51.100.{number}'
        for mine, theirs in (('x_real_ip', 'x_forwarded_for'), ('x_forwarded_for', 'forwarded'),
                             ('forwarded', 'x_real_ip')):  # fmt: skip
            values = {'forwarded': 'for={}'}
            told = {mine: values.get(mine, '{}').format(real), theirs: values.get(theirs, '{}').format(forged)}
            assert address(**told) == ''
    assert address(x_forwarded_for='198.51.100.1, ' * 4_000 + real) == real


@pytest.mark.lesson('M-7')
def test_neighbours_in_one_network_of_ipv6_are_one_client() -> None:
    terms = Terms('Hermes', '', '', hash_key='k')
    same = {terms.client_of(f'2001:db8:0:7{tail}') for tail in ('::1', '::2', ':ffff:ffff:ffff:ffff')}
    assert len(same) == 1
    assert terms.client_of('2001:db8:0:8::1') not in same
    assert terms.client_of('::ffff:203.0.113.9') == terms.client_of('203.0.113.9')
    assert len({terms.client_of(f'::ffff:203.0.113.{number}') for number in range(5)}) == 5
    assert terms.client_of('fe80::1%eth0') == terms.client_of('fe80::2%eth1')


# -- M-6: what the headers give away is not read; what is read unvouched has little room ----


async def say(app: Any, path: str, headers: dict[str, str], *messages: Message) -> tuple[int, int]:
    """The status of a request, and how often its body was asked for."""
    asked, answers, left = 0, [], list(messages)

    async def receive() -> Message:
        nonlocal asked
        asked += 1
        return left.pop(0)

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {
        'type': 'http', 'method': 'POST', 'path': path, 'raw_path': path.encode(), 'query_string': b'',
        'client': ('127.0.0.1', 1),
        'headers': [(name.lower().encode(), told.encode()) for name, told in headers.items()],
    }  # fmt: skip
    await app(scope, receive, send)
    return answers[0]['status'], asked


@pytest.mark.invariant('S1')
@pytest.mark.lesson('M-6')
async def test_who_is_refused_by_the_headers_is_not_read(open_world: Open) -> None:
    body: Message = {'type': 'http.request', 'body': BODY}
    channel = {'X-Goog-Channel-Id': 'c', 'X-Goog-Channel-Token': channel_token('c', SECRETS[0])}
    async with open_world() as world:
        for path, headers, status in (
            ('/tc2/callback/', {}, 403),
            ('/tc2/callback/', {'Webhook-Signature': ''}, 403),
            ('/tc2/callback/anything', {}, 403),
            ('/pipedrive/callback/', {}, 401),
            ('/pipedrive/callback/', {'Authorization': basic_auth('hermes', 'wrong')}, 401),
            ('/google/callback/', {}, 403),
            ('/google/callback/', {**channel, 'X-Goog-Channel-Id': 'd'}, 403),
        ):  # fmt: skip
            for length in ({}, {'Content-Length': '2000000'}, {'Transfer-Encoding': 'chunked'}):
                assert await say(world.app, path, {**headers, **length}) == (status, 0), (path, headers)
        assert await world.rows() == []
        for path, headers in (
            ('/tc2/callback/', {'Webhook-Signature': sign(BODY, SECRETS[1])}),
            ('/pipedrive/callback/', {'Authorization': basic_auth('hermes', PASSWORDS[1])}),
            ('/google/callback/', channel),
        ):
            assert await say(world.app, path, headers, body) == (200, 1)
    async with open_world(secrets=('',), passwords=()) as world:
        for path in ('/tc2/callback/', '/pipedrive/callback/', '/google/callback/'):
            assert await say(world.app, path, {'Content-Length': '5'}) == (503, 0)


class Slow:
    """A sender who sends `parts` and then nothing."""

    def __init__(self, *parts: bytes, ends: bool = False) -> None:
        self.parts = list(parts)
        self.ends = ends
        self.waits = asyncio.Event()

    async def receive(self) -> Message:
        if not self.parts:
            self.waits.set()
            await asyncio.Event().wait()
        return {'type': 'http.request', 'body': self.parts.pop(0), 'more_body': bool(self.parts) or not self.ends}


@pytest.mark.lesson('M-6')
async def test_bodies_that_never_come_give_way_to_those_that_do() -> None:
    """Sixty connections of two megabytes hold no more than there is room for, and a delivery gets through."""
    intake = Intake(8 * 1024 * 1024)
    stuck = [Slow(*[b'x' * 65_536] * 31) for _ in range(60)]
    held = [asyncio.create_task(intake.read(one.receive, 2**21, 60)) for one in stuck]
    await asyncio.gather(*(one.waits.wait() for one in stuck[-4:]))
    assert intake.size <= intake.most
    honest = [intake.read(Slow(b'y' * 3000, ends=True).receive, 2**21, 60) for _ in range(50)]
    assert {len(body) for body in await asyncio.gather(*honest)} == {3000}
    large = await intake.read(Slow(*[b'y' * 65_536] * 32, ends=True).receive, 2**21, 60)
    assert len(large) == 2**21
    assert intake.peak <= intake.most + 65_536
    gone = [task for task in held if task.done()]
    assert 55 <= len(gone) < 60
    assert {type(task.exception()) for task in gone} == {GaveWay}
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    assert intake.size == 0


async def test_the_room_is_given_back_however_a_body_ends() -> None:
    intake = Intake(100)

    async def hang_up() -> Message:
        return {'type': 'http.disconnect'}

    with pytest.raises(Gone):
        await intake.read(hang_up, 50, 10)
    with pytest.raises(TooLarge):
        await intake.read(Slow(b'x' * 40, b'x' * 40).receive, 50, 10)
    with pytest.raises(TimeoutError):
        await intake.read(Slow(b'x' * 40).receive, 50, 0.01)
    assert await intake.read(Slow(b'x' * 150, ends=True).receive, 200, 10) == b'x' * 150, 'who is alone needs no room'
    assert intake.size == 0


# -- M-1: what is too long is refused before anybody reads it ----


@pytest.mark.lesson('M-1')
@pytest.mark.parametrize(
    ('given', 'status'),
    [
        (lambda: {'url': '/' + 'x' * 3_000}, 414),
        (lambda: {'url': '/health?' + 'a' * 9_000}, 414),
        (lambda: {'url': '/health?' + '&a' * 100}, 414),
        (lambda: {'url': '/health', 'headers': {f'X-{n}': 'x' for n in range(150)}}, 431),
        (lambda: {'url': '/health', 'headers': {'X-Big': 'x' * 70_000}}, 431),
        (lambda: {'url': '/health', 'headers': {'X-Big': 'x' * 50_000, 'Content-Type': 'a;' * 4_000}}, 200),
    ],
)
async def test_a_request_is_measured_before_it_is_read(
    world: World, given: Callable[[], dict[str, Any]], status: int
) -> None:
    asked = given()
    assert (await world.http.get(asked.pop('url'), **asked)).status_code == status
