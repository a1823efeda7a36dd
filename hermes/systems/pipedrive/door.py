"""How Pipedrive's deliveries prove themselves, and which of them are the same one (S1, I2)."""

from collections.abc import Sequence
from typing import Any

from hermes.kit.signing import verify_basic
from hermes.ports import Authentication, Headers
from hermes.systems.pipedrive import inbound


def http_basic(user: str, passwords: Sequence[str]) -> Authentication:
    """HTTP Basic with `user` and one of `passwords`."""
    live = tuple(password for password in passwords if password)

    def admit(headers: Headers) -> bool | None:
        return verify_basic(headers.get('authorization', ''), user, live) if live and user else None

    return Authentication(admit, lambda body, headers: admit(headers))


def dedupe_key(body: bytes, parsed: Any) -> bytes | None:
    """See `inbound.dedupe_key`."""
    return inbound.dedupe_key(parsed)
