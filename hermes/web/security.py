"""Who is calling: authentication of raw bytes (S1), the client's address (S14), and headers that every answer carries
(S7).

An authentication (each system has its own) answers True, False, or None when no secret is configured: then the
endpoint is closed (503), never open. Every live secret is tried in constant time, so that secrets can be rotated
without losing a delivery.
"""

import hmac
import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORWARDING = ('x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host', 'x-forwarded-proto')
FORWARDED_FOR: Final = re.compile(r'(?:^|[;\s])for="?([^";,\s]*)', re.IGNORECASE)
DEFAULT_PORTS: Final = {'http': 80, 'https': 443}
LONGEST_WAY: Final = 2_000
"""Bytes of a list of hops that are looked at, from its end: that is where our own proxies write."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_token(given: str, token: str) -> bool:
    """Whether an Authorization header carries `token` (`Bearer ...`), in constant time; nobody has an empty one."""
    scheme, _, told = given.strip().partition(' ')
    equal = hmac.compare_digest(told.strip().encode('utf-8', 'replace'), token.encode())
    return equal and bool(token) and scheme.lower() == 'bearer'


def trusted_networks(proxies: Iterable[str]) -> tuple[Network, ...]:
    """Addresses or networks of our own proxies. Raises ValueError for what is neither."""
    return tuple(ipaddress.ip_network(proxy.strip(), strict=False) for proxy in proxies if proxy.strip())


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """The client's address: the peer's, or behind trusted proxies the last forwarded one that is no trusted proxy, by
    X-Forwarded-For, Forwarded or X-Real-IP.

    '' when it is unknown: a socket without an address, a header that cannot be read, or headers that do not agree (a
    proxy sets one of them, and lets through what the client says in another).
    """
    client = scope.get('client')
    peer = client[0] if client else ''
    if not _within(peer, trusted):
        return peer
    lists = (
        _header(scope, b'x-forwarded-for').split(','),
        [found[1] for part in _header(scope, b'forwarded').split(',') if (found := FORWARDED_FOR.search(part))],
        _header(scope, b'x-real-ip').split(','),
    )
    told = {hop for hops in lists if (hop := _last(hops, trusted)) is not None}
    if not told:
        return peer
    return told.pop() if len(told) == 1 else ''


def _header(scope: Scope, name: bytes) -> str:
    return b','.join(value for key, value in scope['headers'] if key == name)[-LONGEST_WAY:].decode('latin-1')


def _last(hops: Iterable[str], trusted: Sequence[Network]) -> str | None:
    """The last hop that is none of our proxies; '' where it cannot be read, None where there is none."""
    for hop in reversed([_without_port(hop.strip()) for hop in hops if hop.strip()]):
        if not _within(hop, trusted):
            parsed = _parsed(hop)
            return str(parsed) if parsed else ''
    return None


def _without_port(hop: str) -> str:
    """`[2001:db8::1]:80` and `192.0.2.1:80` without what is no address."""
    if hop.startswith('['):
        return hop[1:].partition(']')[0]
    return hop.partition(':')[0] if hop.count(':') == 1 else hop


def scheme_of(scope: Scope, trusted: Sequence[Network]) -> str:
    """'https' where the client came over TLS: to us, or to a trusted proxy that says so; nobody else is believed."""
    client = scope.get('client')
    told = _header(scope, b'x-forwarded-proto').rpartition(',')[2].strip().lower()
    return told if told and client and _within(client[0], trusted) else str(scope.get('scheme', 'http'))


def origin_of(address: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an address; None for what has none (`null`), or cannot be read."""
    try:
        told = urlsplit(address.strip())
        host, port = told.hostname, told.port
    except ValueError:
        return None
    if not host or '@' in told.netloc or told.scheme not in DEFAULT_PORTS:
        return None
    return told.scheme, host, DEFAULT_PORTS[told.scheme] if port is None else port


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """True for one of our own proxies (S14)."""
    return _within(address, trusted)


def is_local(scope: Scope) -> bool:
    """True for a client on this machine. What a proxy on this machine forwarded is not local, if it says so."""
    client = scope.get('client')
    address = _parsed(client[0]) if client else None
    if address is None or not address.is_loopback:
        return False
    return not any(name.decode('latin-1') in FORWARDING for name, _ in scope['headers'])


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
