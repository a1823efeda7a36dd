"""Before data is destroyed or hidden: nobody may be at work in the database, what goes is named, and the person names
the database (`--name`), so that no habit and no script does it to the wrong one.
"""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from hermes.cli.output import clean, say, warn
from hermes.domain.errors import Refused

NameFlag = Annotated[str, typer.Option('--name', help="The database's name, to show that it is meant.")]


def require_alone(address: str) -> None:
    """Raises Refused, naming them, while workers or the web work in the database."""
    from hermes.db import connections
    from hermes.db.reads import impact
    from hermes.db.server import wiping

    with connections.opened(address) as connection:
        found = impact.occupants(connection)
    if found:
        name = wiping.database_name(address)
        raise Refused(f'Hermes is at work in the database "{name}" ({", ".join(found)}): stop it first.')


def confirm(address: str, given: str, what: str, lost: Sequence[str], *, as_json: bool = False) -> str:
    """The database's name, named by whoever wants this. `what` it is, in a sentence's beginning; `lost`, what goes; on
    stderr where stdout is for JSON. Raises Refused.
    """
    from hermes.db.server import wiping

    expected = wiping.database_name(address)
    tell = warn if as_json else say
    tell(clean(f'{what} in the database "{expected}":'))
    for item in lost or ['nothing']:
        tell(f'  {clean(item)}')
    given = given or _ask(f'The name of the database, to go on [{expected}]')
    if given != expected:
        raise Refused(f'The database is called "{expected}", not "{given}": nothing was done.')
    return expected


def _ask(question: str) -> str:
    """What the person types; Refused where nobody can (SETUP-5)."""
    if not sys.stdin.isatty():
        raise Refused('Nobody is here to confirm it: say --name and the name of the database. Nothing was done.')
    return str(typer.prompt(clean(question)))
