"""Our subscription at the CRM, with basic auth, and what is entered by hand in the product (SETUP-4, D-20)."""

from dataclasses import dataclass

from hermes.db import events, heartbeats, pauses
from hermes.domain.errors import HermesError, Refused
from hermes.domain.status import RESTORED
from hermes.parts.roles import CRM, CRM_TITLE, PRODUCT, PRODUCT_TITLE
from hermes.ports import Request
from hermes.setup.findings import Finding
from hermes.setup.site import Site, crm_of
from hermes.sync import connect
from hermes.sync.engine import Engine


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence: of what is well (`done`; `is_new`: and was not before), or of what is to be known or done."""

    said: str
    done: bool = False
    is_new: bool = False


async def register(engine: Engine, site: Site) -> Told:
    """Subscribe; an older subscription of ours without basic auth is replaced. `is_new` unless it stood there already.
    Raises Refused where nobody could reach us, and for a restored database whose account nobody has named (SETUP-7).
    """
    await _refuse_restored(engine, CRM)
    crm, door = crm_of(engine), site.door
    if door is None or not door.user:
        raise Refused(
            f'Set PD_WEBHOOK_USER and PD_WEBHOOK_PASSWORD first: {CRM_TITLE} proves with them that it is {CRM_TITLE}.'
        )
    if not site.in_reach:
        raise Refused(f'{CRM_TITLE} cannot reach {site.hermes_url}: set HERMES_URL to the public address of Hermes.')
    standing = await connect.subscribe(engine, crm, door.url, door.user, door.password)
    said = f'{CRM_TITLE} sends its webhooks to {site.addresses[CRM]}, with basic auth'
    return Told(said, done=True, is_new=standing is None)


async def connect_systems(engine: Engine, site: Site) -> list[Told]:
    """The first step of a first run: learn the CRM's account, and have both sides send to us. Raises HermesError."""
    await connect.connect(engine, crm_of(engine))
    return [await register(engine, site), *await look_at_product(engine, site)]


async def take_away(engine: Engine, site: Site) -> list[Told]:
    """Whatever sends to us at the CRM, and what a person has to take away elsewhere."""
    url = site.addresses[CRM]
    count = await connect.unsubscribe(engine, crm_of(engine), url)
    taken = f'{count} webhooks of {url} were taken away at {CRM_TITLE}; "hermes setup webhooks" makes one again'
    by_hand = [profile.advice.end_webhooks for profile in site.profiles.values()]
    return [Told(taken, done=True), *(Told(each) for each in by_hand if each)]


async def look_at_product(engine: Engine, site: Site) -> list[Told]:
    """The product has no API for it: whether the key works, whether anything ever came, and what to enter there. Raises
    Refused for a key that it does not take.
    """
    advice = site.profiles[PRODUCT].advice
    system = engine.systems.get(PRODUCT)
    if system is None:
        return [Told(f'{PRODUCT_TITLE} is off: {advice.off}.')]
    try:
        answer = await connect.ask(engine, system, Request('me'))
    except HermesError as error:
        raise Refused(f'{PRODUCT_TITLE} does not take TC2_API_KEY: {error}') from None
    await connect.belong(engine, system.name, system.identity(answer))
    taken = Told(f'{PRODUCT_TITLE} at {engine.tc2_base_url} takes our key', done=True)
    async with engine.database.transaction() as connection:
        heard = await events.last_delivery(connection, PRODUCT) is not None
    if heard:
        return [taken, Told(f'{PRODUCT_TITLE} sends its webhooks', done=True)]
    first, *rest = advice.webhooks
    lines = (line.format(url=site.addresses[PRODUCT]) for line in rest)
    return [taken, *map(Told, (f'No webhook of {PRODUCT_TITLE} has arrived yet. {first}', *lines))]


async def ask_registered(engine: Engine, site: Site) -> Finding:
    """Whether our subscription stands, active and with basic auth (D-20); that it does not is kept, if we made it."""
    name, mend = f'{CRM} webhook', 'run "hermes setup webhooks"'
    crm = crm_of(engine)
    try:
        answer = await connect.ask(engine, crm, Request('webhooks'), tries=2)
    except HermesError as error:
        return Finding(name, 'todo', f'it cannot be looked up: {error}', mend)
    url = site.addresses[CRM].rstrip('/')
    ours = [hook for hook in crm.subscriptions(answer) if hook.url.rstrip('/') == url]
    if site.door and any(hook.active and hook.user == site.door.user for hook in ours):
        await _note(engine, '')
        return Finding(name, 'ok', f'registered for {url}/')
    if not ours:
        said = f'none is registered for {url}/'
    elif any(not hook.user for hook in ours):
        said = 'it is registered without basic auth'
    else:
        said = 'it is switched off, of an older version, or for some objects only'
    await _note(engine, f'{heartbeats.CANNOT} send: {said}')
    return Finding(name, 'todo', said, mend)


async def _note(engine: Engine, said: str) -> None:
    pulse = heartbeats.subscription(CRM)
    async with engine.database.transaction() as connection:
        await (heartbeats.note(connection, pulse, said) if said else heartbeats.clear(connection, pulse))


async def _refuse_restored(engine: Engine, system: str) -> None:
    async with engine.database.transaction() as connection:
        reason = await pauses.find_reason(connection, system) or ''
    if reason.lower().startswith(RESTORED):
        raise Refused(f'This database was restored: its webhooks are off until you say "hermes resume {system}".')
