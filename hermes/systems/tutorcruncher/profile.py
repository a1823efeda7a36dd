"""TutorCruncher's profile: what it is called, what it lists, and what people do there by hand."""

from typing import Final

from hermes.ports import Advice, Listings, Profile
from hermes.systems.tutorcruncher.mapping import LINKS, PREFIX

PROFILE: Final = Profile(
    name='tutorcruncher',
    title='TutorCruncher',
    role='product',
    aliases=('tc2',),
    types={'company': 'client', 'contact': 'recipient'},
    listings=Listings(full=('client',), partial=('client',)),
    shown_first=tuple(PREFIX + link for link in LINKS),
    read_rule='TC-2',
    advice=Advice(
        off='set TC2_API_KEY to the private key of its API integration',
        webhooks=(
            'In TutorCruncher, under Settings > API Integrations, the',
            'integration "Hermes" must have the URL {url}',
        ),
        end_webhooks='In TutorCruncher, under Settings > API Integrations, delete the integration "Hermes".',
        fields=(
            'make each in TutorCruncher under System > Settings > Custom Fields, for clients, as short text with that '
            'machine name; then edit a client there'
        ),
    ),
)
