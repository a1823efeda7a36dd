"""What public visitors are allowed (CB-18, S3): so many bookings, holds and looks, counted where they are accepted.

Who is over a quota may go on with a proof of work (ALTCHA), each good for one more; nothing lifts the limit per e-mail
address, which is also that of invitations (S22). Clients are keyed hashes. A read costs no row: those are counted by
each web process for itself, so that the limit of all is that of one times their number.
"""

import base64
import hashlib
import json
import math
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import altcha

from hermes.db import allowances
from hermes.db.pool import Connection
from hermes.domain.errors import OverLimit
from hermes.kit.clock import Clock
from hermes.kit.signing import sign

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
VALID: Final = timedelta(minutes=10)
"""How long a challenge can be handed in."""
ALGORITHM, COST, PREFIX = 'PBKDF2/SHA-256', 5_000, '00'
"""Some 256 tries of a few milliseconds each: a second for a visitor, one try for us."""
LARGEST: Final = 4_096
READS, READ_WINDOW_S = 60, 60.0
MOST_READERS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `most` within the last `within`, for one client; `in_all`: for all of them together."""

    most: int
    within: timedelta
    in_all: int | None = None
    liftable: bool = True


QUOTAS: Final[dict[str, Quota]] = {
    'booking': Quota(10, HOUR, in_all=500),
    'hold': Quota(30, HOUR, in_all=5_000),
    'email': Quota(3, DAY, liftable=False),
}


class Limits:
    """The quotas. `key`: the secret (SECRET_KEY) from which the challenges' own key and e-mails' hashes are derived;
    without one no proof is asked for or taken. `on` False: nothing is limited.
    """

    def __init__(self, key: str, clock: Clock, *, on: bool = True) -> None:
        self.on = on
        self._clock = clock
        self._key = sign(b'proof of work', key) if key else ''
        self._email_key = sign(b'limits of e-mail addresses', key)
        self._reads: dict[bytes, deque[float]] = {}

    async def booking(self, connection: Connection, client: bytes, email: str, proof: str = '') -> None:
        """Count a booking in the transaction that stores it. Raises OverLimit."""
        await self.allow(connection, 'booking', client, proof)
        await self.allow(connection, 'email', self._address(email))

    async def check_booking(self, connection: Connection, client: bytes, email: str, proof: str = '') -> None:
        """As `booking`, counting nothing; whether a proof is any good is judged where it is spent."""
        if not proof:
            await self.check(connection, 'booking', client)
        await self.check(connection, 'email', self._address(email))

    def _address(self, email: str) -> bytes:
        return bytes.fromhex(sign(email.strip().lower().encode('utf-8', 'replace'), self._email_key))

    async def hold(self, connection: Connection, client: bytes, proof: str = '') -> None:
        """Count a hold in the transaction that makes it. Raises OverLimit."""
        await self.allow(connection, 'hold', client, proof)

    async def allow(self, connection: Connection, kind: str, client: bytes, proof: str = '') -> None:
        """Count one of `kind` (QUOTAS) for a client. `proof`: a solved challenge as the page sends
        it, spent only when it is needed. Raises OverLimit; then nothing was counted.
        """
        if not self.on:
            return
        quota = QUOTAS[kind]
        await allowances.lock(connection, client)
        over = await self._over(connection, kind, client, quota)
        if over and not (quota.liftable and await self._redeem(connection, proof)):
            raise self._refusal(kind, over)
        await allowances.count(connection, kind, client)

    async def check(self, connection: Connection, kind: str, client: bytes) -> None:
        """As `allow`, counting nothing: a cheap look before any work is done for whoever hands in no proof."""
        quota = QUOTAS[kind]
        if self.on and (over := await self._over(connection, kind, client, quota)):
            raise self._refusal(kind, over)

    def reading(self, client: bytes) -> None:
        """Count a look at availability, in this process. Raises OverLimit."""
        if not self.on:
            return
        now = self._clock.monotonic()
        seen = self._reads.pop(client, None) or deque()
        while seen and now - seen[0] >= READ_WINDOW_S:
            seen.popleft()
        self._reads[client] = seen
        if len(self._reads) > MOST_READERS:
            del self._reads[next(iter(self._reads))]
        if len(seen) >= READS:
            wait_s = math.ceil(seen[0] + READ_WINDOW_S - now)
            raise OverLimit(f'Only {READS} looks a minute are allowed.', retry_after_s=max(1, wait_s))
        seen.append(now)

    def challenge(self) -> dict[str, Any] | None:
        """A new challenge for ALTCHA, version 2; what it is good for stands in its signed `data`."""
        if not self._key:
            return None
        until = int((self._clock.now() + VALID).timestamp())
        made = altcha.create_challenge(ALGORITHM, COST, key_prefix=PREFIX, data={'until': until}, hmac_secret=self._key)
        return made.to_dict()

    async def _over(self, connection: Connection, kind: str, client: bytes, quota: Quota) -> float:
        """In how many seconds there is room for one more; 0 where there is."""
        mine = await allowances.used(connection, kind, client, quota.most, quota.within)
        if mine.many >= quota.most:
            return mine.free_in_s
        if quota.in_all is None:
            return 0.0
        everybody = await allowances.used(connection, kind, None, quota.in_all, quota.within)
        return everybody.free_in_s if everybody.many >= quota.in_all else 0.0

    def _refusal(self, kind: str, over: float) -> OverLimit:
        wait_s = max(1, math.ceil(over))
        if not QUOTAS[kind].liftable:
            told = 'Too many calls were booked with this e-mail address today; please try again tomorrow.'
            return OverLimit(told, retry_after_s=wait_s)
        told = 'Too many requests came from your address; please try again later.'
        return OverLimit(told, retry_after_s=wait_s, challenge=self.challenge())

    async def _redeem(self, connection: Connection, proof: str) -> bool:
        """Whether `proof` solves a challenge of ours that has not run out and was not handed in before."""
        if not self._key or not proof or len(proof) > LARGEST:
            return False
        try:
            told = json.loads(base64.b64decode(proof, validate=True))
            solved = altcha.verify_solution(proof, self._key)
            until = datetime.fromtimestamp(told['challenge']['parameters']['data']['until'], UTC)
            signature = str(told['challenge']['signature'])
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError):
            return False
        if not solved.verified or until <= self._clock.now():
            return False
        return await allowances.spend(connection, hashlib.sha256(signature.encode()).digest(), until)
