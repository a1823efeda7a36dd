"""Alerts as letters to whoever looks after Hermes; they are no letters to visitors, and none of their limits counts."""

from hermes.domain.alerts import Message, subject, text
from hermes.kit.clock import Clock
from hermes.ports import Letter, Mailer


class MailCourier:
    """See ports.Courier. `to`: an e-mail address; `host`: what stands behind the @ of a Message-ID."""

    def __init__(self, mailer: Mailer, to: str, host: str, clock: Clock) -> None:
        self._mailer = mailer
        self._to = to
        self._host = host
        self._clock = clock

    async def deliver(self, message: Message) -> str:
        """See ports.Courier."""
        letter = Letter(
            to=self._to,
            name='',
            subject=subject(message.body),
            text=text(message.body),
            html='',
            message_id=f'{message.id}@{self._host}',
            at=self._clock.now(),
        )
        await self._mailer.send(letter)
        return 'the mail server has taken it'
