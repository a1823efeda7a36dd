"""`hermes forget-account`: a mistyped address, or an account that was only tried, is no account for good (SETUP-12)."""

from typing import Annotated

import typer

from hermes.cli.losing import require_alone
from hermes.cli.output import JsonFlag, print_json, say


def register(app: typer.Typer) -> None:
    """Add `forget-account`."""
    app.command('forget-account')(forget)


def forget(
    system: Annotated[str, typer.Argument(metavar='SYSTEM', help='pipedrive (pd), tutorcruncher (tc2) or google.')],
    as_json: JsonFlag = False,
) -> None:
    """Let go of a system's account with which nothing was exchanged yet."""
    from hermes.cli.session import session
    from hermes.db.reads.lookup import system_name

    with session(contact=False) as here:
        require_alone(here.engine.database.url)
        outcome = here.act('account.forget', system=system_name(system))
    if as_json:
        return print_json(outcome)
    say(outcome['notes'][0])
