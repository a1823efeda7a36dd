"""One worker process: applies what came in, sends what goes out, until SIGINT or SIGTERM."""

from collections.abc import Mapping
from typing import Any

import structlog

from hermes.domain.errors import HermesError, Refused
from hermes.kit import endings
from hermes.kit.clock import Clock
from hermes.kit.collecting import collect_seldom
from hermes.parts.assembly import (
    build_callback,
    build_engine,
    build_letter_writer,
    build_mailer,
    build_telling,
    front_door,
    observe,
    set_limits,
)
from hermes.parts.people import wish_of
from hermes.parts.systems import doors
from hermes.people.callback import callback_step
from hermes.people.sustainers import sync_sustainers
from hermes.people.target import begin
from hermes.settings import Settings
from hermes.sync import connect, intake, setup
from hermes.sync.engine import Engine
from hermes.sync.letters import letter_step
from hermes.sync.schedules import Act, Schedules
from hermes.sync.worker import FAREWELL_S, Part, Step, Worker

log = structlog.get_logger(__name__)


def build_post(settings: Settings) -> Step:
    """The step that sends a letter. Raises Refused."""
    mailer, writer = build_mailer(settings), build_letter_writer(settings)

    async def post(engine: Engine) -> bool:
        return await letter_step(engine, mailer, writer.write)

    return post


def build_call(settings: Settings, clock: Clock) -> Step | None:
    """The step that calls the host whose users are kept; None where nobody is called."""
    courier = build_callback(settings, clock)

    async def call(engine: Engine) -> bool:
        assert courier is not None
        return await callback_step(engine, courier)

    return call if courier is not None else None


async def prepare(engine: Engine, settings: Settings) -> None:
    """What follows first contact with the sandbox: the demo's set-up, before which no client is applied, and the
    clients that are there already.
    """
    if settings.hermes_sandbox:
        from hermes.sandbox.staff import ADMINS, ENTRY_STAGES

        try:
            await setup.set_up(engine, [dict(admin) for admin in ADMINS], dict(ENTRY_STAGES))
            await setup.choose_default_sales_person(engine, str(ADMINS[0]['email']))
        except Refused as error:
            log.warning("the demo's set-up is not complete", reason=str(error))
        await introduce(engine, settings)
        await setup.finish(engine)
        await intake.begin(engine)


async def introduce(engine: Engine, settings: Settings) -> None:
    """The demo's files of people with their pictures, joined to its admins; what is there stays. In a folder that
    somebody has named (REPS_DIR) nothing is invented.
    """
    from hermes.booking.reps_files import FILES
    from hermes.booking.reps_template import begin_file, begin_picture
    from hermes.sandbox.staff import PEOPLE, PICTURES

    if settings.reps_dir is not None:
        return
    async with engine.database.transaction() as connection:
        admins = (await engine.known(connection)).directory.admins
    ids = {admin.fields.get('email'): key for key, admin in admins.items() if not admin.gone}
    folder = settings.reps_folder
    try:
        for picture in sorted(PICTURES.iterdir()):
            begin_picture(folder, picture.name, picture.read_bytes())
        for kind in FILES:
            begin_file(folder, kind, [_joined(person, ids) for person in PEOPLE[kind] if person['email'] in ids])
    except Refused as error:
        log.warning("the demo's files of people are not there", reason=str(error))


def _joined(person: Mapping[str, Any], ids: Mapping[Any, int]) -> dict[str, Any]:
    """An entry of a file, with ids for e-mail addresses."""
    entry = {name: told for name, told in person.items() if name not in ('email', 'alternative')}
    other = ids.get(person['alternative'])
    return {'hermes_admin_id': ids[person['email']], **entry, **({'alt_hermes_admin_id': other} if other else {})}


async def subscribe(engine: Engine, settings: Settings) -> None:
    """Our webhook at the sandbox's CRM; at a real one it is `hermes setup webhooks` that registers it."""
    if settings.hermes_sandbox and settings.push_mode == 'live':
        for name, door in doors(settings).items():
            await connect.subscribe(engine, engine.systems[name], door.url, door.user, door.password)


def people_jobs(engine: Engine) -> dict[str, tuple[str, Act]]:
    """What is done by the calendar for app users: sustainers every week (AU-6)."""

    async def sustainers() -> None:
        try:
            await sync_sustainers(engine)
        except HermesError as error:
            log.warning('sustainers stay as they were', reason=str(error))

    return {'sustainers': ('11 4 * * 1', sustainers)}


async def work(settings: Settings, part: Part = 'both') -> None:
    """Run one worker, or a part of one, until SIGINT or SIGTERM."""
    engine = build_engine(settings)
    telling = build_telling(settings, engine.clock)
    schedules = Schedules(
        engine, settings.event_retention_days, doors=doors(settings), telling=telling, more=people_jobs(engine)
    )
    worker = Worker(
        engine,
        part,
        prepare=lambda engine: prepare(engine, settings),
        is_prepared=setup.is_finished if settings.hermes_sandbox else None,
        subscribe=lambda engine: subscribe(engine, settings),
        schedules=schedules.run,
        door=front_door(settings, engine.clock),
        post=build_post(settings),
        call=build_call(settings, engine.clock),
    )
    endings.heed_stop(worker.stopping.set)
    await engine.database.open()
    try:
        await set_limits(engine, settings)
        await connect.belong_by_settings(engine)
        await begin(engine, wish_of(settings))
        await worker.run()
    finally:
        await endings.do_within(FAREWELL_S, engine.database.close())


def run_worker(settings: Settings, part: Part = 'both') -> None:
    """Run one worker, or a part of one, in this process. Raises HermesError, with a plain sentence, when it cannot."""
    observe(settings, 'worker')
    collect_seldom()
    endings.run(work(settings, part))
