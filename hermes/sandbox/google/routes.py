"""The API of the calendar and the token endpoint. Authenticated and counted before a body is read."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermes.sandbox.google import freebusy
from hermes.sandbox.google.account import refused
from hermes.sandbox.google.errors import (
    Refused,
    TokenRefused,
    auth_error,
    duplicate,
    invalid,
    json_answer,
    login_required,
    not_found,
    scope_missing,
)
from hermes.sandbox.google.listing import list_events
from hermes.sandbox.google.post import read_whom
from hermes.sandbox.google.service_account import CLIENT_EMAIL, READING, Grant
from hermes.sandbox.google.times import read_zone

if TYPE_CHECKING:
    from hermes.sandbox.google.acts import GoogleCalendar
    from hermes.sandbox.world import World

Json = dict[str, Any]
CALENDAR = '/calendars/{calendar}'
EVENTS = f'{CALENDAR}/events'
EVENT = f'{EVENTS}/{{event}}'


@dataclass
class Ask:
    """One call by a known caller."""

    account: GoogleCalendar
    grant: Grant
    request: Request
    body: Any = None

    @property
    def calendar(self) -> str:
        return str(self.request.path_params['calendar'])

    @property
    def event(self) -> str:
        return str(self.request.path_params['event'])

    @property
    def etag(self) -> str:
        return self.request.headers.get('if-match', '')

    def query(self, name: str) -> str | None:
        return self.request.query_params.get(name)

    def whom(self) -> str:
        return read_whom(self.query('sendUpdates'), self.query('sendNotifications'))

    def meets(self) -> bool:
        """conferenceDataVersion. Raises Refused (400)."""
        told = self.query('conferenceDataVersion') or '0'
        if told not in ('0', '1'):
            raise invalid(f'Invalid value for: conferenceDataVersion: {told}', 'parameter conferenceDataVersion')
        return told == '1'

    def object(self) -> Json:
        if not isinstance(self.body, dict):
            raise Refused(400, 'parseError', 'Parse Error')
        return self.body

    def most_guests(self) -> int | None:
        told = self.query('maxAttendees')
        return int(told) if told and told.isdecimal() else None


Endpoint = Callable[[Ask], Any]


def insert(ask: Ask) -> Json:
    person = ask.account.reach(ask.grant, ask.calendar, writing=True)
    planned = ask.account.planned_refusal(person.email)
    if planned == 'without':
        raise duplicate()
    event = ask.account.insert(
        person.email,
        ask.object(),
        by=ask.grant.user or CLIENT_EMAIL,
        whom=ask.whom(),
        meets=ask.meets(),
        delegated=bool(ask.grant.user),
    )
    if planned:
        raise duplicate()
    return ask.account.show(event, person.email, most=ask.most_guests())


def get(ask: Ask) -> Json:
    person = ask.account.reach(ask.grant, ask.calendar)
    zone = read_zone(ask.query('timeZone')) if ask.query('timeZone') else None
    event = ask.account.get(person.email, ask.event)
    return ask.account.show(event, person.email, zone, ask.most_guests())


def patch(ask: Ask) -> Json:
    return _write(ask, ask.account.patch)


def update(ask: Ask) -> Json:
    return _write(ask, ask.account.update)


def _write(ask: Ask, write: Callable[..., Any]) -> Json:
    person = ask.account.reach(ask.grant, ask.calendar, writing=True)
    more: Json = {'whom': ask.whom(), 'meets': ask.meets(), 'delegated': bool(ask.grant.user), 'etag': ask.etag}
    event = write(person.email, ask.event, ask.object(), **more)
    return ask.account.show(event, person.email, most=ask.most_guests())


def delete(ask: Ask) -> None:
    person = ask.account.reach(ask.grant, ask.calendar, writing=True)
    ask.account.delete(person.email, ask.event, whom=ask.whom(), etag=ask.etag)


def list_all(ask: Ask) -> Json:
    person = ask.account.reach(ask.grant, ask.calendar)
    return list_events(ask.account, person, parse_qs(ask.request.url.query, keep_blank_values=True))


def watch(ask: Ask) -> Json:
    person = ask.account.reach(ask.grant, ask.calendar)
    return ask.account.channels.open(person.email, ask.body).shown()


def stop(ask: Ask) -> None:
    if not ask.grant.scopes & READING:
        raise scope_missing()
    ask.account.channels.stop(ask.body)


def free_busy(ask: Ask) -> Json:
    return freebusy.query(ask.account, ask.grant, ask.body)


def calendar(ask: Ask) -> Json:
    person = ask.account.reach(ask.grant, ask.calendar)
    return {
        'kind': 'calendar#calendar',
        'etag': f'"{len(person.email):016d}"',
        'id': person.email,
        'summary': person.email,
        'timeZone': person.zone,
        'conferenceProperties': {'allowedConferenceSolutionTypes': ['hangoutsMeet']},
    }


ENDPOINTS: dict[str, dict[str, Endpoint]] = {
    CALENDAR: {'GET': calendar},
    EVENTS: {'GET': list_all, 'POST': insert},
    f'{EVENTS}/watch': {'POST': watch},
    EVENT: {'GET': get, 'PATCH': patch, 'PUT': update, 'DELETE': delete},
    '/freeBusy': {'POST': free_busy},
    '/channels/stop': {'POST': stop},
}


def calendar_app(world: World) -> Starlette:
    """Everything under /calendar/v3."""
    routes = [Route(path, _answer(world, endpoints), methods=list(endpoints)) for path, endpoints in ENDPOINTS.items()]
    return Starlette(routes=routes, exception_handlers={HTTPException: _unknown})


def token_answer(world: World) -> Starlette:
    """The token endpoint: a form comes in, OAuth's JSON goes out."""

    async def answer(request: Request) -> Response:
        if request.method != 'POST':
            return json_answer({'error': 'invalid_request', 'error_description': 'POST is required'}, 405)
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode('latin-1')).items()}
        try:
            return json_answer(world.google.tokens.issue(form, str(request.url.replace(query=''))))
        except TokenRefused as refusal:
            return json_answer(refusal.as_body(), refusal.status)

    return Starlette(routes=[Route('/{rest:path}', answer, methods=['GET', 'POST'])])


async def _unknown(request: Request, reason: Exception) -> Response:
    return refused(not_found())


def _answer(world: World, endpoints: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        account = world.google
        await _linger(world, request)
        account.ripen()
        try:
            ask = Ask(account, _authenticate(account, request), request)
            account.charge(ask.grant.user or CLIENT_EMAIL)
            ask.body = await _read(request)
            await _linger_over_query(world, ask.body)
            result = endpoints['GET' if request.method == 'HEAD' else request.method](ask)
        except Refused as refusal:
            return refused(refusal)
        return json_answer(result) if result is not None else Response(status_code=204)

    return answer


def _authenticate(account: GoogleCalendar, request: Request) -> Grant:
    header = request.headers.get('authorization', '')
    if not header:
        raise login_required()
    grant = account.tokens.bearer(header)
    if grant is None:
        raise auth_error()
    if grant.user and grant.user not in account.people:
        raise auth_error()
    return grant


async def _read(request: Request) -> Any:
    raw = await request.body()
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise Refused(400, 'parseError', 'Parse Error') from None


async def _linger(world: World, request: Request) -> None:
    slow_s = world.google.faults.slow.get(str(request.path_params.get('calendar', '')).lower(), 0.0)
    if slow_s:
        await world.clock.sleep(slow_s)


async def _linger_over_query(world: World, body: Any) -> None:
    """Free/busy is as slow as the slowest calendar in it."""
    items = body.get('items') if isinstance(body, dict) else None
    if not isinstance(items, list) or not world.google.faults.slow:
        return
    slow = [world.google.faults.slow.get(str(one.get('id')).lower(), 0.0) for one in items if isinstance(one, dict)]
    if slow_s := max(slow, default=0.0):
        await world.clock.sleep(slow_s)
