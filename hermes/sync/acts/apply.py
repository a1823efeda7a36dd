"""The door in: an act is applied in the transaction that holds its event, whoever said it and wherever.

Nothing stays of a refused act but its event, in the state 'refused' with the sentence; it is over, and nobody has to
mend it.
"""

from collections.abc import Sequence

from hermes.db import acts, events
from hermes.db.pool import Connection
from hermes.domain.errors import Refused
from hermes.domain.model import Event, RecordRef
from hermes.sync import dirty
from hermes.sync.acts.registry import REGISTRY, VISITOR
from hermes.sync.acts.scope import Outcome, Scope
from hermes.sync.engine import Engine


async def apply_act(
    engine: Engine,
    connection: Connection,
    event: Event,
    births: Sequence[int] = (),
    *,
    folding: bool = False,
    marking: bool = True,
) -> Outcome:
    """Carry out the act of an event, have what it made dirty looked at, mark the event done. Raises Refused, and then
    the caller takes back what was done. `births`, `folding`: in a fold of the log, where nothing is sent. Without
    `marking` nobody looks at what differs now.
    """
    act = acts.decode(event.body)
    entry = REGISTRY.get(type(act)) or engine.more_acts.get(type(act))
    if entry is None:
        raise Refused('This act is unknown; nothing was done.')
    if event.source not in entry.by:
        raise Refused(f'The act {acts.name_of(act)} is nothing that {event.source} may say; nothing was done.')
    known = await engine.known(connection)
    if folding and not entry.moves:
        outcome: Outcome = {'notes': ['it moves no record']}
    else:
        scope = Scope(connection, event, known, engine.context(event, known), engine, births, folding)
        outcome = await entry.handler(scope, act)
    if marking and not folding:
        await dirty.switched(engine, connection, known, event)
    if outcome.get('dirty') and marking and not folding:
        refs = {RecordRef(*ref) for ref in outcome['dirty']}
        lane = 'interactive' if event.source == VISITOR else ''
        await dirty.replan(engine, connection, refs, event, lane=lane)
    if named := acts.about(act):
        outcome = {**outcome, 'about': named}
    await events.finish(connection, [(event.id, [outcome])])
    return outcome
