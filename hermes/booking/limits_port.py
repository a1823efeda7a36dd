"""What public visitors are allowed, as whoever books sees it (CB-18): asked within the transaction of what is counted,
so that only what is accepted counts.
"""

from typing import Protocol

from hermes.db.pool import Connection


class Limits(Protocol):
    """hermes.booking.limits fulfils it."""

    async def allow(self, connection: Connection, kind: str, client: bytes, proof: str = '') -> None:
        """Count one 'booking', 'email' (a booking of an e-mail address), 'hold' or 'availability' of a client (a keyed
        hash). `proof`: a solved challenge, spent where it is needed. Raises OverLimit.
        """

    async def check(self, connection: Connection, kind: str, client: bytes) -> None:
        """The same question, counting nothing: before anything is done or stored. Raises OverLimit."""
