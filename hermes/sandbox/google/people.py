"""Whose calendars there are, and what somebody broke of them by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Person:
    """Somebody of the office; the address is the id of the calendar."""

    email: str
    name: str
    zone: str

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


@dataclass
class Faults:
    """What somebody broke by hand, by calendar. `free_busy` and `inserts` are used up by the calls that meet them."""

    away: set[str] = field(default_factory=set)
    slow: dict[str, float] = field(default_factory=dict)
    free_busy: dict[str, list[str]] = field(default_factory=dict)
    inserts: dict[str, list[str]] = field(default_factory=dict)
    meets: int = 0
