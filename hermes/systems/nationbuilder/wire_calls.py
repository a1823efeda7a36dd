"""Single requests to a nation's API v2: signed, timed, counted; and pages read to their end.

A refused token is renewed once. Only the nation that the settings name is called, without redirects (S4). How many
requests are left in the window every answer says.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from hermes.kit import wire
from hermes.kit.http import Line
from hermes.ports import Answer
from hermes.ports.grants import Grant, NoGrant
from hermes.systems.nationbuilder.limits import SPARE

API: Final = '/api/v2'
PAGE: Final = 100
MOST_PAGES: Final = 1000
Query = Sequence[tuple[str, str]]


class Failed(Exception):
    """A request that did not bring what it was made for: its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f'{answer.status}')
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Time:
    """How much is left of a call."""

    ends: float

    def left_s(self) -> float:
        return max(self.ends - asyncio.get_running_loop().time(), 0.001)


class Nation:
    """One nation's API."""

    def __init__(self, base: str, line: Line) -> None:
        self._base, self._line = base, line
        self.grant: Grant | None = None
        self._left: int | None = None
        self._reset: datetime | None = None

    def __repr__(self) -> str:
        return f'Nation({self._base!r})'

    @property
    def full_until(self) -> datetime | None:
        """Until when nobody else is begun with; None while there is room."""
        if self._left is None or self._reset is None or self._left > SPARE or self._reset <= self._line.clock.now():
            return None
        return self._reset

    async def call(self, method: str, path: str, time: Time, query: Query = (), body: Any = None) -> Answer:
        """One request; once again with another token where that was refused. Raises NoGrant."""
        if self.grant is None:
            raise NoGrant('it is not connected (hermes people connect)', broken=True)
        token = await self.grant.token()
        told = await self._once(method, path, time, query, body, token)
        if told.status == 401:
            told = await self._once(method, path, time, query, body, await self.grant.renew(token))
        return told

    async def _once(self, method: str, path: str, time: Time, query: Query, body: Any, token: str) -> Answer:
        headers = {'authorization': f'Bearer {token}', 'accept': 'application/vnd.api+json, application/json'}
        told = await self._line.call(
            method, f'{self._base}{API}{path}', headers=headers, query=query, body=body, deadline_s=time.left_s()
        )
        try:
            self._left = wire.whole(told.headers.get('ratelimit-remaining', ''))
            self._reset = wire.moment(told.headers.get('ratelimit-reset'))
        except ValueError:
            self._left = None
        return told

    async def get(self, path: str, time: Time, query: Query = ()) -> Any:
        """The document that an address gives. Raises Failed, NoGrant."""
        return self.document(await self.call('GET', path, time, query))

    def document(self, told: Answer) -> Any:
        """The object that an answer holds. Raises Failed."""
        found = wire.try_json(told.body) if told.status is not None and 200 <= told.status < 300 else None
        if not isinstance(found, dict):
            raise Failed(told)
        return found

    async def page(self, path: str, time: Time, query: Query, number: int) -> dict[str, Any]:
        """One page: its rows, and what is sideloaded with them. Raises Failed, NoGrant."""
        told = await self.call('GET', path, time, [*query, ('page[size]', str(PAGE)), ('page[number]', str(number))])
        found: dict[str, Any] = self.document(told)
        rows = found.get('data')
        if not isinstance(rows, list) or not all(identity(row) for row in rows):
            raise Failed(told)
        return found

    async def pages(self, path: str, time: Time, query: Query = ()) -> list[dict[str, Any]]:
        """Every page that holds anything. The end is an empty page: a full one may be the last, and every one names a
        next. Raises Failed, NoGrant.
        """
        found: list[dict[str, Any]] = []
        for number in range(1, MOST_PAGES):
            page = await self.page(path, time, query, number)
            if not page['data']:
                return found
            found.append(page)
        raise Failed(Answer(None, sent=False, error='pages without end', ended_at=self._line.clock.now()))


def identity(row: Any) -> str:
    """The id of a resource object; '' where it has none."""
    told = row.get('id') if isinstance(row, dict) else None
    if isinstance(told, int) and not isinstance(told, bool):
        told = str(told)
    return told if isinstance(told, str) and told.isascii() and told.isdigit() else ''
