"""A bounded load generator in a process of its own: keep-alive HTTP/1.1 connections, each sending its next body when
the last is answered. As little work per request as Python allows, so that the server is what is measured.

Loopback only. Prints one JSON object: requests, seconds, rate, errors, p50_ms, p99_ms, max_ms.
"""

import asyncio
import json
import sys
import time

from hermes.kit.signing import sign

SECRET = 'bench-secret'
FILLING = 'x' * 2_800


class Sender(asyncio.Protocol):
    """One connection."""

    def __init__(self, number: int, until: float, path: str, latencies: list[float], errors: list[bytes]) -> None:
        self.number = number
        self.until = until
        self.path = path
        self.latencies = latencies
        self.errors = errors
        self.sent = 0
        self.buffer = b''
        self.started = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.sent += 1
        event = {'action': 'EDITED_A_CLIENT', 'subject': {'id': self.sent, 'model': 'Client', 'filling': FILLING}}
        body = json.dumps({'events': [event], 'connection': self.number, 'at': time.time_ns()}).encode()
        head = (
            f'POST {self.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
            f'User-Agent: TutorCruncher\r\nWebhook-Signature: {sign(body, SECRET)}\r\nContent-Length: '
            f'{len(body)}\r\n\r\n'
        )
        self.started = time.perf_counter()
        self.transport.write(head.encode() + body)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b'\r\n\r\n')
        if not found:
            return
        length = int(head.lower().partition(b'content-length:')[2].split(b'\r\n')[0])
        if len(body) < length:
            return
        now = time.perf_counter()
        self.latencies.append(now - self.started)
        if not head.startswith(b'HTTP/1.1 200'):
            self.errors.append(head[:15])
        self.buffer = b''
        if now < self.until:
            self.send()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def load(port: int, connections: int, duration_s: float, path: str) -> dict[str, float]:
    """Send for `duration_s` and say what happened."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    errors: list[bytes] = []
    started = time.perf_counter()
    senders: list[Sender] = []
    for number in range(connections):
        sender = Sender(number, started + duration_s, path, latencies, errors)
        await loop.create_connection(lambda sender=sender: sender, '127.0.0.1', port)  # type: ignore[misc]
        senders.append(sender)
    await asyncio.gather(*(sender.done for sender in senders))
    seconds = time.perf_counter() - started
    latencies.sort()
    return {
        'requests': len(latencies),
        'seconds': seconds,
        'rate': len(latencies) / seconds,
        'errors': len(errors),
        'p50_ms': latencies[len(latencies) // 2] * 1000,
        'p99_ms': latencies[int(len(latencies) * 0.99)] * 1000,
        'max_ms': latencies[-1] * 1000,
    }


if __name__ == '__main__':
    print(json.dumps(asyncio.run(load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))))
