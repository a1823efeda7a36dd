"""What happened within the last minute, by whom, as one process remembers it: counted without a row."""

from collections import deque
from typing import Final

from hermes.kit.clock import Clock

WINDOW_S: Final = 60.0
MOST: Final = 20_000
"""Of whom so much is remembered at once; who was counted longest ago is forgotten first."""


class Recent:
    """At most `most` within the window, for each."""

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._seen: dict[bytes, deque[float]] = {}

    def wait_s(self, who: bytes) -> float:
        """In how many seconds there is room for one more; 0 where there is."""
        seen, now = self._seen.get(who), self._clock.monotonic()
        while seen and now - seen[0] >= WINDOW_S:
            seen.popleft()
        return seen[0] + WINDOW_S - now if seen and len(seen) >= self._most else 0.0

    def count(self, who: bytes) -> None:
        """One more."""
        seen = self._seen.pop(who, None) or deque(maxlen=self._most)
        seen.append(self._clock.monotonic())
        self._seen[who] = seen
        if len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]
