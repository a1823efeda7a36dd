"""The registry of record types: whatever is true of a whole type stands here, and everybody who needs a list of types
takes it from the end of this file.

A new type is an entry here, its table (a migration and a model), its plan (`plan/<name>.py`, if it is pushed) and the
systems' own mappings. A type stands under another, whose graph is loaded and locked as a whole; or it is a root itself;
or everybody shares it. The order is that in which they are stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Policy = Literal['follow', 'tc2', 'crm', 'hermes']
"""tc2: TC2's value from the moment it has one. crm: the CRM's once linked. hermes: computed. follow: TC2's or the
booking's until a person edits it in the CRM, then the CRM's, until it is released.
"""

FieldType = str
"""One of PLAIN, or the name of the record type that it refers to."""
PLAIN: Final = frozenset({'str', 'int', 'bool', 'date', 'time', 'json'})
"""'time' is a moment in UTC: 'YYYY-MM-DDTHH:MM:SS+00:00'."""
Role = Literal['crm', 'product', 'calendar', 'people']
"""What an outside system is to Hermes; 'people': a place where app users are kept; one is written to at a time.
"""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A typed attribute of a record. `personal`: it names or reaches a person (redaction, export, erase)."""

    name: str
    type: FieldType
    policy: Policy
    personal: bool = False
    auto_release: bool = False
    """A hold by the CRM ends by itself when TC2's own value changes afterwards (support and BDR person)."""

    @property
    def is_ref(self) -> bool:
        return self.type not in PLAIN


@dataclass(frozen=True, slots=True)
class RecordType:
    """One type of record. `name`: also of its table. `remotes`: what its objects are called in each role. `title`: what
    a custom field of it names ('' where it has none). `rank`: its place among what is pushed (None: it never is).
    `under`: the type of the root under which it stands. `shared`: everybody refers to it. `merges`: people make, merge
    and delete it in the CRM, under a hermes_id of its own.
    """

    name: str
    attributes: tuple[Attribute, ...]
    remotes: Mapping[Role, str] = field(default_factory=dict)
    title: str = ''
    rank: int | None = None
    under: str = ''
    shared: bool = False
    merges: bool = False


_PERSON: Final = (
    Attribute('email', 'str', 'hermes', personal=True),
    Attribute('first_name', 'str', 'hermes', personal=True),
    Attribute('last_name', 'str', 'hermes', personal=True),
    Attribute('lang', 'str', 'hermes'),
    Attribute('educator', 'bool', 'hermes'),
    Attribute('lists', 'json', 'hermes'),
    Attribute('target', 'str', 'hermes'),
    Attribute('state', 'str', 'hermes'),
    Attribute('crm_id', 'str', 'hermes'),
    Attribute('cleared', 'str', 'hermes'),
)
"""Of an app user and of a subscription. `target`: where it is written to, of which `state` and `crm_id` speak;
`cleared`: the target in which a look-up said that it may be made.
"""
_TC2_TEXTS: Final = (
    'tc2_status', 'price_plan', 'gclid', 'signup_questionnaire', 'utm_source', 'utm_campaign', 'referer',
)  # fmt: skip
_TC2_DATES: Final = (
    'created', 'pay0_dt', 'pay1_dt', 'pay3_dt', 'card_saved_dt', 'email_confirmed_dt', 'gclid_expiry_dt',
)  # fmt: skip
TYPES: Final = (
    RecordType(
        'admin',
        (
            Attribute('first_name', 'str', 'hermes', personal=True),
            Attribute('last_name', 'str', 'hermes', personal=True),
            Attribute('email', 'str', 'hermes', personal=True),
            Attribute('timezone', 'str', 'hermes'),
            Attribute('tc2_admin_id', 'int', 'hermes'),
            Attribute('pd_owner_id', 'int', 'hermes'),
            Attribute('active', 'bool', 'crm'),
            *(Attribute(f'is_{kind}_person', 'bool', 'hermes') for kind in ('sales', 'support', 'bdr')),
            *(Attribute(f'sells_{plan}', 'bool', 'hermes') for plan in ('payg', 'startup', 'enterprise')),
            *(Attribute(f'sells_{region}', 'bool', 'hermes') for region in ('us', 'gb', 'au', 'ca', 'eu', 'row')),
            Attribute('working_hours', 'json', 'hermes'),
            Attribute('days_off', 'json', 'hermes'),
            Attribute('meeting_dur_mins', 'int', 'hermes'),
            Attribute('meeting_buffer_mins', 'int', 'hermes'),
            Attribute('daily_cap', 'int', 'hermes'),
            Attribute('bookable', 'bool', 'hermes'),
        ),
        {'crm': 'user'},
        shared=True,
    ),
    RecordType(
        'pipeline',
        (
            Attribute('name', 'str', 'crm'),
            Attribute('archived', 'bool', 'crm'),
            Attribute('dft_entry_stage_id', 'stage', 'hermes'),
        ),
        {'crm': 'pipeline'},
        shared=True,
    ),
    RecordType(
        'stage',
        (
            Attribute('name', 'str', 'crm'),
            Attribute('archived', 'bool', 'crm'),
            Attribute('pipeline_id', 'pipeline', 'crm'),
        ),
        {'crm': 'stage'},
        shared=True,
    ),
    RecordType(
        'company',
        (
            Attribute('name', 'str', 'follow'),
            Attribute('country', 'str', 'follow'),
            Attribute('website', 'str', 'follow'),
            Attribute('estimated_income', 'str', 'follow'),
            Attribute('currency', 'str', 'follow'),
            Attribute('sales_person_id', 'admin', 'follow'),
            Attribute('support_person_id', 'admin', 'follow', auto_release=True),
            Attribute('bdr_person_id', 'admin', 'follow', auto_release=True),
            *(Attribute(name, 'str', 'tc2') for name in _TC2_TEXTS),
            *(Attribute(name, 'date', 'tc2') for name in _TC2_DATES),
            Attribute('paid_invoice_count', 'int', 'tc2'),
            Attribute('narc', 'bool', 'tc2'),
            Attribute('tc2_agency_id', 'int', 'tc2'),
            Attribute('tc2_cligency_id', 'int', 'hermes'),
            Attribute('tc2_cligency_url', 'str', 'hermes'),
            Attribute('pd_org_id', 'int', 'hermes'),
            Attribute('has_signed_up', 'bool', 'hermes'),
            Attribute('has_booked_call', 'bool', 'hermes'),
            Attribute('sales_call_count', 'int', 'hermes'),
            Attribute('support_call_count', 'int', 'hermes'),
        ),
        {'crm': 'organization', 'product': 'client'},
        title='Company',
        rank=0,
        merges=True,
    ),
    RecordType(
        'contact',
        (
            Attribute('first_name', 'str', 'follow', personal=True),
            Attribute('last_name', 'str', 'follow', personal=True),
            Attribute('email', 'str', 'follow', personal=True),
            Attribute('phone', 'str', 'follow', personal=True),
            Attribute('company_id', 'company', 'crm'),
        ),
        {'crm': 'person', 'product': 'recipient'},
        title='Contact',
        rank=1,
        under='company',
        merges=True,
    ),
    RecordType(
        'deal',
        (
            Attribute('title', 'str', 'crm'),
            Attribute('status', 'str', 'crm'),
            Attribute('archived', 'bool', 'crm'),
            Attribute('pipeline_id', 'pipeline', 'crm'),
            Attribute('stage_id', 'stage', 'crm'),
            Attribute('admin_id', 'admin', 'crm'),
            Attribute('contact_id', 'contact', 'crm'),
            Attribute('company_id', 'company', 'crm'),
        ),
        {'crm': 'deal'},
        title='Deal',
        rank=2,
        under='company',
        merges=True,
    ),
    RecordType(
        'meeting',
        (
            Attribute('company_id', 'company', 'hermes'),
            Attribute('contact_id', 'contact', 'hermes'),
            Attribute('deal_id', 'deal', 'hermes'),
            Attribute('admin_id', 'admin', 'hermes'),
            Attribute('uid', 'str', 'hermes'),
            Attribute('kind', 'str', 'hermes'),
            Attribute('status', 'str', 'hermes'),
            Attribute('start_at', 'time', 'hermes'),
            Attribute('end_at', 'time', 'hermes'),
            Attribute('buffer_s', 'int', 'hermes'),
            Attribute('sequence', 'int', 'hermes'),
            Attribute('round', 'int', 'hermes'),
            Attribute('canceled_by', 'str', 'hermes'),
            Attribute('zone', 'str', 'hermes'),
            Attribute('lang', 'str', 'hermes'),
            Attribute('typed', 'json', 'hermes', personal=True),
        ),
        {'crm': 'activity', 'calendar': 'event'},
        title='Meeting',
        rank=3,
        under='company',
    ),
    RecordType(
        'app_user',
        (
            Attribute('user_id', 'str', 'hermes', personal=True),
            *_PERSON,
            Attribute('moderation', 'str', 'hermes'),
            Attribute('legacy_id', 'str', 'hermes'),
            Attribute('is_sustainer', 'bool', 'hermes'),
            Attribute('decided', 'str', 'hermes'),
        ),
        {'people': 'app_user'},
        rank=4,
    ),
    RecordType('subscription', _PERSON, {'people': 'subscription'}, rank=5),
)
"""`hermes_id` is a record's id and stands in no list of attributes."""

BY_NAME: Final[Mapping[str, RecordType]] = {each.name: each for each in TYPES}
ATTRIBUTES: Final[Mapping[str, Mapping[str, Attribute]]] = {
    each.name: {attribute.name: attribute for attribute in each.attributes} for each in TYPES
}
"""record type -> attribute name -> Attribute."""
RANK: Final[Mapping[str, int]] = {each.name: each.rank for each in TYPES if each.rank is not None}
"""What is pushed, and in which order."""
STORED: Final = tuple(each.name for each in TYPES)
SHARED: Final = tuple(each.name for each in TYPES if each.shared)
MERGED: Final = tuple(each.name for each in TYPES if each.merges)
UNDER_COMPANY: Final = tuple(each.name for each in TYPES if each.under == 'company')
PEOPLE: Final = tuple(each.name for each in TYPES if 'people' in each.remotes)
"""Roots without a company: each is a graph of its own."""
ROOT_OF: Final[Mapping[str, str]] = {each.name: each.under or each.name for each in TYPES if each.rank is not None}
"""What is pushed -> the type of the record whose graph it is in."""
PARTS: Final = tuple(name for name in UNDER_COMPANY if name in MERGED)
"""What hangs under a company, and moves with what the CRM says."""
NAMES: Final = (*sorted(RANK, key=RANK.__getitem__), *(name for name in STORED if name not in RANK))
"""Every type, what people ask for most first."""
TITLES: Final[Mapping[str, str]] = {each.title: each.name for each in TYPES if each.title}
"""What a custom field says of which type it is -> that type."""


def remote_types(role: Role) -> dict[str, str]:
    """record type -> what its objects are called in that role."""
    return {each.name: each.remotes[role] for each in TYPES if role in each.remotes}


IN_CRM: Final[Mapping[str, str]] = remote_types('crm')
FIELDED: Final[Mapping[str, str]] = {name: IN_CRM[name] for name in MERGED}
"""Of which types the CRM has custom fields: record type -> what it calls them."""
SHARED_IN_CRM: Final = frozenset(IN_CRM[name] for name in SHARED)
