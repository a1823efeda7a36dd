"""The round robin (ADM-8): who is next in every queue, the ledger of turns, and why somebody got one."""

from starlette.responses import Response

from hermes.db.reads import rota
from hermes.domain import rota as queues
from hermes.domain.errors import NotFound, Refused
from hermes.kit.texts import read_number
from hermes.web.desk.pages import show
from hermes.web.desk.visit import Visit

PAGE_OF = 50


async def show_rota(visit: Visit) -> Response:
    """The queue that the address names, or the first of each."""
    ask, queue = visit.parts.reading.ask, visit.query.get('queue', '')
    names = queues.queues()
    queue = queue if queue in names else ''
    engine = visit.parts.engine
    places, away = await ask(rota.read_places, [queue] if queue else names, list(engine.systems), engine.defaults.zone)
    before = read_number(visit.query.get('before', ''))
    turns = await ask(rota.list_turns, queue=queue, before=before, limit=PAGE_OF + 1)
    return show(
        visit, 'rota.html', names=names, queue=queue, places=[each for each in places if queue or each.place == 1],
        away=away, turns=turns[:PAGE_OF], older=turns[PAGE_OF - 1]['id'] if len(turns) > PAGE_OF else None,
    )  # fmt: skip


async def show_turn(visit: Visit) -> Response:
    """Why somebody got this turn."""
    try:
        why = await visit.parts.reading.ask(rota.read_why, visit.number('turn'))
    except Refused:
        raise NotFound('There is no such turn.') from None
    return show(visit, 'turn.html', why=why)
