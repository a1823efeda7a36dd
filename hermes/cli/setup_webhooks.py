"""`hermes setup webhooks`: our subscription at the CRM, with basic auth, and TutorCruncher's integration (SETUP-4,
D-20).
"""

from hermes.cli.output import say
from hermes.cli.session import Session, done
from hermes.cli.systems import RESTORED
from hermes.domain.errors import HermesError, Refused
from hermes.settings import is_loopback


def set_up_webhooks(session: Session) -> None:
    """Register ours, once; say what TutorCruncher has to be told. Raises Refused where nobody could reach us."""
    refuse_restored(session, 'pipedrive')
    register(session)
    done(f'Pipedrive sends its webhooks to {address(session)}, with basic auth')
    _check_tutorcruncher(session)


def take_webhooks_away(session: Session) -> None:
    """Whatever sends to us at Pipedrive, and what a person has to take away elsewhere."""
    from hermes.sync import connect

    count = session.do(connect.unsubscribe(session.engine, session.crm, address(session)))
    done(
        f'{count} webhooks of {address(session)} were taken away at Pipedrive; "hermes setup webhooks" makes one again'
    )
    say('In TutorCruncher, under Settings > API Integrations, delete the integration "Hermes".')
    say('Channels at Google end by themselves within seven days.')


def address(session: Session) -> str:
    return f'{session.settings.hermes_url}/pipedrive/callback/'


def register(session: Session) -> bool:
    """Subscribe; an older subscription of ours without basic auth is replaced. True unless it stood there already.
    Raises Refused.
    """
    from hermes.sync import connect

    settings = session.settings
    if not settings.pd_webhook_user or not settings.pd_webhook_password:
        raise Refused(
            'Set PD_WEBHOOK_USER and PD_WEBHOOK_PASSWORD first: Pipedrive proves with them that it is Pipedrive.'
        )
    if is_loopback(settings.hermes_url) and not is_loopback(settings.pd_base_url):
        raise Refused(f'Pipedrive cannot reach {settings.hermes_url}: set HERMES_URL to the public address of Hermes.')
    password = settings.pd_webhook_password[0].get_secret_value()
    subscribed = connect.subscribe(session.engine, session.crm, address(session), settings.pd_webhook_user, password)
    return session.do(subscribed) is None


def refuse_restored(session: Session, system: str) -> None:
    """SETUP-7: a restored database registers nothing before somebody has named its account. Raises Refused."""
    from hermes.db import pauses

    if (session.ask(lambda connection: pauses.find_reason(connection, system)) or '').lower().startswith(RESTORED):
        raise Refused(f'This database was restored: its webhooks are off until you say "hermes resume {system}".')


def _check_tutorcruncher(session: Session) -> None:
    """TutorCruncher has no API for it: whether the key works, whether anything ever came, and what to enter there."""
    from hermes.db import events
    from hermes.ports import Request
    from hermes.sync import connect

    system = session.engine.systems.get('tutorcruncher')
    if system is None:
        say('TutorCruncher is off: set TC2_API_KEY to the private key of its API integration.')
        return
    try:
        session.do(connect.ask(session.engine, system, Request('me')))
    except HermesError as error:
        raise Refused(f'TutorCruncher does not take TC2_API_KEY: {error}') from None
    done(f'TutorCruncher at {session.settings.tc2_base_url} takes our key')
    if session.ask(lambda connection: events.last_delivery(connection, 'tutorcruncher')) is not None:
        done('TutorCruncher sends its webhooks')
        return
    say('No webhook of TutorCruncher has arrived yet. In TutorCruncher, under Settings > API Integrations, the')
    say(f'integration "Hermes" must have the URL {session.settings.hermes_url}/tc2/callback/')
