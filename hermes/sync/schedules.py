"""What has to be done by the calendar, on any number of workers: procrastinate lets one of them win each moment.

Nothing depends on it for correctness: a schedule that never runs leaves old rows and a listing that is not
compared. Its tables live in a schema of their own and are read by nobody else (docs/decisions/0003-doorbell.md).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from procrastinate import App, PsycopgConnector

from hermes.db import housekeeping
from hermes.sync.engine import Engine
from hermes.sync.sweep import open_sweep

log = structlog.get_logger(__name__)
NIGHTLY: Final[Mapping[str, tuple[str, ...]]] = {'pipedrive': ('organization', 'person')}
"""What is listed to the end every night."""
TIMES: Final[Mapping[str, str]] = {'list_all': '17 2 * * *', 'forget': '47 3 * * *', 'analyze': '23 * * * *'}
"""When each is due (cron, UTC)."""
Act = Callable[[], Awaitable[None]]


class Schedules:
    """The acts, and the procrastinate worker that runs them. `retention_days`: EVENT_RETENTION_DAYS."""

    def __init__(self, engine: Engine, retention_days: int, times: Mapping[str, str] = TIMES) -> None:
        self._engine = engine
        self._retention_days = retention_days
        self.acts: Mapping[str, Act] = {'list_all': self.list_all, 'forget': self.forget, 'analyze': self.analyze}
        connector = PsycopgConnector(
            conninfo=engine.database.url,
            kwargs={'options': '-c search_path=procrastinate -c timezone=UTC', 'connect_timeout': 5},
            min_size=1,
            max_size=3,
        )
        self.app = App(connector=connector)
        for name, cron in times.items():
            self._add(name, cron)

    async def run(self) -> None:
        """Analyse at once, then run what is due until cancelled."""
        await self.analyze()
        async with self.app.open_async():
            await self.app.run_worker_async(
                install_signal_handlers=False, listen_notify=False, delete_jobs='always', shutdown_graceful_timeout=5
            )

    async def list_all(self) -> None:
        """Open the nightly full listings; the sweep steps fetch them in the backfill lane."""
        for system, types in NIGHTLY.items():
            if system not in self._engine.systems:
                continue
            async with self._engine.database.transaction() as connection:
                for remote_type in types:
                    await open_sweep(connection, system, remote_type, 'full')
                await connection.execute('notify hermes_push')

    async def forget(self) -> None:
        """Drop old bodies and forget old calls, refusals and reservations."""
        database = self._engine.database
        bodies = await housekeeping.drop_bodies(database, self._retention_days)
        rows = await housekeeping.forget(database, self._retention_days)
        log.info('what is over is forgotten', bodies=bodies, **rows)

    async def analyze(self) -> None:
        """Tell the planner how the tables look."""
        await housekeeping.analyze(self._engine.database)

    def _add(self, name: str, cron: str) -> None:

        async def due(timestamp: int) -> None:
            await self.acts[name]()

        task = self.app.task(name=name, queueing_lock=name, pass_context=False)(due)
        self.app.periodic(cron=cron)(task)
