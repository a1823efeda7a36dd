"""Google Calendar: where meetings stand and whose calendars say who is busy. Quirks and sources: README.md."""

from hermes.systems.google_calendar.system import GoogleCalendar
from hermes.systems.google_calendar.token import Account

__all__ = ['Account', 'GoogleCalendar']
