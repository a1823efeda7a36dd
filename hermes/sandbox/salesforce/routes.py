"""The front desk under `/services`: the token endpoint, and the data API.

There in this order: length of the address, session, allowance, body, endpoint. Nothing is read for a stranger.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermes.sandbox.salesforce.api import OLDEST, Answer, Ask, Endpoint, resolve, versions
from hermes.sandbox.salesforce.composite import composite
from hermes.sandbox.salesforce.errors import (
    TOO_LONG_PAGE,
    Refused,
    TokenRefused,
    expired,
    json_answer,
    not_found,
    page,
    unreadable,
)

if TYPE_CHECKING:
    from hermes.sandbox.salesforce.org import Org
    from hermes.sandbox.world import World

LONGEST_ADDRESS: Final = 16_384
VERSION: Final = re.compile(r'v(\d+)\.0(?:/(.*))?', re.DOTALL)
METHODS: Final = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')


def services_app(world: World) -> Starlette:
    """Everything under `/services`."""

    async def sign_in(request: Request) -> Response:
        return await issue_token(world.salesforce, request)

    async def data(request: Request) -> Response:
        return await answer_call(world.salesforce, request)

    return Starlette(
        routes=[
            Route('/oauth2/token', sign_in, methods=list(METHODS)),
            Route('/data', data, methods=list(METHODS)),
            Route('/data/{rest:path}', data, methods=list(METHODS)),
        ]
    )


async def issue_token(org: Org, request: Request) -> Response:
    if request.method != 'POST':
        return json_answer({'error': 'invalid_request', 'error_description': 'must use HTTP POST'}, 400)
    form = dict(parse_qsl((await request.body()).decode('latin-1')))
    instance_url = str(request.url.replace(query='')).partition('/services/')[0]
    try:
        return json_answer(org.tokens.issue(request.headers.get('authorization', ''), form, instance_url))
    except TokenRefused as refusal:
        return json_answer(refusal.as_body(), refusal.status)


async def answer_call(org: Org, request: Request) -> Response:
    rest = request.path_params.get('rest', '')
    if len(request.scope.get('raw_path') or b'') + len(request.scope['query_string']) > LONGEST_ADDRESS:
        return page(TOO_LONG_PAGE, 414)
    if not rest:
        return json_answer(versions())
    try:
        if org.troubles.ends_session(org.world.chance):
            org.tokens.revoke_all()
        if not org.tokens.is_known(request.headers.get('authorization', '')):
            raise expired()
        org.ledger.charge()
        answer = await _carry_out(org, request, rest)
    except Refused as refusal:
        answer = Answer(refusal.as_body(address_of(rest)), refusal.status)
    headers = org.ledger.header() | ({'Location': answer.location} if answer.location else {})
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    return json_answer(answer.body, answer.status, headers)


def address_of(rest: str) -> str:
    """The address of the version that a call is for."""
    return f'/services/data/{rest.partition("/")[0]}'


async def _carry_out(org: Org, request: Request, rest: str) -> Answer:
    found = VERSION.fullmatch(rest)
    if found is None or int(found[1]) < OLDEST:
        raise not_found()
    base, path = address_of(rest), found[2] or ''
    if path.strip('/') == 'composite' and request.method == 'POST':
        found_there: tuple[Endpoint, dict[str, str]] = (composite, {})
    else:
        found_there = resolve(request.method, path)
    endpoint, parts = found_there
    org.flow.catch_up()
    return endpoint(Ask(org, base, parts, request.query_params, request.headers, await _read(request)))


async def _read(request: Request) -> Any:
    raw = await request.body()
    if request.method not in ('POST', 'PATCH') or not raw:
        return None
    if 'json' not in request.headers.get('content-type', ''):
        words = 'Content-Type specified in header is not supported; use application/json'
        raise Refused(415, 'UNSUPPORTED_MEDIA_TYPE', words)
    try:
        return json.loads(raw)
    except ValueError as problem:
        raise unreadable(str(problem)) from None
