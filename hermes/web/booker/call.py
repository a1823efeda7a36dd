"""A call that a visitor wants: of which kind, with whom, and on which page it is booked."""

from dataclasses import dataclass

from hermes.booking.availability import Kind, Person
from hermes.booking.links import WHOLE, LinkRefused, read_support_query
from hermes.booking.reps import Rep
from hermes.booking.support import Allowed
from hermes.domain.errors import NotFound
from hermes.web.booker.pages import BookerParts
from hermes.web.booker.visitor import Visitor


@dataclass(frozen=True, slots=True)
class Call:
    """`allowed`: what the support link allows; None for a sales call."""

    kind: Kind
    rep: Rep
    person: Person
    path: str
    allowed: Allowed | None = None

    @property
    def express(self) -> bool:
        return self.allowed is not None and self.allowed.link.express

    @property
    def minutes(self) -> int:
        return self.person.hours.duration_s // 60


async def bookable(parts: BookerParts, kind: Kind) -> list[Rep]:
    """Everybody who takes calls of a kind, as a visitor sees them."""
    async with parts.service.engine.database.transaction() as connection:
        known = await parts.service.engine.known(connection)
    return parts.reps.get().bookable(kind, known.directory.admins)


async def find_sales_call(parts: BookerParts, visitor: Visitor) -> Call:
    """The call of a page `/book-a-call/{slug or id}/`. Raises NotFound."""
    told = visitor.request.path_params['who']
    for rep in await bookable(parts, 'sales'):
        if told in (rep.slug, str(rep.admin_id)):
            person = await parts.service.availability.find(rep.admin_id, 'sales')
            return Call('sales', rep, person, f'/book-a-call/{rep.slug}/')
    raise NotFound('There is nobody to book here.')


async def find_support_call(parts: BookerParts, visitor: Visitor) -> Call:
    """The call of a page `/support-call/{admin_id}/`, by its signed link (WEB-15). Raises LinkRefused, NotFound."""
    told = visitor.request.path_params['who']
    if not all(visitor.query.get(name) for name in ('admin_id', 'company_id', 'e', 's')):
        raise LinkRefused(WHOLE, 'link_invalid')
    link, signature = read_support_query(visitor.query)
    if str(link.admin_id) != told:
        raise LinkRefused(WHOLE, 'link_invalid')
    allowed = await parts.service.support.validate(link, signature)
    person = await parts.service.availability.find(link.admin_id, 'support')
    reps = await bookable(parts, 'support')
    rep = next((each for each in reps if each.admin_id == person.id), Rep(person.id, told, person.name))
    return Call('support', rep, person, f'/support-call/{told}/', allowed)
