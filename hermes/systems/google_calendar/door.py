"""How notifications of Google's channels prove themselves (S1). They are headers alone."""

from collections.abc import Sequence
from typing import Final

from hermes.kit.signing import verify_channel
from hermes.ports import Authentication, Headers

STORED: Final = ('x-goog-channel-id', 'x-goog-resource-state', 'x-goog-message-number')
"""The headers that tell what happened."""


def channel_token(secrets: Sequence[str]) -> Authentication:
    """`x-goog-channel-token` was made for the channel that the message names, under one of `secrets`."""
    live = tuple(secret for secret in secrets if secret)

    def admit(headers: Headers) -> bool | None:
        channel_id, token = headers.get('x-goog-channel-id', ''), headers.get('x-goog-channel-token', '')
        return verify_channel(channel_id, token, live) if live else None

    return Authentication(admit, lambda body, headers: admit(headers))
