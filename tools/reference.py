"""`make docs`: writes the reference pages and `.env.example` from the code, so that they cannot drift from it.

`python -m tools.reference settings --check` fails if the page is not what the code says.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from hermes.settings import Settings, is_secret
from tools.booking_reference import booking_page

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / 'docs' / 'reference'
FIRST_LINES = (
    'Copy this file to .env beside it, readable by you alone: install -m 600 .env.example .env',
    'A line that is left out, or stays as it is here, means its default. Secrets are empty: what is not set is off;',
    "without any credential the outside world is the sandbox. A value with spaces or # stands in 'single quotes'.",
    'Written by "make docs" from hermes/settings.py; docs/reference/settings.md is the same as a page.',
)


def settings_page() -> str:
    """docs/reference/settings.md."""
    rows = [
        f'| `{name.upper()}` | {type_name(field)} | {default(field)} | {field.description} |'
        for name, field in Settings.model_fields.items()
    ]
    return '\n'.join(
        [
            '# Settings',
            '',
            'Environment variables, or lines of a `.env` file: of the folder where a command is called, if it has one',
            'or a data folder of Hermes, else of the checkout, which commands find wherever they are called. A',
            'setting marked *secret* may come from a file instead: `NAME_FILE=/path/to/file`. A wrong value is one',
            'sentence on stderr and exit code 1. This page is written by `make docs` from `hermes/settings.py`.',
            '',
            '| name | type | default | meaning |',
            '|---|---|---|---|',
            *rows,
            '',
        ]
    )


def example_page() -> str:
    """.env.example."""
    lines = [*(f'# {line}' for line in FIRST_LINES), '']
    for name, field in Settings.model_fields.items():
        lines += [f'# {field.description}', f'{name.upper()}={default(field).strip("`").replace("(empty)", "")}', '']
    lines += [
        '# For compose.yaml alone: the password that its PostgreSQL is given, and Hermes with it.',
        '# POSTGRES_PASSWORD=', '',
    ]  # fmt: skip
    return '\n'.join(lines)


def type_name(field: FieldInfo) -> str:
    """The type as people call it."""
    kind: Any = field.annotation
    if is_secret(field):
        return 'secret' if kind is SecretStr else 'secrets, comma list'
    options = get_args(kind)
    if get_origin(kind) is Literal:
        return ', '.join(f'`{option}`' for option in options)
    if get_origin(kind) is tuple:
        return 'comma list'
    if options:
        kind = options[0]
    names = {str: 'text', int: 'whole number', float: 'number', bool: '`true` or `false`', Path: 'path'}
    return names.get(kind, 'text')


def default(field: FieldInfo) -> str:
    """The default, as it would be written in the environment."""
    value = field.default
    if is_secret(field) or value in ('', (), None):
        return '(empty)'
    return f'`{str(value).lower() if isinstance(value, bool) else value}`'


PAGES: dict[str, tuple[Path, Callable[[], str]]] = {
    'settings': (REFERENCE / 'settings.md', settings_page),
    'booking-api': (REFERENCE / 'booking-api.md', booking_page),
    'env': (ROOT / '.env.example', example_page),
}


def main(arguments: list[str]) -> int:
    """Write, or with --check compare, the named pages (all without a name). The exit code."""
    stale = []
    for name in [word for word in arguments if not word.startswith('-')] or list(PAGES):
        file, page = PAGES[name]
        text = page()
        if '--check' not in arguments:
            file.write_text(text)
        elif not file.exists() or file.read_text() != text:
            stale.append(name)
    if stale:
        print(f'not current: {", ".join(stale)}; run "make docs"', file=sys.stderr)
    return 1 if stale else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
