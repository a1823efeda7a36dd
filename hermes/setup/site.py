"""What the settings say of an installation, as far as setting it up and examining it ask; whoever reads the settings
hands it in. Whatever is secret in it is not shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hermes.domain.errors import Refused
from hermes.parts.roles import CRM, CRM_TITLE
from hermes.ports import Mailer, Profile, System
from hermes.sync.engine import Engine, Following
from hermes.sync.subscription import Door


@dataclass(frozen=True, slots=True)
class Site:
    """`profiles`: every system that there is, `on`: those with credentials, `variables`: the settings to look at where
    one does not let us in, `addresses`: where its deliveries arrive.
    """

    hermes_url: str
    profiles: Mapping[str, Profile]
    on: tuple[str, ...]
    variables: Mapping[str, str]
    addresses: Mapping[str, str]
    door: Door | None = None
    """Where the CRM's webhooks arrive, and how they prove themselves; None while the settings say too little."""
    in_reach: bool = True
    """Whether the CRM can reach that door."""
    secrets: str = ''
    """Which secrets are missing, '' for none."""
    sandboxed: bool = False
    live: bool = True
    """Whether anything is sent (PUSH_MODE)."""
    write_back: bool = False
    """TC2_WRITE_BACK; the setting of the same name holds instead (D-1)."""
    calendar_account: str = ''
    calendar_key: bool = False
    following: Following = field(default_factory=Following)
    zone: str = ''
    """DFT_TIMEZONE."""
    reps_folder: Path = Path()
    """Where the files of people are."""
    reps_named: bool = False
    """Whether REPS_DIR says so."""
    mail_server: bool = False
    mail_from: str = ''
    mailer: Callable[[], Mailer | None] = field(default=lambda: None, repr=False)
    """The mail server, None without one. Raises Refused for an address that is none."""
    alert_mails: int = 0
    alert_webhook: bool = False


def crm_of(engine: Engine) -> System:
    """The CRM. Raises Refused when it has no credentials."""
    system = engine.systems.get(CRM)
    if system is None:
        raise Refused(f'{CRM_TITLE} is off: set PD_API_KEY (and PD_BASE_URL) first.')
    return system
