"""`hermes db`: the database's server and schema."""

from typing import Annotated

import typer

from hermes.cli.output import clean, say
from hermes.cli.world import database_folder, load_settings, open_database, require_database, start_database
from hermes.db import embedded
from hermes.domain.errors import Refused
from hermes.settings import Settings

db = typer.Typer(
    no_args_is_help=True, help='The database: start, stop, upgrade, downgrade, reset, restore-from-live, url.'
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(db, name='db')


def require_embedded(settings: Settings) -> None:
    """Raise Refused if the server is somebody else's to start and stop."""
    if settings.database_url:
        raise Refused('DATABASE_URL is set, so the database server is not for Hermes to start or stop.')


@db.command('start')
def start() -> None:
    """Start the embedded server; it runs until "hermes db stop"."""
    settings = load_settings(make=True)
    require_embedded(settings)
    with start_database(settings, stay=True) as server:
        if server.note:
            say(server.note)
        say(f'The database runs: {server.url}')


@db.command('stop')
def stop(force: Annotated[bool, typer.Option('--force', help='Even while Hermes uses it.')] = False) -> None:
    """Stop the embedded server."""
    settings = load_settings()
    require_embedded(settings)
    stopped = embedded.stop(database_folder(settings), force=force)
    say('The database has stopped.' if stopped else 'The database was not running.')


@db.command('url')
def url() -> None:
    """Print the address of the database, for psql and others."""
    settings = load_settings()
    if not settings.database_url:
        require_database(settings)
    say(settings.database_url or embedded.address(database_folder(settings)))


@db.command('upgrade')
def upgrade() -> None:
    """Bring the schema to this program's version."""
    from hermes.db import schema

    with open_database(load_settings(make=True), make=True) as address:
        schema.upgrade(address)
    say('The schema is up to date.')


@db.command('downgrade')
def downgrade(revision: Annotated[str, typer.Argument(help='A revision, or -1 for one step back.')] = '-1') -> None:
    """Take the schema back to an older version."""
    from hermes.db import schema

    with open_database(load_settings()) as address:
        schema.downgrade(address, revision)
    say(f'The schema has gone back to {revision}.')


@db.command('reset')
def reset(
    name: Annotated[str, typer.Option('--name', help="The database's name, to show that it is meant.")] = '',
) -> None:
    """Drop everything in the database and make its tables anew. Asks for the database's name."""
    from hermes.db import schema, wiping

    with open_database(load_settings()) as address:
        expected = confirm(address, name)
        wiping.wipe(address)
        schema.upgrade(address)
    say(f'The database "{expected}" is empty.')


@db.command('restore-from-live')
def restore_from_live(
    name: Annotated[str, typer.Option('--name', help="The local database's name, to show that it is meant.")] = '',
) -> None:
    """Copy LIVE_DATABASE_URL into the local database: every system paused, sessions left behind, no webhooks."""
    from hermes.db import restoring

    settings = load_settings()
    if not settings.live_database_url:
        raise Refused('LIVE_DATABASE_URL is not set: it is the address of the database to copy.')
    with open_database(settings) as address:
        expected = confirm(address, name)
        restoring.restore(settings.live_database_url, address, say)
    say(
        f'The database "{expected}" is a copy now. Every system is paused: "hermes resume SYSTEM" asks for its account.'
    )


def confirm(address: str, given: str) -> str:
    """The database's name, named by whoever wants to lose what is in it. Raises Refused."""
    from hermes.db import wiping

    expected = wiping.database_name(address)
    given = given or ask(f'Everything in the database "{expected}" will be lost. Its name, to go on')
    if given != expected:
        raise Refused(f'The database is called "{expected}", not "{given}": nothing was done.')
    return expected


def ask(question: str) -> str:
    """What the person types; Refused where nobody can (SETUP-5)."""
    import sys

    if not sys.stdin.isatty():
        raise Refused('Nobody is here to confirm it: say --name and the name of the database.')
    return str(typer.prompt(clean(question)))
