"""Alerts as webhooks: POST of JSON, signed by Standard Webhooks, the id the same for every try.

Only a 2xx is an answer; nothing follows a redirect. What is said about a failure names neither the address nor a
secret, for both can stand in one.
"""

import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import httpx2

from hermes import __version__
from hermes.domain.alerts import Message
from hermes.domain.errors import Ambiguous, Rejected, Retry
from hermes.kit.clock import Clock
from hermes.kit.http import Line
from hermes.kit.signing import standard_headers

DEADLINE_S: Final = 15.0
GONE: Final = 410
"""By Standard Webhooks: no message is wanted there any more."""


class WebhookCourier:
    """See ports.Courier. `secrets` (`whsec_...`): all of them sign."""

    def __init__(
        self, url: str, secrets: Sequence[str], clock: Clock, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url
        self._secrets = secrets
        self._clock = clock
        self._transport = transport

    async def deliver(self, message: Message) -> str:
        """See ports.Courier."""
        content = json.dumps(message.body, ensure_ascii=False, sort_keys=True).encode()
        at_s = int(self._clock.now().timestamp())
        headers = {
            'content-type': 'application/json',
            'user-agent': f'Hermes/{__version__}',
            **standard_headers(message.id, at_s, content, self._secrets),
        }
        async with aclosing(Line(self._transport, self._clock, DEADLINE_S)) as line:
            told = await line.call('POST', self._url, headers=headers, content=content)
        if told.status is None:
            said = f'there is no answer ({told.error})'
            raise Ambiguous(said) if told.sent else Retry(said)
        if told.status == GONE:
            raise Rejected('it answers 410: no message is wanted there any more')
        if not 200 <= told.status < 300:
            raise Retry(f'it answers {told.status}')
        return f'it answers {told.status}'
