"""OAuth of a nation: codes, access tokens that live 24 hours, refresh tokens that turn with every use.

An old refresh token is dead the moment a new one is made, whether or not the answer arrives. A legacy token, which
never expires, is taken as a refresh token once. Time is the world's; tokens are drawn from its chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hermes.kit.addresses import is_loopback
from hermes.sandbox.nationbuilder.answers import BAD_CLIENT, TokenRefused, bad_grant

if TYPE_CHECKING:
    from hermes.sandbox.world import World

CODE_LIVES = timedelta(minutes=10)
TOKEN_LIVES = timedelta(hours=24)
Json = dict[str, Any]


@dataclass
class Code:
    """What a person allowed, to be fetched once."""

    redirect_uri: str
    expires_at: str
    used: bool = False


@dataclass
class Grant:
    """One consent: its living access tokens with their ends, and the one refresh token of now."""

    number: int
    made_at: str
    refresh_token: str = ''
    legacy_token: str = ''
    access: dict[str, str] = field(default_factory=dict)
    refreshes: int = 0
    revoked: bool = False


class Desk:
    """The app that is registered with the nation, and what it was granted. `callbacks` are its registered addresses;
    while there are none, any address of this world's Hermes is one. Without a secret nobody is the app.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.client_id, self.client_secret = world.secrets.nb_client_id, world.secrets.nb_client_secret
        self.callbacks: list[str] = []
        self.codes: dict[str, Code] = {}
        self.grants: list[Grant] = []
        self.ends_access = False

    def knows(self, redirect_uri: str) -> bool:
        """True for an address to which a code may be sent."""
        try:
            asked, ours = urlsplit(redirect_uri), urlsplit(self.world.hermes_url)
        except ValueError:
            return False
        if self.callbacks:
            return redirect_uri in self.callbacks and is_loopback(asked.hostname)
        same = (asked.scheme, asked.netloc) == (ours.scheme, ours.netloc)
        return same and asked.scheme in ('http', 'https') and not asked.fragment

    def allow(self, redirect_uri: str) -> str:
        """A person allows: a new code."""
        code = self._draw()
        self.codes[code] = Code(redirect_uri, (self.world.clock.now() + CODE_LIVES).isoformat())
        return code

    def issue(self, form: Mapping[str, Any]) -> Json:
        """The token endpoint. Raises TokenRefused."""
        told = {name: value for name, value in form.items() if isinstance(value, str)}
        known = told.get('client_id') == self.client_id and told.get('client_secret') == self.client_secret
        if not known or not self.client_secret:
            raise TokenRefused('invalid_client', BAD_CLIENT, 401)
        match told.get('grant_type', ''):
            case 'authorization_code':
                return self._answer(self._redeem(told))
            case 'refresh_token':
                return self._answer(self._refresh(told.get('refresh_token', '')))
            case '':
                raise TokenRefused('invalid_request', 'Missing required parameter: grant_type.')
            case _:
                words = 'The authorization grant type is not supported by the authorization server.'
                raise TokenRefused('unsupported_grant_type', words)

    def _redeem(self, told: Mapping[str, str]) -> Grant:
        code = self.codes.get(told.get('code', ''))
        if code is None or code.used or self._is_past(code.expires_at):
            raise bad_grant()
        if told.get('redirect_uri') != code.redirect_uri:
            raise bad_grant()
        code.used = True
        return self.open()

    def _refresh(self, token: str) -> Grant:
        for grant in self.grants:
            if token and not grant.revoked and token in (grant.refresh_token, grant.legacy_token):
                grant.legacy_token = ''
                grant.refreshes += 1
                if self.ends_access:
                    grant.access.clear()
                return grant
        raise bad_grant()

    def _answer(self, grant: Grant) -> Json:
        """A new pair; the old refresh token is gone with this."""
        now, access = self.world.clock.now(), self._draw()
        grant.access = {token: ends for token, ends in grant.access.items() if not self._is_past(ends)}
        grant.access[access] = (now + TOKEN_LIVES).isoformat()
        grant.refresh_token = self._draw()
        return {
            'access_token': access,
            'token_type': 'Bearer',
            'expires_in': int(TOKEN_LIVES.total_seconds()),
            'refresh_token': grant.refresh_token,
            'scope': 'default',
            'created_at': int(now.timestamp()),
        }

    def open(self) -> Grant:
        grant = Grant(len(self.grants) + 1, self.world.clock.now().isoformat())
        self.grants.append(grant)
        return grant

    def give(self) -> Json:
        """A token by hand, as from the nation's control panel."""
        return self._answer(self.open())

    def give_legacy(self) -> str:
        """A token of the old model, which never expires."""
        grant = self.open()
        grant.legacy_token = self._draw()
        return grant.legacy_token

    def bearer(self, header: str) -> str | None:
        """The living access token in an Authorization header, None for any other."""
        kind, _, token = header.partition(' ')
        if kind.lower() != 'bearer':
            return None
        for grant in self.grants:
            ends = grant.access.get(token)
            if ends is not None and not grant.revoked and not self._is_past(ends):
                return token
        return None

    def revoke(self) -> int:
        """Somebody takes the app's consent back; how many grants died."""
        living = [grant for grant in self.grants if not grant.revoked]
        for grant in living:
            grant.revoked = True
        return len(living)

    def expire(self) -> int:
        """Every access token is too old from now on; refresh tokens stay. How many there were."""
        count = sum(len(grant.access) for grant in self.grants)
        for grant in self.grants:
            grant.access.clear()
        return count

    def state(self) -> list[Json]:
        """What a person may see: never a whole token."""
        return [
            {
                'number': grant.number,
                'made_at': grant.made_at,
                'access': {f'{token[:6]}…': ends for token, ends in grant.access.items() if not self._is_past(ends)},
                'refresh_token': f'{grant.refresh_token[:6]}…' if grant.refresh_token else None,
                'legacy': bool(grant.legacy_token),
                'refreshes': grant.refreshes,
                'revoked': grant.revoked,
            }
            for grant in self.grants
        ]

    def _is_past(self, ends: str) -> bool:
        return datetime.fromisoformat(ends) <= self.world.clock.now()

    def _draw(self) -> str:
        return f'{self.world.chance.getrandbits(256):064x}'

    def dump(self) -> Json:
        return {
            'callbacks': self.callbacks,
            'codes': {code: asdict(one) for code, one in self.codes.items()},
            'grants': [asdict(grant) for grant in self.grants],
            'ends_access': self.ends_access,
        }

    def load(self, kept: Json) -> None:
        self.callbacks, self.ends_access = list(kept['callbacks']), kept['ends_access']
        self.codes = {code: Code(**one) for code, one in kept['codes'].items()}
        self.grants = [Grant(**one) for one in kept['grants']]
