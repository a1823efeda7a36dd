"""How TutorCruncher's deliveries prove themselves, and which of them are the same one (S1, I2)."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from hermes.kit.signing import verify
from hermes.ports import Authentication, Headers


def signature(secrets: Sequence[str]) -> Authentication:
    """`webhook-signature` is the hex HMAC-SHA256 of the raw body under one of `secrets`."""
    live = tuple(secret for secret in secrets if secret)

    def admit(headers: Headers) -> bool | None:
        return bool(headers.get('webhook-signature')) if live else None

    def know(body: bytes, headers: Headers) -> bool | None:
        return verify(body, headers.get('webhook-signature', ''), live) if live else None

    return Authentication(admit, know)


def dedupe_key(body: bytes, parsed: Any) -> bytes:
    """The same bytes are the same delivery: TutorCruncher gives its events no id (I2)."""
    return sha256(body).digest()
