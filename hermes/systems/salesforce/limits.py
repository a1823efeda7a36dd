"""What Salesforce allows: requests in every 24 hours, shared by everybody who uses the organisation's API.

There is no documented burst; 25 requests that take long may run at once.
"""

from typing import Final

from hermes.ports import Cost, Request

AT_ONCE: Final = 25
WINDOW_S: Final = 1.0


def cost(request: Request) -> Cost:
    """Every call counts one, whatever it carries."""
    return Cost(1)
