"""Candidates: which records somebody has to look at before a row is applied, beside those that it names by id.

What matching asks for (domain/matching.py), what names an object that nobody knows yet, and what hangs on objects that
are merged. Reads only.
"""

from typing import Final

from hermes.db.pool import Connection
from hermes.domain.matching import Keys
from hermes.domain.model import RecordRef, RemoteRef

CANDIDATES: Final = 50
"""More records of one name or e-mail than this are not looked at."""


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
    clients = sorted({client for key in keys for client in key.clients})
    organizations = sorted({organization for key in keys for organization in key.organizations})
    agencies = sorted({agency for key in keys for agency in key.agencies})
    names = sorted({name for key in keys for name in key.names})
    emails = sorted({email for key in keys for email in key.emails})
    if not (ids or clients or organizations or agencies or names or emails):
        return set()
    rows = await connection.execute(
        """
        select 'company' as type, id from company where id = any(%(ids)s) or tc2_agency_id = any(%(agencies)s)
        union select 'contact', id from contact where id = any(%(ids)s)
        union select 'deal', id from deal where id = any(%(ids)s)
        union select 'meeting', id from meeting where id = any(%(ids)s)
        union select record_type, record_id from link
          where (system = 'tutorcruncher' and type = 'client' and remote_id = any(%(clients)s))
             or (system = 'pipedrive' and type = 'organization' and remote_id = any(%(organizations)s))
        union select 'company', company_id from contact where lower(email) = any(%(emails)s)
        union select 'company', c.id from unnest(%(names)s::text[]) as n(name),
          lateral (select id from company where lower(regexp_replace(btrim(name), '\\s+', ' ', 'g')) = lower(n.name)
            order by id desc limit %(most)s) c
        """,
        {
            'ids': ids, 'clients': clients, 'organizations': organizations, 'agencies': agencies,
            'emails': emails, 'names': names, 'most': CANDIDATES,
        },
    )  # fmt: skip
    return {RecordRef(row['type'], row['id']) for row in await rows.fetchall() if row['id'] is not None}
