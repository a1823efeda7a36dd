"""The host's own accounts: plain SQL, nothing of Hermes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row

Connection = psycopg.Connection[Any]
COLUMNS = 'id, email, first_name, last_name, lang, deleted, crm_id, crm_state, is_sustainer'


@dataclass(frozen=True)
class Account:
    """A reader. `user_id` is by what Hermes's classes find an app user: give them an Account wherever they want a
    profile.
    """

    id: int
    email: str
    first_name: str
    last_name: str
    lang: str
    deleted: bool
    crm_id: str | None
    crm_state: str
    is_sustainer: bool

    @property
    def user_id(self) -> str:
        return str(self.id)


class Taken(Exception):
    """Somebody else has this address."""


def install(connection: Connection) -> None:
    """Make the tables that are not there yet."""
    connection.execute(Path(__file__).with_name('schema.sql').read_text())


def add(connection: Connection, email: str, first_name: str, last_name: str, lang: str) -> Account:
    """Raises Taken."""
    return _one(
        connection,
        'insert into reader_app.account (email, first_name, last_name, lang) values (%s, %s, %s, %s) '
        f'returning {COLUMNS}',
        (email, first_name, last_name, lang),
    )


def change_email(connection: Connection, account: Account, email: str) -> Account:
    """Raises Taken."""
    query = f'update reader_app.account set email = %s where id = %s returning {COLUMNS}'
    return _one(connection, query, (email, account.id))


def delete(connection: Connection, account: Account) -> None:
    """The account is closed; its row stays, for its CRM id."""
    connection.execute('update reader_app.account set deleted = true where id = %s', (account.id,))


def find(connection: Connection, number: int) -> Account | None:
    """Nobody, where the account is closed."""
    with connection.cursor(row_factory=class_row(Account)) as cursor:
        query = f'select {COLUMNS} from reader_app.account where id = %s and not deleted'
        return cursor.execute(query, (number,)).fetchone()


def everybody(connection: Connection) -> list[Account]:
    """Closed accounts too, oldest first."""
    with connection.cursor(row_factory=class_row(Account)) as cursor:
        return cursor.execute(f'select {COLUMNS} from reader_app.account order by id').fetchall()


def _one(connection: Connection, query: str, parameters: tuple[Any, ...]) -> Account:
    with connection.cursor(row_factory=class_row(Account)) as cursor:
        try:
            account = cursor.execute(query, parameters).fetchone()
        except psycopg.errors.UniqueViolation:
            raise Taken from None
    assert account is not None
    return account
