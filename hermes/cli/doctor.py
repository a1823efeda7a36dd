"""`hermes doctor`: every connection and setting, each one line that is ok or says what to do (SETUP-6)."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hermes.cli.output import ATTENTION, CLEAN, JsonFlag, print_json, say, show, show_duration

if TYPE_CHECKING:
    from hermes.db.desk import Connection
    from hermes.settings import Settings

State = Literal['ok', 'todo', 'skipped']
LEAST_POSTGRES = 140_000
MOST_SKEW_S = 2.0
QUIET_WEBHOOKS_S = 7 * 86_400
OnlineFlag = Annotated[bool, typer.Option('--online', help='Also ask the systems themselves (costs a few API calls).')]
CheckFlag = Annotated[bool, typer.Option('--check', help='Exit with 2 when there is something to do.')]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do."""

    name: str
    state: State
    said: str
    todo: str = ''


def register(app: typer.Typer) -> None:
    """Add `doctor`."""
    app.command('doctor')(doctor)


def doctor(online: OnlineFlag = False, check: CheckFlag = False, as_json: JsonFlag = False) -> None:
    """Check every connection and setting, and say what to do."""
    from hermes.cli.output import plain_errors
    from hermes.cli.world import load_settings, open_database

    with plain_errors():
        settings = load_settings()
        with open_database(settings) as url:
            findings = list(examine(settings, url))
        if online:
            findings.append(
                Finding(
                    'online', 'skipped', 'the systems are not asked yet: "hermes setup webhooks" and a worker do that'
                )
            )
    sick = any(finding.state == 'todo' for finding in findings)
    if as_json:
        print_json({'ok': not sick, 'findings': [asdict(finding) for finding in findings]})
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            todo = f' -> {finding.todo}' if finding.todo else ''
            say(f'{finding.state:<7}  {finding.name.ljust(width)}  {show(finding.said + todo)}')
        say('all is well' if not sick else f'{sum(finding.state == "todo" for finding in findings)} to do')
    raise typer.Exit(ATTENTION if check and sick else CLEAN)


def examine(settings: 'Settings', url: str) -> Iterator[Finding]:
    """Everything that can be seen without asking a system. Raises Refused or DatabaseAway when there is no
    database.
    """
    from hermes.db import desk, schema

    yield _settings(settings)
    state = schema.check(url)
    with desk.opened(url) as connection:
        yield from _server(connection)
        if state != 'current':
            yield Finding('migrations', 'todo', 'the schema is older than this program', 'run "hermes db upgrade"')
            return
        yield Finding('migrations', 'ok', 'the schema is the newest')
        yield _worker(connection)
        yield from _systems(connection, settings)
        yield from _fields(connection)
        yield from _config(connection)
        yield from _admins(connection)


def _settings(settings: 'Settings') -> Finding:
    from hermes.settings import SettingsError

    try:
        settings.require_secrets()
    except SettingsError as error:
        return Finding('secrets', 'todo', str(error), 'set them in the environment or in .env')
    return Finding('secrets', 'ok', 'set (the sandbox draws its own)' if settings.sandboxed else 'set')


def _server(connection: 'Connection') -> Iterator[Finding]:
    from hermes.db.checks import read_server
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
    from hermes.db.checks import read_silence_s

    silent_s = read_silence_s(connection)
    if silent_s is not None and silent_s <= WORKER_SILENCE_S:
        return Finding('worker', 'ok', f'seen {show_duration(max(silent_s, 0.0))} ago')
    said = 'none has ever run' if silent_s is None else f'last seen {show_duration(silent_s)} ago'
    return Finding('worker', 'todo', said, 'start one with "hermes worker" or "hermes run"')


def _systems(connection: 'Connection', settings: 'Settings') -> Iterator[Finding]:
    from hermes.db.checks import read_standing, read_unproven
    from hermes.settings import reveal

    on = {'pipedrive': bool(reveal(settings.pd_api_key)), 'tutorcruncher': bool(reveal(settings.tc2_api_key))}
    standing = read_standing(connection, list(on))
    for name, configured in on.items():
        here = standing[name]
        if not configured:
            yield Finding(name, 'skipped', 'off: it has no credentials')
            continue
        if here['paused']:
            yield Finding(
                name, 'todo', f'paused: {here["reason"] or "no reason given"}', f'mend it, then "hermes resume {name}"'
            )
        elif here['blocked_until']:
            yield Finding(
                name, 'todo', f'it lets nobody in until {show(here["blocked_until"])}', 'wait; Hermes goes on by itself'
            )
        elif here['account'] is None:
            yield Finding(name, 'todo', 'never spoken with', 'start a worker; the account is stored at first contact')
        else:
            yield Finding(name, 'ok', f'account {here["account"]}')
        yield _webhooks(name, here['last_webhook_s'])
    if on['pipedrive']:
        unproven = read_unproven(connection, 'pipedrive')
        if unproven:
            said = f'not proven yet: {", ".join(unproven)}; until then nothing is created there'
            yield Finding('first listing', 'todo', said, 'let a worker run, or "hermes sweep pipedrive --full"')
        else:
            yield Finding('first listing', 'ok', 'proven')


def _webhooks(name: str, last_s: float | None) -> Finding:
    label = f'{name} webhooks'
    if last_s is None:
        return Finding(label, 'todo', 'none has ever arrived', 'run "hermes setup webhooks"')
    if last_s > QUIET_WEBHOOKS_S:
        return Finding(
            label, 'todo', f'the last one came {show_duration(last_s)} ago', 'look with "hermes doctor --online"'
        )
    return Finding(label, 'ok', f'the last one came {show_duration(last_s)} ago')


def _fields(connection: 'Connection') -> Iterator[Finding]:
    from hermes.db.checks import read_fields

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
        yield Finding('hermes_id fields', 'ok', 'known')
    unknown = [
        f'{item["linked_object_type"]}.{item["machine_name"]}'
        for item in fields
        if not item['known'] and item['machine_name'] != 'hermes_id'
    ]
    if unknown:
        yield Finding(
            'fields',
            'todo',
            f'{len(unknown)} not in the CRM, skipped in pushes: {_some(unknown)}',
            'run "hermes setup fields"',
        )
    else:
        yield Finding('fields', 'ok', f'all {len(fields)} are known in the CRM')
    for item in fields:
        if item['problem']:
            label = f'field {item["linked_object_type"]}.{item["machine_name"]}'
            yield Finding(
                label, 'todo', item['problem'], 'change it in the CRM or in the catalogue; it is skipped until then'
            )


def _config(connection: 'Connection') -> Iterator[Finding]:
    from hermes.cli.config import describe
    from hermes.db.reading import read_settings
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
    from hermes.db.checks import read_admins

    admins = read_admins(connection)
    if not admins:
        yield Finding('admins', 'todo', 'nobody takes calls yet', 'run "hermes setup admins"')
        return
    lacks_pd = [str(item['id']) for item in admins if item['lacks_pd'] and item['is_sales_person']]
    lacks_tc2 = [str(item['id']) for item in admins if item['lacks_tc2']]
    if lacks_pd:
        yield Finding(
            'admins', 'todo', f'sales people without a Pipedrive user: {_some(lacks_pd)}', 'run "hermes setup admins"'
        )
    if lacks_tc2:
        yield Finding('admins', 'todo', f'without a TutorCruncher id: {_some(lacks_tc2)}', 'run "hermes setup admins"')
    if not lacks_pd and not lacks_tc2:
        yield Finding('admins', 'ok', f'{len(admins)} take calls, each with both ids')


def _some(names: list[str], most: int = 6) -> str:
    return ', '.join(names[:most]) + (f' and {len(names) - most} more' if len(names) > most else '')
