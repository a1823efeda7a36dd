"""What the wire itself can do to a delivery, against the real server on a real socket: never a 5xx, nothing stored."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator

import pytest
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from hermes.kit.signing import sign
from tests.referee.referee import free_port
from tests.waiting import LOOK_S, PATIENCE_S, PROBE_S, looks
from tests.web.conftest import BODY, SECRETS, Open, World, open_world

__all__ = ['open_world']

SIGNATURE = sign(BODY, SECRETS[0])
ZIPPED = gzip.compress(BODY, mtime=0)


@pytest.fixture
async def wire(open_world: Open) -> AsyncIterator[tuple[World, int]]:
    """An application that listens, and its port."""
    async with open_world() as world:
        port = free_port()
        server = Server(world.app, '127.0.0.1', port, interface=Interfaces.ASGINL, log_level=LogLevels.error)
        served = asyncio.create_task(server.serve())
        for _ in looks('the application'):
            with contextlib.suppress(OSError):
                (await asyncio.open_connection('127.0.0.1', port))[1].close()
                break
            await asyncio.sleep(LOOK_S)
        yield world, port
        server.stop()
        await asyncio.wait([served], timeout=PROBE_S)


async def say(port: int, *headers: str, body: bytes = b'', path: str = '/tc2/callback/', ends: bool = False) -> bytes:
    """The status line of what comes back to these bytes. `ends`: the sender hangs up behind them, but listens."""
    head = '\r\n'.join((f'POST {path} HTTP/1.1', f'Host: 127.0.0.1:{port}', *headers, '', '')).encode('latin-1')
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionError):
                writer.write(head + body)
                await writer.drain()
                if ends:
                    writer.write_eof()
            return (await reader.readline()).strip()
    except ConnectionError:
        return b''
    finally:
        writer.close()


SIGNED = f'Webhook-Signature: {SIGNATURE}'
CHUNKED = 'Transfer-Encoding: chunked'
LENGTH = f'Content-Length: {len(BODY)}'


BROKEN: dict[str, tuple[tuple[str, ...], bytes, bool]] = {
    'a chunk of no length': ((SIGNED, CHUNKED), b'zz\r\nabc\r\n', False),
    'a chunk that is cut': ((SIGNED, CHUNKED), b'50\r\nabc', True),
    'chunks without an end': ((SIGNED, CHUNKED), b'%x\r\n%s\r\n' % (len(BODY), BODY), True),
    'a body that is cut': ((SIGNED, LENGTH), BODY[:20], True),
    'no body at all': ((SIGNED, LENGTH), b'', True),
    'a negative length': ((SIGNED, 'Content-Length: -5'), BODY, False),
    'an endless length': ((SIGNED, f'Content-Length: {"9" * 30}'), BODY, True),
    'two lengths': ((SIGNED, LENGTH, 'Content-Length: 5'), BODY, False),
    'a wrong signature': ((f'{SIGNED}0', LENGTH), BODY, False),
    'a zipped body': ((SIGNED, f'Content-Length: {len(ZIPPED)}', 'Content-Encoding: gzip'), ZIPPED, False),
    '2000 headers': ((SIGNED, *(f'X-{n}: x' for n in range(2000)), 'Content-Length: 0'), b'', False),
    'a NUL in a header': ((SIGNED, 'X-Nul: a\x00b', LENGTH), BODY, False),
    '5 MB': ((SIGNED, 'Content-Length: 5000000'), b' ' * 5_000_000, False),
    'chunks beyond the limit': ((CHUNKED,), (b'10000\r\n' + b'x' * 65_536 + b'\r\n') * 60, False),
}
ODD: dict[str, tuple[tuple[str, ...], int]] = {
    'another type': ((LENGTH, 'Content-Type: text/html; charset=klingon'), 200),
    'a header of 60 kB': ((LENGTH, f'X-Big: {"y" * 60_000}'), 200),
    'two signatures, the second wrong': ((LENGTH, 'Webhook-Signature: ' + 'f' * 64), 403),
    'chunks': ((CHUNKED,), 200),
}


async def test_a_delivery_that_is_broken_on_the_way_is_refused_and_stores_nothing(wire: tuple[World, int]) -> None:
    world, port = wire
    for name, (headers, body, ends) in BROKEN.items():
        status = await say(port, *headers, body=body, ends=ends)
        assert status == b'' or status.split()[1].startswith(b'4'), (name, status)
        assert await world.rows() == [], name
    assert b' 200 ' in await say(port, SIGNED, LENGTH, body=BODY)
    assert [row[2] for row in await world.rows()] == [BODY]


async def test_what_only_looks_odd_is_a_delivery_or_a_refusal(wire: tuple[World, int]) -> None:
    world, port = wire
    chunks = b'%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n' % (9, BODY[:9], len(BODY) - 9, BODY[9:])
    for name, (headers, wanted) in ODD.items():
        status = await say(port, SIGNED, *headers, body=chunks if CHUNKED in headers else BODY)
        assert status.split()[1] == str(wanted).encode(), (name, status)
    assert [row[2] for row in await world.rows()] == [BODY]
