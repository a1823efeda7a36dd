"""TutorCruncher as the engine sees it (`hermes.ports.System`): the pure parts and the client in one object."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import httpx2

from hermes.domain.fields import Catalogue
from hermes.domain.model import Element, Event
from hermes.kit import wire
from hermes.kit.clock import Clock
from hermes.ports import Answer, Cost, Outgoing, RemoteField, Request, Subscription
from hermes.systems.tutorcruncher import answers, clients, inbound, limits, mapping
from hermes.systems.tutorcruncher.client import Client

BASE = 'https://app.tutorcruncher.com/api'


class TutorCruncher:
    """One TutorCruncher sales instance."""

    name = clients.SYSTEM
    types: Mapping[str, str] = {'company': 'client', 'contact': 'recipient'}

    def __init__(
        self,
        key: str,
        *,
        base: str = BASE,
        client: httpx2.AsyncClient | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._client = Client(base, key, client=client, transport=transport, clock=clock, timeout_s=timeout_s)

    def observe(self, event: Event, catalogue: Catalogue) -> Sequence[Element]:
        return inbound.observe(event, catalogue)

    def outgoing(self, record_type: str, catalogue: Catalogue) -> Sequence[Outgoing]:
        return mapping.outgoing(record_type, catalogue)

    def cost(self, request: Request) -> Cost:
        return limits.cost(request)

    async def send(self, request: Request, catalogue: Catalogue) -> Answer:
        return await self._client.send(request)

    def judge(self, request: Request, answer: Answer, catalogue: Catalogue, now: datetime | None = None) -> None:
        answers.judge(request, answer, now or answer.ended_at or self._client.now())

    def next_cursor(self, answer: Answer) -> str | None:
        told = wire.load_json(answer.body)
        following = told.get('next') if isinstance(told, dict) else None
        return str(following) if following else None

    def remote_fields(self, answer: Answer) -> Sequence[RemoteField]:
        return ()

    def subscriptions(self, answer: Answer) -> Sequence[Subscription]:
        return ()

    def identity(self, answer: Answer) -> str:
        return self.name

    async def aclose(self) -> None:
        await self._client.aclose()
