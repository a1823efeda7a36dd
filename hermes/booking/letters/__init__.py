"""Letters about a booking, as text and as HTML."""

from hermes.booking.letters.stationery import Stationery, Time, own_uid

__all__ = ['Stationery', 'Time', 'own_uid']
