"""Who is calling: authentication of raw bytes (S1), the client's address (S14), and headers that every answer carries
(S7).

An authentication answers True, False, or None when no secret is configured: then the endpoint is closed (503), never
open.
Every live secret is tried in constant time, so that secrets can be rotated without losing a delivery.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hermes.kit.signing import verify, verify_basic, verify_channel

Headers = Mapping[str, str]
"""Header names in lower case."""
Authenticate = Callable[[bytes, Headers], bool | None]

FORWARDING = ('x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host', 'x-forwarded-proto')

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def tc2_signature(secrets: Sequence[str]) -> Authenticate:
    """TutorCruncher: `webhook-signature` is the hex HMAC-SHA256 of the raw body under one of `secrets`."""
    live = tuple(secret for secret in secrets if secret)

    def authenticate(body: bytes, headers: Headers) -> bool | None:
        return verify(body, headers.get('webhook-signature', ''), live) if live else None

    return authenticate


def http_basic(user: str, passwords: Sequence[str]) -> Authenticate:
    """Pipedrive: HTTP Basic with `user` and one of `passwords`."""
    live = tuple(password for password in passwords if password)

    def authenticate(body: bytes, headers: Headers) -> bool | None:
        return verify_basic(headers.get('authorization', ''), user, live) if live and user else None

    return authenticate


def channel_token(secrets: Sequence[str]) -> Authenticate:
    """Google: `x-goog-channel-token` was made for the channel that the message names, under one of `secrets`."""
    live = tuple(secret for secret in secrets if secret)

    def authenticate(body: bytes, headers: Headers) -> bool | None:
        channel_id, token = headers.get('x-goog-channel-id', ''), headers.get('x-goog-channel-token', '')
        return verify_channel(channel_id, token, live) if live else None

    return authenticate


def trusted_networks(proxies: Iterable[str]) -> tuple[Network, ...]:
    """Addresses or networks of our own proxies. Raises ValueError for what is neither."""
    return tuple(ipaddress.ip_network(proxy.strip(), strict=False) for proxy in proxies if proxy.strip())


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """The client's address: the peer's, or behind trusted proxies the last forwarded one that is no trusted proxy.

    '' when it is unknown (a socket without an address, or a forwarding header that cannot be read).
    """
    client = scope.get('client')
    peer = client[0] if client else ''
    if not _within(peer, trusted):
        return peer
    forwarded = [value for name, value in scope['headers'] if name == b'x-forwarded-for']
    hops = [hop.strip() for hop in b','.join(forwarded).decode('latin-1').split(',') if hop.strip()]
    for hop in reversed(hops):
        if not _within(hop, trusted):
            return hop if _parsed(hop) else ''
    return peer


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """True for one of our own proxies (S14)."""
    return _within(address, trusted)


def is_local(scope: Scope, trusted: Sequence[Network]) -> bool:
    """True for a client on this machine. What an unknown proxy on this machine forwarded is not local."""
    address = _parsed(client_address(scope, trusted))
    if address is None or not address.is_loopback:
        return False
    client = scope.get('client')
    from_proxy = client is not None and _within(client[0], trusted)
    return from_proxy or not any(name.decode('latin-1') in FORWARDING for name, _ in scope['headers'])


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, ipaddress.IPv6Address) else parsed


def _within(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


class SafeHeaders:
    """ASGI middleware: headers that every answer carries unless the page sets its own."""

    HEADERS: tuple[tuple[bytes, bytes], ...] = (
        (b'x-content-type-options', b'nosniff'),
        (b'referrer-policy', b'no-referrer'),
        (b'content-security-policy', b"default-src 'none'; frame-ancestors 'none'"),
        (b'cache-control', b'no-store'),
    )

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http':
            return await self.app(scope, receive, send)

        async def send_safely(message: Message) -> None:
            if message['type'] == 'http.response.start':
                headers = list(message.get('headers', ()))
                present = {bytes(name).lower() for name, _ in headers}
                message['headers'] = headers + [header for header in self.HEADERS if header[0] not in present]
            await send(message)

        await self.app(scope, receive, send_safely)
