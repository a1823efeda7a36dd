"""`hermes config`: the settings that people change while Hermes runs; every change is an event."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli import acting
from hermes.cli.acting import PreviewFlag
from hermes.cli.output import Column, JsonFlag, print_json, print_rows, warn
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from hermes.db.connections import Connection
    from hermes.domain.config import ConfigKey
    from hermes.domain.model import Value

COLUMNS = [
    Column('key', 'KEY'),
    Column('value', 'VALUE'),
    Column('source', 'FROM'),
    Column('name', 'IS'),
    Column('problem', 'WARNING'),
    Column('help', 'WHAT IT DOES'),
]


def show_config(
    key: Annotated[str | None, typer.Argument(metavar='[KEY]', help='Only this setting.')] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show every setting, what it does, and what is wrong with it."""
    from hermes.cli.database import reading
    from hermes.db.reads.settings import describe, read_settings
    from hermes.domain.config import KEYS, effective, find_key

    with reading() as connection:
        keys = [find_key(key)] if key else list(KEYS.values())
        stored, told = read_settings(connection), environment()
        lines: list[dict[str, Any]] = []
        for each in keys:
            value = effective(each, stored, told)
            name, problem = describe(connection, each, value)
            lines.append(
                {
                    'key': each.name,
                    'value': value,
                    'set': stored.get(each.name) is not None,
                    'source': _source(each, stored, told),
                    'default': each.default,
                    'type': each.type,
                    'name': name,
                    'problem': problem,
                    'help': each.help,
                }
            )
    if as_json:
        return print_json(lines)
    print_rows(COLUMNS, [line | {'name': line['name'] or '', 'problem': line['problem'] or ''} for line in lines])


def set_config(
    key: Annotated[str, typer.Argument(metavar='KEY')],
    value: Annotated[str, typer.Argument(metavar='VALUE', help='"none" takes the setting back to its default.')],
    preview: PreviewFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Change a setting."""
    from hermes.cli.database import writing
    from hermes.db.reads.settings import describe
    from hermes.domain.acts import SetSetting
    from hermes.domain.config import find_key, parse

    with writing() as connection:
        known = find_key(key)
        parsed = parse(known, value)
        _check_day(connection, known, parsed)
        _, problem = describe(connection, known, parsed)
        if problem == 'unknown':
            raise Refused(f'{known.name}: there is no {known.type} {parsed}.')
        if problem:
            warn(
                f'{known.name}: {known.type} {parsed} is {problem}'
                if 'no ' not in problem
                else f'{known.name}: {problem}'
            )
        said = f'{known.name} = {"its default" if parsed is None else parsed}'
        if not preview:
            return acting.act(connection, [(said, SetSetting(known.name, parsed))], as_json)
    acting.preview(SetSetting(known.name, parsed), as_json)


def environment() -> 'dict[str, Value]':
    """What the environment (or .env) says about the settings that people can change here too."""
    from hermes.cli.world import load_settings
    from hermes.domain.config import KEYS

    settings = load_settings()
    return {name: getattr(settings, name) for name in KEYS if name in settings.model_fields_set}


def _source(key: 'ConfigKey', stored: 'dict[str, Value]', told: 'dict[str, Value]') -> str:
    return 'here' if stored.get(key.name) is not None else 'environment' if key.name in told else 'default'


def _check_day(connection: 'Connection', key: 'ConfigKey', value: 'Value') -> None:
    """A day that would not begin before it ends is refused, whichever of its ends comes from the environment."""
    from hermes.db.reads.settings import read_settings
    from hermes.domain.config import KEYS, check_day, effective

    if key.type == 'clock':
        stored, told = {**read_settings(connection), key.name: value}, environment()
        check_day(*(effective(KEYS[name], stored, told) for name in ('meeting_min_start', 'meeting_max_end')))


COMMANDS = {'show': show_config, 'set': set_config}
