"""Rows of an older Hermes: whose they are, what they say in our terms, and the events as which they enter.

The older database is a voice of lowest rank: every value holds until TutorCruncher or the CRM says something. Record
ids stay what they were (H-3), a link by remote id stands from the first moment (H-4), and what has no id in the CRM is
never made there unasked (H-5, H-6). Pure: rows are JSON, a time without a zone is UTC, '' is null.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from hermes.domain.model import Value
from hermes.kit import wire

Row = Mapping[str, Any]
Generation = Literal['second', 'newest']
SYSTEM: Final = 'legacy'
RULE: Final = 'import'
PLANS: Final = ('payg', 'startup', 'enterprise')

TABLES: Final = (
    'admin', 'pipeline', 'stage', 'config', 'customfield', 'company', 'contact', 'deal', 'meeting', 'customfieldvalue',
)  # fmt: skip
OWNERS: Final = ('sales_person_id', 'support_person_id', 'bdr_person_id')
ROLES: Final = ('is_sales_person', 'is_support_person', 'is_bdr_person')
LINKED: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ('company', 'pd_org_id'): ('pipedrive', 'organization'),
    ('company', 'tc2_cligency_id'): ('tutorcruncher', 'client'),
    ('contact', 'pd_person_id'): ('pipedrive', 'person'),
    ('contact', 'tc2_sr_id'): ('tutorcruncher', 'recipient'),
    ('deal', 'pd_deal_id'): ('pipedrive', 'deal'),
    ('pipeline', 'pd_pipeline_id'): ('pipedrive', 'pipeline'),
    ('stage', 'pd_stage_id'): ('pipedrive', 'stage'),
}
"""Table and column -> the remote objects that the column names."""
UNIQUE: Final = (*LINKED, ('company', 'tc2_agency_id'), ('admin', 'tc2_admin_id'), ('admin', 'pd_owner_id'))
"""Columns in which every id stands once."""
REFERENCES: Final[Mapping[tuple[str, str], str]] = {
    ('pipeline', 'dft_entry_stage_id'): 'stage',
    **{('config', f'{plan}_pipeline_id'): 'pipeline' for plan in PLANS},
    **{(table, name): 'admin' for table in ('company', 'deal') for name in OWNERS},
    ('contact', 'company_id'): 'company',
    **{('deal', f'{name}_id'): name for name in ('admin', 'company', 'contact', 'pipeline', 'stage')},
    **{('meeting', f'{name}_id'): name for name in ('admin', 'company', 'contact', 'deal')},
    ('customfieldvalue', 'custom_field_id'): 'customfield',
    **{('customfieldvalue', f'{name}_id'): name for name in ('company', 'contact', 'deal', 'meeting')},
}
"""Table and column -> the table whose row it names."""


@dataclass(frozen=True)
class Source:
    """An older database as it was in one moment; rows by their ids. `zoneless`: columns whose times have no zone;
    `countries`: what each text for a country means (D-18).
    """

    generation: Generation
    tables: Mapping[str, Sequence[Row]]
    zoneless: Sequence[tuple[str, str]] = ()
    passwords: int = 0
    countries: Mapping[str, str | None] = field(default_factory=dict)
    _by_id: dict[str, dict[int, Row]] = field(default_factory=dict)

    def rows(self, table: str) -> Sequence[Row]:
        return self.tables.get(table, ())

    def by_id(self, table: str) -> Mapping[int, Row]:
        if table not in self._by_id:
            self._by_id[table] = {row['id']: row for row in self.rows(table)}
        return self._by_id[table]

    def get(self, table: str, number: Any) -> Row | None:
        return self.by_id(table).get(number) if isinstance(number, int) else None


def remote_id(row: Row, column: str) -> int | None:
    """An id in another system; 0, '' and null are none (D-10)."""
    try:
        number = wire.whole(row.get(column))
    except ValueError:
        return None
    return number if number and number > 0 else None


def taken_twice(source: Source) -> set[tuple[str, str, int]]:
    """(table, column, row) of every id that a row before it has already: the first row by its id keeps it."""
    found = set()
    for table, column in UNIQUE:
        seen: set[int] = set()
        for row in source.rows(table):
            number = remote_id(row, column)
            if number is not None and number in seen:
                found.add((table, column, row['id']))
            seen |= {number} if number is not None else set()
    return found


def company_of(source: Source, table: str, row: Row) -> int | None:
    """The company under which a row belongs; None when nothing of it leads to one."""
    if table == 'company':
        return int(row['id'])
    direct = source.get('company', row.get('company_id'))
    if direct is not None:
        return int(direct['id'])
    if table in ('contact', 'deal'):
        return None
    for name in ('deal', 'contact', 'meeting') if table == 'customfieldvalue' else ('deal', 'contact'):
        parent = source.get(name, row.get(f'{name}_id'))
        if parent is not None and (found := company_of(source, name, parent)) is not None:
            return found
    return None


PARTS: Final = {'contact': 'contacts', 'deal': 'deals', 'meeting': 'meetings', 'customfieldvalue': 'values'}


def told_of(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    """What enters, each as (name, body of its event), in the order in which it has to be applied."""
    twice = taken_twice(source)
    yield 'begin', {'act': 'legacy.begin', 'generation': source.generation, 'fingerprint': fingerprint(source)}
    shared = {'pipelines': list(source.rows('pipeline')), 'stages': list(source.rows('stage'))}
    yield 'shared', {'act': 'legacy.shared', **shared, 'unlinked': _unlinked(twice, ('pipeline', 'stage'), None)}
    admins = list(source.rows('admin'))
    yield 'admins', {'act': 'legacy.admins', 'admins': admins, 'unlinked': _unlinked(twice, ('admin',), None)}
    yield 'fields', {'act': 'legacy.fields', 'fields': list(source.rows('customfield'))}
    yield 'config', {'act': 'legacy.config', 'config': dict(next(iter(source.rows('config')), {}))}
    under: dict[int | None, dict[str, list[Row]]] = defaultdict(lambda: {name: [] for name in PARTS.values()})
    for table, name in PARTS.items():
        for row in source.rows(table):
            kept = dict(row)
            if table == 'customfieldvalue':
                kept['field'] = _field_of(source, row)
            under[company_of(source, table, row)][name].append(kept)
    names = {(table, row) for table, _, row in twice}
    for company in source.rows('company'):
        parts = under.pop(company['id'], None) or {name: [] for name in PARTS.values()}
        told: dict[str, Any] = {
            'act': 'legacy.company',
            'generation': source.generation,
            'company': dict(company),
            'country': source.countries.get(company.get('country') or ''),
            **parts,
        }
        rows = {('company', company['id']), *(('contact', row['id']) for row in parts['contacts'])}
        rows |= {('deal', row['id']) for row in parts['deals']}
        told['unlinked'] = _unlinked(twice, ('company', 'contact', 'deal'), rows) if rows & names else []
        yield f'company:{company["id"]}', told
    yield 'rest', {'act': 'legacy.rest', **under.get(None, {})}


def _unlinked(
    twice: set[tuple[str, str, int]], tables: Sequence[str], rows: set[tuple[str, int]] | None
) -> list[list[Any]]:
    return [list(one) for one in sorted(twice) if one[0] in tables and (rows is None or (one[0], one[2]) in rows)]


def _field_of(source: Source, row: Row) -> list[str] | None:
    found = source.get('customfield', row.get('custom_field_id'))
    return [found['linked_object_type'], found['machine_name']] if found else None


def fingerprint(source: Source) -> list[Any]:
    """What tells one older database from another: its oldest admin and its oldest company."""
    admin, company = (next(iter(source.rows(table)), {}) for table in ('admin', 'company'))
    said = [admin.get('id'), admin.get('tc2_admin_id'), company.get('id'), company.get('tc2_agency_id')]
    return [source.generation, *said]


def price_plan(raw: Any) -> str | None:
    """D-17: the part after the last hyphen. Raises ValueError for a plan that nobody knows."""
    told = wire.text(raw) if raw is not None else None
    plan = told.rpartition('-')[2].strip().lower() if told else None
    if plan and plan not in PLANS:
        raise ValueError('no plan that we know')
    return plan


def json_text(raw: Any) -> str | None:
    """TC-14: an object as JSON text with ordered keys, a text as it is; empty ones are nothing."""
    return wire.json_text(raw) if raw else None


Reader = Callable[[Any], Value]
DATES: Final = ('created', 'pay0_dt', 'pay1_dt', 'pay3_dt', 'gclid_expiry_dt', 'email_confirmed_dt', 'card_saved_dt')
TEXTS: Final = ('name', 'website', 'estimated_income', 'currency', 'tc2_status', 'gclid', 'utm_source', 'utm_campaign')
COMPANY: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(TEXTS, wire.text),
    **dict.fromkeys(DATES, wire.day),
    'price_plan': price_plan,
    'signup_questionnaire': json_text,
    'paid_invoice_count': wire.whole,
    'tc2_agency_id': wire.whole,
    'narc': wire.truth,
    'has_booked_call': wire.truth,
    'has_signed_up': wire.truth,
}
CONTACT: Final[Mapping[str, Reader]] = dict.fromkeys(('first_name', 'last_name', 'email', 'phone'), wire.text)
DEAL: Final[Mapping[str, Reader]] = {
    **{name: reader for name, reader in COMPANY.items() if name not in ('name', 'narc', 'created')},
    'status': wire.text,
}
"""A closed deal of the newest version keeps the company's values of its time."""
ADMIN: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(('first_name', 'last_name', 'timezone'), wire.text),
    **dict.fromkeys(ROLES, wire.truth),
    **{f'sells_{name}': wire.truth for name in (*PLANS, 'us', 'gb', 'au', 'ca', 'eu', 'row')},
}
READERS: Final = {'company': COMPANY, 'contact': CONTACT, 'deal': DEAL, 'admin': ADMIN}


def said(row: Row, readers: Mapping[str, Reader]) -> dict[str, Value]:
    """What a row says in our terms; what cannot be read, and what is empty, is left out."""
    found: dict[str, Value] = {}
    for name, read in readers.items():
        if row.get(name) is None:
            continue
        try:
            value = read(row[name])
        except ValueError:
            continue
        if value is not None:
            found[name] = value
    return found
