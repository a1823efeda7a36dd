"""Planned: everything that would go out now, per record and field, beside what the remote shows (PUSH_MODE=plan).

Nothing is written here and nothing is asked of any system: it is the same plan that the push makes, looked at. What
waits for its parent is told as if the parent were there; what a person has to free first says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hermes.db import graphs, journal, pushes
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection
from hermes.db.pushes import Standing
from hermes.domain.graph import Context, Graph
from hermes.domain.model import Event, Record, RecordRef, Value
from hermes.domain.plan import Create, Delete, Noop, Plan, Update, Wait, plan
from hermes.domain.record_types import RANK
from hermes.ports import Outgoing, System
from hermes.sync import call_rules, push, writes
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


READY: Final = Standing('ready', '', ())
AT_ONCE: Final = 200
"""So many companies are loaded together."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A call as it is planned, before anybody asked why."""

    record: Record
    system: System
    table: Sequence[Outgoing]
    needed: Create | Update | Delete
    waits: str
    standing: Standing


async def foresee(
    engine: Engine, connection: Connection, system: str | None = None, limit: int = 10_000
) -> list[Planned]:
    """Every call that is planned, parents before children, of at most `limit` companies."""
    known = await engine.known(connection)
    companies = await pushes.open_graphs(connection, system, limit)
    shut = {name: await closed(engine, connection, each, known) for name, each in engine.systems.items()}
    found: list[Planned] = []
    for first in range(0, len(companies), AT_ONCE):
        found += await of_companies(engine, connection, known, companies[first : first + AT_ONCE], system, shut)
    return found


async def closed(engine: Engine, connection: Connection, system: System, known: Knowledge) -> dict[str, str]:
    """record type -> why nothing of it is made now; '' where it is."""
    return {
        kind: await push.gate(engine, connection, Create({}), kind, system, known)
        for kind in system.types
        if kind in RANK
    }


async def of_companies(
    engine: Engine, connection: Connection, known: Knowledge, companies: Sequence[int], only: str | None,
    shut: Mapping[str, Mapping[str, str]], *, explained: bool = True,
) -> list[Planned]:  # fmt: skip
    """Every call that is planned for some companies, to all systems or `only` to one; `shut`: as `closed` tells it of
    each system. Unless it is `explained`, nobody asks the journal which rule wants a field so.
    """
    graph = await graphs.load(connection, graphs.Wanted(companies=set(companies)), lock=False)
    standing = await pushes.of_graphs(connection, companies)
    context = engine.context(Event(0, '', '', b'', engine.clock.now()), known)
    at_home = _at_home(graph)
    found: list[Foreseen] = []
    for company in companies:
        for name, system in engine.systems.items():
            for kind in system.types if only in (None, name) else ():
                table = engine.outgoing(system, kind, known)
                for record in at_home.get((company, kind), ()) if table else ():
                    stands = standing.get((record.ref, name), READY)
                    each = _of_record(graph, record, system, table, context, stands, shut[name])
                    found += [each] if each else []
    asked: dict[RecordRef, set[str]] = {}
    for each in found:
        if explained and not isinstance(each.needed, Delete):
            for ref, names in call_rules.asked_of(graph, each.record, each.needed, each.table).items():
                asked.setdefault(ref, set()).update(names)
    told = await journal.last_rules(connection, asked)
    return [_planned(graph, each, told) for each in found]


def _at_home(graph: Graph) -> dict[tuple[int, str], list[Record]]:
    """(company, type) -> its records in the order of their ids."""
    found: dict[tuple[int, str], list[Record]] = {}
    for ref in sorted(graph.records):
        record = graph.records[ref]
        home = graph.company(record) if record.alias_of is None else None
        if home is not None:
            found.setdefault((home.ref.id, ref.type), []).append(record)
    return found


def _of_record(
    graph: Graph, record: Record, system: System, table: Sequence[Outgoing], context: Context, standing: Standing,
    shut: Mapping[str, str],
) -> Foreseen | None:  # fmt: skip
    needed = plan(graph, record, table, context, system.name)
    waits = needed.why if isinstance(needed, Wait) else ''
    if waits:
        needed = plan(graph, record, table, context, system.name, ahead=True)
    needed = writes.without(needed, standing.ignored)
    if isinstance(needed, (Noop, Wait)):
        return None
    if not waits and isinstance(needed, Create):
        undecided = 'MATCH-7: nothing is made until somebody decides' if record.claims.undecided else ''
        waits = shut[record.ref.type] or undecided
    return Foreseen(record, system, table, needed, waits if standing.state == 'ready' else standing.reason, standing)


def _planned(graph: Graph, each: Foreseen, rules_of: Mapping[tuple[RecordRef, str], str]) -> Planned:
    needed, record, system = each.needed, each.record, each.system
    request = writes.request_of(needed, record, system)
    rules = {} if isinstance(needed, Delete) else call_rules.of_fields(graph, record, needed, each.table, rules_of)
    return Planned(
        record.ref, system.name, request.op, request.type, request.remote_id, system.cost(request).tokens,
        _differences(needed, request.basis, rules), each.waits, each.standing.state,
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
