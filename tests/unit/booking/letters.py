"""A letter about a call: what it says, to whom, and who writes it."""

from datetime import UTC, datetime, timedelta

from hermes.booking.letters import LetterWriter
from hermes.domain.notice import Notice, Person

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEN = datetime(2026, 7, 8, 10, 0, tzinfo=UTC)
HALF = timedelta(minutes=30)
KEYS = ['a-signing-key-of-the-tests-only']

LEE = Person('Lee Adams', 'lee@customer.example', 'Asia/Kolkata')
PRIYA = Person('Priya Raman', 'priya@office.example', 'Europe/London')
NOTICE = Notice('confirmation', 'abc.confirmation.0', 'abc', 3, 'sales', True, '', TEN, TEN + HALF, LEE, PRIYA)
PAPER = LetterWriter('Brightwell', 'https://hermes.example', KEYS)
