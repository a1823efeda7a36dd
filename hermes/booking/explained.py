"""Why a time is offered or not, for whoever looks after the people who are booked (CB-19): everything at once, in the
words of the admin's own clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hermes.booking import timetables
from hermes.booking.service import BookingService
from hermes.domain.errors import Refused
from hermes.domain.timetable import find_zone
from hermes.kit.clock import read_moment


@dataclass(frozen=True, slots=True)
class Explained:
    """What speaks against a call at a time: (code, sentence) each; nothing where it can be booked."""

    admin: int
    name: str
    start: datetime
    zone: ZoneInfo
    reasons: tuple[tuple[str, str], ...]

    @property
    def offered(self) -> bool:
        return not self.reasons

    @property
    def local(self) -> str:
        """The time on the admin's clock."""
        return f'{self.start.astimezone(self.zone):%a %Y-%m-%d %H:%M}'


async def explain(
    service: BookingService, admin: Mapping[str, Any], when: str | datetime, *, express: bool = False
) -> Explained:
    """Everything that speaks against a call with `admin` (a row of `find_admin`) at a time as people write it. Raises
    Refused for what is no time.
    """
    engine = service.engine
    async with engine.database.transaction() as connection:
        defaults = engine.meeting_defaults(await engine.known(connection))
    zone = find_zone(admin['timezone']) or ZoneInfo(defaults.zone)
    start = read_start(when, zone, engine.clock.now()) if isinstance(when, str) else when
    against = not_bookable(admin)
    if not against:
        against = [
            (each.code, each.said) for each in await service.availability.explain(admin['id'], start, express=express)
        ]
        if admin['problem'] and 'calendar' in (code for code, _ in against):
            against.append(('calendar', admin['problem']))
    return Explained(admin['id'], admin['name'], start, zone, tuple(against))


def read_start(when: str, zone: ZoneInfo, now: datetime) -> datetime:
    """A moment as people write it; without an offset it is told on the wall clock of `zone`. Raises Refused."""
    found = timetables.parse_when(when, zone, now)
    if found is None:
        try:
            found = datetime.fromisoformat(when.strip())
        except ValueError:
            raise Refused(f'"{when}" is no moment: write "tue 10:00", 2026-12-01T10:00 or 2026-12-01T10:00Z.') from None
    if found.second or found.microsecond:
        raise Refused(f'"{when}" is no whole minute, and a call starts at one.')
    found = found if found.tzinfo else found.replace(tzinfo=zone)
    if read_moment(found.isoformat()) is None:
        raise Refused(f'"{when}" is no moment of these times.')
    return found


def not_bookable(admin: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Why this person takes no calls at all."""
    lacks = [
        said
        for true, said in (
            (not admin['active'], 'has left'),
            (not admin['bookable'], 'takes no calls (bookable is false)'),
            (not (admin['email'] or '').strip(), 'has no e-mail address, so no calendar'),
            (not (admin['is_sales_person'] or admin['is_support_person']), 'is in neither sales nor support'),
        )
        if true
    ]
    return [('not bookable', f'{admin["name"]} {said}.') for said in lacks]
