"""`hermes patch`: lists the patches of `hermes/patches.py`, tries one, and with `--live` runs it (SETUP-8)."""

from typing import Annotated, Any

import typer

from hermes.cli.losing import NameFlag, confirm, require_alone
from hermes.cli.output import Column, JsonFlag, print_json, print_rows, say, show
from hermes.domain.errors import Refused

CHANGES = [Column('record', 'RECORD'), Column('field', 'FIELD'), Column('old', 'WAS'), Column('new', 'IS')]


def patch(
    name: Annotated[str, typer.Argument(metavar='[NAME]', help='Which patch; without it they are listed.')] = '',
    live: Annotated[bool, typer.Option('--live', help='Keep what it does; otherwise it is a dry run.')] = False,
    database: NameFlag = '',
    as_json: JsonFlag = False,
) -> None:
    """List the patches, or run one: a dry run unless --live, which asks for the database's name."""
    from hermes.cli.output import plain_errors
    from hermes.cli.session import session
    from hermes.patches import PATCHES
    from hermes.sync import patching

    if not name and not live:
        listed = [{'name': each.name, 'help': each.help} for each in PATCHES.values()]
        return print_json(listed) if as_json else print_rows([Column('name', 'PATCH'), Column('help', 'DOES')], listed)
    with plain_errors():
        if name not in PATCHES:
            unknown = f'There is no patch "{name}".' if name else 'Which patch?'
            raise Refused(f'{unknown} The patches are: {", ".join(PATCHES) or "none"}.')
        with session(contact=False) as here:
            work, address = PATCHES[name].work, here.engine.database.url
            if live:
                require_alone(address)
                tried = here.do(patching.run(here.engine, name, work, live=False))
                confirm(
                    address,
                    database,
                    f'The patch {name} will do this',
                    [*tried.said, *map(_line, tried.changes)],
                    as_json=as_json,
                )
            done = here.do(patching.run(here.engine, name, work, live=live))
    if as_json:
        return print_json({'live': live, 'said': done.said, 'changes': done.changes, 'events': done.events})
    _report(done, live)


def _line(change: Any) -> str:
    record = f'{change["record_type"]}:{change["record_id"]}'
    return f'{record} {change["field"]}: {show(change["old"])} -> {show(change["new"])}'


def _report(done: Any, live: bool) -> None:
    for line in done.said:
        say(line)
    rows = [{**row, 'record': f'{row["record_type"]}:{row["record_id"]}'} for row in done.changes]
    print_rows(CHANGES, rows, empty='no record changes')
    if live:
        say(f'done, as {len(done.events)} events: {", ".join(map(str, done.events)) or "none"}')
    else:
        say('a dry run: nothing was kept; say --live to do it')
