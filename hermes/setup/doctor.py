"""Everything that can be looked at, in the order in which it is told (SETUP-6): what the database says, and what the
systems say when they are asked; and what can safely be mended.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Final, cast

from hermes.booking.reps_files import load_reps
from hermes.db import connections, schema
from hermes.domain.errors import HermesError
from hermes.domain.record_types import FIELDED
from hermes.parts.roles import CALENDAR, CRM, CRM_TITLE
from hermes.ports import PeopleTarget, Request
from hermes.setup import webhooks
from hermes.setup.admins import examine_admins
from hermes.setup.calendars import ask_calendars, examine_calendars
from hermes.setup.database import examine_door, examine_queue, examine_server, examine_worker
from hermes.setup.fields import examine_fields
from hermes.setup.findings import CREDENTIALS, Finding
from hermes.setup.mail import ask_mail_server, examine_alerts, examine_mail
from hermes.setup.people import examine_people
from hermes.setup.pipelines import examine_targets
from hermes.setup.site import Site, crm_of
from hermes.setup.systems import examine_systems, examine_write_back
from hermes.sync import cataloguing, connect, sweep
from hermes.sync.engine import Engine

MOST: Final = 6
"""So much of what is missing is told at once."""


def examine(site: Site, url: str, reached: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Everything that can be seen without asking a system. `reached`: what was asked and answered. Raises Refused or
    DatabaseAway when there is no database.
    """
    if site.secrets:
        yield Finding('secrets', 'todo', site.secrets, 'set them in the environment or in .env')
    else:
        yield Finding('secrets', 'ok', 'set (the sandbox draws its own)' if site.sandboxed else 'set')
    state = schema.check(url)
    with connections.opened(url) as connection:
        yield from examine_server(connection)
        if state != 'current':
            yield Finding('migrations', 'todo', 'the schema is older than this program', 'run "hermes db upgrade"')
            return
        yield Finding('migrations', 'ok', 'the schema is the newest')
        yield examine_worker(connection)
        yield examine_door(connection, site)
        yield examine_queue(connection)
        yield from examine_systems(connection, site, reached)
        yield from examine_fields(connection)
        yield from examine_targets(connection)
        yield from examine_admins(connection)
        yield examine_write_back(connection, site)
        yield from examine_calendars(connection, site, reached)
        yield examine_people(connection, site, load_reps(site.reps_folder))
        yield examine_mail(connection, site)
        yield examine_alerts(connection, site)


def reached(asked: list[Finding]) -> frozenset[str]:
    """What was asked just now and answered: of nothing else is said that it is well."""
    return frozenset(finding.name for finding in asked if finding.state == 'ok')


async def ask_systems(engine: Engine, site: Site) -> list[Finding]:
    """Credentials, accounts, webhooks and fields as the systems tell them. What they say is kept, so that it is known
    afterwards without asking.
    """
    found: list[Finding] = []
    for name, system in engine.systems.items():
        if not system.profile.has_account:
            continue
        if name == CALENDAR:
            found += await ask_calendars(engine, site)
            continue
        label = f'{name}{CREDENTIALS}'
        try:
            await connect.meet(engine, system, tries=1)
        except HermesError as error:
            found.append(Finding(label, 'todo', str(error), f'check {site.variables[name]}'))
            continue
        found.append(Finding(label, 'ok', 'they work'))
        if name == CRM:
            found += [await webhooks.ask_registered(engine, site), *await _ask_fields(engine)]
        if system.profile.looks_up:
            found.append(await ask_names(engine, cast(PeopleTarget, system)))
    return [*found, *await ask_mail_server(site)]


async def ask_names(engine: Engine, system: PeopleTarget) -> Finding:
    """Whether a place of app users has everything that its mapping names."""
    label = f'{system.name} names'
    try:
        answer = await connect.ask(engine, system, Request('describe'), tries=1)
    except HermesError as error:
        return Finding(label, 'todo', str(error), 'say it again later')
    if lacks := list(system.lacks(answer)):
        return Finding(label, 'todo', ' '.join(lacks[:MOST]), 'have it made there, or name it in PEOPLE_FILE as it is')
    return Finding(label, 'ok', 'it has every object and field that the mapping names')


async def _ask_fields(engine: Engine) -> list[Finding]:
    try:
        for record_type in FIELDED:
            await cataloguing.look(engine, crm_of(engine), record_type)
    except HermesError as error:
        return [Finding('fields in the CRM', 'todo', str(error), 'say it again later')]
    return []


async def mend(engine: Engine, site: Site) -> list[str]:
    """The safe things: what is known of the account, credentials that work again, our webhook, listings. One sentence
    for each that was broken.
    """

    async def open_listings() -> list[str]:
        async with engine.database.transaction() as connection:
            return await sweep.ensure_first(connection, crm_of(engine).profile)

    async def subscribe() -> bool:
        return (await webhooks.register(engine, site)).is_new

    async def read_again() -> bool:
        async with engine.database.transaction() as connection:
            before = await engine.known(connection)
        await connect.connect(engine, crm_of(engine))
        async with engine.database.transaction() as connection:
            after = await engine.known(connection)
        return (before.catalogue.custom, before.directory) != (after.catalogue.custom, after.directory)

    steps: list[tuple[str, Callable[[], Awaitable[object]]]] = [
        ('a system whose credentials work again goes on', lambda: connect.try_credentials(engine))
    ]
    if CRM in engine.systems:
        steps += [
            ('fields, pipelines, stages and users are known as they are now', read_again),
            (f'our webhook stands at {CRM_TITLE}', subscribe),
            ('the first listings are under way', open_listings),
            ('writes that a stale field held up go on', lambda: cataloguing.heal_step(engine)),
        ]
    said = []
    for sentence, step in steps:
        try:
            if await step():
                said.append(f'mended: {sentence}')
        except HermesError as error:
            said.append(f'not mended: {error}')
    return said
