"""The journal as the engine sees it: it takes everything, and gives nobody an id (AU-13)."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hermes.domain.app_user import LOGGED
from hermes.domain.errors import Reaction, Refused, Retry
from hermes.domain.fields import Catalogue
from hermes.domain.model import SETTLED, Element, Event, Observation, Record, RemoteRef, Value, Version
from hermes.kit.clock import Clock
from hermes.ports import Answer, Cost, Lent, Outgoing, RemoteField, Request, Subscription, decode_answer
from hermes.ports.people import outgoing
from hermes.systems.journal.files import Journal
from hermes.systems.journal.profile import PROFILE


class JournalTarget:
    """One journal."""

    profile = PROFILE
    name = PROFILE.name
    types = PROFILE.types
    account = ''

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal, self.clock = journal, clock

    def observe(self, event: Event, catalogue: Catalogue) -> Sequence[Element]:
        if event.kind == 'webhook':
            return [Element(ignored='the journal tells nothing')]
        request, answer = decode_answer(event.body)
        if answer.status != 200 or answer.ended_at is None:
            return []
        version = Version(int(answer.ended_at.timestamp()), SETTLED)
        return [
            Element((Observation(_ref(item), 'state', version, item.fields, 'answer', LOGGED, record=item.record),))
            for item in (request.items or (request,))
        ]

    def outgoing(self, record_type: str, catalogue: Catalogue) -> Sequence[Outgoing]:
        return outgoing(record_type)

    def cost(self, request: Request) -> Cost:
        return Cost(0)

    async def send(self, request: Request, catalogue: Catalogue) -> Answer:
        started_at = self.clock.now()
        lines = [_said(item, started_at.isoformat()) for item in (request.items or (request,))]
        try:
            numbers = await asyncio.to_thread(self.journal.append, lines)
        except OSError as error:
            told = f'the journal cannot be written ({type(error).__name__})'
            return Answer(None, started_at=started_at, ended_at=self.clock.now(), sent=False, error=told)
        return Answer(200, json.dumps({'numbers': numbers}).encode(), {}, started_at, self.clock.now())

    def next_cursor(self, answer: Answer) -> str | None:
        return None

    def remote_fields(self, answer: Answer) -> Sequence[RemoteField]:
        return ()

    def subscriptions(self, answer: Answer) -> Sequence[Subscription]:
        return ()

    def identity(self, answer: Answer) -> str:
        return ''

    def currency(self, answer: Answer) -> str:
        return ''

    def chosen_id(self, record: Record, fields: Mapping[str, Value]) -> str:
        return str(record.ref.id)

    def page(self, remote_type: str, remote_id: str) -> str:
        return ''

    def judge(self, request: Request, answer: Answer, catalogue: Catalogue) -> None:
        if answer.status != 200:
            raise Retry(answer.error or 'the journal did not take it')

    def verdicts(self, request: Request, answer: Answer) -> Sequence[Reaction | None]:
        return [None] * len(request.items)

    def sustainers(self, answer: Answer) -> Mapping[str, bool]:
        return {}

    def lists(self, answer: Answer) -> Sequence[str]:
        return ()

    async def lend_access(self) -> Lent:
        raise Refused('App users are kept in a journal: there is nothing to connect to.', 'no_connection')


def _ref(item: Request) -> RemoteRef:
    number = item.remote_id or str(item.record.id if item.record else '')
    return RemoteRef(PROFILE.name, item.type, number)


def _said(item: Request, at: str) -> dict[str, Any]:
    return {'at': at, 'op': item.op, 'type': item.type, 'record': list(item.record or ()), 'fields': dict(item.fields)}
