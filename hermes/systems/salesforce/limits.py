"""What Salesforce allows: requests in every 24 hours, shared by everybody who uses the organisation's API.

There is no documented burst; 25 requests that take long may run at once.
"""

import re
from typing import Final

from hermes.ports import Cost, Headers, Request
from hermes.ports.profile import Usage

AT_ONCE: Final = 25
WINDOW_S: Final = 1.0
HEADER: Final = 'sforce-limit-info'
_USAGE: Final = re.compile(r'\s*api-usage=(\d{1,12})/(\d{1,12})\s*(?:;.*)?', re.ASCII)


def cost(request: Request) -> Cost:
    """Every call counts one, whatever it carries."""
    return Cost(1)


def read_usage(headers: Headers) -> Usage | None:
    """What an answer says of the last 24 hours; the part of our own app, which follows it, is no limit of the day."""
    found = _USAGE.fullmatch(headers.get(HEADER, ''))
    return Usage(int(found[1]), int(found[2])) if found and int(found[2]) else None
