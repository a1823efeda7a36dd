"""Many companies, made by SQL in seconds: each with a contact, a deal and a client, their events, their journal and a
day's calls, and as many pushes waiting as are asked for. Beside them a step is measured.
"""

from typing import Any, Final

import psycopg

EVENTS: Final = """
    insert into event (source, kind, dedupe_key, body, state, received_at, applied_at, outcome, applied_seq)
    select 'tutorcruncher', 'webhook', sha256(convert_to('crowd ' || n, 'UTF8')), convert_to('{}', 'UTF8'), 'done',
      at, at, jsonb_build_array(jsonb_build_object('about', jsonb_build_array('tutorcruncher:client:' || 5000000 + n),
      'notes', '[]'::jsonb, 'changes', 1, 'records', '[]'::jsonb)), nextval('applied_seq')
    from (select n, hermes_now() - make_interval(secs => 86400.0 * n / (5 * %(companies)s)) as at
          from generate_series(1, 5 * %(companies)s) n) e
"""
RECORDS: Final = """
    with made as (
      insert into company (name, name_key, country, tc2_agency_id, tc2_cligency_id)
      select 'Crowd Tutors ' || n, 'crowd tutors ' || n, 'GB', 5000000 + n, 5000000 + n
      from generate_series(1, %(companies)s) n returning id, name, tc2_agency_id - 5000000 as n
    ), people as (
      insert into contact (company_id, first_name, last_name, email, email_keys)
      select id, 'Ada', 'Crowd ' || n, 'ada@c' || n || '.example', array['ada@c' || n || '.example'] from made
      returning id, company_id
    )
    insert into deal (company_id, contact_id, title, status)
    select m.id, p.id, m.name, 'open' from made m join people p on p.company_id = m.id
"""
MIRRORS: Final = """
    with made as (
      insert into mirror (system, type, remote_id, version, runs, event_id, owned)
      select 'tutorcruncher', 'client', tc2_cligency_id::text, '[1767225600, 0]', '{}', (select min(id) from event),
        true
      from company where tc2_cligency_id > 5000000 returning remote_id
    )
    insert into link (system, type, remote_id, record_type, record_id, is_primary, state)
    select 'tutorcruncher', 'client', m.remote_id, 'company', c.id, true, 'live'
    from made m join company c on c.tc2_agency_id = m.remote_id::bigint
"""
OF_ALL: Final = """
    select 'company' as record_type, id, id as graph_id, 0 as rank from company where tc2_agency_id > 5000000
    union all select 'contact', t.id, c.id, 1 from contact t join company c on c.id = t.company_id
      where c.tc2_agency_id > 5000000
    union all select 'deal', t.id, c.id, 2 from deal t join company c on c.id = t.company_id
      where c.tc2_agency_id > 5000000
"""
JOURNAL: Final = f"""
    insert into change (record_type, record_id, field, new, system, rule, event_id, at)
    select record_type, id, field, '1', 'tutorcruncher', 'E-1', (select max(id) from event), hermes_now()
    from ({OF_ALL}) r, unnest(array['born', 'name']) field
"""
CALLS: Final = f"""
    insert into call (system, op, type, remote_id, record_type, record_id, lane, tokens, status, started_at, ended_at,
      rule)
    select 'pipedrive', case when id %% 2 = 0 then 'update' else 'create' end, record_type, id::text, record_type, id,
      'webhook', 5, 200, date_trunc('day', hermes_now()), date_trunc('day', hermes_now()), 'E-1' from ({OF_ALL}) r
"""
WAITING: Final = """
    insert into push (record_type, record_id, system, graph_id, rank, due_at)
    select 'company', id, 'pipedrive', id, 0, hermes_now() - interval '1 hour'
    from (select id from company c where tc2_agency_id > 5000000 and not exists (select from push p where
      p.record_type = 'company' and p.record_id = c.id) order by id limit %(first)s) c
"""
BEHIND: Final = """
    insert into push (record_type, record_id, system, graph_id, rank, due_at)
    select 'company', -n, 'pipedrive', -n, 0, hermes_now() - make_interval(secs => 60 + n %% 600)
    from generate_series(1, %(behind)s) n on conflict do nothing
"""
"""Those whose turn never comes."""


def wait(url: str, first: int, behind: int) -> None:
    """So many companies wait to be made, and so many pushes wait behind them."""
    execute(url, WAITING, {'first': first})
    execute(url, BEHIND, {'behind': behind})


def fill(url: str, companies: int) -> None:
    """So many companies with all that they have."""
    for statement in (EVENTS, RECORDS, MIRRORS, JOURNAL, CALLS):
        execute(url, statement, {'companies': companies})


def execute(url: str, statement: str, parameters: Any = None) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode(), parameters)
