"""The journal out of the settings (CRM_TYPE=LOG): files in the world's own folder, sealed under SECRET_KEY."""

from typing import TYPE_CHECKING, Final

from hermes.domain.errors import Refused
from hermes.parts.wiring import Wiring
from hermes.ports import Allowance
from hermes.settings import Settings
from hermes.systems.journal.profile import PROFILE

if TYPE_CHECKING:
    from hermes.kit.clock import Clock
    from hermes.parts.wiring import Transport
    from hermes.systems.journal.files import Journal
    from hermes.systems.journal.system import JournalTarget

FOLDER, FAILURES = 'journal', 'failures'


def is_on(settings: Settings) -> bool:
    return bool(settings.secret_key.get_secret_value())


def build(settings: Settings, clock: 'Clock', transport: 'Transport') -> 'JournalTarget':
    from hermes.systems.journal.system import JournalTarget

    return JournalTarget(open_journal(settings), clock)


def open_journal(settings: Settings, folder: str = FOLDER) -> 'Journal':
    """The journal's files. Raises Refused without SECRET_KEY."""
    from hermes.systems.journal.files import Journal

    if not is_on(settings):
        raise Refused('A journal is sealed under SECRET_KEY, which is not set.')
    return Journal(settings.world_dir / folder, settings.secret_key.get_secret_value())


def open_failures(settings: Settings) -> 'Journal':
    """The files of what the database did not take (AU-9)."""
    return open_journal(settings, FAILURES)


def allow(settings: Settings) -> Allowance:
    return Allowance(1_000_000, 1.0, 1_000_000, 1_000_000_000)


WIRING: Final = Wiring(PROFILE, is_on, build, allow, 'SECRET_KEY')
