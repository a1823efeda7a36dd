"""Which fields of the catalogue stand in the CRM; the missing ones are made there (SETUP-2)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hermes.db.connections import Connection
from hermes.db.reads.checks import read_fields
from hermes.domain.fields import CustomField, default_catalogue
from hermes.domain.record_types import FIELDED
from hermes.setup.findings import Finding, some
from hermes.setup.site import crm_of
from hermes.sync import cataloguing
from hermes.sync.connect import GONE
from hermes.sync.engine import Engine

TITLES: Final = {'Company': 'Organization fields', 'Contact': 'Person fields', 'Deal': 'Deal fields'}
OPTIONAL: Final = frozenset(
    {'currency', 'referer', 'has_signed_up', 'has_booked_call', 'sales_call_count', 'support_call_count'}
)
"""Fields that are filled where they exist, and that nobody needs: made only when asked for."""


def examine_fields(connection: Connection) -> Iterator[Finding]:
    """What is not in the CRM, or is there in a way that cannot hold ours."""
    fields = read_fields(connection)
    if not fields:
        yield Finding('fields', 'todo', 'the catalogue is empty', 'start a worker once, or run "hermes setup fields"')
        return
    births = [item for item in fields if item['machine_name'] == 'hermes_id']
    unborn = [item['linked_object_type'] for item in births if not item['known']]
    if unborn:
        said = f'unknown in the CRM for {", ".join(unborn)}: no create is sent for these'
        yield Finding('hermes_id fields', 'todo', said, 'run "hermes setup fields"')
    else:
        numeric = [item['linked_object_type'] for item in births if item['numeric']]
        note = f'; numerical for {", ".join(numeric)}: a text field would keep both ids in a merge' if numeric else ''
        yield Finding('hermes_id fields', 'ok', f'known{note}')
    unknown = [
        f'{item["linked_object_type"]}.{item["machine_name"]}'
        for item in fields
        if not item['known'] and item['machine_name'] not in {'hermes_id', *OPTIONAL}
    ]
    if unknown:
        said = f'{len(unknown)} not in the CRM, skipped in pushes: {some(unknown)}'
        yield Finding('fields', 'todo', said, 'run "hermes setup fields"')
    else:
        yield Finding('fields', 'ok', f'{sum(item["known"] for item in fields)} are known in the CRM')
    for item in fields:
        if item['problem']:
            label = f'field {item["linked_object_type"]}.{item["machine_name"]}'
            mend = 'change it in the CRM or in the catalogue; it is skipped until then'
            yield Finding(label, 'todo', item['problem'], mend)


@dataclass(frozen=True, slots=True)
class FieldOffer:
    """Every field that can stand in the CRM, and those that do not: the ones that are needed, and the others."""

    fields: tuple[CustomField, ...]
    needed: tuple[CustomField, ...]
    optional: tuple[CustomField, ...]


async def offer_fields(engine: Engine) -> FieldOffer:
    """As the catalogue knows them; nobody is asked."""
    async with engine.database.transaction() as connection:
        custom = (await engine.known(connection)).catalogue.custom
    fields = tuple(item for item in custom if item.linked_object_type in TITLES)
    missing = [item for item in fields if not item.pd_field_id or item.problem == GONE]
    return FieldOffer(
        fields,
        tuple(item for item in missing if item.machine_name not in OPTIONAL),
        tuple(item for item in missing if item.machine_name in OPTIONAL),
    )


async def make_fields(
    engine: Engine, wanted: Sequence[CustomField], tell: Callable[[CustomField], None] = lambda made: None
) -> FieldOffer:
    """Make fields in the CRM, one after the other (`tell` hears of each), and send what they are to hold; what is there
    then. Raises HermesError.
    """
    crm = crm_of(engine)
    for item in wanted:
        await cataloguing.make_in_crm(engine, crm, item, _called(item))
        tell(item)
    for record_type in sorted({item.record_type for item in wanted}):
        await cataloguing.look(engine, crm, record_type)
    if wanted:
        await cataloguing.push_out(engine, {*FIELDED})
    return await offer_fields(engine)


def _called(item: CustomField) -> str:
    """The name that a person gave a field; '' for one that is called as in every office."""
    standard = default_catalogue().by_machine_name.get((item.record_type, item.machine_name))
    return '' if standard is not None and standard.name == item.name else item.name
