"""Typed calls to Google Calendar v3, each in the name of the calendar's owner.

`send` never raises: what went wrong is in the Answer. Only the configured root and token address are called, without
redirects (S4). Every change tells the guests (`sendUpdates=all`). A token that is refused is exchanged once.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from hermes.domain.errors import AuthBroken, Unreadable
from hermes.kit import wire
from hermes.kit.http import Line
from hermes.ports import Answer, Request
from hermes.systems.google_calendar import answers, inbound, mapping
from hermes.systems.google_calendar.token import Account, NoToken, Tokens

PATH: Final = '/calendar/v3'
PAGE_SIZE: Final = 250
TOLD: Final = [('sendUpdates', 'all')]
Call = tuple[str, str, str, list[tuple[str, str]], Any]


class Client:
    """All calendars that the account may act for. `root` is the API's host, without a path."""

    def __init__(self, account: Account, root: str, line: Line, busy_s: float) -> None:
        self._base = root.rstrip('/') + PATH
        self._line = line
        self._tokens = Tokens(account, line)
        self._busy_s = busy_s

    def __repr__(self) -> str:
        return f'Client({self._base!r})'

    async def send(self, request: Request) -> Answer:
        """Make the call. 'me' is the account itself, which signs in."""
        if request.op == 'me':
            return await self._signed_in()
        try:
            owner, method, url, query, body = self._call(request)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            return self._unsent(f'cannot be encoded: {type(error).__name__}')
        answer = await self._exchange(owner, method, url, query, body)
        if request.op == 'list' and answer.status == 200:
            return replace(answer, body=inbound.only_ours(answer.body, owner))
        return answer

    async def _exchange(
        self, owner: str, method: str, url: str, query: list[tuple[str, str]], body: Any, within_s: float = 0.0
    ) -> Answer:
        """One call within the time that is left after its token (`within_s`: other than usual); once again when the
        token was refused.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + (within_s or self._line.timeout_s)
        told: Answer | None = None
        for _ in range(2):
            try:
                token = await self._tokens.of(owner, deadline_s=max(ends - loop.time(), 0.001))
            except NoToken as missing:
                if missing.stranger:
                    return self._stranger(missing.reason)
                return self._unsent(missing.reason, status=401 if missing.broken else None)
            told = await self._line.call(
                method,
                url,
                headers={'authorization': f'Bearer {token}', 'accept': 'application/json'},
                query=query,
                body=body,
                deadline_s=max(ends - loop.time(), 0.001),
            )
            if told.status != 401:
                break
            self._tokens.forget(owner, token)
        assert told is not None
        if told.status == 401:
            return self._stranger('a fresh token is refused')
        return told

    async def sign_in(self) -> None:
        """The account gets a token of its own. Raises AuthBroken, or Unreadable when nobody can tell now."""
        try:
            await self._tokens.own(deadline_s=self._busy_s)
        except NoToken as missing:
            raise (AuthBroken if missing.broken else Unreadable)(f'Google gives {missing.reason}.') from None

    async def _signed_in(self) -> Answer:
        started_at = self._line.clock.now()
        try:
            await self._tokens.own(deadline_s=self._line.timeout_s)
        except NoToken as missing:
            return self._unsent(missing.reason, status=401 if missing.broken else None)
        return Answer(200, b'{"id": "me"}', started_at=started_at, ended_at=self._line.clock.now())

    def _unsent(self, error: str, status: int | None = None, body: bytes = b'') -> Answer:
        """Nothing left. A status says what Google would have answered: the account does not work."""
        now = self._line.clock.now()
        return Answer(status, body, started_at=now, ended_at=now, sent=False, error=error)

    def _stranger(self, error: str) -> Answer:
        """Nothing was done: the account works, but not for the owner of this calendar."""
        return self._unsent(error, 403, answers.STRANGER_BODY)

    def _call(self, request: Request) -> Call:
        """(owner, method, url, query, JSON body or None)."""
        if request.op in ('add_webhook', 'drop_webhook'):
            return self._channel_call(request)
        if request.type != 'event':
            raise ValueError('not an event')
        if request.op == 'list':
            calendar = str(request.params['calendar'])
            return calendar, 'GET', self._events(calendar), _page_query(request.params), None
        calendar, identity = mapping.split_id(request.remote_id)
        url = f'{self._events(calendar)}/{quote(identity, safe="")}'
        if request.op == 'read':
            return calendar, 'GET', url, [], None
        if request.op == 'delete':
            return calendar, 'DELETE', url, TOLD, None
        if request.op not in ('create', 'update'):
            raise ValueError('not a call about an event')
        body = mapping.encode(request.op, request.remote_id, request.fields, request.basis)
        query = [*TOLD, ('conferenceDataVersion', '1')]
        if request.op == 'create':
            return calendar, 'POST', self._events(calendar), query, body
        return calendar, 'PATCH', url, query, body

    def _events(self, calendar: str) -> str:
        return f'{self._base}/calendars/{quote(calendar, safe="")}/events'

    def _channel_call(self, request: Request) -> Call:
        told = request.fields
        calendar = str(told['calendar'])
        if request.op == 'drop_webhook':
            body = {'id': told['id'], 'resourceId': told['resource_id']}
            return calendar, 'POST', f'{self._base}/channels/stop', [], body
        until = str(wire.epoch_ms(wire.moment(told['until'])))
        body = {'type': 'web_hook', 'id': told['id'], 'address': told['address'], 'token': told['token']}
        return calendar, 'POST', f'{self._events(calendar)}/watch', [], body | {'expiration': until}

    async def busy(self, calendar: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """When the calendar is taken within [start, end), aware UTC. Raises Unreadable, also for an error inside a
        200 and for a calendar that the answer leaves out (CB-8).
        """
        asked = {
            'timeMin': mapping.rfc3339(start.astimezone(UTC)),
            'timeMax': mapping.rfc3339(end.astimezone(UTC)),
            'timeZone': 'UTC',
            'items': [{'id': calendar}],
        }
        try:
            async with asyncio.timeout(self._busy_s):
                answer = await self._exchange(calendar, 'POST', f'{self._base}/freeBusy', [], asked, self._busy_s)
        except TimeoutError:
            raise Unreadable(f'The calendar did not answer within {self._busy_s:.0f} s.') from None
        if answer.status != 200:
            if answer.body == answers.STRANGER_BODY:
                raise Unreadable(answers.STRANGER)
            answered = f'Google answered {answer.status}' if answer.status else 'connection lost'
            told = answered if answer.sent and answer.status else answer.error or answered
            raise Unreadable(f'The calendar cannot be read ({told}).')
        return read_busy(answer.body, calendar)


def read_busy(body: bytes, calendar: str) -> list[tuple[datetime, datetime]]:
    """The taken times in an answer about free/busy, in order. Raises Unreadable: silence is never 'free'."""
    told = wire.try_json(body)
    calendars = told.get('calendars') if isinstance(told, dict) else None
    found = calendars.get(calendar) if isinstance(calendars, dict) else None
    if not isinstance(found, dict):
        raise Unreadable('The answer about free times leaves the calendar out.')
    if found.get('errors'):
        raise Unreadable('The calendar cannot be read (Google names an error for it).')
    taken = found.get('busy')
    if not isinstance(taken, list):
        raise Unreadable('The answer about free times names none that are taken, nor that there are none.')
    try:
        times = [(wire.moment(item['start']), wire.moment(item['end'])) for item in taken]
    except (ValueError, KeyError, TypeError):
        raise Unreadable('A taken time in the answer cannot be read.') from None
    return sorted((start, end) for start, end in times if start < end)


def _page_query(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A listing's parameters: what changed since a token, or everything within a window; deletions always."""
    query = [('showDeleted', 'true'), ('maxResults', str(told.get('limit') or PAGE_SIZE))]
    if told.get('sync_token'):
        query.append(('syncToken', str(told['sync_token'])))
    else:
        for name, key in (('timeMin', 'since'), ('timeMax', 'until')):
            if told.get(key):
                at = told[key] if isinstance(told[key], datetime) else wire.moment(told[key])
                query.append((name, mapping.rfc3339(at.astimezone(UTC))))
    if told.get('cursor'):
        query.append(('pageToken', str(told['cursor'])))
    return query
