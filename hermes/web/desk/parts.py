"""What the desk's pages work with."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from hermes.booking.service import BookingService
from hermes.db import allowances
from hermes.db.pool import Connection, Database
from hermes.db.reading import Reading
from hermes.domain.errors import OverLimit
from hermes.kit.signing import sign
from hermes.setup.site import Site
from hermes.sync.engine import Engine
from hermes.web.security import Network

WITHIN: Final = timedelta(minutes=15)
TRIES: Final = {
    'login of an account': 10, 'login from an address': 30, 'second factor': 10, 'own password': 10, 'first code': 10,
}  # fmt: skip
"""How many failed tries within a quarter of an hour; whoever is right meanwhile waits, too."""


@dataclass(frozen=True)
class DeskParts:
    """`secret`: SECRET_KEY, in the sandbox another one of ours. `hidden`: every live secret, which no file that is
    taken along holds.
    """

    service: BookingService
    reading: Reading
    site: Site
    secret: str = field(repr=False)
    hidden: Collection[str] = field(repr=False)
    version: str = '0'
    trusted: Sequence[Network] = ()
    limit_bytes: int | None = None
    """What the database may take up."""

    @property
    def engine(self) -> Engine:
        return self.service.engine

    @property
    def database(self) -> Database:
        return self.service.engine.database

    @property
    def brand(self) -> str:
        return self.service.terms.brand

    @property
    def secure(self) -> bool:
        """Whether cookies are for https alone."""
        return self.service.terms.hermes_url.startswith('https://')

    def address(self, path: str) -> str:
        """A whole address of ours."""
        return f'{self.service.terms.hermes_url}{path}'

    def hashed(self, kind: str, told: str) -> bytes:
        """Somebody or something as a keyed hash, by which it is counted."""
        return bytes.fromhex(sign(f'{kind} {told}'.encode(), self.secret))

    async def check_tries(self, connection: Connection, kind: str, whose: bytes) -> None:
        """Raises OverLimit after too many failed tries; nobody else of them tries before this transaction ends."""
        await allowances.lock(connection, whose)
        used = await allowances.used(connection, kind, whose, TRIES[kind] - 1, WITHIN)
        if used.many >= TRIES[kind]:
            wait_s = max(1, round(used.free_in_s))
            raise OverLimit(
                f'Too many tries. Wait {max(1, round(wait_s / 60))} minutes, then try again.', retry_after_s=wait_s
            )
