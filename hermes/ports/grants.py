"""How a system that is signed in by a person, once, gets its tokens: it asks a `Grant`, and sees no database.

The system itself knows how its vendor gives tokens (`Exchange`); where they are kept, and who may renew them now, is
the engine's (sync/grants.py).
"""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a vendor gave: a token for calls and how long it lasts, and the one that asks for the next pair."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lasts_s: int


class NoGrant(Exception):
    """There is no token. `broken`: nobody is let in before a person does something; `over`: and what they have to do is
    to connect the system again. `unknown`: the vendor was asked, and nobody knows whether it gave new tokens; then the
    old ones may be spent.
    """

    def __init__(self, reason: str, *, broken: bool = False, unknown: bool = False, over: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.broken, self.unknown, self.over = reason, broken or over, unknown, over


class Grant(Protocol):
    """The right to call, as a system sees it."""

    async def token(self) -> str:
        """A token that works as far as anybody knows. Raises NoGrant."""

    async def renew(self, refused: str) -> str:
        """Another one than that which was refused. Raises NoGrant."""


class Exchange(Protocol):
    """A vendor's own way to tokens. Every one of these raises NoGrant."""

    def page(self, state: str, callback: str) -> str:
        """Where a person allows it; the vendor sends them on to `callback`."""

    async def redeem(self, code: str, callback: str) -> Tokens: ...

    async def renew(self, refresh: str) -> Tokens: ...


class Granted(Protocol):
    """A system that needs a grant. `exchange`: None where the settings name a token, or no app."""

    exchange: Exchange | None

    def lend(self, grant: Grant) -> None:
        """From now on it asks this grant."""
