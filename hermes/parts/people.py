"""Where app users are written to, out of the settings (CRM_TYPE): the wish, which an act alone brings about (AU-13)."""

from collections.abc import Mapping
from typing import Final

from hermes.parts.roles import LEGACY, NEW
from hermes.settings import Settings

TARGETS: Final[Mapping[str, str]] = {
    'SALESFORCE': 'salesforce', 'NATIONBUILDER': 'nationbuilder', 'LOG': 'journal', 'NONE': '',
}  # fmt: skip


def wish_of(settings: Settings) -> str:
    """The target that the environment names; '' for none."""
    return TARGETS[settings.crm_type]


def target_of(settings: Settings) -> str:
    """The CRM that a migration leads to."""
    return NEW


def legacy_of(settings: Settings) -> str:
    """The CRM that a migration leaves, where it is configured; '' for none."""
    on = settings.nationbuilder_slug and (settings.nationbuilder_client_id or settings.nationbuilder_token)
    return LEGACY if on else ''
