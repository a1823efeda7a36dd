"""The service account that Hermes signs in with: its key pair, and tokens for what it signs.

The private key is Hermes's; this side only ever uses the public half. With delegation the account may speak for anybody
of the office (`sub`). Tokens live an hour of the world's time and are forgotten when the sandbox ends.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from hermes.sandbox.google.errors import TokenRefused

if TYPE_CHECKING:
    from hermes.sandbox.world import World

PROJECT = 'hermes-sandbox'
CLIENT_EMAIL = f'hermes@{PROJECT}.iam.gserviceaccount.com'
GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
GOOGLE_AUDIENCES = ('https://oauth2.googleapis.com/token', 'https://www.googleapis.com/oauth2/v4/token')
PREFIX = 'https://www.googleapis.com/auth/'
FULL = f'{PREFIX}calendar'
SCOPES = frozenset(
    {FULL, *(f'{FULL}.{name}' for name in ('readonly', 'events', 'events.readonly', 'freebusy', 'events.freebusy'))}
)
WRITING = frozenset({FULL, f'{FULL}.events'})
READING = WRITING | {f'{FULL}.readonly', f'{FULL}.events.readonly'}
FREE_BUSY = READING - {f'{FULL}.events', f'{FULL}.events.readonly'} | {f'{FULL}.freebusy', f'{FULL}.events.freebusy'}
LIFETIME_S = 3600
SKEW_S = 300
TIMES = (
    'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. '
    'Check your iat and exp values in the JWT claim.'
)
UNAUTHORIZED = (
    'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the '
    'scopes requested.'
)


@dataclass(frozen=True)
class Grant:
    """What a bearer of a token may do. `user` '' is the service account itself."""

    user: str
    scopes: frozenset[str]
    expires_at: datetime


def draw_service_account() -> dict[str, str]:
    """A new key, as the settings that Hermes needs for it. About a tenth of a second of work."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    digest = hashlib.sha256(public_bytes(key.public_key())).hexdigest()
    return {
        'G_PROJECT_ID': PROJECT,
        'G_CLIENT_EMAIL': CLIENT_EMAIL,
        'G_PRIVATE_KEY_ID': digest[:40],
        'G_PRIVATE_KEY': pem,
        'G_CLIENT_ID': f'1{int(digest, 16) % 10**20:020d}',
    }


def public_bytes(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@cache
def read_public_key(pem: str) -> rsa.RSAPublicKey | None:
    """The public half of a private key in PEM; None where there is none. Raises ValueError for anything else.
    Reading it checks it, which costs as much as a hundred answers.
    """
    if not pem:
        return None
    key = serialization.load_pem_private_key(pem.replace('\\n', '\n').encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError('the key of the service account is no RSA key')
    return key.public_key()


class TokenDesk:
    """Gives tokens for signed assertions. `delegated` and `allowed_scopes` are what the office's administrator set."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.key = read_public_key(world.secrets.g_private_key)
        self.grants: dict[str, Grant] = {}
        self.delegated = True
        self.allowed_scopes = set(SCOPES)

    def issue(self, form: dict[str, str], address: str) -> dict[str, Any]:
        """The answer of the token endpoint that stands at `address`. Raises TokenRefused."""
        if not form.get('grant_type'):
            raise TokenRefused('invalid_request', 'Required parameter is missing: grant_type')
        if form['grant_type'] != GRANT_TYPE:
            raise TokenRefused('unsupported_grant_type', f'Invalid grant_type: {form["grant_type"]}')
        claims = self._claims(form.get('assertion', ''))
        if claims.get('aud') not in (address, *GOOGLE_AUDIENCES):
            raise TokenRefused('invalid_grant', 'Invalid JWT: Failed audience check. The audience in the JWT is wrong.')
        self._check_times(claims)
        user, scopes = self._user(claims), frozenset(str(claims.get('scope', '')).split())
        if not scopes:
            raise TokenRefused('invalid_scope', 'Invalid OAuth scope or ID token audience provided.')
        if scopes - SCOPES:
            raise TokenRefused('invalid_scope', f'Some requested scopes were invalid. {sorted(scopes - SCOPES)}')
        if user and (not self.delegated or scopes - self.allowed_scopes):
            raise TokenRefused('unauthorized_client', UNAUTHORIZED, 401)
        return self._grant(user, scopes)

    def _grant(self, user: str, scopes: frozenset[str]) -> dict[str, Any]:
        now = self.world.clock.now()
        self.grants = {token: grant for token, grant in self.grants.items() if grant.expires_at > now}
        token = f'ya29.c.{self.world.chance.getrandbits(320):080x}'
        self.grants[token] = Grant(user, scopes, now + timedelta(seconds=LIFETIME_S))
        return {'access_token': token, 'expires_in': LIFETIME_S - 1, 'token_type': 'Bearer'}

    def _claims(self, assertion: str) -> dict[str, Any]:
        try:
            signed, _, signature = assertion.rpartition('.')
            head, body = (json.loads(decoded(part)) for part in signed.split('.'))
            mark = decoded(signature)
        except ValueError:
            raise TokenRefused('invalid_grant', 'Invalid JWT: could not be parsed.') from None
        if not isinstance(head, dict) or not isinstance(body, dict):
            raise TokenRefused('invalid_grant', 'Invalid JWT: could not be parsed.')
        if body.get('iss') != CLIENT_EMAIL or self.key is None:
            raise TokenRefused('invalid_grant', 'Invalid grant: account not found')
        try:
            if head.get('alg') != 'RS256':
                raise InvalidSignature
            self.key.verify(mark, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise TokenRefused('invalid_grant', 'Invalid JWT Signature.') from None
        return body

    def _check_times(self, claims: dict[str, Any]) -> None:
        made, ends = claims.get('iat'), claims.get('exp')
        if not isinstance(made, int | float) or not isinstance(ends, int | float):
            raise TokenRefused('invalid_grant', TIMES)
        now = self.world.clock.now().timestamp()
        if ends - made > LIFETIME_S or made > now + SKEW_S or ends < now - SKEW_S or made < now - LIFETIME_S - SKEW_S:
            raise TokenRefused('invalid_grant', TIMES)

    def _user(self, claims: dict[str, Any]) -> str:
        user = str(claims.get('sub') or '').lower()
        if user in ('', CLIENT_EMAIL):
            return ''
        if user not in self.world.google.people:
            raise TokenRefused('invalid_grant', 'Invalid email or User ID')
        return user

    def bearer(self, header: str) -> Grant | None:
        """What the bearer of this Authorization header may do; None for an unknown or old token."""
        kind, _, token = header.partition(' ')
        grant = self.grants.get(token) if kind.lower() == 'bearer' else None
        return grant if grant is not None and grant.expires_at > self.world.clock.now() else None

    def revoke_all(self) -> int:
        """Forget every token, as when the key is replaced; how many there were."""
        count = len(self.grants)
        self.grants.clear()
        return count


def decoded(text: str) -> bytes:
    """Bytes of unpadded base64url. Raises ValueError."""
    try:
        return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from None
