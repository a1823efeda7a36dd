"""What people look through is found by an index: events by source, kind, state, cause and by what they speak of,
records by the order in which they are listed and by a part of a name.

Postgres's own `pg_trgm` finds parts of texts; it comes with the server and any owner of a database may switch it on.
"""

from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None

UP = r"""
create extension if not exists pg_trgm;
create index event_source on event (source, kind, id);
create index event_cause on event (cause_id) where cause_id is not null;
create index event_aside on event (state, id) where state in ('parked', 'refused', 'dismissed');
drop index event_parked;
create index event_about on event using gin (jsonb_path_query_array(outcome, '$[*].about[*]'))
  where outcome is not null;
create index company_searched on company using gin ((lower(coalesce(name, '') || ' ' || coalesce(website, '') || ' '
  || extra::text)) gin_trgm_ops);
create index contact_searched on contact using gin ((lower(coalesce(first_name, '') || ' ' || coalesce(last_name, '')
  || ' ' || coalesce(email, '') || ' ' || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g') || ' '
  || extra::text)) gin_trgm_ops);
create index deal_searched on deal using gin ((lower(coalesce(title, '') || ' ' || extra::text)) gin_trgm_ops);
drop index company_name;
create index company_name on company (name_key, id);
create index company_created on company (created, id);
create index contact_last_name on contact (last_name, id);
create index link_remote on link (remote_id);
create index deal_title on deal (title, id);
create index meeting_start on meeting (start_at, id);
"""
ACTS = """
update event e set outcome = jsonb_set(case when jsonb_typeof(e.outcome) = 'array' and jsonb_typeof(e.outcome -> 0) =
  'object' then e.outcome else '[{}]' end, '{0,about}', t.about)
from (
  select id, (select jsonb_agg(distinct (value ->> 0) || ':' || (value ->> 1)) from jsonb_each(told) as v(name, value)
    where jsonb_typeof(value) = 'array' and jsonb_array_length(value) = 2 and jsonb_typeof(value -> 0) = 'string'
      and jsonb_typeof(value -> 1) = 'number') as about
  from (select id, convert_from(body, 'UTF8')::jsonb as told from event where kind = 'act' and body is not null
    and state in ('done', 'refused')) a where jsonb_typeof(told) = 'object'
) t where t.id = e.id and t.about is not null
"""
DOWN = """
drop index meeting_start; drop index deal_title; drop index link_remote; drop index contact_last_name;
drop index company_created;
drop index company_name;
create index company_name on company (name_key);
drop index deal_searched; drop index contact_searched; drop index company_searched;
drop index event_about;
create index event_parked on event (id) where state = 'parked';
drop index event_aside; drop index event_cause; drop index event_source;
drop extension pg_trgm;
"""


def upgrade() -> None:
    _run(ACTS)
    _run(UP)


def downgrade() -> None:
    _run(DOWN)


def _run(script: str) -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(script)
