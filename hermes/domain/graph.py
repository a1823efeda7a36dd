"""The working set that one row is applied to: records, mirrors and what is known of everybody (directory, settings).

It is loaded by the engine, changed only through `put_record` and `put_mirror`, and knows what was touched. No I/O.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from hermes.domain.fields import Catalogue
from hermes.domain.model import Intent, Mirror, Record, RecordRef, RemoteRef, Value
from hermes.domain.record_types import PEOPLE
from hermes.parts.roles import CRM


class Phones(Protocol):
    """What reads phone numbers (kit/phones.py): the domain is handed it."""

    def keys(self, number: str, country: str | None) -> tuple[str, ...]: ...

    def asked(self, known: Iterable[str]) -> set[str]: ...


class Allocator(Protocol):
    """Gives new record ids: from the sequence in life, from the birth entries in a replay."""

    def __call__(self) -> int: ...


@dataclass(frozen=True)
class Directory:
    """Who and what everybody refers to: admins by their remote ids, pipelines and stages by theirs."""

    admins: Mapping[int, Record] = field(default_factory=dict)
    by_tc2: Mapping[int, int] = field(default_factory=dict)
    by_owner: Mapping[int, int] = field(default_factory=dict)
    pipelines: Mapping[int, Record] = field(default_factory=dict)
    stages: Mapping[int, Record] = field(default_factory=dict)
    links: Mapping[RemoteRef, RecordRef] = field(default_factory=dict)
    """Links of pipelines, stages and users."""

    def admin_of(self, system: str, remote_id: Value) -> int | None:
        """The admin with that id in `system`; 0, '' and None mean nobody (D-10)."""
        if not isinstance(remote_id, int) or isinstance(remote_id, bool) or remote_id <= 0:
            return None
        return (self.by_owner if system == CRM else self.by_tc2).get(remote_id)

    def owner_of(self, admin_id: Value) -> int | None:
        """The CRM user id of an admin; None for 0 (D-10)."""
        admin = self.admins.get(admin_id) if isinstance(admin_id, int) else None
        owner = admin.fields.get('pd_owner_id') if admin else None
        return owner if isinstance(owner, int) and owner > 0 else None


@dataclass(frozen=True)
class Context:
    """Everything an application of a row reads beside the graph. `now` is the event's received_at."""

    event_id: int
    now: datetime
    catalogue: Catalogue
    directory: Directory
    settings: Mapping[str, Any]
    phones: Phones
    tc2_base_url: str = ''
    types: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(system, remote type) -> record type, of systems without a role."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that only a person can decide (MATCH-7)."""

    kind: str
    key: str
    record: RecordRef | None
    detail: Mapping[str, Any]


class Graph:
    """Records with all their mirrors; whole company graphs only."""

    def __init__(
        self, records: Iterable[Record] = (), mirrors: Iterable[Mirror] = (), allocate: Allocator | None = None
    ) -> None:
        self.records: dict[RecordRef, Record] = {}
        self.mirrors: dict[RemoteRef, Mirror] = {}
        self._of_record: dict[RecordRef, set[RemoteRef]] = {}
        self._children: dict[int, set[RecordRef]] = {}
        self._allocate = allocate
        self.touched_records: set[RecordRef] = set()
        self.touched_mirrors: set[RemoteRef] = set()
        self.creating: dict[tuple[RecordRef, str], Intent] = {}
        """Records with an open create in a system (MATCH-8)."""
        self.parked: set[tuple[RecordRef, str]] = set()
        """Records of which a write to a system was refused (OUT-6), when they were loaded."""
        self.keys: dict[RecordRef, object] = {}
        """By what each contact is found, as the database has it."""
        self.before: dict[RecordRef, Record | None] = {}
        """Meetings that were put, as they were when they were loaded: what follows of it is stored too."""
        self._undo: list[Record | Mirror | RecordRef | RemoteRef] = []
        for record in records:
            self._index_record(record)
        for mirror in mirrors:
            self._index_mirror(mirror)
        self.stored: dict[RemoteRef, Mirror] = dict(self.mirrors)
        """Mirrors as the database has them."""

    def _index_record(self, record: Record) -> None:
        old = self.records.get(record.ref)
        if old and old.company_id is not None:
            self._children.get(old.company_id, set()).discard(record.ref)
        self.records[record.ref] = record
        if record.company_id is not None:
            self._children.setdefault(record.company_id, set()).add(record.ref)

    def _index_mirror(self, mirror: Mirror) -> None:
        old = self.mirrors.get(mirror.ref)
        if old and old.record:
            self._of_record.get(old.record, set()).discard(mirror.ref)
        self.mirrors[mirror.ref] = mirror
        if mirror.record:
            self._of_record.setdefault(mirror.record, set()).add(mirror.ref)

    def mark(self) -> int:
        """A point to which `undo` leads back."""
        return len(self._undo)

    def undo(self, mark: int) -> None:
        """Take back everything that was put since `mark`."""
        while len(self._undo) > mark:
            old = self._undo.pop()
            if isinstance(old, Record):
                self._index_record(old)
            elif isinstance(old, Mirror):
                self._index_mirror(old)
            elif isinstance(old, RecordRef):
                self._forget_record(old)
            else:
                self._forget_mirror(old)

    def _forget_record(self, ref: RecordRef) -> None:
        record = self.records.pop(ref)
        self.touched_records.discard(ref)
        if record.company_id is not None:
            self._children[record.company_id].discard(ref)

    def _forget_mirror(self, ref: RemoteRef) -> None:
        mirror = self.mirrors.pop(ref)
        self.touched_mirrors.discard(ref)
        if mirror.record:
            self._of_record[mirror.record].discard(ref)

    def put_record(self, record: Record) -> None:
        old = self.records.get(record.ref)
        self._undo.append(old or record.ref)
        if record.ref.type == 'meeting':
            self.before.setdefault(record.ref, old)
        self._index_record(record)
        self.touched_records.add(record.ref)

    def put_mirror(self, mirror: Mirror) -> None:
        self._undo.append(self.mirrors.get(mirror.ref, mirror.ref))
        self._index_mirror(mirror)
        self.touched_mirrors.add(mirror.ref)

    def set_allocator(self, allocate: Allocator) -> None:
        self._allocate = allocate

    def new_id(self) -> int:
        if self._allocate is None:
            raise RuntimeError('this graph allocates no ids')
        return self._allocate()

    def record(self, ref: RecordRef | None) -> Record | None:
        """The record, aliases followed to the survivor (PD-MERGE-1)."""
        seen = 0
        while ref is not None and (found := self.records.get(ref)) is not None:
            if found.alias_of is None or seen > 20:
                return found
            ref, seen = RecordRef(ref.type, found.alias_of), seen + 1
        return None

    def company(self, record: Record) -> Record | None:
        if record.ref.type == 'company':
            return record
        return self.record(RecordRef('company', record.company_id)) if record.company_id is not None else None

    def root(self, record: Record) -> Record | None:
        """The record whose graph it is in: its company, or itself where it stands under none."""
        return record if record.ref.type in PEOPLE else self.company(record)

    def children(self, company_id: int, record_type: str) -> list[Record]:
        """Contacts, deals or meetings of a company, oldest first, aliases left out."""
        refs = sorted(ref for ref in self._children.get(company_id, ()) if ref.type == record_type)
        return [self.records[ref] for ref in refs if self.records[ref].alias_of is None]

    def mirrors_of(self, ref: RecordRef, system: str | None = None) -> list[Mirror]:
        remotes = self._of_record.get(ref)
        if not remotes:
            return []
        return [self.mirrors[remote] for remote in sorted(remotes) if system is None or remote.system == system]

    def primary(self, ref: RecordRef, system: str) -> Mirror | None:
        """The live primary mirror: the one that gets pushes."""
        return next((mirror for mirror in self.mirrors_of(ref, system) if mirror.primary and mirror.live), None)

    def voice(self, ref: RecordRef, system: str) -> Mirror | None:
        """The mirror that feeds the record: the live primary, else the newest one that was deleted."""
        live = self.primary(ref, system)
        if live:
            return live
        rest = [mirror for mirror in self.mirrors_of(ref, system) if mirror.merged_into is None]
        return max(rest, key=lambda mirror: (mirror.primary, mirror.version, mirror.ref.remote_id), default=None)

    def resolve(self, ref: RemoteRef) -> Mirror | None:
        """The mirror of a remote id, merged-away ids followed to their survivor."""
        seen = 0
        mirror = self.mirrors.get(ref)
        while mirror is not None and mirror.merged_into is not None and seen < 20:
            following = self.mirrors.get(ref._replace(remote_id=mirror.merged_into))
            if following is None:
                return mirror
            mirror, seen = following, seen + 1
        return mirror

    def record_of(self, ref: RemoteRef) -> Record | None:
        mirror = self.resolve(ref)
        return self.record(mirror.record) if mirror and mirror.record else None

    def linked(self, ref: RecordRef, system: str) -> bool:
        return self.primary(ref, system) is not None

    def companies(self) -> Iterator[Record]:
        return (record for ref, record in self.records.items() if ref.type == 'company' and record.alias_of is None)
