"""Everything that needs somebody (ADM-6): open questions, what was put aside, what stands in for something unknown.
Counted up to a cap, listed by key, each with its reason. Reads only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from psycopg import Connection, sql

from hermes.db.reads.lookup import Row, row, rows
from hermes.db.reads.search import PLACES
from hermes.domain.fields import FILLING
from hermes.domain.matters import EVENT, FIELD, LETTER, OWNER, PUSH, WORK, reason_of
from hermes.domain.model import RecordRef
from hermes.kit.texts import read_number

MOST: Final = 10_000
"""No more are counted."""
STUCK: Final = """
    (state = 'parked' or state = 'due' and attempts > 2)
    and exists (select from meeting m where m.id = meeting_id and m.end_at > hermes_now())
"""
"""Of a call that is over nobody needs a letter."""
MEETING: Final = """
    select m.id, coalesce(nullif(c.name, ''), nullif(concat_ws(' ', p.first_name, p.last_name), ''), m.kind || ' call')
      as title
    from meeting m left join company c on c.id = m.company_id left join contact p on p.id = m.contact_id
    where m.id = any(%(ids)s)
"""
UNKNOWN: Final = "claims ? 'substituted' and claims -> 'substituted' <> '{}' and tombstone is null and alias_of is null"
BROKEN: Final = f"problem <> '' and problem <> '{FILLING}'"
COUNTS: Final = f"""
    select kind, count(*) as many from (select kind from decision where state = 'open' limit {MOST + 1}) d group by kind
    union all select '{EVENT}', count(*) from (select from event where state = 'parked' limit {MOST + 1}) e
    union all select '{PUSH}', count(*) from (select from push where state <> 'ready' limit {MOST + 1}) p
    union all select '{LETTER}', count(*) from (select from letter where {STUCK} limit {MOST + 1}) l
    union all select '{OWNER}', count(*) from (select from company where {UNKNOWN} limit {MOST + 1}) c
    union all select '{FIELD}', count(*) from custom_field where {BROKEN}
"""
LISTS: Final[Mapping[str, str]] = {
    EVENT: """
        select id::text as key, id as place, received_at as at, null as record_type, null::bigint as record_id,
          coalesce(reason, '') as reason, source || ' ' || kind as name,
          jsonb_build_object('source', source, 'kind', kind, 'body', body is not null) as detail, source as system
        from event where state = 'parked'
    """,
    LETTER: f"""
        select id::text as key, id as place, due_at as at, 'meeting' as record_type, meeting_id as record_id,
          reason, kind as name, jsonb_build_object('state', state, 'attempts', attempts) as detail, '' as system
        from letter where {STUCK}
    """,
    OWNER: f"""
        select id::text as key, id as place, null::timestamptz as at, 'company' as record_type, id as record_id,
          '' as reason, coalesce(name, '') as name, claims -> 'substituted' as detail, '' as system
        from company where {UNKNOWN}
    """,
    FIELD: f"""
        select lower(linked_object_type) || '.' || machine_name as key,
          row_number() over (order by linked_object_type, machine_name) as place, null::timestamptz as at,
          null as record_type, null::bigint as record_id, problem as reason, linked_object_type || ': ' || name as name,
          '{{}}'::jsonb as detail, '' as system
        from custom_field where {BROKEN}
    """,
    PUSH: """
        select record_type || ':' || record_id || ':' || system as key, record_id as place,
          coalesce(dirty_at, due_at) as at, record_type, record_id, reason, state as name,
          detail || jsonb_build_object('state', state, 'ignored', ignored, 'attempts', attempts) as detail, system
        from push where state <> 'ready'
    """,
    '': """
        select id::text as key, id as place, at, record_type, record_id, '' as reason, kind as name, detail,
          coalesce(detail ->> 'system', detail -> 'object' ->> 0, '') as system
        from decision where state = 'open' and kind = %(kind)s
    """,
}
PAGE: Final = """
    select * from ({list}) matter
    where (%(record)s::text is null or record_type || ':' || record_id = %(record)s)
      and (%(system)s = '' or system = %(system)s)
      and (%(place)s::bigint is null or (place, key) {beyond} (%(place)s, %(key)s))
    order by place {order}, key {order} limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing that needs somebody. `key`: what it is known by among its kind; `called`: what its record is called."""

    kind: str
    key: str
    place: int
    at: datetime | None
    record: RecordRef | None
    reason: str
    name: str
    system: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    called: str = ''

    @property
    def at_key(self) -> str:
        """Where a page begins or ends."""
        return f'{self.place}.{self.key}'


@dataclass(frozen=True, slots=True)
class Matters:
    """A page of a list, newest first; `before` and `after`: where the next and the last page begin, '' for none."""

    items: list[Matter]
    before: str = ''
    after: str = ''


def count_matters(connection: Connection[Any]) -> dict[str, int]:
    """Kind -> how many, at most one more than MOST; only kinds of which there are some."""
    return {item['kind']: item['many'] for item in rows(connection, COUNTS) if item['many']}


def list_matters(
    connection: Connection[Any], kind: str, *, record: str = '', system: str = '', before: str = '', after: str = '',
    limit: int = 50,
) -> Matters:  # fmt: skip
    """A page of what needs somebody of one kind. `before`, `after`: where another page ended or began."""
    place, _, key = (after or before).partition('.')
    standing = read_number(place)
    known = standing is not None
    given = {
        'kind': kind, 'record': record or None, 'system': system, 'place': standing, 'key': key,
        'limit': limit + 1,
    }  # fmt: skip
    beyond, order = ('>', 'asc') if after and known else ('<', 'desc')
    query = PAGE.format(list=LISTS[kind if kind in WORK else ''], beyond=beyond, order=order)
    found = rows(connection, query, given)
    more, found = len(found) > limit, found[:limit]
    if order == 'asc':
        found.reverse()
    names = name_records(connection, (_record(item) for item in found))
    items = [_matter(kind, item, names) for item in found]
    if not items:
        return Matters([])
    is_first = not known if order == 'desc' else not more
    has_next = more if order == 'desc' else True
    return Matters(items, items[-1].at_key if has_next else '', '' if is_first else items[0].at_key)


def read_matter(connection: Connection[Any], kind: str, key: str) -> Matter | None:
    """What was put aside, or stands in for something unknown, by its key; None where it needs nobody (any more)."""
    found = row(connection, f'select * from ({LISTS[kind]}) matter where key = %(key)s', {'key': key})
    return None if found is None else _matter(kind, found, name_records(connection, [_record(found)]))


def read_calls(connection: Connection[Any], ref: RecordRef, system: str, limit: int = 5) -> list[Row]:
    """The last calls about a record: what was asked, and what the answer was."""
    return rows(
        connection,
        'select id, op, type, remote_id, status, reaction, rule, started_at, answer_event from call '
        'where record_type = %(type)s and record_id = %(id)s and system = %(system)s order by id desc limit %(limit)s',
        {**ref._asdict(), 'system': system, 'limit': limit},
    )


def name_records(connection: Connection[Any], refs: Iterable[RecordRef | None]) -> dict[RecordRef, str]:
    """What records are called; a call by whose it is."""
    wanted: dict[str, set[int]] = {}
    for ref in refs:
        if ref is not None and ref.type in PLACES:
            wanted.setdefault(ref.type, set()).add(ref.id)
    found: dict[RecordRef, str] = {}
    for record_type, ids in wanted.items():
        named = sql.SQL('select id, {title} as title from {table} where id = any(%(ids)s)').format(
            title=sql.SQL(PLACES[record_type][0]), table=sql.Identifier(record_type)
        )
        query = sql.SQL(MEETING) if record_type == 'meeting' else named
        for item in rows(connection, query, {'ids': sorted(ids)}):
            found[RecordRef(record_type, item['id'])] = item['title'] or ''
    return found


def name_shown(connection: Connection[Any], events: Iterable[Row]) -> dict[str, str]:
    """What the records of a list of events are called, by their 'company:12'."""
    told = (record.partition(':') for event in events for record in event['records'])
    refs = [RecordRef(record_type, int(number)) for record_type, _, number in told if number.isdigit()]
    return {f'{ref.type}:{ref.id}': name for ref, name in name_records(connection, dict.fromkeys(refs)).items()}


def _record(item: Row) -> RecordRef | None:
    return RecordRef(item['record_type'], item['record_id']) if item['record_type'] else None


def _matter(kind: str, item: Row, names: Mapping[RecordRef, str]) -> Matter:
    record, detail = _record(item), item['detail'] or {}
    reason = item['reason']
    if kind == OWNER:
        reason = '; '.join(f'{name.replace("_id", "").replace("_", " ")}: {told}' for name, told in detail.items())
    elif kind not in WORK:
        reason = reason_of(kind, detail)
    called = names.get(record, '') if record else ''
    return Matter(
        kind, item['key'], item['place'], item['at'], record, reason or 'no reason is known', item['name'],
        item['system'] or '', detail, called,
    )  # fmt: skip
