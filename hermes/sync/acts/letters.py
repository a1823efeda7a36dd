"""What a person does about letters: one that was refused goes out again, or is not wanted any more."""

from hermes.db import letters
from hermes.domain.acts import DismissLetter, RetryLetter
from hermes.domain.errors import Refused
from hermes.sync.acts.scope import Outcome, Scope
from hermes.sync.acts.work import reason_of


async def retry(scope: Scope, act: RetryLetter) -> Outcome:
    """Due again, at once."""
    if not await letters.retry(scope.connection, act.letter):
        raise Refused(f'Letter {act.letter} is not parked and not tried again and again: there is nothing to retry.')
    return {'notes': [f'letter {act.letter} is due again']}


async def dismiss(scope: Scope, act: DismissLetter) -> Outcome:
    """Not wanted any more, for a reason that is kept."""
    if not await letters.dismiss(scope.connection, act.letter, reason_of(act.reason, 'a letter')):
        raise Refused(f'Letter {act.letter} is neither parked nor due, or it is on its way: nothing was done.')
    return {'notes': [f'letter {act.letter} is dismissed']}
