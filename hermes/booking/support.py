"""Links to support calls (CB-16, CB-17): made for whoever has the key, checked for whoever follows one.

A company that only the product knows is read there and becomes ours, without a deal: it is a customer who needs help.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hermes.booking.availability import Availability, is_bookable
from hermes.booking.links import WHOLE, LinkRefused, SupportLink, check_support_link, make_support_link, support_expiry
from hermes.booking.terms import Terms
from hermes.db import meetings
from hermes.domain.apply import NO_DEAL
from hermes.domain.errors import Gone, NotFound, Refused, Unreadable
from hermes.domain.staff import show_name
from hermes.parts.roles import PRODUCT, PRODUCT_TITLE
from hermes.ports import Request
from hermes.sync import resolve
from hermes.sync.engine import Engine

CLIENT: Final = 'client'
LONGEST: Final = timedelta(days=90)
"""So long a link that somebody makes by hand is valid at most."""


class SupporterGone(NotFound):
    """Whoever a link leads to takes no support calls (any more)."""


class UnknownCompany(NotFound):
    """The company of a link is not there (any more)."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a valid link allows."""

    link: SupportLink
    company_name: str
    token: str


class SupportLinks:
    """Makes and checks links."""

    def __init__(self, engine: Engine, availability: Availability, terms: Terms) -> None:
        self._engine = engine
        self._availability = availability
        self._terms = terms

    def is_key(self, given: str) -> bool | None:
        """Whether `given` (an Authorization header, of any scheme) carries the key, in constant time; None where no
        key is configured: then nobody has it.
        """
        if not self._terms.support_keys:
            return None
        words = given.split()
        key = words[-1].encode('utf-8', 'replace') if words else b''
        found = False
        for each in self._terms.support_keys:
            found |= hmac.compare_digest(each.encode(), key)
        return found

    async def make(self, tc2_admin_id: int, tc2_client_id: int, *, express: bool = False) -> str:
        """A link to a call with an admin of the product's id for a client of its. Raises NotFound, Unreadable."""
        async with self._engine.database.transaction() as connection:
            known = await self._engine.known(connection)
            row = await meetings.find_linked(connection, PRODUCT, CLIENT, str(tc2_client_id))
        admin_id = known.directory.admin_of(PRODUCT, tc2_admin_id)
        self._availability.person(known, admin_id or 0, 'support')
        if row is None:
            await self._read(tc2_client_id)
            async with self._engine.database.transaction() as connection:
                row = await meetings.find_linked(connection, PRODUCT, CLIENT, str(tc2_client_id))
        if row is None or row['gone'] or admin_id is None:
            raise NotFound('There is no such client.')
        return self._sign(admin_id, row['id'], express)

    async def make_for(
        self, admin_id: int, company_id: int, *, express: bool = False, expires_at: datetime | None = None
    ) -> str:
        """A link to a call with an admin for a company, by our ids; as valid as links are, or until `expires_at`
        (aware). Raises NotFound, Refused.
        """
        now = self._engine.clock.now()
        if expires_at is not None and not now < expires_at <= now + LONGEST:
            raise Refused(f'A link is valid from now on, for at most {LONGEST.days} days.')
        async with self._engine.database.transaction() as connection:
            known = await self._engine.known(connection)
            row = await meetings.find_company(connection, company_id)
        admin = known.directory.admins.get(admin_id)
        if admin is None or not is_bookable(admin, 'support'):
            raise NotFound(f'{show_name(admin.fields) if admin else "Nobody of that id"} takes no support calls.')
        if row is None:
            raise NotFound('There is no such company.')
        return self._sign(admin_id, row['id'], express, expires_at)

    def _sign(self, admin_id: int, company_id: int, express: bool, expires_at: datetime | None = None) -> str:
        expires_at = expires_at or support_expiry(self._engine.clock.now(), self._terms.support_ttl_days)
        link = SupportLink(admin_id, company_id, expires_at, express)
        return make_support_link(link, self._terms.support_url, self._terms.signing_keys)

    async def _read(self, client_id: int) -> None:
        """Read a client that nobody knows; what comes is applied like everything (CB-17)."""
        system = self._engine.systems.get(PRODUCT)
        if system is None:
            return
        request = Request('read', CLIENT, str(client_id), params={'for': NO_DEAL})
        answer, reaction = await resolve.read(self._engine, system, request, 'interactive', NO_DEAL)
        if answer is None or (reaction is not None and not isinstance(reaction, Gone)):
            raise Unreadable(f'{PRODUCT_TITLE} cannot be read at the moment. Please try again.')

    async def validate(self, link: SupportLink, signature: str) -> Allowed:
        """What a link allows. Raises LinkRefused, SupporterGone, UnknownCompany."""
        check_support_link(link, signature, self._engine.clock.now(), self._terms.signing_keys)
        async with self._engine.database.transaction() as connection:
            known = await self._engine.known(connection)
            row = await meetings.find_company(connection, link.company_id)
        try:
            self._availability.person(known, link.admin_id, 'support')
        except NotFound as error:
            raise SupporterGone(str(error)) from None
        if row is None:
            raise UnknownCompany('We do not know this company.')
        return Allowed(link, row['name'], pack(link, signature))

    def is_express(self, admin_id: int, token: str) -> bool:
        """Whether a token is an express one for this admin. Raises LinkRefused for one that is not valid."""
        link, signature = unpack(admin_id, token)
        check_support_link(link, signature, self._engine.clock.now(), self._terms.signing_keys)
        return link.express


def pack(link: SupportLink, signature: str) -> str:
    """The token by which availability and holds know a link."""
    return f'{link.company_id}.{link.expiry}.{int(link.express)}.{signature}'


def unpack(admin_id: int, token: str) -> tuple[SupportLink, str]:
    """The link and signature of a token; nothing is believed yet. Raises LinkRefused."""
    parts: Sequence[str] = token.split('.')
    try:
        company, expiry, express, signature = parts
        expires_at = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(expiry))
        return SupportLink(admin_id, int(company), expires_at, express == '1'), signature
    except (ValueError, OverflowError):
        raise LinkRefused(WHOLE, 'link_invalid') from None
