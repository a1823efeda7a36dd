"""What TutorCruncher allows: 100 requests a minute, no budget of the day, no headers that tell (see README.md)."""

from typing import Final

from hermes.ports import Cost, Request

BURST_REQUESTS: Final = 100
BURST_WINDOW_S: Final = 60.0
DAILY_REQUESTS: Final = 24 * 60 * BURST_REQUESTS
"""Nothing is said of a day: what the minutes of one allow."""


def cost(request: Request) -> Cost:
    """Every call counts one; nothing is spent of a day's budget."""
    return Cost(1)
