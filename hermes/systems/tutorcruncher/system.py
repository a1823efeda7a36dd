"""TutorCruncher as the engine sees it (`hermes.ports.System`): the pure parts and the client in one object."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from hermes.domain.fields import Catalogue
from hermes.domain.model import Element, Event, Record, Value
from hermes.kit import wire
from hermes.kit.http import Line
from hermes.ports import Answer, Cost, Outgoing, RemoteField, Request, Subscription
from hermes.systems.tutorcruncher import answers, inbound, limits, mapping
from hermes.systems.tutorcruncher.client import Client
from hermes.systems.tutorcruncher.profile import PROFILE

BASE = 'https://app.tutorcruncher.com/api'


class TutorCruncher:
    """One TutorCruncher sales instance."""

    profile = PROFILE
    name = PROFILE.name
    types = PROFILE.types

    def __init__(
        self, key: str, *, base: str = BASE, line: Line | None = None, crm_url: str = '', account: str = '',
        pages: str = '',
    ) -> None:  # fmt: skip
        """`crm_url`: where people open the CRM's organisations, for write-back (D-1). `account`: what the instance is
        called (SETUP-12), else its address. `pages`: where people open its clients.
        """
        self._pages = pages
        self._crm_url = crm_url
        self.account = f'TutorCruncher at {account or base.removesuffix("/api")}'
        self._line = line or Line()
        self._client = Client(base, key, self._line)

    def observe(self, event: Event, catalogue: Catalogue) -> Sequence[Element]:
        return inbound.observe(event, catalogue)

    def outgoing(self, record_type: str, catalogue: Catalogue) -> Sequence[Outgoing]:
        return mapping.outgoing(record_type, catalogue, self._crm_url)

    def cost(self, request: Request) -> Cost:
        return limits.cost(request)

    async def send(self, request: Request, catalogue: Catalogue) -> Answer:
        return await self._client.send(request)

    def chosen_id(self, record: Record, fields: Mapping[str, Value]) -> str:
        return ''

    def page(self, remote_type: str, remote_id: str) -> str:
        return f'{self._pages}/clients/{remote_id}/' if self._pages and remote_type == 'client' else ''

    def judge(self, request: Request, answer: Answer, catalogue: Catalogue, now: datetime | None = None) -> None:
        answers.judge(request, answer, now or answer.ended_at or self._line.clock.now())

    def next_cursor(self, answer: Answer) -> str | None:
        """The number of the next page: `next` is a whole address, of which only that is taken (S4)."""
        told = wire.load_json(answer.body)
        following = told.get('next') if isinstance(told, dict) else None
        numbers = parse_qs(urlsplit(following).query).get('page') if isinstance(following, str) else None
        return numbers[0] if numbers and numbers[0].isdecimal() else None

    def total(self, answer: Answer) -> int | None:
        """How many clients there are, as every page of their listing says; None where it does not."""
        told = wire.load_json(answer.body)
        count = told.get('count') if isinstance(told, dict) else None
        return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None

    def remote_fields(self, answer: Answer) -> Sequence[RemoteField]:
        return ()

    def subscriptions(self, answer: Answer) -> Sequence[Subscription]:
        return ()

    def identity(self, answer: Answer) -> str:
        return self.account

    def currency(self, answer: Answer) -> str:
        return ''

    async def aclose(self) -> None:
        await self._line.aclose()
