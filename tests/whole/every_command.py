"""Every command of `hermes`, each with words that let it do its work, run one after the other in this one process.

Started with the Python of an environment that holds the locked packages and nothing else (`test_core_environment`), so
it imports nothing but Hermes. Reads nothing, prints one JSON line a command: its words, its exit code, what it said.
"""

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from typer.main import get_command

from hermes.cli import app
from hermes.cli import run as hermes

PROCESSES = ('run', 'web', 'worker', 'sandbox')
"""They run until they are stopped; `test_core_environment` has them running while the others are tried."""
WORDS: Mapping[str, tuple[str, ...]] = {
    'status': ('--budget',),
    'setup export': ('setup.toml',),
    'setup import': ('setup.toml',),
    'config set': ('default_sales_person_id', 'none'),
    'fields add': ('utm_medium', '--tc2', 'utm_medium'),
    'fields change': ('utm_medium', '--on', 'company', '--policy', 'tc2'),
    'fields remove': ('utm_medium', '--on', 'company'),
    'fields export': ('fields.toml',),
    'fields import': ('fields.toml',),
    'events show': ('1', '--json'),
    'events replay': ('1',),
    'events park': ('1', '--reason', 'tried'),
    'events dismiss': ('1', '--reason', 'tried'),
    'find': ('Ada',),
    'erase': ('company:{company}', '--preview'),
    'export': ('company:{company}', '-'),
    'explain': ('TC-9',),
    'forget-account': ('pipedrive',),
    'admins edit': ('{admin}', '--timezone', 'Europe/London'),
    'admins remove': ('{admin}',),
    'mail retry': ('1',),
    'mail dismiss': ('1', '--reason', 'tried'),
    'completion': ('bash',),
    'people import': ('users.csv',),
    'people import-decisions': ('users.csv',),
    'people export-csv': ('-',),
    'people retry': ('--state', 'NotChecked'),
    'people rollback': ('1',),
    'people connect': ('pipedrive',),
    'trace': ('1',),
    'what-if': ('setting.set', '{{"key": "deal_max_age_days", "value": 30}}'),
    'capsule make': ('1', 'capsule.json'),
    'capsule show': ('capsule.json',),
    'capsule replay': ('capsule.json',),
    'blame': ('company:{company}', 'name'),
    'release': ('company:{company}', 'name'),
    'record show': ('company:{company}',),
    'record create': ('company', 'name=Tried'),
    'record set': ('company:{company}', 'name=Tried'),
    'record delete': ('company:{company}',),
    'record restore': ('company:{company}', 'name', '--at', '1d'),
    'record merge': ('company:{company}', 'company:{company}'),
    'record unlink': ('company:{company}', 'pipedrive:organization:1'),
    'record fetch': ('company:{company}',),
    'undo': ('1', '--look'),
    'push now': ('company:{company}',),
    'user add': ('kim@desk.example',),
    'user role': ('kim@desk.example', 'operator'),
    'user password': ('kim@desk.example',),
    'user disable': ('kim@desk.example',),
    'user enable': ('kim@desk.example',),
    'user drop-second-factor': ('kim@desk.example',),
    'decisions show': ('1',),
    'decisions settle': ('1', 'done'),
    'push retry': ('--all',),
    'push ignore': ('company:{company}', 'name'),
    'pause': ('pipedrive', '--reason', 'tried'),
    'resume': ('pipedrive',),
    'bookings show': ('1',),
    'bookings cancel': ('1',),
    'bookings move': ('1', 'tue 10:00'),
    'bookings reassign': ('1', '{admin}'),
    'bookings link': ('{company}', '{admin}'),
    'slots explain': ('{admin}', '2031-01-06 10:00'),
    'slots hours': ('{admin}',),
    'slots days-off': ('{admin}',),
    'db backup': ('all.backup',),
    'db restore': ('all.backup',),
    'import-legacy': ('--from', 'postgresql://nobody@127.0.0.1:9/nothing'),
    'shell': ('-c', 'print(session)'),
}
"""Words for the commands that need some, or do more with them. A new command needs a line if it needs words."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that this installation has, with its path."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, 'list_commands'):
            yield from commands(command, (*path, name))
        elif command is not None:
            yield (*path, name), command


def run(words: list[str]) -> dict[str, Any]:
    """One command as the terminal would have it."""
    said, code = io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            hermes(words)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return {'words': words, 'code': code, 'said': said.getvalue()}


def found(kind: str) -> str:
    """The id of some record, read with the commands themselves."""
    told = run(['shell', '-c', f'print((await session.exec(select({kind}.id).limit(1))).first())'])
    return str(told['said']).strip()


def main() -> None:
    ids = {'company': found('Company'), 'admin': found('Admin')}
    # Those that take the database away come last.
    for path, command in sorted(commands(get_command(app)), key=lambda item: item[0][0] == 'db'):
        name = ' '.join(path)
        if name in PROCESSES:
            continue
        words = WORDS.get(name, ())
        lacks = not words and any(each.required for each in command.params)
        told = run([*path, *(word.format(**ids) for word in words)])
        print(json.dumps(told | {'name': name, 'lacks': lacks}), file=sys.__stdout__, flush=True)


if __name__ == '__main__':
    main()
