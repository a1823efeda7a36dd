"""The field catalogue: which attributes a record has, who may write each (FIELD-2), and which run-time fields stand
where.

The fixed part (the typed columns of our tables) stands in record_types.py. A `CustomField` binds a field of the CRM to
an attribute, to one of TC2's extra attributes, or to the company's field of the same machine name (FIELD-1). A
`Catalogue` is one consistent version of all of it; it is loaded from the database and changed by events.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from hermes.domain.model import Value
from hermes.domain.record_types import ATTRIBUTES, TITLES, Attribute, FieldType, Policy

CustomType = Literal['str', 'int', 'bool', 'date', 'fk_field']
LinkedType = Literal['Company', 'Contact', 'Deal', 'Meeting']

CURRENCY: Final = '.currency'
"""Under the attribute's name and this stands the currency of an amount of money."""

ABSENT: Final = '\x00absent'
"""What an outgoing field says when it has nothing to say (never a value that anybody sends)."""

UNREADABLE: Final = 'unreadable'
"""The only key of a mirrored value that cannot be what our type asks for; under it, what stands there."""

FILLING: Final = 'its values are being gathered: pushes begin when that is done'
"""The problem of a field between `field.add` and `field.open`; nothing of it is sent meanwhile."""

MONEY: Final = 'monetary'
"""The CRM's type of a field that holds an amount and its currency."""
_RELATIONS: Final = {
    'support_person': 'support_person_id',
    'bdr_person': 'bdr_person_id',
    'sales_person': 'sales_person_id',
    'id': 'hermes_id',
}


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field of the CRM beside its native ones. `pd_field_id` '' = not known in the CRM (yet); `remote_type` as the
    CRM says.
    """

    machine_name: str
    name: str
    field_type: CustomType
    linked_object_type: LinkedType
    hermes_field_name: str = ''
    tc2_machine_name: str = ''
    pd_field_id: str = ''
    policy: Policy = 'follow'
    remote_type: str = ''
    options: Mapping[str, str] = field(default_factory=dict)
    """Option id -> label, for enum and set fields."""
    problem: str = ''
    """Why the field is skipped in pushes (type mismatch, gone from the CRM); shown by doctor."""

    @property
    def record_type(self) -> str:
        return TITLES.get(self.linked_object_type, 'meeting')

    @property
    def attribute(self) -> str:
        """The key under which its value stands in mirrors and records."""
        named = _RELATIONS.get(self.hermes_field_name, self.hermes_field_name)
        return named or self.machine_name

    @property
    def fixed_policy(self) -> Policy | None:
        """The policy of the attribute of ours that it shows, which holds whatever its own says; None where there is no
        such attribute.
        """
        shown = ATTRIBUTES.get(self.record_type, {}).get(self.attribute)
        return shown.policy if shown else None

    @property
    def inherited(self) -> bool:
        """FIELD-1: a Deal's field with neither source is the company's of the same machine name."""
        return self.linked_object_type == 'Deal' and not self.hermes_field_name and not self.tc2_machine_name


@dataclass(frozen=True)
class Catalogue:
    """One version of all custom fields."""

    custom: Sequence[CustomField] = ()
    version: int = 0
    currency: str = ''
    """Of the CRM's account (ISO 4217); '' while it is not known."""

    @cached_property
    def by_code(self) -> Mapping[tuple[str, str], CustomField]:
        """(record type, pd_field_id) -> field."""
        return {(item.record_type, item.pd_field_id): item for item in self.custom if item.pd_field_id}

    def of(self, record_type: str) -> Iterable[CustomField]:
        return (item for item in self.custom if item.record_type == record_type)

    @cached_property
    def by_tc2(self) -> Mapping[str, CustomField]:
        """TC2 machine name (hyphens folded to underscores, lower case) -> company field."""
        return {
            fold(item.tc2_machine_name): item
            for item in self.custom
            if item.tc2_machine_name and item.record_type == 'company'
        }

    @cached_property
    def by_machine_name(self) -> Mapping[tuple[str, str], CustomField]:
        return {(item.record_type, item.machine_name): item for item in self.custom}

    def attributes(self, record_type: str) -> Mapping[str, Attribute]:
        """Every attribute of a record type: the fixed ones and those that only the catalogue knows."""
        return self._attributes[record_type]

    @cached_property
    def _attributes(self) -> Mapping[str, Mapping[str, Attribute]]:
        found = {record_type: dict(attributes) for record_type, attributes in ATTRIBUTES.items()}
        for item in self.custom:
            known = found.get(item.record_type)
            if known is None or item.attribute == 'hermes_id':
                continue
            if item.remote_type == MONEY and not item.inherited:
                known[item.attribute + CURRENCY] = Attribute(item.attribute + CURRENCY, 'str', 'follow')
            if item.attribute in known:
                continue
            kind: FieldType = 'admin' if item.field_type == 'fk_field' else item.field_type
            company = self.by_machine_name.get(('company', item.machine_name)) if item.inherited else None
            if company:
                shown = found['company'].get(company.attribute)
                kind = kind if shown is None else 'int' if shown.is_ref else shown.type
            known[item.attribute] = Attribute(item.attribute, kind, 'hermes' if item.inherited else item.policy)
        return found

    @cached_property
    def inherited(self) -> Sequence[tuple[str, str]]:
        """The attribute of every inherited deal field, with the company attribute that it shows."""
        found = ((item, self.by_machine_name.get(('company', item.machine_name))) for item in self.of('deal'))
        return [
            (item.attribute, company.attribute if company else item.machine_name)
            for item, company in found
            if item.inherited
        ]


def is_readable(value: Value) -> bool:
    """Whether a mirrored value is one of our type's."""
    return not (isinstance(value, dict) and value.keys() == {UNREADABLE})


def fold(machine_name: str) -> str:
    """TC2 writes 'client-dob' and reads 'client_dob' (its documentation has both): one key for either."""
    return machine_name.strip().lower().replace('-', '_')


def _field(
    linked: LinkedType, machine: str, kind: CustomType, hermes: str = '', tc2: str = '', policy: Policy = 'follow'
) -> CustomField:
    title = ' '.join(
        {'tc2': 'TC2', 'utm': 'UTM', 'id': 'ID', 'url': 'URL', 'bdr': 'BDR'}.get(part, part.title())
        for part in machine.split('_')
    )
    return CustomField(machine, title, kind, linked, hermes, tc2, policy=policy)


COMPANY_ONLY: Final = frozenset(
    {'hermes_id', 'currency', 'referer', 'has_signed_up', 'has_booked_call', 'sales_call_count', 'support_call_count'}
)
"""Company fields that a deal does not show: the newest version's field table has them for organisations only, or
not at all.
"""


def default_catalogue() -> Catalogue:
    """The fields that a new database starts with: the documents' organisation, person and deal tables."""
    fixed: list[tuple[str, CustomType, str, str, Policy]] = [
        ('hermes_id', 'fk_field', 'id', '', 'hermes'),
        ('website', 'str', 'website', 'website', 'follow'),
        ('price_plan', 'str', 'price_plan', '', 'tc2'),
        ('estimated_income', 'str', 'estimated_income', 'estimated_monthly_income', 'follow'),
        ('currency', 'str', 'currency', 'currency', 'follow'),
        ('support_person_id', 'fk_field', 'support_person', '', 'follow'),
        ('bdr_person_id', 'fk_field', 'bdr_person', '', 'follow'),
        ('signup_questionnaire', 'str', 'signup_questionnaire', '', 'tc2'),
        ('utm_source', 'str', 'utm_source', 'utm_source', 'tc2'),
        ('utm_campaign', 'str', 'utm_campaign', 'utm_campaign', 'tc2'),
        ('referer', 'str', 'referer', 'referer', 'tc2'),
        ('paid_invoice_count', 'int', 'paid_invoice_count', '', 'tc2'),
        ('tc2_status', 'str', 'tc2_status', '', 'tc2'),
        ('tc2_cligency_url', 'str', 'tc2_cligency_url', '', 'hermes'),
        ('gclid', 'str', 'gclid', '', 'tc2'),
        *(
            (name, 'date', name, '', 'tc2')
            for name in (
                'created',
                'pay0_dt',
                'pay1_dt',
                'pay3_dt',
                'gclid_expiry_dt',
                'email_confirmed_dt',
                'card_saved_dt',
            )
        ),
        *((name, 'bool', name, '', 'hermes') for name in ('has_signed_up', 'has_booked_call')),
        *((name, 'int', name, '', 'hermes') for name in ('sales_call_count', 'support_call_count')),
    ]
    company = [_field('Company', machine, kind, hermes, tc2, policy) for machine, kind, hermes, tc2, policy in fixed]
    contact = [_field('Contact', 'hermes_id', 'fk_field', 'id', policy='hermes')]
    deal = [_field('Deal', 'hermes_id', 'fk_field', 'id', policy='hermes')]
    for item in company:
        if item.machine_name in COMPANY_ONLY:
            continue
        kind = 'int' if item.field_type == 'fk_field' else item.field_type
        deal.append(_field('Deal', item.machine_name, kind, policy='hermes'))
    return Catalogue((*company, *contact, *deal))


ALIASES: Final = {'estimated_income': ('estimated_monthly_income',)}
"""Machine names under which a field of the CRM is also recognised by name."""
