"""Everything that this host says to Hermes, and learns from it. Copy this file first.

Two ways to say something, and you choose one:

- `transaction`: the host's tables stand in Hermes's PostgreSQL. What is said is a row that commits, or is rolled back,
  with the sign-up itself. Nothing can get lost, and nothing has to be repeated.
- `http`: the host has a database of its own. What is to be said is kept in the host's `outbox`, in the transaction of
  the sign-up; after the commit it is sent, and while Hermes is away it waits there. The visitor never waits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from psycopg.types.json import Jsonb

from examples.host.accounts import Connection
from hermes.crm import Changes, CrmConnectionManager, CrmError, CrmFactory, WrongUse

Way = Literal['transaction', 'http']


@dataclass(frozen=True)
class Reader:
    """Anything with a `user_id` is a profile; an Account is one too."""

    user_id: str


# What happens here, and which method of the classes tells of it. By names and JSON, so that it can wait in the outbox.
SAYINGS: Final[Mapping[str, Callable[[CrmConnectionManager, Any], object]]] = {
    'signed up': lambda crm, told: crm.add_user_to_crm(**told),
    'has another address': lambda crm, told: crm.change_user_email(Reader(told['user_id']), told['email']),
    'wants the newsletter': lambda crm, told: crm.add_email_to_mailing_lists(told['email'], told['lists']),
    'deleted the account': lambda crm, told: crm.delete_user(Reader(told['user_id'])),
    'is spam': lambda crm, told: crm.mark_as_spam_in_crm(Reader(told['user_id'])),
    'is to be looked at': lambda crm, told: crm.mark_for_review_in_crm(Reader(told['user_id'])),
}


class Crm:
    """Hermes, as this host uses it. `connect`: opens a connection to the host's database."""

    def __init__(self, factory: CrmFactory, connect: Callable[[], Connection], way: Way) -> None:
        self._factory, self._connect, self._way = factory, connect, way
        self.lists: list[str] = []
        """The CRM's mailing lists, as they were when somebody last asked."""

    def say(self, connection: Connection, what: str, **told: Any) -> None:
        """Within the transaction of what happened. Raises WrongUse (by `transaction` only: by `http` the outbox learns
        of it) for what can never be right, such as an address that is none.
        """
        if self._way == 'transaction':
            SAYINGS[what](self.within(connection), told)
        else:
            connection.execute('insert into reader_app.outbox (what, told) values (%s, %s)', (what, Jsonb(told)))

    def within(self, connection: Connection) -> CrmConnectionManager:
        """The classes, within a transaction of the host's."""
        return self._factory.get_connection_manager(connection)

    def send(self) -> int:
        """Say what waits in the outbox, oldest first, each in a transaction of its own; how many got through. It stops
        where Hermes cannot be reached, and goes on there the next time. Whoever is killed between saying and deleting
        says it twice, which is harmless: under one `user_id` the same sign-up again is the same user.
        """
        sent = 0
        while True:
            with self._connect() as connection:
                row = connection.execute(
                    'select id, what, told from reader_app.outbox where refused is null order by id limit 1 for update'
                ).fetchone()
                if row is None:
                    return sent
                number, what, told = row
                try:
                    SAYINGS[what](self._factory.get_connection_manager(), told)
                except WrongUse as error:  # Asking again changes nothing: somebody has to look.
                    query = 'update reader_app.outbox set refused = %s where id = %s'
                    connection.execute(query, (str(error), number))
                except CrmError:  # Hermes is away, or busy: later.
                    return sent
                else:
                    connection.execute('delete from reader_app.outbox where id = %s', (number,))
                    sent += 1

    def learn(self) -> int:
        """Read the feed from where it was left: every reader's CRM id, state and sustainer status. How far it is kept
        in the transaction of what was learnt, so that a crash neither skips nor repeats. Raises CrmError.
        """
        learnt = 0
        while True:
            with self._connect() as connection:
                row = connection.execute('select after from reader_app.feed_cursor for update').fetchone()
                assert row is not None
                feed = self._factory.get_connection_manager().changes(row[0])
                keep(connection, feed)
                connection.execute('update reader_app.feed_cursor set after = %s', (feed.next,))
            learnt += len(feed.changes)
            if not feed.more:
                return learnt

    def learn_anew(self) -> int:
        """From the beginning: the host's copy was lost, or Hermes was restored from a backup. Raises CrmError."""
        with self._connect() as connection:
            connection.execute('update reader_app.feed_cursor set after = 0')
        return self.learn()

    def ask_lists(self) -> None:
        """Ask for the CRM's mailing lists, so that no page has to wait for them. Raises CrmError."""
        self.lists = self._factory.get_connection_manager().get_available_lists()


def keep(connection: Connection, feed: Changes) -> None:
    """Each line says how somebody stands since then; the last one of somebody counts."""
    for change in feed.changes:
        if change.type == 'app_user' and change.user_id:
            connection.execute(
                'update reader_app.account set crm_id = %s, crm_state = %s, is_sustainer = %s where id = %s',
                (change.crm_id, change.state, change.is_sustainer, change.user_id),
            )
