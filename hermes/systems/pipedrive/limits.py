"""What calls cost and how many fit, as Pipedrive documents it (see README.md): data; the engine keeps the books.

Daily tokens are shared by every integration of the account; the burst window is per token and rolling.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hermes.ports import Cost, Request

Plan = Literal['lite', 'growth', 'premium', 'ultimate']
SEARCH_BURST: Final = 10
DAILY_BASE: Final = 30_000
_MULTIPLIER: Final[Mapping[Plan, int]] = {'lite': 1, 'growth': 2, 'premium': 5, 'ultimate': 7}
_BURST: Final[Mapping[Plan, int]] = {'lite': 20, 'growth': 40, 'premium': 100, 'ultimate': 120}

_BY_OP: Final[Mapping[str, int]] = {
    'create': 5, 'update': 5, 'delete': 3, 'read': 1, 'list': 10, 'fields': 10, 'add_field': 5, 'pipelines': 5,
    'stages': 5, 'users': 20, 'me': 2, 'webhooks': 10, 'add_webhook': 10, 'drop_webhook': 6,
}  # fmt: skip
_EXCEPTIONS: Final[Mapping[tuple[str, str], int]] = {
    ('list', 'pipeline'): 5,
    ('list', 'stage'): 5,
    ('list', 'user'): 20,
    ('read', 'user'): 2,
}

_ARCHIVED: Final = 20
"""A page of archived deals."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`burst_requests` calls in any window of the burst; `daily_tokens` a day."""

    burst_requests: int
    daily_tokens: int


def limits(plan: Plan, seats: int) -> Limits:
    """The limits of an account with this plan and number of paid seats."""
    return Limits(_BURST[plan], DAILY_BASE * _MULTIPLIER[plan] * max(seats, 1))


def cost(request: Request) -> Cost:
    """Tokens of one call. Whether refused calls cost too is not documented: they are counted."""
    if request.params.get('archived'):
        return Cost(_ARCHIVED)
    return Cost(_EXCEPTIONS.get((request.op, request.type), _BY_OP[request.op]))
