"""When calls can be booked: the hours of the day for whoever has none of their own, and who can be booked (CB-20)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hermes.booking.availability import is_bookable
from hermes.domain.acts import SetSetting
from hermes.domain.config import KEYS, ConfigKey, check, check_day, parse
from hermes.domain.errors import Refused
from hermes.domain.model import Value
from hermes.domain.staff import full_name
from hermes.domain.timetable import Defaults, hours_of
from hermes.sync import setup
from hermes.sync.acts.commands import SETUP
from hermes.sync.engine import Engine

HOURS: Final = ('meeting_min_start', 'meeting_max_end', 'meeting_dur_mins', 'meeting_buffer_mins')


@dataclass(frozen=True, slots=True)
class Bookable:
    """Somebody who can be booked: their zone ('' for the default's), whether they have hours of their own, and what is
    wrong with them, '' for nothing.
    """

    admin: int
    name: str
    zone: str
    own: bool
    problem: str = ''


@dataclass(frozen=True, slots=True)
class HourOffer:
    """The settings of the day with the values that hold now, and everybody who can be booked."""

    keys: tuple[ConfigKey, ...]
    values: Mapping[str, Value]
    people: tuple[Bookable, ...]


async def offer_hours(engine: Engine) -> HourOffer:
    """As they hold now; nobody is asked."""
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    defaults = engine.meeting_defaults(known)
    values: dict[str, Value] = {
        'meeting_min_start': f'{defaults.day_start:%H:%M}',
        'meeting_max_end': f'{defaults.day_end:%H:%M}',
        'meeting_dur_mins': defaults.duration_s // 60,
        'meeting_buffer_mins': defaults.buffer_s // 60,
    }
    people = []
    for number, admin in sorted(known.directory.admins.items()):
        if is_bookable(admin, None):
            zone, own = str(admin.fields.get('timezone') or ''), bool(admin.fields.get('working_hours'))
            people.append(Bookable(number, full_name(admin.fields), zone, own, _problem(admin.fields, defaults)))
    return HourOffer(tuple(KEYS[name] for name in HOURS), values, tuple(people))


async def set_hours(engine: Engine, told: Mapping[str, str], by: str = SETUP) -> list[str]:
    """Setting -> what a person wrote; a sentence for each that changed. Raises Refused, and nothing was done then."""
    offer = await offer_hours(engine)
    wanted: dict[str, Value] = {}
    for name, text in told.items():
        if name not in HOURS:
            raise Refused(f'{name} is none of {", ".join(HOURS)}.')
        value = check(KEYS[name], parse(KEYS[name], text))
        if value != offer.values[name]:
            wanted[name] = value
    day = {**offer.values, **{name: KEYS[name].default if value is None else value for name, value in wanted.items()}}
    check_day(day['meeting_min_start'], day['meeting_max_end'])
    # A day that moves as a whole may not end before it starts in between.
    later = str(day['meeting_max_end']) > str(offer.values['meeting_max_end'])
    first = 'meeting_max_end' if later else 'meeting_min_start'
    for name in sorted(wanted, key=lambda each: each != first):
        await setup.act(engine, SetSetting(name, wanted[name]), by)
    return [f'{name} = {"its default" if value is None else value}' for name, value in wanted.items()]


def _problem(fields: Mapping[str, Value], defaults: Defaults) -> str:
    try:
        hours_of(fields, defaults)
    except Refused as error:
        return str(error)
    return ''
