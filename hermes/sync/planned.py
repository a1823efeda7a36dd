"""Planned: everything that would go out now, per record and field, beside what the remote shows (PUSH_MODE=plan).

Nothing is written here and nothing is asked of any system: it is the same plan that the push makes, looked at. What
waits for its parent is told as if the parent were there; what a person has to free first says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hermes.db import graphs, pushes
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection, Row
from hermes.domain.graph import Context, Graph
from hermes.domain.model import Event, Record, RecordRef, Value
from hermes.domain.plan import Create, Delete, Noop, Plan, Wait, plan
from hermes.ports import Outgoing, System
from hermes.sync import cause, push
from hermes.sync.engine import Engine


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: what the remote shows, what it would be, and which rule wants it so."""

    field: str
    shows: Value
    would_be: Value
    rule: str


@dataclass(frozen=True, slots=True)
class Planned:
    """One call that would be made. `waits`: why it would not go at once, '' if it would."""

    record: RecordRef
    system: str
    op: str
    type: str
    remote_id: str
    tokens: int
    differences: tuple[Difference, ...] = ()
    waits: str = ''
    state: str = 'ready'
    cut: tuple[str, ...] = field(default=())


async def foresee(
    engine: Engine, connection: Connection, system: str | None = None, limit: int = 10_000
) -> list[Planned]:
    """Every call that is planned, parents before children, of at most `limit` companies."""
    known = await engine.known(connection)
    found: list[Planned] = []
    for company in await pushes.open_graphs(connection, system, limit):
        found += await _of_company(engine, connection, known, company, system)
    return found


async def _of_company(
    engine: Engine, connection: Connection, known: Knowledge, company: int, only: str | None
) -> list[Planned]:
    graph = await graphs.load(connection, graphs.Wanted(companies={company}), lock=False)
    standing = await pushes.of_graph(connection, company)
    context = engine.context(Event(0, '', '', b'', engine.clock.now()), known)
    found = []
    for name, system in engine.systems.items():
        for kind in system.types if only in (None, name) else ():
            table = engine.outgoing(system, kind, known)
            for ref in sorted(ref for ref in graph.records if ref.type == kind and table):
                record = graph.records[ref]
                home = graph.company(record)
                if record.alias_of is None and home is not None and home.ref.id == company:
                    row = standing.get((ref, name))
                    found.append(
                        await _of_record(engine, connection, graph, record, system, table, known, context, row)
                    )
    return [item for item in found if item is not None]


async def _of_record(
    engine: Engine,
    connection: Connection,
    graph: Graph,
    record: Record,
    system: System,
    table: Sequence[Outgoing],
    known: Knowledge,
    context: Context,
    row: Row | None,
) -> Planned | None:
    needed = plan(graph, record, table, context, system.name)
    waits = needed.why if isinstance(needed, Wait) else ''
    if waits:
        needed = plan(graph, record, table, context, system.name, ahead=True)
    needed = push.without(needed, tuple(row['ignored']) if row else ())
    if isinstance(needed, (Noop, Wait)):
        return None
    request = push.request_of(needed, record, system)
    if not waits:
        waits = await push.gate(engine, connection, needed, record.ref, system, known)
    if not waits and isinstance(needed, Create) and record.claims.get('undecided'):
        waits = 'MATCH-7: nothing is made until somebody decides'
    if row is not None and row['state'] != 'ready':
        waits = row['reason']
    rules = {} if isinstance(needed, Delete) else await cause.of_fields(connection, graph, record, needed, table)
    return Planned(
        record.ref, system.name, request.op, request.type, request.remote_id, system.cost(request).tokens,
        _differences(needed, request.basis, rules), waits, row['state'] if row else 'ready',
        () if isinstance(needed, Delete) else needed.cut,
    )  # fmt: skip


def _differences(needed: Plan, basis: Mapping[str, Value], rules: Mapping[str, str]) -> tuple[Difference, ...]:
    fields: Mapping[str, Any] = {} if isinstance(needed, (Delete, Noop, Wait)) else needed.fields
    return tuple(Difference(name, basis.get(name), value, rules.get(name, '')) for name, value in fields.items())


def total(planned: list[Planned]) -> list[dict[str, Any]]:
    """Counts and tokens by system, operation and type; what waits for a person is counted apart."""
    sums: dict[tuple[str, str, str], dict[str, Any]] = {}
    for item in planned:
        key = (item.system, item.op, item.type)
        line = sums.setdefault(
            key, {'system': key[0], 'op': key[1], 'type': key[2], 'calls': 0, 'fields': 0, 'tokens': 0, 'stuck': 0}
        )
        line['calls'] += item.state == 'ready'
        line['fields'] += len(item.differences) if item.state == 'ready' else 0
        line['tokens'] += item.tokens if item.state == 'ready' else 0
        line['stuck'] += item.state != 'ready'
    return list(sums.values())
