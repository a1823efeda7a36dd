"""The values that every room speaks in: versions, observations, records, mirrors, links.

All of them are immutable; a changed one is a new one. JSON values only (`Value`), so that what is stored is what is
compared. Absent, null and a value are three things: a field that says nothing is not a key of `fields`; null is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

Value = Any
"""A JSON value in canonical form: None, bool, int, str, or a list or dict of them. Dates are 'YYYY-MM-DD' (UTC)."""

SETTLED = 2**53
"""The sub-second part of a version that was read when its second was over: nothing of that second is newer."""
UNSETTLED = -1
"""The sub-second part of a version whose place within its second is unknown (an answer to a write)."""


class Version(NamedTuple):
    """A remote object's own version (VERSION-1). Only versions of one system are ever compared.

    The CRM: `seconds` = update_time, `sub` = meta.timestamp in milliseconds (webhooks), SETTLED or UNSETTLED. The
    product: `seconds` and `sub` (microseconds) of the event's timestamp, else the request's time, else arrival, else
    the answer's Date.
    """

    seconds: int
    sub: int


class RemoteRef(NamedTuple):
    """A remote object: (CRM, 'organization', '12')."""

    system: str
    type: str
    remote_id: str


class RecordRef(NamedTuple):
    """One of our records."""

    type: str
    id: int


Origin = Literal['webhook', 'created', 'answer', 'read', 'page', 'act']
"""Where an observation comes from: a webhook, the webhook of a creation, the answer to a write, a read by id, a
listing's page, a person's act.
"""

Kind = Literal['state', 'deleted', 'merged', 'recovered', 'missing']
"""state: this is what it says. deleted. merged: into `merged_into`. recovered: TC2 took it out of the bin. missing:
404 by id.
"""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one remote object said, in canonical fields (the names of our record's attributes; see domain/fields.py).

    References to other remote objects stay remote ids here (text, or an int where the remote says an int); merge
    resolves them.
    """

    ref: RemoteRef
    kind: Kind
    version: Version
    fields: Mapping[str, Value] = field(default_factory=dict)
    origin: Origin = 'webhook'
    action: str = ''
    merged_into: str | None = None
    merged_from: str | None = None
    parent: RemoteRef | None = None
    children: tuple[RemoteRef, ...] | None = None
    """The complete list of this object's children, where the source always sends it whole (a client's recipients)."""
    by_api: bool = False
    correlation: str = ''
    record: RecordRef | None = None
    """The record that this object was made for, where the answer to our own creation says so."""
    intent: int = 0
    """The intent that this observation answers."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What became of a call: 'open' (about to go out), 'done' (known to have happened), 'void' (known not to have
    happened).

    `id` is the event that opened it; `ref` the remote object ('' as remote_id for a creation).
    """

    state: Literal['open', 'done', 'void']
    op: str
    id: int
    ref: RemoteRef
    record: RecordRef
    fields: Mapping[str, Value] = field(default_factory=dict)
    started_at: datetime | None = None
    refused: str = ''
    """Of a void one: what the remote said against it, for good."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """An element that needs a remote object to be read first (TC-2, D-3): the engine fetches it and tries again."""

    ref: RemoteRef
    reason: str
    unknown_only: bool = False
    """Nothing is read when the object is known already (a listing's stubs, I15)."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A target was asked whether it knows a record: the objects that it named, found `by` one of our keys."""

    record: RecordRef
    system: str
    found: tuple[str, ...] = ()
    by: str = ''
    run: int | None = None
    """The run that asked."""


@dataclass(frozen=True, slots=True)
class Check:
    """A step of an app user from state to state in a target (AU-9), with what was answered, in words."""

    record: RecordRef
    target: str
    state: str
    detail: str
    event_id: int
    code: str = ''
    """What the target gave: the id that was written."""
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a delivery: what it observes, or why it is ignored, or why it cannot be understood."""

    observations: tuple[Observation, ...] = ()
    fetch: tuple[Fetch, ...] = ()
    intent: Intent | None = None
    lookup: Lookup | None = None
    ignored: str = ''
    unparseable: str = ''
    doubts: tuple[str, ...] = ()
    """Options of fields that the catalogue does not know ('organization field:option'): what they mean is not said."""
    alone: bytes = b''
    """The body under which this element is a delivery of its own, where it came together with others (E-8)."""


class Run(NamedTuple):
    """A stretch of versions over which a field was seen with one value: from `first` to `last`, both seen."""

    value: Value
    first: Version
    last: Version


@dataclass(frozen=True, slots=True)
class Sent:
    """A value that Hermes sent for a field (EDIT-1): in flight while `answered` is None; `got` when the remote
    normalised it (EDIT-3); `over` what stood there, where that was not ours.
    """

    value: Value
    started_s: int
    answered: Version | None = None
    got: Value = None
    normalised: bool = False
    intent: int = 0
    over: Value = None


class Absorbed(NamedTuple):
    """A merge into an object: the version of the object's own change that names the `loser`, or, while no such change
    was seen, a second in which it may have been (UNSETTLED). `loser` is '' where it was not kept.
    """

    at: Version
    loser: str


@dataclass(frozen=True, slots=True)
class Mirror:
    """What one remote object last said, with its change points per field, and to which record it belongs (its link)."""

    ref: RemoteRef
    version: Version
    runs: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    sent: Mapping[str, tuple[Sent, ...]] = field(default_factory=dict)
    merges: tuple[Absorbed, ...] = ()
    """The merges that wrote this object (PD-MERGE-2: those values are no person's edit)."""
    ours: bool = False
    """Hermes made this object."""
    deleted: Version | None = None
    deleted_by: str = ''
    """'hermes' when the deletion is our own call."""
    merged_into: str | None = None
    reread_at: datetime | None = None
    corrections: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Per field the times (epoch seconds) at which Hermes corrected it (EDIT-3: the third within 24 h parks)."""
    record: RecordRef | None = None
    primary: bool = False
    seen: Mapping[Version, frozenset[str]] = field(default_factory=dict)
    """The newest versions at which it was seen, each with the fields that it did not say there."""

    @property
    def live(self) -> bool:
        """Neither merged away nor deleted: a state that is newer than the newest deletion takes it back."""
        return self.merged_into is None and (self.deleted is None or self.version > self.deleted)

    def current(self, name: str) -> Value:
        """The value at the newest version, None when the field was never seen."""
        runs = self.runs.get(name)
        return runs[-1].value if runs else None

    def says(self, name: str) -> bool:
        return bool(self.runs.get(name))


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Who deleted a record (D-2): kind 'tc2', 'crm', 'operator' or 'erased'; `seen` = versions of its mirrors at that
    moment, 'system:type:id' -> version.
    """

    kind: str
    at: datetime
    event_id: int
    seen: Mapping[str, Version] = field(default_factory=dict)


UNTOLD: Final[Mapping[str, Any]] = MappingProxyType({})
"""What a kind of claim is of which none was ever made: nothing is stored of it."""


@dataclass(frozen=True, slots=True)
class Said:
    """A value that somebody gave before any system spoke: whose it is, under which rule. `shown`: how the CRM says the
    same, where it says it in another way.
    """

    value: Value
    system: str
    rule: str
    shown: Value = None


OPERATOR: Final = 'operator'
"""Who wrote what an operator says: the system that the journal names."""


@dataclass(frozen=True, slots=True)
class Decree:
    """A rule of ours wrote a field, or (`system` 'operator', D-22) a person here, for a reason; what a person writes in
    the CRM `after` that counts more. `event_id`: of the act.
    """

    value: Value
    after: Version
    rule: str
    system: str = 'hermes'
    reason: str = ''
    event_id: int = 0

    @property
    def by_hand(self) -> bool:
        """Whether an operator said it."""
        return self.system == OPERATOR


class Doubt(NamedTuple):
    """Why a call may not take place, and the event that brought it."""

    event_id: int
    reason: str


ByField = Literal['initial', 'fallback', 'decree', 'released', 'substituted', 'counted', 'settled', 'undecided']


@dataclass(frozen=True, slots=True)
class Claims:
    """What no remote object says of a record (stored by db/codec.py).

    By field: `initial` values of what Hermes made, until a system owns the field; `fallback`, what stood in an older
    database; `decree`, what a rule or an operator wrote; `released`, the version up to which edits no longer hold it;
    `substituted`, why its value is only a stand-in (D-16, D-17); `counted`, what was found there before our own count
    (D-12); `settled`, what a person decided about a mark (D-6) or a deletion (D-2). `doubts`: about a call, by kind.
    `rehomed`: the version from which it belongs to an organisation that is made anew (D-2). `renumbered`: its id was
    given to something else in the CRM before. `undecided`: by system, which records an object may be (MATCH-7).
    """

    initial: Mapping[str, Said] = field(default_factory=lambda: UNTOLD)
    fallback: Mapping[str, Said] = field(default_factory=lambda: UNTOLD)
    decree: Mapping[str, Decree] = field(default_factory=lambda: UNTOLD)
    released: Mapping[str, Version] = field(default_factory=lambda: UNTOLD)
    substituted: Mapping[str, str] = field(default_factory=lambda: UNTOLD)
    counted: Mapping[str, int] = field(default_factory=lambda: UNTOLD)
    settled: Mapping[str, str] = field(default_factory=lambda: UNTOLD)
    doubts: Mapping[str, Doubt] = field(default_factory=lambda: UNTOLD)
    undecided: Mapping[str, Sequence[RecordRef]] = field(default_factory=lambda: UNTOLD)
    rehomed: Version | None = None
    renumbered: bool = False


NO_CLAIMS: Final = Claims()


@dataclass(frozen=True, slots=True)
class Record:
    """What we believe. `fields` are attributes in canonical form (references are record ids); `extra` run-time fields
    live in it too.
    """

    ref: RecordRef
    fields: Mapping[str, Value] = field(default_factory=dict)
    claims: Claims = NO_CLAIMS
    company_id: int | None = None
    tombstone: Tombstone | None = None
    alias_of: int | None = None
    born_event: int = 0

    @property
    def gone(self) -> bool:
        return self.tombstone is not None or self.alias_of is not None

    @property
    def is_open(self) -> bool:
        """Of a deal: it is still worked on. One that was archived is not, whatever its status (PD-DEAL-8)."""
        return self.fields.get('status') == 'open' and not self.fields.get('archived') and not self.gone


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the journal: a field of a record, old and new, by which system, under which rule."""

    record: RecordRef
    field: str
    old: Value
    new: Value
    system: str
    rule: str
    note: str = ''


@dataclass(frozen=True, slots=True)
class Event:
    """What arrived, byte for byte."""

    id: int
    source: str
    kind: str
    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    dedupe_key: bytes = b''
