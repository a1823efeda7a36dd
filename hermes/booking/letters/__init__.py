"""Letters about a booking, as text and as HTML."""

from hermes.booking.letters.stationery import Stationery, Time

__all__ = ['Stationery', 'Time']
