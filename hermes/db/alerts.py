"""Alerts as rows, and their messages on their way: which one is due, leased to one worker at a time, and what became of
it.

Whoever looks what is wrong holds a lock, so that nothing is told twice. A lease that ran out (its worker was killed)
makes the message due again, under the same id; whoever comes back late with a lost lease changes nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from hermes.db.codec import dump
from hermes.db.pool import Connection, Row, the_row
from hermes.domain.alerts import RELAPSE, Alert, Message
from hermes.domain.status import Trouble

LEASE_S: Final = 120
TURN: Final = 47_293
"""The advisory lock of whoever looks what is wrong."""
PATIENCE: Final = timedelta(days=3)
"""After so long nobody wants to be told any more."""
NEWER: Final = 'a newer message says more'
STANDING: Final = f"""
    select distinct on (name) * from alert
    where ended_at is null or ended_at > hermes_now() - interval '{RELAPSE.total_seconds()} seconds'
    order by name, id desc
"""
INSERT: Final = """
    insert into alert (name, kind, about, said, look, since, away_at, told_at, told, well_at, ended_at)
    values (%(name)s, %(kind)s, %(about)s, %(said)s, %(look)s, %(since)s, %(away_at)s, %(told_at)s, %(told)s,
      %(well_at)s, %(ended_at)s) returning id
"""
UPDATE: Final = """
    update alert set said = %(said)s, look = %(look)s, since = %(since)s, away_at = %(away_at)s, told_at = %(told_at)s,
      told = %(told)s, well_at = %(well_at)s, ended_at = %(ended_at)s
    where id = %(id)s
"""
REPLACE: Final = f"""
    update alert_message set state = 'replaced', reason = '{NEWER}'
    where alert_id = %s and state = 'due' and coalesce(leased_until, '-infinity') <= hermes_now()
"""
TELL: Final = """
    insert into alert_message (alert_id, channel, target, message_id, body, at, due_at)
    values (%s, %s, %s, %s, %s, hermes_now(), hermes_now())
"""
GIVE_UP: Final = """
    update alert_message set state = 'refused', reason = concat('given up: ', reason)
    where state = 'due' and at < hermes_now() - %s and coalesce(leased_until, '-infinity') <= hermes_now()
"""
CLAIM: Final = f"""
    update alert_message set leased_until = hermes_now() + make_interval(secs => {LEASE_S}), attempts = attempts + 1
    where id = (
      select id from alert_message
      where state = 'due' and due_at <= hermes_now() and coalesce(leased_until, '-infinity') <= hermes_now()
      order by due_at, id limit 1 for update skip locked)
    returning id, channel, target, message_id, body, attempts, leased_until
"""
ENDED: Final = """
    update alert_message set state = %(state)s, reason = %(reason)s, leased_until = null,
      due_at = coalesce(%(at)s::timestamptz, due_at),
      sent_at = case when %(state)s = 'sent' then hermes_now() else sent_at end
    where id = %(id)s and leased_until = %(lease)s
"""
POSTPONE: Final = """
    update alert_message set due_at = %(at)s
    where state = 'due' and channel = %(channel)s and target = %(target)s and due_at < %(at)s
"""


class Claim(NamedTuple):
    """A message that this worker may deliver until `leased_until` (aware)."""

    id: int
    channel: tuple[str, str]
    message: Message
    attempts: int
    leased_until: datetime


async def read_standing(connection: Connection) -> dict[str, tuple[int, Alert]]:
    """By name the alerts that are open or have just ended. Nobody else looks before this transaction is over."""
    await connection.execute('select pg_advisory_xact_lock(%s)', (TURN,))
    found = await (await connection.execute(STANDING)).fetchall()
    return {row['name']: (row['id'], _alert(row)) for row in found}


async def keep(connection: Connection, number: int | None, alert: Alert | None) -> int:
    """Write an alert down; None: the row of that number goes. Returns its number."""
    if alert is None:
        await connection.execute('delete from alert where id = %s', (number,))
        return 0
    trouble = alert.trouble
    row = {
        'id': number, 'name': trouble.name, 'kind': trouble.kind, 'about': trouble.about, 'said': trouble.said,
        'look': trouble.look, 'since': alert.since, 'away_at': alert.away_at, 'told_at': alert.told_at,
        'told': alert.told, 'well_at': alert.well_at, 'ended_at': alert.ended_at,
    }  # fmt: skip
    if number is not None:
        await connection.execute(UPDATE, row)
        return number
    made = await the_row(connection, INSERT, row)
    return int(made['id'])


async def tell(
    connection: Connection, number: int, messages: Iterable[tuple[tuple[str, str], str, Mapping[str, Any]]]
) -> None:
    """Messages of an alert (channel, id, body) are due now, in place of older ones that did not get out."""
    await connection.execute(REPLACE, (number,))
    for (channel, target), message_id, body in messages:
        await connection.execute(TELL, (number, channel, target, message_id, dump(body)))


async def claim(connection: Connection) -> Claim | None:
    """The message that is due longest, leased; None when none is."""
    await connection.execute(GIVE_UP, (PATIENCE,))
    row = await (await connection.execute(CLAIM)).fetchone()
    if row is None:
        return None
    message = Message(row['message_id'], row['body'])
    return Claim(row['id'], (row['channel'], row['target']), message, row['attempts'], row['leased_until'])


async def end(connection: Connection, claimed: Claim, state: str, reason: str = '', at: datetime | None = None) -> bool:
    """What became of a message: 'sent', 'refused', or 'due' again `at` a moment, and with it everything else for the
    same place. False: the lease was lost.
    """
    key = {'id': claimed.id, 'lease': claimed.leased_until, 'state': state, 'reason': reason, 'at': at}
    held = (await connection.execute(ENDED, key)).rowcount > 0
    if at is not None:
        channel, target = claimed.channel
        await connection.execute(POSTPONE, {'at': at, 'channel': channel, 'target': target})
    return held


def _alert(row: Row) -> Alert:
    return Alert(
        Trouble(row['kind'], row['about'], row['said'], row['look']),
        **{name: row[name] for name in ('since', 'away_at', 'told_at', 'told', 'well_at', 'ended_at')},
    )
