"""Pipedrive's profile: what it is called, what it lists, which fields it holds, what writes cost."""

from collections.abc import Mapping
from typing import Final

from hermes.ports import Advice, Fields, Listings, Prices, Profile

MAIN: Final = ('organization', 'person', 'deal')
SHOWN: Final = ('daterange', 'time', 'timerange', 'address', 'org', 'people')
"""Types of fields that are shown as text and never written."""
HOLDS: Final[Mapping[str, tuple[str, ...]]] = {
    'str': ('varchar', 'varchar_auto', 'text', 'phone', 'enum', 'set', 'monetary', *SHOWN),
    'int': ('double', 'int', 'varchar', 'varchar_auto', 'text'),
    'bool': ('varchar', 'varchar_auto', 'text', 'enum', 'double', 'int', 'boolean'),
    'date': ('date', 'varchar', 'varchar_auto', 'text'),
    'fk_field': ('double', 'int', 'varchar', 'varchar_auto', 'text', 'user'),
}
"""Our type -> Pipedrive's types that hold it without loss."""

PROFILE: Final = Profile(
    name='pipedrive',
    title='Pipedrive',
    role='crm',
    aliases=('pd',),
    types={
        'company': 'organization',
        'contact': 'person',
        'deal': 'deal',
        'meeting': 'activity',
        'pipeline': 'pipeline',
        'stage': 'stage',
        'admin': 'user',
    },
    listings=Listings(
        first=MAIN,
        before_making=('organization', 'person'),
        full=MAIN,
        changed=MAIN,
        shared=('pipeline', 'stage', 'user'),
        partial=('user',),
        statuses={'deal': ('open', 'won', 'lost', 'deleted')},
        archived=('deal',),
    ),
    fields=Fields(
        types={'organization': 'company', 'person': 'contact', 'deal': 'deal'},
        made_as={'str': 'text', 'int': 'double', 'bool': 'varchar', 'date': 'date', 'fk_field': 'double'},
        id_made_as='varchar',
    ),
    contact=('pipelines', 'stages', 'users'),
    must_meet=True,
    subscribes=True,
    references={'company_id': 'organization', 'contact_id': 'person', 'pipeline_id': 'pipeline', 'stage_id': 'stage'},
    unreferring=('activity',),
    parents={'company_id': 'organization', 'contact_id': 'person', 'deal_id': 'deal'},
    putting_away=('deal',),
    prices=Prices(write=5, delete=3),
    advice=Advice(off='set PD_API_KEY (and PD_BASE_URL) first'),
)


def held_by(remote_type: str) -> frozenset[str]:
    """Our types that a field of this type holds without loss."""
    return frozenset(ours for ours, theirs in HOLDS.items() if remote_type in theirs)
