"""What is stored about a person (S10): whom somebody means, what an erasure would take along, everything for an export,
what an erasure did, and whether anything of it came back. Reads only.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import Connection, sql

from hermes.db.addressed import NAMED, USERS
from hermes.db.event_filter import ABOUT
from hermes.db.reads.lookup import Row, find_record, row, rows
from hermes.db.reads.search import search
from hermes.db.stances import STANCES
from hermes.domain.erasure import MARK, PERSONS, Veil, unescaped
from hermes.domain.errors import NotFound, Refused
from hermes.domain.model import RecordRef
from hermes.domain.record_types import PEOPLE
from hermes.kit import phones
from hermes.kit.spelling import fold, fold_email
from hermes.parts.roles import CRM

TYPES: Final = ('contact', *PEOPLE, 'company')
WHOLE: Final = frozenset({'e-mail', 'phone', 'user id', 'CRM id'})
MOST: Final = 10
"""So many are named where several could be meant."""
CALLED: Final = {
    'contact': "coalesce(nullif(concat_ws(' ', first_name, last_name), ''), email, 'contact ' || id)",
    'app_user': "coalesce(nullif(concat_ws(' ', first_name, last_name), ''), email, 'app_user ' || id)",
    'subscription': "coalesce(nullif(email, ''), 'subscription ' || id)",
    'company': "coalesce(nullif(name, ''), 'company ' || id)",
}
FAMILY: Final = """
    with recursive own as (
      select id from {table} where id = %(id)s union select t.id from {table} t join own on t.alias_of = own.id)
    select {name} as type, id from own
    union select 'contact', id from contact where {whole} and company_id in (select id from own)
    union select 'deal', id from deal where {whole} and company_id in (select id from own)
    union select 'meeting', id from meeting
      where {name} = 'contact' and contact_id in (select id from own) or {whole} and company_id in (select id from own)
"""
OF_THEM: Final = 'jsonb_to_recordset(%(records)s) as r(record_type text, record_id bigint)'
OF_EACH: Final = f"""{OF_THEM}, lateral (
      select * from {{0}} t where t.record_type = r.record_type and t.record_id = r.record_id offset 0) t"""
"""What a table holds of each of them, looked up by its index (offset 0), however small it was when this was planned."""
OBJECTS: Final = f"""
    select l.system, l.type, l.remote_id, l.state, l.record_type, l.record_id, m.version, m.runs, m.sent, m.deleted,
      m.merged_into
    from link l join {OF_THEM} using (record_type, record_id) join mirror m using (system, type, remote_id)
    order by 1, 2, 3
"""
COUNTS: Final = f"""
    select (select count(*) from {OF_EACH.format('change')}) as changes,
      (select count(*) from letter where meeting_id = any(%(meetings)s)) as letters,
      (select count(*) from {OF_EACH.format('decision')}) as decisions,
      (select count(*) from {OF_EACH.format('call')}) as calls,
      (select count(*) from meeting where id = any(%(meetings)s) and status = 'planned' and end_at > hermes_now()
        and tombstone is null) as coming
"""
EVENTS: Final = f"""
    select e.id, source, kind, received_at, state, reason, outcome, body from (
      select event_id as id from {OF_EACH.format('change')}
      union select unnest(array[intent_event, answer_event]) from {OF_EACH.format('call')}
      union select id from event a where a.outcome is not null and {ABOUT} ?| %(about)s) of_them,
      lateral (select * from event where id = of_them.id offset 0) e
    order by 1
"""
RECEIPTS: Final = (
    'select id, event_id, record_type, record_id, at, by, gone, held from erasure order by id desc limit %(limit)s'
)
RECEIPT: Final = 'select id, event_id, record_type, record_id, at, by, gone, held from erasure where id = %(id)s'
HASHES: Final = 'select hash, record_type, record_id from erased where event_id = %(event)s'
COLUMNS: Final = """
    select c.relname as table, a.attname as column, t.typname as type from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and t.typname in ('text', 'varchar', 'bpchar', 'json', 'jsonb', 'bytea', '_text', 'hstore', 'xml', 'name')
    order by 1, a.attnum
"""
"""Every column of ours that can hold a text."""
REFERRED: Final = ('mirror', 'link', 'call')
PARTS: Final = frozenset({'emails', 'phones', 'custom_fields', 'extra_attrs', 'form', 'typed', 'fields'})
"""Parts of what is said of somebody that are theirs too."""
BACKUPS: Final = (
    'Backups that were made before hold them still, and so does whatever was exported: delete those. The sealed '
    'files of the journal of app users (the folder "journal" under DATA_DIR) keep their lines, '
    'where there are any, until they are deleted.'
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody who can be exported or erased: their record, what they are called, and all records that are theirs."""

    record: RecordRef
    name: str
    erased: bool
    records: tuple[RecordRef, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an erasure would take along, and what other systems would hold still."""

    subject: Subject
    records: Mapping[str, int]
    stored: Mapping[str, int]
    """Rows beside the records: changes, objects, events, letters, decisions, calls."""
    coming: int
    """Calls that are still to come: they stay in the calendar."""
    held: tuple[Row, ...]
    """Objects that other systems hold still: system, type, remote_id, address."""


@dataclass(frozen=True, slots=True)
class Check:
    """Whether anything of somebody came back: where something stands that is theirs, [] for nowhere."""

    receipt: Row
    found: list[str] = field(default_factory=list)


def find_people(connection: Connection[Any], text: str) -> list[Row]:
    """Contacts and companies that a text may mean: type, id, title, hits, links."""
    return [found for found in search(connection, text, deleted=True, limit=200) if found['type'] in TYPES]


def find_subject(connection: Connection[Any], text: str) -> Subject:
    """The one person, or company, that a text means: a record (contact:12), a remote object, an e-mail address, a phone
    number or a whole name. Raises Refused where there is none or more than one.
    """
    plain = text.strip()
    if ':' in plain or plain.isdigit():
        ref = find_record(connection, plain).record
        if ref.type not in TYPES:
            raise Refused(
                f'Only a contact, an app user, a subscription or a company is somebody; {ref.type}:{ref.id} is none.'
            )
        return read_subject(connection, ref)
    found = [one for one in find_people(connection, plain) if _means(one, plain)]
    for kind in TYPES:
        found = [one for one in found if one['type'] == kind] or found
    if not found:
        raise Refused(f'Nobody here is "{plain}": say a record (contact:12), a remote object or an e-mail address.')
    if len(found) > 1:
        some = ', '.join(f'{one["type"]}:{one["id"]} ({one["title"]})' for one in found[:MOST])
        raise Refused(f'Several could be meant by "{plain}": {some}. Name one by its record.')
    return read_subject(connection, RecordRef(found[0]['type'], found[0]['id']))


def _means(one: Row, text: str) -> bool:
    """Whether it is named as a whole, and not only mentioned."""
    return bool(WHOLE & set(one['hits'])) or fold(str(one['title'] or '')) == fold(text)


def read_subject(connection: Connection[Any], ref: RecordRef) -> Subject:
    """Somebody by their record. Raises NotFound."""
    table, whole = sql.Identifier(ref.type), sql.Literal(ref.type == 'company')
    said = sql.SQL("select {called} as name, tombstone ->> 'kind' = 'erased' as erased from {table} where id = %(id)s")
    found = row(connection, said.format(called=sql.SQL(CALLED[ref.type]), table=table), {'id': ref.id})
    if found is None:
        raise NotFound(f'There is no {ref.type} {ref.id}.')
    query = sql.SQL(FAMILY).format(table=table, name=sql.Literal(ref.type), whole=whole)
    records = {RecordRef(one['type'], one['id']) for one in rows(connection, query, {'id': ref.id})}
    given = {
        'contacts': [one.id for one in records if one.type == 'contact'],
        'ids': [one.id for one in records if one.type in PEOPLE],
    }
    records |= {RecordRef(one['type'], one['id']) for one in rows(connection, USERS, given)}
    return Subject(ref, found['name'], bool(found['erased']), tuple(sorted(records)))


def preview(connection: Connection[Any], ref: RecordRef) -> Preview:
    """What erasing somebody would take along. Raises NotFound, Refused for somebody who was erased already."""
    subject = read_subject(connection, ref)
    if subject.erased:
        raise Refused(f'{ref.type}:{ref.id} was erased already.')
    given = _given(subject)
    objects = rows(connection, OBJECTS, given)
    counts = row(connection, COUNTS, given) or {}
    about = [':'.join((one['system'], one['type'], one['remote_id'])) for one in objects]
    events = rows(
        connection, EVENTS, {**given, 'about': [*about, *(f'{one.type}:{one.id}' for one in subject.records)]}
    )
    kinds = [one.type for one in subject.records]
    held = tuple(
        {**{name: one[name] for name in ('system', 'type', 'remote_id')}, 'address': address_of(connection, one)}
        for one in objects
        if one['state'] == 'live'
    )
    stored = {name: counts[name] for name in ('changes', 'letters', 'decisions', 'calls')}
    return Preview(
        subject, {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        {'events': len(events), 'objects': len(objects), **stored}, counts['coming'], held,
    )  # fmt: skip


def _given(subject: Subject) -> dict[str, Any]:
    records = [{'record_type': ref.type, 'record_id': ref.id} for ref in subject.records]
    meetings = [ref.id for ref in subject.records if ref.type == 'meeting']
    ids = [ref.id for ref in subject.records if ref.type in PEOPLE]
    return {'records': json.dumps(records), 'meetings': meetings, 'ids': ids}


def address_of(connection: Connection[Any], found: Row) -> str:
    """Where a remote object stands: as people look for it there."""
    number = found['remote_id']
    if found['system'] == CRM:
        return f'{CRM}:{found["type"]}:{number}'
    if found['type'] == 'client':
        told = row(
            connection, 'select tc2_cligency_url as url from company where id = %(id)s', {'id': found['record_id']}
        )
        if told and told['url']:
            return str(told['url'])
    return f'{found["system"]}:{found["type"]}:{number}'


def export(connection: Connection[Any], ref: RecordRef) -> dict[str, Any]:
    """Everything that is stored of somebody, readable. Of an event that speaks of others too only their part is in it.
    Raises NotFound, Refused for somebody who was erased.
    """
    seen = preview(connection, ref)
    subject, given = seen.subject, _given(seen.subject)
    objects = rows(connection, OBJECTS, given)
    refs = [':'.join((one['system'], one['type'], one['remote_id'])) for one in objects]
    about = [*refs, *(f'{one.type}:{one.id}' for one in subject.records)]
    records = {f'{one.type}:{one.id}': _whole(connection, one) for one in subject.records}
    said = Said.of(records.values(), objects)
    table = {
        'journal': f'select c.* from change c join {OF_THEM} using (record_type, record_id) order by c.id',
        'pushes': f'select p.* from push p join {OF_THEM} using (record_type, record_id)',
        'calls': f'select c.* from call c join {OF_THEM} using (record_type, record_id) order by c.id',
        'decisions': f'select d.* from decision d join {OF_THEM} using (record_type, record_id) order by d.id',
        'letters': 'select * from letter where meeting_id = any(%(meetings)s) order by id',
        'times taken': 'select * from occupancy where meeting_id = any(%(meetings)s)',
        'states': f'select c.* from crm_check c join {OF_THEM} using (record_type, record_id) order by c.id',
        'told to the host': 'select * from feed where record_id = any(%(ids)s) order by id',
        'keys': NAMED,
    }
    return {
        'of': {'record': f'{ref.type}:{ref.id}', 'name': subject.name},
        'records': records,
        'objects': objects,
        'addresses': list(seen.held),
        **{name: rows(connection, query, given) for name, query in table.items()},
        'events': [said.event(one, set(about)) for one in rows(connection, EVENTS, {**given, 'about': about})],
    }


def _whole(connection: Connection[Any], ref: RecordRef) -> Row:
    query = sql.SQL('select to_jsonb(t) as it from {} t where id = %(id)s').format(sql.Identifier(ref.type))
    found = row(connection, query, {'id': ref.id})
    assert found is not None
    return dict(found['it'])


@dataclass(frozen=True, slots=True)
class Said:
    """By what somebody is known in the body of an event."""

    emails: frozenset[str]
    phones: frozenset[str]
    names: frozenset[str]
    ids: frozenset[str]

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]], objects: Iterable[Row]) -> 'Said':
        told = list(records)
        emails = {key for one in told for key in one.get('email_keys') or ()}
        emails |= {fold_email(one['email']) for one in told if one.get('email')}
        emails |= {fold_email(one['typed']['email']) for one in told if (one.get('typed') or {}).get('email')}
        names = {fold(f'{one.get("first_name") or ""} {one.get("last_name") or ""}') for one in told}
        numbers = {key for one in told for key in one.get('phone_keys') or ()}
        return cls(
            frozenset(emails), frozenset(numbers), frozenset(names - {''}),
            frozenset(one['remote_id'] for one in objects if one['type'] in (*PERSONS, 'event')),
        )  # fmt: skip

    def event(self, found: Row, about: set[str]) -> dict[str, Any]:
        """An event: its body where it speaks of nobody else, else what it says of them."""
        body, told = found.pop('body'), None
        with_others = not self._all_about(found['outcome'], about)
        if body is not None:
            text = bytes(body).decode('utf-8', 'replace')
            try:
                told = json.loads(text)
            except ValueError:
                told = text if not with_others else None
            else:
                if isinstance(told, dict) and isinstance(told.get('body'), str) and 'request' in told:
                    told = {**told, 'body': _read(told['body'])}
                told = list(self._parts(told)) if with_others else told
        return {**found, 'body': told}

    def _all_about(self, outcome: Any, about: set[str]) -> bool:
        parts = outcome if isinstance(outcome, list) else []
        named = {each for part in parts if isinstance(part, dict) for each in part.get('about') or ()}
        return named <= about

    def _parts(self, told: Any) -> Iterator[Any]:
        """The smallest objects that name them."""
        if isinstance(told, dict):
            if any(self._is(name, value) for name, value in told.items()) or self._is_named(told):
                yield {
                    name: value for name, value in told.items() if name in PARTS or not isinstance(value, (dict, list))
                }
            for value in told.values():
                yield from self._parts(value)
        elif isinstance(told, list):
            for value in told:
                yield from self._parts(value)

    def _is(self, name: str, value: Any) -> bool:
        if isinstance(value, list):
            return any(self._is(name, each.get('value') if isinstance(each, dict) else each) for each in value)
        if not isinstance(value, str):
            return name in ('id', 'person_id') and str(value) in self.ids
        return fold_email(value) in self.emails or fold(value) in self.names or not self.phones.isdisjoint(
            phones.asked(phones.keys(value, None)) if len(value) < 40 else ()
        )  # fmt: skip

    def _is_named(self, told: Mapping[str, Any]) -> bool:
        return fold(f'{told.get("first_name") or ""} {told.get("last_name") or ""}') in self.names


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def list_receipts(connection: Connection[Any], limit: int = 50) -> list[Row]:
    """What was erased, newest first: id, record, when, by whom, rows by table, what was held elsewhere."""
    return rows(connection, RECEIPTS, {'limit': limit})


def read_receipt(connection: Connection[Any], number: int) -> Row:
    """One receipt. Raises NotFound."""
    found = row(connection, RECEIPT, {'id': number}) if 0 < number < 2**63 else None
    if found is None:
        raise NotFound(f'There is no receipt {number}: "hermes erase --receipts" lists them.')
    return found


def check(connection: Connection[Any], key: str, number: int) -> Check:
    """Look through every text of the database for what a receipt's person was known by. `key`: SECRET_KEY, under which
    that was hashed. Raises NotFound.
    """
    receipt = read_receipt(connection, number)
    known = {
        one['hash']: RecordRef(one['record_type'], one['record_id'])
        for one in rows(connection, HASHES, {'event': receipt['event_id']})
    }
    veil = Veil(key, known, phones, {})
    company = _company_of(connection, receipt)
    found = list(_objects(connection, veil))
    for each in rows(connection, COLUMNS):
        if STANCES.get(each['table'], {}).get(each['column']) != 'hash':
            found += _texts(connection, veil, each['table'], each['column'], company)
    return Check(receipt, found)


def _company_of(connection: Connection[Any], receipt: Row) -> int | None:
    if receipt['record_type'] == 'company':
        return int(receipt['record_id'])
    if receipt['record_type'] in PEOPLE:
        return None
    found = row(connection, 'select company_id from contact where id = %(id)s', {'id': receipt['record_id']})
    return found['company_id'] if found else None


def _objects(connection: Connection[Any], veil: Veil) -> Iterator[str]:
    for table in REFERRED:
        query = sql.SQL('select distinct system, type, remote_id from {}').format(sql.Identifier(table))
        with connection.cursor(name=f'check_{table}') as cursor:
            for system, remote_type, remote_id in cursor.execute(query):
                if not remote_id.startswith(MARK) and veil.find('object', system, remote_type, remote_id):
                    yield f'{table}: an object of theirs, {system} {remote_type}'


def _texts(connection: Connection[Any], veil: Veil, table: str, column: str, company: int | None) -> Iterator[str]:
    """Rows of one column that say an address, a phone or, under their company, a name of theirs."""
    scoped = 'id' if table == 'company' else 'company_id' if table in ('deal', 'meeting') else 'null::bigint'
    query = sql.SQL('select ctid::text, {scope} as company, {column}::text as told, {raw} as raw from {table} where '
                    '{column} is not null').format(
        scope=sql.SQL(scoped), column=sql.Identifier(column), table=sql.Identifier(table),
        raw=sql.Identifier(column) if _is_bytes(connection, table, column) else sql.SQL('null::bytea'),
    )  # fmt: skip
    count = 0
    with connection.cursor(name='check_texts') as cursor:
        for _, under, told, raw in cursor.execute(query):
            text = unescaped(bytes(raw) if raw is not None else told.encode())
            count += veil.text(text, under if under == company else None) != text
    if count:
        yield f'{table}.{column}: {count} rows'


def _is_bytes(connection: Connection[Any], table: str, column: str) -> bool:
    found = row(
        connection,
        'select atttypid::regtype::text as type from pg_attribute where attrelid = %(table)s::regclass and '
        'attname = %(column)s',
        {'table': f'public."{table}"', 'column': column},
    )
    return found is not None and found['type'] == 'bytea'
