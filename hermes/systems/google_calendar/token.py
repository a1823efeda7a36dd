"""Access tokens of a service account that acts for the owners of calendars (domain-wide delegation).

One token per owner, kept until a minute before its end; who asks while one is being fetched waits for that one. Where
an owner's token is refused, the account asks for one of its own: if that is given, only this owner is concerned. The
key and the tokens stand in no log, no error and no repr (S8).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from google.auth import crypt, jwt

from hermes.kit import wire
from hermes.kit.answers import Answer
from hermes.kit.http import Line

SCOPE: Final = 'https://www.googleapis.com/auth/calendar'
GRANT: Final = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
LIFETIME_S: Final = 3600
EARLY_S: Final = 60
BROKEN: Final = frozenset({'invalid_client', 'unauthorized_client', 'invalid_scope', 'access_denied'})
"""What is wrong with the account itself, whomever it acts for."""
UNSETTLED: Final = 'invalid_grant'
"""It may be about one owner, the key or the clock: the account's own token tells (`Tokens`)."""


@dataclass(frozen=True, slots=True)
class Account:
    """A service account. `key`: PEM, in which backslash and n may stand for a line's end."""

    email: str
    key_id: str
    token_uri: str
    key: str = field(repr=False)
    project: str = ''

    @property
    def identity(self) -> str:
        """The Google project that it is of (SETUP-12): as it is set, else as its address tells."""
        host = self.email.rpartition('@')[2]
        return self.project or host.removesuffix('.iam.gserviceaccount.com')


class NoToken(Exception):
    """There is no token. `broken`: the account itself does not work, so no other owner will get one either. `stranger`:
    the account works, but not for this owner. `code`: Google's own word for it.
    """

    def __init__(self, reason: str, *, broken: bool = False, stranger: bool = False, code: str = '') -> None:
        super().__init__(reason)
        self.reason = reason
        self.broken = broken
        self.stranger = stranger
        self.code = code


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it stops being used."""

    text: str = field(repr=False)
    until: datetime


class Tokens:
    """The tokens of one account, by owner (an e-mail address)."""

    def __init__(self, account: Account, line: Line) -> None:
        self._account = account
        self._line = line
        self._held: dict[str, Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._signer: Any = None

    def __repr__(self) -> str:
        return f'Tokens({self._account.email!r})'

    async def of(self, owner: str, *, deadline_s: float) -> str:
        """A token that works for the owner's calendar. Raises NoToken."""
        async with self._locks.setdefault(owner, asyncio.Lock()):
            held = self._held.get(owner)
            if held is None or held.until <= self._line.clock.now():
                held = self._held[owner] = await self._fetch(owner, deadline_s)
            return held.text

    def forget(self, owner: str, text: str) -> None:
        """That token was refused: the next call gets a fresh one."""
        held = self._held.get(owner)
        if held is not None and held.text == text:
            del self._held[owner]

    async def own(self, *, deadline_s: float) -> None:
        """The account signs in for itself, now. Raises NoToken: where Google refuses, it is broken."""
        try:
            await self._ask('', deadline_s)
        except NoToken as missing:
            raise NoToken(missing.reason, broken=missing.broken or bool(missing.code)) from None

    async def _fetch(self, owner: str, deadline_s: float) -> Token:
        loop = asyncio.get_running_loop()
        ends = loop.time() + deadline_s
        try:
            return await self._ask(owner, deadline_s)
        except NoToken as missing:
            if missing.code != UNSETTLED:
                raise
            reason = missing.reason
        await self.own(deadline_s=max(ends - loop.time(), 0.001))
        raise NoToken(reason, stranger=True)

    async def _ask(self, owner: str, deadline_s: float) -> Token:
        asked_at = self._line.clock.now()
        told = await self._line.call(
            'POST',
            self._account.token_uri,
            headers={'accept': 'application/json', 'content-type': 'application/x-www-form-urlencoded'},
            content=urlencode({'grant_type': GRANT, 'assertion': self._assertion(owner, asked_at)}).encode(),
            deadline_s=deadline_s,
        )
        return _read(told, asked_at)

    def _assertion(self, owner: str, at: datetime) -> str:
        if self._signer is None:
            try:
                self._signer = _read_signer(self._account.key, self._account.key_id)
            except Exception as error:  # the libraries below raise many kinds, with parts of the key in their words
                raise NoToken(f'the private key cannot be read ({type(error).__name__})', broken=True) from None
        issued_s = wire.epoch_s(at)
        claims = {
            'iss': self._account.email,
            'scope': SCOPE,
            'aud': self._account.token_uri,
            'iat': issued_s,
            'exp': issued_s + LIFETIME_S,
            **({'sub': owner} if owner else {}),
        }
        signed: bytes = jwt.encode(self._signer, claims)  # type: ignore[no-untyped-call]
        return signed.decode()


@cache
def _read_signer(key: str, key_id: str) -> Any:
    """Read once a process: it is checked when it is read, which costs as much as a hundred requests."""
    return crypt.RSASigner.from_string(key.replace('\\n', '\n'), key_id or None)  # type: ignore[no-untyped-call]


def _read(told: Answer, asked_at: datetime) -> Token:
    """The token in an answer. Raises NoToken; what it says holds nothing but a status and Google's own error code."""
    if told.status is None:
        raise NoToken(f'no token ({told.error or "connection lost"})')
    body = wire.try_json(told.body)
    found = body if isinstance(body, dict) else {}
    if told.status != 200:
        code = str(found['error']) if isinstance(found.get('error'), str) else ''
        why = f'{told.status}{" " + code[:60] if code else ""}'
        raise NoToken(f'no token ({why})', broken=told.status == 401 or code in BROKEN, code=code)
    text = found.get('access_token')
    try:
        lasts_s = wire.whole(found.get('expires_in', LIFETIME_S))
    except ValueError:
        lasts_s = None
    if not isinstance(text, str) or not text or lasts_s is None:
        raise NoToken('no token (an answer without one)')
    return Token(text, asked_at + timedelta(seconds=max(lasts_s - EARLY_S, 1)))
