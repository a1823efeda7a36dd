"""Pipedrive as the engine sees it (`hermes.ports.System`): the pure parts and the client in one object."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from hermes.domain.fields import Catalogue
from hermes.domain.model import Element, Event, Record, Value
from hermes.kit import wire
from hermes.kit.http import Line
from hermes.ports import Answer, Cost, Outgoing, RemoteField, Request, Subscription
from hermes.systems.pipedrive import answers, inbound, limits, mapping, values
from hermes.systems.pipedrive.client import Client
from hermes.systems.pipedrive.profile import PROFILE, held_by

BASE_V2 = 'https://api.pipedrive.com/api/v2'
BASE_V1 = 'https://api.pipedrive.com/v1'


class Pipedrive:
    """One Pipedrive account."""

    profile = PROFILE
    name = PROFILE.name
    types = PROFILE.types
    account = ''

    def __init__(
        self, token: str, *, base_v2: str = BASE_V2, base_v1: str = BASE_V1, line: Line | None = None, pages: str = ''
    ) -> None:
        """`pages`: where people open its objects."""
        self._pages = pages
        self._line = line or Line()
        self._client = Client(base_v2, base_v1, token, self._line)

    def observe(self, event: Event, catalogue: Catalogue) -> Sequence[Element]:
        return inbound.observe(event, catalogue)

    def outgoing(self, record_type: str, catalogue: Catalogue) -> Sequence[Outgoing]:
        return mapping.outgoing(record_type, catalogue)

    def cost(self, request: Request) -> Cost:
        return limits.cost(request)

    async def send(self, request: Request, catalogue: Catalogue) -> Answer:
        return await self._client.send(request, catalogue)

    def chosen_id(self, record: Record, fields: Mapping[str, Value]) -> str:
        return ''

    def page(self, remote_type: str, remote_id: str) -> str:
        known = self._pages and remote_type in ('organization', 'person', 'deal')
        return f'{self._pages}/{remote_type}/{remote_id}' if known else ''

    def judge(self, request: Request, answer: Answer, catalogue: Catalogue, now: datetime | None = None) -> None:
        answers.judge(request, answer, catalogue, now or answer.ended_at or self._line.clock.now())

    def next_cursor(self, answer: Answer) -> str | None:
        told = wire.load_json(answer.body)
        extra = told.get('additional_data') if isinstance(told, dict) else None
        cursor = extra.get('next_cursor') if isinstance(extra, dict) else None
        return str(cursor) if cursor else None

    def remote_fields(self, answer: Answer) -> Sequence[RemoteField]:
        told = wire.load_json(answer.body)
        return [
            RemoteField(
                str(item['field_code']),
                str(item['field_name']),
                str(item['field_type']),
                {str(option['id']): str(option['label']) for option in item.get('options') or ()},
                held_by(str(item['field_type'])),
            )
            for item in told.get('data') or ()
            if item.get('is_custom_field')
        ]

    def subscriptions(self, answer: Answer) -> Sequence[Subscription]:
        told = wire.load_json(answer.body)
        return [
            Subscription(
                str(item['id']),
                str(item['subscription_url']),
                bool(item.get('is_active'))
                and item.get('event_action') == item.get('event_object') == '*'
                and str(item.get('version')) == '2.0',
                str(item.get('http_auth_user') or ''),
                item['last_http_status'] if isinstance(item.get('last_http_status'), int) else None,
                str(item.get('last_delivery_time') or ''),
            )
            for item in told.get('data') or ()
        ]

    def identity(self, answer: Answer) -> str:
        told = wire.load_json(answer.body)
        return f'Pipedrive company {told["data"]["company_id"]}'

    def currency(self, answer: Answer) -> str:
        told = wire.load_json(answer.body)
        return values.read_currency(told['data'].get('default_currency')) or ''

    async def aclose(self) -> None:
        await self._line.aclose()
