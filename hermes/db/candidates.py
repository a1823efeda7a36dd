"""Candidates: which records somebody has to look at before a row is applied, beside those that it names by id.

What matching asks for (domain/matching.py), what names an object that nobody knows yet, and what hangs on objects that
are merged. Reads only.
"""

from typing import Final

from hermes.db.codec import dump
from hermes.db.pool import Connection
from hermes.domain.matching import Keys
from hermes.domain.model import RecordRef, RemoteRef
from hermes.domain.record_types import UNDER_COMPANY

CANDIDATES: Final = 50
"""More records of one name or phone than this are not looked at."""
UNDER: Final = ' '.join(f"union select '{table}', id from {table} where id = any(%(ids)s)" for table in UNDER_COMPANY)


async def naming(connection: Connection, unknown: list[RemoteRef]) -> set[RecordRef]:
    """Contacts and deals, of any company, and stages, whose object names one of these that are not known yet
    (PD-DEAL-2, PD-PER-4, PD-STAGE-1).
    """
    persons, organizations, pipelines, stages = (
        [ref.remote_id for ref in unknown if ref.type == kind]
        for kind in ('person', 'organization', 'pipeline', 'stage')
    )
    if not (persons or organizations or pipelines or stages):
        return set()
    rows = await connection.execute(
        'select l.record_type, l.record_id from mirror m join link l using (system, type, remote_id) where '
        "(m.type = 'deal' and m.runs #>> '{contact_id,-1,0}' = any(%s)) or "
        "(m.type in ('person', 'deal') and m.runs #>> '{company_id,-1,0}' = any(%s))",
        (persons, organizations),
    )
    found = {RecordRef(row['record_type'], row['record_id']) for row in await rows.fetchall()}
    if pipelines or stages:
        rows = await connection.execute(
            'select l.record_type, l.record_id from mirror m join link l using (system, type, remote_id) where '
            "(m.type in ('deal', 'stage') and m.runs #>> '{pipeline_id,-1,0}' = any(%s)) or "
            "(m.type = 'deal' and m.runs #>> '{stage_id,-1,0}' = any(%s))",
            (pipelines, stages),
        )
        found |= {RecordRef(row['record_type'], row['record_id']) for row in await rows.fetchall()}
    return found


async def under(connection: Connection, records: list[RecordRef]) -> set[RecordRef]:
    """Deals and meetings, of any company, that name one of these contacts and deals."""
    contacts, deals = ([ref.id for ref in records if ref.type == kind] for kind in ('contact', 'deal'))
    if not (contacts or deals):
        return set()
    rows = await connection.execute(
        "select 'deal' as type, id from deal where contact_id = any(%s) union all "
        "select 'meeting', id from meeting where contact_id = any(%s) or deal_id = any(%s)",
        (contacts, contacts, deals),
    )
    return {RecordRef(row['type'], row['id']) for row in await rows.fetchall()}


async def candidates(connection: Connection, keys: list[Keys]) -> set[RecordRef]:
    """Records that matching has to look at."""
    ids = sorted({number for key in keys for number in key.hermes_ids})
    held = {(kind, number) for key in keys for kind, _, number in (name.partition(':') for name in key.held)}
    objects = [{'type': kind, 'remote_id': number} for kind, number in sorted(held)]
    agencies = sorted(int(number) for kind, number in held if kind == 'agency' and int(number) < 2**63)
    own = sorted({key.own for key in keys if key.own})
    names = sorted({name for key in keys for name in key.names})
    emails = sorted({email for key in keys for email in key.emails})
    phones = sorted({phone for key in keys for phone in key.phones})
    if not (ids or objects or own or names or emails or phones):
        return set()
    rows = await connection.execute(
        f"""
        select 'company' as type, id from company where id = any(%(ids)s) or tc2_agency_id = any(%(agencies)s)
        {UNDER}
        union select l.record_type, l.record_id from jsonb_to_recordset(%(objects)s) as o(type text, remote_id text)
          join link l using (type, remote_id) where l.record_type = 'company'
        union select l.record_type, l.record_id from mirror m join link l using (system, type, remote_id)
          where m.names <> '{{}}' and m.names && %(own)s::text[]
        union select 'company', company_id from contact where email_keys && %(emails)s::text[]
        union select 'company', p.company_id from unnest(%(phones)s::text[]) as k(phone), lateral
          (select company_id from contact where phone_keys @> array[k.phone] order by id desc limit %(most)s) p
        union select 'company', c.id from unnest(%(names)s::text[]) as k(name), lateral
          (select id from company where name_key = k.name order by id desc limit %(most)s) c
        """,
        {
            'ids': ids, 'objects': dump(objects), 'agencies': agencies, 'own': own, 'emails': emails,
            'phones': phones, 'names': names, 'most': CANDIDATES,
        },
    )  # fmt: skip
    return {RecordRef(row['type'], row['id']) for row in await rows.fetchall() if row['id'] is not None}
