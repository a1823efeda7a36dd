"""What Salesforce says of itself. Its own names of objects and fields stand in the mapping (mapping.py), not here."""

from typing import Final

from hermes.ports import Profile
from hermes.systems.salesforce import ids, limits

PROFILE: Final = Profile(
    name='salesforce',
    title='Salesforce',
    role='people',
    aliases=('sf',),
    types={'app_user': 'app_user', 'subscription': 'subscription'},
    batch=200,
    looks_up=True,
    upserts=True,
    deadline_s=20.0,
    usage=limits.read_usage,
    read_id=ids.long_id,
)
