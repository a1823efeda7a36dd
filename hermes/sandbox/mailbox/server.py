"""The mail server: real SMTP on a loopback port, in the loop of whoever listens. Nothing is ever passed on."""

from __future__ import annotations

import asyncio
import hmac
import logging
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from hermes.sandbox.world import Call

if TYPE_CHECKING:
    from hermes.sandbox.world import World

HOST = '127.0.0.1'
NAME = 'mail.sandbox.test'
MOST_BYTES = 5_000_000
TAKEN, LATER, NEVER, SIGN_IN = (
    '250 2.0.0 taken',
    '451 4.3.0 try again later',
    '550 5.1.1 there is no such mailbox',
    '530 5.7.0 sign in first',
)


async def listen(world: World, port: int = 0) -> asyncio.Server:
    """Take letters on a port of 127.0.0.1 (0: any that is free; `world.mailbox.port` says which). Raises OSError."""
    loop = asyncio.get_running_loop()
    doorman = Doorman(world)

    def converse() -> SMTP:
        return SMTP(
            doorman,
            hostname=NAME,
            ident='Hermes sandbox',
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            authenticator=doorman.check_login if world.mailbox.password else None,
            auth_require_tls=False,
            loop=loop,
        )

    logging.getLogger('mail.log').setLevel(logging.ERROR)  # it warns of what it does itself at every sign-in
    server = await loop.create_server(converse, HOST, port)
    world.mailbox.port = server.sockets[0].getsockname()[1]
    return server


class Doorman:
    """Decides about every letter; the names of its methods are aiosmtpd's hooks."""

    def __init__(self, world: World) -> None:
        self.world = world

    def check_login(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        """The one user is `hermes`."""
        wanted = self.world.mailbox.password.encode()
        right = (
            isinstance(given, LoginPassword)
            and given.login == b'hermes'
            and hmac.compare_digest(given.password, wanted)
        )
        return AuthResult(success=right, handled=False)

    async def handle_MAIL(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.world.mailbox.password and not session.authenticated:
            return SIGN_IN
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return '250 2.1.0 OK'

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        mailbox = self.world.mailbox
        fault = mailbox.meet_fault()
        content = envelope.original_content or b''
        if fault not in ('later', 'never', 'lost_before'):
            mailbox.take(envelope.mail_from or '', list(envelope.rcpt_tos), content)
        answer = {'later': LATER, 'never': NEVER}.get(fault or '', TAKEN)
        self._note(envelope, answer, fault)
        if fault in ('lost', 'lost_before'):
            server.transport.abort()
        return answer

    def _note(self, envelope: Envelope, answer: str, fault: str | None) -> None:
        world = self.world
        world.call_count += 1
        lost = fault in ('lost', 'lost_before')
        world.calls.append(
            Call(
                system='mailbox',
                method='SMTP',
                path=f'letter to {", ".join(envelope.rcpt_tos)}',
                query='',
                at=world.clock.now(),
                status=int(answer[:3]),
                answer=None if lost else answer,
                note='the connection was lost' if lost else '',
                number=world.call_count,
            )
        )
