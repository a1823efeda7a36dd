"""Health (ADM-7): lags over time, what went wrong, the queue, budgets, proofs, subscriptions, workers and calendars;
and a page for each system, on which it is paused and resumed.
"""

from asyncio import gather
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from starlette.responses import Response

from hermes.db.reads.figures import HOPS, Lag, Series, step_of
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
from hermes.web.desk.shown import number, span, system
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
    asked = (stretch.since, stretch.until, list(visit.parts.engine.systems))
    condition, found = await gather(_condition(visit), visit.parts.reading.ask(read_soundness, *asked))
    report = report_of(condition, found, stretch, now, visit.parts.version)
    return show(
        visit, 'health.html', 422 if stretch.wrong else 200, condition=condition, found=found, stretch=stretch,
        lasts=LASTS, systems=standings(condition), plots=plots_of(found.lags, found.stops, stretch),
        waits=queue_plots(found.queue, stretch), report=report,
        kinds=KINDS, lead_of=lead_of, tell_proof=tell_proof, unheard=unheard, mode=visit.parts.engine.push_mode,
    )  # fmt: skip


def plots_of(lags: Sequence[Lag], stops: Sequence[Row], stretch: Range) -> list[Plot]:
    """A plot for each hop and system that has something to tell, in the order of a delivery's way."""
    return [_plot(lag, stops, stretch) for lag in sorted(lags, key=lambda each: (HOPS.index(each.hop), each.system))]


def _plot(lag: Lag, stops: Sequence[Row], stretch: Range) -> Plot:
    told = {point.at: point for point in lag.points}
    moments = moments_of(stretch)
    lines = [
        Line(share, [(at, getattr(told[at], f'{share}_s') if at in told else None) for at in moments])
        for share in SHARES
    ]
    marks = [
        Mark(each['at'], 'paused' if each['told']['act'] == 'system.pause' else 'resumed')
        for each in stops
        if each['told'].get('system') == lag.system
    ]
    title = f'{system(lag.system)}: {MEANING[lag.hop]}'
    return Plot(title, lines, stretch.since, stretch.until, span, logarithmic=True, marks=marks)


def queue_plots(queue: Sequence[Series], stretch: Range) -> list[Plot]:
    """What waited: events and questions, and pushes to each system. Nothing is said of what did not wait at a moment of
    which something is known.
    """
    known = {point.at for each in queue for point in each.points}
    systems = sorted({each.system for each in queue if each.system})
    found = [('Waiting here', '', ('events', 'parked events', 'decisions'))]
    found += [(f'Pushes to {system(each)}', each, ('pushes', 'parked pushes', 'held pushes')) for each in systems]
    plots = []
    for title, place, kinds in found:
        lines = []
        for kind in kinds:
            told = {point.at: float(point.value) for each in queue for point in each.points
                    if (each.system, each.kind) == (place, kind)}  # fmt: skip
            if any(told.values()):
                points = [(at, told.get(at, 0.0) if at in known else None) for at in moments_of(stretch)]
                lines.append(Line(kind, points))
        if lines:
            plots.append(Plot(title, lines, stretch.since, stretch.until, whole))
    return plots


def moments_of(stretch: Range) -> list[datetime]:
    """Where the stretches begin of which there are figures."""
    step = step_of(stretch.since, stretch.until)
    return [stretch.since + place * step for place in range(-((stretch.since - stretch.until) // step))]


def whole(told: float) -> str:
    """A count; '' for what is between two."""
    return number(round(told)) if told == round(told) else ''


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
