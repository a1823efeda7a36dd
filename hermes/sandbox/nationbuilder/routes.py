"""The endpoints of API v2 and of the token. Counted and authenticated before a body is read."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermes.sandbox.nationbuilder.answers import (
    PLAIN,
    Refused,
    TokenRefused,
    TooMany,
    answer,
    bad_request,
    not_found,
    unauthorized,
)
from hermes.sandbox.nationbuilder.attributes import TYPES, read
from hermes.sandbox.nationbuilder.listing import list_rows
from hermes.sandbox.nationbuilder.shapes import Look
from hermes.sandbox.nationbuilder.store import Row

if TYPE_CHECKING:
    from hermes.sandbox.nationbuilder.acts import NationBuilder
    from hermes.sandbox.world import World

Json = dict[str, Any]
MOST_IDS: Final = 10_000
READ_ONLY: Final = ('custom_fields', 'donations', 'pledges', 'contacts')
NEVER_CHANGED: Final = ('signup_taggings',)


@dataclass
class Ask:
    """One call with a living token."""

    nation: NationBuilder
    request: Request
    body: Any = None

    @property
    def id(self) -> str:
        return str(self.request.path_params['id'])

    @property
    def path(self) -> str:
        """The path within API v2."""
        return '/' + self.request.url.path.partition('/api/v2/')[2]

    def attributes(self, kind: str, wanted: str | None = None) -> Row:
        """What the body says of a row of this type. Raises Refused (400)."""
        return read(kind, self.data(kind, wanted).get('attributes', {}))

    def data(self, kind: str, wanted: str | None = None) -> Json:
        """`data`, of the right type and, for a change, with the id of the path. Raises Refused (400)."""
        data = self.body.get('data') if isinstance(self.body, dict) else None
        if not isinstance(data, dict):
            raise bad_request('The body has to be an object with an object under data.')
        if data.get('type') != kind:
            raise bad_request(f'data.type has to be {kind}.')
        if wanted is not None and data.get('id') != wanted:
            raise bad_request('data.id has to be the id of the path, as a string.')
        for told in ('relationships', 'included'):
            if data.get(told) or self.body.get(told):
                raise bad_request('Sideposting is not emulated here.')
        return data

    def one(self, kind: str, row: Row) -> Json:
        return Look(self.nation.store, self.request.query_params).show_one(kind, row)

    def check_look(self, kind: str) -> None:
        """Refuse a wrong query before anything is written. Raises Refused (400)."""
        Look(self.nation.store, self.request.query_params).show(kind, [])


Answer = tuple[Any, int]
Endpoint = Callable[[Ask], Answer]


def _table(kind: str) -> dict[str, dict[str, Endpoint]]:
    """List, show, create, change and delete, as far as the document has them."""

    def index(ask: Ask) -> Answer:
        return list_rows(ask.nation.store, kind, ask.request.query_params, ask.path), 200

    def show(ask: Ask) -> Answer:
        return ask.one(kind, ask.nation.store.get(kind, ask.id)), 200

    def create(ask: Ask) -> Answer:
        ask.check_look(kind)
        return ask.one(kind, ask.nation.create(kind, ask.attributes(kind))), 201

    def update(ask: Ask) -> Answer:
        ask.check_look(kind)
        ask.nation.store.get(kind, ask.id)
        return ask.one(kind, ask.nation.update(kind, ask.id, ask.attributes(kind, ask.id))), 200

    def delete(ask: Ask) -> Answer:
        ask.nation.delete(kind, ask.id)
        return {'meta': {}}, 200

    many: dict[str, Endpoint] = {'GET': index}
    one: dict[str, Endpoint] = {'GET': show}
    if kind not in READ_ONLY:
        many['POST'], one['DELETE'] = create, delete
        if kind not in NEVER_CHANGED:
            one['PATCH'] = update
    return {f'/{kind}': many, f'/{kind}/{{id}}': one}


def push(ask: Ask) -> Answer:
    ask.check_look('signups')
    row, is_new = ask.nation.push(ask.attributes('signups'))
    return ask.one('signups', row), 201 if is_new else 200


def me(ask: Ask) -> Answer:
    return ask.one('signups', ask.nation.store.get('signups', ask.nation.owner)), 200


def list_members(ask: Ask) -> Answer:
    store = ask.nation.store
    store.get('lists', ask.id)
    rows = [store.tables['signups'][person] for person in store.members[ask.id]]
    return list_rows(store, 'signups', ask.request.query_params, ask.path, rows), 200


def _on_list(action: str) -> Endpoint:
    """Taken now, done later: people by id (`add`, `remove`), or everybody on the list (`tag`, `untag`)."""

    def begin(ask: Ask) -> Answer:
        nation = ask.nation
        nation.store.get('lists', ask.id)
        data = ask.data('lists', ask.id)
        if action in ('tag', 'untag'):
            if not isinstance(data.get('tag'), str) or not data['tag'].strip():
                raise bad_request('tag has to be the name of a tag.')
            people, tag = list(nation.store.members[ask.id]), data['tag']
        else:
            people, tag = _people(data.get('signup_ids')), ''
        return {'token': nation.jobs.begin(action, ask.id, people, tag).id}, 202

    return begin


def _people(told: Any) -> list[str]:
    if not isinstance(told, list) or not all(isinstance(one, str | int) for one in told):
        raise bad_request('signup_ids has to be an array of ids.')
    if len(told) > MOST_IDS:
        raise bad_request(f'A maximum of {MOST_IDS} signup ids are allowed')
    return [str(one) for one in told]


def job(ask: Ask) -> Answer:
    return ask.nation.jobs.get(ask.id).shown(), 200


def endpoints() -> dict[str, dict[str, Endpoint]]:
    """By path and method. What is fixed stands before what is an id."""
    lists = {f'/lists/{{id}}/{action}': {'PATCH': _on_list(name)} for action, name in ON_LISTS.items()}
    found: dict[str, dict[str, Endpoint]] = {'/signups/push': {'PATCH': push}, '/signups/me': {'GET': me}}
    found |= {'/async_processes/{id}': {'GET': job}, '/lists/{id}/signups': {'GET': list_members}, **lists}
    for kind in TYPES:
        found |= _table(kind)
    return found


ON_LISTS: Final = {'add_signups': 'add', 'remove_signups': 'remove', 'tag': 'tag', 'untag': 'untag'}


def api_app(world: World) -> Starlette:
    """Everything under /api/v2."""
    routes = [Route(path, _answer(world, methods), methods=list(methods)) for path, methods in endpoints().items()]
    return Starlette(routes=routes, exception_handlers={HTTPException: _unknown})


def token_app(world: World) -> Starlette:
    """The token endpoint: a form or JSON comes in, OAuth's JSON goes out."""

    async def answer_token(request: Request) -> Response:
        headers = {'Cache-Control': 'no-store', 'Pragma': 'no-cache'}
        try:
            return answer(world.nationbuilder.desk.issue(await _form(request)), 200, headers, PLAIN)
        except TokenRefused as refusal:
            return answer(refusal.as_body(), refusal.status, headers, PLAIN)

    return Starlette(routes=[Route('/{rest:path}', answer_token, methods=['POST'])])


async def _form(request: Request) -> Json:
    raw = await request.body()
    if 'json' in request.headers.get('content-type', ''):
        try:
            found = json.loads(raw)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise TokenRefused('invalid_request', 'The body is no JSON object.')
    else:
        found = {key: values[0] for key, values in parse_qs(raw.decode('latin-1')).items()}
    kind, _, told = request.headers.get('authorization', '').partition(' ')
    if kind.lower() == 'basic':
        with contextlib.suppress(ValueError):
            name, _, secret = base64.b64decode(told + '==').decode('latin-1').partition(':')
            found = {'client_id': name, 'client_secret': secret, **found}
    return found


async def _unknown(request: Request, reason: Exception) -> Response:
    return answer(not_found().as_body(), 404, media=PLAIN)


def _answer(world: World, methods: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        nation = world.nationbuilder
        nation.jobs.ripen()
        caller = request.client.host if request.client else 'nobody'
        token = nation.desk.bearer(request.headers.get('authorization', ''))
        callers = (caller,) if token is None else (token, caller)
        headers: dict[str, str] = {}
        try:
            nation.limits.charge(*callers)
            if token is None:
                raise unauthorized()
            ask = Ask(nation, request, await _read(request))
            result, status = methods['GET' if request.method == 'HEAD' else request.method](ask)
            media = None
        except Refused as refusal:
            result, status, media = refusal.as_body(), refusal.status, refusal.media
            if isinstance(refusal, TooMany):
                headers = {'Retry-After': str(refusal.wait_s)}
        headers |= nation.limits.headers(*callers)
        return answer(result, status, headers) if media is None else answer(result, status, headers, media)

    return respond


async def _read(request: Request) -> Any:
    raw = await request.body()
    if not raw or request.method in ('GET', 'DELETE'):
        return None
    if 'json' not in request.headers.get('content-type', ''):
        raise Refused(415, 'unsupported_media_type', 'The body has to be application/vnd.api+json or application/json.')
    try:
        return json.loads(raw)
    except ValueError:
        raise bad_request('The body is not valid JSON.') from None
