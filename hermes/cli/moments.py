"""How people write times and durations: `2h`, `30m`, `2026-11-21`, `2026-11-21T14:30`, `2026-11-21T14:30+02:00`."""

import re
from datetime import UTC, datetime
from typing import Final

from hermes.domain.errors import Refused

UNITS_S: Final = {'s': 1, 'm': 60, 'min': 60, 'h': 3_600, 'd': 86_400, 'w': 604_800}
DURATION: Final = re.compile(r'(\d{1,9})\s*(s|m|min|h|d|w)', re.ASCII)
MOST_S: Final = 100 * 365 * 86_400


def parse_duration(text: str) -> float | None:
    """Seconds of `2h` and the like, None if it is no duration."""
    found = DURATION.fullmatch(text.strip().lower())
    if found is None:
        return None
    return min(int(found[1]) * UNITS_S[found[2]], MOST_S)


def parse_moment(text: str, now: datetime) -> datetime:
    """An aware UTC moment: an ISO time (UTC where it names no zone), or a duration before `now`. Raises Refused."""
    duration_s = parse_duration(text)
    try:
        if duration_s is not None:
            return datetime.fromtimestamp(now.timestamp() - duration_s, UTC)
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(f'"{text}" is no time. Write 2026-11-21T14:30 (UTC), or 2h, 30m, 1d for so long ago.') from None
