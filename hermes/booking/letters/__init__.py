"""Letters about a booking, as text and as HTML."""

from hermes.booking.letters.writer import LetterWriter, Time, own_uid

__all__ = ['LetterWriter', 'Time', 'own_uid']
