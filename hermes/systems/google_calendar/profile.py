"""Google Calendar's profile: its calendars are read one by one (sync/calendars.py), so that no sweep lists it."""

from typing import Final

from hermes.ports import Advice, Profile

PROFILE: Final = Profile(
    name='google',
    title='Google',
    role='calendar',
    aliases=('calendar',),
    types={'meeting': 'event'},
    advice=Advice(end_webhooks='Channels at Google end by themselves within seven days.'),
)
