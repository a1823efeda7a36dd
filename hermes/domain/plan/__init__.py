"""What has to be sent so that an outside system holds what it should: nothing, a creation, a difference, a deletion.

`plan` is pure. Only fields that differ from the mirror go out (OUT-1, OUT-2); creation-only fields only at creation
(OUT-11); a child waits for its parent's id (OUT-3); nothing goes out for what is deleted or marked (D-2, D-6). Each
record type that is pushed has a file here, named as it is.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final, cast

from hermes.domain.graph import Context, Graph
from hermes.domain.model import Record
from hermes.domain.plan.values import Create, Delete, Noop, OutgoingField, Plan, Planner, Subject, Update, Wait
from hermes.domain.plan.view import RecordView
from hermes.domain.record_types import RANK
from hermes.parts.roles import CRM

__all__ = ['Create', 'Delete', 'Noop', 'Plan', 'RecordView', 'Update', 'Wait', 'plan']

PLANNERS: Final[Mapping[str, Planner]] = {name: cast(Planner, import_module(f'{__name__}.{name}')) for name in RANK}


def plan(
    graph: Graph,
    record: Record,
    outgoing: Sequence[OutgoingField],
    context: Context,
    system: str = CRM,
    *,
    ahead: bool = False,
) -> Plan:
    """What is to be sent to `system` for one record. `ahead`: as if what it waits for were there (plan mode)."""
    planner = PLANNERS.get(record.ref.type)
    if planner is None:
        return Noop('nothing of it goes out')
    return planner.plan(Subject(graph, record, outgoing, context, system, ahead))
