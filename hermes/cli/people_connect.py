"""`hermes people connect`: a person lets Hermes speak with a CRM that gives no credentials for good (AU-16)."""

from typing import TYPE_CHECKING, Annotated

import typer

from hermes.cli.output import JsonFlag, print_json, say
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from hermes.sync.engine import Engine

LONGEST = 4096


def connect(
    system: Annotated[str, typer.Argument(metavar='SYSTEM', help='The CRM in which app users are kept.')],
    legacy_token: Annotated[
        bool, typer.Option('--legacy-token', help='Trade in an access token of the old kind, read from standard input.')
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Begin to connect a CRM: prints the page on which a person allows it."""
    import sys

    from hermes.cli.engine import with_engine
    from hermes.cli.naming import system_name

    name = system_name(system)
    token = ''
    if legacy_token:
        token = (typer.prompt('Token', hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()).strip()
        if not token or len(token) > LONGEST or not token.isascii() or not token.isprintable():
            raise Refused('That is no token: nothing, or more than one line. Nothing was changed.')

    async def work(engine: 'Engine') -> str:
        from hermes.cli.world import load_settings
        from hermes.parts.granting import callback_of, grants

        settings = load_settings()
        grant = grants(engine, settings).get(name)
        if grant is None:
            raise Refused(f'{name} is not connected in this way, or not configured: see "hermes doctor".')
        if token:
            await grant.trade_in(token)
            return ''
        return await grant.begin(callback_of(settings, name))

    page = with_engine(work, greeted=False)
    if as_json:
        print_json({'system': name, 'page': page or None, 'connected': bool(token)})
    elif page:
        say(f'Open this page within a quarter of an hour, sign in and allow it:\n{page}')
    else:
        say(f'{name} is connected.')
