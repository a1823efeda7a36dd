"""Google Calendar, emulated from its documentation: events, free/busy, sync tokens, push channels, service accounts.

Chosen where the documents are silent: a canceled event is read with 200 and `status: cancelled` and its id stays used;
a colleague's calendar may be read, not written; a guest's copy is the same event seen from the other calendar; a page
of changes names every change since the token, whatever window the first listing had; tokens of listings live seven
days; free/busy answers merged intervals, cut to the window that was asked for; a person's own calendar shrinks to
nothing when its owner leaves. There are no recurring events: a body that asks for one is refused with 400.
"""

from hermes.sandbox.google.acts import ACTS, GoogleCalendar
from hermes.sandbox.google.errors import Refused
from hermes.sandbox.google.routes import calendar_app, token_answer

__all__ = ['ACTS', 'GoogleCalendar', 'Refused', 'calendar_app', 'token_answer']
