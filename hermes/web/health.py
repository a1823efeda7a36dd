"""Is it alive, is it ready, what does it count.

/health speaks of this process alone, so that a sick database does not make a supervisor kill a good process; /ready
names the part that is missing. Both are open and say nothing secret; answers are shared for a moment, so that asking
often costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from hermes.db.pool import DatabaseError
from hermes.db.reads.health import Figures, Readiness
from hermes.kit.clock import Clock
from hermes.web.metrics import Metrics

READINESS_FOR_S = 1.0
FIGURES_FOR_S = 5.0

Told = TypeVar('Told')


class Health(Protocol):
    """What the database says."""

    async def readiness(self) -> Readiness: ...

    async def figures(self) -> Figures: ...


class Shared(Generic[Told]):
    """One question at a time; everybody within `valid_s` gets the same answer."""

    def __init__(self, ask: Callable[[], Awaitable[Told]], clock: Clock, valid_s: float) -> None:
        self._ask = ask
        self._clock = clock
        self._valid_s = valid_s
        self._lock = asyncio.Lock()
        self._told: tuple[float, Told] | None = None

    async def get(self) -> Told:
        """The answer, asked anew if it is older than `valid_s`."""
        async with self._lock:
            now = self._clock.monotonic()
            if self._told is None or now - self._told[0] >= self._valid_s:
                self._told = (now, await self._ask())
            return self._told[1]


def health_routes(health: Health, metrics: Metrics, clock: Clock) -> APIRouter:
    """GET /health, /ready, /metrics. Who may see /metrics is decided by the application."""
    router = APIRouter(tags=['health'])

    async def figures_or_none() -> Figures | None:
        try:
            return await health.figures()
        except DatabaseError:
            return None

    readiness = Shared(health.readiness, clock, READINESS_FOR_S)
    figures = Shared(figures_or_none, clock, FIGURES_FOR_S)

    @router.get('/health', summary='This process is alive')
    async def show_health() -> dict[str, str]:
        return {'status': 'ok'}

    @router.get(
        '/ready',
        summary='The database, the schema and a worker are there',
        responses={503: {'description': 'Not ready'}},
    )
    async def show_readiness() -> Response:
        parts = (await readiness.get()).parts
        ready = not any(parts.values())
        return JSONResponse(
            {'status': 'ok' if ready else 'error', **{name: wrong or 'ok' for name, wrong in parts.items()}},
            status_code=200 if ready else 503,
        )

    @router.get('/metrics', summary='Figures for Prometheus (from this machine only)', response_class=Response)
    async def show_metrics() -> Response:
        return Response(metrics.render(await figures.get()), media_type='text/plain; version=0.0.4; charset=utf-8')

    return router
