"""NationBuilder as the engine sees it (`hermes.ports.PeopleTarget`): the pure parts and the client in one object."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from hermes.domain.errors import Reaction, Unreadable
from hermes.domain.fields import Catalogue
from hermes.domain.model import Element, Event, Record, Value
from hermes.kit import wire
from hermes.kit.http import Line
from hermes.ports import Answer, Cost, Lent, Outgoing, RemoteField, Request, Subscription
from hermes.ports.grants import Exchange, Grant, NoGrant
from hermes.ports.people import outgoing
from hermes.systems.nationbuilder import answers, inbound, limits
from hermes.systems.nationbuilder.client import Client
from hermes.systems.nationbuilder.labels import our_name
from hermes.systems.nationbuilder.mapping import Mapped, load
from hermes.systems.nationbuilder.profile import PROFILE
from hermes.systems.nationbuilder.wire_calls import Nation

LONGEST = 255


class Fixed:
    """A token that the settings name: nobody renews it."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token

    async def renew(self, refused: str) -> str:
        raise NoGrant('the token of the settings is refused', broken=True)


class NationBuilder:
    """One nation. `mapped`: what everything is called there; `exchange`: how its tokens are got."""

    profile = PROFILE
    name = PROFILE.name
    types = PROFILE.types

    def __init__(
        self,
        base: str,
        slug: str,
        *,
        token: str = '',
        exchange: Exchange | None = None,
        mapped: Mapped | None = None,
        line: Line | None = None,
    ) -> None:
        self._line, self._mapped, self._base = line or Line(), mapped or load(), base
        self._nation = Nation(base, self._line)
        self._client = Client(self._nation, self._mapped, self._line)
        self.account = f'the nation {slug}'
        self.exchange = exchange
        self._nation.grant = Fixed(token) if token else None

    def lend(self, grant: Grant) -> None:
        """A token that the settings name counts more."""
        if self._nation.grant is None:
            self._nation.grant = grant

    def observe(self, event: Event, catalogue: Catalogue) -> Sequence[Element]:
        return inbound.observe(event, self._mapped)

    def outgoing(self, record_type: str, catalogue: Catalogue) -> Sequence[Outgoing]:
        keys = {*self._mapped.fields, 'lists', *(['educator'] if self._mapped.educator else [])}
        keys |= {'external_id', 'review'} if record_type == 'app_user' else set()
        return [
            replace(item, limit=LONGEST if item.key in ('first_name', 'last_name') else None)
            for item in outgoing(record_type, self._mapped.lists_of_language)
            if item.key in keys
        ]

    def cost(self, request: Request) -> Cost:
        return limits.cost(request)

    async def send(self, request: Request, catalogue: Catalogue) -> Answer:
        return await self._client.send(request)

    def chosen_id(self, record: Record, fields: Mapping[str, Value]) -> str:
        return ''

    def page(self, remote_type: str, remote_id: str) -> str:
        return f'{self._base}/admin/signups/{remote_id}' if remote_id.isdigit() else ''

    def judge(self, request: Request, answer: Answer, catalogue: Catalogue, now: datetime | None = None) -> None:
        answers.judge(request, answer, self._mapped, now or answer.ended_at or self._line.clock.now())

    def verdicts(self, request: Request, answer: Answer) -> Sequence[Reaction | None]:
        return answers.verdicts(request, answer, self._mapped, answer.ended_at or self._line.clock.now())

    def next_cursor(self, answer: Answer) -> str | None:
        told = wire.load_json(answer.body)
        more = told.get('next') if isinstance(told, dict) else None
        return str(more) if more else None

    def sustainers(self, answer: Answer) -> Mapping[str, bool]:
        return dict.fromkeys(wire.load_json(answer.body)['ids'], True)

    def lists(self, answer: Answer) -> Sequence[str]:
        return sorted({our_name(row, self._mapped) for row in wire.load_json(answer.body)['lists']})

    async def lend_access(self) -> Lent:
        grant = self._nation.grant
        try:
            token = await grant.token() if grant is not None else ''
        except NoGrant as missing:
            raise Unreadable(f'The nation lets nobody in now: {missing}.') from None
        if not token:
            raise Unreadable('The nation is not connected (hermes people connect).')
        return Lent(self._base, {'Authorization': f'Bearer {token}'})

    def lacks(self, answer: Answer) -> Sequence[str]:
        """What the nation lacks of the mapping; a tag that is not there is made when it is needed."""
        rows = wire.load_json(answer.body)['lists']
        known = {str(row.get(by) or '').casefold() for row in rows for by in ('id', 'name', 'slug')}
        wanted = {*self._mapped.lists.values()}
        wanted |= {
            self._mapped.lists.get(name, name) for names in self._mapped.lists_of_language.values() for name in names
        }
        return [f'There is no mailing list "{name}".' for name in sorted(wanted) if name.casefold() not in known]

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
