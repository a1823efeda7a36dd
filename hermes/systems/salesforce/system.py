"""Salesforce as the engine sees it (`hermes.ports.PeopleTarget`): the pure parts and the client in one object."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from hermes.domain.errors import Reaction
from hermes.domain.fields import Catalogue
from hermes.domain.model import Element, Event, Record, Value
from hermes.kit import wire
from hermes.kit.http import Line
from hermes.ports import Answer, Cost, Lent, Outgoing, RemoteField, Request, Subscription
from hermes.ports.people import outgoing
from hermes.systems.salesforce import answers, inbound, limits, metadata
from hermes.systems.salesforce.client import Client
from hermes.systems.salesforce.ids import long_id, try_id
from hermes.systems.salesforce.mapping import Mapped, load
from hermes.systems.salesforce.profile import PROFILE
from hermes.systems.salesforce.token import App


class Salesforce:
    """One organisation. `mapped`: what everything is called there."""

    profile = PROFILE
    name = PROFILE.name
    types = PROFILE.types
    account = ''

    def __init__(self, app: App, *, mapped: Mapped | None = None, line: Line | None = None) -> None:
        self._line, self._mapped, self._base = line or Line(), mapped or load(), app.base
        self._client = Client(app, self._mapped, self._line)

    def observe(self, event: Event, catalogue: Catalogue) -> Sequence[Element]:
        return inbound.observe(event, self._mapped)

    def outgoing(self, record_type: str, catalogue: Catalogue) -> Sequence[Outgoing]:
        kind = self._mapped.kinds.get(record_type)
        if kind is None:
            return ()
        return [
            replace(item, limit=kind.lengths.get(item.key))
            for item in outgoing(record_type, self._mapped.lists_of_language)
            if item.key in ('external_id', *kind.fields)
        ]

    def cost(self, request: Request) -> Cost:
        return limits.cost(request)

    async def send(self, request: Request, catalogue: Catalogue) -> Answer:
        return await self._client.send(request)

    def chosen_id(self, record: Record, fields: Mapping[str, Value]) -> str:
        return ''

    def page(self, remote_type: str, remote_id: str) -> str:
        return f'{self._base}/{remote_id}' if remote_type in self._mapped.kinds and try_id(remote_id) else ''

    def judge(self, request: Request, answer: Answer, catalogue: Catalogue, now: datetime | None = None) -> None:
        answers.judge(request, answer, self._mapped, now or answer.ended_at or self._line.clock.now())

    def verdicts(self, request: Request, answer: Answer) -> Sequence[Reaction | None]:
        return answers.verdicts(request, answer, self._mapped, answer.ended_at or self._line.clock.now())

    def next_cursor(self, answer: Answer) -> str | None:
        """Where the sustainers go on that one call did not get to."""
        told = wire.load_json(answer.body)
        return f'{told.get("count", 0)}:{told["next"]}' if isinstance(told, dict) and told.get('next') else None

    def sustainers(self, answer: Answer) -> Mapping[str, bool]:
        told = wire.load_json(answer.body)
        return {long_id(row['id']): row.get('is_sustainer') is True for row in told['records']}

    def lists(self, answer: Answer) -> Sequence[str]:
        return metadata.lists(answer.body, self._mapped.words)

    async def lend_access(self) -> Lent:
        return await self._client.lend_access()

    def lacks(self, answer: Answer) -> Sequence[str]:
        return metadata.lacks(answer.body, self._mapped)

    def remote_fields(self, answer: Answer) -> Sequence[RemoteField]:
        return ()

    def subscriptions(self, answer: Answer) -> Sequence[Subscription]:
        return ()

    def identity(self, answer: Answer) -> str:
        return f'Salesforce organisation {long_id(wire.load_json(answer.body)["organisation"])}'

    def currency(self, answer: Answer) -> str:
        return ''

    async def aclose(self) -> None:
        await self._line.aclose()
