"""Who can be met, and how a visitor comes to the right one (WEB-1 to WEB-6, WEB-14, WEB-29, WEB-32).

The list, the question whether they know us, the bracket, and the list again for those who do. Somebody is drawn by POST
alone; whatever goes wrong with a draw, the visitor comes to a sensible person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from hermes.booking.brackets import SUPPORTED, brackets, currency_of, find_bracket
from hermes.booking.reps import PAGES, Rep
from hermes.db.pool import DatabaseAway
from hermes.domain.errors import HermesError, NotFound
from hermes.kit.countries import iso_code
from hermes.web.booker.call import bookable
from hermes.web.booker.pages import BookerParts, lead, show
from hermes.web.booker.typed import read_form
from hermes.web.booker.visitor import Visitor

INDEX = '/book-a-call/'
QUESTION, BRACKET, CHOOSE, ANYONE = (f'{INDEX}{name}/' for name in PAGES)


@dataclass(frozen=True, slots=True)
class Card:
    """Somebody on the list, with their next free times (aware UTC)."""

    rep: Rep
    times: list[datetime]


@dataclass(frozen=True, slots=True)
class Index:
    """The pages before a call's own."""

    parts: BookerParts

    async def show_index(self, visitor: Visitor) -> Response:
        """Everybody who sells, the same for everybody: nobody is drawn by looking (WEB-32)."""
        return await self._list(visitor, 'index.html', index=not visitor.base)

    async def show_choice(self, visitor: Visitor) -> Response:
        """The list for whoever has met us before (WEB-5)."""
        return await self._list(visitor, 'choose.html')

    async def _list(self, visitor: Visitor, template: str, *, index: bool = False) -> Response:
        reps = await bookable(self.parts, 'sales')
        times = await self.parts.service.next_times.of(rep.admin_id for rep in reps)
        cards = [Card(rep, times.get(rep.admin_id, [])) for rep in reps]
        zone = visitor.zone(await self._zone(reps))
        left = visitor.query.get('with', '') == 'left'
        return show(
            self.parts, visitor, template, index=index, cards=cards, zone=zone, left=left, **self._asked(visitor)
        )

    async def show_question(self, visitor: Visitor) -> Response:
        """Whether they have booked with us before (WEB-2), for browsers without a script."""
        return show(self.parts, visitor, 'question.html')

    async def show_bracket(self, visitor: Visitor) -> Response:
        """How much they earn, in the currency of their country (WEB-3)."""
        return show(self.parts, visitor, 'bracket.html', **self._asked(visitor))

    def _asked(self, visitor: Visitor) -> dict[str, Any]:
        told = visitor.query.get('currency', '')
        currency = told if told in SUPPORTED else currency_of(visitor.country)
        return {'currency': currency, 'currencies': SUPPORTED, 'brackets': brackets(currency)}

    async def draw(self, visitor: Visitor) -> Response:
        """Whose turn it is for a bracket (WEB-4), and on to their page."""
        typed = await read_form(visitor.request)
        currency, country = typed.get('currency', ''), iso_code(typed.get('country', '')) or visitor.country
        bracket = find_bracket(currency, typed.get('bracket', ''))
        if bracket is None or typed.get('action') == 'refresh':
            wrong = visitor.language.gettext('Choose your yearly revenue.') if typed.get('action') == 'draw' else ''
            told = self._asked(visitor) | {'chosen': typed.get('bracket')}
            if currency in SUPPORTED:
                told |= {'currency': currency, 'brackets': brackets(currency)}
            return show(self.parts, visitor, 'bracket.html', 422 if wrong else 200, wrong=wrong, **told)
        reps = await bookable(self.parts, 'sales')
        try:
            chosen = (await self.parts.turns.draw('sales', bracket.plan, country, visitor.client)).ref.id
        except (HermesError, DatabaseAway):
            chosen = 0
        rep = next((each for each in reps if each.admin_id == chosen), None) or await self._soonest(reps)
        path = f'{INDEX}{rep.slug}/'
        return lead(visitor.link(path, bracket=bracket.id, currency=bracket.currency, country=country))

    async def show_anyone(self, visitor: Visitor) -> Response:
        """On to whoever is free first (WEB-14)."""
        rep = await self._soonest(await bookable(self.parts, 'sales'))
        return lead(visitor.link(f'{INDEX}{rep.slug}/'))

    async def _soonest(self, reps: list[Rep]) -> Rep:
        """Whoever is free first, else whoever is first on the list. Raises NotFound where there is nobody."""
        if not reps:
            raise NotFound('There is nobody to book here.')
        times = await self.parts.service.next_times.of((rep.admin_id for rep in reps), 1)
        never = self.parts.service.engine.clock.now() + timedelta(days=10_000)
        return min(reps, key=lambda rep: next(iter(times.get(rep.admin_id, [])), never))

    async def _zone(self, reps: list[Rep]) -> ZoneInfo:
        """Where the first of them works."""
        if not reps:
            return ZoneInfo('UTC')
        return (await self.parts.service.availability.find(reps[0].admin_id, 'sales')).hours.zone
