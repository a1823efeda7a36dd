"""Grants that live in the vault (AU-16): access tokens for a day, renewed by a refresh token that turns with every use.

One renews at a time, over all processes, by a lease in the row. The rule of a refresh token: **it is shown to the
vendor twice at the most.** Whoever begins is counted before asking. Where nobody knows what became of that (no answer,
a failure, a process that died before it could store), the vendor may have turned the token, and then the new one is
lost. So the old access token is used as long as it works; once it does not, one last try decides: the vendor gives
tokens, or the grant is over and a person connects again. What never left counts as no try.

Tokens stand in no event and no log.
"""

import asyncio
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.db import pauses, vault
from hermes.db.pool import Database, DatabaseError
from hermes.db.vault import Kept
from hermes.domain.errors import Refused
from hermes.domain.status import BROKEN
from hermes.kit.clock import Clock
from hermes.kit.ids import new_token
from hermes.kit.sealing import seal, unseal
from hermes.ports.grants import Exchange, NoGrant, Tokens

PURPOSE: Final = 'grant'
LEASE_S: Final = 30.0
"""Longer than a vendor may take to answer."""
MOST: Final = 2
EARLY: Final = timedelta(hours=1)
"""So long before its end an access token is renewed."""
STATE_LIVES: Final = timedelta(minutes=15)
STORING_TRIES: Final = 3
NO_KEY: Final = 'SECRET_KEY is not set: tokens are kept sealed under it. Draw one, set it, and connect again.'


@dataclass(frozen=True, slots=True)
class Pair:
    """A row, opened."""

    version: int
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime
    tries: int = 0


class VaultGrant:
    """The grant of one system (`ports.grants.Grant`)."""

    def __init__(self, name: str, database: Database, clock: Clock, secret: str, exchange: Exchange, by: str) -> None:
        self.name, self._database, self._clock, self._secret = name, database, clock, secret
        self._exchange, self._by = exchange, by
        self._held: Pair | None = None
        self._unstored: tuple[int, Tokens, datetime] | None = None
        self._alone = asyncio.Lock()

    def __repr__(self) -> str:
        return f'VaultGrant({self.name!r})'

    async def token(self) -> str:
        held = self._held
        if held is not None and self._clock.now() < held.expires_at - EARLY:
            return held.access
        async with self._alone:
            pair = await self._read()
            if self._clock.now() < pair.expires_at - EARLY:
                return pair.access
            return await self._renewed(pair, usable=self._clock.now() < pair.expires_at)

    async def renew(self, refused: str) -> str:
        async with self._alone:
            pair = await self._read()
            if not hmac.compare_digest(pair.access.encode(), refused.encode()):
                return pair.access
            return await self._renewed(pair, usable=False)

    async def _read(self) -> Pair:
        """What stands in the vault now. Raises NoGrant."""
        if not self._secret:
            raise NoGrant(NO_KEY, broken=True)
        if self._unstored is not None:
            await self._store(*self._unstored)
        async with self._database.transaction() as connection:
            kept = await vault.find(connection, self.name)
        self._held = self._open(kept)
        return self._held

    def _open(self, kept: Kept | None) -> Pair:
        if kept is None:
            raise NoGrant(f'it is not connected: {self._advice}', broken=True)
        if kept.broken:
            self._held = None
            raise NoGrant(f'{kept.broken}: {self._advice}', broken=True)
        try:
            told = json.loads(unseal(kept.sealed, self._secret, PURPOSE, self.name))
        except ValueError:
            raise NoGrant(
                f'its tokens were sealed under another SECRET_KEY: set that one, or {self._advice}', broken=True
            ) from None
        ends = kept.expires_at or self._clock.now()
        return Pair(kept.version, told['access'], told['refresh'], ends, kept.tries)

    @property
    def _advice(self) -> str:
        return f'connect again (hermes people connect {self.name})'

    async def _renewed(self, pair: Pair, *, usable: bool) -> str:
        """A token of the next version, or, while it is `usable`, the one that stands. Raises NoGrant."""
        if pair.tries and usable:
            return pair.access
        async with self._database.transaction() as connection:
            tries = await vault.lease(connection, self.name, pair.version, self._by, for_s=LEASE_S, most=MOST)
            kept = await vault.find(connection, self.name)
        if tries is None:
            return await self._of_others(pair, kept, usable=usable)
        try:
            tokens = await self._exchange.renew(pair.refresh)
        except NoGrant as missing:
            return await self._without(pair, tries, missing, usable=usable)
        await self._store(pair.version, tokens, self._clock.now())
        return (await self._read()).access

    async def _of_others(self, pair: Pair, kept: Kept | None, *, usable: bool) -> str:
        """Somebody else is at it, was quicker, or too many began it."""
        if kept is not None and kept.version == pair.version and not kept.broken and not kept.leased:
            await self._spoil(pair.version, 'nobody knows what became of the last refresh')
        if kept is not None and kept.leased and kept.version == pair.version:
            if usable:
                return pair.access
            raise NoGrant('its token is being renewed')
        return (await self._read()).access

    async def _without(self, pair: Pair, tries: int, missing: NoGrant, *, usable: bool) -> str:
        """The vendor gave no tokens."""
        if missing.over or (missing.unknown and tries >= MOST):
            await self._spoil(pair.version, missing.reason)
            raise NoGrant(f'{missing.reason}: {self._advice}', broken=True) from None
        async with self._database.transaction() as connection:
            await vault.release(connection, self.name, pair.version, self._by, began=missing.unknown)
        if usable:
            return pair.access
        raise NoGrant(missing.reason, broken=missing.broken) from None

    async def _spoil(self, version: int, reason: str) -> None:
        async with self._database.transaction() as connection:
            await vault.spoil(connection, self.name, version, reason)

    async def _store(self, version: int, tokens: Tokens, at: datetime) -> None:
        """Keep what was given; while the database is away this process keeps it. Where another version stands, that
        counts.
        """
        self._unstored = (version, tokens, at)
        for left in reversed(range(STORING_TRIES)):
            try:
                async with self._database.transaction() as connection:
                    await vault.store(
                        connection, self.name, version, self._sealed(tokens), at + timedelta(seconds=tokens.lasts_s)
                    )
            except DatabaseError:
                if not left:
                    raise NoGrant('the new token could not be stored; it is tried again') from None
            else:
                self._unstored = None
                return

    def _sealed(self, tokens: Tokens) -> bytes:
        return _seal({'access': tokens.access, 'refresh': tokens.refresh}, self._secret, self.name)

    async def begin(self, callback: str) -> str:
        """The page on which a person allows it. Its state is good for once, for a quarter of an hour, for this system
        and this callback. Raises Refused.
        """
        state = new_token()
        sealed = _seal({'state': state, 'callback': callback}, self._key(), self._pending)
        async with self._database.transaction() as connection:
            await vault.put(connection, self._pending, sealed, self._clock.now() + STATE_LIVES)
        return self._exchange.page(state, callback)

    async def finish(self, state: str, code: str) -> None:
        """A person allowed it: fetch the tokens. Raises Refused."""
        key = self._key()
        async with self._database.transaction() as connection:
            kept = await vault.find(connection, self._pending)
            told = _read_pending(kept.sealed if kept else b'', key, self._pending)
            ours = bool(told['state']) and hmac.compare_digest(told['state'].encode(), state.encode('utf-8', 'replace'))
            if not ours or await vault.take(connection, self._pending) is None:
                raise Refused(f'This link is not of us, was used, or is too old: {self._advice}.')
        if not code:
            raise Refused(f'It was not allowed; nothing was changed. To try once more, {self._advice}.')
        await self._take(self._exchange.redeem(code, told['callback']))

    async def trade_in(self, legacy: str) -> None:
        """Exchange a token of the old kind, which never ended, for a pair: the vendor takes it once. Raises Refused."""
        self._key()
        await self._take(self._exchange.renew(legacy))

    async def _take(self, asking: Any) -> None:
        """The first pair of a grant; what was paused for want of one goes on."""
        try:
            tokens: Tokens = await asking
        except NoGrant as missing:
            raise Refused(f'There was no token: {missing.reason}. To try once more, {self._advice}.') from None
        ends = self._clock.now() + timedelta(seconds=tokens.lasts_s)
        async with self._database.transaction() as connection:
            await vault.put(connection, self.name, self._sealed(tokens), ends)
            await pauses.resume(connection, self.name, only=BROKEN)
        self._held = self._unstored = None

    def _key(self) -> str:
        if not self._secret:
            raise Refused(NO_KEY)
        return self._secret

    @property
    def _pending(self) -> str:
        return f'{self.name}:connecting'


def _read_pending(sealed: bytes, secret: str, owner: str) -> dict[str, str]:
    try:
        told = json.loads(unseal(sealed, secret, PURPOSE, owner))
    except ValueError:
        return {'state': '', 'callback': ''}
    return {name: str(told[name]) for name in ('state', 'callback')}


def _seal(told: dict[str, str], secret: str, owner: str) -> bytes:
    return seal(json.dumps(told).encode(), secret, PURPOSE, owner)
