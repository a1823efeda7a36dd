"""The front desk of the API: authenticate, charge tokens, parse, carry out, answer. Every endpoint passes it.

In this order, so that nothing is parsed for a stranger and nothing is carried out beyond the limits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermes.sandbox.pipedrive.answers import Refused, blocked_page, invalid, json_answer, unauthorized
from hermes.sandbox.pipedrive.tokens import Blocked

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive.account import Actor, PipedriveAccount
    from hermes.sandbox.world import World


@dataclass
class Ask:
    """One call by a known user."""

    account: PipedriveAccount
    user_id: int
    query: Mapping[str, str]
    path: Mapping[str, Any]
    body: Any = None
    _actor: list[Actor] = field(default_factory=list)

    @property
    def actor(self) -> Actor:
        if not self._actor:
            self._actor.append(self.account.actor(self.user_id, 'api'))
        return self._actor[0]

    @property
    def id(self) -> int:
        """The id in the path; raises Refused (400)."""
        text = str(self.path['id'])
        if not text.isascii() or not text.isdigit():
            raise invalid('id', 'Expected number')
        return int(text)


@dataclass(frozen=True)
class Endpoint:
    """What a path does, and what one call costs in tokens."""

    method: str
    path: str
    cost: int
    carry_out: Callable[[Ask], Any]
    status: int = 200
    searching: bool = False


def make_app(world: World, endpoints: tuple[Endpoint, ...]) -> Starlette:
    """The endpoints of one API version as an ASGI application."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    routes = [Route(path, _make_answer(world, methods), methods=list(methods)) for path, methods in by_path.items()]
    return Starlette(routes=routes, exception_handlers={HTTPException: _unknown})


async def _unknown(request: Request, reason: Exception) -> Response:
    status = reason.status_code if isinstance(reason, HTTPException) else 500
    words = {404: 'Unknown method .', 405: 'Method not allowed'}.get(status, 'Requested service is not available')
    return json_answer(Refused(status, words).as_body(), status)


def _make_answer(world: World, methods: dict[str, Endpoint]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        account = world.pipedrive
        endpoint = methods['GET' if request.method == 'HEAD' else request.method]
        token = request.headers.get('x-api-token') or request.query_params.get('api_token') or ''
        try:
            user_id = account.tokens.get(token)
            if user_id is None or not account.tables['user'][user_id]['active_flag']:
                raise unauthorized()
            account.ledger.charge(token, endpoint.cost, searching=endpoint.searching)
            if 'sandbox.call' in request.scope:
                request.scope['sandbox.call'].token_cost = endpoint.cost
            ask = Ask(account, user_id, request.query_params, request.path_params, await _read(request))
            result, status = endpoint.carry_out(ask), endpoint.status
        except Blocked:
            return blocked_page()
        except Refused as refusal:
            result, status = refusal.as_body(), refusal.status
        headers = account.ledger.headers(status, token, writing=request.method in ('POST', 'PUT', 'PATCH'))
        return json_answer(result, status, headers if status != 401 else None)

    return answer


async def _read(request: Request) -> Any:
    raw = await request.body()
    if not raw:
        return None
    if request.method != 'DELETE' and 'json' not in request.headers.get('content-type', ''):
        raise Refused(415, 'Unsupported media type')
    try:
        return json.loads(raw)
    except ValueError:
        raise Refused(400, 'Request body is not valid JSON', 'ERR_BAD_REQUEST') from None
