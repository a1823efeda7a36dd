create extension if not exists btree_gist;

-- A command that was refused is over: nobody has to mend it.
alter table event drop constraint event_state_check;
alter table event add constraint event_state_check check (state in ('new', 'waiting', 'done', 'parked', 'refused'));

alter table admin
  add column working_hours jsonb,
  add column days_off jsonb,
  add column meeting_dur_mins bigint,
  add column meeting_buffer_mins bigint,
  add column daily_cap bigint,
  add column bookable boolean not null default true;

create index contact_phone on contact (regexp_replace(phone, '[^0-9]', '', 'g'));

-- A planned or past talk with a contact. `uid` is drawn when it is booked: the stable part of the calendar's event id and
-- of the ICS file. `round` counts the times that its event had to be made anew (another admin, an id that was taken).
create table meeting (
  id bigint primary key default nextval('record_id'),
  company_id bigint references company on delete restrict,
  contact_id bigint references contact,
  deal_id bigint references deal,
  admin_id bigint references admin,
  uid text not null,
  kind text,
  status text,
  start_at timestamptz,
  end_at timestamptz,
  buffer_s bigint,
  sequence bigint,
  round bigint,
  canceled_by text,
  zone text,
  extra jsonb not null default '{}',
  claims jsonb not null default '{}',
  tombstone jsonb,
  alias_of bigint references meeting (id),
  born_event bigint not null default 0
);
create unique index meeting_uid on meeting (uid);
create index meeting_company on meeting (company_id);
create index meeting_contact on meeting (contact_id, start_at) where status = 'planned';
create index meeting_admin on meeting (admin_id, start_at) where status = 'planned';

-- A slot that is reserved while its form is open (CB-12). The token is kept hashed.
create table hold (
  id bigint generated always as identity primary key,
  token_hash bytea not null,
  client_hash bytea not null,
  admin_id bigint not null references admin,
  start_at timestamptz not null,
  end_at timestamptz not null,
  made_at timestamptz not null default hermes_now(),
  expires_at timestamptz not null
);
create unique index hold_token on hold (token_hash);
create index hold_client on hold (client_hash, expires_at);
create index hold_expiry on hold (expires_at);

-- What an admin's time is taken by: planned meetings and holds, their buffer included. The constraint is CB-4.
create table occupancy (
  id bigint generated always as identity primary key,
  admin_id bigint not null references admin,
  during tstzrange not null,
  meeting_id bigint references meeting on delete cascade,
  hold_id bigint references hold on delete cascade,
  constraint occupancy_of_one check ((meeting_id is null) <> (hold_id is null)),
  constraint occupancy_alone exclude using gist (admin_id with =, during with &&)
);
create unique index occupancy_meeting on occupancy (meeting_id);
create unique index occupancy_hold on occupancy (hold_id);

-- The ledger of the round robin (API-3): one row a turn. `queue` names the people's order of equals ('sales:payg:gb').
create table turn (
  id bigint generated always as identity primary key,
  queue text not null,
  admin_id bigint not null references admin,
  client_hash bytea,
  why text not null,
  at timestamptz not null default hermes_now(),
  company_id bigint references company,
  booked_at timestamptz,
  returned_at timestamptz,
  constraint turn_why_check check (why in ('drawn', 'assigned', 'booked'))
);
create index turn_queue on turn (queue, admin_id) where returned_at is null;
create index turn_client on turn (client_hash, at) where why = 'drawn';
create index turn_company on turn (company_id);

-- What public visitors have used of what they are allowed (CB-18). Addresses and e-mails are kept as keyed hashes.
create table allowance (
  id bigint generated always as identity primary key,
  kind text not null,
  client_hash bytea not null,
  at timestamptz not null default hermes_now()
);
create index allowance_client on allowance (kind, client_hash, at);
create index allowance_at on allowance (at);

-- Proofs of work that were handed in already: each counts once.
create table spent_challenge (
  digest bytea primary key,
  expires_at timestamptz not null
);

-- Letters about meetings: one row for each that has to be sent, with the moment when it is due.
create table letter (
  id bigint generated always as identity primary key,
  meeting_id bigint not null references meeting,
  kind text not null,
  sequence bigint not null,
  due_at timestamptz not null,
  state text not null default 'due',
  reason text not null default '',
  attempts integer not null default 0,
  message_id text not null,
  leased_until timestamptz,
  sent_at timestamptz,
  constraint letter_once unique (meeting_id, kind, sequence),
  constraint letter_state_check check (state in ('due', 'sent', 'dropped', 'parked')),
  constraint letter_kind_check check (kind in ('confirmation', 'moved', 'cancelled', 'reminder', 'apology'))
);
create index letter_due on letter (due_at) where state = 'due';

-- Each calendar that is followed: how far it was read, and the channel through which it tells of changes (CB-15).
create table followed_calendar (
  calendar text primary key,
  sync_token text,
  synced_at timestamptz,
  due_at timestamptz,
  leased_until timestamptz,
  channel_id text,
  resource_id text,
  channel_until timestamptz,
  attempts integer not null default 0,
  problem text not null default ''
);
create index followed_calendar_due on followed_calendar (due_at);
