"""What every step of the engine has at hand: the database, the systems, the clock, chance, and a worker's name.

Nothing here holds a connection across a network call: claim, commit, call, record.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hermes.db.catalogue import Knowledge, KnowledgeCache
from hermes.db.pool import Connection, Database
from hermes.domain.app_user import TARGET
from hermes.domain.erasure import Veil
from hermes.domain.fields import Catalogue
from hermes.domain.graph import Context
from hermes.domain.model import Event, RecordRef
from hermes.domain.timetable import Defaults, settle_defaults
from hermes.kit import phones
from hermes.kit.clock import Clock
from hermes.kit.ids import Chance
from hermes.parts.roles import PRODUCT, ROLES
from hermes.ports import Outgoing, System
from hermes.sync.acts.scope import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from hermes.sync.failures import FailureJournal


@dataclass(frozen=True, slots=True)
class Following:
    """How calendars are followed (CB-15). `address`: where notifications arrive, '' where nobody can reach Hermes."""

    address: str = ''
    secret: str = field(default='', repr=False)
    horizon_days: int = 60
    poll_s: float = 60.0


@dataclass
class Engine:
    """One worker's view of the world."""

    database: Database
    systems: Mapping[str, System]
    clock: Clock
    chance: Chance
    worker: str
    tc2_base_url: str = ''
    push_spacing_s: float = 5.0
    push_mode: str = 'live'
    hash_key: str = field(default='', repr=False)
    """By which those are known again who were erased (S10)."""
    write_back: bool = False
    """TC2_WRITE_BACK; the setting of the same name, where somebody set it, holds instead (D-1)."""
    decline_cancels: bool = False
    """DECLINE_CANCELS, in the same way (CB-15)."""
    defaults: Defaults = field(default_factory=Defaults)
    """MEETING_* and DFT_TIMEZONE; `meeting_defaults` lays the settings of the same names over them (CB-20)."""
    following: Following = Following()
    met: set[str] = field(default_factory=set)
    """Systems whose account the database belongs to, as far as this process knows."""
    listed: set[tuple[str, str]] = field(default_factory=set)
    """(system, type)s of which a full listing was complete and applied, as far as this process knows (MATCH-6)."""
    ids: list[int] = field(default_factory=list)
    """Record ids that this process drew and has not given away."""
    door_open: bool = True
    """Whether our public door is open, as far as this process knows (frontdoor.py)."""
    knowledge: KnowledgeCache = field(default_factory=KnowledgeCache)
    tables: dict[tuple[str, str], tuple[System, Catalogue, Sequence[Outgoing]]] = field(default_factory=dict)
    """The outgoing fields by system and record type, each with the system and the catalogue of which they were made."""
    failures: 'Callable[[], FailureJournal] | None' = None
    """Opens the journal of what the database did not take (AU-9)."""
    more_acts: Mapping[type[Any], Entry] = field(default_factory=dict)
    """Acts that are no part of the engine: what carries each out, and who may say it."""
    types: Mapping[tuple[str, str], str] = field(init=False)
    """(system, remote type) -> record type, of systems without a role."""
    shared: frozenset[tuple[str, str]] = field(init=False)
    """(system, remote type)s that everybody's knowledge is made of."""
    births: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Of this worker's pushers one at a time queues for the lock of births, so that ingest never waits for more."""

    def __post_init__(self) -> None:
        self.types = {
            (system.name, remote_type): record_type
            for system in self.systems.values()
            for record_type, remote_type in system.types.items()
            if system.name not in ROLES
        }
        self.shared = frozenset(
            (name, kind) for name, system in self.systems.items() for kind in system.profile.listings.shared
        )

    def context(self, event: Event, known: Knowledge) -> Context:
        """What an application of `event` reads; its clock is the event's received_at."""
        told = known.settings
        if self.decline_cancels and told.get('decline_cancels') is None:
            told = {**told, 'decline_cancels': True}
        return Context(
            event.id, event.received_at, known.catalogue, known.directory, told, phones, self.tc2_base_url, self.types
        )

    def outgoing(self, system: System, record_type: str, known: Context | Knowledge) -> Sequence[Outgoing]:
        """The fields of a record type that go out to a system as things are set now."""
        if system.name == PRODUCT:
            told = known.settings.get('tc2_write_back')
            if not (self.write_back if told is None else told):
                return ()
        if system.profile.role == 'people' and system.name != known.settings.get(TARGET):
            return ()
        key = (system.name, record_type)
        made_by, made_for, table = self.tables.get(key, (None, None, ()))
        if made_by is not system or made_for is not known.catalogue:
            table = system.outgoing(record_type, known.catalogue)
            self.tables[key] = system, known.catalogue, table
        return table

    def veil(self, erased: Mapping[str, RecordRef]) -> Veil:
        """What hides those who were erased, by the hashes that are known of them."""
        references = {name: system.profile.references for name, system in self.systems.items()}
        return Veil(self.hash_key, erased, phones, references)

    def meeting_defaults(self, known: Knowledge) -> Defaults:
        """The hours, length and buffer of an admin who has none of their own, as things are set now (CB-20)."""
        return settle_defaults(self.defaults, known.settings)

    async def known(self, connection: Connection) -> Knowledge:
        return await self.knowledge.get(connection)

    def backoff_s(self, attempts: int, *, first_s: float = 1.0, most_s: float = 300.0) -> float:
        """Exponential, with full jitter on its upper half."""
        ceiling = min(most_s, first_s * 2.0 ** min(attempts, 16))
        return ceiling * (0.5 + 0.5 * self.chance.random())
