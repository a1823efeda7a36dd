"""What the toy says of itself."""

from typing import Final

from hermes.ports import Listings, Profile

PROFILE: Final = Profile(
    name='toybox',
    title='Toybox',
    aliases=('toy',),
    types={'company': 'account'},
    listings=Listings(full=('account',), changed=('account',)),
)
