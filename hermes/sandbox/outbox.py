"""Webhooks on their way to Hermes. What is due leaves in order of time; the system that sent it decides about retries.

Driven by the world's clock and chance alone: a simulator steps it with `deliver_due`, the real process runs `pump`.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import structlog

if TYPE_CHECKING:
    from hermes.sandbox.world import World

log = structlog.get_logger(__name__)
IN_FLIGHT_LIMIT = 20
SENT_KEPT = 50_000


@dataclass
class Delivery:
    """One attempt to deliver one webhook. `attempt` counts from 1; `info` is the sender's own memory about it."""

    system: str
    url: str
    headers: dict[str, str]
    body: bytes
    due_at: datetime
    attempt: int = 1
    timeout_s: float = 10.0
    info: dict[str, Any] = field(default_factory=dict)
    number: int = 0
    sent_at: datetime | None = None
    status: int | None = None
    is_copy: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            'system': self.system,
            'url': self.url,
            'headers': dict(self.headers),
            'body': base64.b64encode(self.body).decode(),
            'due_at': self.due_at.isoformat(),
            'attempt': self.attempt,
            'timeout_s': self.timeout_s,
            'info': self.info,
            'is_copy': self.is_copy,
        }

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Delivery:
        body, due_at = base64.b64decode(kept['body']), datetime.fromisoformat(kept['due_at'])
        return cls(**{**kept, 'body': body, 'due_at': due_at})


Post = Callable[[Delivery], Awaitable[int | None]]


class Outbox:
    """Deliveries not yet made (`waiting`) and the newest ones that were (`sent`), each with the status it got."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.waiting: list[Delivery] = []
        self.sent: deque[Delivery] = deque(maxlen=SENT_KEPT)
        self.dropped = 0
        self.in_flight = 0
        self.early_post: Post | None = None
        self._numbers = itertools.count(1)
        self._woken: asyncio.Event | None = None

    def add(self, delivery: Delivery) -> None:
        """Queue a delivery. A first attempt goes through the weather: it may be doubled, delayed or dropped there."""
        delays = [0.0]
        if delivery.attempt == 1:
            delays = self.world.weather.webhook_delays(self.world.chance)
            self.dropped += not delays
        for copy, delay_s in enumerate(delays):
            due_at = delivery.due_at + timedelta(seconds=delay_s)
            self.waiting.append(replace(delivery, due_at=due_at, number=next(self._numbers), is_copy=copy > 0))
        if self._woken is not None:
            self._woken.set()

    def next_due_at(self) -> datetime | None:
        """When the next delivery is due (UTC), None if nothing waits."""
        return min((delivery.due_at for delivery in self.waiting), default=None)

    def take_due(self, at_most: int | None = None) -> list[Delivery]:
        """Take what is due now out of the queue, oldest first."""
        now = self.world.clock.now()
        due = sorted((d for d in self.waiting if d.due_at <= now), key=lambda d: (d.due_at, d.number))[:at_most]
        taken = {delivery.number for delivery in due}
        self.waiting = [delivery for delivery in self.waiting if delivery.number not in taken]
        return due

    async def deliver_due(self, post: Post) -> int:
        """Send everything that is due now, one after the other, and what becomes due meanwhile. Returns how many.

        `post` answers with the HTTP status, or None for no answer within the delivery's `timeout_s`.
        """
        count = 0
        while due := self.take_due(1):
            await self._deliver(due[0], post)
            count += 1
        return count

    async def deliver_early(self) -> None:
        """Send what is due before the HTTP answer that caused it leaves; does nothing where nobody told how to post."""
        if self.early_post is not None:
            for delivery in self.take_due():
                await self._deliver(delivery, self.early_post)

    async def _deliver(self, delivery: Delivery, post: Post) -> None:
        delivery.sent_at = self.world.clock.now()
        self.in_flight += 1
        try:
            delivery.status = await post(delivery)
        finally:
            self.in_flight -= 1
        self.sent.append(delivery)
        if not delivery.is_copy:  # the weather made it; its sender knows of one only
            self.world.system(delivery.system).on_delivered(delivery, delivery.status)

    async def pump(self, client: httpx2.AsyncClient) -> None:
        """Send for ever over real sockets, at most 20 at a time."""
        self._woken = asyncio.Event()
        slots = asyncio.Semaphore(IN_FLIGHT_LIMIT)
        post = poster(client)
        self.early_post = post
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._woken.clear()
                for delivery in self.take_due():
                    await slots.acquire()
                    tasks.create_task(self._deliver_in(slots, delivery, post))
                await self._rest()

    async def _deliver_in(self, slots: asyncio.Semaphore, delivery: Delivery, post: Post) -> None:
        try:
            await self._deliver(delivery, post)
        except Exception:
            log.exception('a webhook could not be dealt with; the others go on', system=delivery.system)
        finally:
            slots.release()

    async def _rest(self) -> None:
        """Wait until something is added or due. With a clock that stands still only a new delivery or a poll wakes."""
        due_at, woken = self.next_due_at(), self._woken
        wait_s = 0.5 if due_at is None else (due_at - self.world.clock.now()).total_seconds()
        if woken is None or wait_s <= 0:
            return
        try:
            await asyncio.wait_for(woken.wait(), min(wait_s, 0.5))
        except TimeoutError:
            return

    def clear(self) -> None:
        """Forget what waits and what was sent."""
        self.waiting.clear()
        self.sent.clear()
        self.dropped = 0

    def dump(self) -> list[dict[str, Any]]:
        return [delivery.as_dict() for delivery in self.waiting]

    def load(self, kept: list[dict[str, Any]]) -> None:
        self.waiting = [replace(Delivery.from_dict(one), number=next(self._numbers)) for one in kept]


def poster(client: httpx2.AsyncClient) -> Post:
    """A `post` over `client`: never follows redirects; None for a timeout or a broken connection."""

    async def post(delivery: Delivery) -> int | None:
        try:
            async with asyncio.timeout(delivery.timeout_s):
                answer = await client.post(
                    delivery.url, content=delivery.body, headers=delivery.headers, follow_redirects=False
                )
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL):
            return None
        return answer.status_code

    return post
