"""What a full listing showed against what Hermes holds: counts, hashes, and what is missing (PD-GAP-1).

Derived from listings and mirrors; nothing here changes what Hermes believes.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from hermes.db.codec import dump
from hermes.db.pool import Connection, Row, the_row
from hermes.db.sweeps import Sweep
from hermes.domain.model import RecordRef

LIVE: Final = (
    'm.merged_into is null and (m.version ->> 0)::bigint >= 0 and (m.deleted is null or m.version > m.deleted)'
)
"""A mirror of something that was seen and is neither merged away nor deleted (jsonb compares number by number)."""
CHILD: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    'organization': ('company_id', ('person', 'deal')),
    'person': ('contact_id', ('deal',)),
}
"""Under which field, in which types, other objects name one of this type."""

PAGES = """
    select count(*) filter (where state in ('parked', 'dismissed')) as parked,
      min(id) filter (where state in ('parked', 'dismissed')) as parked_id,
      max(state) filter (where state in ('parked', 'dismissed')) as aside,
      count(*) filter (where state in ('new', 'waiting')) as open,
      min(reason) filter (where state = 'waiting') as reason
    from event where source = %(system)s and kind = 'page' and id >= %(first)s and headers ->> 'sweep' = %(id)s::text
"""
ADD = """
    insert into listed (sweep_id, remote_id, seconds, sub, print)
    select %(id)s, remote_id, seconds, sub, print from jsonb_to_recordset(%(rows)s)
      as r(remote_id text, seconds bigint, sub bigint, print text)
    on conflict (sweep_id, remote_id) do update set seconds = excluded.seconds, sub = excluded.sub,
      print = excluded.print
"""
SAME = """
    select r.remote_id from jsonb_to_recordset(%(rows)s) as r(remote_id text, seconds bigint, sub bigint, print text)
    join listed l on l.sweep_id = %(before)s and l.remote_id = r.remote_id and l.print = r.print
    join mirror m on m.system = %(system)s and m.type = %(type)s and m.remote_id = r.remote_id
      and m.version = jsonb_build_array(r.seconds, r.sub) and m.reread_at is null and m.merged_into is null
      and m.deleted is null
    join link k on k.system = m.system and k.type = m.type and k.remote_id = m.remote_id and k.state = 'live'
"""
BEFORE = """
    select s.id, extract(epoch from s.through)::bigint as through_s from sweep s where s.system = %(system)s
      and s.type = %(type)s and s.kind = 'full' and s.state = 'done' and s.id <> %(id)s order by s.id desc limit 1
"""
MISSING = f"""
    select m.remote_id, k.record_type, k.record_id from mirror m left join link k using (system, type, remote_id)
    where m.system = %(system)s and m.type = %(type)s and {LIVE} and (m.version ->> 0)::bigint < %(through_s)s
      and not exists (select 1 from listed l where l.sweep_id = %(id)s and l.remote_id = m.remote_id)
      and not exists (select 1 from decision d where d.kind = 'merged?' and d.state = 'open'
        and d.key = 'merged?:' || m.system || ':' || m.type || ':' || m.remote_id)
    order by m.remote_id
"""
COUNT = f"""
    select (select count(*) from listed where sweep_id = %(id)s) as listed,
      (select count(*) from mirror m where m.system = %(system)s and m.type = %(type)s and {LIVE}) as held,
      (select count(*) from mirror m where m.system = %(system)s and m.type = %(type)s and {LIVE}
        and (m.version ->> 0)::bigint >= %(through_s)s
        and not exists (select 1 from listed l where l.sweep_id = %(id)s and l.remote_id = m.remote_id)) as newer,
      (select count(*) from decision d where d.kind = 'merged?' and d.state = 'open'
        and d.key like 'merged?:' || %(system)s || ':' || %(type)s || ':%%') as undecided,
      (select count(*) from listed l where l.sweep_id = %(id)s and not exists (select 1 from mirror m
        where m.system = %(system)s and m.type = %(type)s and m.remote_id = l.remote_id)) as unknown
"""
PAIRS: Final = f"""
    select l.remote_id, l.seconds as listed_s, m.remote_id as mirror_id, m.version[0]::bigint as held_s
    from (select * from listed where sweep_id = %(id)s) l full join
      (select remote_id, version from mirror m where m.system = %(system)s and m.type = %(type)s and
        ({LIVE} or exists (select 1 from listed x where x.sweep_id = %(id)s and x.remote_id = m.remote_id))) m
      on m.remote_id = l.remote_id
    where l.remote_id is not null or not coalesce(m.remote_id = any(%(explained)s)
      or m.version[0]::bigint >= %(through_s)s, false)
"""
WRITE = """
    insert into proof (sweep_id, system, type, at, state, reason, listed, held, newer, unlisted, deleted, undecided,
      remote_digest, own_digest, tokens, took_s)
    select %(id)s, s.system, s.type, hermes_now(), %(state)s, %(reason)s, %(listed)s, %(held)s, %(newer)s,
      %(unlisted)s, %(deleted)s, %(undecided)s, %(remote)s, %(own)s, s.tokens + %(more)s,
      extract(epoch from hermes_now() - s.started_at) from sweep s where s.id = %(id)s
"""
STANDS: Final = """
    update decision d set key = d.key || ':' || d.id, state = 'proven' from listed l
    where l.sweep_id = %(id)s and d.kind = 'merged?' and d.state = 'open'
      and d.key = 'merged?:' || %(system)s || ':' || %(type)s || ':' || l.remote_id
"""
"""What is listed again was not merged away."""
MISSED: Final = """
    insert into decision (kind, key, detail, event_id, at)
    values ('missing', %(key)s, %(detail)s, %(event)s, hermes_now())
    on conflict (kind, key) do update set detail = excluded.detail, event_id = excluded.event_id, at = excluded.at,
      state = 'open'
"""
"""Asked once a type; what is missing now counts, also where fewer were accepted before."""
FOUND_AGAIN: Final = """
    update decision set key = key || ':' || id, state = case state when 'open' then 'proven' else state end
    where kind = 'missing' and key = %(key)s
"""
FORGET = """
    delete from listed l where not exists (select 1 from sweep s where s.id = l.sweep_id and s.state = 'running')
      and l.sweep_id <> all(select max(id) from sweep where kind = 'full' and state = 'done' group by system, type)
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One listed object: its version, and a hash of everything that the listing says of it."""

    remote_id: str
    seconds: int
    sub: int
    print: str


@dataclass(frozen=True, slots=True)
class Pages:
    """How many pages of a listing are parked (the first one's id and state), how many still open, and for what one of
    them waits.
    """

    parked: int
    parked_id: int | None
    aside: str | None
    open: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Missing:
    """An object that a listing lacks, and its record."""

    remote_id: str
    record: RecordRef | None


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a comparison. `reason`: why nothing is proven, '' when it is."""

    listed: int = 0
    held: int = 0
    newer: int = 0
    unlisted: int = 0
    deleted: int = 0
    undecided: int = 0
    remote: str = ''
    own: str = ''
    reason: str = ''


def _rows(seen: Collection[Seen]) -> str:
    return dump([{'remote_id': one.remote_id, 'seconds': one.seconds, 'sub': one.sub, 'print': one.print}
                 for one in seen])  # fmt: skip


def _key(sweep: Sweep) -> dict[str, Any]:
    return {'id': sweep.id, 'system': sweep.system, 'type': sweep.type, 'through_s': int(sweep.tells_until.timestamp())}


async def keep_listed(connection: Connection, sweep: Sweep, seen: Collection[Seen]) -> set[str]:
    """Note what a page shows. Returns the ids of which it says exactly what the last proven listing said, and of
    which nothing was learned since: to apply them again would change nothing (I3).
    """
    if not seen:
        return set()
    found = await connection.execute(BEFORE, _key(sweep))
    before = await found.fetchone()
    await connection.execute(ADD, {'id': sweep.id, 'rows': _rows(seen)})
    if before is None:
        return set()
    rows = await connection.execute(SAME, {**_key(sweep), 'before': before['id'], 'rows': _rows(seen)})
    return {row['remote_id'] for row in await rows.fetchall()}


async def pages(connection: Connection, sweep: Sweep) -> Pages:
    """How the pages of a listing stand."""
    return Pages(**await the_row(connection, PAGES, {**_key(sweep), 'first': sweep.first_event or 0}))


async def missing(connection: Connection, sweep: Sweep) -> list[Missing]:
    """What is held as alive, is older than the listing, and is not in it."""
    rows = await (await connection.execute(MISSING, _key(sweep))).fetchall()
    return [
        Missing(row['remote_id'], RecordRef(row['record_type'], row['record_id']) if row['record_type'] else None)
        for row in rows
    ]


async def fresh_children(connection: Connection, sweep: Sweep) -> list[str]:
    """The types of children that were not listed since this listing ended."""
    assert sweep.listed_at is not None
    stale = []
    for child in CHILD.get(sweep.type, ('', ()))[1]:
        rows = await connection.execute(
            "select 1 from sweep s where system = %s and type = %s and state = 'done' and through >= %s limit 1",
            (sweep.system, child, sweep.listed_at.replace(microsecond=0)),
        )
        if await rows.fetchone() is None:
            stale.append(child)
    return stale


MOVED = f"""
    select m.type, m.remote_id, m.runs #>> array[%(name)s, '-1', '0'] as now, w.gone as was,
      (m.runs #>> array[%(name)s, '-1', '1', '0'])::bigint as since_s
    from mirror m, lateral (select distinct r ->> 0 as gone from jsonb_array_elements(m.runs -> %(name)s) r
      where r ->> 0 = any(%(ids)s)) w
    where m.system = %(system)s and m.type = any(%(types)s) and {LIVE} and m.runs ? %(name)s
"""
NAMED = f"""
    select distinct m.remote_id, h.id::bigint as record_id from mirror m,
      jsonb_array_elements(m.runs -> 'hermes_id') as r(run),
      jsonb_array_elements_text(case when jsonb_typeof(r.run -> 0) = 'array' then r.run -> 0 else '[]' end) as h(id)
    where m.system = %(system)s and m.type = %(type)s and {LIVE} and h.id = any(%(records)s)
      and not m.remote_id = any(%(ids)s) and (r.run = m.runs #> '{{hermes_id,-1}}'
        or case when jsonb_typeof(r.run -> 0) = 'array' then jsonb_array_length(r.run -> 0) > 1 end)
"""
"""Another object says its id, or said it beside others: merged ids stand together until Hermes writes one (D-15)."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Why a missing object looks merged: the likely survivor, and what points to it."""

    survivor: str
    children: tuple[tuple[str, str], ...] = ()
    by_hermes_id: bool = False


async def suspicions(connection: Connection, sweep: Sweep, lost: Sequence[Missing]) -> dict[str, Suspicion]:
    """Missing objects whose children point elsewhere since the last proven listing (none still points to them), or
    whose hermes_id stands in another object's.
    """
    found: dict[str, Suspicion] = {}
    ids = [one.remote_id for one in lost]
    records = {str(one.record.id): one.remote_id for one in lost if one.record is not None}
    named = await connection.execute(NAMED, {**_key(sweep), 'ids': ids, 'records': list(records)})
    for row in await named.fetchall():
        found[records[str(row['record_id'])]] = Suspicion(row['remote_id'], by_hermes_id=True)
    if sweep.type not in CHILD:
        return found
    name, types = CHILD[sweep.type]
    before = await (await connection.execute(BEFORE, _key(sweep))).fetchone()
    since_s = before['through_s'] if before and before['through_s'] else 0
    rows = await connection.execute(MOVED, {**_key(sweep), 'name': name, 'types': list(types), 'ids': ids})
    children: dict[str, list[Row]] = {}
    for row in await rows.fetchall():
        children.setdefault(row['was'], []).append(row)
    for gone, those in children.items():
        moved = [row for row in those if row['now'] not in (None, gone) and row['since_s'] >= since_s]
        if not moved or any(row['now'] == gone for row in those):
            continue
        targets = [row['now'] for row in moved]
        survivor = max(sorted(set(targets)), key=targets.count)
        found[gone] = Suspicion(
            survivor, tuple((row['type'], row['remote_id']) for row in moved), gone in found and
            found[gone].by_hermes_id
        )  # fmt: skip
    return found


async def compare(connection: Connection, sweep: Sweep) -> Finding:
    """Counts and hashes of a listing whose missing objects were all looked at."""
    key = _key(sweep)
    counts = await the_row(connection, COUNT, key)
    looked = sweep.looked
    kept = [one for one, what in looked.items() if what in ('there', 'merged?')]
    open_ids = await connection.execute(
        "select split_part(key, ':', 4) as remote_id from decision where kind = 'merged?' and state = 'open' and key "
        "like 'merged?:' || %(system)s || ':' || %(type)s || ':%%'",
        key,
    )
    kept += [row['remote_id'] for row in await open_ids.fetchall()]
    remote, own = hashlib.sha256(), hashlib.sha256()
    rows = await (await connection.execute(PAIRS, {**key, 'explained': kept})).fetchall()
    for row in sorted(rows, key=lambda row: row['remote_id'] or row['mirror_id']):
        if row['remote_id'] is not None:
            remote.update(f'{row["remote_id"]}:{row["listed_s"]}\n'.encode())
        if row['mirror_id'] is not None:
            held_s = row['held_s'] if row['listed_s'] is None else min(row['held_s'], row['listed_s'])
            own.update(f'{row["mirror_id"]}:{held_s}\n'.encode())
    reason = ''
    if counts['unknown']:
        reason = f'{counts["unknown"]} listed objects are not known after their pages were applied'
    elif remote.digest() != own.digest():
        reason = 'what is held differs from what was listed, and a second look did not settle it'
    return Finding(
        counts['listed'], counts['held'], counts['newer'], sum(what == 'there' for what in looked.values()),
        sum(what in ('deleted', 'gone') for what in looked.values()), counts['undecided'], remote.hexdigest(),
        own.hexdigest(), reason,
    )  # fmt: skip


async def withdraw(connection: Connection, sweep: Sweep) -> None:
    """Nobody is asked any more about what a listing shows again."""
    await connection.execute(STANDS, _key(sweep))


async def accepted(connection: Connection, sweep: Sweep) -> int:
    """How many missing objects of this type a person said to be gone; 0 where nobody did."""
    rows = await connection.execute(
        "select (detail ->> 'missing')::bigint as n from decision where kind = 'missing' and state = 'accept' "
        'and key = %s',
        (_missing_key(sweep),),
    )
    row = await rows.fetchone()
    return int(row['n']) if row else 0


async def ask_missing(connection: Connection, sweep: Sweep, missing: int, whole: int) -> None:
    """Ask a person whether so many are really gone."""
    detail = {
        'system': sweep.system, 'type': sweep.type, 'missing': missing, 'of': whole,
        'reason': 'more are not listed any more than is believed without a person',
    }  # fmt: skip
    await connection.execute(MISSED, {'key': _missing_key(sweep), 'detail': dump(detail), 'event': sweep.first_event})


async def accept_missing(connection: Connection, key: str, missing: int) -> None:
    """So many, as the person saw them, whatever a later listing found."""
    await connection.execute(
        "update decision set detail = detail || jsonb_build_object('missing', %s::bigint) where kind = 'missing' and "
        'key = %s',
        (missing, key),
    )


async def settle_missing(connection: Connection, sweep: Sweep) -> None:
    """A listing was proven: the question, or its answer, is over."""
    await connection.execute(FOUND_AGAIN, {'key': _missing_key(sweep)})


def _missing_key(sweep: Sweep) -> str:
    return f'missing:{sweep.system}:{sweep.type}'


async def write(connection: Connection, sweep: Sweep, finding: Finding, more_tokens: int = 0) -> None:
    """The proof, or why there is none; older listings are forgotten."""
    await connection.execute(
        WRITE,
        {
            **asdict(finding), 'id': sweep.id, 'state': 'failed' if finding.reason else 'proven', 'more': more_tokens,
        },
    )  # fmt: skip


async def forget(connection: Connection) -> None:
    """Drop what older listings showed."""
    await connection.execute(FORGET)


async def unread(connection: Connection, sweep: Sweep) -> int:
    """Listed objects of which nothing was ever read, but will be."""
    rows = await connection.execute(
        'select count(*) as n from listed l join mirror m on m.system = %(system)s and m.type = %(type)s and '
        'm.remote_id = l.remote_id where l.sweep_id = %(id)s and (m.version ->> 0)::bigint < 0 and m.deleted is null '
        'and m.reread_at is not null',
        _key(sweep),
    )
    row = await rows.fetchone()
    return int(row['n']) if row else 0


async def is_live(connection: Connection, sweep: Sweep, remote_id: str) -> bool:
    """Whether an object is held as neither merged away nor deleted."""
    rows = await connection.execute(
        f'select 1 from mirror m where system = %s and type = %s and remote_id = %s and {LIVE}',
        (sweep.system, sweep.type, remote_id),
    )
    return await rows.fetchone() is not None
