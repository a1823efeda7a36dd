"""First contact with a system: whose account it is, which fields, pipelines, stages and users it has (SETUP-12,
FIELD-5).

Every answer is an event. Custom fields are matched by code, else by machine name (never a native field); a type that
cannot hold ours is refused with both types named.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from hermes.db import calendars, events, heartbeats, pauses, sweeps
from hermes.db.accounts import find_account, remember_account
from hermes.db.catalogue import bump, ensure_defaults, forget_field, keep_currency, load_catalogue, save_field
from hermes.db.pool import Connection
from hermes.domain.errors import HermesError, RateLimited, Refused, Retry
from hermes.domain.fields import ALIASES, CustomField, fold
from hermes.domain.model import Event, Value
from hermes.domain.status import BROKEN
from hermes.parts.roles import CALENDAR
from hermes.ports import Answer, Op, RemoteField, Request, Subscription, System, decode_answer
from hermes.sync import calls, ingest
from hermes.sync.acts.fields import FILLING
from hermes.sync.calls import Denied
from hermes.sync.engine import Engine

log = structlog.get_logger(__name__)
TRIES: Final = 6
GONE: Final = 'it is gone from the CRM'
"""The problem of a field that the CRM had, and has no more."""


async def connect(engine: Engine, system: System) -> None:
    """Learn the account's metadata. Raises Refused when the database belongs to another account (SETUP-12)."""
    await meet(engine, system)
    async with engine.database.transaction() as connection:
        await ensure_defaults(connection)
    for remote_type in system.profile.fields.types:
        await learn_fields(engine, system, remote_type)
    for op in system.profile.contact:
        await ask(engine, system, Request(op))


async def is_known(engine: Engine, system: System) -> bool:
    """Whether the database belongs to an account of this system already."""
    async with engine.database.transaction() as connection:
        return bool(await find_account(connection, system.name))


async def meet(engine: Engine, system: System, *, tries: int = TRIES) -> None:
    """Ask who answers to the credentials, and whether the database belongs to that account. Raises HermesError."""
    answer = await ask(engine, system, Request('me'), tries=tries)
    await belong(engine, system.name, system.identity(answer))


async def belong_by_settings(engine: Engine) -> None:
    """The accounts that the settings name are those that have answered before, if any has. Raises Refused."""
    for system in engine.systems.values():
        if system.account:
            async with engine.database.transaction() as connection:
                known = await find_account(connection, system.name)
            _require(known or system.account, system.account, system.name)


async def belong(engine: Engine, system: str, identity: str) -> None:
    """A database belongs to the accounts that have answered it (SETUP-12). Raises Refused for another one."""
    async with engine.database.transaction() as connection:
        known = await remember_account(connection, system, identity)
    _require(known, identity, system)


def _require(known: str, identity: str, system: str) -> None:
    if known != identity:
        raise Refused(
            f'This database belongs to {known}, but the credentials are those of {identity}: '
            'use the right credentials, or another database (DATABASE_URL, DATA_DIR); '
            f'"hermes forget-account {system}" lets go of one with which nothing was exchanged yet.'
        )


async def try_credentials(engine: Engine) -> list[str]:
    """A system that a 401 paused resumes when its credentials work again, for the same account (OUT-7). Where calendars
    are followed, their reading tells more (sync/calendars.py). The names of those that resume.
    """
    resumed = []
    async with engine.database.transaction() as connection:
        paused = await pauses.broken(connection)
        is_read = await calendars.is_any_followed(connection)
    for row in paused:
        system = engine.systems.get(row['system'])
        if system is None or (system.name == CALENDAR and is_read):
            continue
        try:
            await meet(engine, system)
        except (HermesError, ValueError, KeyError) as error:
            reason = str(error) if isinstance(error, HermesError) else type(error).__name__
            log.warning('a paused system still cannot be spoken to', system=row['system'], reason=reason)
            continue
        async with engine.database.transaction() as connection:
            await pauses.resume(connection, row['system'], only=BROKEN)
        resumed.append(str(row['system']))
    return resumed


async def ask(engine: Engine, system: System, request: Request, *, tries: int = TRIES) -> Answer:
    """One call about the account, tried again a few times where that may help; its answers are events.

    Raises HermesError when there is no proper answer.
    """
    for attempt in range(tries):
        try:
            return await _ask_once(engine, system, request)
        except (Retry, RateLimited):
            if attempt == tries - 1:
                raise
            await engine.clock.sleep(engine.backoff_s(attempt, first_s=0.3, most_s=3.0))
    raise HermesError(f'{system.name} gave no answer.')


async def _ask_once(engine: Engine, system: System, request: Request) -> Answer:
    asked = await calls.ask(engine, system, request, 'interactive')
    if isinstance(asked, Denied):
        if asked.grant.full and asked.grant.retry_at:
            raise RateLimited(f'{system.name}: {asked.grant.reason}', asked.grant.retry_at)
        raise HermesError(f'{system.name}: {asked.grant.reason}')
    async with engine.database.transaction() as connection:
        event = await calls.note(engine, connection, system, asked)
        if event.kind == 'page':
            await ingest.record(engine, connection, event)
            await bump(connection, 'directory')
        else:
            bound = await learn(connection, system, event)
            if bound and await sweeps.knows(connection, system.name, bound):
                await sweeps.add(connection, system.name, bound, 'full', None, 'a field is read for the first time')
    if asked.reaction is not None:
        raise asked.reaction
    return asked.answer


async def learn(connection: Connection, system: System, event: Event) -> str:
    """What an answer about the account teaches: after the last page of a type's fields, the catalogue is bound to them.
    Returns the type, if one of its fields is another one of the CRM's from now on.

    In life and in a fold of the log alike (I14); its place in the log is marked.
    """
    request, answer = decode_answer(event.body)
    fresh = False
    if request.op == 'fields' and answer.status == 200 and not system.next_cursor(answer):
        await ensure_defaults(connection)
        found = [*await _earlier_pages(connection, system, request, event.id), *system.remote_fields(answer)]
        fresh = await bind(connection, system.profile.fields.types[request.type], found)
    if request.op == 'me' and answer.status == 200 and (currency := system.currency(answer)):
        await keep_currency(connection, currency)
    await events.finish(connection, [(event.id, [{'notes': ['it describes the account, not an object']}])])
    return request.type if fresh else ''


async def _earlier_pages(connection: Connection, system: System, request: Request, before: int) -> list[RemoteField]:
    """The fields of the pages that led to this one, newest page last."""
    found: list[RemoteField] = []
    cursor = request.params.get('cursor')
    while cursor:
        page = await events.metadata_page(connection, system.name, request.type, before)
        if page is None:
            break
        asked, answer = decode_answer(page.body)
        before = page.id
        if answer.status == 200 and system.next_cursor(answer) == cursor:
            found = [*system.remote_fields(answer), *found]
            cursor = asked.params.get('cursor')
    return found


async def learn_fields(engine: Engine, system: System, remote_type: str) -> list[RemoteField]:
    """Read the custom fields of one type, to the end; the last page binds the catalogue to them (`learn`)."""
    found: list[RemoteField] = []
    cursor: Value = None
    while True:
        answer = await ask(engine, system, Request('fields', remote_type, params={'cursor': cursor, 'limit': 500}))
        found += system.remote_fields(answer)
        cursor = system.next_cursor(answer)
        if not cursor:
            return found


async def bind(connection: Connection, record_type: str, remote: list[RemoteField]) -> bool:
    """Write what the CRM says about our custom fields; bump the catalogue when anything changed. Whether one of them is
    another field of the CRM from now on: what stands there is unknown until it was read.
    """
    catalogue = await load_catalogue(connection)
    changed = fresh = False
    for item in catalogue.of(record_type):
        bound = bound_field(item, remote)
        if bound != item:
            await save_field(connection, bound)
            changed = True
        if bound.pd_field_id != item.pd_field_id or (bound.remote_type and not item.remote_type):
            await forget_field(connection, item)
            fresh = True
    if changed:
        await bump(connection, 'catalogue')
        await events.ring(connection)
    return fresh


def bound_field(item: CustomField, remote: list[RemoteField]) -> CustomField:
    """The custom field as the CRM has it: by code, else by name (the only one of that name: what it is called there,
    its machine name, another name for it, in this order), with its type checked (FIELD-5). One that is gone or was
    renamed there says so, and is skipped until a person has looked (FIELD-7).
    """
    match = next((field for field in remote if field.code == item.pd_field_id), None)
    names = [folded(name) for name in (item.name, item.machine_name, *ALIASES.get(item.machine_name, ()))]
    if match is not None and folded(match.name) not in names:
        return replace(item, problem=f'it was renamed in the CRM, to "{match.name}"')
    if match is None:
        called = ([field for field in remote if folded(field.name) == name] for name in names)
        named = next((fields for fields in called if fields), [])
        match = named[0] if len(named) == 1 else None
    if match is None:
        return replace(item, problem=GONE) if item.pd_field_id else item
    fits = item.field_type in match.holds
    problem = '' if fits else f'our type is {item.field_type}, the CRM has {match.type}, which cannot hold it'
    if fits and item.problem == FILLING:
        problem = FILLING
    return replace(item, pd_field_id=match.code, remote_type=match.type, options=dict(match.options), problem=problem)


def folded(name: str) -> str:
    """A field's name for comparison: as a machine name is written."""
    return fold(name).replace(' ', '_')


async def subscribe(engine: Engine, system: System, url: str, user: str, password: str) -> Subscription | None:
    """Register our webhook with basic auth, once; one without it, or of another version, is replaced (D-20,
    SETUP-4). Returns the one that stood there already. From now on it is looked after (subscription.py).
    """
    listed = await ask(engine, system, Request('webhooks'))
    for hook in system.subscriptions(listed):
        if hook.url.rstrip('/') != url.rstrip('/'):
            continue
        if hook.active and hook.user == user:
            await _stands(engine, system.name)
            return hook
        await ask(engine, system, Request('drop_webhook', remote_id=hook.id))
    fields = {
        'subscription_url': url, 'event_action': '*', 'event_object': '*', 'name': 'Hermes', 'version': '2.0',
        'http_auth_user': user, 'http_auth_password': password,
    }  # fmt: skip
    op: Op = 'add_webhook'
    await ask(engine, system, Request(op, fields=fields))
    await _stands(engine, system.name)
    return None


async def unsubscribe(engine: Engine, system: System, url: str) -> int:
    """Take our webhooks away, whoever made them, and look after none any more. How many there were."""
    async with engine.database.transaction() as connection:
        await heartbeats.forget(connection, heartbeats.subscription(system.name))
    ours = [
        hook
        for hook in system.subscriptions(await ask(engine, system, Request('webhooks')))
        if hook.url.rstrip('/') == url.rstrip('/')
    ]
    for hook in ours:
        await ask(engine, system, Request('drop_webhook', remote_id=hook.id))
    return len(ours)


async def _stands(engine: Engine, system: str) -> None:
    async with engine.database.transaction() as connection:
        await heartbeats.beat(connection, heartbeats.subscription(system), timedelta(days=36_500))
        await heartbeats.clear(connection, heartbeats.subscription(system))
