-- The spine: events, records, mirrors, pushes, and what stands beside them.

-- Time by this server's clock (leases and budgets of many machines must agree on one clock, OUT-14);
-- a test or the simulator sets hermes.now for its transaction.
create function hermes_now() returns timestamptz language sql stable as $$
  select coalesce(nullif(current_setting('hermes.now', true), '')::timestamptz, clock_timestamp())
$$;

-- Record ids start at a random multiple of 1 000 000, so that ids of a database that was reset mean nobody (OUT-4).
create sequence record_id;
select setval('record_id', (1 + floor(random() * 1000))::bigint * 1000000, true);
create sequence applied_seq;

-- event: what arrived, byte for byte. Unique by (source, dedupe_key).
create table event (
  id bigint generated always as identity primary key,
  source text not null,
  kind text not null,
  dedupe_key bytea not null,
  received_at timestamptz not null default hermes_now(),
  headers jsonb not null default '{}',
  body bytea,
  state text not null default 'new' check (state in ('new', 'waiting', 'done', 'parked')),
  due_at timestamptz not null default hermes_now(),
  attempts int not null default 0,
  reason text,
  applied_seq bigint,
  applied_at timestamptz,
  outcome jsonb,
  cause_id bigint references event (id),
  constraint event_once unique (source, dedupe_key)
);
create index event_due on event (due_at, id) where state in ('new', 'waiting');
create index event_parked on event (id) where state = 'parked';
create index event_applied on event (applied_seq) where applied_seq is not null;

-- records: what we believe. Common part of each: claims (what no remote object says), tombstone, alias, birth.
create table admin (
  id bigint primary key default nextval('record_id'),
  first_name text, last_name text, email text, timezone text,
  tc2_admin_id bigint unique,
  pd_owner_id bigint,
  active boolean not null default true,
  is_sales_person boolean not null default false, is_support_person boolean not null default false, is_bdr_person boolean not null default false,
  sells_payg boolean not null default false, sells_startup boolean not null default false, sells_enterprise boolean not null default false,
  sells_us boolean not null default false, sells_gb boolean not null default false, sells_au boolean not null default false,
  sells_ca boolean not null default false, sells_eu boolean not null default false, sells_row boolean not null default false,
  extra jsonb not null default '{}', claims jsonb not null default '{}', tombstone jsonb, alias_of bigint, born_event bigint not null default 0
);
create unique index admin_owner on admin (pd_owner_id) where pd_owner_id > 0;
create table pipeline (
  id bigint primary key default nextval('record_id'),
  name text, archived boolean not null default false, dft_entry_stage_id bigint,
  extra jsonb not null default '{}', claims jsonb not null default '{}', tombstone jsonb, alias_of bigint, born_event bigint not null default 0
);
create table stage (
  id bigint primary key default nextval('record_id'),
  name text, archived boolean not null default false, pipeline_id bigint,
  extra jsonb not null default '{}', claims jsonb not null default '{}', tombstone jsonb, alias_of bigint, born_event bigint not null default 0
);
create table company (
  id bigint primary key default nextval('record_id'),
  name text, country text, website text, estimated_income text, currency text,
  sales_person_id bigint references admin (id), support_person_id bigint references admin (id), bdr_person_id bigint references admin (id),
  tc2_status text, price_plan text, gclid text, signup_questionnaire text, utm_source text, utm_campaign text, referer text,
  created date, pay0_dt date, pay1_dt date, pay3_dt date, card_saved_dt date, email_confirmed_dt date, gclid_expiry_dt date,
  paid_invoice_count bigint, narc boolean, tc2_agency_id bigint, tc2_cligency_id bigint, tc2_cligency_url text, pd_org_id bigint,
  has_signed_up boolean, has_booked_call boolean, sales_call_count bigint, support_call_count bigint,
  extra jsonb not null default '{}', claims jsonb not null default '{}', tombstone jsonb,
  alias_of bigint references company (id), born_event bigint not null default 0
);
create index company_name on company (lower(regexp_replace(btrim(name), '\s+', ' ', 'g')));
create index company_agency on company (tc2_agency_id);
create table contact (
  id bigint primary key default nextval('record_id'),
  company_id bigint references company (id) on delete restrict,
  first_name text, last_name text, email text, phone text,
  extra jsonb not null default '{}', claims jsonb not null default '{}', tombstone jsonb,
  alias_of bigint references contact (id), born_event bigint not null default 0
);
create index contact_company on contact (company_id);
create index contact_email on contact (lower(email));
create table deal (
  id bigint primary key default nextval('record_id'),
  company_id bigint references company (id) on delete restrict,
  contact_id bigint references contact (id), admin_id bigint references admin (id),
  pipeline_id bigint references pipeline (id), stage_id bigint references stage (id),
  title text, status text,
  extra jsonb not null default '{}', claims jsonb not null default '{}', tombstone jsonb,
  alias_of bigint references deal (id), born_event bigint not null default 0
);
create index deal_company on deal (company_id);

-- change: the append-only journal of every field.
create table change (
  id bigint generated always as identity primary key,
  record_type text not null, record_id bigint not null, field text not null,
  old jsonb, new jsonb,
  system text not null, rule text not null, note text not null default '',
  event_id bigint not null references event (id), at timestamptz not null
);
create index change_record on change (record_type, record_id, id);
create index change_event on change (event_id);

-- mirror: what each remote object last said. link: whose it is.
create table mirror (
  system text not null, type text not null, remote_id text not null,
  version jsonb not null, runs jsonb not null default '{}', sent jsonb not null default '{}', merges jsonb not null default '[]',
  ours boolean not null default false, deleted jsonb, deleted_by text not null default '', merged_into text,
  reread_at timestamptz, corrections jsonb not null default '{}', event_id bigint not null default 0,
  seen jsonb not null default '[]',
  primary key (system, type, remote_id)
);
create index mirror_reread on mirror (reread_at) where reread_at is not null;
create index mirror_contact on mirror ((runs #>> '{contact_id,-1,0}')) where type = 'deal';
create index mirror_company on mirror ((runs #>> '{company_id,-1,0}')) where type in ('person', 'deal');
create table link (
  system text not null, type text not null, remote_id text not null,
  record_type text not null, record_id bigint not null,
  is_primary boolean not null,
  state text not null check (state in ('live', 'merged', 'deleted', 'erased')),
  primary key (system, type, remote_id),
  foreign key (system, type, remote_id) references mirror
);
create unique index link_primary on link (system, record_type, record_id) where is_primary and state = 'live';
create index link_record on link (record_type, record_id);

-- push: record R is dirty for system S.
create table push (
  record_type text not null, record_id bigint not null, system text not null,
  graph_id bigint not null, rank int not null,
  wanted bigint not null default 1, done bigint not null default 0,
  due_at timestamptz not null, lane text not null default 'webhook' check (lane in ('interactive', 'webhook', 'backfill')),
  state text not null default 'ready' check (state in ('ready', 'parked', 'held')),
  reason text not null default '', detail jsonb not null default '{}',
  attempts int not null default 0, ignored jsonb not null default '[]',
  intent jsonb, leased_by text, leased_until timestamptz, fence bigint not null default 0,
  last_write_at timestamptz, dirty_at timestamptz,
  primary key (record_type, record_id, system)
);
create index push_due on push (due_at) where wanted > done and state = 'ready';
create index push_graph on push (system, graph_id);
create index push_shown on push (state) where state <> 'ready';
create index push_intent on push (system) where intent is not null;

-- call: the ledger of every API request and what it cost.
create table call (
  id bigint generated always as identity primary key,
  system text not null, op text not null, type text not null default '', remote_id text not null default '',
  record_type text, record_id bigint, lane text not null, tokens int not null,
  intent_event bigint references event (id), answer_event bigint references event (id),
  status int, reaction text not null default '', started_at timestamptz not null, ended_at timestamptz
);
create index call_record on call (record_type, record_id, id);
create index call_started on call (system, started_at);

-- beside the nouns: configuration (changed by events) and what is derived.
create table setting (key text primary key, value jsonb not null);
create table custom_field (
  linked_object_type text not null, machine_name text not null,
  name text not null, field_type text not null,
  hermes_field_name text not null default '', tc2_machine_name text not null default '', pd_field_id text not null default '',
  policy text not null, remote_type text not null default '', options jsonb not null default '{}', problem text not null default '',
  primary key (linked_object_type, machine_name)
);
create unique index custom_field_code on custom_field (linked_object_type, pd_field_id) where pd_field_id <> '';
create table account (system text primary key, identity text not null, since timestamptz not null);
create table system_state (
  system text primary key, paused boolean not null default false, reason text not null default '', since timestamptz,
  blocked_until timestamptz
);
create table budget (
  system text primary key, burst_limit int not null, burst_window_s numeric not null, search_limit int not null,
  daily_limit bigint not null, day date, spent bigint not null default 0
);
create table reservation (
  id bigint generated always as identity primary key,
  system text not null, search boolean not null default false, lane text not null, tokens int not null,
  granted_at timestamptz not null, until timestamptz not null
);
create index reservation_open on reservation (system, until);
create table sweep (
  id bigint generated always as identity primary key,
  system text not null, type text not null, kind text not null,
  started_at timestamptz not null, finished_at timestamptz, cursor text, pages int not null default 0, items int not null default 0,
  tokens int not null default 0, state text not null default 'running', digest text not null default '', reason text not null default ''
);
create index sweep_type on sweep (system, type, kind, id);
create table worker (id text primary key, started_at timestamptz not null, seen_at timestamptz not null, host text not null, pid int not null);
create table refusal (
  id bigint generated always as identity primary key, source text not null, reason text not null, count int not null, at timestamptz not null
);
create table decision (
  id bigint generated always as identity primary key,
  kind text not null, record_type text, record_id bigint, key text not null, detail jsonb not null default '{}',
  state text not null default 'open', event_id bigint, at timestamptz not null,
  constraint decision_once unique (kind, key)
);
-- one row per writing of the catalogue or the settings, so that caches know when they are old
create table revision (name text primary key, number bigint not null);
insert into revision values ('catalogue', 1), ('setting', 1), ('directory', 1);
