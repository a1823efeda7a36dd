"""The terms on which calls are booked: names, addresses, keys and numbers, as `app` reads them from the settings.

Nothing here is looked up; whoever books is given it. Clients and e-mail addresses are known by keyed hashes only.
"""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta

from hermes.domain.slots import Rules


@dataclass(frozen=True, slots=True)
class Terms:
    """`hermes_url` and `support_url` have no last slash. `signing_keys`: the first signs, all verify. `hash_key` keys
    the hashes under which clients are remembered. `support_keys` may make support links.
    """

    brand: str
    hermes_url: str
    support_url: str
    signing_keys: tuple[str, ...] = field(default=(), repr=False)
    hash_key: str = field(default='', repr=False)
    support_keys: tuple[str, ...] = field(default=(), repr=False)
    support_ttl_days: int = 4
    needs_link: bool = True
    reminders: bool = True
    """Whether there is a mail server that sends them (CB-21)."""
    horizon_days: int = 60
    notice_s: int = 2 * 3600
    express_notice_s: int = 15 * 60
    hold_s: int = 5 * 60
    holds: int = 3
    """Live holds of one client."""
    apart_s: int = 2 * 3600
    """CB-3: between the starts of two meetings of one contact."""
    span: timedelta = timedelta(days=62)
    """The longest window of one question about availability."""
    patience_s: float = 5.0
    """How long a visitor waits for everything outside together (CB-7)."""

    def rules(self, *, express: bool = False) -> Rules:
        return Rules(self.express_notice_s if express else self.notice_s, self.horizon_days)

    def hash_of(self, purpose: str, text: str) -> bytes:
        """What a client or an e-mail address is remembered by."""
        return hmac.new(self.hash_key.encode(), f'{purpose}:{text}'.encode('utf-8', 'replace'), hashlib.sha256).digest()

    def client_of(self, address: str) -> bytes:
        """The hash of a client's address; of an IPv6 address only the network counts, since a host has many."""
        return self.hash_of('client', _network(address))


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
