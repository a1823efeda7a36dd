"""What a mirror was told, and what Hermes wrote to it."""

from datetime import UTC, datetime

from hermes.domain.history import fold, send, settle
from hermes.domain.model import UNSETTLED, Mirror, Observation, RemoteRef, Value, Version

ORG = RemoteRef('pipedrive', 'organization', '12')
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def state(seconds: int, sub: int = 0, origin: str = 'webhook', **fields: Value) -> Observation:
    return Observation(ORG, 'state', Version(seconds, sub), fields, origin=origin)  # type: ignore[arg-type]


def written(mirror: Mirror, at_s: int, value: Value, *, intent: int = 1, got: Value = None) -> Mirror:
    """Hermes writes a name and gets an answer."""
    mirror = send(mirror, {'name': value}, datetime.fromtimestamp(at_s, UTC), intent)
    answer = state(at_s, UNSETTLED, 'answer', name=value if got is None else got)
    return settle(fold(mirror, answer, NOW), intent, answer.version)
