"""The service where calls are booked: everything that the booking API asks for, put together over one engine.

It lives as long as the web application; `start` opens the engine's database, `stop` closes it.
"""

from hermes.booking.availability import Availability
from hermes.booking.book import Bookings
from hermes.booking.busy import BusyTimes
from hermes.booking.hold import Holds
from hermes.booking.limits import Limits
from hermes.booking.manage import Appointments
from hermes.booking.news import CalendarNews, Pause
from hermes.booking.next_times import NextTimes
from hermes.booking.support import SupportLinks
from hermes.booking.terms import Terms
from hermes.ports import Calendar
from hermes.sync.engine import Engine


class BookingService:
    """`calendar` None: none is connected, so that nothing can be booked. `pause`: how a visitor's request waits for the
    worker; default: until the database says that it is done.
    """

    def __init__(
        self,
        engine: Engine,
        calendar: Calendar | None,
        terms: Terms,
        *,
        limits: Limits | None = None,
        pause: Pause | None = None,
    ) -> None:
        self.engine = engine
        self.terms = terms
        self.limits = limits
        self.busy = BusyTimes(calendar, engine.clock)
        self.availability = Availability(engine, self.busy, terms)
        self.next_times = NextTimes(self.availability, engine.clock)
        self.holds = Holds(engine, self.availability, terms, limits)
        self._listens = pause is None
        self.pause = pause or engine.clock.sleep
        self._news = CalendarNews(engine.database.url, self.pause)
        self.bookings = Bookings(engine, self.availability, terms, limits, self._news)
        self.appointments = Appointments(engine, self.availability, self.bookings, terms, limits)
        self.support = SupportLinks(engine, self.availability, terms)

    async def start(self) -> None:
        """Does not wait for a database that is away: requests are told so until it comes."""
        await self.engine.database.start()
        if self._listens:
            self._news.start()

    async def stop(self) -> None:
        await self._news.stop()
        await self.next_times.stop()
        await self.busy.stop()
        await self.engine.database.close()
