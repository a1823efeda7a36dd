"""HMAC over raw bytes and constant-time comparison, with several live secrets for rotation (S1); what Hermes itself
sends is signed by Standard Webhooks (https://www.standardwebhooks.com).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

WHSEC: Final = 'whsec_'
LEAST_BYTES, MOST_BYTES = 24, 64
"""How long a secret of Standard Webhooks is."""
FRESH_S: Final = 300
"""A message of Standard Webhooks that is older, or from the future, is refused."""


def sign(body: bytes, secret: str) -> str:
    """Hex HMAC-SHA256 of `body`."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """True if any of `secrets` made `signature` over exactly these bytes. Every secret is tried, in constant time."""
    given = signature.strip().lower().encode('utf-8', 'replace')
    found = False
    for secret in secrets:
        found |= hmac.compare_digest(sign(body, secret).encode(), given)
    return found


def channel_token(channel_id: str, secret: str) -> str:
    """What a calendar's notification channel carries, so that its messages can be told from a forgery."""
    return sign(b'calendar channel ' + channel_id.encode('utf-8', 'replace'), secret)


def verify_channel(channel_id: str, token: str, secrets: Sequence[str]) -> bool:
    """True if any of the live `secrets` made the channel's token. Every secret is tried, in constant time."""
    return verify(b'calendar channel ' + channel_id.encode('utf-8', 'replace'), token, secrets)


def basic_auth(user: str, password: str) -> str:
    """The value of an Authorization header for HTTP Basic."""
    return 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()


def verify_basic(header: str, user: str, passwords: Sequence[str]) -> bool:
    """True if `header` carries `user` with any of the live `passwords`. Compared whole, in constant time."""
    given = header.strip().encode('utf-8', 'replace')
    found = False
    for password in passwords:
        found |= hmac.compare_digest(basic_auth(user, password).encode(), given)
    return found


def read_whsec(secret: str) -> bytes:
    """The key in a secret of Standard Webhooks: `whsec_` and base64. Raises ValueError for what is none."""
    try:
        key = base64.b64decode(secret.removeprefix(WHSEC), validate=True)
    except ValueError:
        key = b''
    if not secret.startswith(WHSEC) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError('not a secret of Standard Webhooks')
    return key


def standard_headers(message_id: str, at_s: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of Standard Webhooks. `at_s`: Unix time of this try; every secret signs, so that it can be changed
    without losing a message. Raises ValueError for a secret that is none.
    """
    said = f'{message_id}.{at_s}.'.encode() + body
    signatures = [hmac.new(read_whsec(secret), said, hashlib.sha256).digest() for secret in secrets]
    return {
        'webhook-id': message_id,
        'webhook-timestamp': str(at_s),
        'webhook-signature': ' '.join(f'v1,{base64.b64encode(each).decode()}' for each in signatures),
    }


def verify_standard(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now_s: float) -> bool:
    """True if any of `secrets` signed exactly this message within FRESH_S of `now_s` (Unix time). `headers`: their
    names in small letters. Every secret is tried, in constant time. Raises ValueError for a secret that is none.
    """
    told = headers.get('webhook-timestamp', '')
    if not (told.isascii() and told.isdigit() and len(told) < 16 and abs(now_s - int(told)) <= FRESH_S):
        return False
    given = headers.get('webhook-signature', '').split()
    made = standard_headers(headers.get('webhook-id', ''), int(told), body, secrets)['webhook-signature'].split()
    equal = [hmac.compare_digest(one.encode(), other.encode('utf-8', 'replace')) for one in made for other in given]
    return any(equal)
