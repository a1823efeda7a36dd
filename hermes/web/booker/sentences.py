"""What a visitor is told when something cannot be done: one sentence a reason, in their language."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hermes.booking.links import INVALID, LinkRefused
from hermes.booking.support import SupporterGone, UnknownCompany
from hermes.db.pool import DatabaseAway
from hermes.domain.errors import OverLimit, Refused
from hermes.kit.languages import N_, Language
from hermes.web.errors import STATUSES

UNREADABLE: Final = N_(
    'The calendar cannot be read at the moment. Nothing was booked. Please try again in a few minutes.'
)
UNMOVED: Final = N_(
    'The calendar cannot be read at the moment. Your call stays where it was. Please try again in a few minutes.'
)
AWAY: Final = N_('Something is being repaired here. Please try again in a moment; nothing is ever booked twice.')
"""It may have been booked before: the same form again then leads to the same booking."""
GONE: Final = N_('Whoever this link leads to takes no calls any more. Please ask for a new one.')
STRANGER: Final = N_('We do not know this company any more. Please ask whoever sent you this link.')
TOMORROW: Final = N_('This call was moved too often today. Please try again tomorrow, or cancel it.')
NOT_UNDERSTOOD: Final = N_('This request cannot be understood. Please go back and try again.')
OTHER: Final = N_('This cannot be done. Please choose another time.')
CODES: Final[Mapping[str, str]] = {
    'slot_taken': N_('Somebody else has just taken this time. Please choose another one; what you typed is kept.'),
    'no_time': N_('Choose a time.'),
    'past': N_('This time lies in the past. Please choose another one.'),
    'notice': N_('This time is too soon. Please choose a later one.'),
    'horizon': N_('This time is too far ahead. Please choose an earlier one.'),
    'weekend': N_('There are no calls on this day. Please choose another one.'),
    'day_off': N_('There are no calls on this day. Please choose another one.'),
    'outside_hours': N_('This time is outside working hours. Please choose another one.'),
    'too_close': N_('You have another call within two hours of this one. Please choose another time.'),
    'busy': N_('Your booking is being made. Please wait a moment and try again.'),
    'idempotency': N_('This form was sent before with other answers. Please look at your mail, or send it once more.'),
    'limit': N_('Too many requests came from your connection. Please wait a few minutes and try again.'),
    'not_found': N_('There is nobody to book here any more. Please choose somebody else.'),
    'canceled': N_('This call was cancelled. Please book a new one.'),
}
STATUSES_ALONE: Final[Mapping[int, str]] = {
    403: INVALID,
    404: N_('There is no page at this address.'),
    413: N_('More was sent than fits into this form. Please go back and shorten it.'),
    429: CODES['limit'],
    500: N_('Something went wrong here; it has been noted. Please try again in a few minutes.'),
    503: AWAY,
}
"""What is told where a status is all that is known."""
FIELDS: Final[Mapping[str, str]] = {
    'name': N_('Enter your first and last name, with a space between them.'),
    'email': N_('Enter an e-mail address, such as name@example.com.'),
    'company_name': N_("Enter your company's name."),
    'website': N_('Enter the address of a website, such as example.com, or leave it empty.'),
    'phone': N_('Enter a phone number with its dial code, such as +44 20 7946 0011, or leave it empty.'),
    'country': N_('Choose your country.'),
    'currency': N_('Choose a currency.'),
    'bracket': N_('Choose your yearly revenue.'),
    'meeting_dt': N_('Choose a time.'),
}
"""What is wrong with a field, in the order in which a form asks."""


def status_of(error: Exception) -> int:
    if isinstance(error, Refused):
        return STATUSES.get(error.code, 400)
    return 503


def sentence_of(error: Exception, language: Language, unread: str = UNREADABLE) -> str:
    """What went wrong and what to do. `unread`: what is told where the calendar cannot be read."""
    if isinstance(error, LinkRefused):
        return language.gettext(str(error))
    if isinstance(error, SupporterGone):
        return language.gettext(GONE)
    if isinstance(error, UnknownCompany):
        return language.gettext(STRANGER)
    if isinstance(error, OverLimit) and error.retry_after_s > 3_600:
        return language.gettext(TOMORROW)
    if isinstance(error, Refused):
        return language.gettext(CODES.get(error.code, OTHER))
    return language.gettext(AWAY if isinstance(error, DatabaseAway) else unread)


def sentence_of_status(status: int, language: Language) -> str:
    return language.gettext(STATUSES_ALONE.get(status, NOT_UNDERSTOOD))


def wrong_fields(problems: Iterable[Mapping[str, Any]], language: Language) -> dict[str, str]:
    """Field -> what to do, in the form's order; of what is no field of a form, nothing."""
    wrong = {str(each['loc'][0]) for each in problems if each['loc']}
    wrong = {'bracket' if name in ('estimated_income', 'price_plan') else name for name in wrong}
    return {name: language.gettext(told) for name, told in FIELDS.items() if name in wrong}


def challenge_of(error: Exception) -> Mapping[str, Any] | None:
    """What a browser may solve to be let through at once."""
    return error.challenge if isinstance(error, OverLimit) else None
