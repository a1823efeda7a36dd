"""What the client gives back, and raises."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self


class CrmError(Exception):
    """Hermes could not be reached, or could not do it now: nothing is known of what was asked; ask again."""


class WrongUse(CrmError):
    """What was asked is wrong; asking again changes nothing. `code`: for programs."""

    def __init__(self, message: str, code: str = '') -> None:
        super().__init__(message)
        self.code = code


class _FromJson:
    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From what the API answered; what a newer one says more is left out."""
        names = {each.name for each in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in told.items() if name in names})


@dataclass(frozen=True)
class Receipt(_FromJson):
    """What is known right after a write. `id`: Hermes's number; `crm_id`: where the CRM gave one already."""

    id: int
    state: str = ''
    crm_id: str | None = None


@dataclass(frozen=True)
class AppUser(_FromJson):
    """An app user as Hermes believes them to be."""

    id: int
    state: str
    crm_id: str | None
    user_id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    lang: str | None = None
    educator: bool = False
    lists: tuple[str, ...] = ()
    legacy_id: str | None = None
    is_sustainer: bool = False
    moderation: str = ''
    target: str = ''
    deleted: bool = False


@dataclass(frozen=True)
class Change(_FromJson):
    """One line of the feed: how somebody stands since then."""

    number: int
    at: datetime
    type: str
    id: int
    user_id: str | None
    crm_id: str | None
    state: str
    is_sustainer: bool
    deleted: bool

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return super().of({**told, 'at': datetime.fromisoformat(str(told['at']))})


@dataclass(frozen=True)
class Changes:
    """A part of the feed. `next`: what to ask for after; `more`: whether there is more now."""

    changes: tuple[Change, ...]
    next: int
    more: bool


@dataclass(frozen=True)
class Synced(_FromJson):
    """Whose sustainer status changed, by Hermes's numbers."""

    read: int
    on: tuple[int, ...]
    off: tuple[int, ...]
