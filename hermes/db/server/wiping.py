"""Emptying a database on purpose (`hermes db reset`): everything in it goes, the database itself and its name stay."""

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from hermes.domain.errors import Refused

LOCK_PATIENCE_MS = 5_000


def database_name(database_url: str) -> str:
    """The name of the database that an address leads to."""
    return str(conninfo_to_dict(database_url).get('dbname', ''))


def wipe(database_url: str) -> None:
    """Drop everything in the database. Raises Refused while others work in it, or if it cannot be reached."""
    try:
        with psycopg.connect(database_url, connect_timeout=5) as connection:
            connection.execute(sql.SQL('SET lock_timeout = {}').format(LOCK_PATIENCE_MS))
            rows = connection.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'"
            ).fetchall()
            for (schema,) in rows:
                connection.execute(sql.SQL('DROP SCHEMA {} CASCADE').format(sql.Identifier(schema)))
            connection.execute('CREATE SCHEMA public')
    except psycopg.errors.LockNotAvailable:
        raise Refused('Hermes is at work in this database: stop it first.') from None
    except psycopg.OperationalError as error:
        told = str(error).strip().splitlines()
        raise Refused(
            f'The database cannot be reached: {told[0] if told else "no answer"}. Check DATABASE_URL.'
        ) from None
