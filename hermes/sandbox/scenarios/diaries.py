"""What the office's people have in their calendars of their own accord, four weeks ahead.

Nothing of it is Hermes's making; some of it does not block.
"""

from datetime import date, datetime, time, timedelta

from hermes.sandbox.google.people import Person
from hermes.sandbox.world import World

WEEKS = 4
STAND_UP, LUNCH = (time(9, 30), 15), (time(12, 30), 30)
ONES_OWN = (
    ('Pipeline review', 0, time(11, 0), 45),
    ('Call with finance', 2, time(15, 0), 30),
    ('One to one', 3, time(14, 0), 60),
    ('Training', 1, time(16, 0), 90),
    ('Dentist', 4, time(10, 15), 45),
)


def fill_calendars(world: World) -> None:
    """A stand-up and a lunch each working day, something of one's own each week, a day off, a reminder that blocks
    nothing.
    """
    for place, person in enumerate(world.google.people.values()):
        today = world.clock.now().astimezone(person.tz).date()
        monday = today - timedelta(days=today.weekday())
        for week in range(WEEKS):
            _fill_week(world, person, monday + timedelta(weeks=week), place + week)
        away = monday + timedelta(weeks=2, days=place % 5)
        world.google.block(person.email, away.isoformat(), (away + timedelta(days=1)).isoformat(), 'Day off')


def _fill_week(world: World, person: Person, monday: date, turn: int) -> None:
    for day in range(5):
        _put(world, person, monday + timedelta(days=day), STAND_UP[0], STAND_UP[1], 'Stand-up')
        _put(world, person, monday + timedelta(days=day), LUNCH[0], LUNCH[1], 'Lunch')
    for title, day, at, minutes in (ONES_OWN[turn % len(ONES_OWN)], ONES_OWN[(turn + 2) % len(ONES_OWN)]):
        _put(world, person, monday + timedelta(days=day), at, minutes, title)
    _put(world, person, monday, time(9), 15, 'Plan the week', free=True)


def _put(world: World, person: Person, day: date, at: time, minutes: int, title: str, *, free: bool = False) -> None:
    start = datetime.combine(day, at, person.tz)
    world.google.block(person.email, start, start + timedelta(minutes=minutes), title, free=free)
