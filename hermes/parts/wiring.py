"""How one system is wired: what its settings make of its profile. Each system has one such description, in a module of
its own beside this one; `systems` lists them all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hermes.ports import Allowance, Profile, Source, System
from hermes.settings import Settings

if TYPE_CHECKING:
    from typing import TypeAlias

    import httpx2

    from hermes.kit.clock import Clock
    from hermes.sync.subscription import Door

    Transport: TypeAlias = httpx2.AsyncBaseTransport | None


@dataclass(frozen=True, slots=True)
class Wiring:
    """One system. It is off where `is_on` says so."""

    profile: Profile
    is_on: Callable[[Settings], bool]
    build: 'Callable[[Settings, Clock, Transport], System]'
    allow: Callable[[Settings], Allowance]
    """What it allows in a burst and in a day."""
    variables: str = ''
    """The settings to look at when it does not let us in."""
    source: Callable[[Settings], Source] | None = None
    """Where its deliveries arrive, and how they prove themselves (S1); None: it sends none."""
    door: 'Callable[[Settings], Door | None] | None' = None
    """How we subscribe to its deliveries ourselves. Raises Refused where nobody could reach us; None while the settings
    say too little for it.
    """
    granted: bool = False
    """A person signs it in, once: it is a `ports.grants.Granted`."""
