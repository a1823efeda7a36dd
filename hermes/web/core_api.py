"""The core API (API-1..API-6): whose turn it is, where a visitor is, which company is which.

Every path answers with and without its last slash and never redirects. Who shows the API key (`Authorization: token
...`, compared in constant time) learns more of a person; companies are shown to nobody else, and what is wrong with a
question is told only after that.
"""

import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from hermes.booking.choose import Turns
from hermes.db import companies
from hermes.db.catalogue import KnowledgeCache
from hermes.db.pool import Database
from hermes.domain.errors import Refused
from hermes.domain.model import Record
from hermes.domain.rota import Kind
from hermes.kit.countries import iso_code
from hermes.web.security import Network, client_address, is_trusted

HOME: Final = 'GB'
WHOLE: Final = re.compile(r'[0-9]{1,18}')
LONGEST: Final = 500
Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class CoreParts:
    """What the core API works with. `hash_client`: an address as the keyed hash that is stored. `api_key` '': nobody
    has it. `country_header`: where the proxy says the country. `count_read`: raises OverLimit for a client of too many.
    `systems`: those that are on, which decides who can be booked.
    """

    database: Database
    hash_client: Callable[[str], bytes]
    api_key: str = ''
    zone: str = 'Europe/London'
    trusted: Sequence[Network] = ()
    country_header: str = 'CF-IPCountry'
    count_read: Callable[[bytes], None] | None = None
    systems: Collection[str] = ()
    knowledge: KnowledgeCache = field(default_factory=KnowledgeCache)

    @property
    def turns(self) -> Turns:
        """Who is drawn."""
        return Turns(self.database, self.knowledge, self.zone, self.systems)

    def has_key(self, request: Request) -> bool:
        """Whether the request shows the API key."""
        scheme, _, given = request.headers.get('authorization', '').strip().partition(' ')
        equal = hmac.compare_digest(given.strip().encode('utf-8', 'replace'), self.api_key.encode())
        return equal and bool(self.api_key) and scheme.lower() == 'token'


def core_routes(parts: CoreParts) -> APIRouter:
    """GET /choose-roundrobin/sales/ and /support/, /loc/, /companies/."""
    router = APIRouter(tags=['core'])

    async def choose(request: Request, kind: Kind, plan: str, country: str | None) -> Response:
        client = parts.hash_client(client_address(request.scope, parts.trusted))
        if parts.count_read is not None:
            parts.count_read(client)
        chosen = await parts.turns.draw(kind, plan, country, client)
        return JSONResponse(show_person(chosen, with_key=parts.has_key(request)))

    async def choose_sales(request: Request) -> Response:
        query = request.query_params
        return await choose(request, 'sales', query.get('plan', '').strip(), query.get('country_code'))

    async def choose_support(request: Request) -> Response:
        return await choose(request, 'support', '', None)

    async def locate(request: Request) -> Response:
        return JSONResponse({'country_code': country_of(request, parts)})

    async def find(request: Request) -> Response:
        if not parts.api_key:
            raise HTTPException(503, 'No API_KEY is configured, so that this is closed.')
        if not parts.has_key(request):
            raise HTTPException(401, 'This needs the API key: Authorization: token ...', {'WWW-Authenticate': 'token'})
        filters = read_filters(request.query_params.multi_items())
        async with parts.database.transaction() as connection:
            return JSONResponse(await companies.find_companies(connection, filters))

    _add(router, '/choose-roundrobin/sales', choose_sales, 'Whose turn it is to sell', ('plan', 'country_code'))
    _add(router, '/choose-roundrobin/support', choose_support, 'Whose turn it is to help', ())
    _add(router, '/loc', locate, 'The country of whoever asks', ())
    _add(router, '/companies', find, 'Companies that fit all filters (needs the API key)', tuple(companies.FILTERS))
    return router


def show_person(admin: Record, *, with_key: bool) -> dict[str, Any]:
    """API-1: an admin as everybody, or who has the API key, may know them."""
    names = ('first_name', 'last_name') + (('email', 'tc2_admin_id', 'pd_owner_id') if with_key else ())
    return {'id': admin.ref.id, **{name: admin.fields.get(name) for name in names}}


def country_of(request: Request, parts: CoreParts) -> str | None:
    """API-5: the country that the proxy says, None where it says none (`XX`, `T1`, `EU`), GB where no proxy of ours
    says anything (S14). Where no proxy is configured, one on this machine is believed.
    """
    if not _is_proxy(request, parts.trusted):
        return HOME
    told = request.headers.getlist(parts.country_header)
    if not told:
        return HOME
    return iso_code(told[0]) if len(told) == 1 else None


def _is_proxy(request: Request, trusted: Sequence[Network]) -> bool:
    peer = request.client.host if request.client else ''
    if trusted:
        return is_trusted(peer, trusted)
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def read_filters(given: Sequence[tuple[str, str]]) -> dict[str, str | int]:
    """API-6: the filters of a question. Raises Refused for none, an unknown one, one twice or a wrong one."""
    known = ', '.join(companies.FILTERS)
    filters: dict[str, str | int] = {}
    for name, value in given:
        if name not in companies.FILTERS:
            raise Refused(f'This filter is unknown. The filters are: {known}.', 'invalid')
        if name in filters:
            raise Refused(f'{name}: is given twice.', 'invalid')
        told = value.strip()
        if not told or '\x00' in told or len(told) > LONGEST:
            raise Refused(f'{name}: must not be empty.', 'invalid')
        if name in companies.NUMBERS and not WHOLE.fullmatch(told):
            raise Refused(f'{name}: must be a whole number.', 'invalid')
        filters[name] = int(told) if name in companies.NUMBERS else told
    if not filters:
        raise Refused(f'At least one filter is needed. The filters are: {known}.', 'invalid')
    return filters


def _add(router: APIRouter, path: str, act: Answer, summary: str, query: Sequence[str]) -> None:
    """A path with and without its last slash."""
    described = {'parameters': [{'name': name, 'in': 'query', 'schema': {'type': 'string'}} for name in query]}
    told: dict[int | str, dict[str, Any]] = {
        422: {'description': 'Not a valid question'},
        429: {'description': 'Too much was asked for'},
        503: {'description': 'Try again later'},
    }
    if path == '/companies':
        told[401] = {'description': 'The API key is missing or wrong'}
    name = f'core_{path.strip("/").replace("/", "_").replace("-", "_")}'
    router.add_api_route(
        path + '/', act, methods=['GET'], summary=summary, operation_id=name, openapi_extra=described, responses=told
    )
    router.add_api_route(path, act, methods=['GET'], include_in_schema=False)
