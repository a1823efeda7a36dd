"""What goes back to TutorCruncher, when TC2_WRITE_BACK is on (D-1): links, places and extra attributes, nothing else.

Only extra attributes are written, each alone, and only to a client that is there: its own fields and `meta_agency` are
TutorCruncher's. A mirror key `extra_attrs.NAME` holds what the client says in that attribute, in canonical text. What
TutorCruncher owns (policy `tc2`) is never written back (C-3); an attribute that the account does not have is not
either; a text without a value is cleared only where a person cleared it in the CRM (D-12).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from hermes.domain.fields import ABSENT, Catalogue, CustomField
from hermes.domain.model import Value
from hermes.kit import texts
from hermes.ports import Outgoing, View

LONGEST_CHOICE: Final = 500
PREFIX: Final = 'extra_attrs.'
DROPDOWNS: Final = 'extra_dropdowns'
"""Mirror key: which of the client's extra attributes are dropdowns, whose values are written as slugs (E-20)."""
LINKS: Final = ('pipedrive_id', 'pipedrive_url', 'pipedrive_deal_stage', 'pipedrive_pipeline')


def written(catalogue: Catalogue) -> dict[str, CustomField]:
    """The catalogue's fields that go to TutorCruncher, by extra attribute."""
    attributes = catalogue.attributes('company')
    found = {}
    for name, item in catalogue.by_tc2.items():
        known = attributes.get(item.attribute)
        if name and name not in LINKS and known is not None and known.policy != 'tc2':
            found[name] = item
    return found


def outgoing(record_type: str, catalogue: Catalogue, crm_url: str) -> list[Outgoing]:
    """The table of outgoing fields; a contact has none (PD-PER-6). `crm_url`: where people open the CRM."""
    if record_type != 'company':
        return []
    bound = [
        Outgoing(
            PREFIX + name, (f'Company.{item.attribute}', 'Company.pd_org_id'), _bound(name, item, catalogue), 'linked'
        )
        for name, item in written(catalogue).items()
    ]
    return [*_links(crm_url), *bound]


def _links(crm_url: str) -> list[Outgoing]:
    number = ('Company.pd_org_id',)

    def address(view: View) -> Value:
        return f'{crm_url.rstrip("/")}/organization/{view.get("pd_org_id")}'

    def told(name: str, inputs: tuple[str, ...], compute: Callable[[View], Value], rule: str) -> Outgoing:
        return Outgoing(PREFIX + name, (*number, *inputs), _linked(compute), 'linked', rule=rule)

    deal = 'Deal.status'
    return [
        told('pipedrive_id', (), lambda view: str(view.get('pd_org_id')), 'PD-ORG-5'),
        told('pipedrive_url', (), address, 'PD-ORG-5'),
        told(
            'pipedrive_deal_stage',
            (deal, 'Deal.stage_id', 'Stage.name'),
            lambda view: view.latest_deal('stage'),
            'PD-DEAL-6',
        ),
        told(
            'pipedrive_pipeline',
            (deal, 'Deal.pipeline_id', 'Pipeline.name'),
            lambda view: view.latest_deal('pipeline'),
            'PD-DEAL-6',
        ),
    ]


def _linked(compute: Callable[[View], Value]) -> Callable[[View], Value]:
    """Nothing is said before the company has its organisation, so that everything goes as one."""
    return lambda view: compute(view) if view.get('pd_org_id') is not None else ABSENT


def _bound(name: str, item: CustomField, catalogue: Catalogue) -> Callable[[View], Value]:
    is_admin = catalogue.attributes('company')[item.attribute].type == 'admin'

    def compute(view: View) -> Value:
        held = view.shown(PREFIX + name)
        wanted = text(view.admin(item.attribute) if is_admin else view.get(item.attribute))
        told = text(view.shown(item.attribute))
        if held == ABSENT or wanted == told:
            return ABSENT
        return wanted

    return _linked(compute)


def text(value: Value) -> str | None:
    """A canonical value as an extra attribute holds it; never a placeholder (E-17, E-19)."""
    if value is None or value == ABSENT:
        return None
    told = ('true' if value else 'false') if isinstance(value, bool) else str(value).strip()
    return told if told.strip('-').strip() else None


def encode(fields: Mapping[str, Value], basis: Mapping[str, Value]) -> dict[str, Any]:
    """Body of the partial update of a client: attributes as an object by machine name; null clears."""
    dropdowns = basis.get(DROPDOWNS) or ()
    extras = {}
    for key, value in fields.items():
        name = key.removeprefix(PREFIX)
        if name and name != key and value != ABSENT:
            extras[name] = slug(value) if name in dropdowns and isinstance(value, str) else value
    return {'extra_attrs': extras} if extras else {}


def slug(choice: str) -> str:
    """How a dropdown's choice is written."""
    plain = texts.composed(texts.cut(choice, LONGEST_CHOICE), 'NFKD').encode('ascii', 'ignore').decode().lower()
    return re.sub(r'[-\s]+', '-', re.sub(r'[^\w\s-]', '', plain)).strip('-_')
