"""Which events are meant: one value for whoever lists them, previews what applying them again would do, or does so."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef

STATES: Final = ('new', 'waiting', 'done', 'parked', 'refused', 'dismissed')
APPLIED_AGAIN: Final = ('done', 'parked', 'dismissed')
"""Of these states an event can be applied again: whatever is still to be applied is applied anyway."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Every event that fits all that is told. `record`: what changed it, was asked for it, or speaks of its objects;
    `subject`: an object (`system:type:id`, `type:id`, `id`) or the name of an act; received in [`after`, `before`),
    aware times.
    """

    state: str | None = None
    source: str | None = None
    kind: str | None = None
    record: RecordRef | None = None
    subject: str | None = None
    after: datetime | None = None
    before: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it means every event."""
        return all(value is None for value in asdict(self).values())

    def told(self) -> dict[str, Any]:
        """What it says, as JSON; `read` is the inverse."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.isoformat() if isinstance(value, datetime) else list(value) if name == 'record' else value
            for name, value in found.items()
            if value is not None
        }


def check(wanted: EventFilter) -> EventFilter:
    """The filter itself. Raises Refused for a state that there is not, or a time range without a moment in it."""
    if wanted.state is not None and wanted.state not in STATES:
        raise Refused(f'There is no event state "{wanted.state}". The states are: {", ".join(STATES)}.')
    if wanted.after is not None and wanted.before is not None and wanted.after >= wanted.before:
        raise Refused('The time range ends before it begins.')
    return wanted


def read(told: Mapping[str, Any]) -> EventFilter:
    """The filter that `EventFilter.told` said."""
    found = dict(told)
    for name in ('after', 'before'):
        if name in found:
            found[name] = datetime.fromisoformat(found[name])
    if 'record' in found:
        found['record'] = RecordRef(*found['record'])
    return EventFilter(**found)
