"""What the tests about the mailbox share: a mail server on a free port, and a way to hand letters in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from hermes.ports import Letter
from hermes.sandbox.mailbox import listen
from hermes.sandbox.world import World
from hermes.systems.mail import Smtp, parse_address

SENDER = 'calls@hermes.example'
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@asynccontextmanager
async def open_post(world: World) -> AsyncIterator[str]:
    """The world's mail server while this is open; its SMTP_URL."""
    server = await listen(world)
    try:
        yield f'smtp://127.0.0.1:{world.mailbox.port}'
    finally:
        server.close()
        await server.wait_closed()


def mailer(url: str) -> Smtp:
    return Smtp(parse_address(url), SENDER, 'Beispiel & Söhne')


def letter(number: int = 1, **more: str | bytes) -> Letter:
    told = {'to': 'lee@customer.example', 'name': 'Lee Adams', 'subject': f'Letter {number}', 'text': 'Hello\n.\nBye\n'}
    given = {**told, 'html': '<p>Hello</p>', 'message_id': f'letter-{number}@hermes.example', **more}
    return Letter(at=AT, **given)  # type: ignore[arg-type]
