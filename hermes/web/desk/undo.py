"""Taking back what an operator did (ADM-13): from the flash that told of it, from its event, from its record."""

from typing import Final

from starlette.responses import Response

from hermes.db.reads.undo import Undoable, read_undo
from hermes.domain.acts import Undo
from hermes.domain.users import Role
from hermes.web.desk.pages import Problem, lead, show_problem
from hermes.web.desk.visit import Visit

OF_RECORDS: Final = frozenset({'held', 'made', 'buried', 'lifted'})
"""Steps that operators make; whatever else there is to undo was done by an admin."""


def role_for(told: Undoable) -> Role:
    """The least role that may take it back: the one that may do it."""
    return 'operator' if OF_RECORDS.issuperset(told.kinds) else 'admin'


async def find_undo(visit: Visit, event: int) -> Undoable | None:
    """Whether what an event did can be taken back by whoever asks; None where it cannot."""
    if not visit.may('operator'):
        return None
    told = await visit.parts.reading.ask(read_undo, event)
    return told if told.can and visit.may(role_for(told)) else None


async def undo(visit: Visit) -> Response:
    """Take it back, and back to where it was asked for. What stands on it is named in the refusal."""
    event = visit.number('event')
    told = await visit.parts.reading.ask(read_undo, event)
    if not visit.may(role_for(told)):
        return show_problem(visit, Problem.FORBIDDEN, needs=role_for(told))
    done = await visit.act(Undo(event))
    return lead(visit.link(_back(visit, event), done=done.event_id))


def _back(visit: Visit, event: int) -> str:
    """A page of the desk; never anywhere else."""
    back = visit.field('back')
    is_ours = back.startswith('/') and not back.startswith(('//', '/\\')) and '?' not in back
    return back if is_ours and back.isascii() and back.isprintable() else f'/desk/events/{event}/'
