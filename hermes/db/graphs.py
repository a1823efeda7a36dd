"""Company graphs: loaded whole with their mirrors and locks, written back in one statement a table.

Locks are taken in one order: first the lock for births (when something unknown is named), then companies by id. Two
workers that apply rows for one company wait for each other; nobody else waits.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hermes.db import bells, decisions, journal, keys, occupancy, people, pushes
from hermes.db.candidates import CANDIDATES as CANDIDATES
from hermes.db.candidates import candidates, naming, under
from hermes.db.codec import dump, link_row, mirror_row, read_mirror, read_record, record_row
from hermes.db.pool import Connection, Row, Write
from hermes.db.rota import count_assigned
from hermes.domain.applied import Applied
from hermes.domain.graph import Allocator, Decision, Graph
from hermes.domain.matching import Keys
from hermes.domain.model import Change, Check, Event, Intent, Mirror, Record, RecordRef, RemoteRef
from hermes.domain.record_types import MERGED, PEOPLE, SHARED, SHARED_IN_CRM, STORED, UNDER_COMPANY
from hermes.domain.rules import buried_here

BIRTHS_LOCK = 4_729_100_002
BARREN = frozenset({'event', 'activity', *PEOPLE})
"""Remote types that no record is ever made of: what nobody knows of them waits for no births."""


@dataclass
class Wanted:
    """What to load: remote objects by id, and candidates by key."""

    refs: set[RemoteRef] = field(default_factory=set)
    keys: list[tuple[RemoteRef, Keys]] = field(default_factory=list)
    """By what each object could be found, should it be unknown."""
    known: dict[RemoteRef, RecordRef] = field(default_factory=dict)
    """Objects of which we know whose they are: our own creations."""
    companies: set[int] = field(default_factory=set)
    records: set[RecordRef] = field(default_factory=set)
    merged: set[RemoteRef] = field(default_factory=set)
    """Objects of a merge: whatever names one of them, in whichever company, is loaded too (PD-MERGE-1)."""
    marked: bool = False
    """TC2 marks a company as not a real customer: whether its people belong to another company counts (D-6)."""


async def load(
    connection: Connection,
    wanted: Wanted,
    allocate: Allocator | None = None,
    *,
    lock: bool = True,
    births_held: bool = False,
) -> Graph:
    """The graph of everything that `wanted` names, its companies locked until the transaction ends. `births_held`: the
    caller has the lock of births.
    """
    links = await _links(connection, wanted.refs)
    if lock and not births_held and _needs_births_lock(wanted, links):
        await lock_births(connection)
        links = await _links(connection, wanted.refs)
    named = {record for record in links.values() if record} | wanted.records
    named |= await candidates(
        connection, [keys for ref, keys in wanted.keys if _is_sought(keys, links.get(ref) or wanted.known.get(ref))]
    )
    unknown = {ref for ref in wanted.refs if not links.get(ref)}
    named |= await naming(connection, sorted(unknown | wanted.merged))
    if wanted.merged:
        named |= await under(connection, [record for record in links.values() if record])
    shared = {ref for ref in named if ref.type in SHARED}
    companies = wanted.companies | await _companies_of(connection, named)
    parts = await _load_companies(connection, companies, lock=lock)
    others: list[Record] = []
    if wanted.marked or any(record.fields.get('narc') or buried_here(record) for record in parts.records):
        others += await _elsewhere(connection, parts.records)
    for record_type in sorted({ref.type for ref in shared}):
        others += await _by_id(connection, record_type, [ref.id for ref in shared if ref.type == record_type])
    roots = sorted(ref for ref in named if ref.type in PEOPLE)
    for record_type in sorted({ref.type for ref in roots}):
        ids = [ref.id for ref in roots if ref.type == record_type]
        others += await _by_id(connection, record_type, ids, lock=lock)
    if roots:
        parts.pushes += await pushes.creations_and_refusals(connection, [ref.id for ref in roots])
    mirrors = {mirror.ref: mirror for mirror in parts.mirrors} | await _mirrors_of_records(connection, others)
    mirrors.update(await _mirrors(connection, links.keys() - mirrors.keys()))
    graph = Graph([*parts.records, *others], mirrors.values(), allocate)
    graph.creating = _creating(row for row in parts.pushes if row['intent'] is not None)
    graph.parked = {
        (RecordRef(row['record_type'], row['record_id']), row['system'])
        for row in parts.pushes
        if row['state'] == 'parked'
    }
    graph.keys = parts.keys
    return graph


def _is_sought(keys: Keys, linked: RecordRef | None) -> bool:
    """Whether others could be meant: not by an object that is linked already, and names no other record of ours."""
    return linked is None or linked.type not in MERGED or not set(keys.hermes_ids) <= {linked.id}


async def lock_births(connection: Connection) -> None:
    """The lock under which unknown objects become records."""
    await connection.execute('select pg_advisory_xact_lock(%s)', (BIRTHS_LOCK,))


async def lock_births_unsynced(connection: Connection) -> None:
    """The same, in a transaction that commits without waiting for the disk (`pool.commit_unsynced`)."""
    query = "select pg_advisory_xact_lock(%s), set_config('synchronous_commit', 'off', true)"
    await connection.execute(query, (BIRTHS_LOCK,))


async def lock_for_recording(connection: Connection, root: RecordRef) -> None:
    """Take the locks of whoever records a call, in everybody's order (births, root), before any push row is touched."""
    await lock_births(connection)
    await lock_root(connection, root)


async def lock_root(connection: Connection, root: RecordRef) -> None:
    """The lock of one graph: enough for whoever names nothing unknown."""
    await connection.execute(f'select id from {root.type} where id = %s for update', (root.id,))


def whole(root: RecordRef) -> Wanted:
    """A graph, by its root."""
    return Wanted(companies={root.id}) if root.type == 'company' else Wanted(records={root})


def _needs_births_lock(wanted: Wanted, links: Mapping[RemoteRef, RecordRef | None]) -> bool:
    """Something unknown is named, or something that belongs to no company."""
    return any(ref.type in SHARED_IN_CRM or not (ref.type in BARREN or links.get(ref)) for ref in wanted.refs)


async def _links(connection: Connection, refs: Collection[RemoteRef]) -> dict[RemoteRef, RecordRef | None]:
    """Whose each known remote object is (None: nobody's), the survivors of merges too."""
    found: dict[RemoteRef, RecordRef | None] = {}
    missing = set(refs)
    while missing:
        rows = await connection.execute(LINKS, (_refs(missing),))
        survivors = set()
        for row in await rows.fetchall():
            ref = RemoteRef(row['system'], row['type'], row['remote_id'])
            found[ref] = RecordRef(row['record_type'], row['record_id']) if row['record_type'] else None
            if row['merged_into']:
                survivors.add(ref._replace(remote_id=row['merged_into']))
        missing = survivors - found.keys()
    return found


def _refs(refs: Iterable[RemoteRef]) -> str:
    return dump([ref._asdict() for ref in refs])


MIRROR_COLUMNS = 'm.*, l.record_type, l.record_id, l.is_primary'


async def _mirrors(connection: Connection, refs: Collection[RemoteRef]) -> dict[RemoteRef, Any]:
    """Mirrors by remote id: of what belongs to none of the records that are loaded."""
    if not refs:
        return {}
    rows = await connection.execute(
        f'select {MIRROR_COLUMNS} from mirror m left join link l using (system, type, remote_id) '
        'join jsonb_to_recordset(%s) as r(system text, type text, remote_id text) using (system, type, remote_id)',
        (_refs(refs),),
    )
    return {mirror.ref: mirror for mirror in [read_mirror(row) for row in await rows.fetchall()]}


async def _mirrors_of_records(connection: Connection, records: list[Record]) -> dict[RemoteRef, Any]:
    if not records:
        return {}
    rows = await connection.execute(
        f'select {MIRROR_COLUMNS} from link l join mirror m using (system, type, remote_id) '
        'join jsonb_to_recordset(%s) as r(record_type text, record_id bigint) using (record_type, record_id)',
        (dump([{'record_type': record.ref.type, 'record_id': record.ref.id} for record in records]),),
    )
    return {mirror.ref: mirror for mirror in [read_mirror(row) for row in await rows.fetchall()]}


async def _companies_of(connection: Connection, refs: Collection[RecordRef]) -> set[int]:
    """The companies that records belong to, survivors of merges included."""
    companies = {ref.id for ref in refs if ref.type == 'company'}
    under = {kind: [ref.id for ref in refs if ref.type == kind] for kind in UNDER_COMPANY}
    if any(under.values()):
        rows = await connection.execute(COMPANIES_OF, under)
        companies |= {row['company_id'] for row in await rows.fetchall() if row['company_id']}
    return companies


@dataclass
class _Parts:
    """Companies with everything under them, and the mirrors of all that."""

    records: list[Record] = field(default_factory=list)
    mirrors: list[Mirror] = field(default_factory=list)
    pushes: list[Row] = field(default_factory=list)
    keys: dict[RecordRef, object] = field(default_factory=dict)


async def _load_companies(connection: Connection, companies: Collection[int], *, lock: bool) -> _Parts:
    """Companies with their contacts, deals, meetings, open creates and mirrors, in one round trip; the survivors of
    aliases in another. A meeting brings its contact along, wherever that works now.

    The companies are locked before the rest is read: the statements of a pipeline run one after the other.
    """
    parts = _Parts()
    missing, seen = set(companies), set(companies)
    while missing:
        # With an alias the survivor is needed too: everything again, in the one order of the locks.
        ids, locking, parts = sorted(seen), 'for update' if lock else '', _Parts()
        async with connection.pipeline():
            own = await connection.execute(f'select * from company where id = any(%s) order by id {locking}', (ids,))
            under = await connection.execute(UNDER, {'ids': ids})
        parts.records = [read_record('company', row) for row in await own.fetchall()]
        missing = {record.alias_of for record in parts.records if record.alias_of is not None} - seen
        seen |= missing
        for row in await under.fetchall():
            _take(parts, row['kind'], row['row'])
    return parts


def _take(parts: _Parts, kind: str, row: Row) -> None:
    """One row of what stands under a company, as JSON."""
    if kind == 'mirror':
        at = row['reread_at']
        parts.mirrors.append(read_mirror({**row, 'reread_at': datetime.fromisoformat(at) if at else None}))
    elif kind == 'push':
        parts.pushes.append(row)
    else:
        moments = {name: datetime.fromisoformat(row[name]) for name in MOMENTS if row.get(name)}
        parts.records.append(read_record(kind, {**row, **moments}))
        if kind == 'contact':
            parts.keys[parts.records[-1].ref] = (row['email_keys'], row['phone_keys'])


async def _elsewhere(connection: Connection, records: Collection[Record]) -> list[Record]:
    """Contacts of other companies that share an e-mail with one of these (D-6, S21); their companies stay out."""
    contacts = [record.ref.id for record in records if record.ref.type == 'contact']
    rows = await connection.execute(
        'select distinct on (o.id) o.* from '
        '(select distinct k from contact, unnest(email_keys) k where id = any(%s)) e, lateral '
        '(select * from contact where email_keys @> array[e.k] and not id = any(%s) order by id limit %s) o',
        (contacts, contacts, CANDIDATES),
    )
    return [read_record('contact', row) for row in await rows.fetchall()]


async def _by_id(connection: Connection, table: str, ids: list[int], *, lock: bool = False) -> list[Record]:
    locking = 'for update' if lock else ''
    rows = await connection.execute(f'select * from {table} where id = any(%s) order by id {locking}', (ids,))
    return [read_record(table, row) for row in await rows.fetchall()]


LINKS = """
    select r.system, r.type, r.remote_id, m.merged_into, l.record_type, l.record_id
    from jsonb_to_recordset(%s) as r(system text, type text, remote_id text),
      lateral (select merged_into from mirror m where m.system = r.system and m.type = r.type
        and m.remote_id = r.remote_id offset 0) m
      left join lateral (select record_type, record_id from link l where l.system = r.system and l.type = r.type
        and l.remote_id = r.remote_id offset 0) l on true
"""
"""Whose some objects are. Each is looked up by its key (offset 0), however small the tables were when this was planned.
"""
UNLINK = """
    delete from link l using jsonb_to_recordset(%s) as r(system text, type text, remote_id text)
    where (l.system, l.type, l.remote_id) = (r.system, r.type, r.remote_id)
"""
"""An object belongs to nobody any more."""
MOMENTS = ('start_at', 'end_at')
COMPANIES_OF = (
    'with recursive '
    + ', '.join(
        f'{table}s as (select alias_of, company_id from {table} where id = any(%({table})s) union '
        f'select t.alias_of, t.company_id from {table} t join {table}s on t.id = {table}s.alias_of)'
        for table in UNDER_COMPANY
    )
    + ' union '.join(f' select company_id from {table}s' for table in UNDER_COMPANY)
)
"""The companies of records that stand under one, and of those into which they were merged."""
ALSO = {'contact': ' or id = any(array(select contact_id from meeting where company_id = any(%(ids)s)))'}
"""A meeting brings its contact along, wherever that works now."""
PARTS = ', '.join(
    f'{table}s as (select * from {table} where company_id = any(%(ids)s){ALSO.get(table, "")})'
    for table in UNDER_COMPANY
)
EVERY = ' '.join(f"union all select '{table}', id from {table}s" for table in UNDER_COMPANY)
ROWS = ' union all '.join(
    f"select '{table}' as kind, id, to_jsonb({table}s) as row from {table}s" for table in UNDER_COMPANY
)
UNDER = f"""
    with {PARTS}, every as (select 'company' as record_type, unnest(%(ids)s::bigint[]) as record_id {EVERY})
    {ROWS}
    union all select 'push', record_id, jsonb_build_object('record_type', record_type, 'record_id', record_id,
      'system', system, 'intent', intent, 'state', state)
      from push where graph_id = any(%(ids)s) and (intent ->> 'op' = 'create' or state = 'parked')
    union all select 'mirror', e.record_id, to_jsonb(m) || jsonb_build_object('record_type', l.record_type, 'record_id',
      l.record_id, 'is_primary', l.is_primary)
      from every e, lateral (select * from link where record_type = e.record_type and record_id = e.record_id
        offset 0) l, lateral (select * from mirror where system = l.system and type = l.type and
        remote_id = l.remote_id offset 0) m
    order by 1, 2
"""
"""Everything under some companies, and the mirrors of all of it: one row each, as JSON."""


def _creating(rows: Iterable[Row]) -> dict[tuple[RecordRef, str], Intent]:
    """Records with an open create (MATCH-8)."""
    found = {}
    for row in (row for row in rows if row['intent']['op'] == 'create'):
        ref, kept = RecordRef(row['record_type'], row['record_id']), row['intent']
        started_at = datetime.fromisoformat(kept['started_at'])
        remote = RemoteRef(row['system'], kept['type'], '')
        found[ref, row['system']] = Intent('open', 'create', kept['event_id'], remote, ref, kept['fields'], started_at)
    return found


@dataclass
class Effects:
    """What one event or several did to a graph: each change and question with its event, questions that nobody needs to
    answer any more, and the newest event of each mirror (where it is not the last one that was applied).
    """

    changes: list[tuple[Change, int]] = field(default_factory=list)
    decisions: list[tuple[Decision, int]] = field(default_factory=list)
    closed: list[tuple[str, str]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    mirrors: dict[RemoteRef, int] = field(default_factory=dict)

    def add(self, done: Applied, event_id: int) -> None:
        """What an event did, or one of its elements."""
        self.changes += [(change, event_id) for change in done.changes]
        self.decisions += [(decision, event_id) for decision in done.decisions]
        self.closed += done.closed
        self.checks += done.checks

    @classmethod
    def of(cls, changes: Iterable[Change], event_id: int) -> 'Effects':
        """Changes of one event, and nothing else."""
        return cls([(change, event_id) for change in changes])


async def commit(
    connection: Connection,
    graph: Graph,
    effects: Effects,
    event: Event,
    at: datetime | None = None,
    *,
    lenient: bool = False,
    quiet: bool = False,
) -> None:
    """Write what was done to a graph: records, mirrors and links that were touched, the journal, what people are asked
    or need not answer any more. `event`: the last one that was applied, whose time the journal has unless `at` is told.

    A meeting whose time is taken raises ExclusionViolation (CB-4), or, `lenient` (what the calendar says has happened
    already), becomes a decision. `quiet`: no letters.
    """
    journaled = journal.appending(effects.changes, at or event.received_at)
    await _store(connection, graph, effects.mirrors, event.id, journaled, lenient=lenient, quiet=quiet)
    await count_assigned(connection, effects.changes)
    await decisions.ask(connection, effects.decisions, at or event.received_at)
    await decisions.close(connection, effects.closed)
    await people.note(connection, graph, effects.changes, effects.checks)


async def _store(
    connection: Connection,
    graph: Graph,
    newest: Mapping[RemoteRef, int],
    last: int,
    journaled: Write | None,
    *,
    lenient: bool,
    quiet: bool,
) -> None:
    writes = [journaled]
    for table in STORED:
        rows = [record_row(graph.records[ref]) for ref in sorted(graph.touched_records) if ref.type == table]
        writes.append(_upsert(table, rows, ('id',)))
    mirrors = [graph.mirrors[ref] for ref in sorted(graph.touched_mirrors)]
    rows = [mirror_row(mirror, newest.get(mirror.ref, last)) for mirror in mirrors]
    writes.append(_upsert('mirror', rows, ('system', 'type', 'remote_id')))
    links = [link_row(mirror) for mirror in mirrors if mirror.record and _is_news(graph, mirror)]
    others, primary = (
        _upsert('link', [row for row in links if _is_primary(row) is each], ('system', 'type', 'remote_id'))
        for each in (False, True)
    )
    if others and primary:
        await _write(connection, [*writes, others])
        writes = []
    await _write(connection, [*writes, primary or others])
    if let_go := [mirror.ref for mirror in mirrors if mirror.record is None and _was_linked(graph, mirror.ref)]:
        await connection.execute(UNLINK, (_refs(let_go),))
    if any(mirror.reread_at for mirror in mirrors):
        await bells.ring(connection, bells.READING)
    await keys.keep(connection, graph)
    for record in [graph.records[ref] for ref in sorted(graph.touched_records)]:
        if record.alias_of is not None and record.ref.type in MERGED:
            await pushes.retire(connection, record)
            await decisions.retire(connection, record.ref)
    if graph.before:
        stored = [(old, graph.records[ref]) for ref, old in graph.before.items() if ref in graph.touched_records]
        await occupancy.keep(connection, stored, last, lenient=lenient, quiet=quiet)
        graph.before.clear()
    graph.stored.update((ref, graph.mirrors[ref]) for ref in graph.touched_mirrors)
    graph.touched_records.clear()
    graph.touched_mirrors.clear()


def _was_linked(graph: Graph, ref: RemoteRef) -> bool:
    old = graph.stored.get(ref)
    return old is not None and old.record is not None


def _is_news(graph: Graph, mirror: Mirror) -> bool:
    """Whether the link of a mirror is another than the database has."""
    old = graph.stored.get(mirror.ref)
    return old is None or old.record is None or link_row(old) != link_row(mirror)


async def newest_events(connection: Connection, refs: Collection[RemoteRef]) -> dict[RemoteRef, int]:
    """The newest event of each of these mirrors, for whoever touches them and says nothing new about the object."""
    rows = await connection.execute(
        'select m.system, m.type, m.remote_id, m.event_id from mirror m '
        'join jsonb_to_recordset(%s) as r(system text, type text, remote_id text) using (system, type, remote_id)',
        (_refs(refs),),
    )
    found = await rows.fetchall()
    return {RemoteRef(row['system'], row['type'], row['remote_id']): row['event_id'] for row in found}


def _is_primary(link: Mapping[str, Any]) -> bool:
    return bool(link['is_primary'] and link['state'] == 'live')


def _upsert(table: str, rows: list[dict[str, Any]], key: tuple[str, ...]) -> Write | None:
    if not rows:
        return None
    names = list(rows[0])
    written = ', '.join(f'{name} = excluded.{name}' for name in names if name not in key)
    columns = ', '.join(names)
    return (
        f'insert into {table} ({columns}) select {columns} from jsonb_populate_recordset(null::{table}, %s) '
        f'on conflict ({", ".join(key)}) do update set {written}',
        (dump(rows),),
    )


async def _write(connection: Connection, writes: Iterable[Write | None]) -> None:
    """Writes to different tables, in one statement."""
    told = [write for write in writes if write]
    if not told:
        return
    *before, (last, _) = told
    parts = ', '.join(f'w{place} as ({query})' for place, (query, _) in enumerate(before))
    await connection.execute(f'with {parts} {last}' if parts else last, [item for _, given in told for item in given])


async def allocate_ids(connection: Connection, count: int) -> list[int]:
    """`count` new record ids."""
    rows = await connection.execute("select nextval('record_id') as id from generate_series(1, %s)", (count,))
    return [row['id'] for row in await rows.fetchall()]
