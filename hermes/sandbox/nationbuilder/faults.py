"""What somebody breaks by hand between a caller and the nation: the next answers to the calls that are named.

The weather is for the whole world and by chance; a fault is for this system, exact, and used up. It stands before the
weather.

    slow           answered `slow_s` later
    rate_limited   429 before the deed                  error         500 before the deed
    unauthorized   401 before the deed, token or not    page          a page of HTML (502) before the deed
    lost           done, the answer never arrives       error_after   done, answered 500
    torn           done, half of the answer             page_after    done, answered with a page of HTML
    nonsense       done, JSON that answers nothing
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from hermes.sandbox.nationbuilder.answers import MEDIA, PLAIN, answer, bad_gateway_page, server_error, unauthorized
from hermes.sandbox.weather import lose_connection, read_body, run

if TYPE_CHECKING:
    from hermes.sandbox.weather import App, Receive, Scope, Send
    from hermes.sandbox.world import World

BEFORE: Final = ('rate_limited', 'unauthorized', 'error', 'page')
AFTER: Final = ('lost', 'error_after', 'torn', 'page_after', 'nonsense')
KINDS: Final = ('slow', *BEFORE, *AFTER)
NONSENSE: Final[tuple[Any, ...]] = (
    {'data': 'none'}, {'data': None}, [], 'OK', {'data': {'id': None, 'type': 'signups', 'attributes': []}}, {}, 0,
)  # fmt: skip
Json = dict[str, Any]


@dataclass
class Fault:
    """For the next `times` calls of this method ('': any) whose path has `path` in it."""

    kind: str
    times: int = 1
    method: str = ''
    path: str = ''
    slow_s: float = 0.0


class Faults:
    """What is planned, in order; the first that fits a call is the one that it meets."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        """Raises ValueError for an unknown kind."""
        if fault.kind not in KINDS:
            raise ValueError(f'a fault is one of {", ".join(KINDS)}')
        self.planned.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this call meets, used up by it."""
        for fault in self.planned:
            if fault.method in ('', method) and fault.path in path:
                fault.times -= 1
                if fault.times <= 0:
                    self.planned.remove(fault)
                return fault
        return None

    def state(self) -> list[Json]:
        return [asdict(fault) for fault in self.planned]

    def load(self, kept: list[Json]) -> None:
        self.planned = [Fault(**one) for one in kept]


class FaultFront:
    """Stands before the weather of this system's routes."""

    def __init__(self, app: App, world: World) -> None:
        self.app, self.world = app, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = (
            self.world.nationbuilder.faults.take(scope['method'], scope['path']) if scope['type'] == 'http' else None
        )
        if fault is None:
            await self.app(scope, receive, send)
        elif fault.kind == 'slow':
            await self.world.clock.sleep(fault.slow_s)
            await self.app(scope, receive, send)
        elif fault.kind in BEFORE:
            record = self.world.note_call('nationbuilder', scope, await read_body(receive))
            told = self._refusal(fault.kind)
            record.finish(told.status_code, bytes(told.body), note=f'fault: {fault.kind}')
            await told(scope, receive, send)
        else:
            status, headers, body = await run(self.app, scope, await read_body(receive))
            scope['sandbox.call'].note = f'fault: {fault.kind}, carried out'
            if fault.kind == 'lost':
                await lose_connection(send, self.world.serves_sockets)
            await self._spoilt(fault.kind, status, headers, body)(scope, receive, send)

    def _refusal(self, kind: str) -> Response:
        nation = self.world.nationbuilder
        if kind == 'page':
            return bad_gateway_page()
        if kind == 'rate_limited':
            return nation.error_answer('rate_limited')
        headers = nation.limits.headers('faults')
        if kind == 'unauthorized':
            refusal = unauthorized()
            return answer(refusal.as_body(), refusal.status, headers, PLAIN)
        return nation.error_answer('server_error')

    def _spoilt(self, kind: str, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Response:
        kept = {name.decode(): value.decode() for name, value in headers if name.lower() != b'content-length'}
        match kind:
            case 'torn':
                return Response(body[: len(body) // 2], status, kept)
            case 'nonsense':
                limits = {name: value for name, value in kept.items() if name.startswith('ratelimit')}
                return answer(self.world.chance.choice(NONSENSE), status, limits, MEDIA)
            case 'page_after':
                return bad_gateway_page()
            case _:
                return server_error()
