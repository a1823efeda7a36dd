"""The access token of the connected app (client credentials): kept in memory, fetched when it is needed, one at a time.

Salesforce says when a token ended by refusing it; there is nothing to refresh. Neither the secret nor a token stands in
any log, error or repr (S8), and no token goes anywhere but to the organisation that the settings name.
"""

import asyncio
import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from hermes.kit import wire
from hermes.kit.addresses import is_loopback
from hermes.kit.answers import Answer
from hermes.kit.http import Line

PATH: Final = '/services/oauth2/token'
HOMES: Final = ('.salesforce.com', '.salesforce.mil', '.sfcrmproducts.cn')
"""Under these names the vendor keeps organisations: an answer may send us to another of them."""
_CODE: Final = re.compile(r'[A-Za-z_]{1,60}', re.ASCII)


@dataclass(frozen=True, slots=True)
class App:
    """The connected app. `base`: the organisation's own address (My Domain), without a slash at the end."""

    base: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, where it is good, and whose it is (the organisation's id, '' where that was not said)."""

    text: str = field(repr=False)
    instance: str
    organisation: str = ''


class NoToken(Exception):
    """There is no token. `broken`: the credentials or the address are wrong, so that trying again is of no use."""

    def __init__(self, reason: str, *, broken: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.broken = broken


class Tokens:
    """The token of one app."""

    def __init__(self, app: App, line: Line) -> None:
        self._app, self._line = app, line
        self._held: Token | None = None
        self._alone = asyncio.Lock()

    def __repr__(self) -> str:
        return f'Tokens({self._app.base!r})'

    async def get(self, left_s: Callable[[], float]) -> Token:
        """A token that works as far as anybody knows. `left_s`: how much time there is. Raises NoToken."""
        async with self._alone:
            if self._held is None:
                self._held = await self._fetch(left_s())
            return self._held

    def forget(self, token: Token) -> None:
        """That one was refused: whoever asks next gets a fresh one."""
        if self._held is token:
            self._held = None

    async def _fetch(self, deadline_s: float) -> Token:
        app = self._app
        if not is_safe(app.base):
            raise NoToken('no token (its address must begin with https://)', broken=True)
        pair = base64.b64encode(f'{app.client_id}:{app.secret}'.encode()).decode()
        told = await self._line.call(
            'POST',
            app.base + PATH,
            headers={
                'authorization': f'Basic {pair}',
                'accept': 'application/json',
                'content-type': 'application/x-www-form-urlencoded',
            },
            content=b'grant_type=client_credentials',
            deadline_s=deadline_s,
        )
        return _read(told, app.base)


def _read(told: Answer, base: str) -> Token:
    """The token in an answer. Raises NoToken; what it says holds nothing but a status and the vendor's own code."""
    if told.status is None:
        raise NoToken(f'no token ({told.error or "connection lost"})')
    body = wire.try_json(told.body)
    found = body if isinstance(body, dict) else {}
    if told.status != 200:
        code = found.get('error')
        named = f' {code}' if isinstance(code, str) and _CODE.fullmatch(code) else ''
        door = told.status == 403 and not named  # A spent day, or what stands in front of it: not about us.
        broken = 300 <= told.status < 500 and told.status not in (408, 429) and not door
        raise NoToken(f'no token ({told.status}{named})', broken=broken)
    text, instance = found.get('access_token'), found.get('instance_url')
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable():
        raise NoToken('no token (an answer without one)')
    if not isinstance(instance, str) or not is_home(instance, base):
        raise NoToken('no token (an answer that sends us to an address of somebody else)', broken=True)
    return Token(text, instance.rstrip('/'), _organisation(found.get('id')))


def is_safe(address: str) -> bool:
    """Whether a secret may go there: encrypted, or not beyond this machine."""
    parts = urlsplit(address)
    return parts.scheme == 'https' or (parts.scheme == 'http' and is_loopback(parts.hostname))


def is_home(instance: str, base: str) -> bool:
    """Whether a token for the organisation at `base` may go to `instance`: to the same host, or to another one of the
    vendor's, encrypted. What is on this machine stays on it.
    """
    try:
        there, here = urlsplit(instance), urlsplit(base)
        ports = there.port, here.port
    except ValueError:
        return False
    if not is_safe(instance) or not there.hostname or there.username or there.query or there.fragment:
        return False
    if is_loopback(here.hostname) or is_loopback(there.hostname):
        return is_loopback(here.hostname) and is_loopback(there.hostname)
    if there.hostname == here.hostname:
        return ports[0] == ports[1]
    return ports[0] in (None, 443) and there.hostname.endswith(HOMES)


def _organisation(address: object) -> str:
    """The organisation's id in the address of the identity that an answer names; '' where there is none."""
    parts = address.split('/') if isinstance(address, str) else []
    return parts[-2] if len(parts) > 2 else ''
