"""Bodies of the public API are small: what is longer than 32 KB is not read to its end (CB-18), what never arrives is
not waited for, and what is made to be laborious (nested without end, a thousand fields) is not parsed.
"""

from collections.abc import Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hermes.kit.wire import is_deep
from hermes.web.answers import CLOSE, refuse
from hermes.web.intake import GaveWay, Gone, Intake, TooLarge

LIMIT_BYTES: Final = 32 * 1024
TIMEOUT_S: Final = 10.0
RETRY_AFTER: Final = ((b'retry-after', b'5'), *CLOSE)
DEEPEST: Final = 32
"""No form of ours is nested deeper than two."""
BRACKETS: Final = 2_000
"""Those in what people write are counted with the others."""
FIELDS: Final = 64
"""Fields of an HTML form."""


class SmallBodies:
    """ASGI middleware: reads the body of whatever lies under `prefixes` before anybody parses it."""

    def __init__(self, app: ASGIApp, prefixes: Sequence[str], intake: Intake) -> None:
        self.app = app
        self._prefixes = tuple(prefixes)
        self._intake = intake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http' or not scope['path'].startswith(self._prefixes):
            return await self.app(scope, receive, send)
        too_large = f'The body is larger than {LIMIT_BYTES // 1024} KB.'
        declared = next((value for name, value in scope['headers'] if name == b'content-length'), b'')
        if declared.isdigit() and (len(declared) > 9 or int(declared) > LIMIT_BYTES):
            return await refuse(send, 413, 'too_large', too_large, CLOSE)
        try:
            body = await self._intake.read(receive, LIMIT_BYTES, TIMEOUT_S)
        except TooLarge:
            return await refuse(send, 413, 'too_large', too_large, CLOSE)
        except TimeoutError:
            return await refuse(send, 408, 'timeout', 'The body did not arrive.', CLOSE)
        except GaveWay:
            return await refuse(send, 503, 'unavailable', 'Please try again in a moment.', RETRY_AFTER)
        except Gone:
            return None
        if is_laborious(body, is_form(scope)):
            return await refuse(send, 400, 'refused', 'The body is not one of our forms.')
        given: list[Message] = [{'type': 'http.request', 'body': body, 'more_body': False}]

        async def receive_again() -> Message:
            return given.pop() if given else await receive()

        await self.app(scope, receive_again, send)


def is_laborious(body: bytes, form: bool) -> bool:
    """Whether a body has more parts, or deeper ones, than any form of ours."""
    if form:
        return body.count(b'&') >= FIELDS
    return body.count(b'[') + body.count(b'{') > BRACKETS or is_deep(body, DEEPEST)


async def read_fields(request: Request) -> dict[str, str]:
    """The fields of a form that say something; none of what is no form."""
    if not is_form(request.scope):
        return {}
    await request.body()  # kept, so that it can be read once more
    try:
        given = await request.form(max_fields=FIELDS, max_files=0)
    except (HTTPException, UnicodeError):  # in parts that are none, or in an encoding that is none
        return {}
    return {name: value for name, value in given.items() if isinstance(value, str) and value}


def is_form(scope: Scope) -> bool:
    """Whether the body is a form of a page."""
    told = next((value for name, value in scope['headers'] if name == b'content-type'), b'')
    return told.strip().lower().startswith((b'application/x-www-form-urlencoded', b'multipart/'))
