"""`hermes forget-account`: a mistyped address, or an account that was only tried, is no account for good (SETUP-12)."""

from typing import Annotated

import typer

from hermes.cli.losing import require_alone
from hermes.cli.output import JsonFlag, print_json, say
from hermes.parts.roles import CALENDAR, CRM, PRODUCT


def forget_account(
    system: Annotated[str, typer.Argument(metavar='SYSTEM', help=f'{CRM} (pd), {PRODUCT} (tc2) or {CALENDAR}.')],
    as_json: JsonFlag = False,
) -> None:
    """Let go of a system's account with which nothing was exchanged yet."""
    from hermes.cli.naming import system_name
    from hermes.cli.session import session

    with session(contact=False) as here:
        require_alone(here.engine.database.url)
        outcome = here.act('account.forget', system=system_name(system))
    if as_json:
        return print_json(outcome)
    say(outcome['notes'][0])
