"""The desk's first page (D-13): what needs somebody, how everything is, what happened last.

It reads what `hermes status` reads, and judges by the same code (domain/status.py).
"""

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from hermes.db.reads.lookup import Row
from hermes.db.reads.overview import Overview, read_overview
from hermes.domain.status import Kind, Status, Trouble, standing
from hermes.web.desk.pages import show
from hermes.web.desk.visit import Visit

HEALTH: Final = '/desk/health/'
DECISIONS: Final = '/desk/decisions/'
LEADS: Final[dict[tuple[Kind, str] | Kind, str]] = {
    'decisions': DECISIONS, 'parked': f'{DECISIONS}?kind=push', 'held': f'{DECISIONS}?kind=push',
    ('parked', 'events'): f'{DECISIONS}?kind=event', ('late', 'events'): '/desk/events/?state=new',
    ('parked', 'letters'): f'{DECISIONS}?kind=letter', ('late', 'letters'): f'{DECISIONS}?kind=letter',
    'late': f'{HEALTH}#queue', 'unknown': f'{HEALTH}#queue',
    'worker': f'{HEALTH}#workers', 'calendar': f'{HEALTH}#calendars',
    'unproven': f'{HEALTH}#proofs', 'listing': f'{HEALTH}#proofs', 'untold': f'{HEALTH}#alerts',
    'setting': '/desk/config/',
}  # fmt: skip
"""Where the desk goes on with a trouble; with all others on the page of health."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a system is: its word, and what is left of today's budget."""

    told: Row
    state: str
    heard: Row
    budget: Row | None
    proofs: list[Row]

    @property
    def left(self) -> int | None:
        """What is left today; None without a budget."""
        return max(0, self.budget['daily_limit'] - self.budget['spent_today']) if self.budget else None

    @property
    def proven_at(self) -> object:
        """Since when everything is known to be complete: the oldest of the newest proofs; None where one is missing."""
        return min((each['at'] for each in self.proofs), default=None)

    @property
    def proven(self) -> bool:
        return all(each['state'] == 'proven' for each in self.proofs)


def lead_of(trouble: Trouble) -> str:
    """The page on which somebody goes on with it."""
    return LEADS.get((trouble.kind, trouble.about)) or LEADS.get(trouble.kind, HEALTH)


def standings(status: Status) -> list[Standing]:
    """How each system is."""
    heard = {each['system']: each for each in status.heard}
    budgets = {each['system']: each for each in status.budgets}
    return [
        Standing(
            each, standing(each), heard[each['system']], budgets.get(each['system']),
            [proof for proof in status.proofs if proof['system'] == each['system']],
        )
        for each in status.systems
    ]  # fmt: skip


def needs(status: Status) -> list[tuple[str, int, str]]:
    """What waits for somebody: what it is, how many, and where it is settled."""
    letters = (status.letters.get('parked') or 0) + (status.letters.get('stuck') or 0)
    pushes = sum(each['parked'] + each['held'] for each in status.pushes)
    parked, paused = status.events['parked'], sum(each['paused'] for each in status.systems)
    return [
        ('to decide', sum(each['open'] for each in status.decisions), LEADS['decisions']),
        (f'event{_s(parked)} parked', parked, LEADS['parked', 'events']),
        (f'push{"" if pushes == 1 else "es"} parked or held', pushes, LEADS['parked']),
        (f'letter{_s(letters)} not out', letters, LEADS['parked', 'letters']),
        (f'system{_s(paused)} paused', paused, f'{HEALTH}#systems'),
    ]


def _s(number: int) -> str:
    return '' if number == 1 else 's'


async def ask_overview(visit: Visit) -> Overview:
    sending = visit.parts.engine.push_mode == 'live'
    return await visit.parts.reading.ask(read_overview, sending=sending, limit_bytes=visit.parts.limit_bytes)


async def show_home(visit: Visit) -> Response:
    found = await ask_overview(visit)
    return show(
        visit, 'home.html', condition=found.status, alerts=found.alerts, newest=found.newest, needs=needs(found.status),
        systems=standings(found.status), lead_of=lead_of, names=found.names, mode=visit.parts.engine.push_mode,
    )  # fmt: skip
