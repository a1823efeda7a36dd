"""Options that nobody knows: somebody added one in the CRM. The fields are read again before it is believed.

What shows such an option says nothing until then (`Element.doubts`), for an id is no label. Each option is asked for
once, and again only after a while, should somebody still show it.
"""

from datetime import timedelta
from typing import Final

import structlog

from hermes.db import heartbeats
from hermes.domain.errors import HermesError
from hermes.domain.model import Event
from hermes.ports import Answer, Request, System, encode_answer
from hermes.sync import calls, connect
from hermes.sync.engine import Engine

log = structlog.get_logger(__name__)
EVERY: Final = timedelta(minutes=15)


async def settle_doubts(engine: Engine, system: System, request: Request, answer: Answer) -> None:
    """Read the fields again whose options an answer shows and the catalogue does not know. No connection is held."""
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    event = Event(0, system.name, calls.KIND[request.op], encode_answer(request, answer), engine.clock.now())
    try:
        doubts = {doubt for element in system.observe(event, known.catalogue) for doubt in element.doubts}
    except HermesError:
        return
    async with engine.database.transaction() as connection:
        due = [doubt for doubt in sorted(doubts) if await heartbeats.is_due(connection, f'option {doubt}', EVERY)]
    for remote_type in sorted({doubt.partition(' ')[0] for doubt in due}):
        try:
            await connect.learn_fields(engine, system, remote_type)
        except HermesError as error:
            log.warning('the fields cannot be read again', system=system.name, type=remote_type, reason=str(error))
