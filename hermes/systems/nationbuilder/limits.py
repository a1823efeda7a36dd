"""NationBuilder's limits: 250 requests in 10 seconds for a token. A call of ours makes many requests, so that few
calls are begun in a window; how many requests are left, every answer says, and the client stops before the end.
"""

from typing import Final

from hermes.ports import Cost, Request

REQUESTS: Final = 250
WINDOW_S: Final = 10.0
PER_CALL: Final = 10
"""Requests of a usual call; a fuller one is held by what the answers say (client.py)."""
AT_ONCE: Final = REQUESTS // PER_CALL
SPARE: Final = 15
"""With so few requests left in the window, nobody else is begun with."""
DAILY: Final = 1_000_000_000
"""Nobody counts a day's requests there."""


def cost(request: Request) -> Cost:
    return Cost(max(1, len(request.items)))
