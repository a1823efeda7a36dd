"""Custom fields at the desk (D-5, FIELD-8): from the thought to the synced value, as `hermes fields` does it."""

from collections.abc import Mapping
from typing import Any, Final

from hermes.db.catalogue import Knowledge
from hermes.db.reads.lookup import Row
from hermes.domain.acts import ChangeField, RemoveField
from hermes.domain.errors import Refused
from hermes.domain.fields import CustomField
from hermes.domain.model import Value
from hermes.domain.record_types import ATTRIBUTES, FIELDED, TITLES
from hermes.parts.roles import CRM, CRM_TITLE, PRODUCT_TITLE
from hermes.sync import cataloguing
from hermes.sync.acts.fields import RELATIONS, check_policy, count_values, find
from hermes.web.desk.fields import Field
from hermes.web.desk.visit import Visit

KINDS: Final = (
    ('str', 'text'), ('int', 'whole number'), ('bool', 'yes or no'), ('date', 'day'), ('fk_field', 'one of our people'),
)  # fmt: skip
POLICIES: Final = (
    ('follow', f"{PRODUCT_TITLE}'s, until a person edits it in {CRM_TITLE}"),
    ('tc2', f"{PRODUCT_TITLE}'s, always"),
    ('crm', f"{CRM_TITLE}'s, always"),
    ('hermes', 'computed by Hermes'),
)
WITHIN_S: Final = 15.0
"""How long a page waits for the CRM's listing."""
CHANGED: Final = ('name', 'field_type', 'hermes_field_name', 'tc2_machine_name', 'pd_field_id', 'policy')


def form(known: Knowledge, row: Row | None) -> list[Field]:
    """What a field is; its machine name and the type of record stay as they were made."""
    ours = sorted({name for kind in FIELDED for name in ATTRIBUTES[kind]} | set(RELATIONS))
    linked = [(title, title) for title in TITLES]
    shown = find(known.catalogue, *split(row['id'])).fixed_policy if row else None
    fixed = f'Every record of Hermes has this itself; its policy is {shown}.' if shown else ''
    stays = 'It stays as it was made: add another field instead.' if row else ''
    yes_or_no = (('yes', 'yes, if it is not there'), ('no', 'no'))
    made = Field('create', f'Make it in {CRM_TITLE}', 'choice', yes_or_no, required=True)
    letters = 'Small letters and underscores: trial_ends.'
    return [
        Field('linked_object_type', 'On', 'choice', linked, locked=stays, required=True),
        Field('machine_name', 'Machine name', help=letters, locked=stays, required=True),
        Field('name', 'Name', help='As people read it. After a field was renamed in the CRM: its new name there.'),
        Field('field_type', 'Holds', 'choice', KINDS, required=True),
        Field('policy', 'Whose value counts', 'choice', POLICIES, locked=fixed, required=True),
        Field('tc2_machine_name', f'Attribute in {PRODUCT_TITLE}', help='Its machine name there; empty for none.'),
        Field('hermes_field_name', 'Attribute of Hermes', 'choice', [(each, each) for each in ours]),
        Field('pd_field_id', f'Field id in {CRM_TITLE}', help='Empty: it is found by its name.'),
        *(() if row else (made,)),
    ]


async def add(visit: Visit, which: Any, values: Mapping[str, Value], reason: str) -> int | None:
    """Add a field, make it in the CRM if that is asked for, fill it, sync it. Raises Refused."""
    engine = visit.parts.engine
    told = {name: str(values.get(name) or '') for name in ('linked_object_type', 'machine_name', *CHANGED)}
    called = told['name']
    told['name'] = called or told['machine_name'].replace('_', ' ').title()
    item = CustomField(**told)  # type: ignore[arg-type]
    check_policy(item)
    system = engine.systems.get(CRM)
    create = values.get('create') == 'yes'
    added = await cataloguing.add(
        engine, item, system, create=create, called=called, by=visit.user.email, within_s=WITHIN_S
    )
    return added.event


async def change(visit: Visit, which: Any, values: Mapping[str, Value], reason: str) -> int | None:
    """Change a field; what it holds is gathered anew where its source changed. Raises Refused."""
    linked, machine_name = split(which)
    to = change_act(which, values, reason).to
    engine = visit.parts.engine
    await cataloguing.check_change(engine, linked, machine_name, to)
    changed = await cataloguing.change(
        engine, linked, machine_name, to, engine.systems.get(CRM), by=visit.user.email, within_s=WITHIN_S
    )
    return changed.event


def change_act(which: Any, values: Mapping[str, Value], reason: str) -> ChangeField:
    """The act that changes a field; what follows from it follows by itself. Raises Refused."""
    linked, machine_name = split(which)
    return ChangeField(linked, machine_name, {name: str(values[name] or '') for name in CHANGED if name in values})


async def along(visit: Visit, row: Row) -> list[str]:
    """Of how many records Hermes forgets a value."""
    linked, machine_name = split(row['id'])
    async with visit.parts.database.transaction() as connection:
        known = await visit.parts.engine.known(connection)
    held = await count_values(visit.parts.engine, find(known.catalogue, linked, machine_name))
    return [f'the values of {held} records: adding it again gathers what the log still holds'] if held else []


async def remove(visit: Visit, which: Any, values: Mapping[str, Value], reason: str) -> int | None:
    """Take a field out of the catalogue; what stands in the CRM stays there."""
    linked, machine_name = split(which)
    return (await visit.act(RemoveField(linked, machine_name))).event_id


def split(which: str) -> tuple[str, str]:
    """'company.trial_ends' -> ('Company', 'trial_ends'). Raises Refused."""
    kind, _, machine_name = which.partition('.')
    for title in (*TITLES, 'Meeting'):
        if title.lower() == kind:
            return title, machine_name
    raise Refused('There is no such field.')
