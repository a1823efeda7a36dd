"""Plain JSON answers of what stands before the framework."""

import json
from collections.abc import Sequence
from typing import Final

from starlette.types import Send

CLOSE: Final = ((b'connection', b'close'),)
Pairs = Sequence[tuple[bytes, bytes]]


async def answer(send: Send, status: int, told: dict[str, str], headers: Pairs = ()) -> None:
    """Send a JSON answer."""
    body = json.dumps(told).encode()
    await send(
        {
            'type': 'http.response.start',
            'status': status,
            'headers': [(b'content-type', b'application/json'), (b'content-length', str(len(body)).encode()), *headers],
        }
    )
    await send({'type': 'http.response.body', 'body': body})


async def refuse(send: Send, status: int, code: str, message: str, headers: Pairs = ()) -> None:
    """Send an error in the form that every error has."""
    await answer(send, status, {'status': 'error', 'message': message, 'code': code}, headers)
