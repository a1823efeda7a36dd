"""A slot is kept for five minutes while its form is open (CB-12). The constraint decides who gets it.

Holds are no records and no part of a replay. The token is shown once and kept hashed; what has run out blocks nobody,
and one's own hold is not in the way of one's own booking.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from hermes.booking.availability import Asked, Availability, Person
from hermes.booking.limits import Limits
from hermes.booking.terms import Terms
from hermes.db import bookings, holds
from hermes.db.pool import Connection, DatabaseError
from hermes.domain.errors import OverLimit, SlotTaken
from hermes.kit.ids import new_token
from hermes.sync.engine import Engine


@dataclass(frozen=True, slots=True)
class Held:
    """A hold: its token, and when it runs out (aware UTC)."""

    token: str
    expires_at: datetime


class Holds:
    """Makes holds and gives them back."""

    def __init__(self, engine: Engine, availability: Availability, terms: Terms, limits: Limits | None) -> None:
        self._engine = engine
        self._availability = availability
        self._terms = terms
        self._limits = limits

    async def take(
        self,
        admin_id: int,
        start: datetime,
        client: bytes,
        *,
        express: bool = False,
        instead_of: str = '',
        proof: str = '',
    ) -> Held:
        """Hold a slot; `instead_of`: a hold that is given back for it. Raises NotFound, SlotTaken, OverLimit,
        Unreadable, Refused.
        """
        person = await self._availability.find(admin_id)
        asked = Asked(start, self._terms.rules(express=express))
        proven = await self._rule_out(person, asked, client, instead_of, proof)
        permit = partial(self._limits.looking, client) if self._limits else None
        seen = await self._availability.read(person, start, permit=permit)
        held = Held(new_token(), self._engine.clock.now() + timedelta(seconds=self._terms.hold_s))
        new = holds.NewHold(
            hash_of(held.token), client, admin_id, start, start + timedelta(seconds=person.hours.duration_s),
            person.hours.buffer_s, held.expires_at,
        )  # fmt: skip
        try:
            async with self._engine.database.transaction() as connection:
                if instead_of:
                    await holds.drop(connection, hash_of(instead_of))
                await holds.lock(connection, client)
                await self._check_number(connection, client)
                await self._availability.check(connection, person, seen, asked)
                if self._limits is not None:
                    await self._limits.hold(connection, client, proof, proven=proven)
                await holds.drop_expired(connection)
                await holds.add(connection, new)
        except DatabaseError as error:
            if bookings.overlaps(error) or bookings.is_deadlock(error):
                raise SlotTaken from None
            raise
        return held

    async def _rule_out(self, person: Person, asked: Asked, client: bytes, instead_of: str, proof: str) -> bool:
        """Whoever can be refused without a look at the calendar costs none. Whether a proof of work was spent. Raises
        OverLimit, SlotTaken, Refused.
        """
        other = hash_of(instead_of) if instead_of else b''
        async with self._engine.database.transaction() as connection:
            await self._availability.rule_out(connection, person, replace(asked, own_hold=other))
            await self._check_number(connection, client, but=other)
            return self._limits is not None and await self._limits.check(connection, 'hold', client, proof)

    async def _check_number(self, connection: Connection, client: bytes, but: bytes = b'') -> None:
        if await holds.count(connection, client, but) >= self._terms.holds:
            raise OverLimit(f'Only {self._terms.holds} times can be reserved at once.')

    async def release(self, token: str) -> bool:
        """Give a slot back. False when there was nothing to give back: that is no mistake."""
        async with self._engine.database.transaction() as connection:
            return await holds.drop(connection, hash_of(token))


def hash_of(token: str) -> bytes:
    """What a token is kept as."""
    return hashlib.sha256(token.encode('utf-8', 'replace')).digest()
