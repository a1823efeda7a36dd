"""Files that only whoever has a secret can read, however large: AES-256-GCM in chunks, under a key of the file's own
that follows from the secret (STREAM, Hoang and others, 2015).

A head (MAGIC, 16 bytes of salt, 16 by which the right secret is told from a wrong one), then chunks of CHUNK bytes,
each with its tag. The nonce of a chunk is its place and whether it is the last: nothing can be cut off, left out, put
elsewhere or added without being noticed.
"""

import hmac
import os
from collections.abc import Iterator
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC: Final = b'HERMES sealed 1\n'
SALT: Final = 16
CHUNK: Final = 64 * 1024
TAG: Final = 16


class OtherSecret(ValueError):
    """The file was sealed with another secret."""


class Damaged(ValueError):
    """Something of the file is missing, or is not as it was written."""


def seal_file(plain: IO[bytes], secret: str, purpose: str) -> Iterator[bytes]:
    """What is to be written of `plain`, piece by piece."""
    salt = os.urandom(SALT)
    cipher, check = _keys(secret, purpose, salt)
    yield MAGIC + salt + check
    for place, (chunk, last) in enumerate(_chunks(plain, CHUNK)):
        yield cipher.encrypt(_nonce(place, last), chunk, MAGIC)


def unseal_file(sealed: IO[bytes], secret: str, purpose: str) -> Iterator[bytes]:
    """What was sealed, piece by piece: each is as it was, and only after the last one is it known to be all. Raises
    OtherSecret, Damaged.
    """
    if sealed.read(len(MAGIC)) != MAGIC:
        raise Damaged('it does not begin as such a file does')
    salt, told = sealed.read(SALT), sealed.read(SALT)
    cipher, check = _keys(secret, purpose, salt)
    if len(told) < SALT:
        raise Damaged('it is cut off')
    if not hmac.compare_digest(told, check):
        raise OtherSecret('it was encrypted with another key')
    for place, (chunk, last) in enumerate(_chunks(sealed, CHUNK + TAG)):
        try:
            yield cipher.decrypt(_nonce(place, last), chunk, MAGIC)
        except InvalidTag:
            raise Damaged('it is cut off, or was changed') from None


def _keys(secret: str, purpose: str, salt: bytes) -> tuple[AESGCM, bytes]:
    derived = HKDF(SHA256(), 32 + SALT, salt=salt, info=f'hermes {purpose}'.encode()).derive(secret.encode())
    return AESGCM(derived[:32]), derived[32:]


def _nonce(place: int, last: bool) -> bytes:
    return place.to_bytes(11) + (b'\1' if last else b'\0')


def _chunks(file: IO[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """All of a file in pieces, and whether it is the last one; of nothing there is one, too."""
    chunk = _read(file, size)
    while True:
        following = _read(file, size)
        yield chunk, not following
        if not following:
            return
        chunk = following


def _read(file: IO[bytes], size: int) -> bytes:
    """So many bytes, fewer only at the end, even of a pipe."""
    found = b''
    while len(found) < size and (more := file.read(size - len(found))):
        found += more
    return found
