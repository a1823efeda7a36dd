"""What somebody breaks by hand between a caller and one system: the next answers to the calls that are named.

The weather is for the whole world and by chance; a fault is for its system, exact, and used up. It stands before the
weather. What is said then are the system's own words (`Breakable.fault_answer`).

    slow           answered `slow_s` later
    rate_limited   too many calls, before the deed      error         a server's error before the deed
    unauthorized   401 before the deed, token or not    page          a page of HTML before the deed
    lost           done, the answer never arrives       error_after   done, answered as an error
    torn           done, half of the answer             page_after    done, answered with a page of HTML
    nonsense       done, JSON that answers nothing
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from starlette.responses import Response

from hermes.sandbox.weather import WeatherFront, lose_connection, read_body, run

if TYPE_CHECKING:
    from hermes.sandbox.weather import App, Receive, Scope, Send
    from hermes.sandbox.world import World

BEFORE: Final = ('rate_limited', 'unauthorized', 'error', 'page')
AFTER: Final = ('lost', 'error_after', 'torn', 'page_after', 'nonsense')
KINDS: Final = ('slow', *BEFORE, *AFTER)
Json = dict[str, Any]


class Breakable(Protocol):
    """A system of which the answers can be spoilt. `nonsense`: JSON that answers nothing there."""

    faults: Faults
    nonsense: tuple[Any, ...]

    def fault_answer(self, kind: str) -> Response:
        """What it says for one of BEFORE."""
        ...


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
    """Stands before one system's routes and their weather; `reach` gives the system as it is now."""

    def __init__(self, app: App, world: World, name: str, reach: Callable[[], Breakable]) -> None:
        self.app: App = WeatherFront(app, world, name)
        self.world, self.name, self.reach = world, name, reach

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        system = self.reach()
        fault = system.faults.take(scope['method'], scope['path']) if scope['type'] == 'http' else None
        if fault is None:
            await self.app(scope, receive, send)
        elif fault.kind == 'slow':
            await self.world.clock.sleep(fault.slow_s)
            await self.app(scope, receive, send)
        elif fault.kind in BEFORE:
            record = self.world.note_call(self.name, scope, await read_body(receive))
            told = system.fault_answer(fault.kind)
            record.finish(told.status_code, bytes(told.body), note=f'fault: {fault.kind}')
            await told(scope, receive, send)
        else:
            answered = await run(self.app, scope, await read_body(receive))
            scope['sandbox.call'].note = f'fault: {fault.kind}, carried out'
            if fault.kind == 'lost':
                await lose_connection(send, self.world.serves_sockets)
            await self._spoilt(system, fault.kind, *answered)(scope, receive, send)

    def _spoilt(
        self, system: Breakable, kind: str, status: int, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> Response:
        kept = {name.decode(): value.decode() for name, value in headers if name.lower() != b'content-length'}
        if kind == 'torn':
            return Response(body[: len(body) // 2], status, kept)
        if kind == 'nonsense':
            content = json.dumps(self.world.chance.choice(system.nonsense)).encode()
            return Response(content, 200 if status == 204 else status, kept)
        return system.fault_answer(kind.removesuffix('_after'))
