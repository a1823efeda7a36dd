"""Bodies of the public API are small: what is longer than 32 KB is not read to its end (CB-18), and what never arrives
is not waited for.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hermes.web.webhooks import CLOSE, Gone, answer, chunk

LIMIT_BYTES: Final = 32 * 1024
TIMEOUT_S: Final = 10.0


class SmallBodies:
    """ASGI middleware: reads the body of whatever lies under `prefixes` before anybody parses it."""

    def __init__(self, app: ASGIApp, prefixes: Sequence[str]) -> None:
        self.app = app
        self._prefixes = tuple(prefixes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http' or not scope['path'].startswith(self._prefixes):
            return await self.app(scope, receive, send)
        declared = next((value for name, value in scope['headers'] if name == b'content-length'), b'')
        if declared.isdigit() and (len(declared) > 9 or int(declared) > LIMIT_BYTES):
            return await _refuse(send, 413, 'too_large', f'The body is larger than {LIMIT_BYTES // 1024} KB.')
        try:
            async with asyncio.timeout(TIMEOUT_S):
                body = await _read(receive)
        except TimeoutError:
            return await _refuse(send, 408, 'timeout', 'The body did not arrive.')
        except Gone:
            return None
        if body is None:
            return await _refuse(send, 413, 'too_large', f'The body is larger than {LIMIT_BYTES // 1024} KB.')
        given: list[Message] = [{'type': 'http.request', 'body': body, 'more_body': False}]

        async def receive_again() -> Message:
            return given.pop() if given else await receive()

        await self.app(scope, receive_again, send)


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None for one that is too large. Raises Gone."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        parts.append(chunk(message))
        size += len(parts[-1])
        if size > LIMIT_BYTES:
            return None
        if not message.get('more_body'):
            return b''.join(parts)


async def _refuse(send: Send, status: int, code: str, message: str) -> None:
    await answer(send, status, {'status': 'error', 'message': message, 'code': code}, CLOSE)
