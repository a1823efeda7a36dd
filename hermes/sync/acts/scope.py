"""What carries an act out: a function of the act and its scope, the transaction in which it is applied."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection
from hermes.domain.graph import Context
from hermes.domain.model import OPERATOR as OPERATOR
from hermes.domain.model import Event

if TYPE_CHECKING:
    from hermes.sync.engine import Engine

Outcome = dict[str, Any]
"""What an act did: `notes` for people, `dirty`: records whose pushes are to be looked at again, and what it tells."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One event that is an act, and the transaction in which it is applied. `births`: in a replay the ids of the
    records that it made in life (I14). `folding`: in a replay, where the log says already what it said afterwards.
    """

    connection: Connection
    event: Event
    known: Knowledge
    context: Context
    engine: 'Engine'
    births: Sequence[int] = ()
    folding: bool = False


Handler = Callable[[Scope, Any], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Entry:
    """What carries an act out, and for whom. `moves`: whether it says something about records, and not only about how
    the work goes on (pushes, events, letters, pauses), of which a fold of the log has nothing.
    """

    handler: Handler
    by: frozenset[str] = frozenset({OPERATOR})
    moves: bool = True
