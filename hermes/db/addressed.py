"""Who of the host's users somebody is, by address, and what the host names them by (S10)."""

from typing import Final

USERS: Final = """
    with told as (
      select lower(email) as email from app_user where id = any(%(ids)s) and email is not null union
      select lower(email) from subscription where id = any(%(ids)s) and email is not null union
      select k.key from contact c, unnest(c.email_keys) as k(key) where c.id = any(%(contacts)s) and not exists (
        select from contact o where o.email_keys @> array[k.key] and not o.id = any(%(contacts)s) and o.tombstone ->>
          'kind' is distinct from 'erased')
    )
    select 'app_user' as type, id from app_user where lower(email) in (select email from told) union
    select 'subscription', id from subscription where lower(email) in (select email from told)
"""
"""App users and subscriptions with an address of somebody that nobody else has (AU-20)."""
NAMED: Final = """
    select key from person_key where record_id = any(%(ids)s)
"""
