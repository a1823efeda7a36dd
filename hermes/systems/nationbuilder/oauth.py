"""How a nation gives tokens (OAuth, authorization code): a person allows it on a page, and a refresh token turns with
every use. Neither the secret nor a token stands in any log, error or repr (S8).
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urlsplit

from hermes.kit import wire
from hermes.kit.addresses import is_loopback
from hermes.kit.answers import Answer
from hermes.kit.http import Line
from hermes.ports.grants import NoGrant, Tokens

TIMEOUT_S: Final = 10.0
LASTS_S: Final = 86_400
SPENT: Final = 'invalid_grant'
"""The grant itself is of no use any more; whatever else is refused is about the app or the request."""
_CODE: Final = re.compile(r'[A-Za-z_]{1,60}', re.ASCII)


@dataclass(frozen=True, slots=True)
class App:
    """The app that is registered with the nation. `base`: the nation's address, without a slash at the end."""

    base: str
    client_id: str
    secret: str = field(repr=False)


class NationExchange:
    """The tokens of one app (`ports.grants.Exchange`)."""

    def __init__(self, app: App, line: Line) -> None:
        self._app, self._line = app, line

    def __repr__(self) -> str:
        return f'NationExchange({self._app.base!r})'

    def page(self, state: str, callback: str) -> str:
        told = {'response_type': 'code', 'client_id': self._app.client_id, 'redirect_uri': callback, 'state': state}
        return f'{self._app.base}/oauth/authorize?{urlencode(told)}'

    async def redeem(self, code: str, callback: str) -> Tokens:
        return await self._ask({'grant_type': 'authorization_code', 'code': code, 'redirect_uri': callback})

    async def renew(self, refresh: str) -> Tokens:
        return await self._ask({'grant_type': 'refresh_token', 'refresh_token': refresh})

    async def _ask(self, form: dict[str, str]) -> Tokens:
        app = self._app
        parts = urlsplit(app.base)
        if parts.scheme != 'https' and not is_loopback(parts.hostname):
            raise NoGrant('no token (its address must begin with https://)', broken=True)
        told = await self._line.call(
            'POST',
            f'{app.base}/oauth/token',
            headers={'accept': 'application/json', 'content-type': 'application/x-www-form-urlencoded'},
            content=urlencode({**form, 'client_id': app.client_id, 'client_secret': app.secret}).encode(),
            deadline_s=TIMEOUT_S,
        )
        return _read(told)


def _read(told: Answer) -> Tokens:
    """The tokens in an answer. Raises NoGrant; what it says holds nothing but a status and the vendor's own code."""
    if told.status is None:
        raise NoGrant(f'no token ({told.error or "connection lost"})', unknown=told.sent)
    body = wire.try_json(told.body)
    found = body if isinstance(body, dict) else {}
    if told.status != 200:
        code = found.get('error')
        named = f' {code}' if isinstance(code, str) and _CODE.fullmatch(code) else ''
        broken = 400 <= told.status < 500 and told.status not in (408, 429) and bool(named)
        raise NoGrant(
            f'no token ({told.status}{named})',
            broken=broken,
            unknown=not broken and told.status != 429,
            over=code == SPENT,
        )
    access, refresh = found.get('access_token'), found.get('refresh_token')
    if not _is_token(access) or not _is_token(refresh):
        raise NoGrant('no token (an answer without one)', unknown=True)
    try:
        lasts_s = wire.whole(found.get('expires_in', LASTS_S))
    except ValueError:
        lasts_s = None
    return Tokens(str(access), str(refresh), max(1, min(lasts_s or LASTS_S, 366 * LASTS_S)))


def _is_token(told: object) -> bool:
    return isinstance(told, str) and 0 < len(told) <= 4096 and told.isascii() and told.isprintable()
