"""`hermes pause` and `hermes resume`: stop and start sending to a system; nothing that is to be sent is lost (OUT-7,
SETUP-7).
"""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from hermes.cli.output import JsonFlag, clean
from hermes.domain.errors import Refused
from hermes.domain.status import RESTORED
from hermes.parts.roles import CRM, PRODUCT

if TYPE_CHECKING:
    from hermes.db.connections import Connection

    Connected: TypeAlias = Connection
else:
    Connected: TypeAlias = Any

SystemText = Annotated[str, typer.Argument(metavar='SYSTEM', help=f'{CRM} (pd), {PRODUCT} (tc2), ...')]


def pause(
    system: SystemText,
    reason: Annotated[str, typer.Option(help='Why, for those who look at it later.')] = '',
    as_json: JsonFlag = False,
) -> None:
    """Stop sending to a system."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.cli.naming import system_name
    from hermes.domain.acts import PauseSystem

    with writing() as connection:
        name = system_name(system)
        act(connection, [(f'pause {name}', PauseSystem(name, reason.strip()))], as_json)


def resume(
    system: SystemText,
    account: Annotated[str, typer.Option(help='The account that it speaks with; asked for after a restore.')] = '',
    as_json: JsonFlag = False,
) -> None:
    """Send to a system again."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.cli.naming import system_name
    from hermes.db.reads.settings import read_system
    from hermes.domain.acts import ResumeSystem

    with writing() as connection:
        name = system_name(system)
        state = read_system(connection, name)
        if state['paused'] and state['reason'].lower().startswith(RESTORED):
            account = _confirm(name, state['account'], account)
        elif account and account != state['account']:
            raise Refused(f'This database speaks with {state["account"] or "no account"} of {name}, not "{account}".')
        act(connection, [(f'resume {name}', ResumeSystem(name, account))], as_json)


def _confirm(system: str, identity: str | None, given: str) -> str:
    """SETUP-7: a restored database speaks with an account again only when a person names it."""
    import sys

    if not given and sys.stdin.isatty():
        question = f'This database was restored. Which account of {system} may it speak with?'
        given = str(typer.prompt(clean(question), err=True))
    if identity is None:
        return given
    if given != identity:
        raise Refused(f'This database was restored: name the account of {system} that it may speak with (--account).')
    return given
