"""An older database with everything that goes wrong in one, and the list of it, kept while it is made.

Troubles are planted by the company's number, one kind in one company, so that the list needs no rule of the product.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from tests.legacy.schemas import SCHEMAS

SLOTS = 25
START = datetime(2024, 1, 1, 10, 30, tzinfo=UTC)
NOBODY = 900_000
"""From here on no row has an id."""
TABLES = ('admin', 'stage', 'pipeline', 'config', 'company', 'contact', 'deal', 'meeting')
CUSTOM = ('customfield', 'customfieldvalue')


@dataclass
class Older:
    """What was written, and what is wrong with it: (kind, table, row, field)."""

    generation: str
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in (*TABLES, *CUSTOM)})
    troubles: set[tuple[str, str, int, str]] = field(default_factory=set)

    @property
    def second(self) -> bool:
        return self.generation == 'second'

    def add(self, table: str, **row: Any) -> int:
        row.setdefault('id', len(self.rows[table]) + 1)
        self.rows[table].append(row)
        return int(row['id'])

    def wrong(self, kind: str, table: str, row: int, name: str = '') -> None:
        self.troubles.add((kind, table, row, name))

    def counts(self) -> dict[str, int]:
        return {table: len(rows) for table, rows in self.rows.items() if self.second or table not in CUSTOM}

    def zoneless(self) -> dict[tuple[str, str], int]:
        """Times per column, where the version keeps them without a zone."""
        found: dict[tuple[str, str], int] = {}
        for table, rows in self.rows.items() if not self.second else ():
            for row in rows:
                for name, value in row.items():
                    if isinstance(value, datetime):
                        found[table, name] = found.get((table, name), 0) + 1
        return found


SALES, SUPPORT, BDR, LEFT, UNKNOWN, TWIN = range(1, 7)


def people(older: Older) -> None:
    """Six admins: three in their roles, one who left, one whom the CRM does not know, one who is there twice."""
    told = {'timezone': 'Europe/London', 'sells_payg': True, 'sells_startup': True, 'sells_enterprise': True}
    for number, name, roles, owner in (
        (SALES, 'ada', ['sales'], 12_000_011),
        (SUPPORT, 'ben', ['support'], 12_000_012),
        (BDR, 'cleo', ['bdr'], 12_000_013),
        (LEFT, 'dan', [], 12_000_014),
        (UNKNOWN, 'eve', ['sales'], 0),
        (TWIN, 'ADA', ['sales'], 12_000_011),
    ):
        row = {f'is_{role}_person': role in roles for role in ('sales', 'support', 'bdr')}
        older.add(
            'admin', username=f'{name}@office.example', tc2_admin_id=100 + number, pd_owner_id=owner,
            first_name=name.title(), last_name='Office', **row, **told,
            **({'password': '$2b$12$notarealhashnotarealhash'} if older.second else {}),
        )  # fmt: skip
    older.wrong('taken-twice', 'admin', TWIN, 'pd_owner_id')
    older.wrong('duplicate', 'admin', TWIN, 'username')


def places(older: Older) -> None:
    for number, plan in enumerate(('PAYG', 'STARTUP', 'ENTERPRISE'), 1):
        older.add('stage', pd_stage_id=400 + number, name=f'{plan} - New')
        older.add('pipeline', pd_pipeline_id=300 + number, name=plan, dft_entry_stage_id=number)
    older.add(
        'config', meeting_dur_mins=30, meeting_buffer_mins=15, meeting_min_start='10:00', meeting_max_end='17:30',
        payg_pipeline_id=1, startup_pipeline_id=2, enterprise_pipeline_id=NOBODY,
    )  # fmt: skip
    older.wrong('dangling', 'config', 1, 'enterprise_pipeline_id')


HERMES_ID, HOBBY, DEAL_HOBBY, WEBSITE, BAD = range(1, 6)


def catalogue(older: Older) -> None:
    """Fields of the second version: known ones, one of its own with the deal's shadow of it, one that cannot be."""
    for machine, kind, hermes, tc2, linked in (
        ('hermes_id', 'fk_field', 'id', None, 'Company'),
        ('hobby', 'int', None, 'hobby', 'Company'),
        ('hobby', 'int', None, None, 'Deal'),
        ('website', 'str', 'website', '', 'Company'),
        ('Not A Name', 'str', None, None, 'Company'),
    ):
        older.add(
            'customfield', name=machine.title(), machine_name=machine, field_type=kind, hermes_field_name=hermes,
            tc2_machine_name=tc2, pd_field_id=f'{len(older.rows["customfield"]) + 1:040x}', linked_object_type=linked,
        )  # fmt: skip
    older.wrong('empty-text', 'customfield', WEBSITE, 'tc2_machine_name')
    older.wrong('field-refused', 'customfield', BAD, 'machine_name')


def company(older: Older, number: int) -> dict[str, Any]:
    """A company without trouble, with a contact, a deal and a meeting; the rows by table."""
    at = START + timedelta(hours=number)
    row: dict[str, Any] = {
        'id': number, 'name': f'School {number}', 'tc2_agency_id': 20_000 + number, 'tc2_cligency_id': 30_000 + number,
        'tc2_status': 'active', 'pd_org_id': 70_000 + number, 'created': at, 'price_plan': 'payg', 'country': 'GB',
        'website': f'https://school-{number}.example', 'paid_invoice_count': number % 4, 'estimated_income': '1000',
        'currency': 'GBP', 'has_booked_call': number % 2 == 0, 'has_signed_up': True, 'narc': False,
        'sales_person_id': SALES, 'support_person_id': SUPPORT, 'bdr_person_id': BDR, 'pay0_dt': at,
        'signup_questionnaire': json.dumps({'how': 'a friend', 'pupils': number}),
    }  # fmt: skip
    older.rows['company'].append(row)
    contact = {
        'tc2_sr_id': 40_000 + number, 'pd_person_id': 80_000 + number, 'created': at, 'first_name': 'Ann',
        'last_name': f'Number{number}', 'email': f'ann{number}@school.example', 'phone': '0123', 'company_id': number,
    }  # fmt: skip
    older.add('contact', **contact)
    deal = {
        'pd_deal_id': 90_000 + number, 'name': f'School {number}', 'status': 'won' if number % 3 == 0 else 'open',
        'admin_id': SALES, 'company_id': number, 'contact_id': len(older.rows['contact']), 'pipeline_id': 1,
        'stage_id': 1,
    }  # fmt: skip
    older.add('deal', **deal)
    meeting = {
        'created': at, 'start_time': at, 'end_time': at + timedelta(minutes=30), 'meeting_type': 'sales',
        'status': 'CANCELED' if number % 2 else 'COMPLETED', 'admin_id': SALES, 'deal_id': len(older.rows['deal']),
        'contact_id': len(older.rows['contact']), **({} if older.second else {'company_id': number}),
    }  # fmt: skip
    older.add('meeting', **meeting)
    if older.second:
        older.add('customfieldvalue', custom_field_id=HOBBY, company_id=number, value=str(number))
    return {name: older.rows[name][-1] for name in ('company', 'contact', 'deal', 'meeting')}


def spoil(older: Older, number: int, rows: dict[str, Any]) -> None:
    """Plant this company's trouble and put it on the list."""
    one, contact, deal, meeting = (rows[name] for name in ('company', 'contact', 'deal', 'meeting'))
    match number % SLOTS:
        case 1:
            one['pd_org_id'] = 0 if number == 1 else None
            older.wrong('company-without-crm-id', 'company', number, 'pd_org_id')
        case 2:
            deal['pd_deal_id'] = None
            older.wrong('deal-without-crm-id', 'deal', deal['id'], 'pd_deal_id')
        case 3:
            one['sales_person_id'] = LEFT
            older.wrong('owner-left', 'company', number, 'sales_person_id')
        case 4:
            one['sales_person_id'] = UNKNOWN
            older.wrong('owner-without-crm-id', 'company', number, 'sales_person_id')
        case 5:
            one['website'] = ''
            older.wrong('empty-text', 'company', number, 'website')
        case 6:
            more = {**contact, 'id': len(older.rows['contact']) + 1, 'email': contact['email'].upper()}
            older.add('contact', **{**more, 'tc2_sr_id': 50_000 + number, 'pd_person_id': 60_000 + number})
            older.wrong('duplicate', 'contact', more['id'], 'email')
        case 7:
            deal['contact_id'] = NOBODY + number
            older.wrong('dangling', 'deal', deal['id'], 'contact_id')
        case 9:
            lost = older.add(
                'contact', created=None, first_name='Lost', company_id=NOBODY + number, pd_person_id=number
            )
            older.wrong('dangling', 'contact', lost, 'company_id')
            older.wrong('no-company', 'contact', lost)
        case 10:
            one['name'] = f' school  {number - 9}'
            older.wrong('duplicate', 'company', number, 'name')
        case 11:
            one['country'] = 'Atlantis'
            older.wrong('unreadable', 'company', number, 'country')
        case 12:
            one['narc'] = True
            older.wrong('marked-narc', 'company', number, 'narc')
        case 16:
            deal['contact_id'] = meeting['contact_id'] = older.rows['contact'][0]['id']
            older.wrong('contact-of-another-company', 'deal', deal['id'], 'contact_id')
        case 17:
            contact['pd_person_id'] = None
            older.wrong('contact-without-crm-id', 'contact', contact['id'], 'pd_person_id')
        case 18:
            one['price_plan'] = '1-basic'
            older.wrong('unreadable', 'company', number, 'price_plan')
        case 20:
            deal['status'] = 'open'
            again = older.add('deal', **{**deal, 'id': len(older.rows['deal']) + 1, 'pd_deal_id': 100_000 + number})
            older.wrong('duplicate', 'deal', again, 'name')
        case 21:
            deal['admin_id'] = LEFT
            older.wrong('owner-left', 'deal', deal['id'], 'admin_id')
        case 22:
            contact['email'] = ' '
            older.wrong('empty-text', 'contact', contact['id'], 'email')
        case 23:
            meeting['admin_id'] = NOBODY
            older.wrong('dangling', 'meeting', meeting['id'], 'admin_id')
        case 24:
            one['tc2_status'] = 'terminated'
        case slot:
            (spoil_second if older.second else spoil_newest)(older, number, slot, rows)


def spoil_second(older: Older, number: int, slot: int, rows: dict[str, Any]) -> None:
    if slot == 8:
        lost = older.add('customfieldvalue', custom_field_id=HOBBY, company_id=NOBODY + number, value='1')
        older.wrong('dangling', 'customfieldvalue', lost, 'company_id')
        older.wrong('no-company', 'customfieldvalue', lost)
    elif slot == 14:
        row = older.add(
            'customfieldvalue', custom_field_id=HERMES_ID, company_id=number, value=f'{number}, {number + 1}'
        )
        older.wrong('id-list', 'customfieldvalue', row, 'value')
    elif slot == 15:
        row = older.add('customfieldvalue', custom_field_id=HOBBY, company_id=number, value=str(number + 1))
        older.wrong('duplicate', 'customfieldvalue', row, 'custom_field_id')


def spoil_newest(older: Older, number: int, slot: int, rows: dict[str, Any]) -> None:
    if slot == 8:
        rows['deal']['support_person_id'] = NOBODY
        older.wrong('dangling', 'deal', rows['deal']['id'], 'support_person_id')
    elif slot == 13:
        rows['company']['is_deleted'] = True
        older.wrong('flagged-deleted', 'company', number, 'is_deleted')


def generate(url: str, generation: str, companies: int) -> Older:
    """Make an older database in an empty one, and return what is in it."""
    older = Older(generation)
    people(older)
    places(older)
    if older.second:
        catalogue(older)
    for number in range(1, companies + 1):
        spoil(older, number, company(older, number))
    keep(url, older)
    return older


def keep(url: str, older: Older) -> None:
    """Write it into an empty database."""
    with psycopg.connect(url, options='-c timezone=UTC') as connection:
        connection.execute(SCHEMAS[older.generation])
        for table, rows in older.rows.items():
            write(connection, table, rows)


def write(connection: psycopg.Connection[Any], table: str, rows: Sequence[dict[str, Any]]) -> None:
    names = sorted({name for row in rows for name in row})
    if not names:
        return
    copy = sql.SQL('copy {} ({}) from stdin').format(
        sql.Identifier(table), sql.SQL(', ').join(map(sql.Identifier, names))
    )
    with connection.cursor() as cursor, cursor.copy(copy) as into:
        for row in rows:
            into.write_row([row.get(name) for name in names])
