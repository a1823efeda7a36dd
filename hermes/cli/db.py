"""`hermes db`: the database's server and schema."""

from typing import Annotated

import typer

from hermes.cli.losing import NameFlag, confirm, require_alone
from hermes.cli.output import say
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
        told = schema.upgrade(address).said
    say(told or 'The schema is up to date.')


@db.command('downgrade', context_settings={'ignore_unknown_options': True})
def downgrade(
    revision: Annotated[
        str, typer.Argument(metavar='VERSION', help='An earlier version, -1 for one step back, or base.')
    ] = '',
    name: NameFlag = '',
) -> None:
    """Take the schema back to an earlier version, with all that later ones hold. Asks for the database's name."""
    from hermes.db import desk, losses, schema

    with open_database(load_settings()) as address:
        with desk.opened(address) as connection:
            target = losses.find_target(losses.version(connection), revision)
            lost = losses.of_versions_after(connection, target)
        require_alone(address)
        confirm(address, name, 'This will be lost', lost)
        schema.downgrade(address, target or 'base')
    say(f'The schema has gone back to {target or "nothing"}.')


@db.command('reset')
def reset(name: NameFlag = '') -> None:
    """Drop everything in the database and make its tables anew. Asks for the database's name."""
    from hermes.db import schema, wiping

    with open_database(load_settings()) as address:
        require_alone(address)
        expected = confirm(address, name, 'Everything will be lost', contents(address))
        wiping.wipe(address)
        schema.upgrade(address)
    say(f'The database "{expected}" is empty.')


@db.command('restore-from-live')
def restore_from_live(name: NameFlag = '') -> None:
    """Copy LIVE_DATABASE_URL into the local database: every system paused, sessions left behind, no webhooks."""
    from hermes.db import restoring

    settings = load_settings()
    if not settings.live_database_url:
        raise Refused('LIVE_DATABASE_URL is not set: it is the address of the database to copy.')
    with open_database(settings) as address:
        require_alone(address)
        expected = confirm(address, name, 'Everything will be lost', contents(address))
        restoring.restore(settings.live_database_url, address, say)
    say(
        f'The database "{expected}" is a copy now. Every system is paused: "hermes resume SYSTEM" asks for its account.'
    )


def contents(address: str) -> list[str]:
    """What stands in a database."""
    from hermes.db import desk, losses

    with desk.opened(address) as connection:
        return losses.contents(connection)
