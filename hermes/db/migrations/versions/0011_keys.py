"""Keys for matching beside the values: of names, of each e-mail and phone of a contact, of what objects hold of others.

What is there already gets its keys here, as the programs compute them from now on.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from alembic import op

from hermes.domain.identity import named, values_of
from hermes.kit import phones
from hermes.kit.spelling import fold, fold_email

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

BATCH = 1_000
UP = """
alter table company add column name_key text;
alter table contact add column email_keys text[] not null default '{}';
alter table contact add column phone_keys text[] not null default '{}';
alter table mirror add column names text[] not null default '{}';
"""
INDEX = """
drop index company_name; drop index contact_email; drop index contact_phone;
create index company_name on company (name_key);
create index contact_email on contact using gin (email_keys);
create index contact_phone on contact using gin (phone_keys);
create index mirror_names on mirror using gin (names) where names <> '{}';
"""
DOWN = """
drop index mirror_names; drop index company_name; drop index contact_email; drop index contact_phone;
alter table mirror drop column names;
alter table contact drop column email_keys, drop column phone_keys;
alter table company drop column name_key;
create index company_name on company (lower(regexp_replace(btrim(name), '\\s+', ' ', 'g')));
create index contact_email on contact (lower(email));
create index contact_phone on contact (regexp_replace(phone, '[^0-9]', '', 'g'));
"""
CONTACTS = """
select c.id, c.email, c.phone, o.country, coalesce(jsonb_agg(m.runs) filter (where m.runs is not null), '[]') as runs
from contact c left join company o on o.id = c.company_id
left join link l on l.record_type = 'contact' and l.record_id = c.id
left join mirror m on (m.system, m.type, m.remote_id) = (l.system, l.type, l.remote_id) and m.merged_into is null
where c.alias_of is null group by c.id, o.country order by c.id
"""
OBJECTS = "select system, type, remote_id, runs from mirror where type in ('organization', 'client')"


def upgrade() -> None:
    driver = _driver()
    driver.execute(UP)
    _write(
        'update company set name_key = %s where id = %s',
        ((fold(name), number) for number, name in _rows("select id, name from company where name <> ''")),
    )
    _write('update contact set email_keys = %s, phone_keys = %s where id = %s', map(_contact, _rows(CONTACTS)))
    _write(
        'update mirror set names = %s where (system, type, remote_id) = (%s, %s, %s)',
        ((list(names), *ref) for *ref, runs in _rows(OBJECTS) if (names := named(ref[1], partial(_current, runs)))),
    )
    driver.execute(INDEX)


def downgrade() -> None:
    _driver().execute(DOWN)


def _contact(row: Any) -> tuple[list[str], list[str], int]:
    number, email, phone, country, objects = row
    emails, telephones = {email} - {None, ''}, {phone} - {None, ''}
    for runs in objects:
        emails |= set(values_of(partial(_current, runs), 'email'))
        telephones |= set(values_of(partial(_current, runs), 'phone'))
    found = {key for told in telephones for key in phones.keys(told, country)}
    return sorted(map(fold_email, emails)), sorted(found), number


def _current(runs: Any, name: str) -> Any:
    told = runs.get(name)
    return told[-1][0] if told else None


def _rows(query: str) -> Iterator[Any]:
    """Read by a cursor of the server: what objects said may be larger than memory."""
    with _driver().cursor('read') as cursor:
        cursor.itersize = BATCH
        yield from cursor.execute(query)


def _write(query: str, rows: Iterable[Any]) -> None:
    kept = list(rows)
    with _driver().cursor() as cursor:
        cursor.executemany(query, kept)


def _driver() -> Any:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    return driver
