"""The systems that Hermes speaks with, one line each. Whoever adds one adds a line here (docs/how-to/add-a-system.md);
who plays which role stands in `roles`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from hermes.parts import google, journal, nationbuilder, pipedrive, salesforce, tutorcruncher
from hermes.ports import Profile, Source, System
from hermes.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermes.kit.clock import Clock
    from hermes.parts.wiring import Transport, Wiring
    from hermes.sync.subscription import Door

SYSTEMS: 'Final[tuple[Wiring, ...]]' = (
    pipedrive.WIRING, tutorcruncher.WIRING, google.WIRING, journal.WIRING, salesforce.WIRING, nationbuilder.WIRING,
)  # fmt: skip


def profiles(systems: 'Iterable[Wiring]' = SYSTEMS) -> dict[str, Profile]:
    """Every system's profile by its name, whether it is on or not."""
    return {each.profile.name: each.profile for each in systems}


def names(systems: 'Iterable[Wiring]' = SYSTEMS) -> dict[str, str]:
    """Every system under the names that people write."""
    return {alias: each.profile.name for each in systems for alias in (each.profile.name, *each.profile.aliases)}


def systems_on(settings: Settings, systems: 'Iterable[Wiring]' = SYSTEMS) -> tuple[str, ...]:
    """The names of those that are configured."""
    return tuple(each.profile.name for each in systems if each.is_on(settings))


def build_systems(
    settings: Settings, clock: 'Clock', transport: 'Transport' = None, systems: 'Iterable[Wiring]' = SYSTEMS
) -> dict[str, System]:
    """The systems that are configured. One without credentials is off."""
    return {each.profile.name: each.build(settings, clock, transport) for each in systems if each.is_on(settings)}


def sources(settings: Settings, systems: 'Iterable[Wiring]' = SYSTEMS) -> list[Source]:
    """Who may send deliveries, and how each proves itself (S1)."""
    return [each.source(settings) for each in systems if each.source]


def doors(settings: Settings, systems: 'Sequence[Wiring]' = SYSTEMS) -> 'dict[str, Door]':
    """Where webhooks arrive that we subscribe ourselves."""
    made = {each.profile.name: each.door(settings) for each in systems if each.door}
    return {name: door for name, door in made.items() if door is not None}
