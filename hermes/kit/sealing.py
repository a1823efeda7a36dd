"""Secrets at rest: AES-256-GCM under a key that follows from SECRET_KEY and a purpose (S9).

What is sealed for one purpose, or for one owner, opens for no other.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE: Final = 12


def seal(told: bytes, secret: str, purpose: str, owner: str = '') -> bytes:
    """`told`, unreadable without `secret`: a nonce and what AES-GCM makes of it."""
    nonce = os.urandom(NONCE)
    return nonce + _cipher(secret, purpose).encrypt(nonce, told, owner.encode())


def unseal(sealed: bytes, secret: str, purpose: str, owner: str = '') -> bytes:
    """What was sealed. Raises ValueError where secret, purpose or owner are others, or somebody changed it."""
    try:
        return _cipher(secret, purpose).decrypt(sealed[:NONCE], sealed[NONCE:], owner.encode())
    except (InvalidTag, ValueError):
        raise ValueError('this was sealed with another SECRET_KEY, or changed') from None


def _cipher(secret: str, purpose: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=f'hermes {purpose}'.encode()).derive(secret.encode()))
