"""`hermes db`: the database's server and schema."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Annotated

import typer

from hermes.cli.losing import NameFlag, confirm, require_alone
from hermes.cli.output import announcing, clean, say, warn
from hermes.cli.world import database_folder, load_settings, open_database, require_database, start_database
from hermes.db.server import embedded
from hermes.domain.errors import Refused
from hermes.settings import Settings

ENCRYPTED = 'only the SECRET_KEY of this installation opens it, so keep that too, in another place'
NOT_ENCRYPTED = 'SECRET_KEY is not set, so it is NOT encrypted; people stand in it, treat it like the database'
BackupFile = Annotated[Path, typer.Argument(metavar='FILE', help='A file; - for stdout or stdin.')]


def require_embedded(settings: Settings) -> None:
    """Raise Refused if the server is somebody else's to start and stop."""
    if settings.database_url:
        raise Refused('DATABASE_URL is set, so the database server is not for Hermes to start or stop.')


def start() -> None:
    """Start the embedded server; it runs until "hermes db stop"."""
    settings = load_settings(make=True)
    require_embedded(settings)
    with start_database(settings, stay=True) as server:
        if server.note:
            say(server.note)
        say(f'The database runs: {server.url}')


def stop(force: Annotated[bool, typer.Option('--force', help='Even while Hermes uses it.')] = False) -> None:
    """Stop the embedded server."""
    settings = load_settings()
    require_embedded(settings)
    stopped = embedded.stop(database_folder(settings), force=force)
    say('The database has stopped.' if stopped else 'The database was not running.')


def url() -> None:
    """Print the address of the database, for psql and others."""
    settings = load_settings()
    if not settings.database_url:
        require_database(settings)
    say(settings.database_url or embedded.address(database_folder(settings)))


def upgrade() -> None:
    """Bring the schema to this program's version."""
    from hermes.db import schema

    with open_database(load_settings(make=True), make=True) as address:
        told = schema.upgrade(address, tell=warn).said
    say(told or 'The schema is up to date.')


def downgrade(
    revision: Annotated[
        str, typer.Argument(metavar='VERSION', help='An earlier version, -1 for one step back, or base.')
    ] = '',
    name: NameFlag = '',
) -> None:
    """Take the schema back to an earlier version, with all that later ones hold. Asks for the database's name."""
    from hermes.db import connections, schema
    from hermes.db.reads import impact

    with open_database(load_settings()) as address:
        with connections.opened(address) as connection:
            target = impact.find_target(impact.version(connection), revision)
            lost = impact.of_versions_after(connection, target)
        require_alone(address)
        confirm(address, name, 'This will be lost', lost)
        schema.downgrade(address, target or 'base')
    say(f'The schema has gone back to {target or "nothing"}.')


def reset(name: NameFlag = '') -> None:
    """Drop everything in the database and make its tables anew. Asks for the database's name."""
    from hermes.db import schema
    from hermes.db.server import wiping

    with open_database(load_settings()) as address:
        require_alone(address)
        expected = confirm(address, name, 'Everything will be lost', contents(address))
        wiping.wipe(address)
        schema.upgrade(address)
    say(f'The database "{expected}" is empty.')


def restore_from_live(name: NameFlag = '') -> None:
    """Copy LIVE_DATABASE_URL into the local database: every system paused, sessions left behind, no webhooks."""
    from hermes.db.server import restoring
    from hermes.parts.systems import names

    settings = load_settings()
    if not settings.live_database_url:
        raise Refused('LIVE_DATABASE_URL is not set: it is the address of the database to copy.')
    with open_database(settings) as address:
        require_alone(address)
        expected = confirm(address, name, 'Everything will be lost', contents(address))
        restoring.restore(settings.live_database_url, address, sorted(set(names().values())), say)
    say(
        f'The database "{expected}" is a copy now. Every system is paused: "hermes resume SYSTEM" asks for its account.'
    )


def backup(file: BackupFile) -> None:
    """Write the database into a file, encrypted with SECRET_KEY, whatever runs meanwhile. Keep the settings (.env) as
    well: without that key nobody reads the file.
    """
    from hermes.db.server import backup as backups

    settings = load_settings()
    secret = settings.secret_key.get_secret_value()
    with open_database(settings) as address:
        if str(file) == '-':
            kept, size, tell = backups.write(address, sys.stdout.buffer, secret), '', warn
        else:
            with new_file(file) as out:
                kept = backups.write(address, out, secret)
            size, tell = f' ({file.stat().st_size:,} bytes)', say
    for item in kept:
        tell(f'  {clean(item)}')
    tell(clean(f'kept in {file}{size}; {ENCRYPTED if secret else NOT_ENCRYPTED}'))


@contextmanager
def new_file(file: Path) -> Iterator[IO[bytes]]:
    """A new file that this user alone can read; there whole or not at all. Raises Refused if there is one."""
    if os.path.lexists(file):
        raise Refused(f'{file} is there already, and nothing is written over: name another file.')
    part = file.with_name(f'.{file.name}.{os.getpid()}')
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.rename(file)
    except OSError as error:
        raise Refused(f'{file} cannot be written: {error.strerror}.') from None
    finally:
        with suppress(OSError):
            part.unlink()


def restore(file: BackupFile, name: NameFlag = '') -> None:
    """Put a backup into the database, in the place of all that is there. Asks for the database's name, unless it is
    empty; every system is paused then.
    """
    from hermes.db.server import backup as backups
    from hermes.parts.systems import names

    with given(file) as found, open_database(settings := load_settings(make=True), make=True) as address:
        require_alone(address)
        if lost := contents(address):
            confirm(address, name, 'Everything will be lost', lost)
        with announcing('reading the backup'):
            last = backups.restore(
                found, address, sorted(set(names().values())), say, settings.secret_key.get_secret_value()
            )
    when = f' at {last:%Y-%m-%d %H:%M:%S} UTC' if last else ''
    say(f'The database is as it was{when}. Every system is paused, because the world went on meanwhile.')
    say('What to do now stands in docs/how-to/back-up-and-restore.md: read everything, look at "hermes plan", resume.')


@contextmanager
def given(file: Path) -> Iterator[Path]:
    """The file, or one with what comes from stdin. Raises Refused where there is none."""
    if str(file) != '-':
        if not file.is_file():
            raise Refused(f'There is no file {file}.')
        yield file
        return
    with tempfile.NamedTemporaryFile() as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.flush()
        yield Path(kept.name)


def contents(address: str) -> list[str]:
    """What stands in a database."""
    from hermes.db import connections
    from hermes.db.reads import impact

    with connections.opened(address) as connection:
        return impact.contents(connection)


DASHED = {'downgrade'}  # its -1 is no option
COMMANDS = {
    'start': start, 'stop': stop, 'upgrade': upgrade, 'downgrade': downgrade, 'backup': backup, 'restore': restore,
    'reset': reset, 'restore-from-live': restore_from_live, 'url': url,
}  # fmt: skip
