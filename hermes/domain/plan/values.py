"""The values of planning: what one plan looks at, and what it may say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

from hermes.domain.graph import Context, Graph
from hermes.domain.model import Mirror, Record, Value


@dataclass(frozen=True, slots=True)
class Noop:
    """Nothing to send; `why` for whoever asks."""

    why: str = 'nothing differs'


@dataclass(frozen=True, slots=True)
class Wait:
    """Something must be there first."""

    why: str


@dataclass(frozen=True, slots=True)
class Create:
    """Make the remote object with these canonical fields. `cut`: fields that were shortened to the remote's limit
    (D-14).
    """

    fields: Mapping[str, Value]
    cut: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """Send these fields to the mirror's object. `corrects`: those whose last value a person wrote (EDIT-3)."""

    mirror: Mirror
    fields: Mapping[str, Value]
    cut: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the mirror's object."""

    mirror: Mirror


Plan = Noop | Wait | Create | Update | Delete


class OutgoingField(Protocol):
    """What a plan reads of `ports.Outgoing`."""

    @property
    def key(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def compute(self) -> Callable[[Any], Value]: ...
    @property
    def when(self) -> Literal['create', 'once', 'known', 'always', 'linked']: ...
    @property
    def limit(self) -> int | None: ...


@dataclass(frozen=True)
class Subject:
    """One record in one system, with all that its plan reads. `outgoing`: the fields that go out there. `ahead`: as if
    what it waits for were there (plan mode).
    """

    graph: Graph
    record: Record
    outgoing: Sequence[OutgoingField]
    context: Context
    system: str
    ahead: bool = False

    @cached_property
    def company(self) -> Record | None:
        """The company that the record is of."""
        return self.graph.company(self.record)

    @cached_property
    def mirror(self) -> Mirror | None:
        """The object that is written."""
        return self.graph.primary(self.record.ref, self.system)

    def says(self, name: str) -> Value:
        """What the record says."""
        return self.record.fields.get(name)


class Planner(Protocol):
    """One record type's own file in this folder."""

    def plan(self, asked: Subject) -> Plan: ...
