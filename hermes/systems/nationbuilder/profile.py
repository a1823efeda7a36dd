"""What NationBuilder says of itself. What lists and tags are called there stands in the mapping (mapping.py)."""

from typing import Final

from hermes.ports import Profile

PROFILE: Final = Profile(
    name='nationbuilder',
    title='NationBuilder',
    role='people',
    aliases=('nb',),
    types={'app_user': 'app_user', 'subscription': 'subscription'},
    batch=20,
    looks_up=True,
    upserts=True,
    deadline_s=30.0,
)
"""`batch`: a look-up of twenty costs six requests, each alone would cost up to six again. Writes are one person a
request there; twenty go one after another within the call, as far as its time and the window of requests reach.
"""
