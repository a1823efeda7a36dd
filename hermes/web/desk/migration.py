"""The migration of app users (AU-13) as the plan that people drew: phases, steps by hand, arrows with what speaks
against each, how many stand where, and who did what. The code of `hermes people migration`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from starlette.responses import Response

from hermes.db.connections import Connection
from hermes.db.reads import people
from hermes.db.reads.lookup import Row
from hermes.db.reads.settings import read_settings
from hermes.domain import app_user_states as states
from hermes.domain import migration as plan
from hermes.domain.acts import ConfirmStep, SetTarget
from hermes.domain.app_user import JOURNAL, PHASE, TARGET
from hermes.domain.errors import Refused
from hermes.parts.roles import LEGACY, NEW
from hermes.web.desk.pages import lead, show
from hermes.web.desk.visit import Visit

PAGE: Final = '/desk/migration/'
ROWS: Final = (
    ('legacy',), ('sandbox_verified',), ('interim_log', 'interim_target'), ('final_load',), ('replay', 'resolve'),
    ('validated',), ('retired',),
)  # fmt: skip
"""The phases as they are drawn, from above."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where it stands."""

    phase: str
    target: str
    counts: Mapping[str, int]
    confirmed: Mapping[str, Mapping[str, str]]
    overall: Row
    moves: list[Row]

    def obstacles(self, arrow: plan.Arrow) -> list[str]:
        return plan.obstacles(arrow, self.counts, self.confirmed)

    def told(self, phase: str) -> str:
        """How many a box speaks of."""
        open_, logged = sum(plan.unresolved(self.counts).values()), self.counts.get(states.LOGGED, 0)
        of = {
            'legacy': f'{self.overall["legacy"]} with an old id', 'interim_log': f'{logged} in the journal',
            'interim_target': f'{self.overall["known"]} with an id there', 'replay': f'{logged} in the journal',
            'resolve': f'{open_} not resolved', 'validated': f'{self.overall["known"]} of {self.overall["all"]} there',
            'retired': f'{self.overall["legacy"]} old ids left',
        }  # fmt: skip
        return of.get(phase, f'{self.overall["all"]} app users')


def read_standing(connection: Connection) -> Standing:
    settings = read_settings(connection)
    target = str(settings.get(TARGET) or '')
    return Standing(
        str(settings.get(PHASE) or 'legacy'), target, people.count_states(connection, target),
        dict(settings.get(plan.CONFIRMED) or {}), people.count_overall(connection), people.list_moves(connection),
    )  # fmt: skip


async def show_migration(visit: Visit) -> Response:
    return await _show(visit)


async def _show(visit: Visit, status: int = 200, wrong: Mapping[str, str] | None = None) -> Response:
    standing = await visit.parts.reading.ask(read_standing)
    return show(
        visit, 'migration.html', status, standing=standing, rows=ROWS, means=plan.MEANS, steps=plan.STEPS,
        leaving=plan.leaving, unresolved=plan.unresolved(standing.counts), may=visit.may('admin'), wrong=wrong or {},
        today=visit.parts.engine.clock.now().date().isoformat(),
    )  # fmt: skip


async def confirm(visit: Visit) -> Response:
    """Somebody did a step by hand, or takes that back."""
    by, on = visit.field('by').strip(), visit.field('on').strip()
    if visit.field('undo'):
        return await _carry_out(visit, ConfirmStep(visit.field('step'), visit.user.email, ''))
    wrong = {} if by else {'by': 'Say who did it.'}
    try:
        date.fromisoformat(on)
    except ValueError:
        wrong['on'] = 'This is no date: write it as 2026-03-31.'
    if wrong:
        return await _show(visit, 422, wrong)
    return await _carry_out(visit, ConfirmStep(visit.field('step'), by, on))


async def move(visit: Visit) -> Response:
    """Another phase, for whoever writes its name."""
    standing, end = await visit.parts.reading.ask(read_standing), visit.field('phase')
    try:
        arrow = plan.find(standing.phase, end)
    except Refused as error:
        return await _show(visit, 422, {'': str(error)})
    if visit.field('name').strip() != end:
        return await _show(visit, 422, {f'name-{end}': f'Write "{end}" to go there. Nothing was done.'})
    old = LEGACY if LEGACY in visit.parts.engine.systems else ''
    target = {'same': standing.target, 'log': JOURNAL, 'new': NEW, 'old': old}[arrow.into]
    return await _carry_out(visit, SetTarget(target, end))


async def _carry_out(visit: Visit, act: Any) -> Response:
    try:
        done = await visit.act(act)
    except Refused as error:
        return await _show(visit, 422, {'': str(error)})
    return lead(visit.link(PAGE, done=done.event_id))
