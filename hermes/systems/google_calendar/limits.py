"""What Google allows: 600 calls a minute and person, 10,000 a minute and project, sliding (see README.md).

Hermes keeps its pushes and listings under what one person may do, whoever's calendar they are about.
"""

from typing import Final

from hermes.ports import Cost, Request

BURST_REQUESTS: Final = 600
BURST_WINDOW_S: Final = 60.0
DAILY_REQUESTS: Final = 864_000
"""What the minutes of a day allow; Google's own daily threshold, 1,000,000, lies above it."""


def cost(request: Request) -> Cost:
    """Every call counts one."""
    return Cost(1)
