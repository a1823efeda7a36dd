"""Grants for the systems that a person signs in once: out of the vault of this database (AU-16)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from hermes.parts.systems import SYSTEMS
from hermes.settings import Settings
from hermes.sync.grants import VaultGrant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermes.parts.wiring import Wiring
    from hermes.ports.grants import Granted
    from hermes.sync.engine import Engine

CALLBACK: Final = '/people/connect/{name}/callback'


def callback_of(settings: Settings, name: str) -> str:
    """Where a vendor sends whoever allowed it."""
    return settings.hermes_url + CALLBACK.format(name=name)


def grants(engine: 'Engine', settings: Settings, systems: 'Iterable[Wiring]' = SYSTEMS) -> Mapping[str, VaultGrant]:
    """The grants of the systems that are on, by name."""
    found = {}
    for each in systems:
        system = cast('Granted | None', engine.systems.get(each.profile.name) if each.granted else None)
        if system is not None and system.exchange is not None:
            found[each.profile.name] = VaultGrant(
                each.profile.name,
                engine.database,
                engine.clock,
                settings.secret_key.get_secret_value(),
                system.exchange,
                engine.worker,
            )
    return found


def lend(engine: 'Engine', settings: Settings, systems: 'Iterable[Wiring]' = SYSTEMS) -> None:
    """Give every system its grant, unless the settings name a token for it."""
    for name, grant in grants(engine, settings, systems).items():
        cast('Granted', engine.systems[name]).lend(grant)
