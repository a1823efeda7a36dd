"""The journal out of the settings (CRM_TYPE=LOG): files in the world's own folder, sealed under SECRET_KEY."""

from typing import TYPE_CHECKING, Final

from hermes.parts.wiring import Wiring
from hermes.ports import Allowance
from hermes.settings import Settings
from hermes.systems.journal.profile import PROFILE

if TYPE_CHECKING:
    from hermes.kit.clock import Clock
    from hermes.parts.wiring import Transport
    from hermes.systems.journal.system import JournalTarget

FOLDER: Final = 'journal'


def is_on(settings: Settings) -> bool:
    return bool(settings.secret_key.get_secret_value())


def build(settings: Settings, clock: 'Clock', transport: 'Transport') -> 'JournalTarget':
    from hermes.systems.journal.files import Journal
    from hermes.systems.journal.system import JournalTarget

    return JournalTarget(Journal(settings.world_dir / FOLDER, settings.secret_key.get_secret_value()), clock)


def allow(settings: Settings) -> Allowance:
    return Allowance(1_000_000, 1.0, 1_000_000, 1_000_000_000)


WIRING: Final = Wiring(PROFILE, is_on, build, allow, 'SECRET_KEY')
