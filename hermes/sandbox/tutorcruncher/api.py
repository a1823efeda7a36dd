"""TutorCruncher's public API, version 2, as documented: token, 100 requests a minute, pages of 100, updates by POST.

Meant to be mounted at `/tc2/api`. Every answer carries the world's time as `Date`. A write through the API is announced
by webhook like any other change.
"""

from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from hermes.sandbox.tutorcruncher.account import Refused, Unknown
from hermes.sandbox.tutorcruncher.acts import TutorCruncher
from hermes.sandbox.tutorcruncher.answers import detail, invalid, throttled
from hermes.sandbox.tutorcruncher.client import Attribute, Client, Json, Recipient, iso
from hermes.sandbox.tutorcruncher.events import BASE_URL

if TYPE_CHECKING:
    from hermes.sandbox.world import World

PAGE_SIZE = 100
REQUESTS_A_MINUTE = 100
WRITABLE = ('first_name', 'last_name', 'email', 'phone')


class Answered(Exception):
    """Carries an answer out of a check."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def routes(world: 'World') -> APIRouter:
    """The API of `world.tutorcruncher`."""

    class Door(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    _admit(world, request)
                    given = await inner(request)
                except Answered as stop:
                    given = stop.answer
                except Unknown:
                    given = detail(404, 'Not found.')
                except Refused as refusal:
                    given = invalid(refusal.fields)
                given.headers['date'] = format_datetime(world.clock.now(), usegmt=True)
                return given

            return answer

    router = APIRouter(route_class=Door)
    _client_routes(router, world)
    _recipient_routes(router, world)
    return router


def _client_routes(router: APIRouter, world: 'World') -> None:
    def account() -> TutorCruncher:
        known: TutorCruncher = world.tutorcruncher
        return known

    def living(client_id: str) -> Client:
        client = account().client(int(client_id) if client_id.isdecimal() else -1)
        if client.deleted:
            raise Unknown(client_id)
        return client

    @router.get('/clients/')
    async def list_clients(request: Request) -> Response:
        found = [one for one in account().clients.values() if not one.deleted and _asked_for(one, request)]
        return _page(request, [one.stub(BASE_URL) for one in found])

    @router.get('/clients/{client_id}/')
    async def get_client(client_id: str) -> Response:
        return JSONResponse(account().full(living(client_id)))

    @router.post('/clients/')
    async def create_client(request: Request) -> Response:
        given = await _object(request)
        fields = _person_of(given)
        attributes = _attributes_of(given, account().attributes)
        if not fields.get('last_name'):
            raise Refused({'last_name': ['This field is required.']})
        email = fields.get('email')
        if email and any(one.email == email for one in account().clients.values()):
            raise Refused({'email': ['This email is already in use.']})
        client = account().add_client(
            str(fields['last_name']),
            first_name=fields.get('first_name') or '',
            last_name=str(fields['last_name']),
            email=email,
            phone=fields.get('phone'),
            recipients=[],
            with_agency=False,
        )
        client.attributes = {name: value for name, value in attributes.items() if value is not None}
        account().announce('CREATED_A_CLIENT', client, 'Created via the API.')
        return JSONResponse(account().full(client), 201)

    @router.post('/clients/{client_id}/')
    async def update_client(client_id: str, request: Request) -> Response:
        client = living(client_id)
        given = await _object(request)
        fields, attributes = _person_of(given), _attributes_of(given, account().attributes)
        for name, value in fields.items():
            setattr(client, name, value)
        for name, value in attributes.items():
            if value is None:
                client.attributes.pop(name, None)
            else:
                client.attributes[name] = value
        account().announce('EDITED_A_CLIENT', client, 'Edited via the API.')
        return JSONResponse(account().full(client))

    @router.delete('/clients/{client_id}/')
    async def delete_client(client_id: str) -> Response:
        client = living(client_id)
        account().delete(client.id)
        return JSONResponse(
            {'message': f'Successfully deleted role {client.id}: {client.first_name} {client.last_name}'}
        )


def _recipient_routes(router: APIRouter, world: 'World') -> None:
    def shown(recipient: Recipient, client: Client) -> Json:
        url = f'{BASE_URL}/recipients/{recipient.id}/'
        return {**vars(recipient), 'url': url, 'paying_client': client.stub(BASE_URL)}

    def everyone() -> list[tuple[Recipient, Client]]:
        account: TutorCruncher = world.tutorcruncher
        return [(one, client) for client in account.clients.values() if not client.deleted for one in client.recipients]

    @router.get('/recipients/')
    async def list_recipients(request: Request) -> Response:
        stubs = [
            {**vars(recipient), 'url': f'{BASE_URL}/recipients/{recipient.id}/'} for recipient, _client in everyone()
        ]
        return _page(request, stubs)

    @router.get('/recipients/{recipient_id}/')
    async def get_recipient(recipient_id: str) -> Response:
        for recipient, client in everyone():
            if str(recipient.id) == recipient_id:
                return JSONResponse(shown(recipient, client))
        raise Unknown(recipient_id)


def _admit(world: 'World', request: Request) -> None:
    account: TutorCruncher = world.tutorcruncher
    scheme, _, key = request.headers.get('authorization', '').partition(' ')
    if scheme.lower() != 'token' or not key:
        refusal = detail(401, 'Authentication credentials were not provided.', {'WWW-Authenticate': 'Token'})
        raise Answered(refusal)
    if key.strip() != account.api_key:
        raise Answered(detail(account.auth_refusal, 'Invalid token.', {'WWW-Authenticate': 'Token'}))
    now, times = world.clock.now(), account.request_times
    while times and times[0] <= now - timedelta(minutes=1):
        times.popleft()
    if len(times) >= REQUESTS_A_MINUTE:
        raise Answered(throttled(max(1, 60 - int((now - times[0]).total_seconds()))))
    times.append(now)


def _page(request: Request, stubs: list[Json]) -> Response:
    try:
        page = int(request.query_params.get('page', '1'))
    except ValueError:
        page = 0
    last = max(1, -(-len(stubs) // PAGE_SIZE))
    if not 1 <= page <= last:
        return detail(404, 'Invalid page.')

    def link(number: int) -> str:
        return str(request.url.include_query_params(page=number))

    return JSONResponse(
        {
            'count': len(stubs),
            'next': link(page + 1) if page < last else None,
            'previous': link(page - 1) if page > 1 else None,
            'results': stubs[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        }
    )


def _asked_for(client: Client, request: Request) -> bool:
    """The documented filters; one that TutorCruncher does not know changes nothing."""
    asked = request.query_params
    email = asked.get('user__email') or asked.get('email')
    if email and (client.email or '').lower() != email.lower():
        return False
    if (status := asked.get('status')) and client.status != status:
        return False
    for prefix in ('user__created', 'date_created'):
        if (bound := asked.get(f'{prefix}__gte')) and iso(client.date_created) < _bound(bound):
            return False
        if (bound := asked.get(f'{prefix}__lte')) and iso(client.date_created) > _bound(bound):
            return False
    return True


def _bound(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime('%Y-%m-%dT%H:%M:%S.%fZ')
    except ValueError:
        raise Refused({'date_created': ['Enter a valid date/time.']}) from None


async def _object(request: Request) -> Json:
    try:
        given = await request.json()
    except ValueError:
        raise Answered(detail(400, 'JSON parse error - Expecting value: line 1 column 1 (char 0)')) from None
    if not isinstance(given, dict):
        raise Refused({'non_field_errors': ['Invalid data. Expected a dictionary.']})
    return given


def _person_of(given: Json) -> Json:
    """The writable fields of the person, taken from the top level or from `user`. Others are ignored."""
    nested = given.get('user')
    sources = [given, nested] if isinstance(nested, dict) else [given]
    found: Json = {}
    for source in sources:
        for name in WRITABLE:
            if name not in source:
                continue
            value = source[name]
            if value is not None and not isinstance(value, str):
                raise Refused({name: ['Not a valid string.']})
            found[name] = value
    return found


def _attributes_of(given: Json, known: Iterable[Attribute]) -> dict[str, str | None]:
    """What to write into custom fields: an object by machine name; of a dropdown the slug; null empties."""
    wanted = given.get('extra_attrs', {})
    if not isinstance(wanted, dict):
        raise Refused({'extra_attrs': [f'Expected a dictionary of items but got type "{type(wanted).__name__}".']})
    by_name = {one.machine_name: one for one in known}
    found: dict[str, str | None] = {}
    wrong: dict[str, Any] = {}
    for name, value in wanted.items():
        attribute = by_name.get(name)
        if attribute is None:
            wrong[name] = [f'Unknown custom field "{name}".']
        elif value is None or value == '':
            found[name] = None
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            wrong[name] = ['Not a valid string.']
        else:
            found[name], why = attribute.accept(str(value))
            if why:
                wrong[name] = [why]
    if wrong:
        raise Refused({'extra_attrs': [f'{name}: {why[0]}' for name, why in wrong.items()]})
    return found
