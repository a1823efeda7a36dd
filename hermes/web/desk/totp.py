"""The second factor: RFC 6238 with 6 digits and 30 seconds, as every authenticator knows it, and ten recovery codes.

The secret is sealed under SECRET_KEY for its user; a code, and each recovery code, is good once.
"""

import hashlib
import secrets
from base64 import b32encode
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from hermes.db import users
from hermes.db.pool import Connection
from hermes.kit.sealing import seal, unseal
from hermes.web.desk.parts import DeskParts

STEP_S: Final = 30
AROUND: Final = (0, -1, 1)
"""Clocks of phones may be half a minute off."""
RECOVERY: Final = 10
PURPOSE: Final = 'second factor'


def new_secret() -> bytes:
    return secrets.token_bytes(20)


def new_recovery() -> list[str]:
    """Codes such as 'k3f9-x2mq-77ab' for when the phone is lost."""
    letters = 'abcdefghjkmnpqrstuvwxyz23456789'
    return ['-'.join(''.join(secrets.choice(letters) for _ in range(4)) for _ in range(3)) for _ in range(RECOVERY)]


def as_text(secret: bytes) -> str:
    """As a person types it into an authenticator: groups of four."""
    told = b32encode(secret).decode()
    return ' '.join(told[at : at + 4] for at in range(0, len(told), 4))


def address(secret: bytes, email: str, brand: str) -> str:
    """As an authenticator's link (`otpauth://`)."""
    return _totp(secret).get_provisioning_uri(email, f'Hermes {brand}'.strip())


def matching_step(secret: bytes, code: str, now_s: float) -> int | None:
    """The half minute of which this is the code, near `now_s` (Unix time); None for a wrong one."""
    told = ''.join(code.split())
    if len(told) != 6 or not told.isascii() or not told.isdigit():
        return None
    for off in AROUND:
        step = int(now_s) // STEP_S + off
        if secrets.compare_digest(_totp(secret).generate(step * STEP_S).decode(), told):
            return step
    return None


async def check(connection: Connection, parts: DeskParts, user_id: int, code: str) -> bool:
    """Whether a code, or a recovery code, is right and was not used before. It is used by this."""
    sealed = (await users.read_secrets(connection, user_id))['totp_secret']
    if sealed is None:
        return False
    step = matching_step(open_secret(parts, user_id, sealed), code, parts.engine.clock.now().timestamp())
    if step is not None:
        return await users.use_step(connection, user_id, step)
    return await users.use_recovery(connection, user_id, recovery_hash(code))


async def enable(connection: Connection, parts: DeskParts, user_id: int, secret: bytes) -> list[str]:
    """Store a secret; the recovery codes, which nobody can read again."""
    codes = new_recovery()
    sealed = seal(secret, parts.secret, PURPOSE, str(user_id))
    await users.set_totp(connection, user_id, sealed, [recovery_hash(code) for code in codes])
    return codes


def open_secret(parts: DeskParts, user_id: int, sealed: bytes) -> bytes:
    """Raises ValueError where SECRET_KEY is another one than when it was stored."""
    return unseal(bytes(sealed), parts.secret, PURPOSE, str(user_id))


def recovery_hash(code: str) -> bytes:
    return hashlib.sha256(''.join(filter(str.isalnum, code.lower())).encode()).digest()


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, 6, SHA1(), STEP_S)  # noqa: S303 - what authenticators know
