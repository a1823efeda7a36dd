"""What an erasure reads and writes (S10): by what somebody is known, what speaks of them, and what stays in its place.

Nothing here decides what is hidden: rows come out, what is to stand there goes in.
"""

import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from hermes.db.addressed import NAMED, USERS
from hermes.db.catalogue import bump
from hermes.db.codec import dump
from hermes.db.events import EVENT_COLUMNS
from hermes.db.pool import Connection, Row, the_row
from hermes.db.stances import KEYS
from hermes.domain.model import RecordRef, RemoteRef
from hermes.domain.record_types import PEOPLE

BATCH: Final = 500

FAMILY: Final = """
    with recursive {table}s as (select id from {table} where id = any(%(ids)s) union
      select t.id from {table} t join {table}s f on t.alias_of = f.id) select id from {table}s
"""
"""A record with everything that was merged into it."""
UNDER: Final = """
    select 'contact' as type, id from contact where company_id = any(%(companies)s) union
    select 'deal', id from deal where company_id = any(%(companies)s) union
    select 'meeting', id from meeting where company_id = any(%(companies)s) or contact_id = any(%(contacts)s)
"""
OBJECTS: Final = """
    select l.system, l.type, l.remote_id, l.record_type, l.record_id, m.runs, m.sent from link l
    join mirror m using (system, type, remote_id)
    join jsonb_to_recordset(%s) as r(record_type text, record_id bigint) using (record_type, record_id)
"""
NOBODYS: Final = """
    select m.system, m.type, m.remote_id, m.runs, m.sent from mirror m left join link l using (system, type, remote_id)
    where l.record_id is null and m.type = any(%s) and m.runs::text ~* %s
"""
"""Objects of people that belong to no record, and name somebody."""
TOLD: Final = """
    select record_type, record_id, field, old, new from change
    join jsonb_to_recordset(%s) as r(record_type text, record_id bigint) using (record_type, record_id)
"""
SHARED: Final = """
    select distinct k.key from unnest(%(keys)s::text[]) as k(key) where exists (
      select from contact where {keys} @> array[k.key] and not id = any(%(own)s) and tombstone ->> 'kind' is distinct
        from 'erased')
"""
USED: Final = """
    select distinct k.key from unnest(%(keys)s::text[]) as k(key) where exists (
      select from app_user where lower(email) = k.key and tombstone is null and not id = any(%(own)s)) or exists (
      select from subscription where lower(email) = k.key and tombstone is null and not id = any(%(own)s))
"""
STAFF: Final = 'select email from admin where email is not null union select email from desk_user'
OWNERS: Final = """
    select l.system, l.type, l.remote_id, l.record_type, l.record_id,
      coalesce(case when l.record_type = 'company' then l.record_id end, c.company_id, d.company_id, g.company_id) as
      company
    from jsonb_to_recordset(%s) as r(system text, type text, remote_id text) join link l using (system, type, remote_id)
    left join contact c on l.record_type = 'contact' and c.id = l.record_id
    left join deal d on l.record_type = 'deal' and d.id = l.record_id
    left join meeting g on l.record_type = 'meeting' and g.id = l.record_id
"""
ELSEWHERE: Final = """
    select l.record_type as type, l.record_id as id from mirror m join link l using (system, type, remote_id)
      where m.runs::text ~* %(told)s or m.sent::text ~* %(told)s or m.runs::text ~ %(ids)s
    union select 'company', id from company t where to_jsonb(t)::text ~* %(told)s
    union select 'contact', id from contact t where to_jsonb(t)::text ~* %(told)s
    union select 'deal', id from deal t where to_jsonb(t)::text ~* %(told)s
    union select 'meeting', id from meeting t where to_jsonb(t)::text ~* %(told)s
"""
EVENTS: Final = """
    select distinct id from (
      select event_id as id from change join jsonb_to_recordset(%(records)s) as r(record_type text, record_id bigint)
        using (record_type, record_id)
      union select unnest(array[intent_event, answer_event]) from call
        join jsonb_to_recordset(%(records)s) as r(record_type text, record_id bigint) using (record_type, record_id)
      union select unnest(array[c.intent_event, c.answer_event]) from call c join jsonb_to_recordset(%(objects)s)
        as r(system text, type text, remote_id text) using (system, type, remote_id)
      union select m.event_id from mirror m join jsonb_to_recordset(%(objects)s)
        as r(system text, type text, remote_id text) using (system, type, remote_id)
    ) found where id > 0
"""
BESIDE: Final = {
    'person_key': 'delete from person_key where record_id = any(%(ids)s)',
    'crm_check': "update crm_check set code = '', excerpt = '' where record_id = any(%(ids)s) and "
    "record_type in ('app_user', 'subscription')",
    'feed': 'update feed set says = says || \'{"user_id": null, "crm_id": null, "state": "", '
    '"is_sustainer": false, "deleted": true}\' where record_id = any(%(ids)s)',
}
HUSK: Final = """
    insert into mirror (system, type, remote_id, version, ours, deleted, deleted_by, merged_into, event_id, owned)
    select system, type, %(sealed)s, version, ours, version, deleted_by, %(into)s, event_id, owned from mirror
      where (system, type, remote_id) = (%(system)s, %(type)s, %(remote_id)s)
    on conflict (system, type, remote_id) do nothing
"""
EMPTY: Final = """
    update mirror set runs = '{}', sent = '{}', merges = '[]', corrections = '{}', seen = '[]', names = '{}',
      reread_at = null, deleted = version, merged_into = null
    where (system, type, remote_id) = (%(system)s, %(type)s, %(remote_id)s)
"""
MOVE_LINK: Final = """
    update link set remote_id = %(sealed)s, is_primary = false, state = 'erased'
    where (system, type, remote_id) = (%(system)s, %(type)s, %(remote_id)s)
"""
DROP: Final = 'delete from mirror where (system, type, remote_id) = (%(system)s, %(type)s, %(remote_id)s)'


class Owner(NamedTuple):
    """Whose an object is, and under which company."""

    record: RecordRef
    company: int | None


Owners = Mapping[RemoteRef, Owner]


@dataclass(frozen=True, slots=True)
class Found:
    """An object of somebody, and what it says."""

    ref: RemoteRef
    record: RecordRef | None
    runs: Mapping[str, Any]
    sent: Mapping[str, Any]

    def values(self, name: str) -> list[Any]:
        """Everything that it ever said under a name, and that Hermes wrote there."""
        return [run[0] for run in self.runs.get(name, ())] + [entry[0] for entry in self.sent.get(name, ())]


def _records(records: Iterable[RecordRef]) -> str:
    return dump([{'record_type': ref.type, 'record_id': ref.id} for ref in records])


def _refs(refs: Iterable[RemoteRef]) -> str:
    return dump([ref._asdict() for ref in refs])


async def family(connection: Connection, record: RecordRef) -> set[RecordRef]:
    """A record with what was merged into it and what goes with it: a contact's calls, all of a company."""
    own = await _merged(connection, record.type, [record.id])
    companies = own if record.type == 'company' else []
    contacts = own if record.type == 'contact' else []
    found = {RecordRef(record.type, number) for number in own}
    rows = await connection.execute(UNDER, {'companies': companies, 'contacts': contacts})
    found |= {RecordRef(row['type'], row['id']) for row in await rows.fetchall()}
    return found | await _users(connection, found)


async def _users(connection: Connection, records: Collection[RecordRef]) -> set[RecordRef]:
    """The app users and subscriptions who are some contacts, or each other, by their addresses."""
    contacts = [ref.id for ref in records if ref.type == 'contact']
    ids = [ref.id for ref in records if ref.type in PEOPLE]
    rows = await connection.execute(USERS, {'ids': ids, 'contacts': contacts})
    return {RecordRef(row['type'], row['id']) for row in await rows.fetchall()}


async def keys(connection: Connection, records: Collection[RecordRef]) -> set[str]:
    """By what the host names some app users."""
    rows = await connection.execute(NAMED, {'ids': [ref.id for ref in records if ref.type in PEOPLE]})
    return {row['key'] for row in await rows.fetchall()}


async def used(connection: Connection, emails: Collection[str], own: Collection[RecordRef]) -> set[str]:
    """Which of these addresses are another app user's, who keeps them."""
    ids = [ref.id for ref in own if ref.type in PEOPLE]
    rows = await connection.execute(USED, {'keys': list(emails), 'own': ids})
    return {row['key'] for row in await rows.fetchall()}


async def empty_users(connection: Connection, records: Collection[RecordRef]) -> dict[str, int]:
    """What stands beside app users: by what they are named, their states, what the host was told; how many rows."""
    ids = [ref.id for ref in records if ref.type in PEOPLE]
    count = {}
    for table, query in BESIDE.items():
        count[table] = (await connection.execute(query, {'ids': ids})).rowcount
    return count


async def _merged(connection: Connection, table: str, ids: Sequence[int]) -> list[int]:
    rows = await connection.execute(FAMILY.format(table=table), {'ids': list(ids)})
    return [row['id'] for row in await rows.fetchall()]


async def objects(connection: Connection, records: Collection[RecordRef]) -> list[Found]:
    """The remote objects of some records."""
    rows = await (await connection.execute(OBJECTS, (_records(records),))).fetchall()
    return [_found(row) for row in rows]


async def nobodys(connection: Connection, types: Iterable[str], pattern: str) -> list[Found]:
    """Objects of these types that belong to no record, and say something like `pattern`."""
    rows = await (await connection.execute(NOBODYS, (list(types), pattern))).fetchall()
    return [_found(row) for row in rows]


def _found(row: Row) -> Found:
    record = RecordRef(row['record_type'], row['record_id']) if row.get('record_type') else None
    return Found(RemoteRef(row['system'], row['type'], row['remote_id']), record, row['runs'], row['sent'])


async def journal(connection: Connection, records: Collection[RecordRef]) -> list[Row]:
    """Every change of some records: record_type, record_id, field, old, new."""
    return await (await connection.execute(TOLD, (_records(records),))).fetchall()


async def shared(connection: Connection, kind: str, keys: Collection[str], own: Collection[int]) -> set[str]:
    """Which of these keys ('email' or 'phone') are somebody else's too, who keeps them."""
    query = SHARED.replace('{keys}', f'{kind}_keys')
    rows = await connection.execute(query, {'keys': list(keys), 'own': list(own)})
    return {row['key'] for row in await rows.fetchall()}


async def staff(connection: Connection) -> set[str]:
    """The addresses of our own people."""
    return {row['email'] for row in await (await connection.execute(STAFF)).fetchall()}


async def owners(connection: Connection, refs: Collection[RemoteRef]) -> dict[RemoteRef, Owner]:
    """Whose some objects are; those that are nobody's are left out."""
    if not refs:
        return {}
    rows = await (await connection.execute(OWNERS, (_refs(refs),))).fetchall()
    return {
        RemoteRef(row['system'], row['type'], row['remote_id']): Owner(
            RecordRef(row['record_type'], row['record_id']), row['company']
        )
        for row in rows
    }


async def elsewhere(connection: Connection, pattern: str, refs: Collection[RemoteRef]) -> set[RecordRef]:
    """Records that say something like `pattern`, or whose objects name one of these."""
    ids = '|'.join(sorted({re.escape(ref.remote_id) for ref in refs})) or '$^'
    asked = {'told': pattern, 'ids': rf'\["?({ids})"?[,\]]'}
    rows = await (await connection.execute(ELSEWHERE, asked)).fetchall()
    return {RecordRef(row['type'], row['id']) for row in rows}


async def events_of(connection: Connection, records: Collection[RecordRef], refs: Collection[RemoteRef]) -> set[int]:
    """The events that changed these records, or that spoke with or of these objects."""
    rows = await connection.execute(EVENTS, {'records': _records(records), 'objects': _refs(refs)})
    return {row['id'] for row in await rows.fetchall()}


async def every_event(connection: Connection, after: int = 0, also: Collection[int] = ()) -> AsyncIterator[list[Row]]:
    """Every event from `after` on, and `also` some before it, in their order, in batches."""
    columns = f'select {EVENT_COLUMNS}, reason, outcome, waited, cause_id from event where'
    before = sorted(number for number in also if number <= after)
    for first in range(0, len(before), BATCH):
        rows = await connection.execute(f'{columns} id = any(%s) order by id', (before[first : first + BATCH],))
        if found := await rows.fetchall():
            yield found
    last = max(after, 0)
    while True:
        rows = await connection.execute(f'{columns} id > %s order by id limit %s', (last, BATCH))
        found = await rows.fetchall()
        if not found:
            return
        last = found[-1]['id']
        yield found


async def keep_body(connection: Connection, event_id: int, body: bytes | None, headers: Mapping[str, str]) -> None:
    """What stays of an event's body."""
    await connection.execute(
        'update event set body = %s, headers = %s where id = %s', (body, dump(dict(headers)), event_id)
    )


async def end_event(connection: Connection, event_id: int, note: str) -> None:
    """An event that was still to be applied, and of which nothing is left."""
    await connection.execute(
        "update event set state = 'done', applied_at = hermes_now(), reason = null, outcome = %s where id = %s",
        (dump([{'notes': [note]}]), event_id),
    )


async def keep_said(connection: Connection, event_id: int, reason: str | None, outcome: Any) -> None:
    """What stays of what became of an event."""
    told = None if outcome is None else dump(outcome)
    await connection.execute('update event set reason = %s, outcome = %s where id = %s', (reason, told, event_id))


async def remember(connection: Connection, hashes: Mapping[str, str], record: RecordRef, event_id: int) -> None:
    """By what somebody is known again: hash -> its kind."""
    rows = [{'kind': kind, 'hash': sealed} for sealed, kind in hashes.items()]
    await connection.execute(
        'insert into erased (kind, hash, record_type, record_id, event_id) '
        'select kind, hash, %s, %s, %s from jsonb_to_recordset(%s) as r(kind text, hash text) '
        'on conflict (hash) do nothing',
        (*record, event_id, dump(rows)),
    )
    await bump(connection, 'directory')


async def make_husk(connection: Connection, ref: RemoteRef, record: RecordRef) -> None:
    """An object of somebody erased that nobody knew before: under its hash, and without a word."""
    await connection.execute(
        'insert into mirror (system, type, remote_id, version, deleted, owned) '
        "values (%s, %s, %s, '[0, 0]', '[0, 0]', true) "
        'on conflict (system, type, remote_id) do update set owned = true',
        ref,
    )
    await connection.execute(
        'insert into link (system, type, remote_id, record_type, record_id, is_primary, state) '
        "values (%s, %s, %s, %s, %s, false, 'erased') on conflict do nothing",
        (*ref, *record),
    )


async def empty_object(connection: Connection, ref: RemoteRef, sealed: str) -> None:
    """An object of somebody erased keeps its place, under its hash, and says nothing."""
    told = {**ref._asdict(), 'sealed': sealed, 'into': None}
    if sealed != ref.remote_id:
        for query in (HUSK, MOVE_LINK, DROP):
            await connection.execute(query, told)
    await connection.execute(EMPTY, {**told, 'remote_id': sealed})
    await connection.execute(MOVE_LINK, {**told, 'remote_id': sealed})


async def empty_journal(connection: Connection, records: Collection[RecordRef]) -> int:
    """Which fields changed when stays, and by whom; not what they said."""
    done = await connection.execute(
        "update change c set old = null, new = null, note = '' from jsonb_to_recordset(%s) "
        'as r(record_type text, record_id bigint) where c.record_type = r.record_type and c.record_id = r.record_id '
        "and c.field not in ('born', 'tombstone') and (c.old is not null or c.new is not null or c.note <> '')",
        (_records(records),),
    )
    return done.rowcount


async def journal_of_others(connection: Connection, records: Collection[RecordRef], pattern: str) -> list[Row]:
    """Lines of the journal that may name somebody: those of these records, and all that say something like it."""
    rows = await connection.execute(
        'select id, record_type, record_id, field, old, new, note from change where '
        '(record_type, record_id) in (select record_type, record_id from jsonb_to_recordset(%s) as r(record_type text, '
        "record_id bigint)) or concat_ws(' ', old::text, new::text, note) ~* %s",
        (_records(records), pattern),
    )
    return await rows.fetchall()


async def under_companies(connection: Connection, companies: Collection[int]) -> set[RecordRef]:
    """Everything under some companies."""
    rows = await connection.execute(UNDER, {'companies': list(companies), 'contacts': []})
    return {RecordRef(row['type'], row['id']) for row in await rows.fetchall()}


async def keep_change(connection: Connection, number: int, old: Any, new: Any, note: str) -> None:
    """A line of the journal, as it may be read."""
    told = [None if value is None else dump(value) for value in (old, new)]
    await connection.execute('update change set old = %s, new = %s, note = %s where id = %s', (*told, note, number))


async def empty_pushes(connection: Connection, records: Collection[RecordRef]) -> int:
    """Nothing is sent of the erased. What is on its way keeps its lease and its fence."""
    done = await connection.execute(
        "update push p set done = wanted, intent = null, reason = '', detail = '{}', state = 'ready', attempts = 0 "
        'from jsonb_to_recordset(%s) as r(record_type text, record_id bigint) '
        'where p.record_type = r.record_type and p.record_id = r.record_id',
        (_records(records),),
    )
    return done.rowcount


async def empty_decisions(connection: Connection, records: Collection[RecordRef]) -> int:
    """What was asked about the erased needs nobody any more."""
    done = await connection.execute(
        "update decision d set detail = '{}', state = 'erased', key = 'erased:' || d.id "
        'from jsonb_to_recordset(%s) as r(record_type text, record_id bigint) '
        'where d.record_type = r.record_type and d.record_id = r.record_id',
        (_records(records),),
    )
    return done.rowcount


async def empty_letters(connection: Connection, records: Collection[RecordRef]) -> int:
    """Letters to the erased say nothing, and none goes out any more."""
    done = await connection.execute(
        "update letter set says = '', reason = '', message_id = '~' || id, "
        "state = case when state in ('due', 'parked') then 'dropped' else state end "
        ' where meeting_id = any(%s)',
        ([ref.id for ref in records if ref.type == 'meeting'],),
    )
    return done.rowcount


async def seal_calls(connection: Connection, sealed: Mapping[RemoteRef, str]) -> int:
    """The ledger says what was spent, under a hash."""
    return await _seal(connection, 'call', sealed)


async def drop_listed(connection: Connection, refs: Collection[RemoteRef]) -> int:
    """What listings showed of the erased."""
    done = await connection.execute(
        'delete from listed l using sweep s, jsonb_to_recordset(%s) as r(system text, type text, remote_id text) '
        'where s.id = l.sweep_id and s.system = r.system and s.type = r.type and l.remote_id = r.remote_id',
        (_refs(refs),),
    )
    return done.rowcount


async def _seal(connection: Connection, table: str, sealed: Mapping[RemoteRef, str]) -> int:
    rows = [{**ref._asdict(), 'sealed': each} for ref, each in sealed.items()]
    done = await connection.execute(
        f'update {table} t set remote_id = r.sealed from jsonb_to_recordset(%s) '
        'as r(system text, type text, remote_id text, sealed text) '
        'where (t.system, t.type, t.remote_id) = (r.system, r.type, r.remote_id)',
        (dump(rows),),
    )
    return done.rowcount


async def small_rows(connection: Connection, table: str, columns: Sequence[str]) -> list[Row]:
    """A small table from end to end: its key and these columns."""
    of = ('record_type', 'record_id') if table == 'decision' else ()
    wanted = ', '.join(dict.fromkeys((*_key(table), *of, *columns)))
    return await (await connection.execute(f'select {wanted} from {table}')).fetchall()


async def keep_small(connection: Connection, table: str, row: Row, changed: Mapping[str, Any]) -> None:
    """Other words in a row of a small table."""
    names = list(changed)
    told = [value if isinstance(value, str) else dump(value) for value in changed.values()]
    key = _key(table)
    await connection.execute(
        f'update {table} set {", ".join(f"{name} = %s" for name in names)} where '
        + ' and '.join(f'{name} = %s' for name in key),
        (*told, *(row[name] for name in key)),
    )


def _key(table: str) -> tuple[str, ...]:
    return KEYS.get(table, ('id',))


async def keep_receipt(
    connection: Connection, event_id: int, record: RecordRef, at: datetime, by: str, gone: Mapping[str, int],
    held: Sequence[Mapping[str, str]],
) -> int:  # fmt: skip
    """What the erasure did, without a word of whom; the receipt's number."""
    row = await the_row(
        connection,
        'insert into erasure (event_id, record_type, record_id, at, by, gone, held) '
        'values (%s, %s, %s, %s, %s, %s, %s) returning id',
        (event_id, *record, at, by, dump(dict(gone)), dump(list(held))),
    )
    return int(row['id'])
