"""An older Hermes's database enters as events, one a company, and is applied like everything else (I14).

Everything is checked before the first row is written; every batch is a transaction, so that an import that was cut off
goes on where it was and one that is done changes nothing. From its first event on every system is paused: nothing is
sent until a person says so.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hermes.db import events, graphs, pauses
from hermes.db.catalogue import Knowledge, bump, ensure_defaults, load_catalogue, save_field, save_setting
from hermes.db.pool import Connection
from hermes.domain import config
from hermes.domain.acts import TakeOver
from hermes.domain.applied import Applied
from hermes.domain.errors import Refused
from hermes.domain.fields import Catalogue, CustomField, default_catalogue
from hermes.domain.graph import Context, Graph
from hermes.domain.model import Event, RecordRef, RemoteRef
from hermes.domain.record_types import ATTRIBUTES, FIELDED
from hermes.legacy import database
from hermes.legacy.reconciliation import Trouble
from hermes.legacy.records import take_admins, take_company, take_shared
from hermes.legacy.rows import LINKED, SYSTEM, Row, Source, fingerprint, remote_id, told_of
from hermes.sync.acts.fields import check_field
from hermes.sync.acts.scope import Entry, Outcome, Scope
from hermes.sync.engine import Engine

Told = Mapping[str, Any]
BATCH: Final = 50
PAUSED: Final = 'imported from an older Hermes: look at "hermes plan", then resume'
SYSTEMS: Final = ('pipedrive', 'tutorcruncher')
TAKERS: Final[Mapping[str, Callable[[Graph, Told, Context, Applied], None]]] = {
    'legacy.shared': take_shared,
    'legacy.admins': take_admins,
    'legacy.company': take_company,
}


@dataclass
class Imported:
    """What became of an import: how many events there were to take, those taken now, those that were there already, and
    whose rows changed since.
    """

    fresh: int = 0
    taken: int = 0
    known: int = 0
    changed: list[str] = field(default_factory=list)


def encode(act: Told) -> bytes:
    return json.dumps(act, ensure_ascii=False, sort_keys=True).encode()


def key_of(name: str) -> bytes:
    """Under which an event is known, in this import and every later one."""
    return hashlib.sha256(f'legacy:{name}'.encode()).digest()


async def check(engine: Engine, source: Source) -> Imported:
    """What an import would do. Raises Refused, before anything is written, when it cannot be done."""
    async with engine.database.transaction() as connection:
        return (await _look(connection, source))[0]


async def take_over(engine: Engine, source: Source, tick: Callable[[], None] = lambda: None) -> Imported:
    """Take an older database over, or go on with it. Raises Refused."""
    async with engine.database.transaction() as connection:
        found, todo = await _look(connection, source)
    shared = [one for one in todo if not one[0].startswith('company:')]
    first, last = [one for one in shared if one[0] != 'rest'], [one for one in shared if one[0] == 'rest']
    companies = [one for one in todo if one[0].startswith('company:')]
    for group in [*([one] for one in first), *_batched(companies), *([one] for one in last)]:
        found.taken += await _take_group(engine, group)
        for _ in group:
            tick()
    return found


Item = tuple[str, dict[str, Any]]


def _batched(items: Sequence[Item]) -> list[Sequence[Item]]:
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]


async def _look(connection: Connection, source: Source) -> tuple[Imported, list[Item]]:
    known = await database.known_events(connection)
    begun = await database.first_body(connection, key_of('begin'))
    if begun is not None and json.loads(begun)['fingerprint'] != fingerprint(source):
        raise Refused('Another older Hermes was imported into this database already; use a new database.')
    found, todo = Imported(), []
    for name, told in told_of(source):
        digest = known.get(key_of(name))
        if digest is None:
            todo.append((name, told))
            continue
        found.known += 1
        if digest != hashlib.sha256(encode(told)).digest():
            found.changed.append(name)
    await _refuse_taken(connection, [told for _, told in todo])
    found.fresh = len(todo)
    return found, todo


async def _take_group(engine: Engine, group: Sequence[tuple[str, Told]]) -> int:
    """Some events in one transaction; those that another import brought meanwhile are left out."""
    async with engine.database.transaction() as connection:
        await graphs.lock_births(connection)
        known = await database.known_events(connection, [key_of(name) for name, _ in group])
        fresh = [(name, told) for name, told in group if key_of(name) not in known]
        if not fresh:
            return 0
        batch = [
            (await events.add(connection, SYSTEM, 'act', encode(told), headers={'by': 'import'},
                              dedupe_key=key_of(name)), told)
            for name, told in fresh
        ]  # fmt: skip
        now = await engine.known(connection)
        outcomes = await _apply(connection, batch, now, lambda event: engine.context(event, now))
        done = [(event.id, [outcome]) for (event, _), outcome in zip(batch, outcomes, strict=True)]
        await events.finish(connection, done)
        return len(fresh)


async def take_again(scope: Scope, act: TakeOver) -> Outcome:
    """One of these events, applied again in a fold of the log. Raises Refused."""
    told = {'act': f'legacy.{act.step}', **act.told}
    return (await _apply(scope.connection, [(scope.event, told)], scope.known, lambda _: scope.context))[0]


OF_IMPORTS: Final[Mapping[type[Any], Entry]] = {TakeOver: Entry(take_again, frozenset({SYSTEM}))}
"""Acts that only an import says."""


async def _apply(
    connection: Connection,
    batch: Sequence[tuple[Event, Told]],
    known: Knowledge,
    context_of: Callable[[Event], Context],
) -> list[Outcome]:
    acts = {told['act'] for _, told in batch}
    if acts <= TAKERS.keys():
        return await _take(connection, batch, context_of)
    [(_, told)] = batch
    match told['act']:
        case 'legacy.begin':
            return [await _begin(connection)]
        case 'legacy.fields':
            return [await _save_fields(connection, told)]
        case 'legacy.config':
            return [await _save_config(connection, told, known)]
        case 'legacy.rest':
            kept = {name: len(rows) for name, rows in told.items() if isinstance(rows, list)}
            return [{'notes': [f'{count} {name} of no company are kept here' for name, count in kept.items() if count]}]
    raise Refused('This act is unknown; nothing was done.')


async def _take(
    connection: Connection, batch: Sequence[tuple[Event, Told]], context_of: Callable[[Event], Context]
) -> list[Outcome]:
    """Records, links and journal of some events; the graphs of different companies do not touch."""
    await _refuse_taken(connection, [told for _, told in batch])
    graph, outcomes, effects = Graph(), [], graphs.Effects()
    for event, told in batch:
        done, before = Applied(), set(graph.mirrors)
        TAKERS[told['act']](graph, told, context_of(event), done)
        effects.mirrors.update(dict.fromkeys(graph.mirrors.keys() - before, event.id))
        effects.add(done, event.id)
        records = sorted(list(ref) for ref in done.created)
        outcomes.append({'notes': done.notes, 'changes': len(done.changes), 'records': records})
    await graphs.commit(connection, graph, effects, batch[-1][0])
    if any(told['act'] != 'legacy.company' for _, told in batch):
        await bump(connection, 'directory')
    return outcomes


async def _begin(connection: Connection) -> Outcome:
    """Nothing is sent from now on, until a person resumes."""
    for system in SYSTEMS:
        await pauses.pause(connection, system, PAUSED)
    return {'notes': [f'{" and ".join(SYSTEMS)} are paused: {PAUSED}']}


async def _save_fields(connection: Connection, act: Told) -> Outcome:
    await ensure_defaults(connection)
    items, refused = fields_of(act['fields'], await load_catalogue(connection))
    for item in items:
        await save_field(connection, item)
    if items:
        await bump(connection, 'catalogue')
    return {'notes': [f'{len(items)} fields', *(trouble.detail for trouble in refused)]}


async def _save_config(connection: Connection, act: Told, known: Knowledge) -> Outcome:
    """Settings that have a place here; what was set already stays, what cannot be set is left out."""
    notes = []
    for name, value in sorted(act['config'].items()):
        key = config.KEYS.get(name)
        if key is None or value is None or known.settings.get(name) is not None:
            continue
        try:
            config.check(key, value)
        except Refused as refused:
            notes.append(str(refused))
            continue
        if key.record_type is None or value in known.directory.pipelines:
            await save_setting(connection, name, value)
            notes.append(f'{name} = {value}')
    return {'notes': notes}


def fields_of(rows: Iterable[Row], catalogue: Catalogue) -> tuple[list[CustomField], list[Trouble]]:
    """Custom field rows as fields of the catalogue: known ones learn their id in the CRM, new ones are added."""
    found: list[CustomField] = []
    refused: list[Trouble] = []
    for row in sorted(rows, key=lambda row: (row.get('linked_object_type') != 'Company', row['id'])):
        try:
            item = _field_of(row, catalogue)
            check_field(item, catalogue)
        except Refused as error:
            refused.append(Trouble('field-refused', 'customfield', row['id'], 'machine_name', str(error)))
            continue
        found.append(item)
        rest = [each for each in catalogue.custom if (each.linked_object_type, each.machine_name) != _named(item)]
        catalogue = Catalogue((*rest, item))
    return found, refused


def _named(item: CustomField) -> tuple[str, str]:
    return item.linked_object_type, item.machine_name


def _field_of(row: Row, catalogue: Catalogue) -> CustomField:
    told = {name: str(row.get(name) or '').strip() for name in (
        'machine_name', 'name', 'field_type', 'linked_object_type', 'hermes_field_name', 'tc2_machine_name',
        'pd_field_id',
    )}  # fmt: skip
    fresh = CustomField(**{**told, 'name': told['name'] or told['machine_name']})  # type: ignore[arg-type]
    same = [each for each in catalogue.of(fresh.record_type) if each.linked_object_type == fresh.linked_object_type]
    known = next((each for each in same if each.machine_name == fresh.machine_name), None)
    known = known or next((each for each in same if each.attribute == fresh.attribute), None)
    if known is not None:
        return replace(known, name=fresh.name, pd_field_id=fresh.pd_field_id or known.pd_field_id)
    fixed = ATTRIBUTES[fresh.record_type].get(fresh.attribute) if fresh.record_type in FIELDED else None
    return replace(fresh, policy=fixed.policy if fixed else 'hermes' if fresh.inherited else 'follow')


def refused_fields(source: Source) -> list[Trouble]:
    """Fields of an older database that cannot stand in a new catalogue."""
    return fields_of(source.rows('customfield'), default_catalogue())[1]


TABLE_OF: Final = {
    'legacy.shared': {'pipelines': 'pipeline', 'stages': 'stage'},
    'legacy.admins': {'admins': 'admin'},
    'legacy.company': {'contacts': 'contact', 'deals': 'deal'},
}


def claimed(act: Told) -> tuple[set[RecordRef], set[RemoteRef]]:
    """The record ids and the remote objects that an event takes."""
    rows = [(table, row) for name, table in TABLE_OF.get(act['act'], {}).items() for row in act[name]]
    rows += [('company', act['company'])] if 'company' in act else []
    records = {RecordRef(table, row['id']) for table, row in rows}
    remotes = {
        RemoteRef(*LINKED[table, column], str(number))
        for (table, column) in LINKED
        for kind, row in rows
        if kind == table and (number := remote_id(row, column)) is not None
    }
    return records, remotes


async def _refuse_taken(connection: Connection, acts: Sequence[Told]) -> None:
    """Raises Refused when an id or a remote object is somebody's here already."""
    records: set[RecordRef] = set()
    remotes: set[RemoteRef] = set()
    for one in acts:
        mine = claimed(one)
        records |= mine[0]
        remotes |= mine[1]
    if not records:
        return
    taken = await database.taken_record(connection, records)
    if taken is not None:
        raise Refused(f'{taken.type} {taken.id} is taken here already: import into a new database.')
    first = await database.first_number(connection)
    highest = max(records, key=lambda ref: ref.id)
    if highest.id >= first:
        raise Refused(
            f'{highest.type} {highest.id} lies among the numbers of this database (from {first}): import into a new '
            'one.'
        )
    heard = await database.heard_remote(connection, remotes)
    if heard is not None:
        raise Refused(
            f'This database has heard of {heard.system} {heard.type} {heard.remote_id} already: import into a new '
            'database, before a worker speaks with the accounts.'
        )
    admins = [row for one in acts for row in one.get('admins', ())]
    owner = await database.taken_admin(
        connection,
        [remote_id(row, 'tc2_admin_id') for row in admins],
        [remote_id(row, 'pd_owner_id') for row in admins],
    )
    if owner is not None:
        raise Refused(f'admin {owner} here has an id that an imported admin has too: import into a new database.')


async def contradictions(engine: Engine) -> tuple[int, list[dict[str, Any]]]:
    """How many links to the CRM were imported, and what their objects say that the import does not (H-4), one line
    each; 'not-listed' until the CRM said anything.
    """
    async with engine.database.transaction() as connection:
        rows = await database.contradictions(connection)
    found = []
    for row in rows:
        ids = [number for number in row['ids'] or () if isinstance(number, int)]
        kinds = {
            'not-listed': row['unseen'],
            'renumbered': bool(ids) and row['record_id'] not in ids,
            'id-list': len(ids) > 1,
        }
        object_, record = f'{row["type"]} {row["remote_id"]}', f'{row["record_type"]}:{row["record_id"]}'
        told = f'hermes_id {", ".join(map(str, ids))}' if ids else ''
        found += [
            {'kind': kind, 'object': object_, 'record': record, 'detail': told} for kind, true in kinds.items() if true
        ]
    return len(rows), found
