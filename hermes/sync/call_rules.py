"""Cause: the rule that made a call, for the ledger: the journal's rule of what changed, or why something was read.

A write names at most THREE rules, the most telling first; what the journal does not know was a correction (FIELD-3).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from hermes.db import journal
from hermes.db.mirrors import Due
from hermes.db.pool import Connection
from hermes.domain.graph import Graph
from hermes.domain.history import edits
from hermes.domain.model import Record, RecordRef
from hermes.domain.plan import Create, Delete, Plan, Update
from hermes.kit import tracing
from hermes.kit.tracing import Root
from hermes.ports import Op, Outgoing

THREE: Final = 3
OF_OPERATION: Final[Mapping[Op, str]] = {
    'list': 'PD-GAP-1', 'read': 'D-3', 'me': 'SETUP-12', 'fields': 'FIELD-5', 'add_field': 'SETUP-2',
    'pipelines': 'SETUP-1', 'stages': 'SETUP-1', 'users': 'SETUP-3',
    'lookup': 'AU-13', 'sustainers': 'AU-6', 'lists': 'AU-8', 'describe': 'AU-13', 'job': 'AU-16',
    'webhooks': 'SETUP-4', 'add_webhook': 'SETUP-4', 'drop_webhook': 'SETUP-4',
}  # fmt: skip
"""What an operation is for where nobody says more."""


async def of_write(
    connection: Connection, graph: Graph, record: Record, needed: Plan, outgoing: Sequence[Outgoing]
) -> str:
    """The rules that made a write, most telling first, joined by commas."""
    if isinstance(needed, Delete):
        return 'OUT-10' if record.ref.type == 'meeting' else 'D-6'
    if isinstance(needed, Create):
        return (await journal.last_rules(connection, {record.ref: {'born'}})).get((record.ref, 'born'), 'OUT-3')
    if not isinstance(needed, Update):
        return ''
    told = await journal.last_rules(connection, asked_of(graph, record, needed, outgoing))
    by_field = of_fields(graph, record, needed, outgoing, told)
    found = sorted(by_field.values(), key=list(by_field.values()).count, reverse=True)
    return ', '.join(list(dict.fromkeys(found))[:THREE])


def asked_of(
    graph: Graph, record: Record, needed: Create | Update, outgoing: Sequence[Outgoing]
) -> dict[RecordRef, set[str]]:
    """What the journal has to tell of the fields that go out: records, and which of their fields."""
    tables, homes = {item.key: item for item in outgoing}, _homes(graph, record)
    asked: dict[RecordRef, set[str]] = {}
    for name in needed.fields:
        for ref, field in _inputs(tables.get(name), homes):
            asked.setdefault(ref, set()).add(field)
    return asked


def of_fields(
    graph: Graph,
    record: Record,
    needed: Create | Update,
    outgoing: Sequence[Outgoing],
    rules_of: Mapping[tuple[RecordRef, str], str],
) -> dict[str, str]:
    """For each field that goes out, the rule that wants it so. `rules_of`: what the journal says of what was asked."""
    tables, homes = {item.key: item for item in outgoing}, _homes(graph, record)
    found: dict[str, str] = {}
    for name in needed.fields:
        item = tables.get(name)
        if name == 'hermes_id':
            found[name] = 'OUT-12'
        elif isinstance(needed, Update) and _written_by_a_person(needed, name):
            found[name] = 'FIELD-3'
        else:
            rules = [rules_of[key] for key in _inputs(item, homes) if key in rules_of]
            found[name] = (item.rule if item else '') or (rules[0] if rules else 'FIELD-3')
    return found


def _homes(graph: Graph, record: Record) -> dict[str, RecordRef]:
    company = graph.company(record)
    return {record.ref.type.title(): record.ref, 'Company': company.ref if company else record.ref}


def _inputs(item: Outgoing | None, homes: Mapping[str, RecordRef]) -> list[tuple[RecordRef, str]]:
    parted = [each.partition('.') for each in (item.inputs if item else ())]
    return [(homes[kind], field) for kind, _, field in parted if kind in homes]


def _written_by_a_person(needed: Update, name: str) -> bool:
    runs = needed.mirror.runs.get(name, ())
    written = edits(needed.mirror, name)
    return bool(written) and written[-1][0] == runs[-1] and not written[-1][1]


async def of_trace(connection: Connection, record: RecordRef, company_id: int) -> Root | None:
    """The trace of the event that changed the record, or else its company, last; only while somebody listens."""
    if not tracing.is_on():
        return None
    row = await journal.last_cause(connection, record, company_id)
    return tracing.trace_of(row['source'], row['dedupe_key']) if row else None


def of_reading(due: Due, usual: str) -> str:
    """Why an object is read by id. `usual`: the rule for which its system is always read."""
    if usual:
        return usual
    if due.gone:
        return 'OUT-5'
    return 'D-3' if not due.known else 'VERSION-1'
