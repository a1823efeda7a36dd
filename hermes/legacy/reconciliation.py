"""What is wrong in an older database, said before anything of it is believed (H-5): every trouble by kind, table, row
and field.

Nothing is mended in silence: each kind says what the import makes of it. Pure.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from hermes.kit.spelling import fold, fold_email
from hermes.legacy import rows
from hermes.legacy.rows import OWNERS, REFERENCES, ROLES, Row, Source, company_of, remote_id, taken_twice

KINDS: Final = {
    'deal-without-crm-id': 'no id in the CRM; an open one is not made there until somebody says so',
    'company-without-crm-id': 'no id in the CRM; found by its name or client in the first listing, or made later',
    'contact-without-crm-id': 'no id in the CRM; found by its e-mail or name in the first listing, or made later',
    'owner-left': 'its owner has no role any more; kept here, written nowhere new once the CRM says so',
    'owner-without-crm-id': "its owner has no id in the CRM; the CRM's owner stays as it is",
    'dangling': 'names a row that is not there; the reference is dropped',
    'contact-of-another-company': "the deal's contact is of another company; the CRM's first listing says who it is",
    'no-company': 'belongs to no company that is there; kept in the log, no record is made',
    'empty-text': 'an empty text where nothing is meant; read as nothing',
    'unreadable': 'a value that cannot be read; left out',
    'taken-twice': 'an id that an older row has already; that row keeps it',
    'duplicate': 'looks like an older row; both are kept',
    'id-list': 'a list of ids after a merge; the ids in the CRM decide',
    'flagged-deleted': 'marked as deleted; kept under a tombstone, with whatever hangs under it',
    'marked-narc': 'no real customer, and still linked to the CRM: the plan shows its deletion there (D-6)',
    'zoneless': 'times without a zone; read as UTC',
    'field-refused': 'a field that cannot stand in the catalogue; left out',
}
"""Kind of trouble -> what the import makes of it."""


class Trouble(NamedTuple):
    """One trouble. `row` 0: of the whole column."""

    kind: str
    table: str
    row: int
    field: str
    detail: str = ''


@dataclass(frozen=True)
class Reconciliation:
    """What is there, and what is wrong with it."""

    generation: str
    counts: dict[str, int]
    troubles: list[Trouble]
    notes: list[str]


def reconcile(source: Source) -> Reconciliation:
    """Every trouble of an older database, sorted."""
    troubles = sorted({trouble for find in FINDERS for trouble in find(source)})
    counts = {table: len(source.rows(table)) for table in rows.TABLES if table in source.tables}
    return Reconciliation(source.generation, counts, troubles, notes_on(source))


def notes_on(source: Source) -> list[str]:
    """What holds for the whole import."""
    notes = ['Passwords are not taken over: everybody gets in by a new invitation.'] if source.passwords else []
    if source.rows('meeting'):
        notes.append('Meetings are kept in the log and counted; they are no records yet.')
    if any(row.get('country') for row in source.rows('contact')):
        notes.append('The country of a contact has no place in a record; it is kept in the log.')
    if source.generation == 'newest':
        notes.append(
            'Its ids may have been given anew, so a hermes_id in the CRM finds nobody by itself; what contradicts a '
            'link is shown after the first listing ("hermes decisions list --kind identity").'
        )
    config = next(iter(source.rows('config')), {})
    told = [f'{name.upper()}={config[name]}' for name in sorted(config) if name.startswith('meeting_') and config[name]]
    if told:
        notes.append(f'Set in the environment, where they differ from the defaults: {" ".join(map(str, told))}.')
    return notes


def _without_crm_id(source: Source) -> Iterator[Trouble]:
    for table, column in (('company', 'pd_org_id'), ('contact', 'pd_person_id'), ('deal', 'pd_deal_id')):
        for row in source.rows(table):
            if remote_id(row, column) is None:
                yield Trouble(f'{table}-without-crm-id', table, row['id'], column, str(row.get('status') or ''))


def _owners(source: Source) -> Iterator[Trouble]:
    columns = {'company': OWNERS, 'deal': ('admin_id',), 'meeting': ('admin_id',)}
    for table, names in columns.items():
        for row in source.rows(table):
            for name in names:
                admin = source.get('admin', row.get(name))
                if admin is None:
                    continue
                if remote_id(admin, 'pd_owner_id') is None:
                    yield Trouble('owner-without-crm-id', table, row['id'], name, f'admin {admin["id"]}')
                if not any(admin.get(role) for role in ROLES):
                    yield Trouble('owner-left', table, row['id'], name, f'admin {admin["id"]}')


def _dangling(source: Source) -> Iterator[Trouble]:
    for (table, column), target in REFERENCES.items():
        for row in source.rows(table):
            named = row.get(column)
            if named is not None and source.get(target, named) is None:
                yield Trouble('dangling', table, row['id'], column, f'{target} {named}')
    for table in ('contact', 'deal', 'meeting', 'customfieldvalue'):
        for row in source.rows(table):
            if company_of(source, table, row) is None:
                yield Trouble('no-company', table, row['id'], '')
    for deal in source.rows('deal'):
        contact = source.get('contact', deal.get('contact_id'))
        if contact is not None and contact.get('company_id') != deal.get('company_id'):
            yield Trouble('contact-of-another-company', 'deal', deal['id'], 'contact_id', f'contact {contact["id"]}')


def _texts(source: Source) -> Iterator[Trouble]:
    for table in rows.TABLES:
        for row in source.rows(table):
            for name, value in row.items():
                if isinstance(value, str) and not value.strip():
                    yield Trouble('empty-text', table, row['id'], name)
    for table, readers in rows.READERS.items():
        for row in source.rows(table):
            for name, read in readers.items():
                try:
                    read(row[name]) if row.get(name) is not None else None
                except ValueError:
                    yield Trouble('unreadable', table, row['id'], name, _shown(row[name]))
    for row in source.rows('company'):
        told = row.get('country') or ''
        if told.strip() and source.countries.get(told) is None:
            yield Trouble('unreadable', 'company', row['id'], 'country', _shown(told))


def _shown(value: Any) -> str:
    """No personal data in a report: a short word of a list of choices, else its length."""
    return value[:40] if isinstance(value, str) and len(value) <= 40 else f'{len(str(value))} characters'


def _twice(source: Source) -> Iterator[Trouble]:
    for table, column, number in taken_twice(source):
        yield Trouble('taken-twice', table, number, column, str(source.by_id(table)[number][column]))


def _keys(source: Source) -> Iterator[tuple[str, str, Row, tuple[Any, ...]]]:
    """By what two rows look alike: (table, field, row, key)."""
    for row in source.rows('admin'):
        yield 'admin', 'username', row, (fold_email(str(row.get('username') or '')),)
    for row in source.rows('company'):
        yield 'company', 'name', row, (fold(str(row.get('name') or '')), row.get('country'))
    for row in source.rows('contact'):
        yield 'contact', 'email', row, (fold_email(str(row.get('email') or '')), row.get('company_id'))
    for row in source.rows('deal'):
        if row.get('status') == 'open':
            name = fold(str(row.get('name') or ''))
            yield 'deal', 'name', row, (name, row.get('company_id'), row.get('pipeline_id'))
    for row in source.rows('customfieldvalue'):
        owner = tuple(row.get(f'{name}_id') for name in ('company', 'contact', 'deal', 'meeting'))
        yield 'customfieldvalue', 'custom_field_id', row, (f'field {row.get("custom_field_id")}', *owner)


def _duplicates(source: Source) -> Iterator[Trouble]:
    seen: dict[tuple[str, tuple[Any, ...]], int] = {}
    for table, name, row, key in _keys(source):
        if not key[0]:
            continue
        first = seen.setdefault((table, key), row['id'])
        if first != row['id']:
            yield Trouble('duplicate', table, row['id'], name, f'as {first}')


def _lists(source: Source) -> Iterator[Trouble]:
    named = {row['id'] for row in source.rows('customfield') if row.get('machine_name') == 'hermes_id'}
    for row in source.rows('customfieldvalue'):
        told = [part for part in str(row.get('value') or '').split(',') if part.strip().isdigit()]
        if row.get('custom_field_id') in named and len(told) > 1:
            yield Trouble('id-list', 'customfieldvalue', row['id'], 'value', f'{len(told)} ids')


def _marks(source: Source) -> Iterator[Trouble]:
    children: dict[int | None, int] = defaultdict(int)
    for table in ('contact', 'deal'):
        for row in source.rows(table):
            children[row.get('company_id')] += 1
    for row in source.rows('company'):
        if row.get('is_deleted'):
            detail = f'{children[row["id"]]} contacts and deals under it'
            yield Trouble('flagged-deleted', 'company', row['id'], 'is_deleted', detail)
        if row.get('narc') and remote_id(row, 'pd_org_id') is not None and not row.get('is_deleted'):
            yield Trouble('marked-narc', 'company', row['id'], 'narc')


def _zones(source: Source) -> Iterator[Trouble]:
    for table, name in source.zoneless:
        count = sum(row.get(name) is not None for row in source.rows(table))
        if count:
            yield Trouble('zoneless', table, 0, name, f'{count} rows')


FINDERS: Final = (_without_crm_id, _owners, _dangling, _texts, _twice, _duplicates, _lists, _marks, _zones)
