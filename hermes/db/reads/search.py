"""Everything that a text may mean: records by name, e-mail address, phone number, title or any id; remote objects that
belong to nobody; events and decisions by their numbers. Reads only.
"""

import re
from contextlib import suppress
from typing import Any, Final

from psycopg import Connection, sql

from hermes.db.reads.lookup import Row, find_record, rows
from hermes.db.reads.meetings import PUBLIC
from hermes.domain.errors import Refused
from hermes.kit.spelling import fold, fold_email
from hermes.kit.texts import read_number

PERSON: Final = "concat_ws(' ', first_name, last_name)"
CALL: Final = "kind || ' call, ' || to_char(start_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || 'Z'"
PLACES: Final = {
    'company': ('name', {'name': 'name', 'website': 'website', 'other fields': 'extra::text'}),
    'contact': (PERSON, {'name': PERSON, 'e-mail': 'email', 'phone': 'phone', 'other fields': 'extra::text'}),
    'deal': ('title', {'title': 'title', 'other fields': 'extra::text'}),
    'meeting': (CALL, {'uid': 'uid'}),
    'admin': (PERSON, {'name': PERSON, 'e-mail': 'email'}),
    'pipeline': ('name', {'name': 'name'}),
    'stage': ('name', {'name': 'name'}),
    'app_user': (PERSON, {'e-mail': 'email', 'user id': 'user_id', 'CRM id': 'crm_id'}),
    'subscription': ('email', {'e-mail': 'email'}),
}
"""Of each type of record: what one is called, and the texts that are searched."""
KEYS: Final = {
    'company': {'name': 't.name_key = %(name_key)s'},
    'meeting': {'number': f'{PUBLIC} = %(number)s'},
    'contact': {'e-mail': 't.email_keys @> %(email_keys)s::text[]', 'phone': 't.phone_keys && %(phone_keys)s::text[]'},
}
"""By what else one is found (MATCH-10): every address and phone, however it is written; the number of a booking."""
EXTRA: Final = "' ' || t.extra::text"
SEARCHED: Final = {
    'company': f"lower(coalesce(t.name, '') || ' ' || coalesce(t.website, '') || {EXTRA})",
    'contact': "lower(coalesce(t.first_name, '') || ' ' || coalesce(t.last_name, '') || ' ' || coalesce(t.email, '') "
    f"|| ' ' || regexp_replace(coalesce(t.phone, ''), '[^0-9]', '', 'g') || {EXTRA})",
    'deal': f"lower(coalesce(t.title, '') || {EXTRA})",
}
"""The text of a row of `t` in which a part is found by an index (migration 0020)."""
NUMBERS: Final = {
    'company': ('tc2_agency_id', 'tc2_cligency_id', 'pd_org_id'),
    'admin': ('tc2_admin_id', 'pd_owner_id'),
}
LINKED: Final = 'select array(select record_id from link where remote_id = %(text)s) as ids'
HITS: Final = """
    select {type} as type, t.id, t.called as title, t.tombstone is not null as deleted,
           array_remove({hits}, null) as hits,
           array(select concat_ws(':', system, type, remote_id) from link
                 where record_type = {type} and record_id = t.id and state = 'live'
                 order by is_primary desc, system, type, remote_id) as links
    from (select {title} as called, t.* from {table} t where {found}) as t
    where t.alias_of is null and (t.tombstone is null or %(deleted)s) and cardinality(array_remove({hits}, null)) > 0
    order by lower(t.called) = lower(%(text)s) desc, t.id desc limit %(limit)s
"""
NOBODYS: Final = """
    select 'remote object' as type, concat_ws(':', system, type, remote_id) as id, '' as title,
           m.deleted is not null as deleted, array['belongs to no record'] as hits, array[]::text[] as links
    from mirror m
    where not owned and (remote_id = %(text)s or runs::text ilike %(pattern)s) and (deleted is null or %(deleted)s)
      and not exists (select from link l where (l.system, l.type, l.remote_id) = (m.system, m.type, m.remote_id))
    order by 2 limit %(limit)s
"""
"""What is owned has a link for certain; of the few others, which have an index, each is looked at."""
NUMBERED: Final = """
    select 'event' as type, id, source || ' ' || kind as title, false as deleted, array['number'] as hits,
           array[]::text[] as links from event where id = %(number)s
    union all select 'decision', id, kind, false, array['number'], array[]::text[] from decision where id = %(number)s
"""
PHONE: Final = re.compile(r'\+?[\d\s()./-]+')
LEAST_DIGITS: Final = 5


def search(connection: Connection[Any], text: str, *, deleted: bool = False, limit: int = 50) -> list[Row]:
    """What `text` may mean, records first: type, id, title, hits (where it stands), links. What was deleted is left out
    (D-2) unless `deleted`; what `limit` would cut off is not looked for. Raises Refused for an empty text.
    """
    text = text.strip()
    if not text:
        raise Refused('Find what? A name, an e-mail address, a phone number, or an id.')
    wanted = asked_for(connection, text) | {'deleted': deleted, 'limit': limit}
    queries = [*map(_query, PLACES), NOBODYS, *([NUMBERED] if wanted['number'] is not None else [])]
    found: list[Row] = []
    for query in queries:
        if len(found) >= limit:
            break
        found += rows(connection, query, wanted)
    return found[:limit]


def asked_for(connection: Connection[Any], text: str) -> dict[str, Any]:
    """What a text may mean, as the conditions of searches name it."""
    from hermes.kit import phones  # what it loads is heavy, and whoever only lists events asks for nothing of it

    return {
        'text': text,
        'pattern': f'%{escape(text)}%',
        'phone': phone_pattern(text),
        'name_key': fold(text),
        'email_keys': [fold_email(text)],
        'phone_keys': sorted(phones.asked(phones.keys(text, None))),
        'number': read_number(text),
        'named': _named(connection, text),
        'linked': rows(connection, LINKED, {'text': text})[0]['ids'],
    }


def _named(connection: Connection[Any], text: str) -> int:
    """The id of the record that `text` names (`company:12`, a remote object), merges followed; 0 for none."""
    with suppress(Refused):
        return find_record(connection, text).record.id
    return 0


def _query(record_type: str) -> sql.Composed:
    title, places = PLACES[record_type]
    hits = ["case when t.id = %(named)s or t.id = %(number)s then 'id' end"]
    hits += [f"case when {column} ilike %(pattern)s then '{place}' end" for place, column in places.items()]
    hits += [f"case when {same} then '{place}' end" for place, same in KEYS.get(record_type, {}).items()]
    if 'phone' in places:
        hits.append("case when regexp_replace(phone, '[^0-9]', '', 'g') like %(phone)s then 'phone' end")
    hits += [f"case when {column} = %(number)s then '{column}' end" for column in NUMBERS.get(record_type, ())]
    hits.append("case when t.id = any(%(linked)s) then 'id elsewhere' end")
    return sql.SQL(HITS).format(
        type=sql.Literal(record_type),
        title=sql.SQL(title),
        found=sql.SQL(_found(record_type)),
        table=sql.Identifier(record_type),
        hits=sql.SQL(f'array[{", ".join(hits)}]'),
    )


def _found(record_type: str) -> str:
    """By what rows are found, each part by an index; `true` for types of which there are few."""
    if record_type not in SEARCHED:
        return 'true'
    told = [f'{SEARCHED[record_type]} like lower(%(pattern)s)', *KEYS.get(record_type, {}).values()]
    told += ['t.id = any(%(linked)s)', 't.id = %(named)s', 't.id = %(number)s']
    told += [f't.{column} = %(number)s' for column in NUMBERS.get(record_type, ())]
    told += [f'{SEARCHED[record_type]} like %(phone)s'] if record_type == 'contact' else []
    return ' or '.join(told)


def phone_pattern(text: str) -> str | None:
    """How a phone number is looked for: by its digits, with or without the country's; None for what is none."""
    digits = re.sub(r'\D', '', text).lstrip('0') if PHONE.fullmatch(text) else ''
    return f'%{digits}%' if len(digits) >= LEAST_DIGITS else None


def escape(text: str) -> str:
    """`text` for LIKE, every character as it is."""
    return re.sub(r'([\\%_])', r'\\\1', text)
