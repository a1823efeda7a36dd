"""One transport-level weather for every emulated system: what the network and the vendors' front doors do to a call.

`WeatherFront` wraps a system's ASGI routes; `Weather.webhook_delays` bends the way back. Driven by the world's clock
and chance alone, so that a seed repeats it. Only the bodies of errors differ between systems (`System.error_answer`).
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import Response

if TYPE_CHECKING:
    from hermes.sandbox.world import World

Kind = Literal['rate_limited', 'blocked', 'server_error']
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


NONSENSE = (b'{}', b'[]', b'null', b'{"ok": true}', b'""', b'[null]', b'{"records": null}')
"""JSON that means nothing, of which an answer is made in bad weather."""


class ConnectionLost(Exception):
    """The call was carried out, but its answer never reaches the caller."""


@dataclass
class Weather:
    """Probabilities from 0 to 1 and durations in seconds. All of them may be set one by one while the world runs."""

    name: str = 'calm'
    latency_p: float = 0.0
    latency_min_s: float = 0.0
    latency_max_s: float = 0.0
    rate_limited_p: float = 0.0
    blocked_p: float = 0.0
    error_before_p: float = 0.0
    error_after_p: float = 0.0
    lost_answer_p: float = 0.0
    empty_answer_p: float = 0.0
    torn_answer_p: float = 0.0
    nonsense_p: float = 0.0
    webhook_first_p: float = 0.0
    duplicated_p: float = 0.0
    delayed_p: float = 0.0
    delay_max_s: float = 0.0
    reordered_p: float = 0.0
    reorder_max_s: float = 0.0
    dropped_p: float = 0.0

    @classmethod
    def preset(cls, name: str) -> Weather:
        """`calm`, `rough` or `storm`. Raises ValueError for another name."""
        if name not in PRESETS:
            raise ValueError(f'no weather is called {name!r}: there are {", ".join(PRESETS)}')
        return cls(name=name, **PRESETS[name])

    def change(self, **values: Any) -> None:
        """Take over `values`; `name` alone loads that preset. Raises ValueError for unknown names and wrong numbers."""
        if set(values) == {'name'}:
            values = dataclasses.asdict(self.preset(str(values['name'])))
        known = {field.name for field in dataclasses.fields(self)}
        for key, value in values.items():
            if key not in known:
                raise ValueError(f'the weather has no {key!r}')
            if key == 'name':
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise ValueError(f'{key} is a number of 0 or more')
            if key.endswith('_p') and value > 1:
                raise ValueError(f'{key} is a probability')
        for key, value in values.items():
            setattr(self, key, value)
        if 'name' not in values:
            self.name = 'own'

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def webhook_delays(self, chance: random.Random) -> list[float]:
        """Seconds after which each copy of one webhook leaves: none when it is dropped, two when it is duplicated."""
        if self.dropped_p and chance.random() < self.dropped_p:
            return []
        copies = 2 if self.duplicated_p and chance.random() < self.duplicated_p else 1
        return [self._webhook_delay(chance) for _ in range(copies)]

    def _webhook_delay(self, chance: random.Random) -> float:
        delay_s = 0.0
        if self.reordered_p and chance.random() < self.reordered_p:
            delay_s += chance.uniform(0, self.reorder_max_s)
        if self.delayed_p and chance.random() < self.delayed_p:
            delay_s += chance.uniform(0, self.delay_max_s)
        return delay_s


PRESETS: dict[str, dict[str, float]] = {
    'calm': {},
    'rough': {
        'latency_p': 0.5,
        'latency_min_s': 0.02,
        'latency_max_s': 0.4,
        'rate_limited_p': 0.01,
        'error_before_p': 0.01,
        'error_after_p': 0.01,
        'lost_answer_p': 0.02,
        'webhook_first_p': 0.2,
        'duplicated_p': 0.03,
        'delayed_p': 0.1,
        'delay_max_s': 5.0,
        'reordered_p': 0.2,
        'reorder_max_s': 2.0,
    },
    'storm': {
        'latency_p': 0.5,
        'latency_min_s': 0.02,
        'latency_max_s': 1.0,
        'rate_limited_p': 0.02,
        'blocked_p': 0.002,
        'error_before_p': 0.03,
        'error_after_p': 0.05,
        'lost_answer_p': 0.10,
        'empty_answer_p': 0.01,
        'webhook_first_p': 0.3,
        'duplicated_p': 0.10,
        'delayed_p': 0.2,
        'delay_max_s': 20.0,
        'reordered_p': 0.4,
        'reorder_max_s': 5.0,
    },
}


class WeatherFront:
    """The way to one system. Every call that passes is written into `world.calls`, with what the caller got to see."""

    def __init__(self, app: App, world: World, system: str) -> None:
        self.app, self.world, self.system = app, world, system

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        body = await read_body(receive)
        record = self.world.note_call(self.system, scope, body)
        weather, chance = self.world.weather, self.world.chance
        if weather.latency_p and chance.random() < weather.latency_p:
            await self.world.clock.sleep(chance.uniform(weather.latency_min_s, weather.latency_max_s))
        kind = self._refusal()
        if kind is not None:
            answer = self.world.system(self.system).error_answer(kind)
            record.finish(answer.status_code, bytes(answer.body), note=f'weather: {kind}')
            answer.headers.update(self._date())
            await answer(scope, receive, send)
            return
        status, headers, answer_body = await run(self.app, scope, body)
        record.finish(status, answer_body)
        await self._answer(scope, receive, send, record, status, headers, answer_body)

    def _refusal(self) -> Kind | None:
        weather, chance = self.world.weather, self.world.chance
        kinds: tuple[tuple[Kind, float], ...] = (
            ('rate_limited', weather.rate_limited_p),
            ('blocked', weather.blocked_p),
            ('server_error', weather.error_before_p),
        )
        for kind, probability in kinds:
            if probability and chance.random() < probability:
                return kind
        return None

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        record: Any,
        status: int,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
    ) -> None:
        weather, chance = self.world.weather, self.world.chance
        if weather.webhook_first_p and chance.random() < weather.webhook_first_p:
            await self.world.outbox.deliver_early()
        if weather.lost_answer_p and chance.random() < weather.lost_answer_p:
            record.note = 'weather: the answer was lost'
            await lose_connection(send, self.world.serves_sockets)
        if weather.error_after_p and chance.random() < weather.error_after_p:
            record.note = 'weather: carried out, answered as an error'
            answer = self.world.system(self.system).error_answer('server_error')
            await answer(scope, receive, send)
            return
        if status < 300 and weather.empty_answer_p and chance.random() < weather.empty_answer_p:
            record.note = 'weather: carried out, answered empty'
            await Response(status_code=200)(scope, receive, send)
            return
        spoilt = self._spoil(record, status, body)
        if spoilt is not body:
            headers = [one for one in headers if one[0].lower() != b'content-length']
            headers, body = [*headers, (b'content-length', str(len(spoilt)).encode())], spoilt
        dated = [(name.encode(), value.encode()) for name, value in self._date().items()]
        await send(
            {
                'type': 'http.response.start',
                'status': status,
                'headers': [*(one for one in headers if one[0].lower() != b'date'), *dated],
            }
        )
        await send({'type': 'http.response.body', 'body': body})

    def _spoil(self, record: Any, status: int, body: bytes) -> bytes:
        """What is left of a good answer."""
        weather, chance = self.world.weather, self.world.chance
        if status >= 300 or not body:
            return body
        if weather.torn_answer_p and chance.random() < weather.torn_answer_p:
            record.note = 'weather: carried out, the answer was torn'
            return body[: chance.randrange(len(body))]
        if weather.nonsense_p and chance.random() < weather.nonsense_p:
            record.note = 'weather: carried out, answered with nonsense'
            return chance.choice(NONSENSE)
        return body

    def _date(self) -> dict[str, str]:
        """The header that a server adds over a socket; without one it is told here, by the world's clock."""
        if self.world.serves_sockets:
            return {}
        return {'date': format_datetime(self.world.clock.now().astimezone(UTC), usegmt=True)}


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get('body', b''))
        if message['type'] != 'http.request' or not message.get('more_body'):
            return b''.join(parts)


async def run(app: App, scope: Scope, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Run `app` with this body and hold its answer back: status, headers, body."""
    start: MutableMapping[str, Any] = {}
    parts: list[bytes] = []
    given = False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return {'type': 'http.disconnect'}
        given = True
        return {'type': 'http.request', 'body': body, 'more_body': False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message['type'] == 'http.response.start':
            start.update(message)
        elif message['type'] == 'http.response.body':
            parts.append(message.get('body', b''))

    await app(scope, receive, send)
    return start['status'], list(start['headers']), b''.join(parts)


async def lose_connection(send: Send, serves_sockets: bool) -> None:
    """Break off. Over a socket an answer is begun and never ended: a server would turn a bare exception into a 500."""
    if serves_sockets:
        head = [(b'content-type', b'application/json'), (b'content-length', b'4096')]
        await send({'type': 'http.response.start', 'status': 200, 'headers': head})
        await send({'type': 'http.response.body', 'body': b'{', 'more_body': True})
    raise ConnectionLost
