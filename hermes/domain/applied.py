"""What applying one element did: for the journal, the pushes, whoever waits and whoever asks why."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from hermes.domain.graph import Context, Decision, Graph
from hermes.domain.history import blank
from hermes.domain.model import Change, Check, Record, RecordRef, RemoteRef


@dataclass
class Applied:
    """What one element did."""

    changes: list[Change] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    closed: list[tuple[str, str]] = field(default_factory=list)
    """Decisions that need nobody any more: kind and key."""
    notes: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    run: int | None = None
    """The run over many of which it is a part."""
    waits_for: list[RemoteRef] = field(default_factory=list)
    created: set[RecordRef] = field(default_factory=set)
    companies: set[int] = field(default_factory=set)
    before: dict[RecordRef, Record] = field(default_factory=dict)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def remember(self, graph: Graph, record: Record) -> None:
        """The record and its company as they were before, and that the company's rules are to be run."""
        company = graph.company(record)
        for each in (record, company):
            if each is not None:
                self.before.setdefault(each.ref, each)
        if company is not None:
            self.companies.add(company.ref.id)


def ask(graph: Graph, ref: RemoteRef, context: Context, after_s: int = 0) -> None:
    """Have a remote object read (again), or what it was merged into: the reader finds every mirror whose time has
    come. A reading that is under way began before this, and does not answer it.
    """
    mirror = graph.resolve(ref) or blank(ref)
    at = context.now + timedelta(seconds=after_s)
    if mirror.reread_at is None or at < mirror.reread_at:
        graph.put_mirror(replace(mirror, reread_at=at))
