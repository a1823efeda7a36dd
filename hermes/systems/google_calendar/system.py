"""Google Calendar as the engine sees it (`hermes.ports.Calendar`): the pure parts and the client in one object."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from hermes.domain.fields import Catalogue
from hermes.domain.model import Element, Event, Record, Value
from hermes.kit import wire
from hermes.kit.http import Line
from hermes.ports import Answer, Channel, Cost, Outgoing, RemoteField, Request, Subscription
from hermes.systems.google_calendar import answers, inbound, limits, mapping
from hermes.systems.google_calendar.client import Client
from hermes.systems.google_calendar.profile import PROFILE
from hermes.systems.google_calendar.token import Account

ROOT = 'https://www.googleapis.com'
TIMEOUT_S, BUSY_S = 7.5, 10.0
"""How long a call may take, and how long a visitor waits for free/busy."""


class GoogleCalendar:
    """The calendars of everybody whom the service account may act for. `brand` stands in titles and texts."""

    profile = PROFILE
    name = PROFILE.name
    types = PROFILE.types

    def __init__(
        self, account: Account, *, brand: str, root: str = ROOT, line: Line | None = None, busy_s: float = BUSY_S
    ) -> None:
        self._line = line or Line()
        self._client = Client(account, root, self._line, busy_s)
        self._brand = brand
        self.account = f'Google project {account.identity}'
        """What a database belongs to (SETUP-12)."""

    def observe(self, event: Event, catalogue: Catalogue) -> Sequence[Element]:
        return inbound.observe(event)

    def outgoing(self, record_type: str, catalogue: Catalogue) -> Sequence[Outgoing]:
        return mapping.outgoing(record_type, self._brand)

    def chosen_id(self, record: Record, fields: Mapping[str, Value]) -> str:
        """'calendar/event': the same for every try of one round (CB-7)."""
        return mapping.chosen_id(record, fields)

    def cost(self, request: Request) -> Cost:
        return limits.cost(request)

    async def send(self, request: Request, catalogue: Catalogue) -> Answer:
        return await self._client.send(request)

    async def busy(self, calendar: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        return await self._client.busy(calendar, start, end)

    async def sign_in(self) -> None:
        """The service account itself works. Raises AuthBroken, or Unreadable when nobody can tell now."""
        await self._client.sign_in()

    def page(self, remote_type: str, remote_id: str) -> str:
        return ''

    def judge(self, request: Request, answer: Answer, catalogue: Catalogue, now: datetime | None = None) -> None:
        answers.judge(request, answer, now or answer.ended_at or self._line.clock.now())

    def next_cursor(self, answer: Answer) -> str | None:
        return _text(answer, 'nextPageToken')

    def sync_token(self, answer: Answer) -> str | None:
        return _text(answer, 'nextSyncToken')

    def listed(self, answer: Answer) -> Sequence[str]:
        """Event ids, without their calendar."""
        told = wire.load_json(answer.body)
        return [str(item['id']) for item in told.get('items') or ()]

    def channel(self, answer: Answer) -> Channel:
        told = wire.load_json(answer.body)
        if not isinstance(told, dict) or not isinstance(told.get('resourceId'), str):
            raise ValueError('no channel')
        until = told.get('expiration')
        return Channel(told['resourceId'], wire.moment(until) if until else None)

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


def _text(answer: Answer, name: str) -> str | None:
    told = wire.load_json(answer.body)
    value = told.get(name) if isinstance(told, dict) else None
    return str(value) if value else None
