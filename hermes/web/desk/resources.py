"""The desk's resources, each declared once (ADM-3): what its list shows and is chosen by, what its form asks for, and
which act each of its buttons submits. One list page (`lists.py`) and one form page (`forms.py`) serve all of them.

A new resource is an entry here and, if it is a new table, a listing in `db/reads/lists.py`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hermes.db.catalogue import Knowledge
from hermes.db.reads.deletion import Deletion, read_deletion
from hermes.db.reads.lookup import Row
from hermes.domain.acts import (
    Act,
    CreateRecord,
    DeleteRecord,
    RemoveAdmin,
    RestoreRecord,
    SaveAdmin,
    SetEntryStage,
    WriteFields,
)
from hermes.domain.model import RecordRef, Value
from hermes.domain.users import Role
from hermes.web.desk import custom_fields
from hermes.web.desk.fields import Field, admin_fields, fields_of
from hermes.web.desk.visit import Visit

Values = Mapping[str, Value]
Form = Callable[[Knowledge, Row | None], Sequence[Field]]
"""The fields of a form: of a row, or of a new one."""
Make = Callable[[Any, Values, str], Act]
Along = Callable[[Visit, Row], Awaitable[Sequence[str]]]
Do = Callable[[Visit, Any, Values, str], Awaitable[int | None]]
"""Carry out what a form says: of which row (None: a new one), the values, the reason; the event's id."""


@dataclass(frozen=True, slots=True)
class Resource:
    """`name`: of its list and its address. `columns`: those that are shown; `filters`: by which it is chosen. `page`:
    where a row leads ('' : to its form). `sees`, `changes`: the least roles. What is None is not possible.
    """

    name: str
    title: str
    one: str
    columns: tuple[str, ...]
    filters: tuple[str, ...] = ()
    page: str = ''
    form: Form | None = None
    create: Do | None = None
    edit: Do | None = None
    what_if: Make | None = None
    """The act of an edit, whose effect is shown first (ADM-14)."""
    delete: Do | None = None
    along: Along | None = None
    """What goes along with a deletion, a line each."""
    restore: Do | None = None
    sees: Role = 'viewer'
    changes: Role = 'operator'
    told: str = ''
    """One sentence under the title."""

    @property
    def path(self) -> str:
        return f'/desk/{self.name}/'

    @property
    def a_new(self) -> str:
        """'an admin'."""
        return f'{"an" if self.one[0] in "aeiou" else "a"} {self.one}'

    @property
    def several(self) -> str:
        """'companies'."""
        called = self.one.replace('_', ' ')
        return f'{called[:-1]}ies' if called.endswith('y') else f'{called}s'

    def address(self, row: Row) -> str:
        """Where a row of the list leads."""
        return self.page.format(id=row['id']) if self.page else f'{self.path}{row["id"]}/edit/'


def _does(act: Make) -> Do:
    """One act, submitted as whoever is logged in."""

    async def do(visit: Visit, which: Any, values: Values, reason: str) -> int:
        return (await visit.act(act(which, values, reason))).event_id

    return do


def _record(record_type: str, title: str, columns: Sequence[str], filters: Sequence[str]) -> Resource:
    """Companies, contacts and deals: their values are decreed (D-22)."""

    def form(known: Knowledge, row: Row | None) -> list[Field]:
        found = fields_of(record_type, known, making=row is None)
        if row is not None or record_type == 'company':
            return found
        return [Field('company_id', 'Company', 'number', help='The id of the company.', required=True), *found]

    def create(_: Any, values: Values, reason: str) -> Act:
        told = {name: value for name, value in values.items() if value is not None and name != 'company_id'}
        under = values.get('company_id')
        return CreateRecord(record_type, told, under if isinstance(under, int) else None)

    def write(which: Any, values: Values, reason: str) -> Act:
        return WriteFields(RecordRef(record_type, which), values, reason)

    async def along(visit: Visit, row: Row) -> list[str]:
        return _tell(await visit.parts.reading.ask(read_deletion, RecordRef(record_type, row['id'])))

    return Resource(
        title.lower(),
        title,
        record_type,
        tuple(columns),
        tuple(filters),
        page=f'/desk/records/{record_type}/{{id}}/',
        form=form,
        create=_does(create),
        edit=_does(write),
        what_if=write,
        delete=_does(lambda which, values, reason: DeleteRecord(RecordRef(record_type, which))),
        along=along,
        restore=_does(lambda which, values, reason: RestoreRecord(RecordRef(record_type, which))),
    )


RESOURCES: Final[tuple[Resource, ...]] = (
    _record(
        'company',
        'Companies',
        ('name', 'country', 'tc2_status', 'price_plan', 'sales_person_id', 'created', 'id'),
        ('country', 'tc2_status', 'price_plan', 'sales_person_id', 'narc'),
    ),
    _record(
        'contact',
        'Contacts',
        ('last_name', 'first_name', 'email', 'phone', 'company_id', 'id'),
        ('company_id',),
    ),
    _record(
        'deal',
        'Deals',
        ('title', 'status', 'company_id', 'pipeline_id', 'stage_id', 'admin_id', 'id'),
        ('status', 'pipeline_id', 'stage_id', 'admin_id', 'company_id'),
    ),
    Resource(
        'meetings',
        'Meetings',
        'meeting',
        ('start_at', 'kind', 'status', 'admin_id', 'company_id', 'contact_id', 'id'),
        ('status', 'kind', 'admin_id', 'company_id'),
        page='/desk/records/meeting/{id}/',
        told='Calls that were booked. They are moved and cancelled under Bookings.',
    ),
    Resource(
        'app_users',
        'App users',
        'app_user',
        ('email', 'first_name', 'last_name', 'state', 'target', 'crm_id', 'is_sustainer', 'id'),
        ('state', 'target', 'lang', 'is_sustainer', 'moderation'),
        page='/desk/records/app_user/{id}/',
        told='People with an account in the product, and where each stands in the CRM that they are kept in.',
    ),
    Resource(
        'subscriptions',
        'Subscriptions',
        'subscription',
        ('email', 'lists', 'state', 'target', 'crm_id', 'id'),
        ('state', 'target', 'lang'),
        page='/desk/records/subscription/{id}/',
        told='Addresses on mailing lists, without an account.',
    ),
    Resource(
        'admins',
        'Our people',
        'admin',
        ('last_name', 'first_name', 'email', 'is_sales_person', 'is_support_person', 'is_bdr_person', 'bookable', 'id'),
        ('is_sales_person', 'is_support_person', 'is_bdr_person', 'bookable', 'active'),
        form=lambda known, row: admin_fields(known, making=row is None),
        create=_does(lambda which, values, reason: SaveAdmin(_said(values))),
        edit=_does(lambda which, values, reason: SaveAdmin(values, which)),
        what_if=lambda which, values, reason: SaveAdmin(values, which),
        delete=_does(lambda which, values, reason: RemoveAdmin(which)),
        restore=_does(lambda which, values, reason: SaveAdmin({}, which)),
        changes='admin',
        told='Admins, in the words of the CRM: who sells, supports, develops business, and when they can be booked.',
    ),
    Resource(
        'pipelines',
        'Pipelines',
        'pipeline',
        ('name', 'dft_entry_stage_id', 'archived', 'id'),
        ('archived',),
        form=lambda known, row: _entry_stage(known, row),
        edit=_does(lambda which, values, reason: SetEntryStage(which, _number(values['dft_entry_stage_id']))),
        what_if=lambda which, values, reason: SetEntryStage(which, _number(values['dft_entry_stage_id'])),
        changes='admin',
        told='They are made and renamed in the CRM; here it is chosen at which stage new deals begin.',
    ),
    Resource(
        'stages',
        'Stages',
        'stage',
        ('name', 'pipeline_id', 'archived', 'id'),
        ('pipeline_id', 'archived'),
        page='/desk/records/stage/{id}/',
        told='They are made, renamed and moved in the CRM.',
    ),
    Resource(
        'fields',
        'Custom fields',
        'field',
        ('name', 'machine_name', 'linked_object_type', 'field_type', 'policy', 'pd_field_id', 'problem'),
        ('linked_object_type', 'field_type', 'policy'),
        form=custom_fields.form,
        create=custom_fields.add,
        edit=custom_fields.change,
        what_if=custom_fields.change_act,
        delete=custom_fields.remove,
        along=custom_fields.along,
        changes='admin',
        told='Fields of the CRM, and where their values come from. A new one is synced at once, without a restart.',
    ),
)
BY_NAME: Final[Mapping[str, Resource]] = {each.name: each for each in RESOURCES}


def _tell(deletion: Deletion) -> list[str]:
    """What a deletion takes along (D-2, S21), in words."""
    told = []
    for going in deletion.going:
        there = f', and {going.remote} in the CRM' if going.remote and not deletion.kept else ''
        told.append(f'{going.record.type} {going.name or going.record.id}{there}')
    if left := sum(deletion.counts.values()) - len(deletion.going):
        told.append(f'{left} more')
    if deletion.remaining:
        told.append(f'{len(deletion.remaining)} calls are still to come: each becomes a question')
    if deletion.kept:
        told.append(f'The CRM keeps its objects, because {deletion.kept}; that becomes a question')
    return told


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _said(values: Values) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value is not None}


def _entry_stage(known: Knowledge, row: Row | None) -> list[Field]:
    """The pipeline's own stages alone are offered (ADM-3)."""
    stages = [
        (str(number), str(each.fields.get('name') or 'unnamed'))
        for number, each in known.directory.stages.items()
        if number == each.ref.id and not each.gone and row and each.fields.get('pipeline_id') == row['id']
    ]
    return [Field('dft_entry_stage_id', 'New deals enter at', 'choice', stages, required=True)]
