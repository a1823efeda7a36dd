"""Passwords as they are kept: Argon2id, in the PHC string format with its own cost (S6).

The cost is OWASP's least for Argon2id (19 MiB, two passes), so that several logins at once fit into a small machine.
"""

import os
import secrets
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LEAST, MOST = 12, 200
"""How many characters a password has. Length is what counts: no rule asks for signs or digits."""
OFTEN: Final = frozenset(
    {'password', 'passwort', 'qwertyuiop', '1234567890', 'letmein', 'hermes', 'administrator', 'welcome', 'changeme'}
)
"""What is guessed first: a password is none of these with digits around it or said twice."""


def hash_password(password: str) -> str:
    """`$argon2id$...`, with salt of its own. Takes some 30 ms of CPU."""
    made = Argon2id(salt=os.urandom(16), length=32, iterations=PASSES, lanes=1, memory_cost=MEMORY_KIB)
    return made.derive_phc_encoded(password.encode())


def verify_password(password: str, kept: str) -> bool:
    """Whether this is the password; nobody's has '' kept. It takes as long for nobody as for somebody."""
    try:
        Argon2id.verify_phc_encoded(password.encode(), kept or _nobodys())
    except (InvalidKey, ValueError):
        return False
    return bool(kept)


def check_password(password: str, *names: str) -> None:
    """Raises ValueError with a plain sentence for a password that would be guessed. `names`: what its owner is
    called.
    """
    if len(password) < LEAST:
        raise ValueError(f'A password has at least {LEAST} characters: several words do well.')
    if len(password) > MOST:
        raise ValueError(f'A password has at most {MOST} characters.')
    plain = password.casefold().strip('0123456789!.-_ ')
    half = plain[: len(plain) // 2]
    if plain in OFTEN or (half in OFTEN and plain == half * 2) or len(set(password)) < 5:
        raise ValueError('This password would be guessed: choose another.')
    known = {name.casefold() for name in names if name}
    if password.casefold() in known:
        raise ValueError('A password is not your name or address: choose another.')


@cache
def _nobodys() -> str:
    return hash_password(secrets.token_hex())
