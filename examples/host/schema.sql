-- The host's own tables, in a schema of their own: beside Hermes's tables, or in another database altogether.
do $$ begin
  if to_regnamespace('reader_app') is null then create schema reader_app; end if;
end $$;

create table if not exists reader_app.account (
  id bigint generated always as identity primary key,
  email text not null, first_name text not null, last_name text not null, lang text not null default 'en',
  deleted boolean not null default false,
  -- What the host learns from Hermes's feed, and never writes by itself:
  crm_id text, crm_state text not null default '', is_sustainer boolean not null default false
);
create unique index if not exists account_email on reader_app.account (lower(email)) where not deleted;

-- What Hermes is still to be told over HTTP. A row is written in the transaction of what it tells of, so that a sign-up
-- that is rolled back leaves none, and one that is committed is never forgotten.
create table if not exists reader_app.outbox (
  id bigint generated always as identity primary key,
  what text not null, told jsonb not null, refused text
);

-- How far the feed was read.
create table if not exists reader_app.feed_cursor (
  id boolean primary key default true check (id), after bigint not null default 0
);
insert into reader_app.feed_cursor default values on conflict do nothing;
