"""What has to be done by the calendar, on any number of workers: procrastinate lets one of them win each moment.

Nothing depends on it for correctness: a schedule that never runs leaves old rows and a listing that is not
compared. Its tables live in a schema of their own and are read by nobody else (docs/decisions/0003-doorbell.md).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from procrastinate import App, PsycopgConnector

from hermes.db import figures, housekeeping
from hermes.domain.errors import HermesError
from hermes.sync import gaps, subscription
from hermes.sync.alerts import Telling, alert_step
from hermes.sync.engine import Engine
from hermes.sync.subscription import Door
from hermes.sync.sweep import open_changes, open_everything

log = structlog.get_logger(__name__)
TIMES: Final[Mapping[str, str]] = {
    'list_all': '17 2 * * *', 'list_changes': '7 * * * *', 'check_webhooks': '*/30 * * * *', 'watch': '* * * * *',
    'alert': '* * * * *', 'figures': '*/5 * * * *', 'forget': '47 3 * * *', 'analyze': '23 * * * *',
}  # fmt: skip
"""When each is due (cron, UTC). An hour of changes costs 30 tokens, a look at the subscription 10."""
ABREAST: Final = 2
"""A mail server that does not answer holds up the alerts, and nothing else."""
Act = Callable[[], Awaitable[None]]


class Schedules:
    """The acts, and the procrastinate worker that runs them. `retention_days`: EVENT_RETENTION_DAYS. `doors`: by
    system, where its webhooks arrive. `telling`: who is told what is wrong. `more`: acts of higher rooms, each with
    when it is due.
    """

    def __init__(
        self,
        engine: Engine,
        retention_days: int,
        times: Mapping[str, str] = TIMES,
        doors: Mapping[str, Door] | None = None,
        telling: Telling | None = None,
        more: 'Mapping[str, tuple[str, Act]] | None' = None,
    ) -> None:
        self._engine = engine
        self._retention_days = retention_days
        self._doors = doors or {}
        self._telling = telling or Telling()
        self.acts: Mapping[str, Act] = {
            'list_all': self.list_all, 'list_changes': self.list_changes, 'check_webhooks': self.check_webhooks,
            'watch': self.watch, 'alert': self.alert, 'figures': self.figures, 'forget': self.forget,
            'analyze': self.analyze, **{name: act for name, (_, act) in (more or {}).items()},
        }  # fmt: skip
        connector = PsycopgConnector(
            conninfo=engine.database.url,
            kwargs={'options': '-c search_path=procrastinate -c timezone=UTC', 'connect_timeout': 5},
            min_size=1,
            max_size=3,
        )
        self.app = App(connector=connector)
        for name, cron in (*times.items(), *((name, cron) for name, (cron, _) in (more or {}).items())):
            self._add(name, cron)

    async def run(self) -> None:
        """Analyse at once, then run what is due until cancelled."""
        await self.analyze()
        try:
            await self.app.open_async()
            await self.app.run_worker_async(
                install_signal_handlers=False,
                listen_notify=False,
                delete_jobs='always',
                shutdown_graceful_timeout=5,
                concurrency=ABREAST,
            )
        finally:
            await self.app.close_async()

    async def list_all(self) -> None:
        """Open the nightly listings with their proofs; the sweep steps fetch them in the backfill lane (I15)."""
        for system in self._engine.systems.values():
            if system.profile.listings.full:
                async with self._engine.database.transaction() as connection:
                    await open_everything(connection, system.profile, 'nightly')

    async def list_changes(self) -> None:
        """Open the listings of what changed, whether webhooks came or not."""
        for system in self._engine.systems.values():
            if system.profile.listings.changed:
                async with self._engine.database.transaction() as connection:
                    await open_changes(connection, system.profile, 'hourly')

    async def check_webhooks(self) -> None:
        """Look after our subscriptions."""
        for system, door in self._doors.items() if self._engine.push_mode == 'live' else ():
            if system not in self._engine.systems:
                continue
            try:
                state = await subscription.check(self._engine, self._engine.systems[system], door)
            except HermesError as error:
                log.warning('the subscription cannot be looked after', system=system, reason=str(error))
                continue
            if state in ('made again', 'refused'):
                log.warning('webhooks were lost; everything is listed', system=system, subscription=state)

    async def watch(self) -> None:
        """Notice stretches in which webhooks may have been lost, and unusual silence."""
        await gaps.watch(self._engine)
        if await gaps.listen(self._engine):
            await self.check_webhooks()

    async def alert(self) -> None:
        """Tell whoever looks after Hermes what is wrong, and what is well again."""
        await alert_step(self._engine, self._telling)

    async def figures(self) -> None:
        """Write down how the last five minutes went (ADM-7)."""
        await figures.keep(self._engine.database)

    async def forget(self) -> None:
        """Drop old bodies; forget old calls, refusals, listings and their proofs, and what was asked about calls that
        are over.
        """
        database = self._engine.database
        bodies = await housekeeping.drop_bodies(database, self._retention_days)
        rows = await housekeeping.forget(database, self._retention_days)
        visitors = await housekeeping.forget_visitors(database)
        asked = await housekeeping.close_over(database)
        log.info('what is over is forgotten', bodies=bodies, visitors=visitors, asked=asked, **rows)

    async def analyze(self) -> None:
        """Tell the planner how the tables look."""
        await housekeeping.analyze(self._engine.database)

    def _add(self, name: str, cron: str) -> None:

        async def due(timestamp: int) -> None:
            await self.acts[name]()

        task = self.app.task(name=name, queueing_lock=name, pass_context=False)(due)
        self.app.periodic(cron=cron)(task)
