"""How long things took, as counts between bounds: small, and sums of them are exact. Pure."""

from collections.abc import Mapping
from typing import Final

BOUNDS: Final = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0,
)  # fmt: skip
"""Seconds. Place 0 counts what took less than the first, place n what took at least the n-th and less than the next."""


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """So many seconds or less took `share` (0 to 1) of what is counted, as if evenly spread between two bounds; None
    where nothing is. What took longer than the last bound counts as that.
    """
    whole = sum(counts.values())
    if not whole:
        return None
    left = share * whole
    for place in sorted(counts):
        if counts[place] >= left:
            low = BOUNDS[place - 1] if place else 0.0
            high = BOUNDS[place] if place < len(BOUNDS) else BOUNDS[-1]
            return low + (high - low) * left / counts[place]
        left -= counts[place]
    return BOUNDS[-1]
