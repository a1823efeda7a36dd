"""`hermes doctor`: every connection and setting, each one line that is ok or says what to do (SETUP-6)."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from hermes.cli.findings import CREDENTIALS, LATE_S, Finding
from hermes.cli.output import ATTENTION, CLEAN, JsonFlag, alarm, print_json, say, show, show_duration
from hermes.parts.roles import CRM, CRM_TITLE, PRODUCT, PRODUCT_TITLE

if TYPE_CHECKING:
    from hermes.db.connections import Connection
    from hermes.db.reads.lookup import Row
    from hermes.ports import Profile
    from hermes.settings import Settings

LEAST_POSTGRES = 140_000
MOST_SKEW_S = 2.0
QUIET_WEBHOOKS_S = 7 * 86_400
OnlineFlag = Annotated[
    bool, typer.Option('--online/--offline', help='Also ask the systems themselves (costs a few API calls).')
]
FixFlag = Annotated[bool, typer.Option('--fix', help='Mend what can safely be mended, then look.')]
TripFlag = Annotated[
    bool, typer.Option('--round-trip', help='Make, read, change and delete an organisation, a person and a deal.')
]
CheckFlag = Annotated[bool, typer.Option('--check', hidden=True, help='What it does anyway: exit with 2.')]


def doctor(
    online: OnlineFlag = True,
    fix: FixFlag = False,
    trip: TripFlag = False,
    check: CheckFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Check every connection and setting, and say what to do. Exits with 2 when there is something to do."""
    from hermes.booking.reps_files import load_reps
    from hermes.cli.output import plain_errors
    from hermes.cli.world import load_settings, open_database
    from hermes.db import schema

    mended: list[str] = []
    asked: list[Finding] = []
    travelled: list[Finding] = []
    with plain_errors():
        settings = load_settings()
        load_reps(settings.reps_folder)
        with open_database(settings) as url:
            if fix and schema.check(url) != 'current':
                mended.append(f'mended: {schema.upgrade(url).said}')
            if (online or fix or trip) and schema.check(url) == 'current':
                mended, asked, travelled = _ask(online, fix, trip, mended)
            findings = [*examine(settings, url, reached(asked)), *asked, *travelled]
    if fix and not mended:
        mended = ['nothing is broken that can be mended from here']
    _report(mended, findings, as_json)
    raise typer.Exit(ATTENTION if any(finding.state == 'todo' for finding in findings) else CLEAN)


def reached(asked: list[Finding]) -> frozenset[str]:
    """What was asked just now and answered: of nothing else is said that it is well."""
    return frozenset(finding.name for finding in asked if finding.state == 'ok')


def _ask(online: bool, fix: bool, trip: bool, mended: list[str]) -> tuple[list[str], list[Finding], list[Finding]]:
    """What the systems say; before the database is examined, because the answers land there."""
    from hermes.cli.doctor_online import ask_systems, mend, travel
    from hermes.cli.session import session

    with session(contact=False) as here:
        mended = [*mended, *(mend(here) if fix else ())]
        return mended, list(ask_systems(here)) if online else [], list(travel(here)) if trip else []


def _report(mended: list[str], findings: list[Finding], as_json: bool) -> None:
    sick = sum(finding.state == 'todo' for finding in findings)
    if as_json:
        return print_json({'ok': not sick, 'mended': mended, 'findings': findings})
    for line in mended:
        say(show(line))
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        todo = f' -> {finding.todo}' if finding.todo else ''
        line = f'{finding.state:<7}  {finding.name.ljust(width)}  {show(finding.said + todo)}'
        alarm(line) if finding.state == 'todo' else say(line)
    alarm(f'{sick} to do') if sick else say('all is well')


def examine(settings: 'Settings', url: str, reached: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Everything that can be seen without asking a system. `reached`: what was asked and answered. Raises
    Refused or DatabaseAway when there is no database.
    """
    from hermes.booking.reps_files import load_reps
    from hermes.cli.doctor_calendar import examine_calendars
    from hermes.cli.doctor_mail import examine_alerts, examine_mail
    from hermes.cli.doctor_people import examine_people
    from hermes.db import connections, schema

    yield _settings(settings)
    state = schema.check(url)
    with connections.opened(url) as connection:
        yield from _server(connection)
        if state != 'current':
            yield Finding('migrations', 'todo', 'the schema is older than this program', 'run "hermes db upgrade"')
            return
        yield Finding('migrations', 'ok', 'the schema is the newest')
        yield _worker(connection)
        yield _door(connection, settings)
        yield _queue(connection)
        yield from _systems(connection, settings, reached)
        yield from _fields(connection)
        yield from _config(connection)
        yield from _admins(connection)
        yield _write_back(connection, settings)
        yield from examine_calendars(connection, settings, reached)
        yield examine_people(connection, settings, load_reps(settings.reps_folder))
        yield examine_mail(connection, settings)
        yield examine_alerts(connection, settings)


def _settings(settings: 'Settings') -> Finding:
    from hermes.settings import SettingsError

    try:
        settings.require_secrets()
    except SettingsError as error:
        return Finding('secrets', 'todo', str(error), 'set them in the environment or in .env')
    return Finding('secrets', 'ok', 'set (the sandbox draws its own)' if settings.sandboxed else 'set')


def _server(connection: 'Connection') -> Iterator[Finding]:
    from hermes.db.reads.checks import read_server
    from hermes.kit.clock import SystemClock

    clock = SystemClock()
    before = clock.now()
    server = read_server(connection)
    after = clock.now()
    if server['version'] < LEAST_POSTGRES:
        yield Finding('database', 'todo', f'PostgreSQL {server["shown"]}', 'Hermes needs PostgreSQL 14 or newer')
    else:
        yield Finding('database', 'ok', f'PostgreSQL {server["shown"]}, {server["size"]}')
    early, late = (before - server['now']).total_seconds(), (server['now'] - after).total_seconds()
    skew_s = max(early, late, 0.0)
    if skew_s > MOST_SKEW_S:
        yield Finding(
            'clock',
            'todo',
            f'this machine and the database differ by {show_duration(skew_s)}',
            'let both follow a time server',
        )
    else:
        yield Finding('clock', 'ok', 'this machine and the database agree')


def _worker(connection: 'Connection') -> Finding:
    from hermes.db.acts import WORKER_SILENCE_S
    from hermes.db.reads.checks import read_silence_s

    silent_s = read_silence_s(connection)
    if silent_s is not None and silent_s <= WORKER_SILENCE_S:
        return Finding('worker', 'ok', f'seen {show_duration(max(silent_s, 0.0))} ago')
    said = 'none has ever run' if silent_s is None else f'last seen {show_duration(silent_s)} ago'
    return Finding('worker', 'todo', said, 'start one with "hermes worker" or "hermes run"')


def _door(connection: 'Connection', settings: 'Settings') -> Finding:
    """Nothing is written outside while what is written could not come back."""
    from hermes.db.reads.checks import read_door

    told = read_door(connection)
    if told is None:
        return Finding('door', 'skipped', f'no worker looks whether {settings.hermes_url} answers')
    if told:
        return Finding('door', 'todo', told, 'start "hermes web" there, or mend HERMES_URL')
    return Finding('door', 'ok', f'{settings.hermes_url} answers the workers')


def _queue(connection: 'Connection') -> Finding:
    from hermes.db.reads.checks import read_queue

    queue = read_queue(connection)
    if queue['events_parked'] or queue['pushes_parked']:
        said = f'{queue["events_parked"]} events and {queue["pushes_parked"]} pushes are put aside'
        look = '"hermes events list --state parked" and "hermes push list --state parked"'
        return Finding('queue', 'todo', said, f'look with {look}')
    if queue['late_s'] and queue['late_s'] > LATE_S:
        said = f'the oldest that is due has waited {show_duration(queue["late_s"])}'
        return Finding('queue', 'todo', said, 'see whether a worker runs, with "hermes status"')
    return Finding('queue', 'ok', f'{queue["events"]} events and {queue["pushes"]} pushes are due')


def _write_back(connection: 'Connection', settings: 'Settings') -> Finding:
    """D-1: the product does not list its custom fields, but a client shows all of them, empty ones too."""
    from hermes.db.reads.checks import read_unshown
    from hermes.db.reads.settings import read_settings
    from hermes.parts.systems import profiles

    name = 'write-back'
    told = read_settings(connection).get('tc2_write_back')
    if not settings.tc2_api_key or not (settings.tc2_write_back if told is None else told):
        return Finding(name, 'skipped', f'off: nothing is written to {PRODUCT_TITLE} (TC2_WRITE_BACK)')
    product = profiles()[PRODUCT]
    unshown = read_unshown(connection, product.shown_first)
    if unshown is None:
        return Finding(name, 'skipped', 'on; no client was seen yet that would show its custom fields')
    if unshown:
        said = f'no client of {PRODUCT_TITLE} shows {_bare(unshown)}: nothing can be written there'
        return Finding(name, 'todo', said, product.advice.fields)
    return Finding(name, 'ok', f'on; clients show {_bare(product.shown_first)}')


def _bare(keys: Iterable[str]) -> str:
    """The names of extra attributes out of their keys in a mirror."""
    return ', '.join(key.rpartition('.')[2] for key in keys)


def _systems(connection: 'Connection', settings: 'Settings', reached: frozenset[str]) -> Iterator[Finding]:
    from hermes.db.reads.checks import read_standing, read_unproven
    from hermes.domain.status import BROKEN
    from hermes.parts.systems import profiles, systems_on

    on = systems_on(settings)
    shown = {name: profile for name, profile in profiles().items() if profile.role != 'calendar'}
    standing = read_standing(connection, list(shown))
    for name, profile in shown.items():
        here = standing[name]
        if name not in on:
            yield Finding(name, 'skipped', 'off: it has no credentials')
            continue
        if here['paused']:
            by_itself = here['reason'].startswith(BROKEN)
            mend = (
                'mend the credentials; it goes on by itself'
                if by_itself
                else f'when it may go on: "hermes resume {name}"'
            )
            yield Finding(name, 'todo', f'paused: {here["reason"] or "no reason given"}', mend)
        elif here['blocked_until']:
            yield Finding(
                name, 'todo', f'it lets nobody in until {show(here["blocked_until"])}', 'wait; Hermes goes on by itself'
            )
        elif here['account'] is None:
            yield Finding(
                name, 'todo', 'it has never answered', 'start a worker; the account is stored once it answers'
            )
        elif f'{name}{CREDENTIALS}' in reached:
            yield Finding(name, 'ok', f'account {here["account"]}')
        else:
            yield Finding(name, 'skipped', f'account {here["account"]}; it was not reached now')
        yield _webhooks(profile, here)
    for name in (name for name in on if profiles()[name].listings.first):
        label = 'first listing' if name == CRM else f'{name} first listing'
        unproven = read_unproven(connection, name, profiles()[name].listings.first)
        if unproven:
            said = f'not proven yet: {", ".join(unproven)}; until then nothing is created there'
            yield Finding(label, 'todo', said, f'let a worker run, or "hermes sweep {name} --full"')
        else:
            yield Finding(label, 'ok', 'proven')


def _webhooks(profile: 'Profile', here: 'Row') -> Finding:
    from hermes.domain.status import unheard

    label, last_s = f'{profile.name} webhooks', here['silent_s']
    if silent := unheard(here):
        mend = 'see whether our address is reached from outside; "hermes setup webhooks"; changes are listed meanwhile'
        return Finding(label, 'todo', silent, mend)
    if last_s is None:
        mend = (
            'run "hermes setup webhooks"' if profile.subscribes else 'enter our address there: "hermes setup webhooks"'
        )
        return Finding(label, 'todo', 'none has ever arrived', mend)
    if last_s > QUIET_WEBHOOKS_S:
        return Finding(
            label, 'todo', f'the last one came {show_duration(last_s)} ago', 'see whether the other side still sends'
        )
    return Finding(label, 'ok', f'the last one came {show_duration(last_s)} ago')


def _fields(connection: 'Connection') -> Iterator[Finding]:
    from hermes.cli.setup_fields import OPTIONAL
    from hermes.db.reads.checks import read_fields

    fields = read_fields(connection)
    if not fields:
        yield Finding('fields', 'todo', 'the catalogue is empty', 'start a worker once, or run "hermes setup fields"')
        return
    unborn = [
        item['linked_object_type'] for item in fields if item['machine_name'] == 'hermes_id' and not item['known']
    ]
    if unborn:
        said = f'unknown in the CRM for {", ".join(unborn)}: no create is sent for these'
        yield Finding('hermes_id fields', 'todo', said, 'run "hermes setup fields"')
    else:
        numeric = [
            item['linked_object_type'] for item in fields if item['machine_name'] == 'hermes_id' and item['numeric']
        ]
        note = f'; numerical for {", ".join(numeric)}: a text field would keep both ids in a merge' if numeric else ''
        yield Finding('hermes_id fields', 'ok', f'known{note}')
    unknown = [
        f'{item["linked_object_type"]}.{item["machine_name"]}'
        for item in fields
        if not item['known'] and item['machine_name'] not in {'hermes_id', *OPTIONAL}
    ]
    if unknown:
        yield Finding(
            'fields',
            'todo',
            f'{len(unknown)} not in the CRM, skipped in pushes: {_some(unknown)}',
            'run "hermes setup fields"',
        )
    else:
        yield Finding('fields', 'ok', f'{sum(item["known"] for item in fields)} are known in the CRM')
    for item in fields:
        if item['problem']:
            label = f'field {item["linked_object_type"]}.{item["machine_name"]}'
            yield Finding(
                label, 'todo', item['problem'], 'change it in the CRM or in the catalogue; it is skipped until then'
            )


def _config(connection: 'Connection') -> Iterator[Finding]:
    from hermes.cli.config import describe
    from hermes.db.reads.settings import read_settings
    from hermes.domain.config import KEYS, effective

    stored = read_settings(connection)
    for key in KEYS.values():
        if key.record_type is None:
            continue
        value = effective(key, stored)
        command = '"hermes setup pipelines"' if key.type == 'pipeline' else f'"hermes config set {key.name} ID"'
        if value is None:
            yield Finding(key.name, 'todo', 'not set', f'run {command}')
            continue
        name, problem = describe(connection, key, value)
        if problem:
            yield Finding(key.name, 'todo', f'{key.type} {value}: {problem}', f'run {command}')
        else:
            yield Finding(
                key.name, 'ok', f'{key.type} {value} ({name})' if key.type == 'pipeline' else f'{key.type} {value}'
            )


def _admins(connection: 'Connection') -> Iterator[Finding]:
    from hermes.db.reads.checks import read_admins

    admins = read_admins(connection)
    if not admins:
        yield Finding('admins', 'todo', 'nobody takes calls yet', 'run "hermes setup admins"')
        return
    lacks_pd = [str(item['id']) for item in admins if item['lacks_pd'] and item['is_sales_person']]
    lacks_tc2 = [str(item['id']) for item in admins if item['lacks_tc2']]
    if lacks_pd:
        yield Finding(
            'admins', 'todo', f'sales people without a {CRM_TITLE} user: {_some(lacks_pd)}', 'run "hermes setup admins"'
        )
    if lacks_tc2:
        yield Finding(
            'admins', 'todo', f'without a {PRODUCT_TITLE} id: {_some(lacks_tc2)}', 'run "hermes setup admins"'
        )
    if not lacks_pd and not lacks_tc2:
        yield Finding('admins', 'ok', f'{len(admins)} take calls, each with both ids')


def _some(names: list[str], most: int = 6) -> str:
    return ', '.join(names[:most]) + (f' and {len(names) - most} more' if len(names) > most else '')
