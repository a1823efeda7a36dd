"""Whose turn it is (API-2, API-3, API-4): a pure function of the ledger of turns and of who is there. How a queue
stands can be kept, and goes on from there with what is new, however much is behind it.

Each queue (plan and region) counts for itself. Whoever has the fewest turns is next, among equals whoever waited
longest, then the lower id. The one who was drawn had the fewest of all who were there: whoever has fewer than the last
one who was drawn was away or is new, and starts level with the others instead of catching up.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from hermes.domain.errors import Refused
from hermes.domain.model import Record
from hermes.domain.regions import REGIONS, region_of
from hermes.domain.rules import PLANS
from hermes.domain.timetable import check_days_off, find_zone

Kind = Literal['sales', 'support']
REMEMBERED: Final = timedelta(minutes=30)
"""How long a client gets the same person again."""
UNBOOKED: Final = timedelta(hours=24)
"""After that a draw that led to no booking is given back."""
SUPPORT: Final = 'support'


@dataclass(frozen=True, slots=True)
class Turn:
    """One row of the ledger. `drawn`: by the rota, so that nobody who was there had fewer turns. `returned_at`: when
    it was given back.
    """

    admin_id: int
    drawn: bool
    at: datetime
    returned_at: datetime | None = None


@dataclass
class Standing:
    """How a queue stands: turns that count, the fewest that anybody had who was there at the last draw, and the place
    of everybody's last turn.
    """

    counts: dict[int, int] = field(default_factory=dict)
    level: int = 0
    last: dict[int, int] = field(default_factory=dict)

    def count(self, admin_id: int) -> int:
        """Turns of somebody, lifted to the level of those who were there."""
        return max(self.counts.get(admin_id, 0), self.level)

    def order(self, people: Iterable[int]) -> list[int]:
        """Who is next, and then."""
        return sorted(people, key=lambda who: (self.count(who), self.last.get(who, -1), who))

    def take(self, place: int, turn: Turn) -> None:
        """One more turn."""
        count = self.count(turn.admin_id)
        if turn.drawn:
            self.level = count
        self.counts[turn.admin_id] = count + 1
        self.last[turn.admin_id] = place

    def give_back(self, admin_id: int) -> None:
        """Whoever gives a turn back falls below the others by right, and pulls the level along."""
        there = self.counts.get(admin_id, 0) >= self.level
        self.counts[admin_id] = self.counts.get(admin_id, 0) - 1
        if there:
            self.level = min(self.level, self.counts[admin_id])


def settle(ledger: Sequence[Turn], now: datetime) -> Standing:
    """How a queue stands `now`. `ledger`: its turns in their order; what was given back later than now still counts."""
    standing = Standing()
    go_on(standing, list(enumerate(ledger)), (), now)
    return standing


def go_on(
    standing: Standing, news: Sequence[tuple[int, Turn]], open_turns: Iterable[tuple[int, Turn]], now: datetime
) -> list[int]:
    """Bring a standing up to `now`: `news` are turns that it does not know, by their places; `open_turns` those that it
    counts and that are to be given back. The places of what was given back.
    """
    back = sorted(
        (turn.returned_at, place, turn.admin_id) for place, turn in (*open_turns, *news) if turn.returned_at is not None
    )
    waiting, given = deque(back), []

    def give_back(until: datetime, before: int | None) -> None:
        """What is due; a turn is given back after it was taken, whatever the clocks said."""
        while waiting and waiting[0][0] <= until and (before is None or waiting[0][1] < before):
            _, place, admin_id = waiting.popleft()
            standing.give_back(admin_id)
            given.append(place)

    for place, turn in news:
        give_back(turn.at, place)
        standing.take(place, turn)
    give_back(now, None)
    return given


def queue_of(kind: Kind, plan: str = '', country: object = None) -> str:
    """The name of the queue of those who are equal. Raises Refused for a plan outside the three (API-1)."""
    if kind == SUPPORT:
        return SUPPORT
    if plan not in PLANS:
        raise Refused(f'plan: must be one of {", ".join(PLANS)}.', 'invalid')
    return f'{kind}:{plan}:{region_of(country)}'


def queues() -> list[str]:
    """Every queue there is."""
    return [f'sales:{plan}:{region}' for plan in PLANS for region in REGIONS] + [SUPPORT]


def candidates(
    queue: str, admins: Iterable[Record], now: datetime, zone: str = 'Europe/London', without: Collection[int] = ()
) -> list[Record]:
    """Who may be drawn for a queue, by id: active, bookable, not on a day off (by the date in their own time zone, else
    in `zone`); who sells the plan, and of these who sell the region, where anybody does. `without`: who cannot be
    reached.
    """
    kind, _, rest = queue.partition(':')
    plan, _, region = rest.partition(':')
    there = [
        admin
        for admin in sorted(admins, key=lambda admin: admin.ref.id)
        if admin.fields.get(f'is_{kind}_person') and admin.ref.id not in without and is_there(admin, now, zone)
    ]
    if kind == SUPPORT:
        return there
    sellers = [admin for admin in there if admin.fields.get(f'sells_{plan}')]
    return [admin for admin in sellers if admin.fields.get(f'sells_{region}')] or sellers


def is_there(admin: Record, now: datetime, zone: str) -> bool:
    """J-5: whether an admin can be given anybody today."""
    if admin.gone or admin.alias_of is not None or not admin.fields.get('active'):
        return False
    if admin.fields.get('bookable') is False:
        return False
    own = find_zone(admin.fields.get('timezone')) or ZoneInfo(zone)
    return not is_off(admin.fields, now.astimezone(own).date())


def is_off(fields: Mapping[str, Any], day: date) -> bool:
    """Whether a day is one of the stored days off."""
    try:
        off = check_days_off(fields.get('days_off')) or []
    except Refused:
        return False
    return any(first <= day.isoformat() <= last for first, last in off)


def gives_back_at(at: datetime, booked_at: datetime | None, returned_at: datetime | None) -> datetime | None:
    """When a draw is given back: when it was, or a day after it where nothing was booked; None for a booked one."""
    if returned_at is not None or booked_at is not None:
        return returned_at
    return at.astimezone(UTC) + UNBOOKED
