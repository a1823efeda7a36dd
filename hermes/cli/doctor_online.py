"""What `hermes doctor` asks the systems themselves, what it mends (`--fix`), and the round trip (SETUP-6, SETUP-11)."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hermes.cli.findings import CREDENTIALS, Finding
from hermes.domain.errors import HermesError
from hermes.domain.record_types import FIELDED
from hermes.parts.roles import CALENDAR, CRM, CRM_TITLE

if TYPE_CHECKING:
    from hermes.cli.session import Session

TYPES = tuple(FIELDED)


def ask_systems(session: 'Session') -> Iterator[Finding]:
    """Credentials, accounts, webhooks and fields as the systems tell them; one line each."""
    from hermes.cli.doctor_calendar import ask_calendars
    from hermes.parts.systems import SYSTEMS
    from hermes.sync import connect

    variables = {each.profile.name: each.variables for each in SYSTEMS}
    for name, system in session.engine.systems.items():
        if name == CALENDAR:
            yield from ask_calendars(session, variables[name])
            continue
        label = f'{name}{CREDENTIALS}'
        try:
            session.do(connect.meet(session.engine, system, tries=1))
        except HermesError as error:
            yield Finding(label, 'todo', str(error), f'check {variables[name]}')
            continue
        yield Finding(label, 'ok', 'they work')
        if name == CRM:
            yield from _ask_crm(session)
    yield from _ask_mail_server(session)


def _ask_mail_server(session: 'Session') -> Iterator[Finding]:
    """Connects and signs in; nothing is sent."""
    from hermes.parts.assembly import build_mailer

    name = 'mail server'
    try:
        mailer = build_mailer(session.settings)
        if mailer is None:
            return
        session.do(mailer.check())
    except HermesError as error:
        yield Finding(name, 'todo', str(error), 'check SMTP_URL')
    else:
        yield Finding(name, 'ok', 'it lets us in')


def _ask_crm(session: 'Session') -> Iterator[Finding]:
    from hermes.sync import cataloguing

    yield _registered(session)
    try:
        for record_type in TYPES:
            session.do(cataloguing.look(session.engine, session.crm, record_type))
    except HermesError as error:
        yield Finding('fields in the CRM', 'todo', str(error), 'say it again later')


def _registered(session: 'Session') -> Finding:
    """Whether our subscription stands, active and with basic auth (D-20)."""
    from hermes.cli.setup_webhooks import address
    from hermes.ports import Request
    from hermes.sync import connect

    name, mend = f'{CRM} webhook', 'run "hermes setup webhooks"'
    try:
        answer = session.do(connect.ask(session.engine, session.crm, Request('webhooks'), tries=2))
    except HermesError as error:
        return Finding(name, 'todo', f'it cannot be looked up: {error}', mend)
    url = address(session).rstrip('/')
    ours = [hook for hook in session.crm.subscriptions(answer) if hook.url.rstrip('/') == url]
    if any(hook.active and hook.user == session.settings.pd_webhook_user for hook in ours):
        return Finding(name, 'ok', f'registered for {url}/')
    if not ours:
        return Finding(name, 'todo', f'none is registered for {url}/', mend)
    if any(not hook.user for hook in ours):
        return Finding(name, 'todo', 'it is registered without basic auth', mend)
    return Finding(name, 'todo', 'it is switched off, of an older version, or for some objects only', mend)


def mend(session: 'Session') -> Iterator[str]:
    """The safe things: what is known of the account, credentials that work again, our webhook, listings. One sentence
    for each that was broken.
    """
    from hermes.cli.setup_webhooks import refuse_restored, register
    from hermes.sync import cataloguing, connect, sweep

    async def open_listings() -> list[str]:
        async with session.engine.database.transaction() as connection:
            opened = await sweep.ensure_first(connection, session.crm.profile)
        return opened

    def read_again() -> bool:
        before = session.known()
        session.do(connect.connect(session.engine, session.crm))
        after = session.known()
        return (before.catalogue.custom, before.directory) != (after.catalogue.custom, after.directory)

    def subscribe() -> bool:
        refuse_restored(session, CRM)
        return register(session)

    steps: list[tuple[str, Callable[[], object]]] = [
        ('a system whose credentials work again goes on', lambda: session.do(connect.try_credentials(session.engine))),
    ]  # fmt: skip
    steps += (
        []
        if CRM not in session.engine.systems
        else [
            ('fields, pipelines, stages and users are known as they are now', read_again),
            (f'our webhook stands at {CRM_TITLE}', subscribe),
            ('the first listings are under way', lambda: session.do(open_listings())),
            ('writes that a stale field held up go on', lambda: session.do(cataloguing.heal_step(session.engine))),
        ]
    )
    for said, step in steps:
        try:
            broken = step()
        except HermesError as error:
            yield f'not mended: {error}'
        else:
            if broken:
                yield f'mended: {said}'


def travel(session: 'Session') -> Iterator[Finding]:
    """The round trip, one line a step."""
    from hermes.sync.round_trip import round_trip

    trip = session.do(round_trip(session.engine, session.crm))
    for step, problem in trip.steps:
        todo = 'compare the type of the field, and tell who looks after Hermes' if problem else ''
        yield Finding(f'round trip {step}', 'todo' if problem else 'ok', problem or 'as expected', todo)
