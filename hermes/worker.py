"""One worker process: applies what came in, sends what goes out, until SIGINT or SIGTERM."""

import gc

from hermes.kit import endings
from hermes.parts import (
    build_engine,
    build_mailer,
    build_stationery,
    doors,
    observe,
    set_limits,
)
from hermes.settings import Settings
from hermes.sync import connect, setup
from hermes.sync.engine import Engine
from hermes.sync.letters import letter_step
from hermes.sync.schedules import Schedules
from hermes.sync.worker import FAREWELL_S, Part, Step, Worker

COLLECT = (100_000, 20, 50)
"""A batch makes many objects that live for moments and hold no cycles; looking for cycles among them by Python's own
thresholds would be a third of a worker's work.
"""


def build_post(settings: Settings) -> Step:
    """The step that sends a letter. Raises Refused."""
    mailer, stationery = build_mailer(settings), build_stationery(settings)

    async def post(engine: Engine) -> bool:
        return await letter_step(engine, mailer, stationery.write)

    return post


async def prepare(engine: Engine, settings: Settings) -> None:
    """What follows first contact: our webhook at the CRM and, in the sandbox, the demo's set-up."""
    password = settings.pd_webhook_password[0].get_secret_value() if settings.pd_webhook_password else ''
    if settings.hermes_sandbox:
        from hermes.sandbox.staff import ADMINS, ENTRY_STAGES

        await setup.set_up(engine, [dict(admin) for admin in ADMINS], dict(ENTRY_STAGES))
        if settings.push_mode == 'plan':
            return
        await connect.subscribe(
            engine,
            engine.systems['pipedrive'],
            f'{settings.hermes_url}/pipedrive/callback/',
            settings.pd_webhook_user,
            password,
        )


async def work(settings: Settings, part: Part = 'both') -> None:
    """Run one worker, or a part of one, until SIGINT or SIGTERM."""
    engine = build_engine(settings)
    schedules = Schedules(engine, settings.event_retention_days, doors=doors(settings))
    worker = Worker(
        engine,
        part,
        prepare=lambda engine: prepare(engine, settings),
        schedules=schedules.run,
        post=build_post(settings),
    )
    endings.heed_stop(worker.stopping.set)
    await engine.database.open()
    try:
        await set_limits(engine, settings)
        await connect.belong_by_settings(engine)
        await worker.run()
    finally:
        await endings.do_within(FAREWELL_S, engine.database.close())


def run_worker(settings: Settings, part: Part = 'both') -> None:
    """Run one worker, or a part of one, in this process. Raises HermesError, with a plain sentence, when it cannot."""
    observe(settings, 'worker')
    gc.freeze()
    gc.set_threshold(*COLLECT)
    endings.run(work(settings, part))
