"""How TutorCruncher's API integration sends webhooks: what a request looks like, when it is tried again or given up.

One signed body is one `Message`, sent up to five times: at once and 1, 10, 100 and 1000 seconds after a failure that is
a timeout, a 429 or a 5xx. Everything else outside 200, 201, 202, 204 is final. More than a fifth of at least ten
attempts failed within an hour switch it off until a person switches it on; what happens meanwhile is not sent.
"""

import itertools
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hermes.kit.signing import sign
from hermes.sandbox.outbox import Delivery

if TYPE_CHECKING:
    from hermes.sandbox.world import World

Json = dict[str, Any]

RETRY_AFTER_S = (1.0, 10.0, 100.0, 1000.0)
TIMEOUT_S = 8.0
SUCCESS = frozenset({200, 201, 202, 204})
JUDGED_WITHIN = timedelta(minutes=60)
JUDGED_FROM = 10
FAILED_AT_MOST = 0.2
KEPT_MESSAGES = 2000


def is_retried(status: int | None) -> bool:
    """True for an answer after which TutorCruncher tries again; no answer at all is None."""
    return status is None or status == 429 or status >= 500


@dataclass
class Attempt:
    at: datetime
    status: int | None


@dataclass
class Message:
    """One body and the fate of sending it."""

    id: int
    action: str
    subject: str
    body: bytes
    signature: str | None
    made_at: datetime
    attempts: list[Attempt] = field(default_factory=list)
    state: str = 'waiting'
    """`waiting`, `delivered`, `retrying`, `refused` (final answer), `given up` or `not sent` (integration off)."""

    @property
    def status(self) -> int | None:
        """The last answer's status; None if there was none yet, or no answer."""
        return self.attempts[-1].status if self.attempts else None

    def shown(self) -> Json:
        return {
            'id': self.id,
            'action': self.action,
            'subject': self.subject,
            'made_at': self.made_at.isoformat(),
            'attempts': len(self.attempts),
            'status': self.status,
            'state': self.state,
        }


class Integration:
    """The one endpoint that this account posts its webhooks to.

    `split`: one event a request, as today's sender does. `time_key`: `_request_time` or `request_time`.
    """

    def __init__(self, world: 'World', secret: str) -> None:
        self.world = world
        self.secret = secret
        self.url = f'{world.hermes_url.rstrip("/")}/tc2/callback/'
        self.split = True
        self.time_key = '_request_time'
        self.enabled = True
        self.disabled_at: datetime | None = None
        self.messages: dict[int, Message] = {}
        self.judged: deque[Attempt] = deque()
        self.made = 0

    def newest(self, count: int) -> list[Message]:
        """At most `count` messages, newest first."""
        return list(itertools.islice(reversed(self.messages.values()), count))

    def send_events(self, events: list[Json]) -> list[Message]:
        """Send `events`, one a request unless `split` is off."""
        groups = [[event] for event in events] if self.split else [events]
        return [self.send(self.envelope(group)) for group in groups if group]

    def envelope(self, events: list[Json]) -> Json:
        return {'events': events, self.time_key: int(self.world.clock.now().timestamp())}

    def send(self, payload: Any, *, signed: bool = True) -> Message:
        """Send any JSON value at all; its bytes are what Python's `json.dumps` makes of it."""
        return self.send_bytes(json.dumps(payload).encode(), *_described(payload), signed=signed)

    def send_bytes(self, body: bytes, action: str, subject: str, *, signed: bool = True) -> Message:
        self.made += 1
        signature = sign(body, self.secret) if signed else None
        message = Message(self.made, action, subject, body, signature, self.world.clock.now())
        self.messages[message.id] = message
        if len(self.messages) > KEPT_MESSAGES:
            del self.messages[next(iter(self.messages))]
        self._post(message, attempt=1, after_s=0.0)
        return message

    def resend(self, message: Message) -> Message:
        """The same bytes again, as a message of its own."""
        return self.send_bytes(message.body, message.action, message.subject, signed=message.signature is not None)

    def on_delivered(self, delivery: Delivery, status: int | None) -> None:
        """Take note of an answer (None: none within eight seconds) and decide what follows."""
        message = self.messages.get(delivery.info['message'])
        if message is None or delivery.attempt <= len(message.attempts):
            return  # the weather had doubled it on the way; its sender knows of one
        attempt = Attempt(self.world.clock.now(), status)
        message.attempts.append(attempt)
        self._judge(attempt)
        if status in SUCCESS:
            message.state = 'delivered'
        elif not is_retried(status):
            message.state = 'refused'
        elif delivery.attempt > len(RETRY_AFTER_S):
            message.state = 'given up'
        else:
            self._post(message, attempt=delivery.attempt + 1, after_s=RETRY_AFTER_S[delivery.attempt - 1])

    def enable(self) -> None:
        self.enabled = True
        self.disabled_at = None
        self.judged.clear()

    def _judge(self, attempt: Attempt) -> None:
        self.judged.append(attempt)
        while self.judged and self.judged[0].at <= attempt.at - JUDGED_WITHIN:
            self.judged.popleft()
        failed = sum(1 for judged in self.judged if judged.status not in SUCCESS)
        if len(self.judged) >= JUDGED_FROM and failed > FAILED_AT_MOST * len(self.judged) and self.enabled:
            self.enabled = False
            self.disabled_at = attempt.at

    def _post(self, message: Message, *, attempt: int, after_s: float) -> None:
        if not self.enabled:
            message.state = 'not sent'
            return
        message.state = 'waiting' if attempt == 1 else 'retrying'
        headers = {'User-Agent': 'TutorCruncher', 'Content-Type': 'application/json'}
        if message.signature is not None:
            headers['webhook-signature'] = message.signature
        due_at = self.world.clock.now() + timedelta(seconds=after_s)
        self.world.outbox.add(
            Delivery(
                system='tutorcruncher',
                url=self.url,
                headers=headers,
                body=message.body,
                due_at=due_at,
                attempt=attempt,
                timeout_s=TIMEOUT_S,
                info={'message': message.id},
            )
        )


def _described(payload: Any) -> tuple[str, str]:
    """What a person wants to see of a payload in a list: its action and its subject."""
    events = payload.get('events') if isinstance(payload, dict) else None
    first = events[0] if isinstance(events, list) and events else None
    if not isinstance(first, dict):
        return 'raw', ''
    subject = first.get('subject')
    shown = f'{subject.get("model", "?")} {subject.get("id", "?")}' if isinstance(subject, dict) else '?'
    more = f' (+{len(events) - 1})' if isinstance(events, list) and len(events) > 1 else ''
    return f'{first.get("action", "?")}{more}', shown
