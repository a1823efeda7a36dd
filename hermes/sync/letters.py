"""Letters are sent: one that is due is claimed under a lease, rendered, handed to the mail server, and marked.

At least once: a worker that is killed between handing over and marking, or whose connection is lost there, sends the
letter again under the same Message-ID. Never two workers at one letter at a time (lease and fence). What a server
refuses for good is parked and shown; everything else is tried again until the letter has no sense any more.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from hermes.db import letters
from hermes.domain.errors import Ambiguous, AuthBroken, Reaction, Rejected
from hermes.domain.notice import Notice
from hermes.ports import Letter, Mailer
from hermes.sync.engine import Engine

log = structlog.get_logger(__name__)
Render = Callable[[Notice, datetime], Letter]
"""What is to be said, and the moment at which it is said (aware): the letter."""
NO_SMTP: Final = 'no SMTP'
FIRST_RETRY_S: Final = 30.0
LAST_RETRY_S: Final = 1800.0
SOON_S: Final = 2.0
"""How soon a letter goes out again that may have gone out: the reader sees one, the sooner the better."""


async def letter_step(engine: Engine, mailer: Mailer | None, render: Render) -> bool:
    """Send one letter that is due; False when none is. Without a mail server they are dropped, and say why (CB-21); in
    plan mode they wait.
    """
    if engine.push_mode == 'plan':
        return False
    async with engine.database.transaction() as connection:
        if mailer is None:
            return await letters.drop_due(connection, NO_SMTP) > 0
        letter = await letters.claim(connection)
    if letter is None:
        return False
    try:
        await mailer.send(render(letter.notice, engine.clock.now()))
    except Reaction as reaction:
        state, at = _again(engine, letter, reaction)
        log.warning(
            'a letter could not be sent', letter=letter.id, kind=letter.notice.kind, attempt=letter.attempts,
            reaction=type(reaction).__name__, state=state,
        )  # fmt: skip
        outcome, reason = state, str(reaction)
    else:
        outcome, reason, at = 'sent', '', None
    async with engine.database.transaction() as connection:
        if not await letters.end(connection, letter, outcome, reason, at):
            log.warning('a letter was taken over by another worker, or dropped meanwhile', letter=letter.id)
    return True


def _again(engine: Engine, letter: letters.Claim, reaction: Reaction) -> tuple[str, datetime | None]:
    """Parked, or due again and when."""
    now = engine.clock.now()
    if isinstance(reaction, Rejected):
        return 'parked', None
    if isinstance(reaction, Ambiguous) and letter.attempts == 1:
        return 'due', now + timedelta(seconds=SOON_S)
    if isinstance(reaction, AuthBroken):
        return 'due', now + timedelta(seconds=LAST_RETRY_S)
    return 'due', now + timedelta(
        seconds=engine.backoff_s(letter.attempts - 1, first_s=FIRST_RETRY_S, most_s=LAST_RETRY_S)
    )
