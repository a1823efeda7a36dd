"""Health (ADM-7): lags over time, what went wrong, the queue, budgets, proofs, subscriptions, workers and calendars;
and a page for each system, on which it is paused and resumed.
"""

from asyncio import gather
from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from hermes.db.reads.lags import HOPS
from hermes.db.reads.lookup import Row
from hermes.db.reads.overview import MOST
from hermes.db.reads.soundness import read_soundness
from hermes.db.reads.status import read_status
from hermes.domain.acts import PauseSystem, ResumeSystem
from hermes.domain.errors import NotFound, Refused
from hermes.domain.status import RESTORED, Status, tell_proof, unheard
from hermes.web.desk.home import HEALTH, Standing, lead_of, standings
from hermes.web.desk.pages import lead, show
from hermes.web.desk.plots import Line, Mark, Plot
from hermes.web.desk.ranges import LASTS, Range, read_range
from hermes.web.desk.report import report_of
from hermes.web.desk.shown import span
from hermes.web.desk.visit import Visit

MEANING: Final = {
    'merged': 'received to merged', 'sent': 'merged to sent', 'confirmed': 'sent to confirmed'
}  # fmt: skip
KINDS: Final = {
    'call': 'calls that failed', 'parked': 'events parked', 'refused': 'acts refused', 'door': 'refused at the door'
}  # fmt: skip
SHARES: Final = ('p50', 'p95', 'p99')


async def show_health(visit: Visit) -> Response:
    now = visit.parts.engine.clock.now()
    stretch = read_range(visit.query, now)
    asked = (stretch.since, stretch.until, stretch.width, list(visit.parts.engine.systems))
    condition, found = await gather(_condition(visit), visit.parts.reading.ask(read_soundness, *asked))
    report = report_of(condition, found, stretch, now, visit.parts.version)
    return show(
        visit, 'health.html', 422 if stretch.wrong else 200, condition=condition, found=found, stretch=stretch,
        lasts=LASTS, systems=standings(condition), plots=plots_of(found.lags, found.stops, stretch), report=report,
        kinds=KINDS, lead_of=lead_of, tell_proof=tell_proof, unheard=unheard, mode=visit.parts.engine.push_mode,
    )  # fmt: skip


def plots_of(lags: Sequence[Row], stops: Sequence[Row], stretch: Range) -> list[Plot]:
    """A plot for each hop and system that has something to tell, in the order of a delivery's way."""
    pairs = sorted({(HOPS.index(each['hop']), each['system']) for each in lags})
    return [_plot(HOPS[place], system, lags, stops, stretch) for place, system in pairs]


def _plot(hop: str, system: str, lags: Sequence[Row], stops: Sequence[Row], stretch: Range) -> Plot:
    told = {each['at']: each for each in lags if (each['hop'], each['system']) == (hop, system)}
    moments = [stretch.since + number * stretch.width for number in range(stretch.steps)]
    lines = [Line(share, [(at, told[at][f'{share}_s'] if at in told else None) for at in moments]) for share in SHARES]
    marks = [
        Mark(each['at'], 'paused' if each['told']['act'] == 'system.pause' else 'resumed')
        for each in stops
        if each['told'].get('system') == system
    ]
    title = f'{system}: {MEANING[hop]}'
    return Plot(title, lines, stretch.since, stretch.until, span, logarithmic=True, marks=marks)


async def show_system(visit: Visit) -> Response:
    return await _show_system(visit)


async def _show_system(visit: Visit, status: int = 200, wrong: str = '') -> Response:
    condition = await _condition(visit)
    found = next((each for each in standings(condition) if each.told['system'] == visit.part('system')), None)
    if found is None:
        raise NotFound('There is no such system.')
    return show(
        visit, 'system.html', status, each=found, condition=condition, tell_proof=tell_proof, wrong=wrong,
        restored=is_restored(found), given={name: visit.field(name) for name in ('reason', 'account')},
    )  # fmt: skip


def is_restored(found: Standing) -> bool:
    """SETUP-7: whether its account has to be named before it is spoken with again."""
    return found.state == 'paused' and (found.told['reason'] or '').lower().startswith(RESTORED)


async def pause_system(visit: Visit) -> Response:
    """Nothing is sent to it any more; what is to be sent is kept."""
    reason = visit.field('reason').strip()
    if not reason:
        return await _show_system(visit, 422, 'Say why, for those who look at it later.')
    return await _carry_out(visit, PauseSystem(await _known(visit), reason))


async def resume_system(visit: Visit) -> Response:
    """It is spoken with again, at once."""
    return await _carry_out(visit, ResumeSystem(await _known(visit), visit.field('account').strip()))


async def _carry_out(visit: Visit, act: PauseSystem | ResumeSystem) -> Response:
    try:
        done = await visit.act(act)
    except Refused as error:
        return await _show_system(visit, 422, str(error))
    return lead(visit.link(f'{HEALTH}{act.system}/', done=done.event_id))


async def _known(visit: Visit) -> str:
    """The system of the address. Raises NotFound for one that there is not."""
    name = visit.part('system')
    if name not in {each['system'] for each in (await _condition(visit)).systems}:
        raise NotFound('There is no such system.')
    return name


async def _condition(visit: Visit) -> Status:
    parts = visit.parts
    sending = parts.engine.push_mode == 'live'
    return await parts.reading.ask(
        read_status, sending=sending, counting=False, most=MOST + 1, limit_bytes=parts.limit_bytes
    )
