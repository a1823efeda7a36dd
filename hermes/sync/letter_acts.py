"""What a person does about letters: one that was refused goes out again, or is not wanted any more."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from hermes.db import postbox
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection
from hermes.domain.errors import Refused
from hermes.domain.model import Event

Outcome = dict[str, Any]


def reason_of(told: Mapping[str, Any], what: str) -> str:
    """Why something is dismissed; it is kept. Raises Refused without one."""
    if not (reason := str(told.get('reason') or '').strip()):
        raise Refused(f'Say why {what} is dismissed.')
    return reason


async def _retry(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    number = int(told['letter'])
    if not await postbox.retry(connection, number):
        raise Refused(f'Letter {number} is not parked and not tried again and again: there is nothing to retry.')
    await connection.execute('notify hermes_push')
    return {'notes': [f'letter {number} is due again']}


async def _dismiss(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    number = int(told['letter'])
    if not await postbox.dismiss(connection, number, reason_of(told, 'a letter')):
        raise Refused(f'Letter {number} is neither parked nor due, or it is on its way: nothing was done.')
    return {'notes': [f'letter {number} is dismissed']}


LETTER_ACTS: Final[Mapping[str, Callable[[Connection, Event, Mapping[str, Any], Knowledge], Awaitable[Outcome]]]] = {
    'letter.retry': _retry,
    'letter.dismiss': _dismiss,
}
