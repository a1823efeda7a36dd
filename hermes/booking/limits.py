"""What public visitors are allowed (CB-18, S3): so many bookings and holds, counted where they are accepted; so many
reads and looks into a calendar, counted whatever comes of them.

Who is over a quota may go on with a proof of work (ALTCHA), each good for one more try; nothing lifts the limits per
e-mail address, which are also those of letters and invitations (S22), but to have read its mails. Clients are keyed
hashes. A read and a look cost no row: those are counted by each web process for itself (`recent`), so that the limit of
all is that of one times their number.
"""

import base64
import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import altcha

from hermes.booking.recent import Recent
from hermes.db import allowances
from hermes.db.pool import Connection
from hermes.domain.errors import OverLimit, SlotTaken
from hermes.kit.clock import Clock
from hermes.kit.signing import sign
from hermes.kit.spelling import fold_email

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
VALID: Final = timedelta(minutes=10)
"""How long a challenge can be handed in."""
ALGORITHM, COST, PREFIX = 'PBKDF2/SHA-256', 5_000, '00'
"""Some 256 tries of a few milliseconds each: a second for a visitor, one try for us."""
LARGEST: Final = 4_096
READS: Final = 60
LOOKS, LOOKS_INTO_ONE, LOOKS_OF_ALL = 60, 10, 60
"""Questions to calendars in a minute: of a client, of a client to one calendar, and to one calendar; the last for those
who browse and for those who book, each by themselves.
"""
WRONG_PROOFS: Final = 10
"""In a minute; after that a proof of this client is not even read."""


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `most` within the last `within`, and `daily` within a day, for one client; `in_all`: for all of them
    together.
    """

    most: int
    within: timedelta
    in_all: int | None = None
    daily: int | None = None
    liftable: bool = True


MINUTE: Final = timedelta(minutes=1)
QUOTAS: Final[dict[str, Quota]] = {
    'booking': Quota(10, HOUR, in_all=500, daily=20),
    'own booking': Quota(10, HOUR, in_all=500),
    'hold': Quota(30, HOUR, in_all=5_000),
    'move': Quota(3, DAY, liftable=False),
    'email': Quota(3, DAY, liftable=False),
    'moves to an email': Quota(6, DAY, liftable=False),
    'owner': Quota(20, DAY, liftable=False),
}
"""'booking': of a client, for addresses whose mails it has not shown to read; 'own booking': for others. 'move': of a
booking. 'email', 'moves to an email': bookings for an address, and moves of them, by whoever has not shown to read its
mails; 'owner': both, by whoever has. To cancel is always allowed: it ends what was counted.
"""
OF_AN_ADDRESS: Final = frozenset({'email', 'moves to an email'})


class AddressOverLimit(OverLimit):
    """Too much for an e-mail address: nobody is told of it who has not shown to read its mails."""


@contextmanager
def as_taken() -> Iterator[None]:
    """What is too much for an address is answered like a time that is taken. Raises SlotTaken."""
    try:
        yield
    except AddressOverLimit:
        raise SlotTaken from None


class Limits:
    """The quotas. `key`: the secret (SECRET_KEY) from which the challenges' own key and e-mails' hashes are derived;
    without one no proof is asked for or taken. `on` False: nothing is limited.
    """

    def __init__(self, key: str, clock: Clock, *, on: bool = True) -> None:
        self.on = on
        self._clock = clock
        self._key = sign(b'proof of work', key) if key else ''
        self._email_key = sign(b'limits of e-mail addresses', key)
        self._reads = Recent(READS, clock)
        self._looks = Recent(LOOKS, clock)
        self._own_looks = Recent(LOOKS_INTO_ONE, clock)
        self._all_looks = Recent(LOOKS_OF_ALL, clock)
        self._wrong_proofs = Recent(WRONG_PROOFS, clock)

    async def booking(
        self,
        connection: Connection,
        client: bytes,
        email: str,
        proof: str = '',
        *,
        proven: bool = False,
        own: bool = False,
    ) -> None:
        """Count a booking in the transaction that stores it. `proven`: a proof of work was spent for it; `own`: the
        client reads the mails of that address. Raises OverLimit.
        """
        await self.allow(connection, 'own booking' if own else 'booking', client, proof, proven=proven)
        await self.allow(connection, 'owner' if own else 'email', self.address(email))

    async def check_booking(
        self, connection: Connection, client: bytes, email: str, proof: str = '', *, own: bool = False
    ) -> bool:
        """As `booking`, counting nothing. Whether a proof was spent for it."""
        await self.check(connection, 'owner' if own else 'email', self.address(email))
        return await self.check(connection, 'own booking' if own else 'booking', client, proof)

    async def move(self, connection: Connection, booking: bytes, email: str, *, own: bool = False) -> None:
        """Count a move of a booking. `own`: by whoever reads the mails about it. Raises OverLimit."""
        for kind, who in self._of_a_move(booking, email, own):
            await self.allow(connection, kind, who)

    async def check_move(self, connection: Connection, booking: bytes, email: str, *, own: bool = False) -> None:
        """As `move`, counting nothing."""
        for kind, who in self._of_a_move(booking, email, own):
            await self.check(connection, kind, who)

    def _of_a_move(self, booking: bytes, email: str, own: bool) -> list[tuple[str, bytes]]:
        address = self.address(email)
        return [('owner', address)] if own else [('move', booking), ('moves to an email', address)]

    def address(self, email: str) -> bytes:
        """A mailbox, as it is counted: whatever stands behind a plus sign leads to the same one."""
        local, mark, domain = fold_email(email).rpartition('@')
        mailbox = f'{local.partition("+")[0] or local}{mark}{domain}'
        return bytes.fromhex(sign(mailbox.encode('utf-8', 'replace'), self._email_key))

    async def hold(self, connection: Connection, client: bytes, proof: str = '', *, proven: bool = False) -> None:
        """Count a hold in the transaction that makes it. Raises OverLimit."""
        await self.allow(connection, 'hold', client, proof, proven=proven)

    async def allow(
        self, connection: Connection, kind: str, client: bytes, proof: str = '', *, proven: bool = False
    ) -> None:
        """Count one of `kind` (QUOTAS) for a client. `proof`: a solved challenge as the page sends it, spent only when
        it is needed; `proven`: one was spent before. Raises OverLimit; then nothing was counted.
        """
        if not self.on:
            return
        quota = QUOTAS[kind]
        await allowances.lock(connection, client)
        over = await self._over(connection, kind, client, quota)
        if over and not (quota.liftable and (proven or await self.redeem(connection, client, proof))):
            raise self._refusal(kind, over)
        await allowances.count(connection, kind, client)

    async def keeps_refusal(self, connection: Connection, client: bytes) -> bool:
        """Whether a refused command of a client is kept: one a minute."""
        await allowances.lock(connection, client)
        kept = (await allowances.used(connection, 'refusal', client, 1, MINUTE)).many == 0
        if kept:
            await allowances.count(connection, 'refusal', client)
        return kept

    async def check(self, connection: Connection, kind: str, client: bytes, proof: str = '') -> bool:
        """As `allow`, counting nothing: a cheap look before any work is done. Whether a proof was spent for it. Raises
        OverLimit, also for a proof that is none.
        """
        quota = QUOTAS[kind]
        over = await self._over(connection, kind, client, quota) if self.on else 0.0
        if over and not (quota.liftable and await self.redeem(connection, client, proof)):
            raise self._refusal(kind, over)
        return bool(over)

    def reading(self, client: bytes) -> None:
        """Count a read, in this process. Raises OverLimit."""
        if not self.on:
            return
        if wait_s := self._reads.wait_s(client):
            raise OverLimit(f'Only {READS} reads a minute are allowed.', retry_after_s=math.ceil(wait_s))
        self._reads.count(client)

    def looking(self, client: bytes, calendar: str, *, books: bool = False, proven: bool = False) -> None:
        """Count a question to a calendar, in this process, whatever will come of it. `proven`: a proof of work was
        spent for it, which lifts the limit of all who book there, and no other. Raises OverLimit.
        """
        if not self.on:
            return
        place = f'{"book" if books else "browse"} {calendar}'.encode()
        wait_s = max(self._looks.wait_s(client), self._own_looks.wait_s(client + place))
        if wait_s:
            raise OverLimit('Too many times were tried; please wait a moment.', retry_after_s=math.ceil(wait_s))
        wait_s = self._all_looks.wait_s(place)
        if wait_s and not proven:
            raise OverLimit(
                'Many people look at this calendar just now; please wait a moment.',
                retry_after_s=math.ceil(wait_s), challenge=self.challenge() if books else None,
            )  # fmt: skip
        self._looks.count(client)
        self._own_looks.count(client + place)
        self._all_looks.count(place)

    def is_crowded(self, calendar: str) -> bool:
        """Whether whoever books at a calendar needs a proof of work just now."""
        return self.on and self._all_looks.wait_s(f'book {calendar}'.encode()) > 0

    def challenge(self) -> dict[str, Any] | None:
        """A new challenge for ALTCHA, version 2; what it is good for stands in its signed `data`."""
        if not self._key:
            return None
        until = int((self._clock.now() + VALID).timestamp())
        made = altcha.create_challenge(ALGORITHM, COST, key_prefix=PREFIX, data={'until': until}, hmac_secret=self._key)
        return made.to_dict()

    async def _over(self, connection: Connection, kind: str, client: bytes, quota: Quota) -> float:
        """In how many seconds there is room for one more; 0 where there is."""
        for whose, most, within in (
            (client, quota.most, quota.within), (client, quota.daily, DAY), (None, quota.in_all, quota.within),
        ):  # fmt: skip
            if most is not None:
                used = await allowances.used(connection, kind, whose, most, within)
                if used.many >= most:
                    return used.free_in_s
        return 0.0

    def _refusal(self, kind: str, over: float) -> OverLimit:
        wait_s = max(1, math.ceil(over))
        if kind in OF_AN_ADDRESS:
            return AddressOverLimit('Too much was asked for with this e-mail address today.', retry_after_s=wait_s)
        if kind == 'owner':
            told = f'{QUOTAS[kind].most} calls were booked and moved with this e-mail address today. Please try again '
            return OverLimit(f'{told}tomorrow; what is booked can be cancelled at any time.', retry_after_s=wait_s)
        if not QUOTAS[kind].liftable:
            told = f'This call was moved {QUOTAS[kind].most} times today. Please try again tomorrow, or cancel it.'
            return OverLimit(told, retry_after_s=wait_s)
        told = 'Too many requests came from your address; please try again later.'
        return OverLimit(told, retry_after_s=wait_s, challenge=self.challenge())

    async def redeem(self, connection: Connection, client: bytes, proof: str) -> bool:
        """Whether `proof` solves a challenge of ours that has not run out and was not handed in before. A client of too
        many wrong ones is not listened to.
        """
        if not proof or self._wrong_proofs.wait_s(client):
            return False
        good = await self._is_good(connection, proof)
        if not good:
            self._wrong_proofs.count(client)
        return good

    async def _is_good(self, connection: Connection, proof: str) -> bool:
        if not self._key or len(proof) > LARGEST:
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
