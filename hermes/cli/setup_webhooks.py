"""`hermes setup webhooks`: our subscription at the CRM, with basic auth, and what is entered by hand in the product
(SETUP-4, D-20).
"""

from hermes.cli.output import say
from hermes.cli.session import Session, done
from hermes.cli.systems import RESTORED
from hermes.domain.errors import HermesError, Refused
from hermes.parts.roles import CRM, CRM_TITLE, PRODUCT, PRODUCT_TITLE
from hermes.settings import is_loopback


def set_up_webhooks(session: Session) -> None:
    """Register ours, once; say what has to be entered in the product. Raises Refused where nobody could reach us."""
    refuse_restored(session, CRM)
    register(session)
    done(f'{CRM_TITLE} sends its webhooks to {address(session)}, with basic auth')
    _check_product(session)


def take_webhooks_away(session: Session) -> None:
    """Whatever sends to us at the CRM, and what a person has to take away elsewhere."""
    from hermes.parts.systems import profiles
    from hermes.sync import connect

    count = session.do(connect.unsubscribe(session.engine, session.crm, address(session)))
    taken = f'{count} webhooks of {address(session)} were taken away at {CRM_TITLE}'
    done(f'{taken}; "hermes setup webhooks" makes one again')
    for profile in profiles().values():
        if profile.advice.end_webhooks:
            say(profile.advice.end_webhooks)


def address(session: Session, system: str = CRM) -> str:
    """Where a system's deliveries arrive."""
    from hermes.parts.systems import sources

    path = next(source.path for source in sources(session.settings) if source.name == system)
    return f'{session.settings.hermes_url}{path}/'


def register(session: Session) -> bool:
    """Subscribe; an older subscription of ours without basic auth is replaced. True unless it stood there already.
    Raises Refused.
    """
    from hermes.parts.systems import doors
    from hermes.sync import connect

    settings = session.settings
    door = doors(settings).get(CRM)
    if door is None or not door.user:
        raise Refused(
            f'Set PD_WEBHOOK_USER and PD_WEBHOOK_PASSWORD first: {CRM_TITLE} proves with them that it is {CRM_TITLE}.'
        )
    if is_loopback(settings.hermes_url) and not is_loopback(settings.pd_base_url):
        raise Refused(
            f'{CRM_TITLE} cannot reach {settings.hermes_url}: set HERMES_URL to the public address of Hermes.'
        )
    return session.do(connect.subscribe(session.engine, session.crm, door.url, door.user, door.password)) is None


def refuse_restored(session: Session, system: str) -> None:
    """SETUP-7: a restored database registers nothing before somebody has named its account. Raises Refused."""
    from hermes.db import pauses

    if (session.ask(lambda connection: pauses.find_reason(connection, system)) or '').lower().startswith(RESTORED):
        raise Refused(f'This database was restored: its webhooks are off until you say "hermes resume {system}".')


def _check_product(session: Session) -> None:
    """The product has no API for it: whether the key works, whether anything ever came, and what to enter there."""
    from hermes.db import events
    from hermes.parts.systems import profiles
    from hermes.ports import Request
    from hermes.sync import connect

    advice = profiles()[PRODUCT].advice
    system = session.engine.systems.get(PRODUCT)
    if system is None:
        say(f'{PRODUCT_TITLE} is off: {advice.off}.')
        return
    try:
        session.do(connect.ask(session.engine, system, Request('me')))
    except HermesError as error:
        raise Refused(f'{PRODUCT_TITLE} does not take TC2_API_KEY: {error}') from None
    done(f'{PRODUCT_TITLE} at {session.settings.tc2_base_url} takes our key')
    if session.ask(lambda connection: events.last_delivery(connection, PRODUCT)) is not None:
        done(f'{PRODUCT_TITLE} sends its webhooks')
        return
    first, *rest = advice.webhooks
    say(f'No webhook of {PRODUCT_TITLE} has arrived yet. {first}')
    for line in rest:
        say(line.format(url=address(session, PRODUCT)))
