"""`hermes capsule`: everything that explains an event, a push or a decision in one file, for somebody elsewhere, who
looks at it or replays it in an empty database of its own beside the sandbox (ADM-15).
"""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import (
    ATTENTION,
    Column,
    JsonFlag,
    announcing,
    plain_errors,
    print_json,
    print_pairs,
    print_rows,
    say,
    show,
)
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from hermes.sync.capsule import About, Replayed

File = Annotated[Path, typer.Argument(metavar='FILE', help='Where it is.')]
MOST_BYTES = 200_000_000
EVENTS = [
    Column('id', 'EVENT', True), Column('received_at', 'RECEIVED'), Column('source', 'SOURCE'), Column('kind', 'KIND'),
    Column('state', 'STATE'), Column('reason', 'REASON'),
]  # fmt: skip
JOURNAL = [
    Column('at', 'AT'), Column('record', 'RECORD'), Column('field', 'FIELD'), Column('old', 'FROM'),
    Column('new', 'TO'), Column('system', 'BY'), Column('rule', 'RULE'), Column('event_id', 'EVENT', True),
]  # fmt: skip


def make(
    what: Annotated[
        str, typer.Argument(metavar='WHAT', help='The number of an event, push:company:12:SYSTEM, or decision:7.')
    ],
    file: Annotated[Path, typer.Argument(metavar='FILE', help='A file that is not there yet.')],
    anonymous: Annotated[
        bool, typer.Option('--anonymous', help='Replace what is of a person by stand-ins, the same everywhere in it.')
    ] = False,
) -> None:
    """Write everything that explains an event, a push or a decision into a file that only you can read."""
    from hermes.cli.db import new_file
    from hermes.cli.engine import with_engine
    from hermes.cli.world import load_settings
    from hermes.parts.secrets import secrets_of
    from hermes.sync import capsule

    about = read_about(what)
    with plain_errors(), new_file(file) as out:
        hidden = secrets_of(load_settings())
        told = with_engine(
            lambda engine: capsule.make(engine, about, anonymous=anonymous, hidden=hidden), greeted=False
        )
        _note(told['focus'])
        out.write(json.dumps(told, ensure_ascii=False, indent=1).encode())
    how = 'with stand-ins for persons' if anonymous else 'people stand in it, so treat it like the database'
    say(f'{what} is in {file}: {len(told["events"])} events, {len(told["journal"])} changes; {how}')
    if told['left_out']:
        say(f'{told["left_out"]} events were left out: listings of many objects, or what is older')


def _note(ids: list[int]) -> None:
    """The raw bodies leave the database: that is journalled (S15)."""
    from hermes.cli.database import opened
    from hermes.db.audit import note_at_once

    with opened() as connection:
        for number in ids:
            note_at_once(connection, 'event.viewed', event=number)


def read_about(text: str) -> 'About':
    """Raises Refused for what is none of the three."""
    from hermes.cli.naming import system_name
    from hermes.domain.model import RecordRef
    from hermes.domain.record_types import NAMES
    from hermes.kit.texts import read_number
    from hermes.sync.capsule import About

    kind, _, rest = text.strip().partition(':')
    if kind in ('event', 'decision') and (number := read_number(rest)) is not None:
        return About(kind, number)
    if not rest and (number := read_number(kind)) is not None:
        return About('event', number)
    parts = rest.split(':')
    if kind == 'push' and len(parts) == 3 and parts[0] in NAMES and (number := read_number(parts[1])) is not None:
        return About('push', record=RecordRef(parts[0], number), system=system_name(parts[2]))
    raise Refused(f'"{text}" is none of these: the number of an event, push:company:12:SYSTEM, decision:7.')


def show_capsule(file: File, as_json: JsonFlag = False) -> None:
    """Show what is in a capsule."""
    with plain_errors():
        told = _read(file)
    if as_json:
        return print_json(told)
    print_pairs([
        ('about', told['about']), ('made at', told['made_at']), ('program', told['program']),
        ('tables', told['schema']), ('persons', 'stand-ins' if told['anonymous'] else 'as they are'),
        ('left out', told['left_out']),
    ])  # fmt: skip
    near = set(told['near'])
    print_rows(EVENTS, [row for row in told['events'] if row['id'] in near], empty='no event')
    for row in told['events']:
        if row['id'] in told['focus']:
            say(f'event {row["id"]}: {show(row["body"])}')
    print_rows(JOURNAL, [_entry(row) for row in reversed(told['journal'])], empty='no change')
    for part in ('pushes', 'calls', 'decisions'):
        for row in told[part]:
            said = ', '.join(f'{name} {show(value)}' for name, value in row.items() if value not in (None, '', {}, []))
            say(f'{part[:-1] if part != "pushes" else "push"}: {said}')


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        'record': f'{row["record_type"]}:{row["record_id"]}',
        'old': show(row['old']),
        'new': show(row['new']),
    }


def replay(file: File, as_json: JsonFlag = False) -> None:
    """Replay a capsule in an empty database, beside the sandbox, and say what comes out otherwise. Exit code 2 if
    something does.
    """
    with plain_errors():
        told = _read(file)
        with announcing('replaying it in an empty database'):
            came = _replay(told)
    if as_json:
        print_json({'applied': came.applied, 'state': came.state, 'reason': came.reason, 'same': came.same,
                    'differs': list(came.differs)})  # fmt: skip
    else:
        say(f'{came.applied} events were applied; {told["about"]} is {came.state or "nothing that was applied"} here')
        if came.reason:
            say(f'  {show(came.reason)}')
        for sentence in came.differs:
            say(f'  {show(sentence)}')
        say('the same came out' if came.same else f'{len(came.differs)} things came out otherwise')
    if not came.same:
        raise typer.Exit(ATTENTION)


def _read(file: Path) -> dict[str, Any]:
    from hermes.sync.capsule import read

    try:
        with file.open('rb') as found:
            text = found.read(MOST_BYTES + 1)
    except OSError as error:
        raise Refused(f'{file} cannot be read: {error.strerror}.') from None
    if len(text) > MOST_BYTES:
        raise Refused(f'{file} is larger than any capsule.')
    return read(text)


def _replay(told: dict[str, Any]) -> 'Replayed':
    """In a folder of its own, which is gone afterwards: a database, and the sandbox's secrets."""
    import asyncio

    from hermes.db import schema
    from hermes.db.server import embedded

    with tempfile.TemporaryDirectory() as folder, embedded.start(
        Path(folder) / 'postgres', fast=True, ephemeral=True
    ) as server:  # fmt: skip
        schema.upgrade(server.url)
        return asyncio.run(_replay_there(told, Path(folder), server.url))


async def _replay_there(told: dict[str, Any], folder: Path, url: str) -> 'Replayed':
    from hermes.cli.world import MAIL_PORT, SANDBOX_PORT, WEB_PORT, sandbox_environment
    from hermes.kit import logs
    from hermes.parts import assembly
    from hermes.sandbox.app import SandboxTransport, create_app, make_world
    from hermes.sandbox.world import Secrets
    from hermes.settings import load
    from hermes.sync import capsule

    logs.configure('CRITICAL')
    base = load({'_env_file': None, 'data_dir': str(folder), 'hermes_url': f'http://127.0.0.1:{WEB_PORT}'})
    named = sandbox_environment(base, WEB_PORT, SANDBOX_PORT, MAIL_PORT)
    settings = load({'_env_file': None, **{name.lower(): value for name, value in named.items()}, 'database_url': url})
    secrets = Secrets(named['TC2_API_KEY'], named['PD_API_KEY'], 'hermes', named['PD_WEBHOOK_PASSWORD'])
    world = make_world(settings.hermes_url, secrets)
    engine = assembly.build_engine(settings, transport=SandboxTransport(create_app(world)))
    await engine.database.open()
    try:
        return await capsule.replay(engine, told)
    finally:
        await engine.database.close()


COMMANDS = {'make': make, 'show': show_capsule, 'replay': replay}
