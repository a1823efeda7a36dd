"""Dirty: which records a batch touched, and the push of every one that now differs from what a system holds.

What did not change is not planned again; what differs from nothing costs nothing (I9).
"""

from collections.abc import Mapping
from typing import Any, Final

from hermes.db import graphs, journal, people, pushes, records
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection
from hermes.domain import app_user
from hermes.domain.graph import Context, Graph
from hermes.domain.model import Event, Mirror, Record, RecordRef, RemoteRef
from hermes.domain.plan import Create, Delete, Noop, Plan, Update, Wait, plan
from hermes.domain.record_types import PEOPLE, RANK, UNDER_COMPANY
from hermes.sync.engine import Engine

RENAMED: Final = 200
"""How many companies are looked at together after a stage got another name."""


def touched_by(
    graph: Graph, mirrors: Mapping[RemoteRef, Mirror], records: Mapping[RecordRef, Record]
) -> set[RecordRef]:
    """Records that may now differ from what a system holds; with a company, everything under it (inherited fields,
    parents' ids); with a deal, the company that it is of and the one that it was of (PD-DEAL-6).
    """
    touched = {ref for ref in graph.touched_records if app_user.matters(records.get(ref), graph.records[ref])}
    for remote in graph.touched_mirrors:
        mirror = graph.mirrors[remote]
        if mirror.record and mirror != mirrors.get(remote):
            touched.add(mirror.record)
    meetings = [record for ref, record in graph.records.items() if ref.type == 'meeting']
    under = {meeting.ref for meeting in meetings if (set(_named(meeting)) & touched)}
    for ref in touched:
        if ref.type == 'company':
            under |= {child.ref for part in UNDER_COMPANY for child in graph.children(ref.id, part)}
        elif ref.type == 'contact' and ref in graph.records and graph.records[ref].company_id is not None:
            under |= {child.ref for child in graph.children(graph.records[ref].company_id or 0, 'deal')}
        elif ref.type == 'deal':
            homes = {found[ref].company_id for found in (graph.records, records) if ref in found}
            under |= {RecordRef('company', number) for number in homes if number is not None}
    return {ref for ref in touched | under if ref.type in RANK}


def _named(meeting: Record) -> list[RecordRef]:
    """The contact and the deal of a meeting."""
    told = ((kind, meeting.fields.get(f'{kind}_id')) for kind in ('contact', 'deal'))
    return [RecordRef(kind, number) for kind, number in told if isinstance(number, int)]


async def mark(
    engine: Engine, connection: Connection, graph: Graph, touched: set[RecordRef], context: Context, lane: str = ''
) -> None:
    """Bump the push of every touched record that differs from what a system holds; what was refused and is not wanted
    any more comes to its end. `lane`: that of them all, where somebody waits for them, or nobody does ('backfill': what
    waits already keeps its own).
    """
    waiting = await pushes.waiting_lanes(connection, touched) if lane == 'backfill' else {}
    differing: list[pushes.Dirty] = []
    settled: list[tuple[RecordRef, str]] = []
    for name, system in engine.systems.items():
        types = {ref.type for ref in touched} & system.types.keys() & RANK.keys()
        tables = {kind: engine.outgoing(system, kind, context) for kind in types}
        for ref in sorted(touched):
            record = graph.record(ref)
            if record is None or record.ref != ref or not tables.get(ref.type):
                continue
            needed = plan(graph, record, tables[ref.type], context, name)
            if isinstance(needed, (Noop, Wait)):
                if (record.ref, name) in graph.parked or graph.root(record) is None:
                    settled.append((record.ref, name))
                continue
            root = graph.root(record)
            number, own = root.ref.id if root else 0, waiting.get((record.ref, name), lane)
            differing.append(pushes.Dirty(record.ref, name, number, own or lane_of(needed), describe(needed)))
    await pushes.mark_dirty(connection, differing, float(context.settings.get('push_spacing_s', engine.push_spacing_s)))
    await pushes.end_refused(connection, settled)


def lane_of(needed: Plan) -> str:
    """OUT-12: an object that only lacks its hermes_id can wait."""
    return 'backfill' if isinstance(needed, Update) and set(needed.fields) == {'hermes_id'} else 'webhook'


def describe(needed: Plan) -> dict[str, Any]:
    """A plan as people and the database keep it."""
    if isinstance(needed, (Create, Update)):
        return {
            'op': 'create' if isinstance(needed, Create) else 'update',
            'fields': dict(needed.fields),
            'cut': list(needed.cut),
        }
    return {'op': 'delete'} if isinstance(needed, Delete) else {}


async def renamed(engine: Engine, connection: Connection, event: Event) -> None:
    """A pipeline or a stage has another name: the companies whose systems are told it look again (PD-DEAL-6)."""
    known = await engine.known(connection)
    inputs = {
        name
        for system in engine.systems.values()
        for item in engine.outgoing(system, 'company', known)
        for name in item.inputs
    }
    if not inputs & {'Stage.name', 'Pipeline.name'}:
        return
    named = await journal.companies_renamed(connection, event.id)
    for first in range(0, len(named), RENAMED):
        refs = {RecordRef('company', number) for number in named[first : first + RENAMED]}
        await replan(engine, connection, refs, event)


async def switched(engine: Engine, connection: Connection, before: Knowledge, event: Event) -> None:
    """Something goes out to a system that nothing went to, or the other way round (D-1): everybody is looked at again,
    in the lane that waits for all others.
    """
    known = await engine.known(connection)
    if known.settings == before.settings:
        return
    types = {
        kind
        for system in engine.systems.values()
        for kind in system.types.keys() & RANK.keys()
        if bool(engine.outgoing(system, kind, before)) is not bool(engine.outgoing(system, kind, known))
    }
    for kind in sorted(types & set(PEOPLE)):
        after = 0
        while numbers := await people.next_ids(connection, kind, after, RENAMED):
            after = numbers[-1]
            await replan(engine, connection, {RecordRef(kind, number) for number in numbers}, event, lane='backfill')
    types -= set(PEOPLE)
    after = 0
    while types and (numbers := await records.next_ids(connection, after, RENAMED)):
        after = numbers[-1]
        await replan(engine, connection, await records.live_records(connection, types, numbers), event, lane='backfill')


async def replan(engine: Engine, connection: Connection, refs: set[RecordRef], event: Event, *, lane: str = '') -> None:
    """Look at some records again, after something outside of them changed."""
    known = await engine.known(connection)
    graph = await graphs.load(connection, graphs.Wanted(records=refs), lock=False)
    await mark(
        engine, connection, graph, {ref for ref in refs if ref in graph.records}, engine.context(event, known), lane
    )
