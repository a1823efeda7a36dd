"""What the journal says of itself."""

from typing import Final

from hermes.ports import Profile

PROFILE: Final = Profile(
    name='journal',
    title='Journal',
    role='people',
    aliases=('log',),
    types={'app_user': 'app_user', 'subscription': 'subscription'},
    batch=200,
    has_account=False,
    upserts=True,
)
