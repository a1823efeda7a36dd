"""Signed links: to a support call (CB-16), and to what can be done with a booking (CB-13); and what a link in a letter
carries besides: whoever has it reads the mails of that address.

HMAC-SHA256 over everything that the link means, its purpose first, so that one kind never passes for another. The
first key signs, all of them verify, each in constant time. A link to a booking is as good as long as the meeting has
not ended; a reschedule makes no other: it always leads to the booking as it is now.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from hermes.domain.errors import Refused
from hermes.kit.languages import N_
from hermes.kit.signing import sign, verify

SUPPORT, MANAGE, LETTER = 'support', 'manage', 'letter'
WHOLE = N_('This link is not whole. Please ask for a new one.')
OVER = N_('This call is over. Its link is no longer valid: nothing can be moved or cancelled any more.')
INVALID = N_('This link is not valid. Please ask for a new one.')
EXPIRED = N_('This link has expired. Please ask for a new one.')


class LinkRefused(Refused):
    """The link is not signed by us, not whole, or too old."""

    code = 'link'


@dataclass(frozen=True, slots=True)
class SupportLink:
    """What a support link allows: a call with this admin for this company, until `expires_at` (aware UTC)."""

    admin_id: int
    company_id: int
    expires_at: datetime
    express: bool = False

    @property
    def expiry(self) -> int:
        """`expires_at` in whole seconds since the epoch: the form in which the link carries it."""
        return int(self.expires_at.timestamp())

    def told(self) -> bytes:
        """The bytes that are signed."""
        return _told(SUPPORT, self.admin_id, self.company_id, self.expiry, 'express' if self.express else 'ordinary')


def make_support_link(link: SupportLink, base_url: str, keys: Sequence[str]) -> str:
    """The address: `{base_url}/{admin_id}/?admin_id&company_id&e&s[&x]`. Raises Refused where there is no key."""
    query = {
        'admin_id': link.admin_id,
        'company_id': link.company_id,
        'e': link.expiry,
        's': sign(link.told(), _first(keys)),
        **({'x': 1} if link.express else {}),
    }
    return f'{base_url.rstrip("/")}/{link.admin_id}/?{urlencode(query)}'


def support_expiry(now: datetime, ttl_days: int) -> datetime:
    """When a link that is made `now` stops to be valid."""
    return (now + timedelta(days=ttl_days)).replace(microsecond=0)


def check_support_link(link: SupportLink, signature: str, now: datetime, keys: Sequence[str]) -> None:
    """Raises LinkRefused: not ours ('link_invalid'), or expired ('link_expired'); the signature is looked at first."""
    if not keys or not verify(link.told(), signature, keys):
        raise LinkRefused(INVALID, 'link_invalid')
    if now >= link.expires_at:
        raise LinkRefused(EXPIRED, 'link_expired')


def make_manage_token(uid: str, keys: Sequence[str]) -> str:
    """The token of a meeting: its uid and a signature, URL-safe."""
    return f'{_pack(uid.encode())}.{_pack(bytes.fromhex(sign(_told(MANAGE, uid), _first(keys))))}'


def make_letter_token(uid: str, keys: Sequence[str]) -> str:
    """As `make_manage_token`, with one more signature that only letters carry: whoever has it reads the mails of the
    address that was given for the meeting.
    """
    return f'{make_manage_token(uid, keys)}.{_pack(bytes.fromhex(sign(_told(LETTER, uid), _first(keys))))}'


def read_manage_token(token: str, keys: Sequence[str]) -> str:
    """The uid of the meeting that a token leads to. Raises LinkRefused ('link_invalid')."""
    packed, *signatures = token.split('.')
    try:
        uid, given = _unpack(packed).decode(), [_unpack(each).hex() for each in signatures]
    except (ValueError, binascii.Error):
        uid, given = '', []
    purposes = (MANAGE, LETTER)[: len(given)]
    good = [verify(_told(purpose, uid), each, keys) for purpose, each in zip(purposes, given, strict=False)]
    if not uid or not keys or not 1 <= len(given) <= 2 or not all(good):
        raise LinkRefused(INVALID, 'link_invalid')
    return uid


def is_of_a_letter(token: str) -> bool:
    """Whether a token that `read_manage_token` takes was in a letter."""
    return token.count('.') == 2


def public_number(uid: str) -> int:
    """The number of a booking in answers: drawn from its uid, since our own numbers tell what else was made with it.
    Any program can hold it exactly.
    """
    return int.from_bytes(hashlib.sha256(f'number:{uid}'.encode()).digest()[:6]) + 1


def read_support_query(query: Mapping[str, str]) -> tuple[SupportLink, str]:
    """The link that a query carries, and its signature; nothing is believed yet. Raises LinkRefused."""
    try:
        expires_at = datetime.fromtimestamp(0, tz=UTC) + timedelta(seconds=int(query['e']))
        link = SupportLink(int(query['admin_id']), int(query['company_id']), expires_at, query.get('x') == '1')
        return link, query['s']
    except (KeyError, ValueError, OverflowError):
        raise LinkRefused(WHOLE, 'link_invalid') from None


def _told(*parts: object) -> bytes:
    """Length-prefixed, so that no two meanings share their bytes."""
    return b''.join(f'{len(text.encode())}:{text},'.encode() for text in map(str, parts))


def _first(keys: Sequence[str]) -> str:
    if not keys:
        raise Refused('No link can be signed: set SIGNING_KEY.')
    return keys[0]


def _pack(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def _unpack(text: str) -> bytes:
    return base64.b64decode(text + '=' * (-len(text) % 4), altchars=b'-_', validate=True)
